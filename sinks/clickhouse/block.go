package clickhouse

import (
	"net/netip"
	"slices"

	"mailstop/event"
)

// Block is the entries of one batch as columns of the table entries, each in the form that ClickHouse reads. It
// implements sinks.Block.
type Block struct {
	all   bool
	ports *portSet
	pick  [chunk]*event.Entry

	rows                    int
	time, received, pos     []int64
	quality, format, action []uint8 // the words' own numbers
	verdict, direction      []uint8
	proto                   []uint8
	protoNames              []uint8 // number in protoWords
	src, dst                [][16]byte
	srcPort, dstPort        []uint16
	flags                   []uint16 // number in flagWords
	icmpType, icmpCode      optional[uint8]
	ttl                     []uint8
	length, mark, count     []uint32
	uid, pid                optional[uint32]
	raw                     []string // views into the batch's lines, which stay until the batch is written

	host, agent, process, ifaceIn, ifaceOut words
	rule, ruleset, reason, source, fault    words

	deliveries []delivery
}

// optional is a Nullable column.
type optional[T uint8 | uint32] struct {
	null  []uint8
	value []T
}

// chunk is how many entries are added column by column at a time: their structs stay in the processor's cache.
const chunk = 64

// portSet is a set of ports.
type portSet [1 << 16 / 64]uint64

func newPortSet(ports []uint16) *portSet {
	s := new(portSet)
	for _, p := range ports {
		s[p/64] |= 1 << (p % 64)
	}
	return s
}

func (s *portSet) has(p uint16) bool { return s[p/64]&(1<<(p%64)) != 0 }

func newBlock(c Config) *Block {
	b := &Block{all: c.Keep == KeepAll, ports: newPortSet(c.MailPorts)}
	b.Reset()
	return b
}

// Rows returns how many entries the block holds.
func (b *Block) Rows() int { return b.rows }

// Deliveries returns how many deliveries the block holds.
func (b *Block) Deliveries() int { return len(b.deliveries) }

// Append adds those of es that the store keeps, and all deliveries.
func (b *Block) Append(es []event.Entry) {
	n := 0
	for i := range es {
		e := &es[i]
		if e.Note != "" || e.Delivery != nil {
			if e.Delivery != nil && e.Note == "" {
				b.addDelivery(e)
			}
			continue
		}
		if !b.all && !b.mail(e) {
			continue
		}
		b.pick[n] = e
		if n++; n == chunk {
			b.add(b.pick[:n])
			n = 0
		}
	}
	b.add(b.pick[:n])
	clear(b.pick[:]) // the entries' memory is not ours
}

func (b *Block) mail(e *event.Entry) bool {
	return e.Has&event.HasSrcPort != 0 && b.ports.has(e.SrcPort) || e.Has&event.HasDstPort != 0 && b.ports.has(e.DstPort)
}

// grow makes s n elements longer and returns the new ones, whose values are arbitrary.
func grow[T any](s *[]T, n int) []T {
	old := len(*s)
	*s = slices.Grow(*s, n)[:old+n]
	return (*s)[old:]
}

func (b *Block) add(es []*event.Entry) {
	if len(es) == 0 {
		return
	}
	b.rows += len(es)
	b.addTimes(es)
	b.addWords(es)
	b.addAddresses(es)
	b.addNumbers(es)
	b.addTexts(es)
}

func (b *Block) addTimes(es []*event.Entry) {
	t, r, p := grow(&b.time, len(es)), grow(&b.received, len(es)), grow(&b.pos, len(es))
	for i, e := range es {
		t[i] = 0
		if e.TimeQuality != event.TimeNone {
			t[i] = e.Time
		}
		r[i] = e.Received
		p[i] = e.Pos
	}
}

func (b *Block) addWords(es []*event.Entry) {
	n := len(es)
	quality, format, action := grow(&b.quality, n), grow(&b.format, n), grow(&b.action, n)
	verdict, direction := grow(&b.verdict, n), grow(&b.direction, n)
	proto, names, flags := grow(&b.proto, n), grow(&b.protoNames, n), grow(&b.flags, n)
	for i, e := range es {
		quality[i], format[i], action[i] = uint8(e.TimeQuality), uint8(e.Format), uint8(e.Action)
		verdict[i], direction[i] = uint8(e.Verdict), uint8(e.Direction)
		proto[i], names[i], flags[i] = 0, 0, 0
		if e.Has&event.HasProto != 0 {
			proto[i], names[i] = e.Proto, protoWord[e.Proto]
		}
		if e.Has&event.HasTCPFlags != 0 {
			flags[i] = uint16(e.TCPFlags) + 1
		}
	}
}

