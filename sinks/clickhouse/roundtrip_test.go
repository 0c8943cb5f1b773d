package clickhouse

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"mailstop/event"
)

// hostile returns entries that try every column: absent and zero values, quotes, NUL, invalid UTF-8, long texts.
func hostile() []event.Entry {
	es := []event.Entry{
		{
			Time: 1767607200123456789, TimeQuality: event.TimeExact, Received: 1767607201000000001, Pos: 42, Count: 3,
			Host: "web'1\"`;DROP TABLE entries;--", Agent: "a\x00gent", Process: `C:\Windows\x.exe`, IfaceIn: "eth0\n\n", IfaceOut: "\xff\xfe",
			Rule: "{rule:String} ? $1 %s", Ruleset: "Grüße \U0001f600", Reason: `\' OR 1`, Source: "/var/log/a\n\nb.log",
			Raw: "raw \x00 '\" \\ \n\n \xc3\x28 end", Error: "line ends early",
			Src: netip.MustParseAddr("192.0.2.7"), Dst: netip.MustParseAddr("2001:db8::25"), SrcPort: 40000, DstPort: 25,
			Has: event.HasProto | event.HasPorts | event.HasTCPFlags | event.HasLength | event.HasTTL | event.HasMark |
				event.HasUID | event.HasPID,
			Proto: event.TCP, Format: event.Netfilter, Action: event.Reject, Verdict: event.VerdictPrefix, Direction: event.Out,
			TCPFlags: event.SYN | event.ACK, Length: 1<<32 - 1, TTL: 255, Mark: 0xdeadbeef,
		},
		{Raw: strings.Repeat("x", event.MaxRaw), Error: "not a firewall entry", Source: "s", Count: 1}, // nothing but text
		{ // zeros that are there, an unnamed protocol, a time before 1970
			Time: -1, TimeQuality: event.TimeEstimated, Proto: 253, Src: netip.MustParseAddr("fe80::1"), Count: 1, Source: "s", Pos: 1,
			Has: event.HasProto | event.HasICMPType | event.HasICMPCode | event.HasTCPFlags | event.HasUID | event.HasPID,
		},
		{ // numbers that are set but not said to be there
			Time: 1767607200000000000, Proto: 6, SrcPort: 1, DstPort: 25, TTL: 3, Length: 4, Mark: 5, UID: 6, PID: 7, ICMPType: 8,
			ICMPCode: 9, TCPFlags: 10, Count: 1, Source: "s", Pos: 2,
		},
		{Time: 4070908800000000000, TimeQuality: event.TimeReceived, Count: 1, Source: "s", Pos: 3}, // the year 2099
	}
	for f := range 256 {
		es = append(es, event.Entry{
			TCPFlags: event.TCPFlags(f), Proto: uint8(f), Has: event.HasTCPFlags | event.HasProto, Count: 1, Source: "s", Pos: int64(10 + f),
		})
	}
	return es
}

const allColumns = `SELECT toUnixTimestamp64Nano(time), time_quality, toUnixTimestamp64Nano(received), hex(host), hex(agent), format, action,
	verdict_source, direction, proto, proto_num, toString(src_ip), src_port, toString(dst_ip), dst_port, tcp_flags, icmp_type, icmp_code,
	length, ttl, mark, uid, pid, hex(process), hex(iface_in), hex(iface_out), hex(rule), hex(ruleset), hex(reason), count, hex(source), pos,
	hex(raw), hex(error) FROM entries ORDER BY pos`

// stored says what allColumns is to show of e.
func stored(e event.Entry) string {
	x := func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) }
	optional := func(v any, h event.Has) any {
		if e.Is(h) {
			return v
		}
		return nil
	}
	zero := func(v any, h event.Has) any {
		if e.Is(h) {
			return v
		}
		return 0
	}
	addr := func(a netip.Addr) any {
		if !a.IsValid() {
			return "::"
		}
		return netip.AddrFrom16(a.As16())
	}
	var ns int64
	if e.TimeQuality != event.TimeNone {
		ns = e.Time
	}
	proto, flags := "", ""
	if e.Is(event.HasProto) {
		proto = event.ProtoName(e.Proto)
	}
	if e.Is(event.HasTCPFlags) {
		if flags = strings.Join(e.TCPFlags.Names(nil), " "); flags == "" {
			flags = "none"
		}
	}
	cells := []any{
		ns, e.TimeQuality, e.Received, x(e.Host), x(e.Agent), e.Format, e.Action, e.Verdict, e.Direction,
		proto, zero(e.Proto, event.HasProto), addr(e.Src), zero(e.SrcPort, event.HasSrcPort), addr(e.Dst), zero(e.DstPort, event.HasDstPort),
		flags, optional(e.ICMPType, event.HasICMPType), optional(e.ICMPCode, event.HasICMPCode),
		zero(e.Length, event.HasLength), zero(e.TTL, event.HasTTL), zero(e.Mark, event.HasMark),
		optional(e.UID, event.HasUID), optional(e.PID, event.HasPID),
		x(e.Process), x(e.IfaceIn), x(e.IfaceOut), x(e.Rule), x(e.Ruleset), x(e.Reason), e.Count, x(e.Source), e.Pos, x(e.Raw), x(e.Error),
	}
	out := make([]string, len(cells))
	for i, c := range cells {
		out[i] = fmt.Sprint(c)
	}
	return strings.Join(out, "|")
}

