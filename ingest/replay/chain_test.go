package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailstop/event"
)

// A ledgerFake is a store: extents, and how often each line was stored.
type ledgerFake struct {
	extents []event.Extent
	rows    map[string]int
	stored  int // extents that were sent
}

func (l *ledgerFake) lookup(_ context.Context, parent string) ([]event.Extent, error) {
	var found []event.Extent
	for _, e := range slices.Backward(l.extents) {
		if e.Parent == parent {
			found = append(found, e)
		}
	}
	return found, nil
}

// plan writes an extent down as the pipeline does before it sends the rows.
func (l *ledgerFake) plan(e event.Extent) {
	if !slices.ContainsFunc(l.extents, func(k event.Extent) bool { return k.Token == e.Token }) {
		l.extents = append(l.extents, e)
	}
}

func (l *ledgerFake) store(e event.Extent, rows []string) {
	l.plan(e)
	for i := range l.extents {
		if l.extents[i].Token != e.Token || l.extents[i].Stored {
			continue
		}
		l.extents[i].Stored = true
		l.stored++
		for _, r := range rows {
			if l.rows == nil {
				l.rows = map[string]int{}
			}
			l.rows[r]++
		}
	}
}

// replay runs one replay. After crash extents (never if negative) it stops, with one more planned.
func (l *ledgerFake) replay(t *testing.T, o Options, crash int, args ...string) (extents []event.Extent) {
	t.Helper()
	o.Ledger = l.lookup
	s := source(t, o, nil, args...)
	var rows []string
	from, parent, source := int64(0), o.root(), ""
	for {
		b, err := s.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		if b.Part.Source != source {
			if len(rows) > 0 {
				t.Fatalf("%s: lines in no extent", source)
			}
			from, parent, source = 0, o.root(), b.Part.Source
		}
		rows = append(rows, slices.Collect(strings.Lines(string(b.Data)))...)
		for i := range rows {
			rows[i] = strings.TrimSuffix(rows[i], "\n")
		}
		if e := b.Extent; e != nil {
			if e.From != from || e.To != b.To || e.Parent != parent || e.Source != source || e.Token == "" {
				t.Fatalf("extent %+v behind %d, batch to %d", *e, from, b.To)
			}
			extents = append(extents, *e)
			from, parent = e.To, e.Token
			if crash == 0 {
				l.plan(*e)
				return extents
			}
			crash--
			if !e.Stored {
				l.store(*e, rows)
			}
			rows = nil
		}
		b.Done()
	}
	if len(rows) > 0 {
		t.Fatalf("%s: lines in no extent", source)
	}
	return extents
}

// check says whether each line of text is stored exactly once, and nothing else is. Its lines must differ.
func (l *ledgerFake) check(t *testing.T, text string) {
	t.Helper()
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSuffix(line, "\n")
		if l.rows[line] != 1 {
			t.Fatalf("line %d, %.50q, is stored %d times", n, line, l.rows[line])
		}
	}
	if len(l.rows) != n {
		t.Errorf("%d lines are stored, not %d", len(l.rows), n)
	}
}

func packets(n, from int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "Jan  5 10:00:00 fw kernel: packet %08d\n", from+i)
	}
	return b.String()
}

func small() Options {
	o := Default()
	o.BlockSize = minBlock
	o.ExtentSize = 300_000
	return o
}

func TestReplayTwice(t *testing.T) {
	text := packets(50_000, 0)
	var l ledgerFake
	p := put(t, t.TempDir(), "a.log", text)
	first := l.replay(t, small(), -1, p)
	l.check(t, text)
	if want := len(text)/300_000 + 1; len(first) != want {
		t.Errorf("%d extents, not %d", len(first), want)
	}
	for _, e := range first[:len(first)-1] {
		if n := e.To - e.From; n > 300_000 || n < 299_900 || text[e.To-1] != '\n' || e.Stored {
			t.Errorf("extent %+v", e)
		}
	}
	second := l.replay(t, small(), -1, p)
	if !allStored(second) || len(second) != len(first) {
		t.Errorf("the second time: %+v", second)
	}
	l.check(t, text)
	if other := l.replay(t, func() Options { o := small(); o.Host = "web-2"; return o }(), -1, p); other[0].Stored {
		t.Error("another host, and still taken for stored")
	}
}

func allStored(es []event.Extent) bool {
	return !slices.ContainsFunc(es, func(e event.Extent) bool { return !e.Stored })
}

