package pflog

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"testing"
)

// What follows builds captures, byte by byte, from the tables of the headers.

// A pfHeader is what a pflog header says.
type pfHeader struct {
	size       int
	family     byte
	action     byte
	reason     byte
	iface, set string
	rule, sub  uint32
	dir        byte
	uid, pid   uint32
	id         uint32 // ridentifier, big endian
}

// frame returns the header and the packet, the header's own numbers in the host's order.
func (h pfHeader) frame(host binary.ByteOrder, packet []byte) []byte {
	b := make([]byte, (h.size+3)&^3)
	b[0], b[1], b[2], b[3] = byte(h.size), h.family, h.action, h.reason
	copy(b[4:20], h.iface)
	copy(b[20:35], h.set)
	binary.BigEndian.PutUint32(b[36:], h.rule)
	binary.BigEndian.PutUint32(b[40:], h.sub)
	if h.size == minHeader {
		b[44] = h.dir
		return append(b, packet...)
	}
	host.PutUint32(b[44:], h.uid)
	host.PutUint32(b[48:], h.pid)
	host.PutUint32(b[52:], 0)   // who loaded the rule
	host.PutUint32(b[56:], 321) // and with which process
	b[60] = h.dir
	switch {
	case h.size == lenOpen:
		b[61], b[62] = 1, h.family
		copy(b[64:], []byte{198, 51, 100, 1})
		copy(b[80:], []byte{198, 51, 100, 25})
		binary.BigEndian.PutUint16(b[96:], 40000)
		binary.BigEndian.PutUint16(b[98:], 2525)
	case h.size >= lenID:
		binary.BigEndian.PutUint32(b[64:], h.id)
	}
	return append(b, packet...)
}

// A record is one of a capture.
type record struct {
	seconds, fraction uint32
	frame             []byte
	length            int // before it was cut; 0: it was not
}

func (r *record) original() uint32 {
	if r.length > 0 {
		return uint32(r.length)
	}
	return uint32(len(r.frame))
}

func pcapFile(order binary.ByteOrder, magic, link uint32, records []record) []byte {
	var out bytes.Buffer
	put(&out, order, magic, uint16(2), uint16(4), uint32(0), uint32(0), uint32(262144), link)
	for i := range records {
		r := &records[i]
		put(&out, order, r.seconds, r.fraction, uint32(len(r.frame)), r.original(), r.frame)
	}
	return out.Bytes()
}

func put(out *bytes.Buffer, order binary.ByteOrder, values ...any) {
	for _, v := range values {
		if err := binary.Write(out, order, v); err != nil {
			panic(err)
		}
	}
}

// block returns one block of pcapng.
func block(order binary.ByteOrder, kind uint32, values ...any) []byte {
	var body, out bytes.Buffer
	put(&body, order, values...)
	for body.Len()%4 != 0 {
		body.WriteByte(0)
	}
	total := uint32(body.Len() + blockFrame)
	put(&out, order, kind, total, body.Bytes(), total)
	return out.Bytes()
}

func section(order binary.ByteOrder) []byte {
	return block(order, blockSection, uint32(magicOrder), uint16(1), uint16(0), int64(-1))
}

func device117(order binary.ByteOrder, options ...any) []byte {
	return block(order, blockInterface, append([]any{uint16(linkPFLog), uint16(0), uint32(262144)}, options...)...)
}

func enhanced(order binary.ByteOrder, id uint32, time uint64, r *record) []byte {
	return block(order, blockEnhanced, id, uint32(time>>32), uint32(time), uint32(len(r.frame)), r.original(), r.frame)
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// ip4 returns a packet of IPv4 with a correct header.
func ip4(proto byte, src, dst [4]byte, fragment uint16, ttl byte, payload []byte) []byte {
	b := make([]byte, 20, 20+len(payload))
	b[0] = 0x45
	binary.BigEndian.PutUint16(b[2:], uint16(20+len(payload)))
	binary.BigEndian.PutUint16(b[4:], 40221)
	binary.BigEndian.PutUint16(b[6:], fragment)
	b[8], b[9] = ttl, proto
	copy(b[12:], src[:])
	copy(b[16:], dst[:])
	binary.BigEndian.PutUint16(b[10:], ^sum(0, b))
	return append(b, payload...)
}

func ip6(next byte, src, dst [16]byte, hops byte, payload []byte) []byte {
	b := make([]byte, 40, 40+len(payload))
	b[0] = 0x60
	binary.BigEndian.PutUint16(b[4:], uint16(len(payload)))
	b[6], b[7] = next, hops
	copy(b[8:], src[:])
	copy(b[24:], dst[:])
	return append(b, payload...)
}

// sum is the Internet's checksum, not complemented.
func sum(start uint32, b []byte) uint16 {
	for i := 0; i+1 < len(b); i += 2 {
		start += uint32(b[i])<<8 | uint32(b[i+1])
	}
	if len(b)%2 == 1 {
		start += uint32(b[len(b)-1]) << 8
	}
	for start > 0xffff {
		start = start>>16 + start&0xffff
	}
	return uint16(start)
}

func tcpSegment(src, dst uint16, flags byte, payload int) []byte {
	b := make([]byte, 20+payload)
	binary.BigEndian.PutUint16(b, src)
	binary.BigEndian.PutUint16(b[2:], dst)
	binary.BigEndian.PutUint32(b[4:], 305419896)
	if flags&0x10 != 0 {
		binary.BigEndian.PutUint32(b[8:], 4711)
	}
	b[12], b[13] = 5<<4, flags
	binary.BigEndian.PutUint16(b[14:], 64240)
	return b
}

func datagram(src, dst uint16, payload int) []byte {
	b := make([]byte, 8+payload)
	binary.BigEndian.PutUint16(b, src)
	binary.BigEndian.PutUint16(b[2:], dst)
	binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
	return b
}

func icmpMessage(typ, code byte, payload []byte) []byte {
	b := append([]byte{typ, code, 0, 0, 0, 7, 0, 1}, payload...)
	binary.BigEndian.PutUint16(b[2:], ^sum(0, b))
	return b
}

// extension returns an extension header of IPv6 of eight bytes.
func extension(next byte, rest ...byte) []byte {
	b := make([]byte, 8)
	b[0] = next
	copy(b[1:], rest)
	return b
}
