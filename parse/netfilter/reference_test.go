package netfilter

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mailstop/event"
)

// What other projects' tests expect of their samples is compared with what this parser reads, field by field, where
// both have the field. A difference is allowed only if it is listed here with its reason; one that no longer occurs
// must be taken off the list.
type differences map[string]string // "file:line field" to reason

type comparison struct {
	t     *testing.T
	known differences
	met   map[string]bool
	same  int // fields compared and found equal
}

func compare(t *testing.T, known differences) *comparison {
	return &comparison{t: t, known: known, met: map[string]bool{}}
}

func (c *comparison) field(at, field, got, want string) {
	c.t.Helper()
	key := at + " " + field
	if got == want {
		c.same++
		return
	}
	if _, ok := c.known[key]; !ok {
		c.t.Errorf("%s: %q, the reference has %q", key, got, want)
	}
	c.met[key] = true
}

func (c *comparison) done(atLeast int) {
	c.t.Helper()
	for key, reason := range c.known {
		if !c.met[key] {
			c.t.Errorf("listed, but does not differ: %s (%s)", key, reason)
		}
	}
	if c.same < atLeast {
		c.t.Errorf("%d fields compared, expected at least %d", c.same, atLeast)
	}
}

func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func optional(e *event.Entry, has event.Has, v uint64) string {
	if !e.Is(has) {
		return ""
	}
	return strconv.FormatUint(v, 10)
}

func flagText(e *event.Entry) string {
	names := e.TCPFlags.Names(nil)
	slices.Sort(names)
	return strings.Join(names, " ")
}

// elasticFields gives, for the names in Elastic's documents, the same of an entry.
var elasticFields = map[string]func(e *event.Entry) string{
	"source.ip":              func(e *event.Entry) string { return addrText(e.Src) },
	"destination.ip":         func(e *event.Entry) string { return addrText(e.Dst) },
	"source.port":            func(e *event.Entry) string { return optional(e, event.HasSrcPort, uint64(e.SrcPort)) },
	"destination.port":       func(e *event.Entry) string { return optional(e, event.HasDstPort, uint64(e.DstPort)) },
	"network.transport":      func(e *event.Entry) string { return event.ProtoName(e.Proto) },
	"iptables.length":        func(e *event.Entry) string { return optional(e, event.HasLength, uint64(e.Length)) },
	"iptables.ttl":           func(e *event.Entry) string { return optional(e, event.HasTTL, uint64(e.TTL)) },
	"iptables.icmp.type":     func(e *event.Entry) string { return optional(e, event.HasICMPType, uint64(e.ICMPType)) },
	"iptables.icmp.code":     func(e *event.Entry) string { return optional(e, event.HasICMPCode, uint64(e.ICMPCode)) },
	"iptables.input_device":  func(e *event.Entry) string { return e.IfaceIn },
	"iptables.output_device": func(e *event.Entry) string { return e.IfaceOut },
	"iptables.tcp.flags":     flagText,
	"rule.id":                func(e *event.Entry) string { return e.Rule },
	"rule.name":              func(e *event.Entry) string { return e.Ruleset },
	"observer.name":          func(e *event.Entry) string { return e.Host },
	"event.action":           func(e *event.Entry) string { return e.Action.String() },
}

// elasticActions translates the words of event.action, which are words of the prefix.
var elasticActions = map[string]string{"accept": "allow", "deny": "deny", "drop": "drop", "drop_input": "drop"}

var elasticDifferences = differences{}

func TestElastic(t *testing.T) {
	c := compare(t, elasticDifferences)
	for _, file := range []string{
		beats + "geo.log", beats + "icmp.log", beats + "iptables.log", beats + "ipv6.log",
		pipeline + "test-iptables-raw.log", pipeline + "test-journald.json",
	} {
		documents := elasticDocuments(t, file+"-expected.json")
		lines := corpusLines(t, file)
		if strings.HasSuffix(file, ".json") {
			lines = elasticEvents(t, lines)
		}
		if len(documents) != len(lines) {
			t.Errorf("%s: %d documents for %d lines", file, len(documents), len(lines))
			continue
		}
		s := corpusSession()
		for i, doc := range documents {
			var e event.Entry
			s.Parse(lines[i], &e)
			at := fmt.Sprintf("%s:%d", file, i+1)
			if e.Error != "" {
				t.Errorf("%s: %s", at, e.Error)
			}
			for name, get := range elasticFields {
				want, ok := doc[name]
				if !ok {
					continue
				}
				switch name {
				case "event.action":
					want = elasticActions[want]
				case "source.ip", "destination.ip": // written out, as in the line
					want = netip.MustParseAddr(want).String()
				}
				c.field(at, name, get(&e), want)
			}
		}
	}
	c.done(400)
}

