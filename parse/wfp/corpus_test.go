package wfp

import (
	"archive/zip"
	"bufio"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"mailstop/event"
	"mailstop/internal/golden"
	"mailstop/parse/evtx"
)

const otrf = "windows/OTRF__Security-Datasets/datasets/atomic/windows/"

// The data sets: events by number, and how many lines there are.
var dataSets = map[string]struct {
	lines  int
	events map[int]int
	// Times that the event writes in local time, and the shipper's time beside them is UTC: the zone is worked out.
	estimated int
}{
	otrf + "credential_access/host/cmd_dumping_ntds_dit_file_ntdsutil.zip":      {11184, map[int]int{5152: 10, 5156: 148, 5158: 53}, 0},
	otrf + "defense_evasion/host/cmd_netsh_fw_mod_open_ports.zip":               {2366, map[int]int{}, 0},
	otrf + "lateral_movement/host/covenant_sharpsc_query_dcerpc_smb_svcctl.zip": {349, map[int]int{5156: 53, 5157: 5, 5158: 22}, 80},
	otrf + "lateral_movement/host/covenant_sharpsc_stop_dcerpc_smb_svcctl.zip":  {1264, map[int]int{5156: 82, 5157: 10, 5158: 29}, 121},
}

// Every line of the data sets is an event: those of the filtering platform have all their values, the others their number.
func TestDataSets(t *testing.T) {
	for name, want := range dataSets {
		t.Run(filepath.Base(name), func(t *testing.T) {
			s, n, estimated, got := session(), 0, 0, map[int]int{}
			for line := range zipLines(t, name) {
				n++
				var e event.Entry
				s.Parse(line, &e)
				var m map[string]any
				if err := json.Unmarshal([]byte(line), &m); err != nil {
					t.Fatalf("line %d: %v", n, err)
				}
				id := int(m["EventID"].(float64))
				if e.Error != "" || e.Format != event.WFP {
					t.Errorf("line %d, event %d: %s %q\n%.300s", n, id, e.Format, e.Error, line)
				}
				if kindOf(id) == kindOther {
					if e.Note != "Windows event "+strconv.Itoa(id) {
						t.Errorf("line %d, event %d: note %q", n, id, e.Note)
					}
					continue
				}
				got[id]++
				if e.TimeQuality == event.TimeEstimated {
					estimated++
				}
				compareFlat(t, n, id, m, &e)
			}
			if n != want.lines || !maps.Equal(got, want.events) || estimated != want.estimated {
				t.Errorf("%d lines, %v, %d estimated; want %+v", n, got, estimated, want)
			}
		})
	}
}

func compareFlat(t *testing.T, n, id int, m map[string]any, e *event.Entry) {
	t.Helper()
	text := func(key string) string { s, _ := m[key].(string); return s }
	pid := text("ProcessID") + text("ProcessId") // each event has one of them
	check := func(what, got, want string) {
		if got != want {
			t.Errorf("line %d, event %d: %s is %q, want %q", n, id, what, got, want)
		}
	}
	check("host", e.Host, text("Hostname"))
	check("process", e.Process, strings.TrimPrefix(text("Application"), "-"))
	check("protocol", strconv.Itoa(int(e.Proto)), text("Protocol"))
	check("source", e.Src.String(), text("SourceAddress"))
	check("layer", e.Reason, strings.TrimSpace(between(text("Message"), "Layer Name:", "\r")))
	if pid != "0" {
		check("pid", strconv.Itoa(int(e.PID)), pid)
	}
	if ports := e.Proto == event.TCP || e.Proto == event.UDP; ports {
		check("source port", strconv.Itoa(int(e.SrcPort)), text("SourcePort"))
	} else if e.Is(event.HasSrcPort) || e.Is(event.HasDstPort) {
		t.Errorf("line %d, event %d: protocol %d has ports", n, id, e.Proto)
	}
	at, utc := time.Time{}, text("TimeCreated")+text("@timestamp")
	if m["EventTime"] != nil {
		utc = text("@timestamp")
	} else {
		utc = utc[:len(utc)/2]
	}
	at, err := time.Parse(time.RFC3339, utc)
	if lag := at.Sub(e.When()); err != nil || lag < 0 || lag > time.Minute {
		t.Errorf("line %d, event %d: time %v, the shipper's %v, %v", n, id, e.When(), at, err)
	}
	if kindOf(id) != kindPacket {
		return
	}
	check("direction", e.Direction.String(), map[string]string{"%%14592": "in", "%%14593": "out"}[text("Direction")])
	check("destination", e.Dst.String(), text("DestAddress"))
	if e.Is(event.HasDstPort) {
		check("destination port", strconv.Itoa(int(e.DstPort)), text("DestPort"))
	}
	rule := text("FilterOrigin")
	if rule == "" || rule == "Unknown" {
		rule = text("FilterRTID")
	}
	check("rule", e.Rule, rule)
	action := map[bool]string{true: "allow", false: "drop"}[id == 5156] // all that is blocked here is inbound
	check("action", e.Action.String(), action)
}

