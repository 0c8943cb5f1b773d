package syslog

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"mailstop/event"
	"mailstop/parse"
)

// bodyParser takes every body, and keeps it as the rule.
type bodyParser struct{}

func (bodyParser) Match(string, *parse.Record) bool { return true }

func (bodyParser) Parse(body string, e *parse.Record) error {
	e.Rule = body
	return nil
}

// programLayer, tried last, keeps the program as the process.
type programLayer struct{}

func (programLayer) Unwrap(text string, r *parse.Record) (string, bool) {
	r.Process = r.Program
	return text, false
}

func newSession(t testing.TB, zone string) *parse.Session {
	t.Helper()
	s := parse.NewSession(parse.Table{
		Layers: []parse.Layer{Layer(), {Name: "program", New: func() parse.Unwrapper { return programLayer{} }}},
		Kinds:  []parse.Kind{{Format: event.Netfilter, New: func() parse.Parser { return bodyParser{} }}},
	}, event.FormatUnknown, "")
	h := parse.Hints{Reference: time.Date(2026, 1, 6, 0, 0, 0, 0, time.UTC)}
	if zone != "" {
		z, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		h.Zone = z
	}
	s.Resume(parse.State{Clock: parse.NewClock(h)})
	return s
}

func TestHeaders(t *testing.T) {
	const (
		inferred = "2026-01-05T10:11:12Z inferred_year"
		exact    = "2026-01-05T09:11:12Z exact"
	)
	for _, tt := range []struct{ line, when, host, program, body string }{
		// A space behind the priority.
		{"<134> Jan  5 10:11:12 fw1 kernel: DROP IN=", inferred, "fw1", "kernel", "DROP IN="},
		// A severity where the host would be.
		{"2026-01-05T10:11:12+01:00 INFO    postfix/smtp[796]: to=<a@example.org>", exact, "", "postfix/smtp", "to=<a@example.org>"},
		{"2026-01-05T10:11:12+01:00 WARNING postfix/smtp[796]: to=<a@example.org>", exact, "", "postfix/smtp", "to=<a@example.org>"},
		{"2026-01-05T10:11:12+01:00 INFO x IN=eth0", exact, "INFO", "", "x IN=eth0"},
		// RFC 3164 in files.
		{"Jan  5 10:11:12 mx1 kernel: [ 8123.456789] [UFW BLOCK] IN=eth0 OUT= ", inferred, "mx1", "kernel", "[UFW BLOCK] IN=eth0 OUT= "},
		{"Jan  5 10:11:12 mx1 kernel: [19955416.516358] IN=eth0", inferred, "mx1", "kernel", "IN=eth0"},
		{"Jan  5 10:11:12 mx1 kernel: IN= OUT=eth0", inferred, "mx1", "kernel", "IN= OUT=eth0"},
		{"Jan  5 10:11:12 mx1 kernel:", inferred, "mx1", "kernel", ""},
		{"Jan  5 10:11:12 mx1 kernel:[    1.000000] IN=", inferred, "mx1", "kernel", "IN="},
		{"Jan  5 10:11:12 mx1 sshd[4711]: refused", inferred, "mx1", "sshd", "refused"},
		{"Jan  5 10:11:12 mx1 postfix/smtp[4711]: A1: to=<>", inferred, "mx1", "postfix/smtp", "A1: to=<>"},
		{"Jan 5 10:11:12 mx1 kernel: IN=", inferred, "mx1", "kernel", "IN="},
		{"Jan  5 10:11:12  mx1 kernel: IN=", inferred, "mx1", "kernel", "IN="},
		{"Jan  5 2026 10:11:12 mx1 kernel: IN=", "2026-01-05T10:11:12Z assumed_zone", "mx1", "kernel", "IN="},
		{"Jan  5 10:11:12 mx1", inferred, "mx1", "", ""},
		{"Jan  5 10:11:12", inferred, "", "", ""},
		{"Jan  5 10:11:12 ", inferred, "", "", ""},

		// The prefix is the administrator's, whatever it looks like.
		{"Jan  5 10:11:12 fw kernel: FINAL_REJECT: IN=eth0", inferred, "fw", "kernel", "FINAL_REJECT: IN=eth0"},
		{"Jan  5 10:11:12 fw kernel: Shorewall:net-fw:DROP:IN=eth0", inferred, "fw", "kernel", "Shorewall:net-fw:DROP:IN=eth0"},
		{"Jan  5 10:11:12 fw kernel: [ 1234.567890] Shorewall:net-fw:DROP:IN=", inferred, "fw", "kernel", "Shorewall:net-fw:DROP:IN="},
		{"Jan  5 10:11:12 fw kernel: drop[12]: IN=", inferred, "fw", "kernel", "drop[12]: IN="},
		{"Jan  5 10:11:12 fw kernel: kernel: IN=", inferred, "fw", "kernel", "kernel: IN="},
		{"Jan  5 10:11:12 fw kernel:   two spaces IN=", inferred, "fw", "kernel", "  two spaces IN="},
		{"Jan  5 10:11:12 fw kernel: [ 1234.567890]  one space IN=", inferred, "fw", "kernel", " one space IN="},
		{"Jan  5 10:11:12 fw kernel: [123] IN=", inferred, "fw", "kernel", "[123] IN="},
		{"Jan  5 10:11:12 fw kernel: [1.5] IN=", inferred, "fw", "kernel", "[1.5] IN="},
		{"Jan  5 10:11:12 fw kernel: [ 1234.567890] [123.4] IN=", inferred, "fw", "kernel", "[123.4] IN="},
		{"Jan  5 10:11:12 fw kernel: [ 1234.567890] <4>x IN=", inferred, "fw", "kernel", "x IN="},
		{"Jan  5 10:11:12 fw FINAL_REJECT: IN=eth0", inferred, "fw", "", "FINAL_REJECT: IN=eth0"},
		{"Jan  5 10:11:12 fw Shorewall:net-fw:DROP:IN=eth0", inferred, "fw", "", "Shorewall:net-fw:DROP:IN=eth0"},
		{"Jan  5 10:11:12 fw [UFW BLOCK] IN=eth0", inferred, "fw", "", "[UFW BLOCK] IN=eth0"},
		{"Jan  5 10:11:12 fw smtp-in-drop IN=eth0", inferred, "fw", "", "smtp-in-drop IN=eth0"},
		{"Jan  5 10:11:12 fw  IN=eth0", inferred, "fw", "", " IN=eth0"},
		{"Jan  5 10:11:12 fw IN=eth0", inferred, "fw", "", "IN=eth0"},

		// No host.
		{"Jan  5 10:11:12 DENY: IN=eth0", inferred, "", "", "DENY: IN=eth0"},
		{"Jan  5 10:11:12 IN=eth0 OUT=", inferred, "", "", "IN=eth0 OUT="},
		{"Jan  5 10:11:12 [UFW BLOCK] IN=eth0", inferred, "", "", "[UFW BLOCK] IN=eth0"},
		{"Jan  5 10:11:12 \"quoted prefix\" IN=eth0", inferred, "", "", "\"quoted prefix\" IN=eth0"},
		{"Jan  5 10:11:12 kernel: [ 1234.567890] IN=eth0", inferred, "", "kernel", "IN=eth0"},
		{"<134>Jan  5 10:11:12 filterlog[123]: 4,,,1", inferred, "", "filterlog", "4,,,1"},
		{"<134>Jan  5 10:11:12 filterlog: 4,,,1", inferred, "", "filterlog", "4,,,1"},

		// Hosts that are addresses.
		{"Jan  5 10:11:12 192.0.2.1 kernel: IN=", inferred, "192.0.2.1", "kernel", "IN="},
		{"Jan  5 10:11:12 2001:db8::1 kernel: IN=", inferred, "2001:db8::1", "kernel", "IN="},
		{"Jan  5 10:11:12 2001:db8:: x IN=", inferred, "2001:db8::", "", "x IN="},
		{"Jan  5 10:11:12 fw.example.com kernel: IN=", inferred, "fw.example.com", "kernel", "IN="},
		{"Jan  5 10:11:12 src@relay/fw kernel: IN=", inferred, "src@relay/fw", "kernel", "IN="},

		// UniFi: the host twice, no program.
		{"<13>Jan  5 10:11:12 udm [WAN_LOCAL-D-1] DESCR=\"Block [all] other\" IN=eth8", inferred, "udm", "", "[WAN_LOCAL-D-1] DESCR=\"Block [all] other\" IN=eth8"},
		{"Jan  5 10:11:12 udm udm [WAN_LOCAL-D-1] IN=eth8", inferred, "udm", "", "[WAN_LOCAL-D-1] IN=eth8"},
		{"Jan  5 10:11:12 udm udm sshd[12]: x", inferred, "udm", "sshd", "x"},
		{"Jan  5 10:11:12 fw fw IN=eth8", inferred, "fw", "", "fw IN=eth8"},

		// RFC 3164 on the wire, octet-counted frames.
		{"<4>Jan  5 10:11:12 gw kernel: [WAN_IN-default-D]IN=eth0", inferred, "gw", "kernel", "[WAN_IN-default-D]IN=eth0"},
		{"61 <4>Jan  5 10:11:12 gw kernel: IN=eth0", inferred, "gw", "kernel", "IN=eth0"},
		{"<4>2026-01-05T10:11:12+01:00 gw kernel: IN=eth0", exact, "gw", "kernel", "IN=eth0"},
		{"<4>kernel: [ 1234.567890] DROP IN=eth0", "none", "", "kernel", "DROP IN=eth0"},
		{"<4>[ 1234.567890] DROP IN=eth0", "none", "", "", "DROP IN=eth0"},

		// RFC 3339.
		{"2026-01-05T10:11:12.012345+01:00 mx1 kernel: egress-deny: IN= OUT=eth0", "2026-01-05T09:11:12.012345Z exact", "mx1", "kernel", "egress-deny: IN= OUT=eth0"},
		{"2026-01-05T09:11:12Z mx1 kernel: [    1.000000] DROP IN=", exact, "mx1", "kernel", "DROP IN="},
		{"2026-01-05T10:11:12+0100 mx1 kernel: DROP IN=", exact, "mx1", "kernel", "DROP IN="},
		{"2026-01-05T10:11:12,500+0100 mx1 kernel: DROP IN=", "2026-01-05T09:11:12.500Z exact", "mx1", "kernel", "DROP IN="},
		{"2026-01-05T10:11:12 mx1 kernel: DROP IN=", "2026-01-05T10:11:12Z assumed_zone", "mx1", "kernel", "DROP IN="},

		// RFC 5424.
		{"<4>1 2026-01-05T10:11:12.003+01:00 mx1 kernel - - - [ 1234.567890] DROP IN=", "2026-01-05T09:11:12.003Z exact", "mx1", "kernel", "DROP IN="},
		{"<4>1 2026-01-05T10:11:12+01:00 mx1 app 12 ID7 [a@1 b=\"x \\\"] \\\\\"][c@2] \uFEFFDROP IN=", exact, "mx1", "app", "DROP IN="},
		{"<4>1 - - - - - - kernel: DROP IN=", "none", "", "kernel", "DROP IN="},
		{"<4>1 2026-01-05T09:11:12Z fw - - - - DROP: IN=", exact, "fw", "", "DROP: IN="},
		{"<4>1 2026-01-05T09:11:12Z fw ulogd - - - [UFW BLOCK] IN=", exact, "fw", "ulogd", "[UFW BLOCK] IN="},
		{"<4>1 2026-01-05T09:11:12Z fw ulogd - - [open=\"x IN=", exact, "fw", "ulogd", "[open=\"x IN="},
		{"<4>1 2026-01-05T09:11:12Z fw", exact, "fw", "", ""},
		{"70 <4>1 2026-01-05T09:11:12Z fw kernel - - - IN=", exact, "fw", "kernel", "IN="},

		// Cisco's firewalls: a year, a zone, a colon behind the time, a device id with a blank before its colon.
		{"<164>Jan  5 2026 10:11:12: %ASA-4-106023: Deny tcp", "2026-01-05T10:11:12Z assumed_zone", "", "", "%ASA-4-106023: Deny tcp"},
		{"Jan 05 2026 10:11:12.345: %ASA-4-106023: Deny tcp", "2026-01-05T10:11:12.345Z assumed_zone", "", "", "%ASA-4-106023: Deny tcp"},
		{"Jan  5 10:11:12: %ASA-4-106023: Deny tcp", "none", "", "", "Jan  5 10:11:12: %ASA-4-106023: Deny tcp"},
		{"Jan  5 10:11:12 asa1 : %ASA-2-106001: Inbound", inferred, "asa1", "", ": %ASA-2-106001: Inbound"},
		{"Jan  5 10:11:12 %ASA-2-106001: Inbound", inferred, "", "", "%ASA-2-106001: Inbound"},
		{"<166>Jan 05 2026 10:11:12 asa1/admin : %ASA-6-302013: Built", "2026-01-05T10:11:12Z assumed_zone", "asa1/admin", "", ": %ASA-6-302013: Built"},
		{"<166>Jan 05 2026 09:11:12 UTC: %ASA-6-302013: Built", exact, "", "", "%ASA-6-302013: Built"},
		{"<166>Jan 05 2026 09:11:12 UTC asa1 : %ASA-6-302013: Built", exact, "asa1", "", ": %ASA-6-302013: Built"},
		{"<166>Jan 05 2026 09:11:12 UTCX : %ASA-6-302013: Built", "2026-01-05T09:11:12Z assumed_zone", "UTCX", "", ": %ASA-6-302013: Built"},
		{"<166>:Jan 05 10:11:12 CET: %ASA-6-302013: Built", "none", "", "", ":Jan 05 10:11:12 CET: %ASA-6-302013: Built"},
		{"<166>2026-01-05T09:11:12Z asa1 : %FTD-6-302013: Built", exact, "asa1", "", ": %FTD-6-302013: Built"},
		{"<166>2026-01-05T09:11:12Z: %FTD-6-302013: Built", exact, "", "", "%FTD-6-302013: Built"},
		{"<166>1 2026-01-05T09:11:12Z asa1 %ASA-6-302013 - - - Built", exact, "asa1", "%ASA-6-302013", "Built"},
		{"Jan  5 10:11:12 192.0.2.1 Jan 05 2026 10:11:12 asa1 : %ASA-6-302013: Built", "2026-01-05T10:11:12Z assumed_zone", "asa1", "", ": %ASA-6-302013: Built"},

		// A number is no host: CloudWatch puts a stamp before the records of AWS.
		{"2026-01-05T09:11:12.000Z 2 123456789012 eni-0a1b", "2026-01-05T09:11:12.000Z exact", "", "", "2 123456789012 eni-0a1b"},
		{"2026-01-05T09:11:12Z eni-0a1b-all 2 123456789012 eni-0a1b", exact, "eni-0a1b-all", "", "2 123456789012 eni-0a1b"},

		// FreeBSD's syslogd -vv and -v.
		{"Jan  5 10:11:12 <mail.notice> mx sm-mta[71]: QID: to=", inferred, "mx", "sm-mta", "QID: to="},
		{"Jan  5 10:11:12 <2.5> mx sm-mta[71]: QID: to=", inferred, "mx", "sm-mta", "QID: to="},
		{"Jan  5 10:11:12 <kern.crit> fw kernel: IN=", inferred, "fw", "kernel", "IN="},
		{"Jan  5 10:11:12 <a@example.com> text", inferred, "", "", "<a@example.com> text"},
		{"Jan  5 10:11:12 <2.9> text", inferred, "", "", "<2.9> text"},

		// The kernel's stamps: never the time.
		{"Jan  5 10:11:12 fw kernel: [ 1234.567890][  T123] DROP IN=", inferred, "fw", "kernel", "DROP IN="},
		{"Jan  5 10:11:12 fw kernel: [ 1234.567890][    C0] DROP IN=", inferred, "fw", "kernel", "DROP IN="},
		{"Jan  5 10:11:12 fw kernel: [ 1234.567890][UFW] IN=", inferred, "fw", "kernel", "[UFW] IN="},
		{"[ 1234.567890] [UFW BLOCK] IN=", "none", "", "", "[UFW BLOCK] IN="},
		{"[    0.567890] DROP IN=", "none", "", "", "DROP IN="},

		// dmesg -T, -x, --time-format iso; /dev/kmsg.
		{"[Mon Jan  5 10:11:12 2026] DROP IN=", "2026-01-05T10:11:12Z estimated", "", "", "DROP IN="},
		{"kern  :warn  : [ 1234.567890] DROP IN=", "none", "", "", "DROP IN="},
		{"kern  :warn  : [Mon Jan  5 10:11:12 2026] DROP IN=", "2026-01-05T10:11:12Z estimated", "", "", "DROP IN="},
		{"2026-01-05T10:11:12,345678+01:00 DROP IN=", "2026-01-05T09:11:12.345678Z estimated", "", "", "DROP IN="},
		{"2026-01-05T10:11:12,345678+01:00 [UFW BLOCK] IN=", "2026-01-05T09:11:12.345678Z estimated", "", "", "[UFW BLOCK] IN="},
		{"4,1234,5678901234,-;DROP IN=", "none", "", "kernel", "DROP IN="},
		{"4,1234,5678901234,-,caller=T12;DROP IN=", "none", "", "kernel", "DROP IN="},
		{"12,1234,5678901234,-;DROP IN=", "none", "", "", "DROP IN="},

		// journalctl.
		{"Jan 05 10:11:12 mx1 kernel: DROP IN=", inferred, "mx1", "kernel", "DROP IN="},
		{"Jan 05 10:11:12.345678 mx1 kernel: DROP IN=", "2026-01-05T10:11:12.345678Z inferred_year", "mx1", "kernel", "DROP IN="},
		{"2026-01-05T10:11:12+01:00 mx1 kernel: DROP IN=", exact, "mx1", "kernel", "DROP IN="},
		{"2026-01-05T10:11:12.345678+0100 mx1 kernel: DROP IN=", "2026-01-05T09:11:12.345678Z exact", "mx1", "kernel", "DROP IN="},
		{"Mon 2026-01-05 10:11:12 CET mx1 kernel: DROP IN=", "2026-01-05T10:11:12Z assumed_zone", "mx1", "kernel", "DROP IN="},
		{"Mon 2026-01-05 10:11:12 UTC mx1 kernel: DROP IN=", "2026-01-05T10:11:12Z exact", "mx1", "kernel", "DROP IN="},
		{"[ 1234.567890] mx1 kernel: DROP IN=", "none", "mx1", "kernel", "DROP IN="},
		{"1767604272.345678 mx1 kernel: DROP IN=", "2026-01-05T09:11:12.345678Z exact", "mx1", "kernel", "DROP IN="},

		// Lines of journalctl that are no entries, and other text.
		{"-- Boot 00112233445566778899aabbccddeeff --", "none", "", "", "-- Boot 00112233445566778899aabbccddeeff --"},
		{"-- No entries --", "none", "", "", "-- No entries --"},
		{"Hint: You are currently not seeing messages from other users.", "none", "", "", "Hint: You are currently not seeing messages from other users."},
		{"DROP IN=eth0", "none", "", "", "DROP IN=eth0"},
		{"<999>DROP IN=eth0", "none", "", "", "<999>DROP IN=eth0"},
		{"2026-01-05 10:11:12 DROP TCP 192.0.2.1", "none", "", "", "2026-01-05 10:11:12 DROP TCP 192.0.2.1"},
		{"101 6 tap101i0-IN 05/Jan/2026:10:11:12 +0100 DROP: IN=", "none", "", "", "101 6 tap101i0-IN 05/Jan/2026:10:11:12 +0100 DROP: IN="},

		// OpenWrt and busybox.
		{"Mon Jan  5 10:11:12 2026 kern.warn kernel: [12345.678901] reject wan in: IN=pppoe-wan", "2026-01-05T10:11:12Z assumed_zone", "", "kernel", "reject wan in: IN=pppoe-wan"},
		{"Jan  5 10:11:12 ap kern.warn kernel: [12345.678901] DROP IN=", inferred, "ap", "kernel", "DROP IN="},
		{"Jan  5 10:11:12 kern.warn kernel: DROP IN=", inferred, "", "kernel", "DROP IN="},
		{"Jan  5 10:11:12 ap local0.notice DROP IN=", inferred, "ap", "", "DROP IN="},

		// Stacked headers: the one nearest to the message wins.
		{"2026-01-05T10:11:13+01:00 relay Jan  5 09:11:12 fw kernel: [ 1234.567890] DROP IN=", "2026-01-05T09:11:12Z inferred_year", "fw", "kernel", "DROP IN="},
		{"2026-01-05T10:11:13+01:00 relay Jan  5 10:11:12 fw kernel: DROP IN=", "2026-01-05T09:11:12Z estimated", "fw", "kernel", "DROP IN="},
		{"Jan  5 10:11:13 relay <4>Jan  5 10:11:12 fw kernel: DROP IN=", inferred, "fw", "kernel", "DROP IN="},
		{"Jan  5 10:11:13 Jan  5 10:11:12 fw kernel: DROP IN=", inferred, "fw", "kernel", "DROP IN="},
		{"Jan  5 10:11:14 a 2026-01-05T10:11:13+01:00 b Jan  5 09:11:12 fw kernel: DROP IN=", "2026-01-05T09:11:12Z inferred_year", "fw", "kernel", "DROP IN="},
		{"2026-01-01T00:00:01Z relay Dec 31 23:59:59 fw kernel: DROP IN=", "2025-12-31T23:59:59Z inferred_year", "fw", "kernel", "DROP IN="},
		{"2026-01-05T10:11:12+01:00 relay kernel: DROP IN=", exact, "relay", "kernel", "DROP IN="},

		// Damage.
		{"Jan  5 10:11:1", "none", "", "", "Jan  5 10:11:1"},
		{"Jan  5 10:11:12mx1 kernel: IN=", "none", "", "", "Jan  5 10:11:12mx1 kernel: IN="},
		{"\x00\x00Jan  5 10:11:12 mx1 kernel: IN=\r", inferred, "mx1", "kernel", "IN="},
		{"Jan  5 10:11:12 m\xfcnchen kernel: IN=", inferred, "m\xfcnchen", "kernel", "IN="},
	} {
		s := newSession(t, "")
		var e, first event.Entry
		s.Parse(tt.line, &first)
		s.Parse(tt.line, &e) // now the date is that of the line before
		first.Line = 2
		if e != first {
			t.Errorf("%s\nfirst  %+v\nsecond %+v", tt.line, first, e)
		}
		when := "none"
		if e.TimeQuality != event.TimeNone {
			when = string(event.AppendTime(nil, e.Time, e.TimeDigits)) + " " + e.TimeQuality.String()
		}
		if when != tt.when || e.Host != tt.host || e.Process != tt.program || e.Rule != tt.body {
			t.Errorf("%s\n got %s %q %q %q\nwant %s %q %q %q", tt.line, when, e.Host, e.Process, e.Rule,
				tt.when, tt.host, tt.program, tt.body)
		}
	}
}

