package mailtest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailstop/event"
	"mailstop/internal/golden"
	"mailstop/parse"
	"mailstop/parse/exchange"
	"mailstop/parse/exim"
	"mailstop/parse/mailtest"
	"mailstop/parse/opensmtpd"
	"mailstop/parse/sendmail"
	"mailstop/parse/syslog"
)

func kinds() []parse.Kind {
	return []parse.Kind{exim.Kind(), sendmail.Kind(), exchange.Kind(), opensmtpd.Kind()}
}

// whose says which format a file of the corpus is of, by the start of its path: "" if it is of none of these four.
var whose = []struct {
	path   string
	format event.Format
}{
	{"Exim__exim/", event.Exim},
	{"crowdsecurity__hub/exim-", event.Exim},
	{"crowdsecurity__hub/exchange-", event.Exchange},
	{"elastic__integrations/packages/microsoft_exchange_server/", event.Exchange},
	{"fail2ban__fail2ban/fail2ban/tests/files/logs/exim", event.Exim},
	{"fail2ban__fail2ban/fail2ban/tests/files/logs/sendmail-", event.Sendmail},
	{"aag1990__UAHL/", event.Sendmail},
	{"wazuh__wazuh/ruleset/testing/tests/exim.ini", event.Exim},
	{"wazuh__wazuh/ruleset/testing/tests/opensmtpd.ini", event.OpenSMTPD},
	{"wazuh__wazuh/ruleset/testing/tests/exchange.ini", event.Exchange},

	// Postfix.
	{"crowdsecurity__hub/postfix-", event.FormatUnknown},
	{"fail2ban__fail2ban/fail2ban/tests/files/logs/postfix", event.FormatUnknown},
	{"infohtreasure__Postfix-Maillog-Dump/", event.FormatUnknown},
	{"teliten__log.plemma/", event.FormatUnknown},
	{"wazuh__wazuh/ruleset/testing/tests/postfix.ini", event.FormatUnknown},
	{"whyscream__postfix-grok-patterns/", event.FormatUnknown},

	// Of mail servers that are not read: Courier, Lotus Domino, qmail.
	{"fail2ban__fail2ban/fail2ban/tests/files/logs/courier-smtp", event.FormatUnknown},
	{"fail2ban__fail2ban/fail2ban/tests/files/logs/domino-smtp", event.FormatUnknown},
	{"fail2ban__fail2ban/fail2ban/tests/files/logs/qmail", event.FormatUnknown},
}

func isSendmail(line string) bool {
	return strings.Contains(line, " sendmail[") || strings.Contains(line, " sm-msp-queue[")
}

// statusOf looks at the end of a line of a delivery.
func statusOf(line string) event.DeliveryStatus {
	switch {
	case !strings.Contains(line, ": to="):
	case strings.Contains(line, ", stat=Sent"):
		return event.Sent
	case strings.Contains(line, ", stat=Deferred"):
		return event.Deferred
	case strings.Contains(line, ", stat=User unknown"), strings.Contains(line, ", stat=Service unavailable"), strings.Contains(line, ", stat=Data format error"):
		return event.Bounced
	}
	return event.StatusNone
}

// No format claims a line of another one's file, and every file is known.
func TestCorpusIsNotMisread(t *testing.T) {
	root := filepath.Join(golden.Corpus(t), "mail")
	files, moved := map[string]int{}, 0
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		for _, w := range whose {
			if !strings.HasPrefix(filepath.ToSlash(name), w.path) {
				continue
			}
			files[w.path]++
			s := parse.NewSession(parse.Table{Layers: []parse.Layer{syslog.Layer()}, Kinds: kinds()}, event.FormatUnknown, "")
			for i, line := range mailtest.Corpus(t, filepath.ToSlash(name)) {
				if _, sample, ok := strings.Cut(line, " pass = "); ok && strings.HasSuffix(name, ".ini") {
					line = sample
				}
				var e event.Entry
				s.Parse(line, &e)
				if e.Format == event.Sendmail && w.format != event.Sendmail && isSendmail(line) { // a host that was moved to Postfix while it logged
					moved++
					if want := statusOf(line); e.Error != "" || e.Delivery == nil || e.Delivery.Status != want {
						t.Errorf("%s:%d: %s", name, i+1, e.AppendJSON(nil))
					}
				} else if e.Format != event.FormatUnknown && e.Format != w.format {
					t.Errorf("%s:%d is taken for %s: %s", name, i+1, e.Format, line)
				}
			}
			return nil
		}
		t.Errorf("nobody looks at %s", name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if moved != 1936 {
		t.Errorf("%d lines of Sendmail among Postfix'", moved)
	}
	for _, w := range whose {
		if files[w.path] == 0 {
			t.Errorf("there is no %s", w.path)
		}
	}
}

// Each line that the golden files of a format show is claimed by this format alone.
func TestFormatsAreExclusive(t *testing.T) {
	all := kinds()
	lines := 0
	for _, k := range all {
		logs, err := filepath.Glob("../" + k.Format.String() + "/testdata/*.log")
		if err != nil || len(logs) == 0 {
			t.Fatal("no test data", err)
		}
		for _, log := range logs {
			for line := range golden.Lines(t, log) {
				for _, other := range all {
					var e event.Entry
					mailtest.Session(other, syslog.Layer()).Parse(line, &e)
					if e.Format != event.FormatUnknown && other.Format != k.Format {
						t.Errorf("%s: %s claims %s", log, other.Format, line)
					}
				}
				lines++
			}
		}
	}
	if lines < 200 {
		t.Errorf("%d lines", lines)
	}
}
