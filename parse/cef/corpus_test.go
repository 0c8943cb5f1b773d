package cef

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mailstop/event"
	"mailstop/internal/golden"
)

// differences from what CrowdSec's parser of the same lines says, by line and key.
var differences = map[string]string{
	"0 source_ip": "the line tells of a login, not of a packet: its address stays in the raw text",
}

// Each line of CrowdSec's test of UniFi events is read, and says what CrowdSec says.
func TestCorpus(t *testing.T) {
	dir := filepath.Join(golden.Corpus(t), "netfilter", "crowdsecurity__hub", "unifi-cef")
	log, err := os.ReadFile(filepath.Join(dir, "cef-logs.log"))
	if err != nil {
		t.Fatal(err)
	}
	asserted, err := os.ReadFile(filepath.Join(dir, "parser.assert"))
	if err != nil {
		t.Fatal(err)
	}
	var entries []event.Entry
	s := session()
	for line := range strings.SplitSeq(strings.TrimSpace(string(log)), "\n") {
		var e event.Entry
		s.Parse(line, &e)
		if e.Error != "" || e.Format != event.CEF || e.TimeQuality != event.TimeExact {
			t.Errorf("%s\n%s", line, e.AppendJSON(nil))
		}
		entries = append(entries, e)
	}
	if len(entries) != 3 || entries[0].Note == "" || entries[1].Action != event.Deny || entries[2].Action != event.Deny {
		t.Fatalf("%d entries: %+v", len(entries), entries)
	}
	meta := regexp.MustCompile(`^results\["s01-parse"\]\["crowdsecurity/unifi-cef"\]\[(\d)\]\.Evt\.Meta\["(\w+)"\] == (".*")$`)
	compared := 0
	seen := map[string]bool{}
	for line := range strings.SplitSeq(string(asserted), "\n") {
		m := meta.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		i, _ := strconv.Atoi(m[1])
		want, err := strconv.Unquote(m[3])
		if err != nil {
			t.Fatal(line, err)
		}
		got, known := value(&entries[i], m[2])
		if !known {
			continue
		}
		compared++
		if key := m[1] + " " + m[2]; got != want {
			seen[key] = true
			if differences[key] == "" {
				t.Errorf("line %s: %s is %q, CrowdSec says %q", m[1], m[2], got, want)
			}
		}
	}
	if compared < 18 {
		t.Errorf("only %d values were compared", compared)
	}
	if !slices.Equal(slices.Sorted(maps.Keys(differences)), slices.Sorted(maps.Keys(seen))) {
		t.Errorf("differences %v, listed are %v", seen, differences)
	}
}

// value returns what an entry has for CrowdSec's key, in its spelling.
func value(e *event.Entry, key string) (string, bool) {
	port := func(has event.Has, n uint16) string {
		if !e.Is(has) {
			return ""
		}
		return strconv.Itoa(int(n))
	}
	switch key {
	case "source_ip":
		return strings.TrimPrefix(fmt.Sprint(e.Src), "invalid IP"), true
	case "destination_ip":
		return strings.TrimPrefix(fmt.Sprint(e.Dst), "invalid IP"), true
	case "source_port":
		return port(event.HasSrcPort, e.SrcPort), true
	case "destination_port":
		return port(event.HasDstPort, e.DstPort), true
	case "protocol":
		return strings.ToUpper(event.ProtoName(e.Proto)), true
	case "host":
		return e.Host, true
	case "action":
		return map[event.Action]string{event.Deny: "blocked"}[e.Action], true
	case "direction":
		return map[event.Direction]string{event.In: "incoming"}[e.Direction], true
	case "device_interface":
		return e.IfaceIn, true
	case "policy_name":
		return e.Rule, true
	case "policy_type":
		return e.Ruleset, true
	case "ips_signature":
		return e.Reason, true
	}
	return "", false
}
