package lab_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mailstop/event"
	"mailstop/internal/lab"
	"mailstop/parse"
	"mailstop/parse/netfilter"
	"mailstop/parse/syslog"
)

// Everything here is sent from these ports, so that each line can be told by its ports alone.
var (
	in4  = netip.MustParseAddr("192.0.2.10")
	out4 = netip.MustParseAddr("192.0.2.1")
	in6  = netip.MustParseAddr("2001:db8::10")
	out6 = netip.MustParseAddr("2001:db8::1")
)

// A trip is one packet on its way through a rule that logs it. The rule is one of nft or iptables; %s stands for the
// log prefix.
type trip struct {
	name     string
	hook     string // of nft: "output", "input", "prerouting"
	nft      string // rule of table inet
	iptables string // arguments behind -A CHAIN of iptables, or ip6tables if the packet is IPv6

	fromOuter bool // the other host sends the packet
	listen    bool // a server answers on the other host
	send      lab.Probe

	want event.Entry // Has says which numbers are compared
	text string      // must be in the line, to prove that the flag under test had an effect
}

func tcp(from, to netip.Addr, sport, dport uint16) lab.Probe {
	return lab.Probe{
		Proto: unix.IPPROTO_TCP,
		From:  netip.AddrPortFrom(from, sport), To: netip.AddrPortFrom(to, dport),
	}
}

func udp(from, to netip.Addr, sport, dport uint16) lab.Probe {
	p := tcp(from, to, sport, dport)
	p.Proto, p.Payload = unix.IPPROTO_UDP, []byte("mailstop")
	return p
}

func echo(from, to netip.Addr) lab.Probe {
	p := tcp(from, to, 0, 0)
	p.Proto, p.EchoID = unix.IPPROTO_ICMP, 77
	if to.Is6() {
		p.Proto = unix.IPPROTO_ICMPV6
	}
	return p
}

