package pftext

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailstop/event"
	"mailstop/internal/golden"
	"mailstop/parse"
	"mailstop/parse/syslog"
)

// session returns one that also knows syslog's headers, which must leave tcpdump's stamps alone.
func session() *parse.Session {
	s := parse.NewSession(parse.Table{Layers: []parse.Layer{syslog.Layer()}, Kinds: []parse.Kind{Kind()}}, event.FormatUnknown, "")
	s.Resume(parse.State{Clock: parse.NewClock(parse.Hints{Reference: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)})})
	return s
}

func TestGolden(t *testing.T) {
	s := session()
	golden.Files(t, "testdata/*.log", func(line string) []byte {
		var e event.Entry
		s.Parse(line, &e)
		return e.AppendJSON(nil)
	})
}

func read(line string) (event.Entry, error) {
	var e event.Entry
	err := parser{}.Parse(line, &parse.Record{Entry: &e, Clock: new(parse.Clock)})
	return e, err
}

func testLines(t testing.TB) []string {
	t.Helper()
	logs, err := filepath.Glob("testdata/*.log")
	if err != nil || len(logs) == 0 {
		t.Fatal("no test data", err)
	}
	var lines []string
	for _, log := range logs {
		for line := range golden.Lines(t, log) {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestMatch(t *testing.T) {
	for body, want := range map[string]bool{
		"rule 4/(match) block in on em0: ":                               true,
		"rule 4/0(match): block in on em0: ":                             true,
		"rule /0(match): block in on em0: ":                              true,
		"rule def/(short) block in":                                      true,
		"rule 4/unkn(17): block":                                         true,
		"rule 2.a/b 1/2.3/0(":                                            true,
		"Jan 05 10:11:12.345678 rule 4/0(match)":                         true,
		"Apr 05 10:11:12.345678 rule 4/0(match)":                         true,
		"Mar  5 10:11:12.345678 rule 4/0(match)":                         true,
		"2026-01-05 10:11:12.345678 rule 4/0(match)":                     true,
		"1767604272.345678 rule 4/0(match)":                              true,
		" 00:00:00.012345 rule 4/0(match)":                               true,
		"-00:00:00.012345 rule 4/0(match)":                               true,
		"pf: 00:00:00.012345 rule 4/0(match)":                            true,
		"rule 4: block in on em0":                                        false,
		"rule x/0(match): block":                                         false,
		"rule 4/match: block":                                            false,
		"rules 4/0(match): block":                                        false,
		"drop rule 4/0(match): block":                                    false,
		"Jax 05 10:11:12.345678 rule 4/0(match)":                         false,
		"firewall rule 4/0(match): block":                                false,
		"203.0.113.9.51234 > 192.0.2.25.25: Flags [S]":                   false,
		"rule " + strings.Repeat("4", 80) + "/0(match): block in on em0": false,
		"pflog 1767604272.345678 117 le 84 3d02":                         false,
		"":                                                               false,
	} {
		if got := (parser{}).Match(body, nil); got != want {
			t.Errorf("Match(%q) = %t, want %t", body, got, want)
		}
	}
}

// The same packet under each of the time options: those that tell no date give no time.
func TestTimes(t *testing.T) {
	const packet = "rule 4/0(match): block in on em0: 203.0.113.9.51234 > 192.0.2.25.25: Flags [S], seq 1, win 64240, length 0"
	const header = "Jan  5 10:11:13 fw pflogd[1]: "
	for _, tt := range []struct{ line, when string }{
		{packet, ""},
		{"10:11:12.345678 " + packet, ""},
		{" 00:00:00.012345 " + packet, ""},
		{"-00:00:00.012345 " + packet, ""},
		{"00:00:00.012345678 " + packet, ""},
		{"0.012345 " + packet, ""},
		{"12345.012345 " + packet, ""},
		{"1767604272.345678 " + packet, "2026-01-05T09:11:12.345678Z exact"},
		{"1767604272.345678912 " + packet, "2026-01-05T09:11:12.345678912Z exact"},
		{"Jan 05 10:11:12.345678 " + packet, "2026-01-05T10:11:12.345678Z inferred_year"},
		{"2026-01-05 10:11:12.345678 " + packet, "2026-01-05T10:11:12.345678Z assumed_zone"},
		{"2026-01-05 10:11:12.345678912 " + packet, "2026-01-05T10:11:12.345678912Z assumed_zone"},
		{header + packet, "2026-01-05T10:11:13Z inferred_year"},
		{header + "00:00:00.012345 " + packet, "2026-01-05T10:11:13Z inferred_year"},
		{header + "10:11:12.345678 " + packet, "2026-01-05T10:11:13Z inferred_year"},
		{header + "2026-01-05 10:11:12.345678 " + packet, "2026-01-05T10:11:12.345678Z assumed_zone"},
	} {
		var e event.Entry
		session().Parse(tt.line, &e)
		got := ""
		if e.TimeQuality != event.TimeNone {
			got = string(event.AppendTime(nil, e.Time, e.TimeDigits)) + " " + e.TimeQuality.String()
		}
		if tt.when != got || e.Error != "" || e.DstPort != 25 || e.IfaceIn != "em0" {
			t.Errorf("%s\n got %s, want %s; %+v", tt.line, got, tt.when, e)
		}
	}
}

// Skimming a block leaves the clock as parsing it does: a session that starts in the middle dates its lines alike.
func TestTimesWhenSkimmed(t *testing.T) {
	const packet = "rule 4/0(match): block in on em0: 203.0.113.9.51234 > 192.0.2.25.25: Flags [S], seq 1, win 64240, length 0"
	const last = "Feb 01 00:00:00.000000 " + packet
	for _, stamp := range []string{
		"", "10:11:12.345678 ", " 00:00:00.012345 ", "1483228800.345678 ", "1483228800.345678912 ", "Dec 31 10:11:12.345678 ",
		"2017-01-05 10:11:12.345678 ",
	} {
		parsed := session()
		var e event.Entry
		parsed.Parse(stamp+packet, &e)
		state := session().State()
		state.Skim(stamp + packet + "\n")
		skimmed := session()
		skimmed.Resume(state)
		var one, two event.Entry
		parsed.Parse(last, &one)
		skimmed.Parse(last, &two)
		if one.Time != two.Time || one.TimeQuality != two.TimeQuality {
			t.Errorf("behind %q: %v %v when parsed, %v %v when skimmed", stamp, one.When(), one.TimeQuality, two.When(), two.TimeQuality)
		}
	}
}

// A line that lost its end may lose values, but never gets other ones.
func TestCutLine(t *testing.T) {
	for _, line := range testLines(t) {
		if !(parser{}).Match(line, nil) {
			continue
		}
		whole, wrong := read(line)
		if errors.Is(wrong, errFlags) {
			continue // the start of such a line could be of anything that UDP carries
		}
		for n := range len(line) {
			if !(parser{}).Match(line[:n], nil) {
				continue
			}
			cut, err := read(line[:n])
			for _, v := range []struct {
				name      string
				has       event.Has
				got, want any
			}{
				{"source port", event.HasSrcPort, cut.SrcPort, whole.SrcPort},
				{"destination port", event.HasDstPort, cut.DstPort, whole.DstPort},
				{"flags", event.HasTCPFlags, cut.TCPFlags, whole.TCPFlags},
				{"protocol", event.HasProto, cut.Proto, whole.Proto},
				{"type", event.HasICMPType, cut.ICMPType, whole.ICMPType},
				{"length", event.HasLength, cut.Length, whole.Length},
				{"ttl", event.HasTTL, cut.TTL, whole.TTL},
				{"user", event.HasUID, cut.UID, whole.UID},
			} {
				if v.name == "protocol" && strings.Contains(line, "ip-proto-") {
					continue // a fragment's line ends in the number
				}
				if cut.Is(v.has) && (v.got != v.want || !whole.Is(v.has)) && !strings.Contains(line, "urg 7") {
					t.Errorf("%q: %s %v, want none or %v", line[:n], v.name, v.got, v.want)
				}
			}
			if cut.Src.IsValid() && cut.Src != whole.Src || cut.Dst.IsValid() && cut.Dst != whole.Dst ||
				cut.IfaceIn+cut.IfaceOut != "" && cut.IfaceIn+cut.IfaceOut != whole.IfaceIn+whole.IfaceOut {
				t.Errorf("%q: %+v\nwant parts of %+v", line[:n], cut, whole)
			}
			if err == nil && cut.Proto == event.TCP && !cut.Is(event.HasTCPFlags) && whole.Is(event.HasTCPFlags) {
				t.Errorf("%q: a TCP packet without flags, and no error", line[:n])
			}
		}
	}
}

func TestParseDoesNotAllocate(t *testing.T) {
	lines := testLines(t)
	var e event.Entry
	clock := new(parse.Clock)
	pass := func() {
		for _, line := range lines {
			if (parser{}).Match(line, nil) {
				e = event.Entry{}
				_ = parser{}.Parse(line, &parse.Record{Entry: &e, Clock: clock})
			}
		}
	}
	pass()
	if n := testing.AllocsPerRun(10, pass); n > 6 { // of netip's errors, for what only looks like IPv6
		t.Errorf("%v allocations for %d lines", n, len(lines))
	}
}

func FuzzParse(f *testing.F) {
	for _, line := range testLines(f) {
		f.Add(line)
	}
	s := session()
	f.Fuzz(func(t *testing.T, line string) {
		matched := parser{}.Match(line, nil)
		first, err := read(line)
		if matched != (err != errRule) { //nolint:errorlint // errors of this package are values
			t.Fatalf("%q: matches: %t, but Parse says %v", line, matched, err)
		}
		if first.Is(event.HasTCPFlags) && first.Proto != event.TCP || first.Is(event.HasICMPCode) && !first.Is(event.HasICMPType) {
			t.Fatalf("%q: fields that do not belong together: %+v", line, first)
		}
		var e event.Entry
		s.Parse(line, &e)
		if len(line) <= event.MaxRaw && e.Raw != line {
			t.Fatalf("raw is %q, want %q", e.Raw, line)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	b.Run("match", func(b *testing.B) { // of a line of another format
		b.ReportAllocs()
		for b.Loop() {
			if (parser{}).Match("[UFW BLOCK] IN=eth0 OUT= MAC= SRC=203.0.113.9", nil) {
				b.Fatal("matches")
			}
		}
	})
	for name, line := range map[string]string{
		"openbsd": "Jan 05 10:11:12.345678 rule 4/(match) block in on em0: 203.0.113.9.51234 > 192.0.2.25.25: S 305419896:305419896(0) win 64240 <mss 1460,nop,nop,sackOK,nop,wscale 7> (DF)",
		"org":     "2026-01-05 10:11:12.345678 rule 4/0(match): block in on em0: 203.0.113.9.51234 > 192.0.2.25.25: Flags [S], seq 305419896, win 64240, options [mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7], length 0",
	} {
		b.Run(name, func(b *testing.B) {
			s := session()
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			e := new(event.Entry)
			for b.Loop() {
				s.Parse(line, e)
				if e.Error != "" {
					b.Fatal(e.Error)
				}
			}
		})
	}
}
