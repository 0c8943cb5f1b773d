package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailstop/event"
	"mailstop/parse"
	"mailstop/parse/netfilter"
	"mailstop/parse/syslog"
)

// The committed samples tell the story that their README tells.
func TestSamplesTellTheStory(t *testing.T) {
	rotated, today := read(t, "web-1.ufw.log.1.gz"), read(t, "web-1.ufw.log")
	mx := read(t, "mx-1.kern.log")

	t.Run("only what the recorder damaged is not read", func(t *testing.T) {
		var bad []string
		for _, e := range slices.Concat(rotated, today, mx) {
			if e.Error != "" {
				bad = append(bad, e.Raw)
			}
		}
		if len(bad) != 3 || !strings.Contains(bad[0], "usb 1-1") || !strings.Contains(bad[1], "[UFW ") || bad[2] != strings.Repeat("\x00", 48) {
			t.Errorf("%q", bad)
		}
	})
	t.Run("web-1 loses submission at 08:12", func(t *testing.T) {
		const change = "2026-01-05T08:12"
		blocked, allowed := 0, 0
		for _, e := range append(rotated, today...) {
			if e.Error != "" || e.Direction != event.Out || e.DstPort != 587 {
				continue
			}
			switch at := e.When().Format("2006-01-02T15:04"); {
			case e.Action == event.Allow && at < change:
				allowed++
			case e.Blocked() && at >= change:
				blocked++
			case e.Action != event.Observe:
				t.Errorf("%v at %s: %s", e.Action, at, e.Raw)
			}
		}
		if allowed < 50 || blocked < 100 {
			t.Errorf("%d allowed, %d blocked", allowed, blocked)
		}
	})
	t.Run("mx-1 loses its answers at 14:10", func(t *testing.T) {
		dropped := 0
		for _, e := range mx {
			if e.SrcPort != 25 || !e.Blocked() {
				continue
			}
			dropped++
			if e.TCPFlags != event.SYN|event.ACK || e.Direction != event.In || e.When().Format("15:04") < "14:10" {
				t.Errorf("not a dropped answer: %s", e.Raw)
			}
		}
		if dropped < 50 {
			t.Errorf("%d answers dropped", dropped)
		}
	})
}

func TestSamplesAreSmall(t *testing.T) {
	files, err := filepath.Glob("../../../testdata/sample/*")
	if err != nil {
		t.Fatal(err)
	}
	total := int64(0)
	for _, f := range files {
		st, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		total += st.Size()
	}
	if total == 0 || total > 300<<10 {
		t.Errorf("%d bytes", total)
	}
}

func TestRender(t *testing.T) {
	s := newStory("mx-1", firstDay)
	s.lines = []line{{firstDay.Add(1234500 * time.Microsecond), "second"}, {firstDay.Add(time.Microsecond), "first "}}
	if got, want := string(s.render()), "Jan  4 00:00:00 mx-1 kernel: [    0.000001] first \n"+
		"Jan  4 00:00:01 mx-1 kernel: [    1.234500] second\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	s.long = true
	if got, want := string(s.render()), "2026-01-04T00:00:00.000001+00:00 mx-1 kernel: [    0.000001] first \n"; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// read parses a sample, from its first line to its last.
func read(t *testing.T, name string) []event.Entry {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../../testdata/sample", name))
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Ext(name) == ".gz" {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if data, err = io.ReadAll(z); err != nil {
			t.Fatal(err)
		}
	}
	table := parse.Table{Layers: []parse.Layer{syslog.Layer()}, Kinds: []parse.Kind{netfilter.Kind(nil)}}
	session := parse.NewSession(table, event.FormatUnknown, "")
	session.Resume(parse.State{Clock: parse.NewClock(parse.Hints{Year: 2026})})
	var out []event.Entry
	for text := range strings.Lines(string(data)) {
		var e event.Entry
		session.Parse(strings.TrimSuffix(text, "\n"), &e)
		out = append(out, e)
	}
	if len(out) < 100 {
		t.Fatalf("%s: %d lines", name, len(out))
	}
	return out
}
