package exim

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mailstop/event"
	"mailstop/internal/golden"
	"mailstop/internal/mailtext"
	"mailstop/parse"
	"mailstop/parse/mailtest"
)

// Exim's own tests put words in the place of what differs from run to run; these put back what could have been there.
var placeholders = strings.NewReplacer(
	"ip4.ip4.ip4.ip4", "192.0.2.1", "V4NET", "10", "defer (dd)", "defer (111)", "PORT_DYNAMIC", "1230",
)

var (
	stamped  = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? `)
	flagged  = regexp.MustCompile(`^\S+ \S+ (\w{6}-\w{11}-\w{4}|\w{6}-\w{6}-\w\d) (<=|=>|->|>>|\*>|\*\*|==) ("[^"]*"@\S+|\S+?):? `)
	remoteIP = regexp.MustCompile(`H=(?:[^\s\[]+ )?(?:\([^ ]*\) )?\[([0-9a-f.:]+)\](?::(\d+))?`)
)

var port = regexp.MustCompile(`PORT_[A-Z]\d?`)

// notClaimed are the stamped lines that neither a message id nor their first words tell to be Exim's: the words are those
// of the configuration under test (logwrite, log_message).
var notClaimed = map[string][]int{
	"0376": {15, 16, 17, 18},
	"5405": {1, 5, 7, 9, 11, 14, 17, 19, 20},
}

// Every stamped line of Exim's own test logs is read, and says what a look at its flag and its H= says.
func TestCorpusOfExim(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(golden.Corpus(t), "mail/Exim__exim/test/log/*"))
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	lines := 0
	for _, file := range files {
		name := filepath.Base(file)
		seen := 0
		for i, line := range mailtest.Corpus(t, "Exim__exim/test/log/"+name) {
			line = port.ReplaceAllString(placeholders.Replace(line), "1225")
			var e event.Entry
			session().Parse(line, &e)
			switch {
			case slices.Contains(notClaimed[name], i+1):
				seen++
				if e.Error != parse.ErrNoFormat.Error() {
					t.Errorf("%s:%d: %q", name, i+1, e.Error)
				}
			case !stamped.MatchString(line):
				if e.Format != event.FormatUnknown {
					t.Errorf("%s:%d is claimed: %s", name, i+1, line)
				}
			case e.Format != event.Exim || e.Error != "" || e.Delivery == nil || e.TimeQuality == event.TimeNone:
				t.Errorf("%s:%d: %s", name, i+1, e.AppendJSON(nil))
			default:
				lines++
				compare(t, name, i+1, line, &e)
			}
		}
		if seen != len(notClaimed[name]) {
			t.Errorf("%s: %d of %d listed lines", name, seen, len(notClaimed[name]))
		}
	}
	if lines < 2000 {
		t.Errorf("%d lines", lines)
	}
}

func compare(t *testing.T, name string, n int, line string, e *event.Entry) {
	t.Helper()
	d := e.Delivery
	want := event.StatusNone
	if m := flagged.FindStringSubmatch(line); m != nil {
		switch m[2] {
		case "=>", "->", ">>":
			if !strings.HasSuffix(line, " discarded recipients)") {
				want = event.Sent
			}
		case "**":
			want = event.Bounced
		case "==":
			want = event.Deferred
		}
		if d.QueueID != m[1] {
			t.Errorf("%s:%d: queue id %q", name, n, d.QueueID)
		}
		if _, domain, ok := strings.Cut(m[3], "@"); ok && m[2] != "<=" && d.RcptDomain != strings.ToLower(domain) {
			t.Errorf("%s:%d: domain %q of %q", name, n, d.RcptDomain, m[3])
		}
	}
	if d.Status != want && !(want == event.StatusNone && d.Status == event.Deferred && strings.Contains(line, " H=") || oldForm(line)) {
		t.Errorf("%s:%d: %s, want %s\n%s", name, n, d.Status, want, line)
	}
	if m := remoteIP.FindStringSubmatch(line); m != nil && !strings.Contains(line, " CV=") && d.RemoteIP != mailtext.Addr(m[1]) {
		t.Errorf("%s:%d: address %v\n%s", name, n, d.RemoteIP, line)
	}
	if d.Status == event.Deferred && d.ReasonClass == event.ReasonNone {
		t.Errorf("%s:%d: no class\n%s", name, n, line)
	}
}

func oldForm(line string) bool { return strings.Contains(line, "0 SMTP ") }

