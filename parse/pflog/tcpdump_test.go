package pflog

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"mailstop/event"
	"mailstop/internal/golden"
	"mailstop/internal/pf"
	"mailstop/parse"
	"mailstop/parse/pftext"
	"mailstop/parse/syslog"
)

// tcpdump reads captures that these tests write, and what it prints goes through parse/pftext: both ways must tell the same
// of each packet, which is what was written.

func tcpdump(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"tcpdump", "/usr/sbin/tcpdump", "/usr/bin/tcpdump"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	golden.Skip(t, "tcpdump is not installed (Debian, Ubuntu: apt-get install tcpdump)")
	return ""
}

// A sent is what was written of one packet.
type sent struct {
	header  pfHeader
	packet  []byte
	ns      int64
	src     netip.Addr
	dst     netip.Addr
	ports   [2]uint16
	proto   uint8
	flags   byte
	bare    bool // it has no ports
	cut     int  // bytes of the packet that were captured; 0: all
	pickier bool // tcpdump does not tell the ports
}

func (s *sent) record(order binary.ByteOrder, nano bool) record {
	r := record{seconds: uint32(s.ns / 1e9), fraction: uint32(s.ns % 1e9)}
	if !nano {
		r.fraction /= 1000
	}
	r.frame = s.header.frame(order, s.packet)
	if s.cut > 0 {
		r.length = len(r.frame)
		r.frame = r.frame[:len(r.frame)-len(s.packet)+s.cut]
	}
	return r
}

// invent makes a packet of any kind that pf logs, under a header of size bytes.
func invent(rnd *rand.Rand, size int, ns int64) *sent {
	pick := func(n int) int { return rnd.Intn(n) }
	s := &sent{ns: ns, header: pfHeader{
		size: size, family: 2,
		action: []byte{0, 1, 1, 1, 4, 6, 8, 10, 12}[pick(9)],
		reason: []byte{0, 0, 0, 1, 3, 8, 10, 14}[pick(8)],
		iface:  []string{"em0", "vtnet1.20", "igb0", "pppoe0", "lo0"}[pick(5)],
		rule:   uint32(pick(500)), sub: none, dir: byte(1 + pick(2)), uid: none, pid: 99999 + 1,
	}}
	switch pick(5) {
	case 0:
		s.header.set, s.header.sub = "relayd/mail", uint32(pick(9))
	case 1:
		s.header.rule = none
	}
	if size == 69 || size == 72 {
		s.header.id = uint32(pick(2)) * (1_000_000_000 + uint32(pick(500_000_000)))
	}
	ports := []uint16{25, 465, 587, 993, 53, 123, 2525, 50000}
	s.ports = [2]uint16{uint16(1024 + pick(60000)), ports[pick(len(ports))]}
	if pick(2) == 0 {
		s.ports[0], s.ports[1] = s.ports[1], s.ports[0]
	}
	var payload []byte
	switch s.proto = []uint8{6, 6, 6, 17, 17, 1, 132, 47, 253}[pick(9)]; s.proto {
	case 6:
		s.flags = byte(pick(256))
		payload = tcpSegment(s.ports[0], s.ports[1], s.flags, pick(40))
	case 17, 132:
		payload = datagram(s.ports[0], s.ports[1], 12+pick(40))
	case 1:
		s.bare = true
		payload = icmpMessage([]byte{8, 0, 3, 3, 11, 5}[pick(6)], byte(pick(3)), make([]byte, 28))
	default:
		s.bare, payload = true, make([]byte, 30)
	}
	if pick(3) == 0 {
		s.invent6(rnd, payload)
	} else {
		s.invent4(rnd, payload)
	}
	return s
}

func (s *sent) invent4(rnd *rand.Rand, payload []byte) {
	src, dst := [4]byte{203, 0, 113, byte(rnd.Intn(256))}, [4]byte{192, 0, 2, byte(rnd.Intn(256))}
	fragment := []uint16{0, 0x4000, 0x2000, 0x4000, 185}[rnd.Intn(5)]
	s.src, s.dst = netip.AddrFrom4(src), netip.AddrFrom4(dst)
	s.packet = ip4(s.proto, src, dst, fragment, byte(1+rnd.Intn(255)), payload)
	s.bare = s.bare || fragment == 185
	if rnd.Intn(8) == 0 {
		s.cut, s.pickier = 20+1+rnd.Intn(len(payload)-1), true
	}
}

