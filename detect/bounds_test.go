package detect_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"mailstop/detect"
	"mailstop/event"
)

// flood makes entries of a flood: it changes whatever an attacker can.
type flood struct {
	n     uint64
	batch [1000]event.Entry
}

func (f *flood) next(change func(e *event.Entry, i uint64)) []event.Entry {
	for k := range f.batch {
		e := &f.batch[k]
		*e = event.Entry{
			Time: 1767607320e9 + int64(f.n)*1e6, TimeQuality: event.TimeExact, Host: "web-1", Rule: "[UFW BLOCK]", Raw: "raw", Source: "f",
			Action: event.Deny, Direction: event.In, Proto: event.TCP, TCPFlags: event.SYN, Count: 1,
			Has: event.HasProto | event.HasPorts | event.HasTCPFlags,
			Src: spoofed(f.n), SrcPort: uint16(1024 + f.n%60000), Dst: netip.AddrFrom4([4]byte{192, 0, 2, 10}), DstPort: 25,
		}
		change(e, f.n)
		f.n++
	}
	return f.batch[:]
}

func spoofed(n uint64) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(n*2654435761)&^0xa0000000|0x40000000) // 64.0.0.0 to 95.255.255.255
	return netip.AddrFrom4(b)
}

// Five million spoofed packets, each from an address of its own, and as many hosts, rules, targets and ports as their
// sender likes: memory stays bounded and the totals stay right.
func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("five million entries")
	}
	services := []uint16{22, 25, 53, 80, 443, 465, 587, 2525, 3306}
	site := detect.Site{Servers: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, 10})}}
	g := detect.NewGroup(0, all(site), site, true)
	before := heap()
	var f flood
	packets := uint64(0)
	for f.n < 5_000_000 {
		es := f.next(func(e *event.Entry, i uint64) {
			switch i % 5 {
			case 1:
				e.Dst = spoofed(i / 5)
			case 2:
				e.Host = fmt.Sprint("host", i)
				e.Direction = event.Out
				e.Src, e.Dst = e.Dst, e.Src
				e.DstPort = services[i/5%uint64(len(services))]
				e.Raw = strings.Repeat("r", 500)
			case 3:
				e.Rule = fmt.Sprint("rule", i)
				e.SrcPort, e.DstPort = 25, e.SrcPort
				e.TCPFlags |= event.ACK
			case 4:
				e.Direction = event.Forward
				e.Src, e.Dst = netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), e.Src
				e.DstPort = uint16(i)
			}
		})
		g.Observe(es)
		for _, c := range g.TakeCounts() {
			packets += c.Packets
		}
	}
	if packets != f.n {
		t.Errorf("the roll-up counts %d packets of %d", packets, f.n)
	}
	// 8 MB are the tables of attempts and sources.
	grown := heap() - before
	t.Logf("%d MB", grown>>20)
	if grown > 96<<20 {
		t.Errorf("5,000,000 entries leave %d MB", grown>>20)
	}
	found := g.Findings(nil, true)
	sums := map[string]uint64{}
	for _, x := range found {
		sums[x.Kind] += x.Packets
		if err := checkBounds(&x); err != nil {
			t.Errorf("%s: %v", x.Summary, err)
		}
	}
	// A fifth each: at the server, and at addresses that are not known.
	if in := sums[detect.MailInBlocked]; in != 2_000_000 {
		t.Errorf("%d inbound packets counted of 2,000,000", in)
	}
	// Four of the nine services are mail, and of what goes through, the destination port is mail now and then.
	forwarded := uint64(0)
	for i := uint64(4); i < f.n; i += 5 {
		if p := uint16(i); p == 25 || p == 465 || p == 587 || p == 2525 {
			forwarded++
		}
	}
	if want := uint64(1_000_000/9*4) + forwarded; sums[detect.MailOutBlocked]+9 < want || sums[detect.MailOutBlocked] > want+9 {
		t.Errorf("%d outbound packets counted of %d", sums[detect.MailOutBlocked], want)
	}
	runtime.KeepAlive(g)
}

func checkBounds(f *event.Finding) error {
	if len(f.Destinations) > event.MaxDestinations || len(f.Evidence) > event.MaxEvidence || len(f.Summary) > 1000 {
		return fmt.Errorf("%d destinations, %d lines, summary of %d bytes", len(f.Destinations), len(f.Evidence), len(f.Summary))
	}
	return nil
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// In a steady state, nothing is allocated per entry.
func TestNoAllocations(t *testing.T) {
	g := detect.NewGroup(0, all(detect.Site{}), detect.Site{}, true)
	var f flood
	es := f.next(mixed)
	for range 50 {
		g.Observe(es)
	}
	if n := testing.AllocsPerRun(20, func() { g.Observe(es) }); n > 0 {
		t.Errorf("%v allocations for %d entries", n, len(es))
	}
}

// mixed is what a busy firewall logs: scans of all ports, mail ports among them, and things that go out.
func mixed(e *event.Entry, i uint64) {
	ports := [...]uint16{22, 23, 25, 80, 443, 445, 1433, 3306, 3389, 5900, 8080, 587, 6379, 27017, 5060, 8443}
	e.Src = spoofed(i % 5000)
	e.DstPort = ports[i*7%uint64(len(ports))]
	switch i % 50 {
	case 10:
		e.Direction, e.Src, e.Dst, e.DstPort = event.Out, e.Dst, e.Src, 587
	case 20:
		e.Action, e.Rule, e.DstPort = event.Allow, "[UFW ALLOW]", 25
	case 30:
		e.Proto, e.Has = event.UDP, event.HasProto|event.HasPorts
	}
}

// benchmark runs batches of entries again and again. A few of them stay in the processor's cache, as entries do that
// have just been parsed.
func benchmark(b *testing.B, batches int, change func(e *event.Entry, i uint64)) {
	all := all(detect.Site{})
	g := detect.NewGroup(0, all, detect.Site{}, true)
	var f flood
	var es []event.Entry
	for range batches {
		es = append(es, f.next(change)...)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; {
		k := n % len(es)
		k -= k % 1000
		part := es[k : k+min(1000, b.N-n)]
		g.Observe(part)
		n += len(part)
		if n%100_000 == 0 {
			g.TakeCounts()
		}
	}
}

func BenchmarkGroupMixed(b *testing.B)   { benchmark(b, 5, mixed) }
func BenchmarkGroupSpoofed(b *testing.B) { benchmark(b, 200, func(*event.Entry, uint64) {}) }
func BenchmarkGroupAllowed(b *testing.B) {
	benchmark(b, 5, func(e *event.Entry, i uint64) {
		mixed(e, i)
		e.Action = event.Allow
		if e.DstPort == 25 || e.DstPort == 587 {
			e.DstPort = 443
		}
	})
}