// What fail2ban expects of its samples: the address of who is to be banned, and the time.
func TestCorpusOfFail2ban(t *testing.T) {
	const dir = "fail2ban__fail2ban/fail2ban/tests/files/logs/"
	for _, file := range []struct {
		name  string
		lines int
	}{{"exim", 51}, {"exim-spam", 8}} {
		var want struct {
			Time, Host string
			Match      bool
		}
		seen := 0
		for i, line := range mailtest.Corpus(t, dir+file.name) {
			if rest, ok := strings.CutPrefix(line, "# failJSON: "); ok {
				want.Time, want.Host, want.Match = "", "", false
				if err := json.Unmarshal([]byte(rest), &want); err != nil {
					t.Fatal(err)
				}
				continue
			}
			if line == "" || line[0] == '#' {
				continue
			}
			var e event.Entry
			session().Parse(line, &e)
			if e.Format != event.Exim || e.Error != "" || e.Delivery == nil || e.Delivery.Status != event.StatusNone {
				t.Errorf("%s:%d: %s", file.name, i+1, e.AppendJSON(nil))
				continue
			}
			seen++
			if want.Match && e.Delivery.RemoteIP.String() != want.Host {
				t.Errorf("%s:%d: %v, want %s\n%s", file.name, i+1, e.Delivery.RemoteIP, want.Host, line)
			}
			if want.Match && want.Time != "" {
				at, err := time.Parse("2006-01-02T15:04:05", want.Time)
				if err != nil || !at.Equal(e.When()) {
					t.Errorf("%s:%d: %v, want %s", file.name, i+1, e.When(), want.Time)
				}
			}
		}
		if seen != file.lines {
			t.Errorf("%s: %d lines, want %d", file.name, seen, file.lines)
		}
	}
}

// The samples of CrowdSec's and Wazuh's rules.
func TestCorpusOfRules(t *testing.T) {
	lines := map[string]int{}
	read := func(file string, n int, line string) {
		t.Helper()
		var e event.Entry
		session().Parse(line, &e)
		if e.Format != event.Exim || e.Error != "" || e.Delivery == nil || !e.Delivery.RemoteIP.IsValid() || e.TimeQuality == event.TimeNone {
			t.Errorf("%s:%d: %s", file, n, e.AppendJSON(nil))
		}
		lines[file]++
	}
	for _, file := range []string{"exim-logs/exim-logs.log", "exim-spam/exim-spam.log", "exim-syslog-logs/exim-logs.log"} {
		for i, line := range mailtest.Corpus(t, "crowdsecurity__hub/"+file) {
			if line != "" {
				read(file, i+1, line)
			}
		}
	}
	for i, line := range mailtest.Corpus(t, "wazuh__wazuh/ruleset/testing/tests/exim.ini") {
		if _, sample, ok := strings.Cut(line, " pass = "); ok {
			read("exim.ini", i+1, sample)
		}
	}
	for file, want := range map[string]int{
		"exim-logs/exim-logs.log": 12, "exim-spam/exim-spam.log": 8, "exim-syslog-logs/exim-logs.log": 11, "exim.ini": 7,
	} {
		if lines[file] != want {
			t.Errorf("%s: %d lines, want %d", file, lines[file], want)
		}
	}
}

// CrowdSec's own reading of its samples, in the fields that both have.
func TestCorpusAsCrowdSecReadsIt(t *testing.T) {
	for _, folder := range []string{"exim-logs", "exim-syslog-logs"} {
		b, err := os.ReadFile(filepath.Join(golden.Corpus(t), "mail/crowdsecurity__hub", folder, "parser.assert"))
		if err != nil {
			t.Fatal(err)
		}
		fields := map[string][]string{}
		for _, m := range regexp.MustCompile(`\["s01-parse"\]\["crowdsecurity/exim-logs"\]\[(\d+)\]\.Evt\.Parsed\["(\w+)"\] == "(.*)"`).FindAllStringSubmatch(string(b), -1) {
			fields[m[1]+m[2]] = m[3:]
		}
		compared := 0
		for i, line := range mailtest.Corpus(t, "crowdsecurity__hub/"+folder+"/exim-logs.log") {
			var e event.Entry
			session().Parse(line, &e)
			for _, key := range []string{"source_ip", "remote_addr"} {
				if v := fields[strconv.Itoa(i)+key]; v != nil && v[0] != "" {
					compared++
					if v[0] != e.Delivery.RemoteIP.String() {
						t.Errorf("%s:%d: %v, want %s", folder, i+1, e.Delivery.RemoteIP, v[0])
					}
				}
			}
		}
		if compared == 0 {
			t.Errorf("%s: nothing was compared", folder)
		}
	}
}
