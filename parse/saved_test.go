package parse_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"mailstop/event"
	"mailstop/internal/state"
	"mailstop/parse"
	"mailstop/parse/exchange"
	"mailstop/parse/netfilter"
	"mailstop/parse/pfirewall"
	"mailstop/parse/syslog"
)

func savedTable() parse.Table {
	return parse.Table{
		Layers: []parse.Layer{syslog.Layer()},
		Kinds:  []parse.Kind{netfilter.Kind(nil), pfirewall.Kind(), exchange.Kind()},
	}
}

// resumed reads lines; before each one for which move says so, another session takes over from the saved state.
func resumed(t *testing.T, lines []string, start parse.State, move func(i int) bool) []event.Entry {
	t.Helper()
	s := parse.NewSession(savedTable(), event.FormatUnknown, "")
	s.Resume(start)
	var out []event.Entry
	for i, line := range lines {
		if move(i) {
			st := s.State()
			b, err := state.Save(nil, &st)
			if err != nil {
				t.Fatal(err)
			}
			var loaded parse.State
			if err := state.Load(b, &loaded); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(loaded, st) {
				t.Fatalf("before line %d: %+v, want %+v", i+1, loaded, st)
			}
			s = parse.NewSession(savedTable(), event.FormatUnknown, "")
			s.Resume(loaded)
		}
		var e event.Entry
		s.Parse(line, &e)
		out = append(out, e)
	}
	return out
}

// stamped returns lines around new year and a change of the clocks, with repeats.
func stamped() []string {
	var lines []string
	add := func(from time.Time, n int, step time.Duration) {
		for i := range n {
			at := from.Add(time.Duration(i) * step)
			lines = append(lines, fmt.Sprintf("%s fw kernel: [UFW BLOCK] IN= OUT=eth0 SRC=192.0.2.10 DST=203.0.113.%d LEN=60 TOS=0x00 PREC=0x00 "+
				"TTL=64 ID=1 DF PROTO=TCP SPT=40000 DPT=25 WINDOW=64240 RES=0x00 SYN URGP=0", at.Format(time.Stamp), i))
			if i%7 == 3 {
				lines = append(lines, at.Format(time.Stamp)+" fw last message repeated 3 times")
			}
		}
	}
	add(time.Date(2025, 10, 26, 1, 0, 0, 0, time.UTC), 20, 9*time.Minute)
	add(time.Date(2025, 10, 26, 2, 0, 0, 0, time.UTC), 20, 9*time.Minute) // the hour that comes twice, in Berlin
	add(time.Date(2025, 12, 31, 20, 0, 0, 0, time.UTC), 20, 27*time.Minute)
	return append(lines, "what is this", "", "\x00\x00")
}

// A session that goes on from a saved state reads on as if nothing had happened: years, the hour that comes twice, headers,
// repeated lines.
func TestSavedState(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	reference := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	logs := map[string][]string{"stamps": stamped()}
	for _, glob := range []string{"pfirewall/testdata/*.log", "exchange/testdata/*.log"} {
		files, err := filepath.Glob(glob)
		if err != nil || len(files) == 0 {
			t.Fatal(glob, err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			logs[name] = strings.Split(string(text), "\n")
		}
	}
	years := map[int]bool{}
	for name, lines := range logs {
		for zone, hints := range map[string]parse.Hints{
			"utc":    {Reference: reference},
			"berlin": {Zone: berlin, Reference: reference},
			"fixed":  {Zone: time.FixedZone("", -3600), Year: 2025},
			"live":   {Zone: berlin, Reference: reference, Live: true},
		} {
			start := parse.State{Clock: parse.NewClock(hints)}
			if !hints.Live && hints.Year == 0 {
				clock, err := parse.Plan(t.Context(), hints, parse.Sample{Head: strings.Join(lines, "\n"), Size: 1, Consumed: 1})
				if err != nil {
					t.Fatal(err)
				}
				start.Clock = clock
			}
			want := resumed(t, lines, start, func(int) bool { return false })
			for every := 1; every < 6; every += 2 {
				got := resumed(t, lines, start, func(i int) bool { return i%every == 0 })
				for i := range want {
					if !reflect.DeepEqual(got[i], want[i]) {
						t.Fatalf("%s, %s: line %d, moved every %d lines:\n got %+v\nwant %+v", name, zone, i+1, every, got[i], want[i])
					}
				}
			}
			for i := range want {
				years[want[i].When().Year()] = true
			}
		}
	}
	if !years[2025] || !years[2026] {
		t.Errorf("years %v: nothing was inferred", years)
	}
}
