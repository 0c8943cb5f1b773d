package evtx

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailstop/internal/golden"
)

// An event is what the test reads of a line.
type event struct {
	System struct {
		Provider struct {
			Name string `xml:"Name,attr"`
			GUID string `xml:"Guid,attr"`
		}
		EventID       string
		Version       string
		EventRecordID uint64
		TimeCreated   struct {
			SystemTime string `xml:"SystemTime,attr"`
		}
		Correlation struct {
			ActivityID string `xml:"ActivityID,attr"`
		}
		Execution struct {
			ProcessID int `xml:"ProcessID,attr"`
			ThreadID  int `xml:"ThreadID,attr"`
		}
		Channel  string
		Computer string
	}
	Data []struct {
		Name string `xml:"Name,attr"`
		Text string `xml:",chardata"`
	} `xml:"EventData>Data"`
	User struct {
		Any []struct {
			XMLName xml.Name
			Any     []struct {
				XMLName xml.Name
				Text    string `xml:",chardata"`
			} `xml:",any"`
		} `xml:",any"`
	} `xml:"UserData"`
}

func events(t *testing.T, path string) []event {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out, err := readAll(t, b)
	if err != nil {
		t.Fatal(err)
	}
	var all []event
	for line := range strings.Lines(out) {
		var e event
		if err := xml.Unmarshal([]byte(line), &e); err != nil || strings.HasPrefix(line, "<Event-damaged") {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, e)
	}
	return all
}

// corpusFiles are the records that each file has. Counted by their signature there are more in three of them: behind the
// end of a chunk lie records of a log that was there before it was saved, 8, 30 and 1.
var corpusFiles = map[string]int{
	"Security_short_selected.evtx":                      7,
	"dicovery_4661_net_group_domain_admins_target.evtx": 63, //nolint:misspell // the file is called so
	"1102.evtx": 1, "4719_WindowsSrv2016.evtx": 1, "security-windows2012r2-logon.evtx": 18,
}

