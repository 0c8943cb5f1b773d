package postfix

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mailstop/event"
	"mailstop/internal/golden"
	"mailstop/parse"
	"mailstop/parse/envelope"
	"mailstop/parse/mailtest"
	"mailstop/parse/syslog"
)

// newSession reads lines as they stand in files, headers and all.
func newSession() *parse.Session {
	s := parse.NewSession(parse.Table{
		Layers: []parse.Layer{envelope.Layer(), syslog.Layer()},
		Kinds:  []parse.Kind{Kind()},
	}, event.FormatUnknown, "")
	s.Resume(parse.State{Clock: parse.NewClock(parse.Hints{Year: 2026})})
	return s
}

func read(line string) *event.Entry {
	e := new(event.Entry)
	newSession().Parse(line, e)
	return e
}

func TestGolden(t *testing.T) {
	s := newSession()
	golden.Files(t, "testdata/*.log", func(line string) []byte {
		var e event.Entry
		s.Parse(line, &e)
		return e.AppendJSON(nil)
	})
}

// Before and PortAssumed are not in the JSON.
func TestBefore(t *testing.T) {
	const record = "4F1C22A0B7: to=<user@example.com>, relay=none, delay=35, delays=4.8/0.02/"
	for _, c := range []struct {
		program, body string
		before        time.Duration
		port          uint16
		assumed       bool
	}{
		{"smtp", record + "0/30, dsn=4.4.1, status=deferred (connect to mx.example.com[203.0.113.19]:25: Connection timed out)", 30 * time.Second, 25, false},
		{"smtp", record + "0.8/1.25, dsn=4.4.1, status=deferred (lost connection with mx.example.com[203.0.113.19] while x)", 2050 * time.Millisecond, 25, true},
		{"lmtp", record + "0.8/1, dsn=4.4.1, status=deferred (lost connection with mx.example.com[203.0.113.19] while x)", 1800 * time.Millisecond, 24, true},
		{"error", record + "0/30, dsn=4.4.1, status=deferred (delivery temporarily suspended: connect to mx.example.com[203.0.113.19]:25: Connection timed out)", 0, 25, false},
		{"smtp", record + "0/x, dsn=4.4.1, status=deferred (connect to mx.example.com[203.0.113.19]:25: Connection refused)", time.Second, 25, false},
		{"smtp", record + "0/0, dsn=4.3.0, status=deferred (mail transport unavailable)", 0, 0, false},
		{"smtp", "connect to mx.example.com[203.0.113.19]:25: Connection timed out", 30 * time.Second, 25, false},
		{"smtp", "connect to mx.example.com[203.0.113.19]:25: Connection refused", time.Second, 25, false},
		{
			"smtp", "4F1C22A0B7: to=<user@example.com>, relay=none, delay=31, status=deferred (connect to mx.example.com[203.0.113.19]: Connection timed out)",
			30 * time.Second, 25, true,
		},
		{"smtp", "connect to mx.example.com[203.0.113.19]: Connection timed out (port 26)", 30 * time.Second, 26, false},
		{"lmtp", "connect to mx.example.com[203.0.113.19]: Connection refused", time.Second, 24, true},
		{"smtp", "4F1C22A0B7: conversation with mx.example.com[203.0.113.19] timed out while sending RCPT TO", 5 * time.Minute, 25, true},
		{"smtpd", "connect from mx.example.com[203.0.113.19]", 0, 0, false},
	} {
		e := read("Jan  5 10:11:42 mx1 postfix/" + c.program + "[1]: " + c.body)
		d := e.Delivery
		if e.Error != "" || d.Before != c.before || d.RemotePort != c.port || d.PortAssumed != c.assumed {
			t.Errorf("%s\ngot %v, port %d, assumed %t, %s; want %v, %d, %t", c.body, d.Before, d.RemotePort, d.PortAssumed, e.Error,
				c.before, c.port, c.assumed)
		}
	}
}

func TestPrograms(t *testing.T) {
	for program, want := range map[string]bool{
		"postfix": true, "postfix/smtp": true, "postfix-out/smtp": true, "postfix/submission/smtpd": true, "outbound/smtp": true,
		"postfix/policy-spf": true, "postfix-policyd-spf": false, "postfixadmin": false, "smtpd": false, "kernel": false, "sm-mta": false,
		"exim": false, "/smtp": false, "cyrus/lmtp": false, "cyrus/master": false, "opendkim": false, "a/b": false,
	} {
		if got := isPostfix(program); got != want {
			t.Errorf("%s: %t, want %t", program, got, want)
		}
	}
}

