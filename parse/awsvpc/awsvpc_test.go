package awsvpc

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
		"2 123456789012 eni-0a1b2c3d 203.0.113.9 192.0.2.25 51234 25 6 3": true,
		"2 unknown eni-0a1b2c3d 203.0.113.9":                              true,
		"2 123456789012 - 203.0.113.9 192.0.2.25 1":                       true,
		"2 123456789012 eni-0a":                                           true,
		"2 12345678901 eni-0a1b2c3d 203.0.113.9":                          false,
		"2 1234567890123 eni-0a1b2c3d 203.0.113.9":                        false,
		"2": false,
		"":  false,
		"192.0.2.1 - - [05/Jan/2026:10:11:12 +0000]": false,
		"203.0.113.9 192.0.2.25 25 REJECT":           false,
	})
}

// A header says the columns of the lines behind it, until the next one.
func TestHeaders(t *testing.T) {
	s := session()
	for _, step := range []struct{ line, want string }{
		{"dstaddr srcaddr dstport action", `"note":"header"`},
		{"192.0.2.25 203.0.113.9 25 REJECT", `"action":"deny","verdict_source":"field","direction":"unknown","src_ip":"203.0.113.9","dst_ip":"192.0.2.25","dst_port":25`},
		{"192.0.2.25 203.0.113.9 25 REJECT more", `"error":"not a firewall entry"`},
		{"192.0.2.25 203.0.113.9 x REJECT", `"error":"not a firewall entry"`},
		{"192.0.2.25 203.0.113.9 2", `"action":"unknown","verdict_source":"none","direction":"unknown","src_ip":"203.0.113.9","dst_ip":"192.0.2.25"`},
		{"192.0.2.25 203.0.113.9 2", `"error":"line ends early"`},
		{"version srcaddr dstaddr", `"note":"header"`},
		{`time=10:11:12 logid="0100044547" type="event" cfgattr="srcaddr[all]dstaddr[all]" msg="Edit firewall.policy 7"`, `"error":"not a firewall entry"`},
		{"192.0.2.25 203.0.113.9 25 REJECT", `"error":"not a firewall entry"`},
		{"3 203.0.113.9 192.0.2.25", `"format":"aws_vpc","action":"unknown"`},
		// Lines in the default order are known without a header, and beside one.
		{"2 123456789012 eni-0a1b2c3d 203.0.113.9 192.0.2.25 51234 25 6 3 180 1767604260 1767604320 REJECT OK", `"dst_port":25`},
	} {
		var e event.Entry
		s.Parse(step.line, &e)
		if got := string(e.AppendJSON(nil)); !strings.Contains(got, step.want) {
			t.Errorf("%s\n got %s\nwant %s", step.line, got, step.want)
		}
	}
}

func TestCutLine(t *testing.T) {
	var lines []string
	for _, line := range parsetest.Lines(t) {
		// The line of version 3 ends with an address, and a shorter one can be whole. Without the packet's own addresses, those
		// of the NAT gateway are what is known.
		if strings.Contains(line, " OK") && !strings.HasPrefix(line, "3 ") && !strings.Contains(line, " 192.0.2.4 ") {
			lines = append(lines, line)
		}
	}
	parsetest.Cut(t, Kind(), session, lines)
}

func TestParseDoesNotAllocate(t *testing.T) {
	parsetest.NoAllocations(t, session(), Kind().Doc.Examples)
}

func FuzzParse(f *testing.F) { parsetest.Fuzz(f, Kind(), syslog.Layer()) }

// FuzzHeaders looks for header lines that a parser cannot bear.
func FuzzHeaders(f *testing.F) {
	f.Add("srcaddr dstaddr action", "192.0.2.25 203.0.113.9 REJECT")
	f.Add("version vpc_id srcaddr dstaddr log-status", "3 vpc-1 192.0.2.25 203.0.113.9 OK")
	f.Fuzz(func(t *testing.T, header, line string) {
		p := new(parser)
		p.Headers([]string{"#x", header})
		if e, matched, err := parsetest.Read(p, line); matched && err == nil && strings.Count(line, " ") < len(p.custom)-1 && !standard(line) {
			t.Fatalf("%q under %q: a column is missing, and there is no error: %+v", line, header, e)
		}
	})
}

func BenchmarkParse(b *testing.B) { parsetest.Bench(b, session(), Kind().Doc.Examples[0]) }

func BenchmarkCustom(b *testing.B) {
	s := session()
	var e event.Entry
	s.Parse("version vpc-id subnet-id instance-id interface-id srcaddr dstaddr srcport dstport protocol tcp-flags type pkt-srcaddr "+
		"pkt-dstaddr packets start action flow-direction log-status", &e)
	parsetest.Bench(b, s, "5 vpc-0a1b2c3d subnet-0a1b2c3d i-0a1b2c3d eni-0a1b2c3d 203.0.113.9 192.0.2.25 51234 25 6 2 IPv4 203.0.113.9 "+
		"192.0.2.25 3 1767604260 REJECT ingress OK")
}
