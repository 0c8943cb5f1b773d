package proxmox

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
		"101 6 tap101i0-IN 05/Jan/2026:10:11:12 +0100 policy DROP: IN=a":        true,
		"0 5 - 05/Jan/2026:10:11:12 +0100 starting pvefw logger":                true,
		"0 5 - 99/Xxx/2026:10:11:12 +0100 starting pvefw logger":                true,
		"101 8 tap101i0-IN 05/Jan/2026:10:11:12 +0100 policy DROP: IN=a":        false,
		"101 6 tap101i0-IN 05/Jan/2026 10:11:12 +0100 policy DROP: IN=a":        false,
		"192.0.2.1 - - [05/Jan/2026:10:11:12 +0100] \"GET / HTTP/1.1\" 200 1":   false,
		"101 6 tap101i0-IN 05/Jan":                                              false,
		"2 123456789012 eni-0a1b2c3d 203.0.113.9 192.0.2.25 51234 25 6 3 180":   false,
		"[NEW] tcp      6 120 SYN_SENT src=192.0.2.1 dst=192.0.2.2":             true,
		"  [UPDATE] ipv6     10 udp      17 30 src=2001:db8::1 dst=2001:db8::2": true,
		"[NEW] tcp 6 IN=eth0 OUT= SRC=192.0.2.1 src=":                           false,
		"[NEW] ORIG: SRC=192.0.2.1":                                             false,
		"[NEW] connection":                                                      false,
		"policy DROP: IN=fwbr101i0 OUT=fwbr101i0 SRC=192.0.2.1":                 false,
		"":  false,
		"1": false,
	})
}

func TestUserRules(t *testing.T) {
	rules := []nftext.Rule{{Match: "^policy DROP: $", Action: event.Reject, Rule: "7", Ruleset: "guests", Direction: event.Out}}
	var e event.Entry
	parsetest.Session(Kind(rules)).Parse(Kind(nil).Doc.Examples[0], &e)
	if e.Error != "" || e.Action != event.Reject || e.Verdict != event.VerdictConfig || e.Rule != "7" || e.Ruleset != "guests" || e.Direction != event.Out {
		t.Errorf("%s", e.AppendJSON(nil))
	}
}

func TestDirection(t *testing.T) {
	for chain, want := range map[string]event.Direction{
		"PVEFW-HOST-IN": event.In, "tap101i0-OUT": event.Out, "GROUP-a-b-IN": event.In, "PVEFW-INPUT": event.In, "guest-101-out": event.Out,
		"PVEFW-FORWARD": event.Forward, "PVEFW-Drop": event.DirectionUnknown, "-": event.DirectionUnknown, "IN": event.In,
		"MAIN": event.DirectionUnknown,
	} {
		if got := direction(chain); got != want {
			t.Errorf("%s: %v, want %v", chain, got, want)
		}
	}
}

func TestCutLine(t *testing.T) {
	for _, line := range parsetest.Lines(t) {
		// A line with a token twice loses it when it is read for the second time; fragments lose their ports, too.
		if strings.HasSuffix(line, "SPT=1 ") || strings.Contains(line, " FRAG=") {
			continue
		}
		var whole event.Entry
		session().Parse(line, &whole)
		for n := range len(line) {
			var e event.Entry
			session().Parse(line[:n], &e)
			// Flags end with the line: what is cut between two of them is a whole line.
			flags := strings.HasSuffix(line[:n], " ") || strings.HasSuffix(strings.TrimRight(line[:n], "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), " ")
			if e.Src.IsValid() && e.Src != whole.Src || e.Dst.IsValid() && e.Dst != whole.Dst ||
				e.Is(event.HasSrcPort) && (!whole.Is(event.HasSrcPort) || e.SrcPort != whole.SrcPort) ||
				e.Is(event.HasDstPort) && (!whole.Is(event.HasDstPort) || e.DstPort != whole.DstPort) ||
				e.Is(event.HasProto) && (!whole.Is(event.HasProto) || e.Proto != whole.Proto) ||
				e.Is(event.HasTCPFlags) && e.TCPFlags != whole.TCPFlags && !flags ||
				e.Is(event.HasICMPType) && e.ICMPType != whole.ICMPType ||
				e.Is(event.HasLength) && e.Length != whole.Length ||
				e.Action != event.ActionUnknown && e.Action != whole.Action {
				t.Errorf("%s\ncut %s\nwhole %s", line[:n], e.AppendJSON(nil), whole.AppendJSON(nil))
			}
		}
	}
}

func TestParseDoesNotAllocate(t *testing.T) {
	parsetest.NoAllocations(t, session(), parsetest.Lines(t))
}

func FuzzParse(f *testing.F) { parsetest.Fuzz(f, Kind(nil), syslog.Layer()) }

func BenchmarkParse(b *testing.B) { parsetest.Bench(b, session(), Kind(nil).Doc.Examples...) }
