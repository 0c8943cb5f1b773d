package sendmail

import (
	"slices"
	"testing"

	"mailstop/event"
	"mailstop/internal/golden"
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

func TestMatch(t *testing.T) {
	mailtest.Match(t, Kind(), map[string]bool{
		"sendmail|anything": true, "sm-mta|x": true, "sm-mta-in|x": true, "sm-msp-queue|x": true, "sm-client|x": true,
		"sm-acceptingconnections|x": true, "sm-notify|x": false, "postfix/sendmail|x": false, "smtpd|x": false, "exim|x": false,
		"|6059BBqL003310: to=<a@example.com>, stat=Sent":                 true,
		"|6059BBqL003310: to=<a@example.com>, relay=x, status=sent (ok)": false,
		"|6059BBqL003310: from=<a@example.com>, size=1, nrcpts=1":        true,
		"|6059BBqL003310: from=<a@example.com>, size=1, nrcpt=1 (queue":  false,
		"postfix/smtp|6059BBqL003310: to=<a@example.com>, stat=Sent":     false,
		"|" + mailtest.Netfilter:                                         false, "|": false, "|6059BBqL003310: ": false, "|runqueue: to=a, stat=b": false,
	})
}

func TestCut(t *testing.T) {
	mailtest.Cut(t, session, slices.Collect(golden.Lines(t, "testdata/sendmail.log")))
}

func TestNoAllocations(t *testing.T) {
	mailtest.NoAllocations(t, session(), Kind().Doc.Examples)
}

func FuzzParse(f *testing.F) { mailtest.Fuzz(f, Kind(), syslog.Layer()) }

func BenchmarkParse(b *testing.B) {
	b.Run("syslog", func(b *testing.B) { mailtest.Bench(b, session(), Kind().Doc.Examples[0]) })
	b.Run("no match", func(b *testing.B) { mailtest.NoMatch(b, Kind(), mailtest.Netfilter) })
}
