package filterlog

import (
	"net/netip"

	"mailstop/event"
)

// The fast reader follows the order of the fields with a cursor. It reads whole TCP and UDP packets, which nearly all lines
// are of, and gives up at the first byte that it does not expect; the careful reader then starts anew. What it accepts, the
// careful reader reads alike: a fuzz test holds them together.
//
// Each function takes the index where to begin and returns the index behind what it read, a comma included, or -1.

const hasIP = event.HasProto | event.HasLength | event.HasTTL

// fast reads line from behind its head at i into e. If it returns false, the packet's fields of e are spoilt.
func fast(s string, i int, v6 bool, e *event.Entry) bool {
	if len(s)-i < 2 || s[i] != '0' || s[i+1] != 'x' {
		return false
	}
	if v6 {
		i = fast6(s, i, e)
	} else {
		i = fast4(s, i, e)
	}
	if i < 0 {
		return false
	}
	switch e.Proto {
	case event.TCP:
		return fastTCP(s, i, e)
	case event.UDP:
		src, i := digits(s, i)
		dst, i := digits(s, i)
		if i < 0 || src > 0xffff || dst > 0xffff {
			return false
		}
		e.SrcPort, e.DstPort = uint16(src), uint16(dst)
		e.Has |= hasIP | event.HasPorts
		return true
	}
	return false
}

// fast4 reads "tos,ecn,ttl,id,0,flags,protonum,protoname,length,src,dst,".
func fast4(s string, i int, e *event.Entry) int {
	i = past(s, past(s, i))
	ttl, i := digits(s, i)
	i = past(s, i)
	if i < 0 || len(s)-i < 2 || s[i] != '0' || s[i+1] != ',' {
		return -1
	}
	i = past(s, i+2)
	proto, i := digits(s, i)
	i = past(s, i)
	length, i := digits(s, i)
	src, i := ip4(s, i)
	dst, i := ip4(s, i)
	if i < 0 || ttl > 255 || proto > 255 || length > 0xffff {
		return -1
	}
	e.TTL, e.Proto, e.Length = uint8(ttl), uint8(proto), length
	e.Src, e.Dst = addr4(src), addr4(dst)
	return i
}

// fast6 reads "class,flow,hlim,protoname,protonum,length,src,dst,".
func fast6(s string, i int, e *event.Entry) int {
	const header = 40 // bytes
	i = past(s, past(s, i))
	hops, i := digits(s, i)
	i = past(s, i)
	proto, i := digits(s, i)
	length, i := digits(s, i)
	if i < 0 || hops > 255 || proto > 255 || length > 0xffff {
		return -1
	}
	r := reader{s: s, i: i, e: e}
	if !r.addresses() || r.err != nil {
		return -1
	}
	e.TTL, e.Proto, e.Length = uint8(hops), uint8(proto), length+header
	return r.i
}

// fastTCP reads "sport,dport,datalen,flags,seq,ack,window,urg,".
func fastTCP(s string, i int, e *event.Entry) bool {
	src, i := digits(s, i)
	dst, i := digits(s, i)
	i = past(s, i)
	if i < 0 || src > 0xffff || dst > 0xffff {
		return false
	}
	var flags event.TCPFlags
	for ; i < len(s) && s[i] != ','; i++ {
		f := flagOf[s[i]]
		if f == 0 {
			return false
		}
		flags |= f
	}
	i++
	if i >= len(s) || s[i] == 'e' { // errormsg=
		return false
	}
	if i = past(s, past(s, past(s, past(s, i)))); i < 0 {
		return false
	}
	e.SrcPort, e.DstPort, e.TCPFlags = uint16(src), uint16(dst), flags
	e.Has |= hasIP | event.HasPorts | event.HasTCPFlags
	return true
}

// past returns the index behind the next comma.
func past(s string, i int) int {
	if i < 0 {
		return -1
	}
	for i < len(s) {
		i++
		if s[i-1] == ',' {
			return i
		}
	}
	return -1
}

// digits reads a number of at most nine digits that a comma ends.
func digits(s string, i int) (v uint32, next int) {
	if i < 0 {
		return 0, -1
	}
	for j := i; j < len(s) && j < i+10; j++ {
		d := uint32(s[j]) - '0'
		if d > 9 {
			if s[j] != ',' || j == i {
				return 0, -1
			}
			return v, j + 1
		}
		v = v*10 + d
	}
	return 0, -1
}

// ip4 reads a dotted address that a comma ends.
func ip4(s string, i int) (addr uint32, next int) {
	if i < 0 {
		return 0, -1
	}
	part, from, dots := uint32(0), i, 0
	for ; i < len(s); i++ {
		d := uint32(s[i]) - '0'
		if d <= 9 {
			part = part*10 + d
			continue
		}
		if n := i - from; n == 0 || n > 3 || part > 255 || n > 1 && s[from] == '0' {
			return 0, -1
		}
		addr = addr<<8 | part
		part, from = 0, i+1
		switch {
		case s[i] == '.' && dots < 3:
			dots++
		case s[i] == ',' && dots == 3:
			return addr, i + 1
		default:
			return 0, -1
		}
	}
	return 0, -1
}

func addr4(v uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
}
