package parse

import (
	"errors"
	"strings"
	"testing"
	"time"

	"mailstop/event"
)

// fakeLayer takes a stamp, an x or an envelope's word off, and knows the note of a repeat.
type fakeLayer struct{}

func (fakeLayer) Unwrap(text string, r *Record) (string, bool) {
	if text == "last message repeated 3 times" {
		r.RepeatsLast = 3
		return "", true
	}
	if h, n := ScanHead(text); h.Stamped {
		r.SetTime(h.Stamp, text[h.At:])
		return strings.TrimPrefix(text[n:], " "), true
	}
	if rest, ok := strings.CutPrefix(text, "wrap "); ok {
		r.Reference = time.Date(2020, 6, 1, 0, 0, 0, 0, time.UTC).UnixNano()
		return rest, true
	}
	rest, ok := strings.CutPrefix(text, "x")
	return rest, ok
}

var errShort = errors.New("packet is short")

// fakeParser reads a word and takes the rest for the rule.
type fakeParser struct{ word string }

func (p fakeParser) Match(body string, _ *Record) bool { return strings.HasPrefix(body, p.word) }

func (p fakeParser) Parse(body string, e *Record) error {
	e.Rule = strings.TrimPrefix(body, p.word)
	if e.Rule == "" {
		return errShort
	}
	return nil
}

func fakeTable() Table {
	return Table{
		Layers: []Layer{{Name: "fake", New: func() Unwrapper { return fakeLayer{} }}},
		Kinds: []Kind{
			{Format: event.Format(1), New: func() Parser { return fakeParser{"packet"} }},
			{Format: event.Format(1), New: func() Parser { return fakeParser{"other"} }},
		},
	}
}

func newFake(host string) *Session {
	s := NewSession(fakeTable(), event.FormatUnknown, host)
	s.Resume(State{Clock: NewClock(Hints{Zone: time.UTC, Reference: time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)})})
	return s
}

func TestSession(t *testing.T) {
	s := newFake("fw") // for all lines: what a line leaves behind must not spoil the next one
	long := "packet" + strings.Repeat("a", event.MaxRaw)
	for _, tt := range []struct {
		line, rule, err string
		count           uint32
	}{
		// Lines that are read, also after an error.
		{"Jan  5 10:11:12 packet one", " one", "", 1},
		{"packet", "", "packet is short", 1},
		{"other two", " two", "", 1},
		{"Jan  5 10:11:13 nothing", "", "not a firewall entry", 1},
		// Line ends, NUL bytes, a byte order mark.
		{"packet three\r", " three", "", 1},
		{"\x00\x00packet four\x00", " four", "", 1},
		{"\uFEFFpacket five", " five", "", 1},
		{"", "", "", 1},
		{"\x00\x00\r", "", "nothing but NUL bytes", 1},
		{"\r", "", "", 1},
		// Layers: up to four are taken off.
		{"xxxxpacket six", " six", "", 1},
		{"xxxxxpacket six", "", "not a firewall entry", 1},
		// Too long: cut, but read as far as it goes.
		{long, long[len("packet"):event.MaxRaw], "line longer than 64 KiB, cut", 1},
		// Repeats: of the line before, of a repeat, of a line that could not be read.
		{"Jan  5 10:11:12 packet seven", " seven", "", 1},
		{"Jan  5 10:11:15 last message repeated 3 times", " seven", "", 3},
		{"Jan  5 10:11:16 last message repeated 3 times", " seven", "", 3},
		{"nothing", "", "not a firewall entry", 1},
		{"last message repeated 3 times", "", "not a firewall entry", 3},
	} {
		var e event.Entry
		s.Parse(tt.line, &e)
		if e.Rule != tt.rule || e.Error != tt.err || e.Count != tt.count || e.Host != "fw" {
			t.Errorf("%.60q\n got %.60q %q %d %q", tt.line, e.Rule, e.Error, e.Count, e.Host)
		}
		if want := tt.line[:min(len(tt.line), event.MaxRaw)]; e.Raw != want {
			t.Errorf("%.60q: raw is %.60q", tt.line, e.Raw)
		}
	}
}

func TestSessionRepeatOfNothing(t *testing.T) {
	s := newFake("")
	var e event.Entry
	s.Parse("Jan  5 10:11:15 last message repeated 3 times", &e)
	if e.Error != ErrRepeat.Error() || e.When() != time.Date(2026, 1, 5, 10, 11, 15, 0, time.UTC) {
		t.Error(e.Error, e.When())
	}
}

func TestSessionRepeatKeepsItsOwnTime(t *testing.T) {
	s := newFake("")
	s.Received(77)
	var e event.Entry
	s.Parse("Dec 31 23:59:59 packet", &e)
	s.Parse("Jan  1 00:00:30 last message repeated 3 times", &e)
	if got := e.When().Format(time.RFC3339); got != "2026-01-01T00:00:30Z" {
		t.Error(got)
	}
	if e.Line != 2 || e.Received != 77 || e.Raw != "Jan  1 00:00:30 last message repeated 3 times" {
		t.Errorf("%+v", e)
	}
}

