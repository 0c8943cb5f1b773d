package ulogd

import (
	"strings"

	"mailstop/event"
	"mailstop/internal/nftext"
)

// The fast reader follows the order in which printpkt.c writes tokens, comparing at a cursor, and gives up at the first
// byte that it does not expect; the careful reader then starts anew. What it accepts, the careful reader reads alike:
// a fuzz test holds them together.
//
// Each function takes the index where to begin and returns the index behind what it read, or -1.

// fast reads line, which begins with h, into e. If it returns false, the packet's fields of e are spoilt.
func fast(line string, h *nftext.Head, e *event.Entry) bool {
	i := h.Size()
	if v, j := nftext.IP4(line, i); j >= 0 {
		e.Src = nftext.Addr4(v)
		i = fast4(line, j, e)
	} else {
		i = fast6(line, i, e)
	}
	if i < 0 {
		return false
	}
	for i < len(line) {
		if line[i] != ' ' {
			if i = fastTail(line, i-1, e); i < 0 {
				return false
			}
			continue
		}
		i++
	}
	h.Apply(line, e)
	return true
}

// fast4 reads what follows the source address.
func fast4(s string, i int, e *event.Entry) int {
	if len(s)-i < 5 || s[i:i+5] != " DST=" {
		return -1
	}
	dst, i := nftext.IP4(s, i+5)
	e.Dst = nftext.Addr4(dst)
	if i < 0 || len(s)-i < 5 || s[i:i+5] != " LEN=" {
		return -1
	}
	e.Length, i = nftext.Number(s, i+5)
	switch {
	case i < 0:
		return -1
	case len(s)-i >= 22 && s[i:i+22] == " TOS=00 PREC=0x00 TTL=":
	case len(s)-i >= 22 && s[i:i+5] == " TOS=" && s[i+7:i+15] == " PREC=0x" && s[i+17:i+22] == " TTL=" &&
		nftext.HexValue[s[i+5]]|nftext.HexValue[s[i+6]]|nftext.HexValue[s[i+15]]|nftext.HexValue[s[i+16]] < 16:
	default:
		return -1
	}
	ttl, i := nftext.Number(s, i+22)
	if i < 0 || len(s)-i < 4 || s[i:i+4] != " ID=" {
		return -1
	}
	_, i = nftext.Number(s, i+4)
	if i < 0 || ttl > 255 {
		return -1
	}
	e.TTL = uint8(ttl)
	if len(s)-i >= 3 && s[i:i+3] == " DF" {
		i += 3
	}
	return fastProto(s, i, event.ICMP, "ICMP ", e)
}

// fast6 reads both addresses, which are as short as they can be, and what follows them.
func fast6(s string, i int, e *event.Entry) int {
	var ok bool
	if e.Src, i, ok = nftext.AddressAt(s, i); !ok || len(s)-i < 5 || s[i:i+5] != " DST=" {
		return -1
	}
	if e.Dst, i, ok = nftext.AddressAt(s, i+5); !ok {
		return -1
	}
	if len(s)-i < 5 || s[i:i+5] != " LEN=" {
		return -1
	}
	e.Length, i = nftext.Number(s, i+5)
	if i < 0 || len(s)-i < 4 || s[i:i+4] != " TC=" {
		return -1
	}
	_, i = nftext.Number(s, i+4)
	if i < 0 || len(s)-i < 10 || s[i:i+10] != " HOPLIMIT=" {
		return -1
	}
	hops, i := nftext.Number(s, i+10)
	if i < 0 || len(s)-i < 9 || s[i:i+9] != " FLOWLBL=" {
		return -1
	}
	_, i = nftext.Number(s, i+9)
	if i < 0 || hops > 255 {
		return -1
	}
	e.TTL = uint8(hops)
	return fastProto(s, i, event.ICMPv6, "ICMPv6 ", e)
}

// fastProto reads the protocol. icmp is the one whose name icmpName is, with a blank.
func fastProto(s string, i int, icmp uint8, icmpName string, e *event.Entry) int {
	if len(s)-i < 14 || s[i:i+7] != " PROTO=" {
		return -1
	}
	i += 7
	switch {
	case s[i:i+4] == "TCP ":
		return fastTCP(s, i+3, e)
	case s[i:i+4] == "UDP ":
		i = fastPorts(s, i+3, e)
		if i < 0 || len(s)-i < 5 || s[i:i+5] != " LEN=" {
			return -1
		}
		_, i = nftext.Number(s, i+5)
		e.Proto = event.UDP
		e.Has |= hasIP | event.HasPorts
		return i
	case strings.HasPrefix(s[i:], icmpName):
		return fastICMP(s, i+len(icmpName)-1, icmp, e)
	}
	return -1
}

