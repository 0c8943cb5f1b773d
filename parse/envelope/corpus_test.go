package envelope

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailstop/event"
	"mailstop/internal/golden"
	"mailstop/parse"
	"mailstop/parse/ecs"
	"mailstop/parse/netfilter"
	"mailstop/parse/syslog"
)

const (
	beatsData    = "elastic__beats/x-pack/winlogbeat/module/security/test/testdata/"
	integrations = "elastic__integrations/packages/"
	wazuhEvents  = "wazuh__wazuh/ruleset/testing/tests/win_event_channel.ini"
	kafka        = "text-index-excerpts/kafka-envelopes.jsonl"
)

// corpusFiles says how many records each file of the corpus has; -1 is for those that hold none of an envelope.
var corpusFiles = map[string]int{
	beatsData + "1102.evtx": -1, beatsData + "4719_WindowsSrv2016.evtx": -1, beatsData + "security-windows2012r2-logon.evtx": -1,
	beatsData + "1102.evtx.golden.json":                         1,
	beatsData + "4719_WindowsSrv2016.evtx.golden.json":          1,
	beatsData + "security-windows2012r2-logon.evtx.golden.json": 18,
	integrations + "iptables/data_stream/log/sample_event.json": 1,
	integrations + "pfsense/data_stream/log/sample_event.json":  1,
	kafka:       4,
	wazuhEvents: 8,
}

// records returns the lines that a file's container makes of it, if it has one.
func records(t *testing.T, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []parse.Container{Documents(), JournalExport()} {
		if !c.Match(b[:min(len(b), 4<<10)]) {
			continue
		}
		if b, err = io.ReadAll(c.Lines(bytes.NewReader(b))); err != nil {
			t.Fatal(err)
		}
		break
	}
	var out []string
	for line := range strings.Lines(string(b)) {
		if _, rest, ok := strings.Cut(line, " pass = "); ok && strings.HasPrefix(line, "log ") { // Wazuh's tests
			line = rest
		} else if strings.HasSuffix(path, ".ini") {
			continue
		}
		out = append(out, strings.TrimSuffix(line, "\n"))
	}
	return out
}

// Every file of the corpus is looked at.
func TestCorpusIsComplete(t *testing.T) {
	root := filepath.Join(golden.Corpus(t), "envelopes")
	left := map[string]bool{}
	for name := range corpusFiles {
		left[name] = true
	}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if _, ok := corpusFiles[filepath.ToSlash(name)]; !ok {
			return fmt.Errorf("%s is not looked at", name)
		}
		delete(left, filepath.ToSlash(name))
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for name := range left {
		t.Errorf("%s is listed but is not there", name)
	}
	for name, n := range corpusFiles {
		if n < 0 {
			continue
		}
		lines := records(t, filepath.Join(root, filepath.FromSlash(name)))
		if len(lines) != n {
			t.Errorf("%s: %d records, want %d", name, len(lines), n)
		}
		for _, l := range lines {
			if l[0] != '{' {
				t.Errorf("%s: no record: %.60s", name, l)
			}
		}
	}
}

// Windows events are left whole, and have their computer and time.
func TestCorpusWindows(t *testing.T) {
	root := filepath.Join(golden.Corpus(t), "envelopes")
	seen := 0
	for name, n := range corpusFiles {
		if n < 0 || !strings.HasPrefix(name, beatsData) && name != wazuhEvents {
			continue
		}
		s := session()
		for _, line := range records(t, filepath.Join(root, filepath.FromSlash(name))) {
			var doc struct {
				Time   string `json:"@timestamp"`
				Winlog struct {
					Computer string `json:"computer_name"`
				} `json:"winlog"`
				Win struct {
					System struct {
						Computer string `json:"computer"`
					} `json:"system"`
				} `json:"win"`
			}
			if err := json.Unmarshal([]byte(line), &doc); err != nil {
				t.Fatal(err)
			}
			var e event.Entry
			s.Parse(line, &e)
			seen++
			if e.Reason != line {
				t.Errorf("%s: became %.80q", name, e.Reason)
			}
			if want := doc.Winlog.Computer + doc.Win.System.Computer; e.Host != want || want == "" {
				t.Errorf("%s: host %q, want %q", name, e.Host, want)
			}
			if doc.Time == "" {
				continue
			}
			want, err := time.Parse(time.RFC3339Nano, doc.Time)
			if err != nil {
				t.Fatal(err)
			}
			if !e.When().Equal(want) || e.TimeQuality != event.TimeExact {
				t.Errorf("%s: time %s (%s), want %s", name, e.When(), e.TimeQuality, want)
			}
		}
	}
	if seen < 28 {
		t.Errorf("only %d events", seen)
	}
}

