package clickhouse

import (
	"strings"

	"mailstop/event"
)

// A column of the table entries: its name, its type, and how a block gives it on either road.
type column struct {
	name, kind string
	native     func(e *encoder, bs []*Block) // writes the column of all blocks in the form of FORMAT Native
	values     func(b *Block) any            // returns the column of a block in a form that clickhouse-go appends
}

// columns lists what is sent to entries, in order.
var columns = []column{
	timeColumn("time", func(b *Block) []int64 { return b.time }),
	fixedColumn("time_quality", qualityWords, func(b *Block) []uint8 { return b.quality }),
	timeColumn("received", func(b *Block) []int64 { return b.received }),
	wordsColumn("host", func(b *Block) *words { return &b.host }),
	wordsColumn("agent", func(b *Block) *words { return &b.agent }),
	fixedColumn("format", formatWords, func(b *Block) []uint8 { return b.format }),
	fixedColumn("action", actionWords, func(b *Block) []uint8 { return b.action }),
	fixedColumn("verdict_source", verdictWords, func(b *Block) []uint8 { return b.verdict }),
	fixedColumn("direction", directionWords, func(b *Block) []uint8 { return b.direction }),
	fixedColumn("proto", protoWords, func(b *Block) []uint8 { return b.protoNames }),
	plainColumn("proto_num", "UInt8", func(b *Block) []uint8 { return b.proto }),
	addressColumn("src_ip", func(b *Block) [][16]byte { return b.src }),
	plainColumn("src_port", "UInt16", func(b *Block) []uint16 { return b.srcPort }),
	addressColumn("dst_ip", func(b *Block) [][16]byte { return b.dst }),
	plainColumn("dst_port", "UInt16", func(b *Block) []uint16 { return b.dstPort }),
	fixedColumn("tcp_flags", flagWords, func(b *Block) []uint16 { return b.flags }),
	optionalColumn("icmp_type", "UInt8", func(b *Block) *optional[uint8] { return &b.icmpType }),
	optionalColumn("icmp_code", "UInt8", func(b *Block) *optional[uint8] { return &b.icmpCode }),
	plainColumn("length", "UInt32", func(b *Block) []uint32 { return b.length }),
	plainColumn("ttl", "UInt8", func(b *Block) []uint8 { return b.ttl }),
	plainColumn("mark", "UInt32", func(b *Block) []uint32 { return b.mark }),
	optionalColumn("uid", "UInt32", func(b *Block) *optional[uint32] { return &b.uid }),
	optionalColumn("pid", "UInt32", func(b *Block) *optional[uint32] { return &b.pid }),
	wordsColumn("process", func(b *Block) *words { return &b.process }),
	wordsColumn("iface_in", func(b *Block) *words { return &b.ifaceIn }),
	wordsColumn("iface_out", func(b *Block) *words { return &b.ifaceOut }),
	wordsColumn("rule", func(b *Block) *words { return &b.rule }),
	wordsColumn("ruleset", func(b *Block) *words { return &b.ruleset }),
	wordsColumn("reason", func(b *Block) *words { return &b.reason }),
	plainColumn("count", "UInt32", func(b *Block) []uint32 { return b.count }),
	wordsColumn("source", func(b *Block) *words { return &b.source }),
	plainColumn("pos", "Int64", func(b *Block) []int64 { return b.pos }),
	textColumn("raw", func(b *Block) []string { return b.raw }),
	wordsColumn("error", func(b *Block) *words { return &b.fault }),
}

// columnNames is the column list of the INSERT.
var columnNames = func() string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return strings.Join(names, ", ")
}()

// The words of event by their numbers.
var (
	qualityWords   = spell(event.TimeQualities())
	formatWords    = spell(event.Formats())
	actionWords    = spell(event.Actions())
	verdictWords   = spell(event.VerdictSources())
	directionWords = spell(event.Directions())

	protoWords, protoWord = protocols()
	flagWords             = flagNames()
)

func spell[W interface{ String() string }](ws []W) []string {
	out := make([]string, len(ws))
	for i, w := range ws {
		out[i] = w.String()
	}
	return out
}

// protocols returns the protocols' names, the empty one first, and where in it each protocol number's name is.
func protocols() (names []string, of [256]uint8) {
	names = []string{""}
	for n := range 256 {
		if name := event.ProtoName(uint8(n)); name != "" {
			of[n] = uint8(len(names))
			names = append(names, name)
		}
	}
	return names, of
}

// noFlags is the spelling of a TCP flag byte of 0, as scanners send it: unlike the empty text, which means absent.
const noFlags = "none"

// flagNames returns the spelling of every TCP flag byte plus one; 0 is the empty text.
func flagNames() []string {
	out := []string{"", noFlags}
	for f := 1; f < 256; f++ {
		out = append(out, strings.Join(event.TCPFlags(f).Names(nil), " "))
	}
	return out
}
