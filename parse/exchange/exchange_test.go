package exchange

import (
	"encoding/json"
	"path/filepath"
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
	logs, err := filepath.Glob("testdata/*.log")
	if err != nil || len(logs) == 0 {
		t.Fatal("no test data", err)
	}
	for _, log := range logs {
		s := newSession() // of a file: it keeps the header
		golden.Files(t, log, func(line string) []byte {
			var e event.Entry
			s.Parse(line, &e)
			return e.AppendJSON(nil)
		})
	}
}

func TestDocumented(t *testing.T) { mailtest.Documented(t, Kind(), syslog.Layer()) }

func TestMatch(t *testing.T) {
	mailtest.Match(t, Kind(), map[string]bool{
		"|2026-01-05T09:11:12.345Z,Internet,08DE4C0011223344,0,,203.0.113.19:25,*,,attempting": true,
		"|2026-01-05T09:11:12.345Z,Internet,08DE4C0011223344,0,,203.0.113.19:25,x,,attempting": false,
		"|2026-01-05T09:11:12.345Z,Internet,not a session id,0,,203.0.113.19:25,*,,attempting": false,
		"|2026-01-05T09:11:12.345,Internet,08DE4C0011223344,0,,203.0.113.19:25,*,,attempting":  false,
		"|2026-01-05T09:11:12.345Z,MAIL01,ECP.Request,\"S:TIME=4365;S:SID=1\"":                 false,
		"|2026-01-05 09:11:12 203.0.113.19 - SMTPSVC1 MAIL01 - 25 - - x":                       true,
		"|2026-01-05 09:11:12 W3SVC1 203.0.113.19 GET /index.html - 80 - 203.0.113.9 x 200":    false,
		"|203.0.113.9, -, 1/5/26, 13:17:37, W3SVC1, WEB01, 192.0.2.25, 90, 42, 0, 200, 0, GET": false,
		"|2026-01-05 10:11:42 1tUxyz-0001Ab-2C Completed":                                      false,
		"|" + mailtest.Netfilter: false, "|": false,
	})
}

// The header of another file, or of another program, leaves the usual columns as they are.
func TestHeaders(t *testing.T) {
	for _, header := range []string{
		"#Fields: date time action protocol src-ip dst-ip",
		"#Fields: date-time,unknown,columns",
		"#Fields: date-time,session,source,Destination,direction,description",
		"#Fields: ",
	} {
		s := newSession()
		var e event.Entry
		s.Parse(header, &e)
		s.Parse(Kind().Doc.Examples[2], &e)
		if e.Error != "" || e.Delivery == nil || e.Delivery.ReasonClass != event.ReasonTimeout {
			t.Errorf("%s: %s", header, e.AppendJSON(nil))
		}
	}
	// Columns in another order are found by their names.
	s := newSession()
	var e event.Entry
	s.Parse("#Fields: date-time,event,data,context,session-id,remote-endpoint,local-endpoint,connector-id", &e)
	s.Parse(`2026-01-05T09:12:01.010Z,<,451 4.7.1 later,,08DE4C0011223355,203.0.113.20:25,192.0.2.25:44276,Internet`, &e)
	if d := e.Delivery; d == nil || d.SMTPCode != 451 || d.RemotePort != 25 || d.QueueID != "08DE4C0011223355" {
		t.Errorf("%s", e.AppendJSON(nil))
	}
}

func TestCut(t *testing.T) {
	for _, name := range []string{"send", "receive", "connectivity", "tracking", "service"} {
		var header []string
		var lines []string
		for line := range golden.Lines(t, "testdata/"+name+".log") {
			if line[0] == '#' {
				header = append(header, line)
			} else {
				lines = append(lines, line)
			}
		}
		mailtest.Cut(t, func() *parse.Session {
			s := newSession()
			for _, h := range header {
				s.Parse(h, new(event.Entry))
			}
			return s
		}, lines)
	}
}