func between(s, a, b string) string {
	_, s, _ = strings.Cut(s, a)
	s, _, _ = strings.Cut(s, b)
	return s
}

// zipLines yields the lines of the one file in an archive.
func zipLines(t *testing.T, name string) func(yield func(string) bool) {
	t.Helper()
	z, err := zip.OpenReader(filepath.Join(golden.Corpus(t), name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = z.Close() })
	if len(z.File) != 1 {
		t.Fatalf("%d files in %s", len(z.File), name)
	}
	f, err := z.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return strings.SplitSeq(strings.TrimSuffix(strings.TrimPrefix(string(text), "\uFEFF"), "\n"), "\n")
}

func corpusText(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(golden.Corpus(t), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const crowdsec = "windows/crowdsecurity__hub/windows-logs/"

// CrowdSec's own test: an event as the Event Viewer shows its XML, and what has to come of it.
func TestCrowdSec(t *testing.T) {
	s := session()
	var e event.Entry
	s.Parse(corpusText(t, crowdsec+"windows-logs.log"), &e)
	got := map[string]string{
		"Computer": e.Host, "EventID": strings.TrimPrefix(e.Note, "Windows event "), "timestamp": e.When().Format("2006-01-02T15:04:05.9999999Z"),
	}
	seen := map[string]bool{}
	assert := regexp.MustCompile(`Evt\.(?:Parsed|Meta)\["(\w+)"\] == "([^"]*)"`)
	for _, m := range assert.FindAllStringSubmatch(corpusText(t, crowdsec+"parser.assert"), -1) {
		if v, ok := got[m[1]]; ok {
			seen[m[1]] = true
			if v != m[2] {
				t.Errorf("%s is %q, want %q", m[1], v, m[2])
			}
		}
	}
	if len(seen) != len(got) {
		t.Errorf("only %v are asserted", seen)
	}
}

// Wazuh's own tests: each line is an event of another kind.
func TestWazuh(t *testing.T) {
	s, n := session(), 0
	line := regexp.MustCompile(`(?m)^log \d+ pass = (.*)$`)
	for _, m := range line.FindAllStringSubmatch(corpusText(t, "envelopes/wazuh__wazuh/ruleset/testing/tests/win_event_channel.ini"), -1) {
		var e event.Entry
		s.Parse(m[1], &e)
		n++
		var want struct {
			Win struct {
				System struct{ EventID, Computer, SystemTime string }
			}
		}
		if err := json.Unmarshal([]byte(m[1]), &want); err != nil {
			t.Fatal(err)
		}
		sys := want.Win.System
		if e.Error != "" || e.Note != "Windows event "+sys.EventID || e.Host != sys.Computer || e.When().Format(time.RFC3339Nano) != canonical(t, sys.SystemTime) {
			t.Errorf("event %s: note %q, error %q, host %q, time %v", sys.EventID, e.Note, e.Error, e.Host, e.When())
		}
	}
	if n == 0 {
		t.Error("no line")
	}
}

func canonical(t *testing.T, stamp string) string {
	t.Helper()
	at, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		t.Fatal(err)
	}
	return at.UTC().Format(time.RFC3339Nano)
}

// Winlogbeat's own tests: documents of other events, as it makes them, one a line.
func TestWinlogbeat(t *testing.T) {
	const folder = "envelopes/elastic__beats/x-pack/winlogbeat/module/security/test/testdata/"
	for name, want := range map[string]map[string]int{
		"1102.evtx.golden.json":                         {"Windows event 1102": 1},
		"4719_WindowsSrv2016.evtx.golden.json":          {"Windows event 4719": 1},
		"security-windows2012r2-logon.evtx.golden.json": {"Windows event 4624": 17, "Windows event 4625": 1},
	} {
		var docs []json.RawMessage
		if err := json.Unmarshal([]byte(corpusText(t, folder+name)), &docs); err != nil {
			t.Fatal(err)
		}
		s, got := session(), map[string]int{}
		for _, d := range docs {
			var line strings.Builder
			compact, err := json.Marshal(d)
			if err != nil {
				t.Fatal(err)
			}
			line.Write(compact)
			var e event.Entry
			s.Parse(line.String(), &e)
			got[e.Note]++
			if e.Error != "" || e.Host == "" || e.TimeQuality != event.TimeExact {
				t.Errorf("%s: %q %+v", name, e.Error, e)
			}
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// One of the excerpts is a connection.
func TestExcerpts(t *testing.T) {
	s, found := session(), 0
	for line := range strings.Lines(corpusText(t, "envelopes/text-index-excerpts/kafka-envelopes.jsonl")) {
		var e event.Entry
		s.Parse(strings.TrimSuffix(line, "\n"), &e)
		if strings.Contains(line, `"winlog"`) != (e.Format == event.WFP) {
			t.Errorf("%s: %.100s", e.Format, line)
		}
		if e.Format != event.WFP {
			continue
		}
		found++
		if e.Error != "" || e.Action != event.Allow || e.Direction != event.Out || e.Src.String() != "10.10.30.26" || e.SrcPort != 64355 ||
			e.Dst.String() != "184.27.37.69" || e.DstPort != 443 || e.PID != 15732 || e.Host != "internal-win10.patternex.lab" ||
			e.Agent != "internal-win10" || e.Rule != "68919" || e.Reason != "Connect" || e.When().Format(time.RFC3339Nano) != "2019-07-30T23:41:21.052Z" {
			t.Errorf("%+v", e)
		}
	}
	if found != 1 {
		t.Errorf("%d events", found)
	}
}

const host = "WIN-77LTAPHIQ1R.example.corp "

// Binary logs, as their container gives them: every event of the filtering platform has all its values.
func TestBinaryLogs(t *testing.T) {
	root := golden.Corpus(t)
	events, receivers := map[int]int{}, map[string]int{}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".evtx" {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		lines := bufio.NewScanner(evtx.Container().Lines(f))
		lines.Buffer(nil, 1<<20)
		s := session()
		for lines.Scan() {
			var e event.Entry
			s.Parse(lines.Text(), &e)
			id, _ := strconv.Atoi(between(lines.Text(), "<EventID>", "<"))
			if kindOf(id) == kindOther {
				if !strings.HasPrefix(e.Note, "Windows event ") {
					t.Errorf("%s, event %d: %q %q", path, id, e.Error, e.Note)
				}
				continue
			}
			events[id]++
			if e.Error != "" || e.Host == "" || e.TimeQuality != event.TimeExact || !e.Src.IsValid() || !e.Is(event.HasProto) ||
				kindOf(id) == kindPacket && (!e.Dst.IsValid() || e.Direction == event.DirectionUnknown) || e.Reason == "" || e.Reason[0] == '%' {
				t.Errorf("%s, event %d: %+v", path, id, e)
			}
			if kindOf(id) == kindPacket && e.Direction == event.In {
				receivers[e.Host+" "+e.Dst.String()]++
			}
		}
		return lines.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	// These systems log the local side as the source of what comes in, too, but for dropped packets. Where it shows, the
	// receiver is the host or a group; 10.0.2.17 is a peer with which the host talks on two ports of clients, where it does not.
	want := map[string]int{
		"temporal 169.46.6.101": 3, host + "10.0.2.15": 2, host + "fe80::79bf:8ee2:433c:2567": 4, host + "::1": 1,
		host + "239.255.255.250": 2, host + "ff02::c": 2, host + "10.0.2.17": 1,
	}
	if !maps.Equal(receivers, want) {
		t.Errorf("receivers %v, want %v", receivers, want)
	}
	// A search for the numbers finds more: records of an older log are left behind the end of a chunk.
	if want := map[int]int{5152: 2, 5156: 28, 5157: 1, 5158: 5}; !maps.Equal(events, want) {
		t.Errorf("%v, want %v", events, want)
	}
}

// Every file of the corpus's Windows logs is looked at, here or where it belongs.
func TestCorpusIsComplete(t *testing.T) {
	listed := map[string]string{
		crowdsec + "windows-logs.log": "here", crowdsec + "parser.assert": "here",
		"windows/BetaHydri__ParseFirewallLog/pfirewall.log": "pfirewall",
		"windows/text-index-excerpts/excerpts-pid.log":      "pfirewall",
	}
	for name := range dataSets {
		listed[name] = "here"
	}
	root := golden.Corpus(t)
	err := filepath.WalkDir(filepath.Join(root, "windows"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if name = filepath.ToSlash(name); listed[name] == "" && filepath.Ext(name) != ".evtx" { // those are evtx's
			t.Errorf("%s is not looked at", name)
		}
		delete(listed, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range listed {
		t.Errorf("%s is listed but is not there", name)
	}
}