func TestRepeats(t *testing.T) {
	s := newSession(t, "Europe/Berlin")
	for _, tt := range []struct {
		line, when, body string
		count            uint32
	}{
		{"Jan  5 10:11:12 fw kernel: message repeated 3 times: [ [UFW BLOCK] IN=eth0 URGP=0 ]", "09:11:12", "[UFW BLOCK] IN=eth0 URGP=0 ", 3},
		{"Jan  5 10:11:13 fw kernel: message repeated 2 times: [ [ 1234.567890] DROP IN=eth0]", "09:11:13", "DROP IN=eth0", 2},
		{"Jan  5 10:11:13 fw message repeated 2 times: [DROP IN=eth0", "09:11:13", "DROP IN=eth0", 2},
		{"Jan  5 10:11:14 fw kernel: DROP IN=eth1", "09:11:14", "DROP IN=eth1", 1},
		{"Jan  5 10:11:20 fw last message repeated 17 times", "09:11:20", "DROP IN=eth1", 17},
		{"Jan  5 10:11:21 last message repeated 2 times", "09:11:21", "DROP IN=eth1", 2},
		{"Jan  5 10:11:22 fw kernel: last message repeated 4 times", "09:11:22", "DROP IN=eth1", 4},
		// Prefixes that only look alike.
		{"Jan  5 10:11:23 fw kernel: message repeated IN=", "09:11:23", "message repeated IN=", 1},
		{"Jan  5 10:11:23 fw kernel: last message repeated 3 times IN=", "09:11:23", "last message repeated 3 times IN=", 1},
		{"Jan  5 10:11:23 fw kernel: message repeated 0 times: [ x]", "09:11:23", "message repeated 0 times: [ x]", 1},
		{"Jan  5 10:11:23 fw kernel: message repeated 99999999999 times: [ x]", "09:11:23", "message repeated 99999999999 times: [ x]", 1},
	} {
		var e event.Entry
		s.Parse(tt.line, &e)
		if e.When().Format("15:04:05") != tt.when || e.Rule != tt.body || e.Count != tt.count || e.Host != "fw" && !strings.Contains(tt.line, "12 last") {
			t.Errorf("%s\n got %s %q %d %q", tt.line, e.When(), e.Rule, e.Count, e.Host)
		}
	}
}

