package opensmtpd

import (
	"slices"
	"strings"
	"testing"

	"mailstop/event"
	"mailstop/internal/golden"
	"mailstop/parse"
	"mailstop/parse/mailtest"
	"mailstop/parse/syslog"
)

func newSession() *parse.Session { return mailtest.Session(Kind(), syslog.Layer()) }

func TestGolden(t *testing.T) {
	golden.Files(t, "testdata/*.log", func(line string) []byte {
		var e event.Entry
		newSession().Parse(line, &e)
		return e.AppendJSON(nil)
	})
}

func TestDocumented(t *testing.T) { mailtest.Documented(t, Kind(), syslog.Layer()) }

func TestMatch(t *testing.T) {
	mailtest.Match(t, Kind(), map[string]bool{
		"smtpd|info: OpenSMTPD 7.5.0 starting": true, "smtpd|warn: queue": true, "x|warn: queue: no return path": false,
		"|6f2a1c0d9e8b7a65 mta connected": true, "x|6f2a1c0d9e8b7a65 smtp connected address=local": true,
		"|6f2a1c0d9e8b7a6X mta connected": false, "|6f2a1c0d9e8b7a65 mtx connected": false, "|6f2a1c0d9e8b7a6 mta connected": false,
		"|smtp-out: x": true, "|smtp-in: x": true, "|relay: Ok for 1a2b3c4d5e6f7081: x": true, "|relay: Ok for 1a2b3c4d5e6f7081": false,
		"|delivery: Ok for 1a2b3c4d5e6f7081: x": true, "smtpd|connect from mail.example.org[203.0.113.9]": false,
		"postfix/smtpd|connect from unknown[203.0.113.9]": false, "|" + mailtest.Netfilter: false, "|": false,
	})
}

func TestCut(t *testing.T) {
	mailtest.Cut(t, newSession, slices.Collect(golden.Lines(t, "testdata/opensmtpd.log")))
}

// Wazuh's samples, of 5.4: each is an event of the server.
func TestCorpusOfWazuh(t *testing.T) {
	want := map[int]struct {
		domain string
		code   uint16
		class  event.ReasonClass
	}{
		2:  {"", 421, event.ReasonPolicy},
		9:  {},
		16: {"ix.example.com", 0, event.ReasonNone},
		23: {},
		30: {},
		37: {"", 0, event.ReasonTLS},
		44: {},
	}
	seen := 0
	for i, line := range mailtest.Corpus(t, "wazuh__wazuh/ruleset/testing/tests/opensmtpd.ini") {
		_, sample, ok := strings.Cut(line, " pass = ")
		if !ok {
			continue
		}
		seen++
		var e event.Entry
		newSession().Parse(sample, &e)
		d := e.Delivery
		if e.Format != event.OpenSMTPD || e.Error != "" || d == nil || d.Status != event.StatusNone || len(d.QueueID) != 16 {
			t.Errorf("%d: %s", i+1, e.AppendJSON(nil))
			continue
		}
		if w := want[i+1]; d.RcptDomain != w.domain || d.SMTPCode != w.code || d.ReasonClass != w.class {
			t.Errorf("%d: %s", i+1, e.AppendJSON(nil))
		}
	}
	if seen != len(want) {
		t.Errorf("%d samples, want %d", seen, len(want))
	}
}

func TestNoAllocations(t *testing.T) {
	mailtest.NoAllocations(t, newSession(), Kind().Doc.Examples)
}

func FuzzParse(f *testing.F) { mailtest.Fuzz(f, Kind(), syslog.Layer()) }

func BenchmarkParse(b *testing.B) {
	b.Run("syslog", func(b *testing.B) { mailtest.Bench(b, newSession(), Kind().Doc.Examples[2]) })
	b.Run("no match", func(b *testing.B) { mailtest.NoMatch(b, Kind(), mailtest.Netfilter) })
}