// elasticDocuments reads expected documents, whose keys are dotted or nested, as dotted keys with text values.
func elasticDocuments(t *testing.T, name string) []map[string]string {
	t.Helper()
	text := []byte(strings.Join(corpusLines(t, name), "\n"))
	var docs []map[string]any
	if err := json.Unmarshal(text, &docs); err != nil {
		var wrapped struct {
			Expected []map[string]any `json:"expected"`
		}
		if err := json.Unmarshal(text, &wrapped); err != nil {
			t.Fatal(err)
		}
		docs = wrapped.Expected
	}
	out := make([]map[string]string, len(docs))
	for i, d := range docs {
		out[i] = map[string]string{}
		flatten(d, "", out[i])
	}
	return out
}

func flatten(in map[string]any, prefix string, out map[string]string) {
	for k, v := range in {
		switch v := v.(type) {
		case map[string]any:
			flatten(v, prefix+k+".", out)
		case []any:
			var words []string
			for _, w := range v {
				words = append(words, fmt.Sprint(w))
			}
			slices.Sort(words)
			out[prefix+k] = strings.Join(words, " ")
		case float64:
			out[prefix+k] = strconv.FormatFloat(v, 'f', -1, 64)
		default:
			out[prefix+k] = fmt.Sprint(v)
		}
	}
}

// elasticEvents returns the messages of an input file of events.
func elasticEvents(t *testing.T, lines []string) []string {
	t.Helper()
	var file struct {
		Events []struct {
			Message string `json:"message"`
		} `json:"events"`
	}
	if err := json.Unmarshal([]byte(strings.Join(lines, "\n")), &file); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range file.Events {
		out = append(out, e.Message)
	}
	return out
}

// crowdsecFields gives, for the names in CrowdSec's assertions, the same of an entry.
var crowdsecFields = map[string]func(e *event.Entry) string{
	"src_ip":   func(e *event.Entry) string { return addrText(e.Src) },
	"dst_ip":   func(e *event.Entry) string { return addrText(e.Dst) },
	"src_port": func(e *event.Entry) string { return optional(e, event.HasSrcPort, uint64(e.SrcPort)) },
	"dst_port": func(e *event.Entry) string { return optional(e, event.HasDstPort, uint64(e.DstPort)) },
	"proto":    func(e *event.Entry) string { return strings.ToUpper(event.ProtoName(e.Proto)) },
	"length":   func(e *event.Entry) string { return optional(e, event.HasLength, uint64(e.Length)) },
	"int_eth":  func(e *event.Entry) string { return e.IfaceIn },
	"rule_id":  func(e *event.Entry) string { return e.Rule },
	"action":   func(e *event.Entry) string { return e.Action.String() },
	"SRC":      func(e *event.Entry) string { return addrText(e.Src) },
	"DST":      func(e *event.Entry) string { return addrText(e.Dst) },
	"SPT":      func(e *event.Entry) string { return optional(e, event.HasSrcPort, uint64(e.SrcPort)) },
	"DPT":      func(e *event.Entry) string { return optional(e, event.HasDstPort, uint64(e.DstPort)) },
	"PROTO":    func(e *event.Entry) string { return strings.ToUpper(event.ProtoName(e.Proto)) },
	"TTL":      func(e *event.Entry) string { return optional(e, event.HasTTL, uint64(e.TTL)) },
	"LEN":      func(e *event.Entry) string { return optional(e, event.HasLength, uint64(e.Length)) },
	"IN":       func(e *event.Entry) string { return e.IfaceIn },
	"OUT":      func(e *event.Entry) string { return e.IfaceOut },
}

var crowdsecActions = map[string]string{"A": "allow", "D": "drop"}

const secondLen = "CrowdSec keeps the last LEN, which is that of UDP; length is that of the IP packet, the first"

var crowdsecDifferences = differences{
	crowdsec + "iptables-logs/iptables-logs.log:4 length": secondLen,
	crowdsec + "iptables-logs/iptables-logs.log:4 LEN":    secondLen,
	crowdsec + "unifi-logs/unifi-logs.log:1 length":       secondLen,
	crowdsec + "unifi-logs/unifi-logs.log:1 LEN":          secondLen,
	crowdsec + "unifi-logs/unifi-logs.log:2 length":       secondLen,
	crowdsec + "unifi-logs/unifi-logs.log:2 LEN":          secondLen,
	crowdsec + "unifi-logs/unifi-logs.log:3 length":       secondLen,
	crowdsec + "unifi-logs/unifi-logs.log:3 LEN":          secondLen,
}

var (
	crowdsecField   = regexp.MustCompile(`^results\["s01-parse"\]\["crowdsecurity/iptables-logs"\]\[(\d+)\]\.Evt\.(?:Parsed|Unmarshaled\["iptables"\])\["(\w+)"\] == "(.*)"$`)
	crowdsecSuccess = regexp.MustCompile(`^results\["s01-parse"\]\["crowdsecurity/iptables-logs"\]\[(\d+)\]\.Success == (true|false)$`)
)