func TestMoved(t *testing.T) {
	text := packets(40_000, 0)
	var l ledgerFake
	dir := t.TempDir()
	l.replay(t, small(), -1, put(t, dir, "ufw.log", text))
	var members []byte
	for i := 0; i < len(text); i += 1_000_001 {
		members = append(members, gz(t, text[i:min(i+1_000_001, len(text))])...)
	}
	for name, content := range map[string][]byte{
		"ufw.log.1": []byte(text), "ufw.log.2.gz": gz(t, text), "members": members, "x.zst": zst(t, text), "x.xz": xzip(t, text),
	} {
		if es := l.replay(t, small(), -1, put(t, dir, name, content)); !allStored(es) {
			t.Errorf("%s: %+v", name, es)
		}
	}
	for _, o := range []Options{Default(), {BlockSize: 777_777, ExtentSize: 100_000}, {BlockSize: minBlock, ExtentSize: 5}} {
		if es := l.replay(t, o, -1, filepath.Join(dir, "ufw.log.1")); !allStored(es) {
			t.Errorf("%d, %d: %+v", o.BlockSize, o.ExtentSize, es)
		}
	}
	l.check(t, text)
}

func TestGrown(t *testing.T) {
	for _, steps := range [][]int{{1, 2, 3}, {7000, 7001, 9000}, {100, 10_000, 40_000}, {6000, 30_000, 30_000}} {
		var l ledgerFake
		dir := t.TempDir()
		var text string
		for i, n := range steps {
			text = packets(n, 0)
			before := l.stored
			es := l.replay(t, small(), -1, put(t, dir, fmt.Sprintf("ufw.log.%d", i), text))
			l.check(t, text)
			if i > 0 && n > steps[i-1] && l.stored == before {
				t.Errorf("%v: nothing new is stored: %+v", steps, es)
			}
		}
		if es := l.replay(t, small(), -1, put(t, dir, "packed", gz(t, text))); !allStored(es) {
			t.Errorf("%v: %+v", steps, es)
		}
	}
}

// A file ends within a line, then it grows.
func TestHalfLine(t *testing.T) {
	text := packets(10_000, 0)
	whole := strings.TrimSuffix(text, "\n")
	half := whole[:len(whole)-4]
	for name, c := range map[string]struct {
		before, after string
		twice         bool
	}{
		"only the line end was missing": {whole, text, false},
		"and more came":                 {whole, text + packets(10, 20_000), false},
		"the line end was lost":         {text, whole, false},
		"half a line":                   {half, text + packets(10, 20_000), true},
		"an open line alone":            {"alone", "alone\nmore\n", false},
		"half a line alone":             {"al", "alone\nmore\n", true},
		"CR was there":                  {"alone\r", "alone\r\nmore\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			var l ledgerFake
			p := put(t, t.TempDir(), "x.log", c.before)
			l.replay(t, small(), -1, p)
			l.check(t, c.before)
			must(t, os.WriteFile(p, []byte(c.after), 0o600))
			l.replay(t, small(), -1, p)
			if c.twice {
				// The half line stays, beside the whole one: no line is lost, and no whole line is there twice.
				lines := strings.Split(c.before, "\n")
				last := lines[len(lines)-1]
				if l.rows[last] != 1 {
					t.Errorf("the half line is stored %d times", l.rows[last])
				}
				delete(l.rows, last)
			}
			l.check(t, c.after)
			if es := l.replay(t, small(), -1, p); !allStored(es) {
				t.Errorf("once more: %+v", es)
			}
		})
	}
}

// A copy that was cut short is stored between two replays of the whole.
func TestPrefix(t *testing.T) {
	text := packets(40_000, 0)
	dir := t.TempDir()
	head := put(t, dir, "head.log", packets(1000, 0))
	whole := put(t, dir, "whole.log", text)
	for name, args := range map[string][]string{"head first": {head, whole, head, whole}, "cut gz": {"", whole, "", whole}} {
		t.Run(name, func(t *testing.T) {
			var l ledgerFake
			for _, a := range args {
				if a == "" {
					packed := gz(t, text)
					a = put(t, dir, "cut.gz", packed[:len(packed)/2])
				}
				l.replay(t, small(), -1, a)
			}
			twice := 0
			for _, n := range l.rows {
				if n > 1 {
					twice++
				}
			}
			if twice > 0 {
				t.Errorf("%d lines are stored twice", twice)
			}
		})
	}
	t.Run("whole first", func(t *testing.T) {
		var l ledgerFake
		l.replay(t, small(), -1, whole)
		stored := l.stored
		l.replay(t, small(), -1, head) // unknown that it is the start of something: stored again
		if l.stored != stored+1 {
			t.Errorf("%d extents of the head are stored", l.stored-stored)
		}
		if es := l.replay(t, small(), -1, whole); !allStored(es) {
			t.Errorf("the whole is no longer recognised: %+v", es)
		}
	})
}

// Each run dies in the middle; the extent that was planned but perhaps not stored is met again, even by other settings.
func TestCrashes(t *testing.T) {
	text := packets(60_000, 0)
	var l ledgerFake
	dir := t.TempDir()
	p := put(t, dir, "a.log", text[:1_500_000])
	l.replay(t, small(), 2, p)
	planned := l.extents[len(l.extents)-1]
	if planned.Stored {
		t.Fatal("the last extent is stored")
	}
	other := Options{BlockSize: 999_999, ExtentSize: 50_000}
	es := l.replay(t, other, 4, put(t, dir, "b.log.gz", gz(t, text)))
	if !slices.ContainsFunc(es, func(e event.Extent) bool { return e.Token == planned.Token && e.To == planned.To && !e.Stored }) {
		t.Errorf("the planned extent does not come again: %+v", es)
	}
	l.replay(t, Default(), 5, p)
	l.replay(t, Default(), -1, p)
	l.replay(t, small(), -1, put(t, dir, "c.log", text))
	delete(l.rows, text[strings.LastIndex(text[:1_500_000], "\n")+1:1_500_000]) // the half line where the copy ended
	l.check(t, text)
}

