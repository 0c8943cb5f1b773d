package filterlog

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
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
)

const (
	crowdsec = "crowdsecurity__hub/"
	elastic  = "elastic__integrations/packages/pfsense/data_stream/log/_dev/test/pipeline/"
	wazuh    = "wazuh__wazuh/ruleset/testing/tests/pfsense.ini"
)

type actions map[event.Action]int

// corpusFiles lists what each file of this format has: entries by action, and by line number why a line is not read.
var corpusFiles = []struct {
	name   string
	want   actions
	unread map[int]string
}{
	{name: crowdsec + "pf-logs/pf-logs.log", want: actions{event.Deny: 6, event.Allow: 3}},
	{name: crowdsec + "pf-scan-multi-port/pf-scan-multi-port.log", want: actions{event.Deny: 16}, unread: map[int]string{17: "empty line"}},
	{name: elastic + "test-opensense-transport-dash.log", want: actions{event.Allow: 1}},
	{name: elastic + "test-pfsense-bsd.log", want: actions{event.Deny: 14, event.Allow: 5}},
	{name: elastic + "test-pfsense-syslog.log", want: actions{event.Deny: 10, event.Allow: 6}},
}

// elsewhere lists the files of the corpus' folder that other tests read: the references' here, the other formats' in theirs.
var elsewhere = map[string]bool{
	crowdsec + "pf-logs/parser.assert":                true,
	crowdsec + "pf-scan-multi-port/scenario.assert":   true,
	elastic + "test-pfsense-bsd.log-expected.json":    true,
	elastic + "test-pfsense-syslog.log-expected.json": true,
	wazuh: true,
	"elastic__beats/packetbeat/tests/system/pcaps/pf_block_inbound_tcp.pcap":  true, // parse/pflog
	"elastic__beats/packetbeat/tests/system/pcaps/pf_pass_outbound_icmp.pcap": true, // parse/pflog
	"mrash__psad/test/scans/pf/syn_scan_1100_1500":                            true, // parse/pftext
	"text-index-excerpts/excerpts.log":                                        true, // parse/pftext
}

