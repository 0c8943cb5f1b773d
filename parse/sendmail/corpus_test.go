package sendmail

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailstop/event"
	"mailstop/internal/golden"
	"mailstop/internal/mailtext"
	"mailstop/parse"
	"mailstop/parse/mailtest"
)

// What fail2ban expects of its samples: the address of who is to be banned, and the time. Samples that it must not match
// are read all the same.
func TestCorpusOfFail2ban(t *testing.T) {
	const dir = "fail2ban__fail2ban/fail2ban/tests/files/logs/"
	for name, lines := range map[string]int{"sendmail-auth": 13, "sendmail-reject": 45} {
		var want struct {
			Time, Host string
			Match      bool
		}
		seen := 0
		s := sessionOf(2005)
		for i, line := range mailtest.Corpus(t, dir+name) {
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
			if strings.HasPrefix(want.Time, "2004") {
				s = sessionOf(2004)
			}
			var e event.Entry
			s.Parse(line, &e)
			if e.Format != event.Sendmail || e.Error != "" || e.Delivery == nil || e.Delivery.Status != event.StatusNone {
				t.Errorf("%s:%d: %s", name, i+1, e.AppendJSON(nil))
				continue
			}
			seen++
			if want.Match && e.Delivery.RemoteIP != mailtext.Addr(want.Host) {
				t.Errorf("%s:%d: %v, want %s\n%s", name, i+1, e.Delivery.RemoteIP, want.Host, line)
			}
			if at, err := time.Parse("2006-01-02T15:04:05", want.Time); want.Match && (err != nil || at.YearDay() != e.When().YearDay() && at.Day() != e.When().Day()) {
				t.Errorf("%s:%d: %v, want %s", name, i+1, e.When(), want.Time)
			}
		}
		if seen != lines {
			t.Errorf("%s: %d lines, want %d", name, seen, lines)
		}
	}
}

func sessionOf(year int) *parse.Session {
	s := session()
	s.Resume(parse.State{Clock: parse.NewClock(parse.Hints{Reference: time.Date(year, 12, 31, 0, 0, 0, 0, time.UTC)})})
	return s
}

// The mail log of the Honeynet Project's Scan of the Month 34, and the table that others made of it, in the fields that
// both have.
func TestCorpusOfSotM34(t *testing.T) {
	rows := map[string][]map[string]string{}
	f, err := os.Open(filepath.Join(golden.Corpus(t), "mail/aag1990__UAHL/Labelled_SotM34_dataset/syslog_maillog.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, record := range table[1:] {
		row := map[string]string{}
		for i, name := range table[0] {
			if record[i] != "-" {
				row[strings.TrimRight(name, "~@")] = record[i]
			}
		}
		rows[row["QID"]] = append(rows[row["QID"]], row)
	}
	got := map[string]int{}
	compared, absent := 0, 0
	for _, name := range []string{"maillog.6", "maillog.5", "maillog.4", "maillog.3", "maillog.2", "maillog.1", "maillog"} {
		s := session()
		for i, line := range mailtest.Corpus(t, "aag1990__UAHL/SotM34/syslog/"+name) {
			var e event.Entry
			s.Parse(line, &e)
			switch {
			case strings.Contains(line, " ipop3d[") || strings.Contains(line, " spamd["): // of other programs
				if e.Format != event.FormatUnknown {
					t.Errorf("%s:%d is claimed", name, i+1)
				}
				got["other"]++
				continue
			case e.Format != event.Sendmail || e.Error != "" || e.Delivery == nil:
				t.Errorf("%s:%d: %s", name, i+1, e.AppendJSON(nil))
				continue
			}
			d := e.Delivery
			got[d.Status.String()]++
			if e.Count > 1 || d.QueueID == "" {
				continue
			}
			row := take(rows, d.QueueID, line)
			if row == nil && strings.Contains(line, ": ruleset=") {
				absent++ // in its place the table repeats the row of the message's from= line
				continue
			}
			if row == nil {
				t.Errorf("%s:%d: not in the table: %s", name, i+1, line)
				continue
			}
			compared++
			compare(t, name, i+1, row, d)
		}
	}
	if got["sent"] != 190 || got[""] != 977 || got["other"] != 5 || len(got) != 3 {
		t.Errorf("got %v", got)
	}
	if compared < 900 || absent != 31 {
		t.Errorf("%d lines were compared, %d are not in the table", compared, absent)
	}
}

// take returns the first row of the line's message that is of the same step, and removes it.
func take(rows map[string][]map[string]string, id, line string) map[string]string {
	for i, row := range rows[id] {
		if (row["From"] != "") == strings.Contains(line, ": from=") && (row["To"] != "") == strings.Contains(line, ": to=") &&
			(row["Ruleset"] != "") == strings.Contains(line, ": ruleset=") {
			rows[id] = append(rows[id][:i:i], rows[id][i+1:]...)
			return row
		}
	}
	return nil
}

func compare(t *testing.T, name string, n int, row map[string]string, d *event.Delivery) {
	t.Helper()
	check := func(field, got, want string) {
		if got != want {
			t.Errorf("%s:%d: %s is %q, want %q", name, n, field, got, want)
		}
	}
	if row["To"] != "" {
		check("dsn", d.DSN, row["dsn"])
		check("status", d.Status.String(), strings.ToLower(strings.Fields(row["stat"])[0]))
		at, err := time.Parse("15:04:05", row["delay"])
		if err != nil {
			t.Fatal(err)
		}
		check("delay", d.Delay.String(), at.Sub(at.Truncate(24*time.Hour)).String())
		check("domain", d.RcptDomain, mailtext.Domain(row["To"]))
	}
	if row["reject"] != "" {
		var a mailtext.Arena
		check("reason", d.Reason, mailtext.Mask(&a, row["reject"]))
		check("domain", d.RcptDomain, mailtext.Domain(row["arg1"]))
	}
	if i := strings.LastIndexByte(row["relay"], '['); i >= 0 {
		check("address", d.RemoteIP.String(), mailtext.Addr(row["relay"][i:]).String())
	}
}