func TestRandomLives(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 3))
		text := packets(20_000, 0)
		if seed%3 == 0 { // some lines are too long
			text = text[:100_016] + "\n" + strings.Repeat("L", 200_000) + "\n" + text[100_016:]
		}
		var l ledgerFake
		dir := t.TempDir()
		at := 0
		for at < len(text) {
			at = min(at+r.IntN(len(text)/3), len(text))
			at = strings.LastIndex(text[:at], "\n") + 1
			if r.IntN(6) == 0 {
				at = len(text)
			}
			content := []byte(text[:at])
			if r.IntN(2) == 0 {
				content = gz(t, text[:at])
			}
			o := Options{BlockSize: minBlock + r.IntN(400_000), ExtentSize: 1 + r.Int64N(700_000)}
			crash := r.IntN(5) - 1
			if at == len(text) {
				crash = -1
			}
			l.replay(t, o, crash, put(t, dir, "x.log", content))
		}
		want := map[string]bool{}
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			want[line[:min(len(line), maxLine+1)]] = true
		}
		for line := range want {
			if l.rows[line] != 1 {
				t.Fatalf("seed %d: %.60q is stored %d times", seed, line, l.rows[line])
			}
		}
		if len(l.rows) != len(want) {
			t.Fatalf("seed %d: %d lines are stored, not %d", seed, len(l.rows), len(want))
		}
	}
}

// Tokens are a function of content and settings: not of blocks, packing or speed.
func TestTokensAreStable(t *testing.T) {
	text := packets(5000, 0) + strings.Repeat("L", 150_000) + "\n" + packets(5000, 5000) + "open"
	p := put(t, t.TempDir(), "x.log", text)
	var want []event.Extent
	for i, size := range []int{minBlock, 150_001, 256 << 10, 4 << 20} {
		o := small()
		o.BlockSize = size
		var l ledgerFake
		got := l.replay(t, o, -1, p)
		if i == 0 {
			want = got
		} else if !slices.Equal(got, want) {
			t.Errorf("blocks of %d: %+v, want %+v", size, got, want)
		}
		o.Ledger = (&ledgerFake{}).lookup
		s := source(t, o, &trickle{rand.New(rand.NewPCG(1, 1)), text}, "-")
		var streamed []event.Extent
		for {
			b, err := s.Next(t.Context())
			if errors.Is(err, io.EOF) {
				break
			}
			must(t, err)
			if b.Extent != nil {
				e := *b.Extent
				e.Source = p
				streamed = append(streamed, e)
			}
			b.Done()
		}
		if !slices.Equal(streamed, want) {
			t.Errorf("streamed: %+v, want %+v", streamed, want)
		}
	}
	changed := bytes.Replace([]byte(text), []byte("LLL\n"), []byte("LlL\n"), 1)
	var l ledgerFake
	if got := l.replay(t, small(), -1, put(t, t.TempDir(), "x.log", changed)); slices.ContainsFunc(got, func(e event.Extent) bool {
		return e.Token == want[len(want)-1].Token
	}) {
		t.Error("a change in what is left out of a long line does not show")
	}
}

func TestLedgerFails(t *testing.T) {
	o := Default()
	// A connection that breaks says io.EOF, which must not pass for the end of the input.
	for _, down := range []error{errors.New("store is down"), io.EOF} {
		o.Ledger = func(context.Context, string) ([]event.Extent, error) { return nil, down }
		s := source(t, o, nil, put(t, t.TempDir(), "x.log", "one\n"))
		_, err := s.Next(t.Context())
		if err == nil || errors.Is(err, io.EOF) || down != io.EOF && !errors.Is(err, down) { //nolint:errorlint // a plain value
			t.Fatal(err)
		}
	}
}

func TestRoot(t *testing.T) {
	a := Default()
	seen := map[string]bool{a.root(): true}
	for _, f := range []func(*Options){
		func(o *Options) { o.Host = "web-1" }, func(o *Options) { o.Settings = "x" },
	} {
		o := a
		f(&o)
		if seen[o.root()] {
			t.Errorf("%+v has the token of other settings", o)
		}
		seen[o.root()] = true
	}
	// What only says how the bytes are read must not make them be stored twice.
	a.BlockSize, a.ExtentSize, a.Year, a.Format, a.Zone = minBlock, 1, 2026, event.Netfilter, time.UTC
	if !seen[a.root()] {
		t.Error("sizes, or how stamps are read, change the token")
	}
}