func trips() []trip {
	marked := func(p lab.Probe) lab.Probe { p.Mark = 0x2a; return p }
	owned := func(p lab.Probe) lab.Probe { p.UID = 1234; return p }
	options := func(p lab.Probe) lab.Probe {
		p.IPOptions = []byte{1, 1, 148, 4, 0, 0, 1, 0} // two no-operations, router alert, padding
		return p
	}
	syn := func(sport, dport uint16) event.Entry {
		return event.Entry{
			Has: event.HasProto | event.HasPorts | event.HasTCPFlags, Proto: 6, TCPFlags: event.SYN,
			SrcPort: sport, DstPort: dport, Direction: event.Out,
		}
	}
	datagram := func(sport, dport uint16) event.Entry {
		return event.Entry{
			Has: event.HasProto | event.HasPorts | event.HasLength, Proto: 17, Length: 36,
			SrcPort: sport, DstPort: dport, Direction: event.Out,
		}
	}
	with := func(e event.Entry, f func(*event.Entry)) event.Entry { f(&e); return e }
	inbound := func(e *event.Entry) { e.Direction = event.In }
	tripsOut := []trip{
		{
			name: "nft-tcp4", hook: "output", nft: `tcp dport 25 log prefix "%s" drop`,
			send: tcp(in4, out4, 40001, 25), want: syn(40001, 25),
		},
		{
			name: "nft-tcp6", hook: "output", nft: `tcp dport 587 log prefix "%s" drop`,
			send: tcp(in6, out6, 40002, 587), want: syn(40002, 587),
		},
		{
			name: "nft-udp4", hook: "output", nft: `udp dport 5353 log prefix "%s" drop`,
			send: udp(in4, out4, 40003, 5353), want: datagram(40003, 5353),
		},
		{
			name: "nft-udp6", hook: "output", nft: `udp dport 5354 log prefix "%s" drop`,
			send: udp(in6, out6, 40004, 5354),
			want: with(datagram(40004, 5354), func(e *event.Entry) { e.Length = 56 }),
		},
		{
			name: "nft-all", hook: "output", nft: `tcp dport 2525 log prefix "%s" flags all drop`,
			send: owned(marked(tcp(in4, out4, 40005, 2525))), text: "OPT (0204",
			want: with(syn(40005, 2525), func(e *event.Entry) {
				e.Has |= event.HasUID | event.HasMark
				e.UID, e.Mark = 1234, 0x2a
			}),
		},
		{
			name: "nft-echo4", hook: "output", nft: `icmp type echo-request log prefix "%s" drop`,
			send: echo(in4, out4),
			want: event.Entry{
				Has:   event.HasProto | event.HasICMPType | event.HasICMPCode | event.HasLength,
				Proto: 1, ICMPType: 8, Length: 28, Direction: event.Out,
			},
		},
		{
			name: "nft-echo6", hook: "output", nft: `icmpv6 type echo-request log prefix "%s" drop`,
			send: echo(in6, out6),
			want: event.Entry{
				Has:   event.HasProto | event.HasICMPType | event.HasICMPCode | event.HasLength,
				Proto: 58, ICMPType: 128, Length: 48, Direction: event.Out,
			},
		},
		{
			name: "nft-glued", hook: "output", nft: `tcp dport 26 log prefix "[%s]" drop`,
			send: tcp(in4, out4, 40006, 26), want: syn(40006, 26), text: "]IN=",
		},
		{
			name: "ipt-seq", iptables: "OUTPUT -p tcp --dport 465 -j LOG --log-tcp-sequence --log-tcp-options --log-prefix %s",
			send: tcp(in4, out4, 40007, 465), want: syn(40007, 465), text: " SEQ=",
		},
		{
			name: "ipt-uid", iptables: "OUTPUT -p tcp --dport 466 -j LOG --log-uid --log-prefix %s",
			send: owned(tcp(in4, out4, 40008, 466)), text: " UID=1234 GID=",
			want: with(syn(40008, 466), func(e *event.Entry) { e.Has |= event.HasUID; e.UID = 1234 }),
		},
		{
			name: "ipt-ipopt", iptables: "OUTPUT -p udp --dport 467 -j LOG --log-ip-options --log-prefix %s",
			send: options(udp(in4, out4, 40009, 467)), text: " OPT (01019404",
			want: with(datagram(40009, 467), func(e *event.Entry) { e.Length = 44 }),
		},
		{
			name: "ip6t-tcp", iptables: "OUTPUT -p tcp --dport 468 -j LOG --log-tcp-options --log-ip-options --log-prefix %s",
			send: marked(tcp(in6, out6, 40010, 468)), text: "HOPLIMIT=",
			want: with(syn(40010, 468), func(e *event.Entry) { e.Has |= event.HasMark; e.Mark = 0x2a }),
		},
	}
	return append(tripsOut, []trip{
		{
			// The answer of a server that the firewall does not let back in.
			name: "nft-synack", hook: "input", nft: `tcp sport 25 tcp flags & (syn|ack) == syn|ack log prefix "%s" drop`,
			listen: true, send: tcp(in4, out4, 40101, 25),
			want: event.Entry{
				Has: event.HasProto | event.HasPorts | event.HasTCPFlags, Proto: 6, TCPFlags: event.SYN | event.ACK,
				SrcPort: 25, DstPort: 40101, Direction: event.In,
			},
		},
		{
			// Nobody listens: the other host's kernel answers, and quotes the packet in its answer.
			name: "nft-unreachable4", hook: "input", nft: `icmp type destination-unreachable log prefix "%s" drop`,
			send: udp(in4, out4, 40102, 9), text: "[SRC=192.0.2.10 DST=192.0.2.1 ",
			want: event.Entry{
				Has:   event.HasProto | event.HasICMPType | event.HasICMPCode,
				Proto: 1, ICMPType: 3, ICMPCode: 3, Direction: event.In,
			},
		},
		{
			name: "nft-unreachable6", hook: "input", nft: `icmpv6 type destination-unreachable log prefix "%s" drop`,
			send: udp(in6, out6, 40103, 9), text: "[SRC=2001:0db8:",
			want: event.Entry{
				Has:   event.HasProto | event.HasICMPType | event.HasICMPCode,
				Proto: 58, ICMPType: 1, ICMPCode: 4, Direction: event.In,
			},
		},
		{
			name: "nft-in-all", hook: "input", nft: `tcp dport 993 log prefix "%s" flags all drop`,
			fromOuter: true, send: tcp(out4, in4, 40104, 993), want: with(syn(40104, 993), inbound), text: " MACSRC=",
		},
		{
			name: "ipt-macdecode", iptables: "INPUT -p tcp --dport 995 -j LOG --log-macdecode --log-prefix %s",
			fromOuter: true, send: tcp(out4, in4, 40105, 995), want: with(syn(40105, 995), inbound), text: " MACPROTO=0800",
		},
		{
			name: "ipt-mac", iptables: "INPUT -p tcp --dport 143 -j LOG --log-prefix %s",
			fromOuter: true, send: tcp(out4, in4, 40106, 143), want: with(syn(40106, 143), inbound), text: " MAC=",
		},
		{
			name: "ip6t-in", iptables: "INPUT -p udp --dport 144 -j LOG --log-macdecode --log-prefix %s",
			fromOuter: true, send: udp(out6, in6, 40107, 144), text: " MACPROTO=86dd",
			want: with(datagram(40107, 144), func(e *event.Entry) { e.Length, e.Direction = 56, event.In }),
		},
	}...)
}

