package mikrotik

import (
	"strings"
	"testing"

	"mailstop/event"
	"mailstop/internal/nftext"
	"mailstop/parse"
	"mailstop/parse/parsetest"
	"mailstop/parse/syslog"
)

func session() *parse.Session { return parsetest.Session(Kind(nil), syslog.Layer()) }

func TestGolden(t *testing.T) { parsetest.Golden(t, Kind(nil), syslog.Layer()) }

func TestDoc(t *testing.T) { parsetest.Documented(t, Kind(nil), syslog.Layer()) }

func TestMatch(t *testing.T) {
	parsetest.Match(t, Kind(nil), map[string]bool{
		"firewall,info input: in:a out:b, proto UDP, 192.0.2.1:1->192.0.2.2:2, len 1": true,
		"x input: in:a out:b, proto UDP, 192.0.2.1:1->192.0.2.2:2, len 1":             true,
		"input in:a out:(none), proto UDP, 192.0.2.1:1->192.0.2.2:2, len 1":           true,
		"firewall,info input: in:a out:b":                                             true,
		"x input: in:a out:b":                                                         false,
		"system,error,critical login failure for user admin from 192.0.2.9 via ssh":   false,
		"firewall,info something else":                                                false,
		"x out:b in:a proto UDP, 192.0.2.1:1->192.0.2.2:2":                            false,
		"x IN=a OUT=b SRC=192.0.2.1":                                                  false,
		"":                                                                            false,
	})
}

func TestHead(t *testing.T) {
	for head, want := range map[string][2]string{
		"firewall,info DROP-IN input:":            {"DROP-IN", "input"},
		"firewall,info DROP-IN input":             {"DROP-IN", "input"},
		"firewall,info input:":                    {"", "input"},
		"input:":                                  {"", "input"},
		"firewall,info: a b c forward:":           {"a b c", "forward"},
		"x: x forward:":                           {"x: x", "forward"}, // too short to be sure of it
		"drop it: drop it forward:":               {"drop it", "forward"},
		"drop it: drop at forward:":               {"drop it: drop at", "forward"},
		"firewall,info [drop]input:":              {"[drop]", "input"},
		"firewall,info drop-input:":               {"", "drop-input"},
		"firewall,info my,firewall drop forward:": {"my,firewall drop", "forward"},
		"my_firewall,x drop forward:":             {"my_firewall,x drop", "forward"},
	} {
		if prefix, chain := splitHead(head); prefix != want[0] || chain != want[1] {
			t.Errorf("%q: %q, %q, want %q", head, prefix, chain, want)
		}
	}
}

func TestUserRules(t *testing.T) {
	rules := []nftext.Rule{{Match: "^FW_INPUT_NEW$", Action: event.Drop, Rule: "7", Direction: event.Forward}}
	var e event.Entry
	parsetest.Session(Kind(rules), syslog.Layer()).Parse("Jan  5 10:11:12 rtr FW_INPUT_NEW: FW_INPUT_NEW input: in:a out:(unknown 0), "+
		"proto UDP, 192.0.2.1:1->192.0.2.2:2, len 1", &e)
	if e.Error != "" || e.Action != event.Drop || e.Verdict != event.VerdictConfig || e.Rule != "7" || e.Ruleset != "input" || e.Direction != event.Forward {
		t.Errorf("%s", e.AppendJSON(nil))
	}
}

func TestCutLine(t *testing.T) {
	var lines []string
	for _, line := range parsetest.Lines(t) {
		if !strings.Contains(line, " in:x out:") { // cut behind it, it is another line
			lines = append(lines, line)
		}
	}
	parsetest.Cut(t, Kind(nil), session, lines)
}

func TestParseDoesNotAllocate(t *testing.T) {
	var lines []string
	for _, line := range parsetest.Lines(t) {
		if !strings.Contains(line, "%") { // netip keeps zones
			lines = append(lines, line)
		}
	}
	parsetest.NoAllocations(t, session(), lines)
}

func FuzzParse(f *testing.F) { parsetest.Fuzz(f, Kind(nil), syslog.Layer()) }

func BenchmarkParse(b *testing.B) { parsetest.Bench(b, session(), Kind(nil).Doc.Examples...) }
