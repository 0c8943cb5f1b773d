package detect_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mailstop/detect"
	"mailstop/event"
	"mailstop/internal/golden"
	"mailstop/parse"
	"mailstop/parse/netfilter"
	"mailstop/parse/syslog"
)

// Real logs of machines whose mail nobody stopped: an alert would be wrong on each of them.
func TestCorpus(t *testing.T) {
	for _, c := range []struct {
		name, file string
		year       int
		mail       bool // mail ports are probed: there is something to inform of
	}{
		{"vps", "netfilter/teliten__log.plemma/ufw.log", 2022, true},
		{"vps older", "netfilter/teliten__log.plemma/ufw.log.2.gz", 2022, true},
		{"vps oldest", "netfilter/teliten__log.plemma/ufw.log.4.gz", 2022, true},
		{"vps kernel log", "netfilter/teliten__log.plemma/kern.log.4.gz", 2022, true},
		{"honeynet", "netfilter/aag1990__UAHL/SotM34/iptables/iptablesyslog.gz", 2005, false},
		{"no verdicts", "netfilter/AdrienRE__iptablogs/iptables.log", 2022, false},
		{"backscatter", "netfilter/dunneja__py-fw-log/iptables.log", 2022, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			es := corpus(t, c.file, c.year)
			var findings [2][]event.Finding
			for i, batch := range []int{997, 20000} {
				g := detect.NewGroup(0, all(detect.Site{}), detect.Site{}, true)
				for rest := es; len(rest) > 0; rest = rest[min(batch, len(rest)):] {
					g.Observe(rest[:min(batch, len(rest))])
				}
				findings[i] = g.Findings(nil, true)
			}
			found := findings[0]
			if len(found) != len(findings[1]) {
				t.Errorf("%d findings, or %d with other batches", len(found), len(findings[1]))
			}
			for _, f := range found {
				t.Logf("%s %s %s", f.Kind, f.Severity, f.Summary)
				if f.Severity > event.Info {
					t.Errorf("wrong alert: %s", f.Summary)
				}
			}
			if informed := len(found) > 0; informed != c.mail {
				t.Errorf("informs: %t, want %t", informed, c.mail)
			}
		})
	}
}

// corpus reads a log of the corpus, which lies beside the project.
func corpus(t *testing.T, file string, year int) []event.Entry {
	t.Helper()
	f, err := os.Open(filepath.Join(golden.Corpus(t), file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if filepath.Ext(file) == ".gz" {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	session := parse.NewSession(parse.Table{
		Layers: []parse.Layer{syslog.Layer()}, Kinds: []parse.Kind{netfilter.Kind(nil)},
	}, event.FormatUnknown, "")
	session.Resume(parse.State{Clock: parse.NewClock(parse.Hints{Zone: time.UTC, Year: year})})
	var es []event.Entry
	timed := 0
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		var e event.Entry
		session.Parse(lines.Text(), &e)
		e.Source = file
		if e.TimeQuality != event.TimeNone {
			timed++
		}
		es = append(es, e)
	}
	if timed < len(es)/2 {
		t.Fatalf("%d of %d lines have a time", timed, len(es))
	}
	return es
}
