package story

import (
	"strings"
	"testing"
	"time"

	"mailstop/event"
)

func TestParse(t *testing.T) {
	s, err := Parse(`
# A comment.
site servers=192.0.2.25,192.0.2.26 networks=10.0.0.0/8 ports=25,26
at 1s   drop in gw 203.0.113.9:53 → [2001:db8::1]:25 ×3 every 10s sources=2 dests=2 rule="a b # c" retry=1 flags=SYN+ACK
at 500ms observe out gw → 192.0.2.9:0 ×2 ports=53/udp,80 clock=2099-01-01T00:00:00Z
expect nothing above info # another
`)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Site.Servers) != 2 || len(s.Site.Networks) != 1 || len(s.Site.Ports) != 2 || len(s.Entries) != 8 {
		t.Fatalf("%+v", s)
	}
	first, second, third := s.Entries[0], s.Entries[1], s.Entries[2]
	if first.Proto != event.UDP || first.DstPort != 53 || first.Time != time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano() ||
		second.DstPort != 80 || second.Proto != event.TCP {
		t.Errorf("%+v\n%+v", first, second)
	}
	if third.Rule != "a b # c" || third.SrcPort != 53 || third.Dst.String() != "2001:db8::1" || third.TCPFlags != event.SYN|event.ACK ||
		third.Time != Start.Add(time.Second).UnixNano() || third.Line != 3 || !strings.Contains(third.Raw, "a b # c IN=eth0") {
		t.Errorf("%+v", third)
	}
	if again, next := s.Entries[3], s.Entries[4]; again.Time-third.Time != 1e9 || again.Src != third.Src ||
		next.Src == third.Src || next.Dst == third.Dst {
		t.Errorf("%+v\n%+v", again, next)
	}
}

func TestParseErrors(t *testing.T) {
	for _, text := range []string{
		"", "at 0s drop out h → 192.0.2.1:25", "expect", "expect x y", "at 0s drop out → 192.0.2.1:25\nexpect nothing",
		"at now drop out h → 192.0.2.1:25\nexpect nothing", "at 0s eat out h → 192.0.2.1:25\nexpect nothing",
		"at 0s drop up h → 192.0.2.1:25\nexpect nothing", "at 0s drop out h → host:25\nexpect nothing", "once upon a time",
		"at 0s drop out h → 192.0.2.1:25 much\nexpect nothing", "at 0s drop out h → 192.0.2.1:25 flags=BIG\nexpect nothing",
		"at 0s drop out h → 192.0.2.1:25 rule=\"a\nexpect nothing", "site planet=earth", "site servers=x",
	} {
		if _, err := Parse(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// What a story does not expect, or expects in vain, fails it.
func TestCheck(t *testing.T) {
	found := func() event.Finding {
		return event.Finding{
			ID: "0123456789abcdef", Kind: "k", Host: "h", Severity: event.High, Packets: 2, Attempts: 1, Summary: "all is lost",
			Cause:    event.Cause{Code: event.CauseUnknown, Text: "t", Confidence: event.Likely},
			Evidence: []string{"line"}, Where: []string{"f:1"}, First: Start, Last: Start,
		}
	}
	info := found()
	info.ID, info.Severity = "fedcba9876543210", event.Info
	for _, c := range []struct {
		expect string
		change func(*event.Finding)
		good   bool
	}{
		{"expect k host=h severity=high packets=2 summary~lost cause=unknown/likely", nil, true},
		{"expect k severity=high\nexpect k severity=info", nil, true},
		{"expect k severity=high host=x", nil, false},
		{"expect k severity=high summary=lost", nil, false},
		{"expect k severity=high colour=red", nil, false},
		{"expect k", nil, false}, // two match
		{"expect other", nil, false},
		{"expect nothing above info", nil, false},
		{"expect nothing", func(f *event.Finding) { f.Severity = event.Info }, false},
		{"expect nothing above info", func(f *event.Finding) { f.Severity = event.Info }, true},
		{"expect k severity=high", func(f *event.Finding) { f.ID = info.ID }, false},
		{"expect k severity=high", func(f *event.Finding) { f.ID = "short" }, false},
		{"expect k severity=high", func(f *event.Finding) { f.Where = nil }, false},
		{"expect k severity=high", func(f *event.Finding) { f.Summary = "\x1b[31m" }, false},
		{"expect k severity=high", func(f *event.Finding) { f.Last = f.First.Add(-1) }, false},
		{"expect k severity=high", func(f *event.Finding) { f.Attempts = 3 }, false},
		{"expect k severity=high", func(f *event.Finding) { f.Destinations = []string{"nowhere"} }, false},
	} {
		s, err := Parse(c.expect)
		if err != nil {
			t.Fatal(err)
		}
		f := found()
		if c.change != nil {
			c.change(&f)
		}
		if err := s.Check([]event.Finding{f, info}); (err == nil) != c.good {
			t.Errorf("%q: %v", c.expect, err)
		}
	}
}