func (b *Block) addAddresses(es []*event.Entry) {
	n := len(es)
	src, dst := grow(&b.src, n), grow(&b.dst, n)
	srcPort, dstPort := grow(&b.srcPort, n), grow(&b.dstPort, n)
	for i, e := range es {
		src[i], dst[i] = address(e.Src), address(e.Dst)
		srcPort[i], dstPort[i] = 0, 0
		if e.Has&event.HasSrcPort != 0 {
			srcPort[i] = e.SrcPort
		}
		if e.Has&event.HasDstPort != 0 {
			dstPort[i] = e.DstPort
		}
	}
}

func address(a netip.Addr) [16]byte {
	if !a.IsValid() {
		return [16]byte{} // As16 would panic
	}
	return a.As16()
}

func (b *Block) addNumbers(es []*event.Entry) {
	n := len(es)
	ttl, length, mark, count := grow(&b.ttl, n), grow(&b.length, n), grow(&b.mark, n), grow(&b.count, n)
	for i, e := range es {
		ttl[i], length[i], mark[i] = 0, 0, 0
		if e.Has&event.HasTTL != 0 {
			ttl[i] = e.TTL
		}
		if e.Has&event.HasLength != 0 {
			length[i] = e.Length
		}
		if e.Has&event.HasMark != 0 {
			mark[i] = e.Mark
		}
		count[i] = e.Count
	}
	icmpType, icmpCode, uid, pid := b.icmpType.grow(n), b.icmpCode.grow(n), b.uid.grow(n), b.pid.grow(n)
	for i, e := range es {
		icmpType.set(i, e.ICMPType, e.Has&event.HasICMPType != 0)
		icmpCode.set(i, e.ICMPCode, e.Has&event.HasICMPCode != 0)
		uid.set(i, e.UID, e.Has&event.HasUID != 0)
		pid.set(i, e.PID, e.Has&event.HasPID != 0)
	}
}

func (o *optional[T]) grow(n int) optional[T] {
	return optional[T]{grow(&o.null, n), grow(&o.value, n)}
}

func (o *optional[T]) set(i int, v T, has bool) {
	if has {
		o.null[i], o.value[i] = 0, v
	} else {
		o.null[i], o.value[i] = 1, 0
	}
}

// addTexts goes column by column, so that each column's last value stays in a register.
func (b *Block) addTexts(es []*event.Entry) {
	var buf [chunk]string
	texts := buf[:len(es)]
	for i, e := range es {
		texts[i] = e.Host
	}
	b.host.add(texts)
	for i, e := range es {
		texts[i] = e.Agent
	}
	b.agent.add(texts)
	for i, e := range es {
		texts[i] = e.Process
	}
	b.process.add(texts)
	for i, e := range es {
		texts[i] = e.IfaceIn
	}
	b.ifaceIn.add(texts)
	for i, e := range es {
		texts[i] = e.IfaceOut
	}
	b.ifaceOut.add(texts)
	for i, e := range es {
		texts[i] = e.Rule
	}
	b.rule.add(texts)
	for i, e := range es {
		texts[i] = e.Ruleset
	}
	b.ruleset.add(texts)
	for i, e := range es {
		texts[i] = e.Reason
	}
	b.reason.add(texts)
	for i, e := range es {
		texts[i] = e.Source
	}
	b.source.add(texts)
	for i, e := range es {
		texts[i] = e.Error
	}
	b.fault.add(texts)
	b.addRaw(es)
}

func (b *Block) addRaw(es []*event.Entry) {
	raw := grow(&b.raw, len(es))
	for i, e := range es {
		raw[i] = e.Raw
	}
}

// Reset empties the block and keeps its memory for the next batch.
func (b *Block) Reset() {
	b.rows = 0
	b.time, b.received, b.pos = b.time[:0], b.received[:0], b.pos[:0]
	b.quality, b.format, b.action = b.quality[:0], b.format[:0], b.action[:0]
	b.verdict, b.direction = b.verdict[:0], b.direction[:0]
	b.proto, b.protoNames, b.flags = b.proto[:0], b.protoNames[:0], b.flags[:0]
	b.src, b.dst, b.srcPort, b.dstPort = b.src[:0], b.dst[:0], b.srcPort[:0], b.dstPort[:0]
	b.ttl, b.length, b.mark, b.count = b.ttl[:0], b.length[:0], b.mark[:0], b.count[:0]
	b.icmpType.reset()
	b.icmpCode.reset()
	b.uid.reset()
	b.pid.reset()
	clear(b.deliveries)
	b.deliveries = b.deliveries[:0]
	clear(b.raw)
	b.raw = b.raw[:0]
	for _, w := range []*words{
		&b.host, &b.agent, &b.process, &b.ifaceIn, &b.ifaceOut, &b.rule, &b.ruleset, &b.reason, &b.source, &b.fault,
	} {
		w.reset()
	}
}

func (o *optional[T]) reset() { o.null, o.value = o.null[:0], o.value[:0] }