// Real packets, dropped and logged by real rules, are read back as what was sent.
func TestKernelLinesAreReadAsSent(t *testing.T) {
	l := lab.New(t)
	for _, tr := range trips() {
		t.Run(tr.name, func(t *testing.T) {
			prefix := l.Tag + " " + tr.name + ": "
			if strings.Contains(tr.nft, "[%s]") {
				prefix = l.Tag + " " + tr.name
			}
			install(t, l.Inner, tr, prefix)
			sender, receiver := l.Inner, l.Outer
			if tr.fromOuter {
				sender, receiver = l.Outer, l.Inner
			}
			if tr.listen {
				closeLater(t)(receiver.Listen(tr.send.To))
			}
			closeLater(t)(sender.Send(tr.send))
			line := logged(t, l, prefix)[0]
			if !strings.Contains(line.Text, tr.text) {
				t.Errorf("line lacks %q: %s", tr.text, line.Text)
			}
			want := tr.want
			want.Src, want.Dst = tr.send.From.Addr(), tr.send.To.Addr()
			if want.Direction == event.In && !tr.fromOuter { // an answer
				want.Src, want.Dst = want.Dst, want.Src
			}
			compare(t, read(line), want)
		})
	}
}

// A datagram larger than the cable takes arrives in pieces, of which only the first has ports.
func TestFragments(t *testing.T) {
	for _, v := range []struct {
		name     string
		from, to netip.Addr
	}{{"ip4", out4, in4}, {"ip6", out6, in6}} {
		t.Run(v.name, func(t *testing.T) {
			l := lab.New(t)
			prefix := l.Tag + " fragment: "
			// Before the kernel puts the pieces together again.
			rule := "table inet lab {\n chain raw {\n  type filter hook prerouting priority -450\n" +
				"  meta l4proto udp log prefix \"" + prefix + "\" drop\n }\n}\n"
			if v.to.Is6() { // the first header of a piece is the fragment header
				rule = strings.Replace(rule, "meta l4proto udp", "exthdr frag exists", 1)
			}
			if err := l.Inner.NFT(rule); err != nil {
				t.Fatal(err)
			}
			p := udp(v.from, v.to, 40201, 25)
			p.Payload = make([]byte, 4000)
			closeLater(t)(l.Outer.Send(p))
			lines, err := l.KernelLog(prefix, 3)
			if err != nil || len(lines) != 3 {
				t.Fatalf("%d lines, %v; want 3", len(lines), err)
			}
			for i, line := range lines {
				e := read(line)
				want := event.Entry{Has: event.HasProto, Proto: 17, Src: v.from, Dst: v.to, Direction: event.In}
				compare(t, e, want)
				if got := e.Is(event.HasPorts); got != (i == 0) {
					t.Errorf("piece %d has ports: %t: %s", i, got, line.Text)
				}
			}
		})
	}
}

