package cef

import (
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
		`CEF:0|Ubiquiti|UniFi Network|9.4.19|203|Blocked by Firewall|4|src=192.0.2.1`:         true,
		`CEF:0|MikroTik|CHR|7.19.4 (stable)|44|dhcp,info|Low|dvchost=rtr msg=x`:               true,
		`CEF:0|MikroTik|CHR|7.19.4 (stable)|44|firewall,info|Low|dvchost=rtr msg=input: in:a`: false,
		`CEF:0|V`:            true,
		`CEF: 1|V`:           true,
		`CEF:1.2|V`:          true,
		`udm unifi: CEF:0|V`: true,
		`0|Ubiquiti|UniFi Network|9.4.19|203|Blocked by Firewall|4|src=192.0.2.1`: true,
		`0|Ubiquiti|UniFi Network|9.4.19`:                                         false,
		`CEF:x|V`:                                                                 false,
		`CEF:0`:                                                                   false,
		`LEEF:1.0|V|P|1|E|`:                                                       false,
		`CEF: see below`:                                                          false,
		``:                                                                        false,
		strings.Repeat("x", 200) + `CEF:0|V`:                                      false,
	})
}

func TestWords(t *testing.T) {
	for s, want := range map[string]event.Action{
		"blocked": event.Deny, "Deny": event.Deny, "DROP": event.Drop, "tcp-reset": event.Reject, "Reset Both": event.Reject,
		"Threat Detected and Blocked": event.Deny, "Threat Detected": event.Observe, "Blocked by Firewall": event.Deny,
		"Connection dropped": event.Drop, "drop and deny": event.Drop, "Deny, drop": event.Drop, "accept": event.Allow,
		"Allowed": event.Allow, "not blocked": event.ActionUnknown, "Allow or Deny": event.ActionUnknown, "": event.ActionUnknown,
		"blocklist": event.ActionUnknown, "unblocked": event.ActionUnknown, "failed": event.ActionUnknown, "monitor": event.Observe,
	} {
		if got := wordsOf(s); got != want {
			t.Errorf("wordsOf(%q) = %s, want %s", s, got, want)
		}
	}
	for w := range words {
		if len(w) > longestWord {
			t.Errorf("%s is longer than %d", w, longestWord)
		}
	}
}

// Products whose last key is known show that a line is cut.
func TestCutLine(t *testing.T) {
	var lines []string
	for _, line := range parsetest.Lines(t) {
		if strings.Contains(line, "|"+ubiquiti+"|") && strings.Contains(line, "=Security") {
			lines = append(lines, line)
		}
	}
	parsetest.Cut(t, Kind(), session, lines)
}

func TestParseDoesNotAllocate(t *testing.T) {
	parsetest.NoAllocations(t, session(), Kind().Doc.Examples)
}

func FuzzParse(f *testing.F) { parsetest.Fuzz(f, Kind(), syslog.Layer()) }

func BenchmarkParse(b *testing.B) { parsetest.Bench(b, session(), Kind().Doc.Examples[1]) }

func BenchmarkSyslog(b *testing.B) { parsetest.Bench(b, session(), Kind().Doc.Examples[0]) }
