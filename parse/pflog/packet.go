package pflog

import (
	"encoding/binary"
	"net/netip"

	"mailstop/event"
	"mailstop/parse"
)

// packetAt reads the packet behind a header of size bytes. Every system rounds up to a multiple of four; programs that
// copied the header on 64-bit systems to one of eight.
func packetAt(b []byte, size int, e *event.Entry) error {
	at := (size + 3) &^ 3
	if len(b) <= at {
		return parse.ErrTruncated
	}
	if v := b[at] >> 4; v != 4 && v != 6 {
		if wide := (size + 7) &^ 7; len(b) > wide && (b[wide]>>4 == 4 || b[wide]>>4 == 6) {
			at = wide
		}
	}
	return packet(b[at:], e)
}

// packet reads an IP packet. Its own first byte says which kind: with NAT64 the header's family is that of the rule's side.
func packet(b []byte, e *event.Entry) error {
	if len(b) == 0 {
		return parse.ErrTruncated
	}
	switch b[0] >> 4 {
	case 4:
		return packet4(b, e)
	case 6:
		return packet6(b, e)
	}
	return errVersion
}

func packet4(b []byte, e *event.Entry) error {
	const fixed = 20
	size := int(b[0]&15) * 4
	if size < fixed {
		return errIP
	}
	if len(b) < fixed {
		return parse.ErrTruncated
	}
	e.Src = netip.AddrFrom4([4]byte(b[12:16]))
	e.Dst = netip.AddrFrom4([4]byte(b[16:20]))
	e.Length, e.TTL, e.Proto = uint32(binary.BigEndian.Uint16(b[2:])), b[8], b[9]
	e.Has |= event.HasLength | event.HasTTL | event.HasProto
	if int(e.Length) < size {
		return errIP
	}
	if binary.BigEndian.Uint16(b[6:])&0x1fff != 0 {
		return nil // not the first fragment: it has no ports
	}
	return payload(from(b, size), e)
}

func packet6(b []byte, e *event.Entry) error {
	const size = 40
	if len(b) < size {
		return parse.ErrTruncated
	}
	e.Src = netip.AddrFrom16([16]byte(b[8:24])).Unmap()
	e.Dst = netip.AddrFrom16([16]byte(b[24:40])).Unmap()
	e.Length, e.TTL = size+uint32(binary.BigEndian.Uint16(b[4:])), b[7]
	e.Has |= event.HasLength | event.HasTTL
	next, b := b[6], b[size:]
	for {
		length := 0
		switch next {
		case 0, 43, 60, 135, 139, 140: // options, routing, mobility, HIP, shim6
			if len(b) >= 2 {
				length = (int(b[1]) + 1) * 8
			}
		case 51: // AH counts in units of four
			if len(b) >= 2 {
				length = (int(b[1]) + 2) * 4
			}
		case 44:
			length = 8
		default:
			e.Proto, e.Has = next, e.Has|event.HasProto
			return payload(b, e)
		}
		if len(b) < 2 {
			return errCut
		}
		if next == 44 {
			if len(b) < length {
				return errCut
			}
			if binary.BigEndian.Uint16(b[2:])&0xfff8 != 0 {
				e.Proto, e.Has = b[0], e.Has|event.HasProto
				return nil // not the first fragment
			}
		}
		next, b = b[0], from(b, length)
	}
}

// from returns what b has behind n bytes, which may be more than there are.
func from(b []byte, n int) []byte { return b[min(n, len(b)):] }

const sctp, udpLite, dccp = 132, 136, 33

// payload reads what the protocol has.
func payload(b []byte, e *event.Entry) error {
	switch e.Proto {
	case event.TCP, event.UDP, sctp, udpLite, dccp:
		if len(b) < 4 {
			return errCut
		}
		e.SrcPort, e.DstPort = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
		e.Has |= event.HasPorts
		if e.Proto != event.TCP {
			return nil
		}
		if len(b) < 14 {
			return errCut
		}
		e.TCPFlags = event.TCPFlags(b[13])
		e.Has |= event.HasTCPFlags
	case event.ICMP, event.ICMPv6:
		if len(b) < 2 {
			return errCut
		}
		e.ICMPType, e.ICMPCode = b[0], b[1]
		e.Has |= event.HasICMPType | event.HasICMPCode
	}
	return nil
}