func (s *sent) invent6(rnd *rand.Rand, payload []byte) {
	src, dst := [16]byte{0x20, 1, 0xd, 0xb8, 15: byte(rnd.Intn(256))}, [16]byte{0x20, 1, 0xd, 0xb8, 7: 7, 15: byte(rnd.Intn(256))}
	s.header.family = []byte{familyNetBSD, familyFreeBSD, familyDarwin}[rnd.Intn(3)]
	s.src, s.dst = netip.AddrFrom16(src), netip.AddrFrom16(dst)
	if s.proto == 1 {
		s.proto = 58
		payload = icmpMessage([]byte{128, 129, 135, 136, 1}[rnd.Intn(5)], 0, make([]byte, 48))
	}
	next := s.proto
	switch rnd.Intn(6) {
	case 0:
		payload, next = append(extension(next, 0, 1, 4), payload...), 0
	case 1:
		payload, next = append(extension(next, 0, 1, 4), payload...), 60
	case 2:
		payload, next = append(extension(next, 0, 0, 1), payload...), 44
	case 3:
		payload, next, s.bare = append(extension(next, 0, 5, 0xa8), payload...), 44, true
	}
	s.packet = ip6(next, src, dst, byte(1+rnd.Intn(255)), payload)
}

const perFile = 250

// captures writes files of all kinds, each with what is in it.
func captures(t *testing.T) map[string][]*sent {
	t.Helper()
	dir := t.TempDir()
	out := map[string][]*sent{}
	rnd := rand.New(rand.NewSource(1))
	start := time.Date(2026, 1, 5, 9, 11, 12, 0, time.UTC).UnixNano()
	for _, size := range []int{45, 61, 64, 69, 72, 100} {
		for i, order := range orders {
			nano := (size+i)%2 == 0
			var all []*sent
			for n := range perFile {
				ns := start + int64(n)*1_234_567_891
				if !nano {
					ns -= ns % 1000
				}
				all = append(all, invent(rnd, size, ns))
			}
			name := filepath.Join(dir, strconv.Itoa(size)+"-"+orderWord(order))
			write := func(name string, file []byte) {
				if err := os.WriteFile(name, file, 0o600); err != nil {
					t.Fatal(err)
				}
				out[name] = all
			}
			magic := uint32(magicMicro)
			if nano {
				magic = magicNano
			}
			var records []record
			for _, s := range all {
				records = append(records, s.record(order, nano))
			}
			write(name+".pcap", pcapFile(order, magic, linkPFLog, records))
			write(name+".pcapng", ngFile(order, all))
		}
	}
	return out
}

// ngFile has two sections, each with two interfaces of different clocks. Of libpcap all sections must have one order.
func ngFile(order binary.ByteOrder, all []*sent) []byte {
	var out bytes.Buffer
	for i, s := range all {
		if i == 0 || i == len(all)/2 {
			out.Write(section(order))
			out.Write(device117(order))
			out.Write(device117(order, uint16(optResol), uint16(1), []byte{9, 0, 0, 0}, uint16(optEnd), uint16(0)))
		}
		r := s.record(order, true)
		if time := uint64(s.ns); s.ns%1000 == 0 && i%2 == 0 {
			out.Write(enhanced(order, 0, time/1000, &r))
		} else {
			out.Write(enhanced(order, 1, time, &r))
		}
	}
	return out.Bytes()
}

func entries(t *testing.T, lines string, kind parse.Kind) []event.Entry {
	t.Helper()
	s := parse.NewSession(parse.Table{Layers: []parse.Layer{syslog.Layer()}, Kinds: []parse.Kind{kind}}, event.FormatUnknown, "")
	s.Resume(parse.State{Clock: parse.NewClock(parse.Hints{Zone: time.UTC, Reference: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)})})
	var out []event.Entry
	for line := range strings.Lines(lines) {
		var e event.Entry
		s.Parse(strings.TrimSuffix(line, "\n"), &e)
		if e.Format != kind.Format {
			t.Fatalf("%q is of format %q", line, e.Format)
		}
		out = append(out, e)
	}
	return out
}

func TestTcpdump(t *testing.T) {
	path := tcpdump(t)
	for name, all := range captures(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			file, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			lines, err := text(t, file)
			if err != nil {
				t.Fatal(err)
			}
			ours := entries(t, lines, Kind())
			if len(ours) != len(all) {
				t.Fatalf("%d entries for %d packets", len(ours), len(all))
			}
			for i, s := range all {
				s.check(t, &ours[i])
			}
			for _, options := range []string{"", "-t", "-tt", "-ttt", "-tttt", "-ttttt", "-v", "-tt -v", "-tttt -vv"} {
				printed, dated := print(t, path, name, options), strings.HasPrefix(options, "-tt ") || options == "-tt" || strings.HasPrefix(options, "-tttt ") || options == "-tttt"
				theirs := entries(t, printed, pftext.Kind())
				if len(theirs) != len(all) {
					t.Fatalf("%s: %d entries for %d packets", options, len(theirs), len(all))
				}
				for i, s := range all {
					if why := s.compare(&ours[i], &theirs[i], dated); why != "" {
						t.Errorf("%s: %s differ\n%s\n ours %+v\ntheirs %+v", options, why, theirs[i].Raw, ours[i], theirs[i])
					}
				}
			}
		})
	}
}