func TestQueueID(t *testing.T) {
	for s, want := range map[string]string{
		"4F1C22A0B7: x": "4F1C22A0B7", "C5FB1: x": "C5FB1", "4kLsXy2Bq0z9rtB: x": "4kLsXy2Bq0z9rtB", "4kLsXy2Bq0z9rtB:": "4kLsXy2Bq0z9rtB",
		"ED06590130AA1C9D6D862: x": "ED06590130AA1C9D6D862",
		"4F1C:":                    "", "warning: x": "", "statistics: x": "", "4F1C22A0B7 x": "", "4F1C22A0B7:x": "", "NOQUEUE: x": "", "": "",
		"cache btree:/var": "", "4kLsXy2Bq0q9rtB: x": "", "reject: x": "",
	} {
		if got, _ := queueID(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

func TestSeconds(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"35": 35 * time.Second, "0.02": 20 * time.Millisecond, "4566/": 4566 * time.Second, "1.5x": 1500 * time.Millisecond, "3.": 3 * time.Second,
		"0.1234567891234": 123456789, "99999999999": 0, "": 0, "-1": 0, ".5": 0,
	} {
		if got, _ := seconds(s); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
}

func TestReadPeer(t *testing.T) {
	for s, want := range map[string]string{
		"mx.example.com[192.0.2.1]:25: x":  "mx.example.com 192.0.2.1 25",
		"mx.example.com[192.0.2.1] said":   "mx.example.com 192.0.2.1 0",
		"unknown[2001:db8::1]":             " 2001:db8::1 0",
		"[192.0.2.1]:65535":                " 192.0.2.1 65535",
		"[192.0.2.1]:65536":                " 192.0.2.1 0",
		"2001:db8::1[2001:db8::1]:25":      "2001:db8::1 2001:db8::1 25",
		"2001:db8::[2001:db8::]:25":        "2001:db8:: 2001:db8:: 25",
		"mx.example.com[IPv6:2001:db8::1]": "mx.example.com 2001:db8::1 0",
		"mx.example.com[fe80::1%eth0]":     "mx.example.com fe80::1 0",
		"mx.example.com[::ffff:192.0.2.1]": "mx.example.com 192.0.2.1 0",
		"smtp:[192.0.2.1]:25":              "",
		"mx.example.com[unknown]":          "",
		"mx.example.com[private/lmtp]":     "",
		"mx.example.com[192.0.2.1":         "",
		"mx.example.com[1.2.3]":            "",
		"mx.example.com[256.1.1.1]":        "",
		"mx.example.com":                   "",
		"":                                 "",
	} {
		p, ok := readPeer(s)
		got := ""
		if ok {
			got = fmt.Sprintf("%s %v %d", p.name, p.ip, p.port)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

// No part of a line may keep the names of people, wherever in the line they are.
func TestNoLocalPartIsKept(t *testing.T) {
	for line := range golden.Lines(t, "testdata/deliveries.log") {
		const name = "hmustermann"
		line = strings.ReplaceAll(line, "user@", name+"@")
		e := read(line)
		if out := string(e.AppendJSON(nil)); strings.Contains(out, name) {
			t.Errorf("%s\nkeeps the name: %s", line, out)
		}
	}
}

func TestDocumented(t *testing.T) { mailtest.Documented(t, Kind(), syslog.Layer()) }

// A line that is cut says nothing that the whole line does not.
func TestCut(t *testing.T) {
	var lines []string
	for _, name := range []string{"testdata/deliveries.log", "testdata/attempts.log", "testdata/inbound.log"} {
		for line := range golden.Lines(t, name) {
			lines = append(lines, line)
		}
	}
	mailtest.Cut(t, newSession, lines)
}

func TestMatch(t *testing.T) {
	mailtest.Match(t, Kind(), map[string]bool{
		"postfix/smtp|connect to mx.example.com[203.0.113.19]:25: Connection refused": true,
		"postfix/smtp|":             true,
		"kernel|postfix/smtp[1]: x": false,
		"sm-mta|4F1C22A0B7: to=<user@example.com>, relay=none, delay=35, status=x": false,
		"|postfix/smtp[1]: x":           true,
		"|postfix/smtp: connect from x": true,
		"|postfix/smtp[x]: y":           false,
		"|postfixadmin[1]: y":           false,
		"|outbound/smtp[1]: connect":    false,
		"|4F1C22A0B7: to=<user@example.com>, relay=none, delay=35, status=deferred (x)": true,
		"|4F1C22A0B7: to=<user@example.com>, relay=none, delay=35, stat=Deferred":       false,
		"|4F1C22A0B7: from=<user@example.com>, size=1":                                  false,
		"|" + mailtest.Netfilter: false,
		"|":                      false,
	})
}

func TestParseDoesNotAllocate(t *testing.T) {
	p, e := Kind().New(), new(event.Entry)
	r := parse.Record{Entry: e, Program: "postfix/smtp"}
	// AllocsPerRun rounds down: a chunk of deliveries, and one of texts without local parts, lasts for many lines.
	if n := testing.AllocsPerRun(1000, func() {
		for _, s := range benchBodies {
			*e = event.Entry{Raw: s}
			_ = p.Parse(s, &r)
		}
	}); n != 0 {
		t.Errorf("%v allocations for %d lines", n, len(benchBodies))
	}
}

func FuzzParse(f *testing.F) { mailtest.Fuzz(f, Kind(), envelope.Layer(), syslog.Layer()) }

// What is left of a recipient is its domain, whatever the local part is.
func FuzzRecipient(f *testing.F) {
	for _, s := range []string{"user", `"a, b> c"`, `"x\"y"`, "a+b=c", "пользователь", "a b", `"`, "a>b", "@", "a@b", "<"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, local string) {
		if local == "" || strings.ContainsAny(local, "\n\r\x00") {
			return
		}
		quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(local) + `"`
		line := "Jan  5 10:11:42 mx1 postfix/smtp[1]: 4F1C22A0B7: to=<" + quoted + "@example.com>, relay=none, delay=1, " +
			"delays=0/0/0/1, dsn=4.4.1, status=deferred (connect to mx.example.com[203.0.113.19]:25: Connection refused)"
		e := read(line)
		want := strings.Replace(line, quoted, "", 1)
		if d := e.Delivery; e.Raw != want || e.Error != "" || d.RcptDomain != "example.com" || d.RemoteIP.String() != "203.0.113.19" {
			t.Errorf("%q\n%s", line, e.AppendJSON(nil))
		}
	})
}
