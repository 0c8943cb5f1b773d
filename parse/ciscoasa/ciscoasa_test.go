package ciscoasa

import (
	"fmt"
	"strings"
	"testing"

	"mailstop/event"
	"mailstop/parse"
	"mailstop/parse/parsetest"
	"mailstop/parse/syslog"
)

func session() *parse.Session { return parsetest.Session(Kind(), syslog.Layer()) }

func TestGolden(t *testing.T) { parsetest.Golden(t, Kind(), syslog.Layer()) }

func TestDoc(t *testing.T) { parsetest.Documented(t, Kind(), syslog.Layer()) }

func TestMatch(t *testing.T) {
	parsetest.Match(t, Kind(), map[string]bool{
		"%ASA-4-106023: Deny":                true,
		": %ASA-4-106023: Deny":              true,
		"asa1 : %FTD-6-430003: x":            true,
		"%PIX-6-302013: Built":               true,
		"%FWSM-4-106023: Deny":               true,
		"%NGIPS-1-430003: x":                 true,
		"fe80::1%eth0 : %ASA-4-106023: Deny": true,
		"%ASA-session-6-302013: Built":       true,
		"%ASA-4-106023":                      true,
		"%ASA-4-10602: Deny":                 false,
		"%ASA-4-1060233: Deny":               false,
		"%ASA-9-106023: Deny":                false,
		"%SYS-5-CONFIG_I: Configured":        false,
		"100% of ASA-4-106023":               false,
		"%ASA":                               false,
		"%ASA-4-":                            false,
		"":                                   false,
	})
	r := &parse.Record{Entry: new(event.Entry), Program: "%ASA-6-302013"}
	if !Kind().New().Match("Built outbound TCP", r) {
		t.Error("a tag that a relay took for the program is not known")
	}
}

// The message that a header stands before is the same under each of them; the time and the host differ.
func TestHeaders(t *testing.T) {
	const message = `Deny tcp src outside:203.0.113.9/51234 dst dmz:192.0.2.25/25 by access-group "outside_in" [0x0, 0x0]`
	for _, tt := range []struct{ head, time, host string }{
		{"%ASA-4-106023: ", "", ""},
		{"<164>%ASA-4-106023: ", "", ""},
		{"<164>Jan  5 2026 10:11:12: %ASA-4-106023: ", "2026-01-05T10:11:12Z assumed_zone", ""},
		{"<164>Jan 05 2026 10:11:12 asa1 : %ASA-4-106023: ", "2026-01-05T10:11:12Z assumed_zone", "asa1"},
		{"<164>Jan 05 2026 10:11:12 asa1: %ASA-4-106023: ", "2026-01-05T10:11:12Z assumed_zone", "asa1"},
		{"<164>Jan 05 2026 10:11:12 UTC: %ASA-4-106023: ", "2026-01-05T10:11:12Z exact", ""},
		{"<164>Jan 05 2026 10:11:12 UTC asa1 : %ASA-4-106023: ", "2026-01-05T10:11:12Z exact", "asa1"},
		{"<164>:Jan 05 10:11:12 CET: %ASA-session-4-106023: ", "2026-01-05T10:11:12Z inferred_year", ""},
		{"<164>:Jan 05 2026 10:11:12 UTC: %ASA-session-4-106023: ", "2026-01-05T10:11:12Z exact", ""},
		{"Jan  5 10:11:12: %ASA-4-106023: ", "2026-01-05T10:11:12Z inferred_year", ""},
		{"Jan  5 10:11:12 asa1 : %ASA-4-106023: ", "2026-01-05T10:11:12Z inferred_year", "asa1"},
		{"Jan  5 10:11:12 asa1 %ASA-4-106023: ", "2026-01-05T10:11:12Z inferred_year", "asa1"},
		{"Jan  5 10:11:12 asa1 : : %ASA-4-106023: ", "2026-01-05T10:11:12Z inferred_year", "asa1"},
		{"Jan  5 10:11:12 %ASA-4-106023: ", "2026-01-05T10:11:12Z inferred_year", ""},
		{"Jan  5 10:11:12 192.0.2.1 : %ASA-4-106023: ", "2026-01-05T10:11:12Z inferred_year", "192.0.2.1"},
		{"Jan  5 10:11:12 192.0.2.1 asa1 : %ASA-4-106023: ", "2026-01-05T10:11:12Z inferred_year", "asa1"},
		{"Jan  5 10:11:13 192.0.2.1 Jan 05 2026 10:11:12 asa1 : %ASA-4-106023: ", "2026-01-05T10:11:12Z assumed_zone", "asa1"},
		{"Jan  5 10:11:13 192.0.2.1 :Jan 05 10:11:12 CET: %ASA-4-106023: ", "2026-01-05T10:11:12Z inferred_year", "192.0.2.1"},
		{"<164>2026-01-05T10:11:12Z asa1 : %FTD-4-106023: ", "2026-01-05T10:11:12Z exact", "asa1"},
		{"<164>2026-01-05T10:11:12Z: %ASA-4-106023: ", "2026-01-05T10:11:12Z exact", ""},
		{"<164>1 2026-01-05T10:11:12Z asa1 %ASA-4-106023 - - - ", "2026-01-05T10:11:12Z exact", "asa1"},
		{"<164>1 2026-01-05T10:11:12Z asa1 - - - - %ASA-4-106023: ", "2026-01-05T10:11:12Z exact", "asa1"},
		{"Jan  5 10:11:12.345678: %ASA-4-106023: ", "2026-01-05T10:11:12.345678Z inferred_year", ""},
		{"Jan  5 11:11:12 fw1 : Jan  5 10:11:12 UTC: %ASA-ip-4-106023: ", "2026-01-05T10:11:12Z inferred_year", "fw1"},
		{"<113>:2026-01-05T10:11:12Z:asa1: %NGIPS-4-106023: ", "2026-01-05T10:11:12Z exact", "asa1"},
		{"<164>:: %ASA-4-106023: ", "", ""},
		{"2026-01-05T11:11:12+01:00 asa1 %ASA-4-106023: ", "2026-01-05T10:11:12Z exact", "asa1"},
	} {
		var e event.Entry
		session().Parse(tt.head+message, &e)
		when := ""
		if e.TimeQuality != event.TimeNone {
			when = fmt.Sprintf("%s %s", event.AppendTime(nil, e.Time, e.TimeDigits), e.TimeQuality)
		}
		if when != tt.time || e.Host != tt.host || e.Error != "" || e.Action != event.Deny || e.DstPort != 25 || e.Rule != "outside_in" {
			t.Errorf("%s\n got %s %s\nwant %s %s\n%s", tt.head, when, e.Host, tt.time, tt.host, e.AppendJSON(nil))
		}
	}
}