// print has tcpdump print a file, and joins what it split.
func print(t *testing.T, path, name, options string) string {
	t.Helper()
	args := append([]string{"-r", name, "-e", "-n", "--time-stamp-precision=nano"}, strings.Fields(options)...)
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), "TZ=UTC")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tcpdump %v: %v\n%s", args, err, stderr.String())
	}
	container := pftext.Container()
	if split := container.Match(out[:min(len(out), 4096)]); split != strings.Contains(options, "-v") {
		t.Fatalf("%s: split: %t\n%s", options, split, out[:500])
	}
	joined, err := io.ReadAll(container.Lines(bytes.NewReader(out)))
	if err != nil {
		t.Fatal(err)
	}
	return string(joined)
}

// check fails unless e is what was written.
func (s *sent) check(t *testing.T, e *event.Entry) {
	t.Helper()
	rule := s.rule()
	if s.header.id > 0 {
		rule = strconv.Itoa(int(s.header.id))
	}
	cut := s.cut > 0 && s.cut < 34
	ok := e.Src == s.src && e.Dst == s.dst && e.Rule == rule && e.Ruleset == s.header.set && e.Proto == s.proto &&
		e.IfaceIn+e.IfaceOut == s.header.iface && (e.Direction == event.In) == (s.header.dir == 1) && e.Time == s.ns &&
		e.Reason == pf.Reasons[s.header.reason] && (e.Error == "" || cut) && e.Action == actionOf(s.header.action, 0)
	if !cut && e.Is(event.HasPorts) == s.bare || e.Is(event.HasPorts) && [2]uint16{e.SrcPort, e.DstPort} != s.ports ||
		e.Is(event.HasTCPFlags) && e.TCPFlags != event.TCPFlags(s.flags) {
		ok = false
	}
	if !ok {
		t.Errorf("%+v\n got %+v", s, e)
	}
}

// rule is the rule as tcpdump names it where it knows no identifier.
func (s *sent) rule() string {
	if s.header.rule == none {
		return ""
	}
	rule := strconv.Itoa(int(s.header.rule))
	if s.header.set != "" {
		rule += "." + s.header.set + "." + strconv.Itoa(int(s.header.sub))
	}
	return rule
}

// compare names what differs between the record and tcpdump's text of it. What the text does not tell is not compared, but
// of packets that were not cut it must tell the addresses and the ports.
func (s *sent) compare(ours, theirs *event.Entry, dated bool) string {
	var why []string
	differs := func(name string, is bool) {
		if is {
			why = append(why, name)
		}
	}
	has := func(h event.Has) bool { return ours.Is(h) && theirs.Is(h) }
	if s.pickier && strings.HasSuffix(theirs.Raw, " [|sctp]") && !strings.Contains(theirs.Raw, " > ") {
		return "" // of some protocols tcpdump prints no addresses if their header is cut
	}
	differs("addresses", ours.Src != theirs.Src || ours.Dst != theirs.Dst)
	differs("ports", !s.pickier && ours.Is(event.HasPorts) != theirs.Is(event.HasPorts))
	differs("ports", has(event.HasPorts) && (ours.SrcPort != theirs.SrcPort || ours.DstPort != theirs.DstPort))
	differs("protocols", has(event.HasProto) && ours.Proto != theirs.Proto)
	differs("flags", has(event.HasTCPFlags) && ours.TCPFlags != theirs.TCPFlags)
	differs("flags", !s.pickier && ours.Is(event.HasTCPFlags) != theirs.Is(event.HasTCPFlags))
	differs("types", has(event.HasICMPType) && ours.ICMPType != theirs.ICMPType)
	differs("codes", has(event.HasICMPCode) && ours.ICMPCode != theirs.ICMPCode)
	differs("lengths", has(event.HasLength) && ours.Length != theirs.Length)
	differs("ttl", has(event.HasTTL) && ours.TTL != theirs.TTL)
	differs("actions", ours.Action != theirs.Action)
	differs("reasons", ours.Reason != theirs.Reason)
	differs("rules", theirs.Rule != ours.Rule && theirs.Rule != s.rule()) // versions before 5 do not print identifiers
	differs("rule sets", ours.Ruleset != theirs.Ruleset)
	if s.header.size != minHeader { // there tcpdump looks for the direction behind the header
		differs("directions", ours.Direction != theirs.Direction)
		differs("interfaces", ours.IfaceIn != theirs.IfaceIn || ours.IfaceOut != theirs.IfaceOut)
	}
	differs("errors", theirs.Error != "" && !s.pickier)
	if dated {
		differs("times", ours.Time != theirs.Time || theirs.TimeQuality != event.TimeExact)
	} else {
		differs("times", theirs.TimeQuality != event.TimeNone)
	}
	return strings.Join(why, ", ")
}
