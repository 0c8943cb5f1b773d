package lab_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mailstop/event"
	"mailstop/internal/golden"
	"mailstop/internal/lab"
	"mailstop/parse"
	"mailstop/parse/netfilter"
	"mailstop/parse/syslog"
	"mailstop/parse/ulogd"
)

// ulogdConfig has one stack for each output, and one for JSON as it looks with all its options. %s is the folder of the
// plugins, then that of the files.
const ulogdConfig = `[global]
logfile="%[2]s/ulogd.log"
loglevel=5
plugin="%[1]s/ulogd_inppkt_NFLOG.so"
plugin="%[1]s/ulogd_raw2packet_BASE.so"
plugin="%[1]s/ulogd_filter_IFINDEX.so"
plugin="%[1]s/ulogd_filter_IP2STR.so"
plugin="%[1]s/ulogd_filter_PRINTPKT.so"
plugin="%[1]s/ulogd_filter_HWHDR.so"
plugin="%[1]s/ulogd_output_LOGEMU.so"
plugin="%[1]s/ulogd_output_JSON.so"
stack=log1:NFLOG,base1:BASE,ifi1:IFINDEX,ip2str1:IP2STR,print1:PRINTPKT,emu1:LOGEMU
stack=log2:NFLOG,base2:BASE,ifi2:IFINDEX,ip2str2:IP2STR,mac2:HWHDR,json1:JSON
stack=log3:NFLOG,base3:BASE,ifi3:IFINDEX,ip2str3:IP2STR,mac3:HWHDR,json2:JSON
[log1]
group=1
[log2]
group=2
[log3]
group=3
numeric_label=0
[emu1]
file="%[2]s/text"
sync=1
[json1]
file="%[2]s/json"
sync=1
[json2]
file="%[2]s/label"
sync=1
eventv1=1
boolean_label=1
device="gw-1"
`

// startUlogd runs ulogd on a host until the test ends, and returns the folder it writes to.
func startUlogd(t *testing.T, h *lab.Host) string {
	t.Helper()
	dir := t.TempDir()
	plugins, err := filepath.Glob("/usr/lib*/*/ulogd/ulogd_output_JSON.so")
	if err != nil || len(plugins) == 0 {
		golden.Skip(t, "ulogd's JSON output is not installed (Debian: ulogd2-json)")
	}
	path, err := exec.LookPath("ulogd")
	if err != nil {
		golden.Skip(t, "ulogd is not installed (Debian: ulogd2): "+err.Error())
	}
	config := filepath.Join(dir, "ulogd.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, ulogdConfig, filepath.Dir(plugins[0]), dir), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd := exec.Command("ip", "netns", "exec", h.Netns, path, "-c", config)
	cmd.Env = append(os.Environ(), "TZ=UTC")
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(unix.SIGTERM) // may be gone, as the output says then
		if err := cmd.Wait(); err != nil && t.Failed() {
			t.Logf("ulogd: %v\n%s", err, out.String())
		}
	})
	// It is ready when the kernel knows its three groups.
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		groups, err := h.Run("cat", "/proc/net/netfilter/nfnetlink_log")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(groups, "\n") >= 3 {
			return dir
		}
		if time.Now().After(end) {
			t.Fatalf("ulogd does not listen:\n%s%s", groups, out.String())
		}
	}
}

