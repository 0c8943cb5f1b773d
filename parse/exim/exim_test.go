package exim

import (
	"slices"
	"strings"
	"testing"

	"mailstop/event"
	"mailstop/internal/golden"
	"mailstop/internal/mailtext"
	"mailstop/parse"
	"mailstop/parse/mailtest"
	"mailstop/parse/syslog"
)

func session() *parse.Session { return mailtest.Session(Kind(), syslog.Layer()) }

func TestGolden(t *testing.T) {
	golden.Files(t, "testdata/*.log", func(line string) []byte {
		var e event.Entry
		session().Parse(line, &e)
		return e.AppendJSON(nil)
	})
}

func TestDocumented(t *testing.T) { mailtest.Documented(t, Kind(), syslog.Layer()) }

// Lines of other formats are left alone, also those that start with the same stamp.
func TestMatch(t *testing.T) {
	mailtest.Match(t, Kind(), map[string]bool{
		"exim|anything":                                                      true,
		"exim4|1tUxyz-0001Ab-2C Completed":                                   true,
		"|1tUxyz-0001Ab-2C Completed":                                        true,
		"mainlog|1tUxyz-00000000abc-0DeF => a@example.com":                   true,
		"|1tUxyz-0001Ab-2C something":                                        false,
		"|2026-01-05 10:11:42 1tUxyz-0001Ab-2C something":                    true,
		"|2026-01-05 10:11:42 1tUxyz-0001Ab-2C":                              true,
		"|2026-01-05 10:11:42 1tUxyz-0001Ab-2Cx => ":                         false,
		"|[2/3] 2026-01-05 10:11:42 text":                                    true,
		"|[2/3] text":                                                        false,
		"exim|[2/3] text":                                                    true,
		"|exim: a longer text":                                               true,
		"|exim[4711]: text":                                                  true,
		"|mx3 exim[4711]: text":                                              true,
		"|mx3 exim text":                                                     false,
		"|2026-01-05 10:11:42 DROP TCP 192.0.2.1 192.0.2.2":                  false,
		"|2026-01-05 10:11:42 H=x [192.0.2.1] rejected RCPT <a@example.com>": true,
		"|2026-01-05 10:11:42 U=root F=<root@example.com> rejected by local_scan()":      true,
		"|2026-01-05 10:11:42 login authenticator failed for (x) [192.0.2.1]: 535 no":    true,
		"|2026-01-05 10:11:42 rejected EHLO from [192.0.2.1]: syntactically invalid":     true,
		"|2026-01-05 10:11:42 Connection from [192.0.2.1] refused: too many connections": true,
		"|2026-01-05 10:11:42 pid 4711: SIGHUP received: re-exec daemon":                 true,
		"|2026-01-05 10:11:42 Warning: purging the environment.":                         true,
		"|2026-01-05 10:11:42 H=x":                                   false,
		"|2026-01-05 10:11:42 U=root":                                false,
		"|2026-01-05 10:11:42 LDAP bind failed: Invalid credentials": false,
		"|2026-01-05 10:11:42 Warning: disk full":                    false,
		"|2026-01-05 10:11:42 rejected login":                        false,
		"|2026-01-05 10:11:42 Connection from 192.0.2.1 port 40112":  false,
		"|2026-01-05 10:11:42 SMTP connection established":           false,
		"|2026-01-05 10:11:42 Failed to open file":                   false,
		"|2026-01-05 10:11:42 SIGHUP received, reloading":            false,
		"|2026-01-05 10:11:42 PHP authenticator failed for x":        false,
		"|2026-01-05T10:11:42 H=x [192.0.2.1] rejected":              false,
		"|2026-01-05 10:11:42   smtp: x":                             false,
		"|":                                                          false,
		"|" + mailtest.Netfilter:                                     false,
		"postfix/smtp|4F1C22A0B7: to=<a@example.com>":                false,
		"sm-mta|6059BBqL003310: to=<a@example.com>, stat=Sent":       false,
	})
}

// A cut line tells nothing that the whole one does not.
func TestCut(t *testing.T) {
	for _, name := range []string{"mainlog", "inbound"} {
		mailtest.Cut(t, session, slices.Collect(golden.Lines(t, "testdata/"+name+".log")))
	}
}

func TestDuration(t *testing.T) {
	for in, want := range map[string]string{
		"0s": "0s", "1w2d3h4m5s": "219h4m5s", "0.349s": "349ms", "2m11s": "2m11s", "": "-", "5": "-", "s": "-", "5x": "-", "1.5": "-",
		"999999999w": "-",
	} {
		got := "-"
		if d, ok := duration(in); ok {
			got = d.String()
		}
		if got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

// The local part that stands bare behind a flag is found, whatever the line is wrapped in.
func TestBareLocalPart(t *testing.T) {
	for in, want := range map[string]string{
		"2026-01-05 10:11:42 1tUxyz-0001Ab-2C => user <user@example.net> R=local T=maildir": "2026-01-05 10:11:42 1tUxyz-0001Ab-2C =>  <@example.net> R=local T=maildir",
		"2026-01-05 10:11:42 1tUxyz-0001Ab-2C ** user: Unrouteable address":                 "2026-01-05 10:11:42 1tUxyz-0001Ab-2C ** : Unrouteable address",
	} {
		var e event.Entry
		session().Parse(in, &e)
		if e.Raw != want {
			t.Errorf("%q\nwant %q", e.Raw, want)
		}
	}
	if got := withoutWord(new(mailtext.Arena), `{"log":"1tUxyz-0001Ab-2C =\u003e user \u003cuser@example.net\u003e"}`, "user"); strings.Contains(got, " user ") {
		t.Errorf("%q", got)
	}
}

func TestNoAllocations(t *testing.T) {
	mailtest.NoAllocations(t, session(), Kind().Doc.Examples)
}

func FuzzParse(f *testing.F) { mailtest.Fuzz(f, Kind(), syslog.Layer()) }

func BenchmarkParse(b *testing.B) {
	const deferral = "2026-01-05 10:11:42 1tUxyz-0001Ab-2C == user@example.com R=dnslookup T=remote_smtp defer (110): Connection timed out H=mx.example.com [203.0.113.19]"
	b.Run("mainlog", func(b *testing.B) { mailtest.Bench(b, session(), deferral) })
	b.Run("syslog", func(b *testing.B) { mailtest.Bench(b, session(), "Jan  5 10:11:42 mx3 exim[4711]: "+deferral) })
	b.Run("no match", func(b *testing.B) { mailtest.NoMatch(b, Kind(), mailtest.Netfilter) })
}