func corpusLines(t *testing.T, name string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(golden.Corpus(t), "pf", name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

func corpusEntries(t *testing.T, name string) []event.Entry {
	t.Helper()
	s := session()
	var out []event.Entry
	for _, line := range corpusLines(t, name) {
		var e event.Entry
		s.Parse(line, &e)
		out = append(out, e)
	}
	return out
}

func TestCorpus(t *testing.T) {
	for _, file := range corpusFiles {
		t.Run(file.name, func(t *testing.T) {
			got := actions{}
			for i, e := range corpusEntries(t, file.name) {
				if why, ok := file.unread[i+1]; ok {
					if e.Note+e.Error != why {
						t.Errorf("line %d: %q %q, want %q", i+1, e.Note, e.Error, why)
					}
					continue
				}
				if e.Error != "" || e.Note != "" || e.Format != event.Filterlog {
					t.Errorf("line %d: %s %q %q\n%s", i+1, e.Format, e.Note, e.Error, e.Raw)
					continue
				}
				got[e.Action]++
				checkWhole(t, i+1, &e)
			}
			if !maps.Equal(got, file.want) {
				t.Errorf("got %v, want %v", got, file.want)
			}
		})
	}
}

// checkWhole fails if an entry without error lacks what each of these lines has.
func checkWhole(t *testing.T, line int, e *event.Entry) {
	t.Helper()
	want := event.HasProto | event.HasLength | event.HasTTL
	switch e.Proto {
	case event.TCP:
		want |= event.HasPorts | event.HasTCPFlags
	case event.UDP:
		want |= event.HasPorts
	}
	if !e.Src.IsValid() || !e.Dst.IsValid() || !e.Is(want) || e.Direction == event.DirectionUnknown || e.Rule == "" || e.Reason == "" ||
		e.IfaceIn+e.IfaceOut == "" || e.TimeQuality == event.TimeNone {
		t.Errorf("line %d: fields are missing: %+v", line, e)
	}
}

// Every file of the corpus' folder is looked at.
func TestCorpusIsComplete(t *testing.T) {
	listed := maps.Clone(elsewhere)
	for _, f := range corpusFiles {
		listed[f.name] = true
	}
	root := filepath.Join(golden.Corpus(t), "pf")
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if !listed[filepath.ToSlash(name)] {
			return fmt.Errorf("%s is not looked at", name)
		}
		delete(listed, filepath.ToSlash(name))
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for name := range listed {
		t.Errorf("%s is listed but is not there", name)
	}
}

// What other projects' tests expect of their samples is compared with what this parser reads, in each field that both have. A
// difference is allowed only if it is listed with its reason; one that no longer occurs must be taken off the list.
type comparison struct {
	t     *testing.T
	known map[string]string // "file:line field" to reason
	met   map[string]bool
	same  int
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
	c.t.Logf("%d fields agree, %d differ for a reason", c.same, len(c.met))
}

func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func number(e *event.Entry, has event.Has, v uint64) string {
	if !e.Is(has) {
		return ""
	}
	return strconv.FormatUint(v, 10)
}

var words = map[event.Action]string{event.Allow: "pass", event.Deny: "block"}

// letters spells flags as filterlog does.
func letters(e *event.Entry) string {
	out := ""
	for _, f := range []struct {
		flag   event.TCPFlags
		letter string
	}{{event.FIN, "F"}, {event.SYN, "S"}, {event.RST, "R"}, {event.PSH, "P"}, {event.ACK, "A"}, {event.URG, "U"}, {event.ECE, "E"}, {event.CWR, "C"}} {
		if e.TCPFlags&f.flag != 0 {
			out += f.letter
		}
	}
	return out
}

// icmpWords are the words of pfSense by type and code; -1 is a code that the word does not tell.
var icmpWords = map[[2]int]string{{8, -1}: "request", {3, 3}: "unreachport", {3, 2}: "unreachproto"}

func icmpText(e *event.Entry) string {
	code := -1
	if e.Is(event.HasICMPCode) {
		code = int(e.ICMPCode)
	}
	return icmpWords[[2]int{int(e.ICMPType), code}]
}

var fields = map[string]func(e *event.Entry) string{
	"source.ip":                       func(e *event.Entry) string { return addrText(e.Src) },
	"destination.ip":                  func(e *event.Entry) string { return addrText(e.Dst) },
	"source.port":                     func(e *event.Entry) string { return number(e, event.HasSrcPort, uint64(e.SrcPort)) },
	"destination.port":                func(e *event.Entry) string { return number(e, event.HasDstPort, uint64(e.DstPort)) },
	"network.iana_number":             func(e *event.Entry) string { return number(e, event.HasProto, uint64(e.Proto)) },
	"network.transport":               func(e *event.Entry) string { return event.ProtoName(e.Proto) },
	"network.bytes":                   func(e *event.Entry) string { return number(e, event.HasLength, uint64(e.Length)) },
	"network.direction":               func(e *event.Entry) string { return e.Direction.String() + "bound" },
	"event.action":                    func(e *event.Entry) string { return words[e.Action] },
	"event.reason":                    func(e *event.Entry) string { return e.Reason },
	"rule.id":                         func(e *event.Entry) string { return e.Rule },
	"observer.name":                   func(e *event.Entry) string { return e.Host },
	"observer.ingress.interface.name": func(e *event.Entry) string { return e.IfaceIn },
	"pfsense.ip.ttl":                  func(e *event.Entry) string { return number(e, event.HasTTL, uint64(e.TTL)) },
	"pfsense.tcp.flags":               letters,
	"pfsense.icmp.type":               icmpText,
	"@timestamp":                      func(e *event.Entry) string { return e.When().Truncate(time.Millisecond).Format(time.RFC3339Nano) },
}

var elasticDifferences = map[string]string{
	"test-pfsense-bsd.log:7 network.bytes": "the header's 40 bytes are part of the packet; IPv6's own length leaves them out",
}

func TestElastic(t *testing.T) {
	c := &comparison{t: t, known: elasticDifferences, met: map[string]bool{}}
	for _, name := range []string{"test-pfsense-bsd.log", "test-pfsense-syslog.log"} {
		var documents struct {
			Expected []map[string]any `json:"expected"`
		}
		text := strings.Join(corpusLines(t, elastic+name+"-expected.json"), "\n")
		if err := json.Unmarshal([]byte(text), &documents); err != nil {
			t.Fatal(err)
		}
		entries := corpusEntries(t, elastic+name)
		if len(entries) != len(documents.Expected) {
			t.Fatalf("%s: %d entries, %d documents", name, len(entries), len(documents.Expected))
		}
		for i, doc := range documents.Expected {
			at := name + ":" + strconv.Itoa(i+1)
			flat := map[string]string{}
			flatten("", doc, flat)
			for field, get := range fields {
				want, ok := flat[field]
				if field == "@timestamp" {
					if strings.HasPrefix(entries[i].Raw, "<134>J") {
						continue // they took the year and the zone of the day they ran
					}
					when, err := time.Parse(time.RFC3339Nano, want)
					if err != nil {
						t.Fatal(err)
					}
					want = when.UTC().Format(time.RFC3339Nano)
				}
				if ok {
					c.field(at, field, get(&entries[i]), want)
				}
			}
		}
	}
	c.done(400)
}

func flatten(prefix string, v any, out map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			flatten(strings.TrimPrefix(prefix+"."+k, "."), inner, out)
		}
	case float64:
		out[prefix] = strconv.FormatFloat(v, 'f', -1, 64)
	default:
		out[prefix] = fmt.Sprint(v)
	}
}