// The families that see more than IP: ARP, and a device's ingress.
func TestARPIsReadWithoutError(t *testing.T) {
	l := lab.New(t)
	tables := map[string]string{
		"arp":     "table arp lab {\n chain in {\n  type filter hook input priority 0\n  log prefix \"%s\"\n }\n}\n",
		"ingress": "table netdev lab {\n chain in {\n  type filter hook ingress device eth0 priority 0\n  ether type arp log prefix \"%s\" flags all\n }\n}\n",
	}
	for family, table := range tables {
		if err := l.Inner.NFT(fmt.Sprintf(table, l.Tag+" "+family+": ")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Inner.Run("ip", "neigh", "flush", "all"); err != nil {
		t.Fatal(err)
	}
	closeLater(t)(l.Inner.Send(udp(in4, out4, 40301, 9)))
	for family := range tables {
		line := logged(t, l, l.Tag+" "+family+": ")[0]
		if !strings.Contains(line.Text, " IPSRC=192.0.2.1 ") {
			t.Errorf("not an ARP line: %s", line.Text)
		}
		if e := read(line); e.Error != "" || e.Format != event.Netfilter {
			t.Errorf("format %v, error %q: %s", e.Format, e.Error, line.Text)
		}
	}
}

// A bridge's own family, with the link header decoded.
func TestBridge(t *testing.T) {
	l := lab.New(t)
	prefix := l.Tag + " bridge: "
	for _, args := range [][]string{
		{"link", "add", "br0", "type", "bridge"},
		{"link", "set", "br0", "up"},
		{"addr", "del", in4.String() + "/24", "dev", "eth0"},
		{"link", "set", "eth0", "master", "br0"},
		{"addr", "add", in4.String() + "/24", "dev", "br0"},
	} {
		if _, err := l.Inner.Run("ip", args...); err != nil {
			t.Fatal(err)
		}
	}
	err := l.Inner.NFT("table bridge lab {\n chain in {\n  type filter hook input priority 0\n  ip protocol tcp log prefix \"" +
		prefix + "\" flags all drop\n }\n}\n")
	if err != nil {
		t.Fatal(err)
	}
	closeLater(t)(l.Outer.Send(tcp(out4, in4, 40401, 25)))
	compare(t, read(logged(t, l, prefix)[0]), event.Entry{
		Has: event.HasProto | event.HasPorts | event.HasTCPFlags, Proto: 6, TCPFlags: event.SYN,
		SrcPort: 40401, DstPort: 25, Src: out4, Dst: in4, Direction: event.In,
	})
}

// install adds the rule under test, and removes it with the test.
func install(t *testing.T, h *lab.Host, tr trip, prefix string) {
	t.Helper()
	if tr.nft != "" {
		rule := fmt.Sprintf(tr.nft, prefix)
		err := h.NFT("table inet lab {\n chain c {\n  type filter hook " + tr.hook + " priority 0\n  " + rule + "\n }\n}\n")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := h.NFT("delete table inet lab\n"); err != nil {
				t.Error(err)
			}
		})
		return
	}
	command := "iptables"
	if tr.send.To.Addr().Is6() {
		command = "ip6tables"
	}
	// The prefix holds spaces: it must stay one argument.
	args := strings.Fields(tr.iptables)
	args[slices.Index(args, "%s")] = prefix
	if _, err := h.Run(command, append([]string{"-w", "-A"}, args...)...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := h.Run(command, append([]string{"-w", "-D"}, args...)...); err != nil {
			t.Error(err)
		}
	})
}

// closeLater returns a function that closes a socket with the test, and fails the test if there is none.
func closeLater(t *testing.T) func(*lab.Socket, error) {
	t.Helper()
	return func(s *lab.Socket, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func logged(t *testing.T, l *lab.Lab, prefix string) []lab.Line {
	t.Helper()
	lines, err := l.KernelLog(prefix, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) == 0 {
		t.Fatal("the kernel logged nothing")
	}
	return lines
}

// read parses a line under the header that rsyslog gives it.
func read(line lab.Line) event.Entry {
	table := parse.Table{Layers: []parse.Layer{syslog.Layer()}, Kinds: []parse.Kind{netfilter.Kind(nil)}}
	session := parse.NewSession(table, event.FormatUnknown, "")
	session.Resume(parse.State{Clock: parse.NewClock(parse.Hints{Year: 2026})})
	var e event.Entry
	header := fmt.Sprintf("Jan  5 10:11:12 fw kernel: [%5d.%06d] ",
		line.Uptime/time.Second, line.Uptime%time.Second/time.Microsecond)
	session.Parse(header+line.Text, &e)
	return e
}

func compare(t *testing.T, got, want event.Entry) {
	t.Helper()
	if got.Error != "" || got.Host != "fw" || got.TimeQuality == event.TimeNone {
		t.Errorf("error %q, host %q, time quality %v", got.Error, got.Host, got.TimeQuality)
	}
	if got.Src != want.Src || got.Dst != want.Dst || got.Direction != want.Direction {
		t.Errorf("got %v > %v %v, want %v > %v %v", got.Src, got.Dst, got.Direction, want.Src, want.Dst, want.Direction)
	}
	if !got.Is(want.Has) {
		t.Errorf("numbers %b, want at least %b", got.Has, want.Has)
	}
	numbers := func(e event.Entry) map[event.Has]uint32 {
		all := map[event.Has]uint32{
			event.HasProto: uint32(e.Proto), event.HasSrcPort: uint32(e.SrcPort), event.HasDstPort: uint32(e.DstPort),
			event.HasTCPFlags: uint32(e.TCPFlags), event.HasICMPType: uint32(e.ICMPType),
			event.HasICMPCode: uint32(e.ICMPCode), event.HasLength: e.Length, event.HasMark: e.Mark, event.HasUID: e.UID,
		}
		for h := range all {
			if want.Has&h == 0 {
				delete(all, h)
			}
		}
		return all
	}
	g, w := numbers(got), numbers(want)
	for h, n := range w {
		if g[h] != n {
			t.Errorf("number %b is %d, want %d", h, g[h], n)
		}
	}
	if t.Failed() {
		t.Log(got.Raw)
	}
}