// ulogdTrips are packets of each kind that ulogd tells apart. nft is what the rule matches.
func ulogdTrips() []trip {
	marked := func(p lab.Probe) lab.Probe { p.Mark = 0x2a; return p }
	owned := func(p lab.Probe) lab.Probe { p.UID = 1234; return p }
	const transport = event.HasProto | event.HasPorts | event.HasLength
	syn := event.Entry{Has: transport | event.HasTCPFlags, Proto: 6, TCPFlags: event.SYN, Direction: event.Out}
	datagram := event.Entry{Has: transport, Proto: 17, Direction: event.Out}
	with := func(e event.Entry, sport, dport uint16, length uint32) event.Entry {
		e.SrcPort, e.DstPort, e.Length = sport, dport, length
		return e
	}
	in := func(e event.Entry) event.Entry { e.Direction = event.In; return e }
	mine := with(syn, 41005, 2525, 60)
	mine.Has |= event.HasUID | event.HasMark
	mine.UID, mine.Mark = 1234, 0x2a
	icmp := func(proto, typ uint8, length uint32) event.Entry {
		return event.Entry{
			Has:   event.HasProto | event.HasICMPType | event.HasICMPCode | event.HasLength,
			Proto: proto, ICMPType: typ, Length: length, Direction: event.Out,
		}
	}
	return []trip{
		{name: "tcp4", hook: "output", nft: "tcp dport 25", send: tcp(in4, out4, 41001, 25), want: with(syn, 41001, 25, 60)},
		{name: "tcp6", hook: "output", nft: "tcp dport 587", send: tcp(in6, out6, 41002, 587), want: with(syn, 41002, 587, 80)},
		{name: "udp4", hook: "output", nft: "udp dport 5353", send: udp(in4, out4, 41003, 5353), want: with(datagram, 41003, 5353, 36)},
		{name: "udp6", hook: "output", nft: "udp dport 5354", send: udp(in6, out6, 41004, 5354), want: with(datagram, 41004, 5354, 56)},
		{name: "owned", hook: "output", nft: "tcp dport 2525", send: owned(marked(tcp(in4, out4, 41005, 2525))), want: mine},
		{name: "echo4", hook: "output", nft: "icmp type echo-request", send: echo(in4, out4), want: icmp(1, 8, 28)},
		{name: "echo6", hook: "output", nft: "icmpv6 type echo-request", send: echo(in6, out6), want: icmp(58, 128, 48)},
		{name: "in4", hook: "input", nft: "tcp dport 465", fromOuter: true, send: tcp(out4, in4, 41006, 465), want: in(with(syn, 41006, 465, 60))},
		{name: "in6", hook: "input", nft: "udp dport 53", fromOuter: true, send: udp(out6, in6, 41007, 53), want: in(with(datagram, 41007, 53, 56))},
	}
}

// Real packets, logged by a real ulogd in all of its spellings, are read back as what was sent.
func TestUlogdLinesAreReadAsSent(t *testing.T) {
	l := lab.New(t)
	trips := ulogdTrips()
	dir := startUlogd(t, l.Inner)
	chains := map[string]*strings.Builder{"output": {}, "input": {}}
	for _, tr := range trips {
		for group := 1; group <= 3; group++ {
			fmt.Fprintf(chains[tr.hook], "  %s log prefix \"drop %s %s\" group %d\n", tr.nft, l.Tag, tr.name, group)
		}
		fmt.Fprintf(chains[tr.hook], "  %s drop\n", tr.nft)
	}
	rules := "table inet lab {\n"
	for hook, body := range chains {
		rules += " chain " + hook + " {\n  type filter hook " + hook + " priority 0\n" + body.String() + " }\n"
	}
	if err := l.Inner.NFT(rules + "}\n"); err != nil {
		t.Fatal(err)
	}
	sent := time.Now()
	for _, tr := range trips {
		from := l.Inner
		if tr.fromOuter {
			from = l.Outer
		}
		closeLater(t)(from.Send(tr.send))
	}
	for _, file := range []string{"text", "json", "label"} {
		t.Run(file, func(t *testing.T) {
			for _, tr := range trips {
				line := ulogdLine(t, filepath.Join(dir, file), "drop "+l.Tag+" "+tr.name)
				e := readFamily(line)
				want := tr.want
				want.Src, want.Dst = tr.send.From.Addr(), tr.send.To.Addr()
				checkUlogd(t, file, &e, sent)
				e.Host = "fw"
				compare(t, e, want)
				if e.Rule != "drop "+l.Tag+" "+tr.name || e.IfaceIn+e.IfaceOut != "eth0" {
					t.Errorf("rule %q, interfaces %q, %q", e.Rule, e.IfaceIn, e.IfaceOut)
				}
				if !e.Is(event.HasTTL) || e.TTL != 64 || !e.Is(event.HasMark) {
					t.Errorf("ttl %d, mark %d: %s", e.TTL, e.Mark, line)
				}
			}
		})
	}
}