// What other projects' pipelines made of a line is what is read in it, and in their record without the line.
func TestCorpusElastic(t *testing.T) {
	root := filepath.Join(golden.Corpus(t), "envelopes")
	s := parse.NewSession(parse.Table{
		Layers: []parse.Layer{Layer(), syslog.Layer()}, Kinds: []parse.Kind{netfilter.Kind(nil), ecs.Kind()},
	}, event.FormatUnknown, "")
	for _, tt := range []struct{ file, format, host, when, whole, action string }{
		{
			integrations + "iptables/data_stream/log/sample_event.json", "netfilter", "Hostname", "2021-03-12T14:10:18Z", "2021-03-12T14:10:18Z",
			"drop",
		},
		{
			integrations + "pfsense/data_stream/log/sample_event.json", "", "pfSense.example.com", "2021-07-04T00:10:14.578288Z",
			"2021-07-04T00:10:14.578Z", "deny",
		},
	} {
		line := records(t, filepath.Join(root, filepath.FromSlash(tt.file)))[0]
		var e event.Entry
		s.Parse(line, &e)
		if e.Format.String() != tt.format || e.Host != tt.host || e.Agent != "docker-fleet-agent" || e.When().Format(time.RFC3339Nano) != tt.when {
			t.Errorf("%s: %+v", tt.file, e)
		}
		var doc map[string]any
		if err := json.Unmarshal([]byte(line), &doc); err != nil {
			t.Fatal(err)
		}
		delete(doc, "message")
		delete(doc["event"].(map[string]any), "original")
		bare, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		var p event.Entry
		s.Parse(string(bare), &p)
		if p.Format != event.ECS || p.Error != "" || p.Host != tt.host || p.When().Format(time.RFC3339Nano) != tt.whole || p.Action.String() != tt.action {
			t.Errorf("%s without its line: %+v", tt.file, p)
		}
		src, dst := doc["source"].(map[string]any), doc["destination"].(map[string]any)
		if got, want := fmt.Sprintln(p.Src, p.SrcPort, p.Dst, p.DstPort, event.ProtoName(p.Proto), p.Is(event.HasPorts)),
			fmt.Sprintln(src["ip"], src["port"], dst["ip"], dst["port"], "tcp", true); got != want {
			t.Errorf("%s: %s, want %s", tt.file, got, want)
		}
		if e.Format == event.Netfilter && (e.Src != p.Src || e.Dst != p.Dst || e.SrcPort != p.SrcPort || e.DstPort != p.DstPort ||
			e.Action != p.Action || e.IfaceIn != p.IfaceIn || e.TCPFlags != p.TCPFlags || e.Length != p.Length || e.TTL != p.TTL || e.Ruleset != p.Ruleset) {
			t.Errorf("the line and the fields differ:\n%+v\n%+v", e, p)
		}
	}
}

func TestCorpusKafka(t *testing.T) {
	s := session()
	lines := records(t, filepath.Join(golden.Corpus(t), "envelopes", filepath.FromSlash(kafka)))
	for i, want := range []struct{ host, agent, program, when, quality, body string }{
		{"syslog-sender", "", "kernel", "2021-09-06T08:00:26Z", "exact", "[UFW BLOCK] IN=enp0s3 OUT= MAC="},
		{"scada012", "", "cowrie", "2021-03-10T12:05:01.285456Z", "exact", "[SSHService 'ssh-connection'"},
		{"nginx-01.example.com", "nginx-01.example.com", "", "2023-11-20T14:37:56.612Z", "received", "89.109.34.234 - - [20/Nov/2023:17:37:47"},
		{"internal-win10.patternex.lab", "internal-win10", "", "2019-07-30T23:41:21.052Z", "exact", `{"@timestamp":"2019-07-30T23:41:21.052Z"`},
	} {
		var e event.Entry
		s.Parse(lines[i], &e)
		if e.Host != want.host || e.Agent != want.agent || e.Process != want.program || e.When().Format(time.RFC3339Nano) != want.when ||
			e.TimeQuality.String() != want.quality || !strings.HasPrefix(e.Reason, want.body) {
			t.Errorf("line %d: %+v", i+1, e)
		}
	}
}

// The journal's export format and a Filebeat event of the journal, of the corpus' netfilter folder.
func TestCorpusJournal(t *testing.T) {
	root := filepath.Join(golden.Corpus(t), "netfilter", filepath.FromSlash(integrations+"iptables"))
	for _, tt := range []struct {
		file, host, when string
		n                int
	}{
		{"_dev/deploy/docker/sample_logs/iptables.journal.export", "compute04.hc.va.local.example.com", "2022-01-13T00:16:48.51866Z", 3},
		{"data_stream/log/_dev/test/pipeline/test-journald.json", "f780e7ca37a7", "2022-01-12T12:43:58.224Z", 1},
	} {
		s := parse.NewSession(parse.Table{
			Layers: []parse.Layer{Layer(), syslog.Layer()}, Kinds: []parse.Kind{netfilter.Kind(nil)},
		}, event.FormatUnknown, "")
		lines := records(t, filepath.Join(root, filepath.FromSlash(tt.file)))
		if len(lines) != tt.n {
			t.Errorf("%s: %d records", tt.file, len(lines))
		}
		for i, line := range lines {
			var e event.Entry
			s.Parse(line, &e)
			if e.Error != "" || e.Host != tt.host || e.Rule != "iptables DROP_INPUT" || e.TimeQuality != event.TimeExact || e.Proto == 0 ||
				i == 0 && e.When().Format(time.RFC3339Nano) != tt.when {
				t.Errorf("%s: %+v", tt.file, e)
			}
		}
	}
}