func TestCrowdSec(t *testing.T) {
	c := compare(t, crowdsecDifferences)
	for _, file := range []string{crowdsec + "iptables-logs/iptables-logs.log", crowdsec + "unifi-logs/unifi-logs.log"} {
		s := corpusSession()
		var entries []event.Entry
		for _, line := range corpusLines(t, file) {
			var e event.Entry
			s.Parse(line, &e)
			entries = append(entries, e)
		}
		for _, line := range corpusLines(t, file[:strings.LastIndexByte(file, '/')]+"/parser.assert") {
			if m := crowdsecSuccess.FindStringSubmatch(line); m != nil {
				i, _ := strconv.Atoi(m[1])
				c.field(fmt.Sprintf("%s:%d", file, i+1), "success", strconv.FormatBool(entries[i].Error == ""), m[2])
			}
			m := crowdsecField.FindStringSubmatch(line)
			if m == nil || crowdsecFields[m[2]] == nil {
				continue
			}
			i, _ := strconv.Atoi(m[1])
			want := m[3]
			if m[2] == "action" {
				want = crowdsecActions[want]
			}
			c.field(fmt.Sprintf("%s:%d", file, i+1), m[2], crowdsecFields[m[2]](&entries[i]), want)
		}
	}
	c.done(80)
}

// The scenario's assertions name the events of each alert: 16 ports tried from each of two sources. It raises none for
// the source of the UFW AUDIT lines, which say nothing of a verdict. CrowdSec calls the first source's lines drops
// although they have no prefix, and reads the edited lines 18 to 49 without complaint.
func TestCrowdSecScenario(t *testing.T) {
	const dir = crowdsec + "iptables-scan-multi-port/"
	source := regexp.MustCompile(`GetMeta\("source_ip"\) == "(.*)"$`)
	want := map[string]int{}
	for _, line := range corpusLines(t, dir+"scenario.assert") {
		if m := source.FindStringSubmatch(line); m != nil {
			want[m[1]]++
		}
	}
	s := corpusSession()
	ports := map[string]map[uint16]bool{}
	for i, line := range corpusLines(t, dir+"iptables-scan-multi-port.log") {
		var e event.Entry
		s.Parse(line, &e)
		if e.Proto != event.TCP || !e.Is(event.HasPorts) {
			t.Errorf("line %d: %+v", i+1, e)
		}
		if e.Action == event.Observe {
			continue
		}
		from := addrText(e.Src)
		if ports[from] == nil {
			ports[from] = map[uint16]bool{}
		}
		ports[from][e.DstPort] = true
	}
	got := map[string]int{}
	for from, p := range ports {
		got[from] = len(p)
	}
	// The first source tried 17 ports: the alert is raised, and its list closed, at the sixteenth.
	if got["62.34.17.168"] == 17 {
		got["62.34.17.168"] = 16
	}
	if !maps.Equal(got, want) {
		t.Errorf("ports tried by source: %v, the reference has %v", got, want)
	}
}

var wazuhDifferences = differences{
	"iptables: custom action 3:1 blocked": "Wazuh takes the prefix SFW2-INext-DROP-DEFLT for an unknown action",
	"iptables: ufw block:1 blocked":       "Wazuh's decoder takes the prefix for an unknown action; [UFW BLOCK] is a denial",
	"iptables: ufw block:2 blocked":       "Wazuh's decoder takes the prefix for an unknown action; [UFW BLOCK] is a denial",
}

// Wazuh's rules 4101 and 4151 are for packets that a firewall dropped, rule 4100 for any line of a firewall.
func TestWazuh(t *testing.T) {
	c := compare(t, wazuhDifferences)
	number := regexp.MustCompile(`^log \d+ (pass|fail) = `)
	var section string
	var logs []string
	for _, line := range corpusLines(t, "wazuh__wazuh/ruleset/testing/tests/iptables.ini") {
		switch {
		case strings.HasPrefix(line, "["):
			section, logs = strings.Trim(line, "[]"), nil
		case strings.HasPrefix(line, "rule = "):
			blocked := line == "rule = 4101" || line == "rule = 4151"
			for i, log := range logs {
				var e event.Entry
				corpusSession().Parse(log, &e)
				at := fmt.Sprintf("%s:%d", section, i+1)
				c.field(at, "blocked", strconv.FormatBool(e.Blocked()), strconv.FormatBool(blocked))
				c.field(at, "format", e.Format.String(), "netfilter")
				wantError := ""
				if strings.HasSuffix(log, " URGn=0") { // a byte is damaged
					wantError = "line ends early"
				}
				c.field(at, "error", e.Error, wantError)
			}
		case strings.Contains(line, "IN="):
			logs = append(logs, number.ReplaceAllString(line, ""))
		}
	}
	c.done(100)
}