func TestCutLine(t *testing.T) {
	var lines []string
	for _, line := range parsetest.Lines(t) {
		_, _, text, ok := find(line, "")
		m := messages[tagOf(line)]
		// Of the others, the receiver or its port can be the end.
		if ok && text != "" && (m.follows || strings.Contains(text, "hit-cnt") || strings.Contains(text, "InitiatorPackets")) && !strings.Contains(text, "InlineResult") {
			lines = append(lines, line)
		}
	}
	if len(lines) < 20 {
		t.Fatalf("%d lines", len(lines))
	}
	parsetest.Cut(t, Kind(), session, lines)
}

func tagOf(line string) uint32 {
	t, _, _, _ := find(line, "")
	return t.id
}

// Every message that is known has an example.
func TestMessagesHaveExamples(t *testing.T) {
	seen := map[uint32]bool{}
	for _, line := range parsetest.Lines(t) {
		seen[tagOf(line)] = true
	}
	for id := range messages {
		if !seen[id] {
			t.Errorf("no example of %d", id)
		}
	}
}

// Notes of numbers that nobody knows take no memory for ever.
func TestNotesAreBounded(t *testing.T) {
	p := Kind().New().(*parser)
	for id := range 3 * maxNotes {
		e, _, err := parsetest.Read(p, fmt.Sprintf("%%ASA-6-%06d: x", id))
		if err != nil || messages[uint32(id)].read == nil && e.Note != fmt.Sprintf("ASA %d", id) {
			t.Fatalf("%d: %+v, %v", id, e, err)
		}
		if len(p.notes) > maxNotes {
			t.Fatalf("%d notes", len(p.notes))
		}
	}
}

func TestParseDoesNotAllocate(t *testing.T) {
	var lines []string
	for _, line := range parsetest.Lines(t) {
		if !strings.Contains(line, "%%") {
			lines = append(lines, line)
		}
	}
	parsetest.NoAllocations(t, session(), lines)
}

func FuzzParse(f *testing.F) { parsetest.Fuzz(f, Kind(), syslog.Layer()) }

func BenchmarkParse(b *testing.B) {
	_, message, _ := strings.Cut(Kind().Doc.Examples[0], ": ")
	parsetest.Bench(b, session(), message)
}

func BenchmarkSyslog(b *testing.B) { parsetest.Bench(b, session(), Kind().Doc.Examples[2]) }
