package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A book keeps what is logged.
type book struct {
	slog.Handler
	buf *bytes.Buffer
}

func newBook() *book {
	b := &book{buf: new(bytes.Buffer)}
	b.Handler = slog.NewTextHandler(b.buf, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	return b
}

// take returns the lines since the last call.
func (b *book) take() []string {
	defer b.buf.Reset()
	return strings.FieldsFunc(b.buf.String(), func(r rune) bool { return r == '\n' })
}

func (b *book) expect(t *testing.T, when string, want ...string) {
	t.Helper()
	got := b.take()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s: got\n%s\nwant\n%s", when, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestVoiceTellsALastingProblem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newBook()
		v := NewVoice(slog.New(log))
		down := errors.New("connection refused")
		v.Problem("store", "the store takes nothing", down, "rows", 7)
		log.expect(t, "begin", `level=WARN msg="the store takes nothing" rows=7 error="connection refused"`)
		v.Problem("checkpoint", "the checkpoint cannot be written", nil)
		log.expect(t, "another", `level=WARN msg="the checkpoint cannot be written"`)
		for range 59 {
			time.Sleep(time.Second)
			v.Problem("store", "the store takes nothing", down)
		}
		log.expect(t, "59 s")
		time.Sleep(time.Second)
		v.Problem("store", "the store takes nothing", down)
		log.expect(t, "1 min", `level=WARN msg="still: the store takes nothing" times=61 for=1m0s error="connection refused"`)
		var lines []string
		for range 3 * 60 * 60 {
			time.Sleep(time.Second)
			v.Problem("store", "the store takes nothing", down)
			for _, l := range log.take() {
				lines = append(lines, l[strings.Index(l, "times="):])
			}
		}
		want := []string{
			`times=661 for=11m0s error="connection refused"`, `times=4261 for=1h11m0s error="connection refused"`,
			`times=7861 for=2h11m0s error="connection refused"`,
		}
		if strings.Join(lines, "\n") != strings.Join(want, "\n") {
			t.Errorf("3 h: got\n%s", strings.Join(lines, "\n"))
		}
		v.Over("store")
		v.Over("store")
		v.Over("never heard of")
		log.expect(t, "over", `level=INFO msg="over: the store takes nothing" times=10861 after=3h1m0s`)
	})
}

func TestVoiceTellsAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newBook()
		v := NewVoice(slog.New(log))
		for i := range 10 {
			v.Problem("store", "m", fmt.Errorf("reason %d", i%2))
		}
		log.expect(t, "two texts in turn", `level=WARN msg=m error="reason 0"`, `level=WARN msg=m error="reason 1"`)
		for i := range 1000 {
			v.Problem("store", "m", fmt.Errorf("port %d", i))
		}
		if n := len(log.take()); n != maxTexts-2 {
			t.Errorf("1,000 texts: %d lines", n)
		}
	})
}

// What comes and goes every second is told at the intervals, and its last state is the true one.
func TestVoiceTellsWhatComesAndGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newBook()
		v := NewVoice(slog.New(log))
		for range 3600 {
			v.Problem("store", "m", nil)
			time.Sleep(500 * time.Millisecond)
			v.Over("store")
			time.Sleep(500 * time.Millisecond)
		}
		got := log.take()
		if len(got) != 6 || !strings.Contains(got[5], "over: m") || !strings.Contains(got[4], "times=661") {
			t.Errorf("%d lines:\n%s", len(got), strings.Join(got, "\n"))
		}
		time.Sleep(2 * time.Minute)
		v.Problem("store", "m", nil)
		log.expect(t, "later", `level=WARN msg=m`)
	})
}

func TestVoiceIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newBook()
		v := NewVoice(slog.New(log))
		for i := range 5 * maxProblems {
			v.Problem(fmt.Sprint("file ", i), "m", nil)
		}
		if n := len(log.take()); n != maxProblems+1 || len(v.open) != maxProblems+1 {
			t.Errorf("%d lines, %d remembered", n, len(v.open))
		}
		for i := range 5 * maxProblems {
			v.Over(fmt.Sprint("file ", i))
		}
		time.Sleep(2 * time.Minute)
		log.take()
		v.Problem("new", "m", nil)
		if len(v.open) != 2 { // new, and the others
			t.Errorf("%d remembered", len(v.open))
		}
	})
}

func TestVoiceFromManyGoroutines(t *testing.T) {
	v := quiet()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 1000 {
				v.Problem(fmt.Sprint(n%7), "m", errors.New("x"), "i", i)
				v.Over(fmt.Sprint(n % 5))
			}
		})
	}
	wg.Wait()
}
