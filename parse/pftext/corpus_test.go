package pftext

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

func corpusLines(t *testing.T, name string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(golden.Corpus(t), "pf", name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

// scanned reads the one kind of line that the scan is of, in another way than the parser does.
var scanned = regexp.MustCompile(`^Mar 29 (\d\d:\d\d:\d\d\.\d{6}) rule 4/\(match\) \[uid 0, pid 10758\] block in on em0: ` +
	`([\d.]+)\.(\d+) > ([\d.]+)\.(\d+): S \[tcp sum ok\] \d+:\d+\(0\) win \d+ <mss 1460> \(ttl (\d+), id \d+, len (\d+)\)$`)

// A port scan against OpenBSD, 800 packets of it.
func TestCorpusScan(t *testing.T) {
	s := session()
	lines := corpusLines(t, "mrash__psad/test/scans/pf/syn_scan_1100_1500")
	for i, line := range lines {
		var e event.Entry
		s.Parse(line, &e)
		m := scanned.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("line %d is of another kind: %s", i+1, line)
		}
		got := []string{
			string(event.AppendTime(nil, e.Time, e.TimeDigits)), e.Src.String(), strconv.Itoa(int(e.SrcPort)), e.Dst.String(),
			strconv.Itoa(int(e.DstPort)), strconv.Itoa(int(e.TTL)), strconv.Itoa(int(e.Length)),
		}
		m[1] = "2026-03-29T" + m[1] + "Z"
		if strings.Join(got, " ") != strings.Join(m[1:], " ") || e.Error != "" || e.Action != event.Deny || e.Direction != event.In ||
			e.IfaceIn != "em0" || e.Rule != "4" || e.Reason != "match" || e.TCPFlags != event.SYN || e.Proto != event.TCP {
			t.Errorf("line %d: %+v\n%s", i+1, e, line)
		}
	}
	if len(lines) != 800 {
		t.Errorf("%d lines", len(lines))
	}
}

func TestCorpusExcerpts(t *testing.T) {
	want := []string{
		"fw 12.12.12.1 rule 55 Deny in rl0 111.111.111.11:80 12.12.12.12:123 udp",
		"fw  rule 5 Allow out lo0 127.0.0.1:13244 127.0.0.1:25 tcp",
		"fw  rule 3 Allow in em0 10.53.12.251:64303 10.138.120.3:22 tcp",
		"fw  rule 6 Allow out em0 10.138.120.3:27451 10.48.88.2:53 udp",
		"fw  rule 0 Deny in em0 fe80::9045:3cd4:9be0:9166:5353 ff02::fb:5353 udp",
		"fw  rule 0 Deny in bridge0 10.138.120.4:8612 10.138.120.255:8610 udp",
		"fw  rule 0 Deny in em0 fe80::9045:3cd4:9be0:9166:0 ff02::16:0 ipv6-icmp",
	}
	s := session()
	var got []string
	for _, line := range corpusLines(t, "text-index-excerpts/excerpts.log") {
		var e event.Entry
		s.Parse(line, &e)
		if line == "" {
			continue
		}
		if e.Error != "" || e.Format != event.PFText || (e.TimeQuality != event.TimeNone) != (e.Host != "") {
			t.Errorf("%s\n%+v", line, e)
		}
		action := map[event.Action]string{event.Allow: "Allow", event.Deny: "Deny"}[e.Action]
		got = append(got, strings.Join([]string{
			"fw", e.Host, "rule", e.Rule, action, e.Direction.String(), e.IfaceIn + e.IfaceOut,
			e.Src.String() + ":" + strconv.Itoa(int(e.SrcPort)), e.Dst.String() + ":" + strconv.Itoa(int(e.DstPort)), event.ProtoName(e.Proto),
		}, " "))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
