package ebtables

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
		"x IN=a OUT=b MAC source = 52:54:00:00:00:01 MAC dest = 52:54:00:00:00:02 proto = 0x0800": true,
		"x IN=a OUT= MAC source = 52:54":             true,
		"IN= OUT=b MAC source = 52:54":               true,
		"x IN=a OUT=b MAC sour":                      false,
		"x IN=a OUT=b MAC=52:54 SRC=192.0.2.1":       false,
		"the MAC source = x":                         false,
		"IN=a MAC source = IN=a OUT=b SRC=192.0.2.1": false,
		"": false,
	})
}

func TestUserRules(t *testing.T) {
	rules := []nftext.Rule{{Match: "^DROP-SMTP$", Action: event.Reject, Rule: "7", Direction: event.Out}}
	var e event.Entry
	parsetest.Session(Kind(rules), syslog.Layer()).Parse(Kind(nil).Doc.Examples[0], &e)
	if e.Error != "" || e.Action != event.Reject || e.Verdict != event.VerdictConfig || e.Rule != "7" || e.Direction != event.Out {
		t.Errorf("%s", e.AppendJSON(nil))
	}
}

func TestCutLine(t *testing.T) {
	var lines []string
	for _, line := range parsetest.Lines(t) {
		// The last value of a line can be cut to be another one.
		for _, last := range []string{" DPT=", " ARP IP DST=", " IP proto=1", "Header="} {
			if i := strings.Index(line, last); i >= 0 {
				line = line[:i]
			}
		}
		lines = append(lines, line)
	}
	parsetest.Cut(t, Kind(nil), session, lines)
}

func TestParseDoesNotAllocate(t *testing.T) {
	parsetest.NoAllocations(t, session(), parsetest.Lines(t))
}

func FuzzParse(f *testing.F) { parsetest.Fuzz(f, Kind(nil), syslog.Layer()) }

func BenchmarkParse(b *testing.B) { parsetest.Bench(b, session(), Kind(nil).Doc.Examples...) }