// Only the stamp at the head of a line moves the clock: Skim sees no other.
func TestSessionInnerStampsDoNotMoveTheClock(t *testing.T) {
	var e event.Entry
	for _, line := range []string{"wrap Jul  1 10:00:00 packet", "xJul  1 10:00:00 packet", "wrap 2019-07-01T10:00:00Z packet"} {
		s := newFake("")
		s.Parse("Dec 31 10:00:00 packet", &e)
		before := s.State().Clock
		s.Parse(line, &e)
		if got := s.State().Clock; got != before {
			t.Errorf("%s\n got %+v\nwant %+v", line, got, before)
		}
	}
	s := newFake("")
	s.Parse("2020-01-01T10:00:00Z Dec 31 10:00:00 packet", &e)
	if got := e.When().Format(time.RFC3339); got != "2019-12-31T10:00:00Z" {
		t.Error(got)
	}
}

func TestStateSkimIsParsing(t *testing.T) {
	lines := []string{
		"Dec 31 23:59:59 packet one", "Jan  1 00:00:30 last message repeated 3 times", "", "Jan  1 00:00:30 last message repeated 3 times",
		"xJul  1 10:00:00 packet two", "Jan  1 00:00:31 packet three", strings.Repeat("long", event.MaxRaw/4+1), "\r",
		"wrap last message repeated 3 times", "wrap last message repeated 3 times", "Jan  1 00:00:32 packet four",
	}
	for i := range len(lines) + 1 {
		for _, end := range []string{"\n", ""} {
			whole, block := newFake(""), strings.Join(lines[:i], "\n")+end
			if i == 0 {
				block = ""
			}
			if strings.HasSuffix(strings.TrimSuffix(block, end), "\n") && end == "" || block == "" && i > 0 {
				continue // a block does not end in an empty line without its line end
			}
			skimmed := whole.State()
			skimmed.Skim(block)
			var want, got event.Entry
			for _, l := range lines[:i] {
				whole.Parse(l, &want)
			}
			if st := whole.State(); skimmed.Last != st.Last || skimmed.Line != st.Line {
				t.Fatalf("after %d lines: skimmed %.40q %d, parsed %.40q %d", i, skimmed.Last, skimmed.Line, st.Last, st.Line)
			}
			other := newFake("")
			other.Resume(skimmed)
			for _, l := range lines[i:] {
				whole.Parse(l, &want)
				other.Parse(l, &got)
				if got != want {
					t.Fatalf("after %d lines, %.40q:\n got %+v\nwant %+v", i, l, got, want)
				}
			}
		}
	}
}

func TestSessionTrace(t *testing.T) {
	s := newFake("")
	var steps []Step
	s.Trace(func(st Step) { steps = append(steps, st) })
	var e event.Entry
	s.Parse("Jan  5 10:11:12 packet", &e)
	want := []Step{
		{Layer: "fake", Took: "Jan  5 10:11:12 ", Body: "packet"},
		{Layer: "netfilter", Took: "packet", Note: "packet is short"},
	}
	if len(steps) != 2 || steps[0] != want[0] || steps[1] != want[1] {
		t.Errorf("%+v", steps)
	}
}

func TestSessionAllocatesNothing(t *testing.T) {
	s := newFake("fw")
	var e event.Entry
	if n := testing.AllocsPerRun(100, func() {
		s.Parse("Jan  5 10:11:12 packet one", &e)
		s.Parse("Jan  5 10:11:12 last message repeated 3 times", &e)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The byte that a byte order mark begins with begins other characters, too.
func TestHeaderAfterMark(t *testing.T) {
	for line, want := range map[string]bool{
		"\uFEFF#Fields: a": true, "\x00\x00#Fields: a": true, "\x00\uFEFF#Fields: a": true,
		"\xef": false, "\xefN": false, "\uFF41#Fields: a": false, "\uFEFF\uFEFF#": false, "\uFEFF": false, "\x00\x00": false,
	} {
		if got := isHeader(line); got != want {
			t.Errorf("isHeader(%q) = %t, want %t", line, got, want)
		}
	}
}

// NUL bytes behind the headers of a Windows log are where it has not been written yet; elsewhere something is lost.
func TestNULRuns(t *testing.T) {
	s := newFake("fw")
	var e event.Entry
	s.Parse("\x00\x00", &e)
	if e.Error == "" || e.Note != "" {
		t.Errorf("without a header: error %q, note %q", e.Error, e.Note)
	}
	s.Parse("#Fields: date time action", &e)
	s.Parse(strings.Repeat("\x00", 1<<20), &e)
	if e.Error != "" || e.Note != event.NoteEmpty {
		t.Errorf("behind a header: error %q, note %q", e.Error, e.Note)
	}
}