func storedAll(es []event.Entry) string {
	es = slices.Clone(es)
	slices.SortFunc(es, func(a, b event.Entry) int { return int(a.Pos - b.Pos) })
	out := make([]string, len(es))
	for i, e := range es {
		out[i] = stored(e)
	}
	return strings.Join(out, "\n")
}

func compare(t *testing.T, got, want string) {
	t.Helper()
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	if len(g) != len(w) {
		t.Fatalf("%d rows, want %d", len(g), len(w))
	}
	for i := range g {
		if g[i] != w[i] {
			t.Errorf("row %d\n got %.600s\nwant %.600s", i, g[i], w[i])
		}
	}
}

func TestRoundTrip(t *testing.T) {
	s := open(t, embedded(t.TempDir()))
	es := hostile()
	write(t, s, batch(s, extent("p", "t", 0, 1), es, 100))
	compare(t, table(t, s, allColumns), storedAll(es))
}

// TestManyWords has more different values in a column than 16 bits number, and blocks that are used again.
func TestManyWords(t *testing.T) {
	for _, per := range []int{70_000, 69_000, 30_000} {
		t.Run(fmt.Sprint(per), func(t *testing.T) { manyWords(t, per) })
	}
}

func manyWords(t *testing.T, per int) {
	s := open(t, embedded(t.TempDir()))
	const n = 70_000
	es := make([]event.Entry, n)
	for i := range es {
		es[i] = event.Entry{Pos: int64(i), Count: 1, Rule: fmt.Sprint("rule ", i), Host: fmt.Sprint("h", i%300), Error: "x"}
	}
	write(t, s, batch(s, extent("p", "many", 0, 1), es, per))
	write(t, s, batch(s, extent("p", "few", 1, 2), []event.Entry{{Pos: n, Rule: "rule 69999", Host: "h1", Count: 1}}, 1))
	expect(t, s, `SELECT count(), uniqExact(rule), uniqExact(host), countIf(rule = concat('rule ', toString(pos))),
		countIf(host = concat('h', toString(pos % 300))), countIf(error = 'x') FROM entries`, "70001|70000|300|70000|70000|70000")
	expect(t, s, `SELECT rule, host, error FROM entries WHERE pos = 70000`, "rule 69999|h1|")
}

func TestKeepMail(t *testing.T) {
	c := embedded(t.TempDir())
	c.Keep = KeepMail
	c.MailPorts = []uint16{25, 587}
	s := open(t, c)
	has := event.HasPorts
	es := []event.Entry{
		{Pos: 1, Has: has, SrcPort: 40000, DstPort: 25, Count: 1},
		{Pos: 2, Has: has, SrcPort: 587, DstPort: 40000, Count: 1},
		{Pos: 3, Has: has, SrcPort: 40000, DstPort: 443, Count: 1},
		{Pos: 4, SrcPort: 25, DstPort: 25, Count: 1}, // not said to be there
		{Pos: 5, Error: "not a firewall entry", Count: 1},
	}
	write(t, s, batch(s, extent("p", "t", 0, 1), es, 2))
	expect(t, s, "SELECT pos FROM entries ORDER BY pos", "1\n2")
	expect(t, s, "SELECT sum(packets) FROM rollup_1m", "5")
	// A batch of which nothing is kept is stored all the same.
	write(t, s, batch(s, extent("t", "t2", 1, 2), es[2:3], 1))
	expect(t, s, "SELECT token, max(stored) FROM sources GROUP BY token ORDER BY token", "t|1\nt2|1")
}

func TestRollupsAgreeWithEntries(t *testing.T) {
	s := open(t, embedded(t.TempDir()))
	es := generate(5000, 3)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range es {
		es[i].Count = 1 + uint32(r.IntN(3))
	}
	write(t, s, batch(s, extent("p", "a", 0, 1), es[:2000], 700))
	write(t, s, batch(s, extent("a", "b", 1, 2), es[2000:], 4000))
	for _, x := range []struct{ table, start string }{{"rollup_1m", "toStartOfMinute(time)"}, {"rollup_1h", "toStartOfHour(time)"}} {
		from := strings.TrimPrefix(strings.TrimSuffix(x.start, "(time)"), "toStartOf")
		q := fmt.Sprintf(`SELECT count() FROM
			(SELECT %s AS at, host, action, direction, proto, dst_port AS port, sum(count) AS n FROM entries GROUP BY ALL) AS e
			FULL JOIN (SELECT %s AS at, host, action, direction, proto, port, sum(packets) AS n, sum(attempts) AS m FROM %s GROUP BY ALL) AS r
			USING (at, host, action, direction, proto, port) WHERE e.n != r.n OR r.n != r.m`, x.start, strings.ToLower(from), x.table)
		expect(t, s, q, "0")
	}
	expect(t, s, "SELECT sum(packets) > 5000 FROM rollup_1h", "1")
}