// Elastic's samples, as its agent ships them.
func TestCorpusOfElastic(t *testing.T) {
	text := strings.Join(mailtest.Corpus(t, "elastic__integrations/packages/microsoft_exchange_server/data_stream/smtp/_dev/test/pipeline/test-smtp.json"), "\n")
	var file struct {
		Events []struct{ Message string }
	}
	if err := json.Unmarshal([]byte(text), &file); err != nil {
		t.Fatal(err)
	}
	want := []struct {
		remote string
		port   uint16
		class  event.ReasonClass
	}{
		{"10.11.12.13", 2525, event.ReasonNone},
		{"10.11.12.13", 2525, event.ReasonNone},
		{"10.11.12.13", 2525, event.ReasonRefused},
		{"10.11.12.14", 53228, event.ReasonNone},
		{"10.11.12.14", 53230, event.ReasonNone},
		{"10.11.12.14", 53228, event.ReasonNone},
		{"10.11.12.14", 53230, event.ReasonNone},
	}
	if len(file.Events) != len(want) {
		t.Fatalf("%d events", len(file.Events))
	}
	s := newSession()
	for i, w := range want {
		var e event.Entry
		s.Parse(file.Events[i].Message, &e)
		d := e.Delivery
		if e.Format != event.Exchange || e.Error != "" || e.TimeQuality != event.TimeExact || e.TimeDigits != 3 || d == nil ||
			d.RemoteIP.String() != w.remote || d.RemotePort != w.port || d.ReasonClass != w.class || (d.Status == event.Deferred) != (w.class != event.ReasonNone) {
			t.Errorf("%d: %s", i, e.AppendJSON(nil))
		}
	}
}

// CrowdSec's samples are refused log-ins; the fields of the first are those of its parser.assert.
func TestCorpusOfCrowdSec(t *testing.T) {
	lines := 0
	for _, file := range []string{"exchange-smtp-logs/exchange-smtp-logs.log", "exchange-smtp-bf/exchange-smtp-bf.log"} {
		for i, line := range mailtest.Corpus(t, "crowdsecurity__hub/"+file) {
			// The last lines of one file have no line end between them.
			for j, part := range strings.Split(line, ",2022-07-20T") {
				if j > 0 {
					part = "2022-07-20T" + part
				}
				var e event.Entry
				newSession().Parse(part, &e)
				d := e.Delivery
				if e.Error != "" || d == nil || d.RemoteIP.String() != "192.168.9.212" || d.RemotePort != 53722 || d.SMTPCode != 535 ||
					d.DSN != "5.7.3" || d.Status != event.StatusNone || d.ReasonClass != event.ReasonPolicy || d.QueueID != "08DA4F7C11473A60" ||
					e.Host != "EXCHANGE-1" || string(event.AppendTime(nil, e.Time, e.TimeDigits)) != "2022-07-20T21:12:06.270Z" {
					t.Errorf("%s:%d: %s", file, i+1, e.AppendJSON(nil))
				}
				lines++
			}
		}
	}
	if lines != 10 {
		t.Errorf("%d lines", lines)
	}
}

// Wazuh's samples are of other logs of Exchange, which tell of no mail: they are left alone.
func TestCorpusOfWazuh(t *testing.T) {
	seen := 0
	for i, line := range mailtest.Corpus(t, "wazuh__wazuh/ruleset/testing/tests/exchange.ini") {
		if _, sample, ok := strings.Cut(line, " pass = "); ok {
			seen++
			var e event.Entry
			newSession().Parse(sample, &e)
			if e.Format != event.FormatUnknown {
				t.Errorf("%d: %s", i+1, e.AppendJSON(nil))
			}
		}
	}
	if seen != 2 {
		t.Errorf("%d samples", seen)
	}
}

func TestSplit(t *testing.T) {
	var r row
	r.split(`a,"b,""c""",,d,"e`)
	if got, want := r.field[:r.n], []string{"a", `b,""c""`, "", "d", "e"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	r.split(strings.Repeat(",", 100))
	if r.n != len(r.field) {
		t.Errorf("%d fields", r.n)
	}
}

func TestNoAllocations(t *testing.T) {
	mailtest.NoAllocations(t, newSession(), Kind().Doc.Examples)
}

func FuzzParse(f *testing.F) { mailtest.Fuzz(f, Kind(), syslog.Layer()) }

func BenchmarkParse(b *testing.B) {
	b.Run("file", func(b *testing.B) { mailtest.Bench(b, newSession(), Kind().Doc.Examples[2]) })
	b.Run("no match", func(b *testing.B) { mailtest.NoMatch(b, Kind(), mailtest.Netfilter) })
}