// A header's time follows the rules of the part: the clock goes over New Year.
func TestClockFollows(t *testing.T) {
	s := newSession(t, "Europe/Berlin")
	var e event.Entry
	for _, tt := range []struct{ line, want string }{
		{"Dec 31 23:59:59 fw kernel: IN=", "2025-12-31T22:59:59Z"},
		{"<4>Jan  1 00:00:00 fw kernel: IN=", "2025-12-31T23:00:00Z"},
		{"Jan  1 00:00:01.250 fw kernel: IN=", "2025-12-31T23:00:01.25Z"},
		{"Jan  1 00:00:02 fw kernel: IN=", "2025-12-31T23:00:02Z"},
	} {
		if s.Parse(tt.line, &e); e.When().Format(time.RFC3339Nano) != tt.want {
			t.Errorf("%s: got %s", tt.line, e.When().Format(time.RFC3339Nano))
		}
	}
}

func TestUnwrapAllocatesNothing(t *testing.T) {
	clock := parse.NewClock(parse.Hints{Zone: time.UTC, Reference: time.Date(2026, 1, 6, 0, 0, 0, 0, time.UTC)})
	var e event.Entry
	r := parse.Record{Entry: &e, Clock: &clock}
	u := New()
	for _, line := range []string{
		"Jan  5 10:11:12 mx1 kernel: [ 8123.456789] DROP IN=", "<4>Jan  5 10:11:12 mx1 kernel: DROP IN=",
		"2026-01-05T10:11:12.345678+01:00 mx1 kernel: DROP IN=", "<4>1 2026-01-05T10:11:12Z mx1 kernel - - - DROP IN=",
		"Mon Jan  5 10:11:12 2026 kern.warn kernel: [12345.678901] DROP IN=", "4,1234,5678901234,-;DROP IN=",
		"Jan  5 10:11:12 mx1 kernel: message repeated 3 times: [ DROP IN=]",
	} {
		if n := testing.AllocsPerRun(100, func() {
			e.TimeQuality = event.TimeNone
			if _, ok := u.Unwrap(line, &r); !ok {
				t.Error(line)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", line, n)
		}
	}
}

func FuzzUnwrap(f *testing.F) {
	for _, s := range []string{
		"Jan  5 10:11:12 mx1 kernel: [ 8123.456789] [UFW BLOCK] IN=eth0 OUT= ", "61 <4>Jan  5 10:11:12 gw kernel: IN=eth0",
		"<4>1 2026-01-05T10:11:12+01:00 mx1 app 12 ID7 [a@1 b=\"x \\\"] \\\\\"][c@2] \uFEFFDROP IN=", "4,1234,5678901234,-;DROP IN=",
		"Mon Jan  5 10:11:12 2026 kern.warn kernel: [12345.678901] x", "[Mon Jan  5 10:11:12 2026] x", "1767604272.345678 mx1 kernel: x",
		"Jan  5 10:11:12 fw kernel: message repeated 3 times: [ [UFW BLOCK] IN=eth0 URGP=0 ]", "last message repeated 3 times",
		"kern  :warn  : [ 1234.567890][  T123] DROP", "[ 1234.567890] mx1 kernel: DROP", "2026-01-05T10:11:12,345678+01:00 DROP IN=",
		"Mon 2026-01-05 10:11:12 CET mx1 kernel: DROP",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		clock := parse.NewClock(parse.Hints{Reference: time.Date(2026, 1, 6, 0, 0, 0, 0, time.UTC)})
		var e event.Entry
		e.Count = 1
		r := parse.Record{Entry: &e, Clock: &clock}
		u, rest := New(), text
		for range 4 {
			body, ok := u.Unwrap(rest, &r)
			if !ok && body != rest {
				t.Fatalf("%q: refused, but %q became %q", text, rest, body)
			}
			if !strings.Contains(rest, body) || !strings.Contains(text, e.Host) || !strings.Contains(text, r.Program) && r.Program != "kernel" {
				t.Fatalf("%q: %q, host %q, program %q are not of it", text, body, e.Host, r.Program)
			}
			if ok && len(body) >= len(rest) {
				t.Fatalf("%q: nothing was taken off", text)
			}
			if !ok {
				break
			}
			rest = body
		}
		if e.Count == 0 {
			t.Fatal("no packet")
		}
	})
}

func BenchmarkUnwrap(b *testing.B) {
	const packet = "[UFW BLOCK] IN=eth0 OUT= MAC=52:54:00:aa:bb:01:52:54:00:aa:bb:fe:08:00 SRC=203.0.113.9 DST=192.0.2.25 LEN=60 TOS=0x00 PREC=0x00 TTL=51 ID=40221 DF PROTO=TCP SPT=51234 DPT=25 WINDOW=64240 RES=0x00 SYN URGP=0 "
	for _, bb := range []struct{ name, line string }{
		{"rsyslog traditional", "Jan  5 10:11:12 mx1 kernel: [ 8123.456789] " + packet},
		{"rsyslog traditional, no uptime", "Jan  5 10:11:12 mx1 kernel: " + packet},
		{"rfc3339", "2026-01-05T10:11:12.345678+01:00 mx1 kernel: [ 8123.456789] " + packet},
		{"rfc3164 wire", "<4>Jan  5 10:11:12 mx1 kernel: " + packet},
		{"rfc5424", "<4>1 2026-01-05T10:11:12.345678+01:00 mx1 kernel - - - " + packet},
		{"logread", "Mon Jan  5 10:11:12 2026 kern.warn kernel: [12345.678901] " + packet},
		{"no header", packet},
	} {
		b.Run(bb.name, func(b *testing.B) {
			clock := parse.NewClock(parse.Hints{Zone: time.UTC, Reference: time.Date(2026, 1, 6, 0, 0, 0, 0, time.UTC)})
			var e event.Entry
			r := parse.Record{Entry: &e, Clock: &clock}
			u := New()
			b.ReportAllocs()
			b.SetBytes(int64(len(bb.line)))
			for b.Loop() {
				e.TimeQuality = event.TimeNone
				r.Program = ""
				if body, _ := u.Unwrap(bb.line, &r); len(body) != len(packet) {
					b.Fatal(body)
				}
			}
		})
	}
}