const hasIP = event.HasProto | event.HasLength | event.HasTTL

func fastPorts(s string, i int, e *event.Entry) int {
	if len(s)-i < 5 || s[i:i+5] != " SPT=" {
		return -1
	}
	spt, i := nftext.Number(s, i+5)
	if i < 0 || len(s)-i < 5 || s[i:i+5] != " DPT=" {
		return -1
	}
	dpt, i := nftext.Number(s, i+5)
	if spt|dpt > 0xffff {
		return -1
	}
	e.SrcPort, e.DstPort = uint16(spt), uint16(dpt)
	return i
}

func fastTCP(s string, i int, e *event.Entry) int {
	i = fastPorts(s, i, e)
	if i < 0 || len(s)-i < 5 || s[i:i+5] != " SEQ=" {
		return -1
	}
	_, i = nftext.Number(s, i+5)
	if i < 0 || len(s)-i < 5 || s[i:i+5] != " ACK=" {
		return -1
	}
	_, i = nftext.Number(s, i+5)
	if i < 0 || len(s)-i < 8 || s[i:i+8] != " WINDOW=" {
		return -1
	}
	_, i = nftext.Number(s, i+8)
	if i < 0 {
		return -1
	}
	e.Proto = event.TCP
	e.Has |= hasIP | event.HasPorts | event.HasTCPFlags
	e.TCPFlags = 0
	for len(s)-i >= 7 && s[i] == ' ' && s[i+4] == ' ' {
		flag := nftext.FlagByName(s[i+1 : i+4])
		if flag == 0 {
			return -1
		}
		e.TCPFlags |= flag
		i += 4
	}
	if len(s)-i < 6 || s[i:i+6] != " URGP=" {
		return -1
	}
	_, i = nftext.Number(s, i+6)
	return i
}

// fastICMP leaves messages with more than an echo's numbers to the careful reader, and those that lack them.
func fastICMP(s string, i int, proto uint8, e *event.Entry) int {
	if len(s)-i < 6 || s[i:i+6] != " TYPE=" {
		return -1
	}
	typ, i := nftext.Number(s, i+6)
	if i < 0 || len(s)-i < 6 || s[i:i+6] != " CODE=" {
		return -1
	}
	code, i := nftext.Number(s, i+6)
	if i < 0 || typ|code > 255 {
		return -1
	}
	e.Proto, e.ICMPType, e.ICMPCode = proto, uint8(typ), uint8(code)
	e.Has |= hasIP | event.HasICMPType | event.HasICMPCode
	if len(s)-i > 4 && s[i:i+4] == " ID=" {
		_, i = nftext.Number(s, i+4)
		if i < 0 || len(s)-i < 5 || s[i:i+5] != " SEQ=" {
			return -1
		}
		_, i = nftext.Number(s, i+5)
		return i
	}
	if nftext.IsEcho(proto, uint8(typ)) {
		return -1
	}
	return i
}

// fastTail reads one of the tokens that can follow a complete packet. s[i] is a blank, the byte behind it is not.
func fastTail(s string, i int, e *event.Entry) int {
	switch {
	case s[i] != ' ':
		return -1
	case len(s)-i > 6 && s[i:i+6] == " MARK=" && !e.Is(event.HasMark):
		i += 6
		if len(s)-i > 2 && s[i:i+2] == "0x" {
			i += 2
		}
		e.Mark, i = nftext.Hex(s, i)
		e.Has |= event.HasMark
	case len(s)-i > 5 && s[i:i+5] == " UID=" && !e.Is(event.HasUID):
		e.UID, i = nftext.Number(s, i+5)
		if i < 0 || len(s)-i < 5 || s[i:i+5] != " GID=" {
			return -1
		}
		_, i = nftext.Number(s, i+5)
		e.Has |= event.HasUID
	default:
		return -1
	}
	if i >= 0 && i < len(s) && s[i] != ' ' {
		return -1
	}
	return i
}