// checkUlogd checks what each output says in its own way.
func checkUlogd(t *testing.T, file string, e *event.Entry, sent time.Time) {
	t.Helper()
	host, action, verdict, quality := "", event.Drop, event.VerdictPrefix, event.TimeExact
	switch file {
	case "text":
		quality = event.TimeInferredYear
		name, err := os.Hostname()
		if err != nil {
			t.Fatal(err)
		}
		host, _, _ = strings.Cut(name, ".")
	case "label":
		host, action, verdict = "gw-1", event.Deny, event.VerdictConfig
	}
	if e.Format != event.Ulogd || e.Host != host || e.Action != action || e.Verdict != verdict || e.TimeQuality != quality {
		t.Errorf("format %v, host %q, action %v by %v, time %v: %s", e.Format, e.Host, e.Action, e.Verdict, e.TimeQuality, e.Raw)
	}
	if d := e.When().Sub(sent); d < -2*time.Second || d > time.Minute {
		t.Errorf("time is %v after the packet was sent: %s", d, e.Raw)
	}
}

// The middle of a datagram is not taken for its begin, as ulogd does.
func TestUlogdFragments(t *testing.T) {
	l := lab.New(t)
	dir := startUlogd(t, l.Inner)
	rules := "table inet lab {\n chain raw {\n  type filter hook prerouting priority -450\n"
	for _, match := range []string{"meta nfproto ipv4 meta l4proto udp", "exthdr frag exists"} {
		for group, name := range []string{"text", "json"} {
			rules += fmt.Sprintf("  %s log prefix \"%s %s\" group %d\n", match, l.Tag, name, group+1)
		}
		rules += "  " + match + " drop\n"
	}
	if err := l.Inner.NFT(rules + " }\n}\n"); err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct{ from, to netip.Addr }{{out4, in4}, {out6, in6}} {
		p := udp(v.from, v.to, 41201, 25)
		p.Payload = make([]byte, 4000)
		closeLater(t)(l.Outer.Send(p))
	}
	for _, file := range []string{"text", "json"} {
		ports := map[netip.Addr]int{}
		pieces := map[netip.Addr]int{}
		for _, line := range ulogdLines(t, filepath.Join(dir, file), l.Tag+" "+file, 6) {
			e := readFamily(line)
			if e.Error != "" || e.Format != event.Ulogd || e.Proto != 17 || !e.Is(event.HasProto) {
				t.Errorf("%s", e.AppendJSON(nil))
			}
			pieces[e.Src]++
			if e.Is(event.HasPorts) {
				ports[e.Src]++
				if e.SrcPort != 41201 || e.DstPort != 25 {
					t.Errorf("ports %d, %d: %s", e.SrcPort, e.DstPort, line)
				}
			}
		}
		for _, from := range []netip.Addr{out4, out6} {
			if pieces[from] != 3 || ports[from] != 1 {
				t.Errorf("%s: %d pieces from %v, %d have ports", file, pieces[from], from, ports[from])
			}
		}
	}
}

// ulogdLine returns the line of a file that contains text, as soon as there is one.
func ulogdLine(t *testing.T, path, text string) string {
	t.Helper()
	return ulogdLines(t, path, text, 1)[0]
}

// ulogdLines returns the lines of a file that contain text, as soon as there are n.
func ulogdLines(t *testing.T, path, text string, n int) []string {
	t.Helper()
	var found []string
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		all, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found = found[:0]
		for line := range strings.Lines(string(all)) {
			if strings.Contains(line, text) && strings.HasSuffix(line, "\n") {
				found = append(found, strings.TrimSuffix(line, "\n"))
			}
		}
		if len(found) >= n {
			return found
		}
	}
	t.Fatalf("%d lines with %q in %s, want %d", len(found), text, filepath.Base(path), n)
	return nil
}

// readFamily reads a line as a file's that can hold netfilter's text and ulogd's.
func readFamily(line string) event.Entry {
	table := parse.Table{Layers: []parse.Layer{syslog.Layer()}, Kinds: []parse.Kind{netfilter.Kind(nil), ulogd.Kind(nil)}}
	session := parse.NewSession(table, event.FormatUnknown, "")
	session.Resume(parse.State{Clock: parse.NewClock(parse.Hints{Zone: time.UTC, Reference: time.Now().Add(time.Hour)})})
	var e event.Entry
	session.Parse(line, &e)
	return e
}
