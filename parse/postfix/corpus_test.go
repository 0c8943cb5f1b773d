package postfix

import (
	"compress/gzip"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"mailstop/event"
	"mailstop/internal/golden"
)

// corpusLines returns the lines of a file below the corpus' folder mail.
func corpusLines(t *testing.T, name string) []string {
	t.Helper()
	f, err := os.Open(filepath.Join(golden.Corpus(t), "mail", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

const (
	plemma   = "teliten__log.plemma/"
	dump     = "infohtreasure__Postfix-Maillog-Dump/"
	crowdsec = "crowdsecurity__hub/"
	fail2ban = "fail2ban__fail2ban/fail2ban/tests/files/logs/postfix"
	wazuh    = "wazuh__wazuh/ruleset/testing/tests/postfix.ini"
	grok     = "whyscream__postfix-grok-patterns/test"
)

// A count is how many lines of a file have a status and a class.
type count struct {
	status event.DeliveryStatus
	class  event.ReasonClass
}

type counts map[count]int

// corpusFiles lists what each file has, and by line number why a line of Postfix could not be read whole. All other lines
// that are not claimed are of other programs.
var corpusFiles = []struct {
	name    string
	want    counts
	damaged map[int]string
}{
	{name: plemma + "mail.log", want: counts{{event.Deferred, event.ReasonDNS}: 22, {}: 26}},
	{name: plemma + "mail.log.1", want: counts{
		{event.Deferred, event.ReasonDNS}: 258, {event.Bounced, event.ReasonOther}: 2, {}: 264,
	}},
	{name: plemma + "mail.log.2.gz", want: counts{{event.Deferred, event.ReasonDNS}: 8, {}: 16}},
	{name: plemma + "mail.log.3.gz", want: counts{
		{event.Deferred, event.ReasonSuspended}: 26721, {event.Deferred, event.ReasonDNS}: 354, {event.Bounced, event.ReasonOther}: 284, {}: 27264,
	}},
	{name: plemma + "mail.log.4.gz", want: counts{
		{event.Deferred, event.ReasonSuspended}: 4356, {event.Deferred, event.ReasonDNS}: 46, {event.Bounced, event.ReasonOther}: 571,
		{event.Sent, event.ReasonNone}: 4, {}: 5454,
	}},
	{name: plemma + "mail.warn.1", want: counts{{}: 2}},
	{name: plemma + "mail.warn.3.gz", want: counts{{}: 1560}},
	{name: plemma + "mail.warn.4.gz", want: counts{{}: 6}},
	{
		name: dump + "maillog",
		want: counts{
			{event.Deferred, event.ReasonTimeout}: 51, {event.Deferred, event.ReasonDNS}: 3, {event.Deferred, event.ReasonOther}: 6,
			{event.Bounced, event.ReasonPolicy}: 1, {event.Sent, event.ReasonNone}: 13, {event.StatusNone, event.ReasonPolicy}: 22, {}: 10543,
		},
		damaged: cutTwelve(1334, 2026),
	},
	{
		name: dump + "mailog2",
		want: counts{
			{event.Deferred, event.ReasonTimeout}: 18, {event.Deferred, event.ReasonDNS}: 11, {event.Bounced, event.ReasonPolicy}: 3,
			{event.Sent, event.ReasonNone}: 17, {}: 5388,
		},
		damaged: cutTwelve(4659, 5351),
	},
	{name: crowdsec + "postfix-helo/postfix-spam.log", want: counts{{event.StatusNone, event.ReasonPolicy}: 2}},
	{name: crowdsec + "postfix-honeypot-users/postfix-honeypot-users.log", want: counts{{}: 9}},
	{name: crowdsec + "postfix-logs/postfix-logs.log", want: counts{{event.StatusNone, event.ReasonPolicy}: 4, {}: 3}},
	{name: crowdsec + "postfix-non-smtp/postfix-non-smtp.log", want: counts{{}: 1}},
	{name: crowdsec + "postfix-relay/postfix-spam.log", want: counts{{event.StatusNone, event.ReasonPolicy}: 2}},
	{name: crowdsec + "postfix-spam/postfix-spam.log", want: counts{{event.StatusNone, event.ReasonPolicy}: 2, {}: 4}},
	{name: fail2ban, want: counts{{event.StatusNone, event.ReasonPolicy}: 26, {}: 37}},
}

// cutTwelve lists what the dump has cut: eleven times the same line, 49 lines apart, within its status word, and one behind
// the recipient.
func cutTwelve(first, last int) map[int]string {
	m := map[int]string{last: "line ends early"}
	for i := range 11 {
		m[first+49*i] = "line ends early"
	}
	return m
}

// ours matches lines of Postfix' programs.
var ours = regexp.MustCompile(`^\S+ +(\d+ [\d:]+ )?\S+ postfix(-\w+)?(/[\w-]+)*\[\d+\]:`)

func TestCorpus(t *testing.T) {
	for _, file := range corpusFiles {
		t.Run(file.name, func(t *testing.T) {
			s, got, seen := newSession(), counts{}, 0
			for i, line := range corpusLines(t, file.name) {
				var e event.Entry
				s.Parse(line, &e)
				why, damaged := file.damaged[i+1]
				if damaged {
					seen++
				}
				d := e.Delivery
				if (d != nil) != ours.MatchString(line) || d != nil && e.Error != why {
					t.Errorf("line %d: error %q, want %q: %s", i+1, e.Error, why, line)
				}
				if d == nil || damaged {
					continue
				}
				got[count{d.Status, d.ReasonClass}]++
				if !e.Is(event.HasPID) || e.Host == "" || e.TimeQuality == event.TimeNone {
					t.Errorf("line %d: fields are missing: %+v", i+1, e)
				}
				if strings.Contains(line, ": to=<") && (d.RcptDomain == "" || !d.HasDelay || d.DSN == "" || d.QueueID == "" || d.Reason == "") {
					t.Errorf("line %d: fields are missing: %+v", i+1, d)
				}
				if personal.MatchString(e.Raw) || personal.MatchString(d.Reason) {
					t.Errorf("line %d keeps a local part: %s", i+1, e.Raw)
				}
			}
			if !maps.Equal(got, file.want) {
				t.Errorf("got %v, want %v", got, file.want)
			}
			if seen != len(file.damaged) {
				t.Errorf("%d damaged lines, %d are listed", seen, len(file.damaged))
			}
		})
	}
}

// personal matches local parts, as the owner of two of the sources has replaced them with hashes, and others.
var personal = regexp.MustCompile(`\bu[0-9a-f]{8}@|[\w.]@[\w]`)

// references lists the files that tell what tools read in those; reference_test.go compares.
var references = []string{
	wazuh, crowdsec + "postfix-helo/scenario.assert", crowdsec + "postfix-honeypot-users/scenario.assert",
	crowdsec + "postfix-logs/parser.assert", crowdsec + "postfix-non-smtp/scenario.assert", crowdsec + "postfix-relay/scenario.assert",
	crowdsec + "postfix-spam/scenario.assert",
}

// others matches the files of other mail servers, which their packages look at, and of servers that no format is for.
var others = regexp.MustCompile(`^(Exim__exim/|aag1990__UAHL/|elastic__integrations/packages/microsoft_exchange_server/|` +
	`crowdsecurity__hub/(exim|exchange)-|fail2ban__fail2ban/.*/(courier-smtp|domino-smtp|exim|exim-spam|qmail|sendmail-auth|sendmail-reject)$|` +
	`wazuh__wazuh/.*/(exchange|exim|opensmtpd)\.ini$)`)

// Every file of the corpus' folder mail is looked at, or is another format's.
func TestCorpusIsComplete(t *testing.T) {
	listed := map[string]bool{}
	for _, f := range corpusFiles {
		listed[f.name] = true
	}
	for _, name := range references {
		listed[name] = true
	}
	root := filepath.Join(golden.Corpus(t), "mail")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		name = filepath.ToSlash(name)
		if !listed[name] && !others.MatchString(name) && !strings.HasPrefix(name, grok+"/") {
			t.Errorf("%s is not looked at", name)
		}
		delete(listed, name)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	for name := range listed {
		t.Errorf("%s is listed but is not there", name)
	}
}
