package mikrotik

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"mailstop/event"
	"mailstop/internal/golden"
)

// crowdsecFields gives, for the names in CrowdSec's assertions, the same of an entry.
var crowdsecFields = map[string]func(e *event.Entry) string{
	"source_ip": func(e *event.Entry) string { return e.Src.String() },
	"dst_ip":    func(e *event.Entry) string { return e.Dst.String() },
	"src_port":  func(e *event.Entry) string { return strconv.Itoa(int(e.SrcPort)) },
	"dst_port":  func(e *event.Entry) string { return strconv.Itoa(int(e.DstPort)) },
	"proto":     func(e *event.Entry) string { return strings.ToUpper(event.ProtoName(e.Proto)) },
	"length":    func(e *event.Entry) string { return strconv.Itoa(int(e.Length)) },
	"if_in":     func(e *event.Entry) string { return e.IfaceIn },
	"if_out": func(e *event.Entry) string {
		if e.IfaceOut == "" {
			return "(unknown 0)"
		}
		return e.IfaceOut
	},
	"chain": func(e *event.Entry) string { return e.Ruleset },
	"tag":   func(e *event.Entry) string { return e.Rule },
}

// notPackets are the lines that this format leaves alone, which CrowdSec's parser of the router's whole log does not.
var notPackets = map[int]string{2: "a login that failed"}

// What CrowdSec's parser finds in its sample, this one finds, too.
func TestCrowdSec(t *testing.T) {
	dir := filepath.Join(golden.Corpus(t), "netfilter/crowdsecurity__hub/mikrotik-logs")
	read := func(name string) []string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	}
	s := session()
	var entries []event.Entry
	for i, line := range read("mikrotik-logs.log") {
		var e event.Entry
		s.Parse(line, &e)
		entries = append(entries, e)
		if packet := e.Format == event.MikroTik && e.Error == ""; packet == (notPackets[i] != "") {
			t.Errorf("line %d: format %s, error %q", i+1, e.Format, e.Error)
		}
		if e.TimeQuality != event.TimeExact || e.Host == "" && notPackets[i] == "" {
			t.Errorf("line %d: time quality %v, host %q", i+1, e.TimeQuality, e.Host)
		}
	}
	field := regexp.MustCompile(`^results\["s01-parse"\]\["a1ad/mikrotik-logs"\]\[(\d+)\]\.Evt\.Parsed\["(\w+)"\] == "(.*)"$`)
	compared := 0
	for _, line := range read("parser.assert") {
		m := field.FindStringSubmatch(line)
		if m == nil || crowdsecFields[m[2]] == nil {
			continue
		}
		i, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		if notPackets[i] != "" {
			continue
		}
		compared++
		if got := crowdsecFields[m[2]](&entries[i]); got != m[3] {
			t.Errorf("line %d: %s is %q, CrowdSec has %q", i+1, m[2], got, m[3])
		}
	}
	if compared < 50 {
		t.Errorf("only %d fields were compared", compared)
	}
}