func TestCorpusReads(t *testing.T) {
	seen := map[string]int{}
	blocked := 0
	err := filepath.WalkDir(golden.Corpus(t), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".evtx" {
			return err
		}
		last := uint64(0)
		for _, e := range events(t, path) {
			s := e.System
			if s.EventRecordID <= last || s.Channel != "Security" || s.Computer == "" || len(s.TimeCreated.SystemTime) != len("2026-01-05T09:11:12.3456789Z") {
				t.Errorf("%s: %+v behind %d", path, s, last)
			}
			last = s.EventRecordID
			if s.EventID == "5152" || s.EventID == "5157" || s.EventID == "5156" {
				blocked++
				if names := dataNames(e); !slices.Contains(names, "DestAddress") || !slices.Contains(names, "DestPort") {
					t.Errorf("%s: record %d has %q", path, last, names)
				}
			}
			seen[filepath.Base(path)]++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(seen, corpusFiles) {
		t.Errorf("records %v, want %v", seen, corpusFiles)
	}
	if blocked != 31 {
		t.Errorf("%d packets and connections", blocked)
	}
}

func dataNames(e event) (names []string) {
	for _, d := range e.Data {
		names = append(names, d.Name)
	}
	return names
}

// A beat is what Winlogbeat made of a record on Windows, with the system's own reader.
type beat struct {
	Time   string `json:"@timestamp"`
	Winlog struct {
		ActivityID string         `json:"activity_id"`
		Channel    string         `json:"channel"`
		Computer   string         `json:"computer_name"`
		Data       map[string]any `json:"event_data"`
		EventID    string         `json:"event_id"`
		Process    struct {
			PID    int `json:"pid"`
			Thread struct {
				ID int `json:"id"`
			} `json:"thread"`
		} `json:"process"`
		ProviderGUID string            `json:"provider_guid"`
		ProviderName string            `json:"provider_name"`
		RecordID     uint64            `json:"record_id"`
		User         map[string]string `json:"user_data"`
		Version      int               `json:"version"`
	} `json:"winlog"`
}

// What Winlogbeat adds to the data from tables of its own, and what it moves from there into process and source.
var (
	beatAdds  = []string{"AuditPolicyChangesDescription", "Category", "SubCategory"}
	beatDrops = []string{"IpAddress", "IpPort", "ProcessId", "ProcessName", "WorkstationName"}
)

func TestCorpusWinlogbeat(t *testing.T) {
	found, err := filepath.Glob(filepath.Join(golden.Corpus(t), "envelopes/elastic__beats/x-pack/winlogbeat/module/security/test/testdata/*.golden.json"))
	if err != nil || len(found) != 3 {
		t.Fatal(found, err)
	}
	compared := 0
	used := map[string]bool{}
	for _, path := range found {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var beats []beat
		if err := json.Unmarshal(b, &beats); err != nil {
			t.Fatal(err)
		}
		all := events(t, strings.TrimSuffix(path, ".golden.json"))
		if len(all) != len(beats) {
			t.Errorf("%s: %d records, want %d", path, len(all), len(beats))
		}
		for i := range min(len(all), len(beats)) {
			compared += compareBeat(t, fmt.Sprintf("%s: record %d", filepath.Base(path), beats[i].Winlog.RecordID), all[i], beats[i], used)
		}
	}
	for _, k := range slices.Concat(beatAdds, beatDrops) {
		if !used[k] {
			t.Errorf("%s: no difference any more", k)
		}
	}
	if compared < 300 {
		t.Errorf("only %d values compared", compared)
	}
}

func compareBeat(t *testing.T, where string, e event, want beat, used map[string]bool) (compared int) {
	t.Helper()
	check := func(name string, got, want any) {
		compared++
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %s is %q, want %q", where, name, got, want)
		}
	}
	s, w := e.System, want.Winlog
	at, err := time.Parse(time.RFC3339Nano, want.Time)
	if err != nil {
		t.Fatal(err)
	}
	check("time", s.TimeCreated.SystemTime, at.Format("2006-01-02T15:04:05.0000000Z"))
	check("record", s.EventRecordID, w.RecordID)
	check("event", s.EventID, w.EventID)
	check("computer", s.Computer, w.Computer)
	check("channel", s.Channel, w.Channel)
	check("provider", s.Provider.Name, w.ProviderName)
	check("provider guid", s.Provider.GUID, w.ProviderGUID)
	check("activity", s.Correlation.ActivityID, w.ActivityID)
	check("process", s.Execution.ProcessID, w.Process.PID)
	check("thread", s.Execution.ThreadID, w.Process.Thread.ID)
	if w.Version != 0 {
		check("version", s.Version, w.Version)
	}
	got := map[string]any{}
	for _, d := range e.Data {
		got[d.Name] = d.Text
	}
	compareMaps(t, where, got, w.Data, used, check)
	if len(e.User.Any) == 1 {
		user := map[string]any{"xml_name": e.User.Any[0].XMLName.Local}
		for _, d := range e.User.Any[0].Any {
			user[d.XMLName.Local] = d.Text
		}
		wantUser := map[string]any{}
		for k, v := range w.User {
			wantUser[k] = v
		}
		compareMaps(t, where, user, wantUser, used, check)
	}
	return compared
}

func compareMaps(t *testing.T, where string, got, want map[string]any, used map[string]bool, check func(string, any, any)) {
	t.Helper()
	for k := range want {
		if _, ok := got[k]; !ok {
			used[k] = true
			if !slices.Contains(beatAdds, k) {
				t.Errorf("%s: no %s", where, k)
			}
			continue
		}
		check(k, got[k], want[k])
	}
	for k := range got {
		if _, ok := want[k]; !ok {
			used[k] = true
			if !slices.Contains(beatDrops, k) {
				t.Errorf("%s: %s=%q is more", where, k, got[k])
			}
		}
	}
}