// crowdsecFields gives, for the names in CrowdSec's expectations, the same of an entry.
var crowdsecFields = map[string]func(e *event.Entry) string{
	"action":        fields["event.action"],
	"direction":     func(e *event.Entry) string { return e.Direction.String() },
	"src_ip":        fields["source.ip"],
	"dst_ip":        fields["destination.ip"],
	"src_port":      fields["source.port"],
	"dst_port":      fields["destination.port"],
	"iface":         func(e *event.Entry) string { return e.IfaceIn + e.IfaceOut },
	"ip4_proto_id":  fields["network.iana_number"],
	"ip6_proto_id":  fields["network.iana_number"],
	"ip4_proto":     fields["network.transport"],
	"ip6_proto":     fields["network.transport"],
	"ip4_ttl":       fields["pfsense.ip.ttl"],
	"ip6_hop_limit": fields["pfsense.ip.ttl"],
	"length":        fields["network.bytes"],
	"reason":        fields["event.reason"],
	"tracker":       fields["rule.id"],
	"ruleid":        fields["rule.id"],
	"tcp_flags":     letters,
	"machine":       fields["observer.name"],
	"source_ip":     fields["source.ip"],
	"service":       fields["network.transport"],
}

var crowdsecDifferences = map[string]string{
	"pf-logs.log:8 length": "the header's 40 bytes are part of the packet; IPv6's own length leaves them out",
	"pf-logs.log:9 length": "the header's 40 bytes are part of the packet; IPv6's own length leaves them out",
}

var (
	parsedLine = regexp.MustCompile(`^results\["s01-parse"\]\["firewallservices/(pf-logs|pf-logs-drop)"\]\[(\d+)\]\.Evt\.(?:Parsed|Meta)\["(\w+)"\] == "(.*)"$`)
	eventLine  = regexp.MustCompile(`^results\[0\]\.Overflow\.Alert\.Events\[(\d+)\]\.GetMeta\("(\w+)"\) == "(.*)"$`)
)

func TestCrowdSec(t *testing.T) {
	c := &comparison{t: t, known: crowdsecDifferences, met: map[string]bool{}}
	entries := corpusEntries(t, crowdsec+"pf-logs/pf-logs.log")
	for _, line := range corpusLines(t, crowdsec+"pf-logs/parser.assert") {
		m := parsedLine.FindStringSubmatch(line)
		if m == nil || crowdsecFields[m[3]] == nil {
			continue
		}
		i, _ := strconv.Atoi(m[2])
		c.field("pf-logs.log:"+strconv.Itoa(i+1), m[3], crowdsecFields[m[3]](&entries[i]), m[4])
	}
	entries = corpusEntries(t, crowdsec+"pf-scan-multi-port/pf-scan-multi-port.log")
	for _, line := range corpusLines(t, crowdsec+"pf-scan-multi-port/scenario.assert") {
		m := eventLine.FindStringSubmatch(line)
		if m == nil || crowdsecFields[m[2]] == nil {
			continue
		}
		i, _ := strconv.Atoi(m[1])
		c.field("pf-scan-multi-port.log:"+strconv.Itoa(i+1), m[2], crowdsecFields[m[2]](&entries[i]), m[3])
	}
	c.done(250)
}

// Wazuh's rule 87701 is "drop event" of pfSense; 87700 is any event.
func TestWazuh(t *testing.T) {
	text := strings.Join(corpusLines(t, wazuh), "\n")
	lines := bufio.NewScanner(bytes.NewReader([]byte(text)))
	s := session()
	var e event.Entry
	seen := []string{}
	for lines.Scan() {
		if _, line, ok := strings.Cut(lines.Text(), " pass = "); ok {
			e = event.Entry{}
			s.Parse(line, &e)
			if e.Error != "" || e.Format != event.Filterlog || !e.Src.IsValid() || !e.Is(event.HasProto) {
				t.Errorf("%s\n%+v", line, e)
			}
		}
		if rule, ok := strings.CutPrefix(lines.Text(), "rule = "); ok {
			seen = append(seen, rule)
			if e.Blocked() != (rule == "87701") {
				t.Errorf("rule %s: %v", rule, e.Action)
			}
		}
	}
	if !slices.Equal(seen, []string{"87700", "87701"}) {
		t.Errorf("rules %v", seen)
	}
}
