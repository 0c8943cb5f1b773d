package term

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		p := &Progress{out: &out, live: true, width: func() int { return 70 }}
		p.Update(Mark{File: "ufw.log", Read: 1_000_000, Total: 4_000_000, Lines: 5000})
		stop := p.Start()
		time.Sleep(1050 * time.Millisecond)
		synctest.Wait()
		drawn := strings.Split(out.String(), eraseLine)[1:]
		if len(drawn) != 5 {
			t.Errorf("drawn %d times in a second: %q", len(drawn), drawn)
		}
		want := " 25 %  1.0 MB of 4.0 MB  5.0 k lines/s  3 s left  ufw.log"
		if got := drawn[len(drawn)-1]; got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}

		// A log line takes the progress line away and is not erased itself.
		out.Reset()
		fmt.Fprintln(p.Writer(), "level=WARN msg=rotated")
		fmt.Fprintln(p.Writer(), "level=WARN msg=again")
		if got := out.String(); got != eraseLine+"level=WARN msg=rotated\nlevel=WARN msg=again\n" {
			t.Errorf("log over progress: %q", got)
		}

		// A file's name is from outside, and long.
		out.Reset()
		p.Update(Mark{File: "\x1b[2J" + strings.Repeat("x", 500), Read: 5, Total: 4, Lines: 1})
		time.Sleep(redraw)
		synctest.Wait()
		line := strings.TrimPrefix(out.String(), eraseLine)
		if strings.Contains(line, "\x1b") || Columns(line) > 69 || !strings.HasPrefix(line, "100 %") {
			t.Errorf("hostile name: %q", line)
		}

		out.Reset()
		stop()
		stop()
		if got := out.String(); got != eraseLine {
			t.Errorf("stopped: %q", got)
		}
		out.Reset()
		time.Sleep(time.Hour) // synctest fails if the goroutine is still there at the end
		if out.Len() > 0 {
			t.Errorf("drawn after the end: %q", &out)
		}
	})
}

func TestProgressUnknownTotal(t *testing.T) {
	if got := (Mark{Read: 1500, Lines: 10}).line(2 * time.Second); got != "1.5 kB  5 lines/s" {
		t.Errorf("got %q", got)
	}
	if got := (Mark{Read: 1, Total: 1 << 62}).line(time.Hour); strings.Contains(got, "left") {
		t.Errorf("an estimate of ages: %q", got)
	}
}

func TestProgressOnlyOnTerminal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stderr")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := NewProgress(f)
	stop := p.Start()
	p.Update(Mark{Read: 1, Total: 2})
	p.draw()
	if _, err := io.WriteString(p.Writer(), "log\n"); err != nil {
		t.Fatal(err)
	}
	stop()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != "log\n" {
		t.Errorf("a file got %q, %v", got, err)
	}
}

func TestProgressOnTerminal(t *testing.T) {
	t.Setenv("TERM", "xterm")
	p := NewProgress(terminal(t))
	if !p.live || p.width() < 1 {
		t.Errorf("live %v, width %d", p.live, p.width())
	}
}
