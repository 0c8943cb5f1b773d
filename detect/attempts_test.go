package detect

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"mailstop/event"
)

func packet(sec int64, src, dst string, flags event.TCPFlags) event.Entry {
	s, d := netip.MustParseAddrPort(src), netip.MustParseAddrPort(dst)
	return event.Entry{
		Time: sec * 1e9, TimeQuality: event.TimeExact, Host: "h", Action: event.Drop, Direction: event.In, Count: 1,
		Has: event.HasPorts | event.HasProto | event.HasTCPFlags, Proto: event.TCP, TCPFlags: flags,
		Src: s.Addr(), SrcPort: s.Port(), Dst: d.Addr(), DstPort: d.Port(),
	}
}

func TestAttempts(t *testing.T) {
	const a, b = "192.0.2.1:40000", "198.51.100.1:25"
	const syn, both, fin = event.SYN, event.SYN | event.ACK, event.ACK | event.FIN
	const old, late = -3e9, 4e9 // 1874 and 2096
	var table Attempts
	for i, c := range []struct {
		sec            int64
		src, dst       string
		flags          event.TCPFlags
		action         event.Action
		opening, first bool
	}{
		{0, a, b, syn, event.Drop, true, true},
		{1, a, b, syn, event.Drop, true, false},
		{180, a, b, syn, event.Drop, true, false}, // 179 s after the one before
		{360, a, b, syn, event.Drop, true, false}, // 180 s
		{541, a, b, syn, event.Drop, true, true},  // 181 s
		{500, a, b, syn, event.Drop, true, false}, // lines out of order
		{700, a, b, syn, event.Drop, true, false}, // counts from the latest
		{100, a, b, syn, event.Drop, true, true},  // another period's file
		{101, b, a, syn, event.Drop, true, true},  // the other way round is another connection
		{101, a, b, syn, event.Allow, true, true}, // another verdict
		{101, a, b, syn, event.Observe, true, true},
		{102, b, a, both, event.Drop, false, true}, // an answer
		{103, b, a, both, event.Drop, false, false},
		{104, b, a, fin, event.Drop, false, true}, // something late
		{105, a, b, event.SYN | event.ECE | event.CWR, event.Drop, true, false},
		{105, a, b, event.SYN | event.FIN, event.Drop, false, true}, // a scanner's
		{late, a, b, syn, event.Drop, true, true},
		{old, a, b, syn, event.Drop, true, true},
		{late, "192.0.2.1:40001", b, syn, event.Drop, true, true},
		{late + 1, "192.0.2.1:40001", b, syn, event.Drop, true, false},
		{0, "[2001:db8::1]:40000", "[2001:db8::2]:25", syn, event.Drop, true, true},
		{1, "[2001:db8::1]:40000", "[2001:db8::2]:25", syn, event.Drop, true, false},
		{1, "[2001:db8::1:0]:40000", "[2001:db8::2]:25", syn, event.Drop, true, true},
	} {
		e := packet(c.sec, c.src, c.dst, c.flags)
		e.Action = c.action
		table.Observe(&e)
		if e.Opening != c.opening || e.FirstAttempt != c.first {
			t.Errorf("%d: %+v: opening %t, first %t", i, c, e.Opening, e.FirstAttempt)
		}
	}
}

func TestAttemptsOtherPackets(t *testing.T) {
	var table Attempts
	udp := packet(0, "192.0.2.1:40000", "198.51.100.1:53", 0)
	udp.Proto, udp.Has = event.UDP, event.HasPorts|event.HasProto
	for i, want := range []bool{true, false, false} {
		if table.Observe(&udp); udp.Opening != want || udp.FirstAttempt != want {
			t.Errorf("UDP %d: %+v", i, udp)
		}
	}
	unknown := packet(0, "192.0.2.1:40000", "198.51.100.1:25", 0)
	unknown.Has &^= event.HasTCPFlags
	if table.Observe(&unknown); !unknown.Opening || !unknown.FirstAttempt {
		t.Errorf("flags unknown: %+v", unknown)
	}
	other := packet(0, "192.0.2.1:40000", "198.51.100.1:25", event.SYN)
	other.Host = "another firewall"
	first := other
	first.Host = "h"
	table.Observe(&first)
	if table.Observe(&other); !other.FirstAttempt {
		t.Error("two firewalls share an attempt")
	}
	icmp := event.Entry{Opening: true, FirstAttempt: true, Proto: event.ICMP, Has: event.HasProto}
	if table.Observe(&icmp); icmp.Opening || icmp.FirstAttempt {
		t.Errorf("no ports: %+v", icmp)
	}
}

// The table agrees with a map as long as it has room, and goes on when it has not.
func TestAttemptsAgainstMap(t *testing.T) {
	var table Attempts
	last := map[[2]uint16]int64{}
	r := rand.New(rand.NewPCG(1, 2))
	wrong := 0
	for i := range 200_000 {
		e := packet(int64(i/100), "192.0.2.1:1", "198.51.100.1:25", event.SYN)
		e.SrcPort, e.DstPort = uint16(r.IntN(1000)), uint16(r.IntN(100))
		k := [2]uint16{e.SrcPort, e.DstPort}
		sec, seen := last[k]
		want := !seen || e.Time/1e9-sec > AttemptWindow
		last[k] = e.Time / 1e9
		if table.Observe(&e); e.FirstAttempt != want {
			wrong++
		}
	}
	// 100,000 keys in 65,536 buckets of four: a few buckets overflow.
	if wrong > 4000 {
		t.Errorf("%d of 200,000 differ", wrong)
	}
}

// A full table of another clock keeps nobody out.
func TestAttemptsWrongClockDisturbsNobody(t *testing.T) {
	var table Attempts
	r := rand.New(rand.NewPCG(3, 4))
	for range 1 << 20 {
		e := packet(4e9, "192.0.2.1:1", "198.51.100.1:25", event.SYN)
		e.Src = netip.AddrFrom4([4]byte{10, byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())})
		e.SrcPort = uint16(r.Uint32())
		table.Observe(&e)
	}
	for sec := range int64(4) {
		e := packet(1e9+sec, "192.0.2.1:40000", "198.51.100.1:25", event.SYN)
		if table.Observe(&e); e.FirstAttempt != (sec == 0) {
			t.Errorf("%d: first %t", sec, e.FirstAttempt)
		}
	}
}

func BenchmarkAttempts(b *testing.B) {
	es := make([]event.Entry, 1<<12)
	r := rand.New(rand.NewPCG(5, 6))
	for i := range es {
		es[i] = packet(int64(i/1000), "192.0.2.1:1", "198.51.100.1:25", event.SYN)
		es[i].Src = netip.AddrFrom4([4]byte{10, byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())})
	}
	var table Attempts
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		table.Observe(&es[i&(1<<12-1)])
		i++
	}
}
