package clickhouse

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"mailstop/event"
)

// generate returns n varied netfilter entries with raw lines of about 235 bytes, as of a few hosts over some hours.
func generate(n int, seed uint64) []event.Entry {
	r := rand.New(rand.NewPCG(seed, 1))
	hosts := []string{"bridge", "web-1", "mx-1", "gw-berlin"}
	rules := []string{"[UFW BLOCK]", "[UFW ALLOW]", "INBOUND TCP:", "FW-DROP-OUT", ""}
	ports := []uint16{25, 587, 465, 443, 22, 139, 445, 3389, 8131, 53}
	start := time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)
	out := make([]event.Entry, n)
	for i := range out {
		e := &out[i]
		at := start.Add(time.Duration(i) * 40 * time.Millisecond)
		*e = event.Entry{
			Time: at.UnixNano(), TimeQuality: event.TimeInferredYear, Format: event.Netfilter,
			Host: hosts[r.IntN(len(hosts))], Rule: rules[r.IntN(len(rules))], IfaceIn: "eth0",
			Source: "/var/log/ufw.log", Pos: int64(i) * 236, Line: int64(i) + 1, Count: 1,
			Action: event.Drop, Verdict: event.VerdictPrefix, Direction: event.In, Proto: event.TCP, TCPFlags: event.SYN,
			Src:     netip.AddrFrom4([4]byte{198, 51, byte(r.IntN(256)), byte(r.IntN(256))}),
			Dst:     netip.AddrFrom4([4]byte{192, 0, 2, byte(r.IntN(32))}),
			SrcPort: uint16(1024 + r.IntN(64000)), DstPort: ports[r.IntN(len(ports))],
			Length: uint32(40 + 4*r.IntN(10)), TTL: uint8(40 + r.IntN(24)),
			Has: event.HasProto | event.HasPorts | event.HasTCPFlags | event.HasLength | event.HasTTL,
		}
		if r.IntN(4) == 0 {
			e.IfaceIn, e.IfaceOut, e.Direction = "", "eth0", event.Out
		}
		if r.IntN(8) == 0 {
			e.Proto, e.TCPFlags, e.Has = event.UDP, 0, e.Has&^event.HasTCPFlags
		}
		e.Raw = fmt.Sprintf("%s %s kernel: [%11.6f] %s IN=%s OUT=%s MAC=56:00:03:85:82:df:fe:00:03:85:82:df:08:00 SRC=%s DST=%s "+
			"LEN=%d TOS=0x00 PREC=0x00 TTL=%d ID=%d DF PROTO=%s SPT=%d DPT=%d WINDOW=%d RES=0x00 SYN URGP=0 ",
			at.Format(time.Stamp), e.Host, float64(i)*0.04, e.Rule, e.IfaceIn, e.IfaceOut, e.Src, e.Dst, e.Length, e.TTL,
			r.IntN(65536), "TCP", e.SrcPort, e.DstPort, 1024*(1+r.IntN(64)))
	}
	return out
}
