package netfilter

import (
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailstop/event"
	"mailstop/internal/golden"
	"mailstop/parse"
	"mailstop/parse/ebtables"
	"mailstop/parse/envelope"
	"mailstop/parse/mikrotik"
	"mailstop/parse/proxmox"
	"mailstop/parse/syslog"
	"mailstop/parse/ulogd"
)

// corpusSession reads lines as they stand in files, headers and all. It knows the whole family, so that each line has to
// find its own format.
func corpusSession() *parse.Session {
	return parse.NewSession(parse.Table{
		Layers: []parse.Layer{envelope.Layer(), syslog.Layer()},
		Kinds:  []parse.Kind{ebtables.Kind(nil), mikrotik.Kind(nil), proxmox.Kind(nil), ulogd.Kind(nil), Kind(nil)},
	}, event.FormatUnknown, "")
}

// corpusLines returns the lines of a file below the corpus' netfilter folder.
func corpusLines(t *testing.T, name string) []string {
	t.Helper()
	f, err := os.Open(filepath.Join(golden.Corpus(t), "netfilter", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

type actions map[event.Action]int

const (
	psad     = "mrash__psad/test/scans/iptables/"
	elastic  = "elastic__integrations/packages/iptables/"
	pipeline = elastic + "data_stream/log/_dev/test/pipeline/"
	beats    = "elastic__beats/x-pack/filebeat/module/iptables/log/test/"
	crowdsec = "crowdsecurity__hub/"
	plemma   = "teliten__log.plemma/"
	sotm34   = "aag1990__UAHL/SotM34/iptables/iptablesyslog.gz"
)

// corpusFiles lists what each file has: entries by action; by line number, why a line with IN= and OUT= is damaged, and
// which lines are another format's of the family, whose own tests compare their fields.
var corpusFiles = []struct {
	name    string
	want    actions
	damaged map[int]string
	others  map[int]event.Format
}{
	{name: "AdrienRE__iptablogs/iptables.log", want: actions{event.Observe: 4856, event.ActionUnknown: 3587}},
	{
		name: sotm34,
		want: actions{event.Drop: 77, event.ActionUnknown: 179653},
		damaged: map[int]string{
			13458: "SRC is not an address", 13459: "SRC is not an address", 13460: "SRC is not an address",
			48557: "SRC is not an address", 48558: "SRC is not an address", 48559: "SRC is not an address",
		},
	},
	{name: crowdsec + "iptables-logs/iptables-logs.log", want: actions{event.Drop: 1, event.ActionUnknown: 2}},
	{
		// Lines 18 to 49 are edited: PROTO=TCP before the tail of a UDP packet.
		name: crowdsec + "iptables-scan-multi-port/iptables-scan-multi-port.log", want: actions{event.ActionUnknown: 17},
		damaged: span18to49("line ends early"),
	},
	{
		name: crowdsec + "mikrotik-logs/mikrotik-logs.log", // line 3 is of a login
		others: map[int]event.Format{
			1: event.MikroTik, 2: event.MikroTik, 4: event.MikroTik, 5: event.MikroTik, 6: event.MikroTik, 7: event.MikroTik,
		},
	},
	{name: crowdsec + "unifi-cef/cef-logs.log"},
	{name: crowdsec + "unifi-logs/unifi-logs.log", want: actions{event.Allow: 1, event.Drop: 2}},
	{name: "dunneja__py-fw-log/iptables.log", want: actions{event.Deny: 1182}},
	{name: beats + "geo.log", want: actions{event.Drop: 1}},
	{name: beats + "icmp.log", want: actions{event.Deny: 1}},
	{name: beats + "iptables.log", want: actions{event.Drop: 10}},
	{name: beats + "ipv6.log", want: actions{event.ActionUnknown: 11}},
	{name: elastic + "_dev/deploy/docker/sample_logs/iptables-syslog.log", want: actions{event.Drop: 2}},
	{name: elastic + "_dev/deploy/docker/sample_logs/iptables.journal.export", want: actions{event.Drop: 3}},
	{name: pipeline + "test-iptables-raw.log", want: actions{event.Allow: 6, event.Deny: 1, event.Drop: 14, event.ActionUnknown: 2}},
	{name: pipeline + "test-iptables-raw.log.tail-2025", want: actions{event.Allow: 2, event.ActionUnknown: 1}},
	{name: "fail2ban__fail2ban/fail2ban/tests/files/logs/portsentry"},
	{name: "fail2ban__fail2ban/fail2ban/tests/files/logs/scanlogd"},
	{name: psad + "ack_scan_1000_1150", want: actions{event.Drop: 302}},
	{name: psad + "fin_scan_1000_1150", want: actions{event.Drop: 302}},
	{name: psad + "invalid_icmp_type_code", want: actions{event.ActionUnknown: 5}},
	{name: psad + "ipv4_valid_ping", want: actions{event.ActionUnknown: 5}},
	{name: psad + "ipv6_ms_sql_server_sig_match", want: actions{event.Drop: 1}},
	{name: psad + "ipv6_ping_scan", want: actions{event.Drop: 2}},
	{name: psad + "ipv6_tcp_connect_nmap_default_scan", want: actions{event.Drop: 1009}},
	{name: psad + "mirai_default_credentials_scan", want: actions{event.Drop: 11}},
	{name: psad + "ms_sql_server_sig_match", want: actions{event.Drop: 2}},
	{name: psad + "null_scan_1000_1150", want: actions{event.Drop: 302, event.ActionUnknown: 1}},
	{name: psad + "reputation_scan", want: actions{event.Drop: 7}},
	{name: psad + "syn_scan_1000_1500", want: actions{event.Drop: 1002}},
	{name: psad + "syn_scan_1000_1500_localhost", want: actions{event.Drop: 1002}},
	{name: psad + "syn_scan_1000_1500_multi_dst", want: actions{event.Drop: 4008}},
	{name: psad + "syn_scan_1000_1500_zeroip", want: actions{event.Drop: 1002}},
	{name: psad + "syn_sweep", want: actions{event.Drop: 12}},
	{name: psad + "topera_ipv6_syn_scan_no_ip_opts", want: actions{event.Drop: 1058}},
	{name: psad + "udp_scan_1000_1150", want: actions{event.Drop: 302}},
	{name: psad + "xmas_scan_1000_1150", want: actions{event.Drop: 302}},
	{name: plemma + "kern.log.4.gz", want: actions{event.Deny: 3541}},
	{name: plemma + "ufw.log", want: actions{event.Deny: 1832}},
	{name: plemma + "ufw.log.2.gz", want: actions{event.Deny: 60496}},
	{name: plemma + "ufw.log.4.gz", want: actions{event.Deny: 3541}},
	{
		name:    "text-index-excerpts/excerpts.log",
		want:    actions{event.Drop: 3, event.Reject: 4, event.Observe: 1, event.ActionUnknown: 4},
		damaged: map[int]string{12: "DST is not an address", 13: "SRC is not an address"}, // masked by their owners
		others:  map[int]event.Format{2: event.Ulogd},
	},
	{name: "wazuh__wazuh/ruleset/testing/tests/sophos_fw.ini"},
	{name: "wazuh__wazuh/ruleset/testing/tests/firewalld.ini"},
}

// elsewhere lists the files of the corpus that are not logs; reference_test.go reads them.
var elsewhere = map[string]bool{
	crowdsec + "iptables-logs/parser.assert":              true,
	crowdsec + "iptables-scan-multi-port/scenario.assert": true,
	crowdsec + "unifi-logs/parser.assert":                 true,
	crowdsec + "unifi-cef/parser.assert":                  true, // CEF, not netfilter
	crowdsec + "mikrotik-logs/parser.assert":              true, // RouterOS: its own test reads it
	beats + "geo.log-expected.json":                       true,
	beats + "icmp.log-expected.json":                      true,
	beats + "iptables.log-expected.json":                  true,
	beats + "ipv6.log-expected.json":                      true,
	pipeline + "test-iptables-raw.log-expected.json":      true,
	pipeline + "test-journald.json":                       true,
	pipeline + "test-journald.json-expected.json":         true,
	"wazuh__wazuh/ruleset/testing/tests/iptables.ini":     true,
}

func span18to49(why string) map[int]string {
	m := map[int]string{}
	for i := 18; i <= 49; i++ {
		m[i] = why
	}
	return m
}

// Every line with IN= and OUT= is read without error, but for those that are known to be damaged; no other line is.
func TestCorpus(t *testing.T) {
	for _, file := range corpusFiles {
		t.Run(file.name, func(t *testing.T) {
			s := corpusSession()
			got := actions{}
			seen := 0
			for i, line := range corpusLines(t, file.name) {
				var e event.Entry
				s.Parse(line, &e)
				packet := strings.Contains(line, "IN=") && strings.Contains(line, " OUT=")
				why, damaged := file.damaged[i+1]
				switch {
				case file.others[i+1] != event.FormatUnknown:
					seen++
					if e.Format != file.others[i+1] || e.Error != "" || e.Note != "" {
						t.Errorf("line %d: %s, error %q\n%s", i+1, e.Format, e.Error, line)
					}
				case damaged:
					seen++
					if e.Error != why || e.Format != event.Netfilter {
						t.Errorf("line %d: %s, error %q, want %q\n%s", i+1, e.Format, e.Error, why, line)
					}
				case packet != (e.Error == "" && e.Note == ""):
					t.Errorf("line %d: error %q\n%s", i+1, e.Error, line)
				case packet:
					got[e.Action]++
					if e.Format != event.Netfilter {
						t.Errorf("line %d is read as %s\n%s", i+1, e.Format, line)
					}
					checkWhole(t, i+1, &e)
				}
			}
			if want := file.want; !maps.Equal(got, want) && len(got)+len(want) > 0 {
				t.Errorf("got %v, want %v", got, want)
			}
			if n := len(file.damaged) + len(file.others); seen != n {
				t.Errorf("%d damaged lines and lines of other formats, %d are listed", seen, n)
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
	case event.ICMP, event.ICMPv6:
		want |= event.HasICMPType | event.HasICMPCode
	}
	if !e.Src.IsValid() || !e.Dst.IsValid() || !e.Is(want) || e.Direction == event.DirectionUnknown {
		t.Errorf("line %d: fields are missing: %+v", line, e)
	}
}

// Every file of the corpus is looked at.
func TestCorpusIsComplete(t *testing.T) {
	listed := maps.Clone(elsewhere)
	for _, f := range corpusFiles {
		if listed[f.name] {
			t.Errorf("%s is listed twice", f.name)
		}
		listed[f.name] = true
	}
	root := filepath.Join(golden.Corpus(t), "netfilter")
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
