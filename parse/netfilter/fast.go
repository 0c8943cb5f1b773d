package netfilter

import (
	"mailstop/event"
	"mailstop/internal/nftext"
)

// The fast reader follows the order in which the kernel writes tokens, comparing at a cursor. It reads the plain IPv4
// and IPv6 forms of TCP, UDP and ICMP queries, which are more than 99 of 100 lines, and gives up at the first byte
// that it does not expect; the careful reader then starts anew. What it accepts, the careful reader reads alike: a
// fuzz test holds them together.
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
	if i < 0 || len(s)-i < 5 || s[i:i+5] != " LEN=" {
		return -1
	}
	e.Dst = nftext.Addr4(dst)
	var ttl uint32
	e.Length, i = nftext.Number(s, i+5)
	switch {
	case i < 0:
		return -1
	case len(s)-i >= 24 && s[i:i+24] == " TOS=0x00 PREC=0x00 TTL=":
	case len(s)-i >= 24 && s[i:i+7] == " TOS=0x" && s[i+9:i+17] == " PREC=0x" && s[i+19:i+24] == " TTL=" &&
		nftext.HexValue[s[i+7]]|nftext.HexValue[s[i+8]]|nftext.HexValue[s[i+17]]|nftext.HexValue[s[i+18]] < 16:
	default:
		return -1
	}
	ttl, i = nftext.Number(s, i+24)
	if i < 0 || ttl > 255 || len(s)-i < 4 || s[i:i+4] != " ID=" {
		return -1
	}
	e.TTL = uint8(ttl)
	if _, i = nftext.Number(s, i+4); i < 0 {
		return -1
	}
	if len(s)-i >= 3 && s[i:i+3] == " DF" {
		i += 3
	}
	if len(s)-i < 12 || s[i:i+7] != " PROTO=" {
		return -1
	}
	i += 7
	switch {
	case s[i:i+4] == "TCP ":
		return fastTCP(s, i+3, e)
	case s[i:i+4] == "UDP ":
		return fastUDP(s, i+3, e)
	case s[i:i+5] == "ICMP ":
		return fastICMP(s, i+4, event.ICMP, e)
	}
	return -1
}

// fast6 reads both addresses and what follows them.
func fast6(s string, i int, e *event.Entry) int {
	const dst = " DST="
	if len(s)-i < 2*nftext.FullIPv6+len(dst) || s[i+nftext.FullIPv6:i+nftext.FullIPv6+len(dst)] != dst {
		return -1
	}
	var ok, ok2 bool
	e.Src, ok = nftext.IP6(s[i : i+nftext.FullIPv6])
	i += nftext.FullIPv6 + len(dst)
	e.Dst, ok2 = nftext.IP6(s[i : i+nftext.FullIPv6])
	i += nftext.FullIPv6
	if !ok || !ok2 || len(s)-i < 5 || s[i:i+5] != " LEN=" {
		return -1
	}
	var hops uint32
	e.Length, i = nftext.Number(s, i+5)
	if i < 0 || len(s)-i < 4 || s[i:i+4] != " TC=" {
		return -1
	}
	_, i = nftext.Number(s, i+4)
	if i < 0 || len(s)-i < 10 || s[i:i+10] != " HOPLIMIT=" {
		return -1
	}
	hops, i = nftext.Number(s, i+10)
	if i < 0 || hops > 255 || len(s)-i < 9 || s[i:i+9] != " FLOWLBL=" {
		return -1
	}
	e.TTL = uint8(hops)
	_, i = nftext.Number(s, i+9)
	if i < 0 || len(s)-i < 14 || s[i:i+7] != " PROTO=" {
		return -1
	}
	i += 7
	switch {
	case s[i:i+4] == "TCP ":
		return fastTCP(s, i+3, e)
	case s[i:i+4] == "UDP ":
		return fastUDP(s, i+3, e)
	case s[i:i+7] == "ICMPv6 ":
		return fastICMP(s, i+6, event.ICMPv6, e)
	}
	return -1
}

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

const hasIP = event.HasProto | event.HasLength | event.HasTTL

func fastUDP(s string, i int, e *event.Entry) int {
	i = fastPorts(s, i, e)
	if i < 0 || len(s)-i < 5 || s[i:i+5] != " LEN=" {
		return -1
	}
	_, i = nftext.Number(s, i+5)
	e.Proto = event.UDP
	e.Has |= hasIP | event.HasPorts
	return i
}

func fastTCP(s string, i int, e *event.Entry) int {
	i = fastPorts(s, i, e)
	if i < 0 || len(s)-i < 8 || s[i:i+8] != " WINDOW=" {
		return -1
	}
	_, i = nftext.Number(s, i+8)
	if i < 0 || len(s)-i < 9 || s[i:i+7] != " RES=0x" || nftext.HexValue[s[i+7]]|nftext.HexValue[s[i+8]] > 15 {
		return -1
	}
	i += 9
	e.Proto = event.TCP
	e.Has |= hasIP | event.HasPorts | event.HasTCPFlags
	e.TCPFlags = 0
	for len(s)-i >= 7 {
		var flag event.TCPFlags
		switch {
		case s[i:i+4] == " SYN":
			flag = event.SYN
		case s[i:i+4] == " ACK":
			flag = event.ACK
		case s[i:i+6] == " URGP=":
			_, i = nftext.Number(s, i+6)
			return i
		case s[i:i+4] == " RST":
			flag = event.RST
		case s[i:i+4] == " PSH":
			flag = event.PSH
		case s[i:i+4] == " FIN":
			flag = event.FIN
		case s[i:i+4] == " CWR":
			flag = event.CWR
		case s[i:i+4] == " ECE":
			flag = event.ECE
		case s[i:i+4] == " URG":
			flag = event.URG
		}
		if flag == 0 || s[i+4] != ' ' {
			return -1
		}
		e.TCPFlags |= flag
		i += 4
	}
	return -1
}

// fastICMP leaves errors, which carry the packet they are about, to the careful reader.
func fastICMP(s string, i int, proto uint8, e *event.Entry) int {
	if len(s)-i < 6 || s[i:i+6] != " TYPE=" {
		return -1
	}
	typ, i := nftext.Number(s, i+6)
	if i < 0 || len(s)-i < 6 || s[i:i+6] != " CODE=" {
		return -1
	}
	code, i := nftext.Number(s, i+6)
	if i < 0 || typ|code > 255 || nftext.HasEmbedded(proto, uint8(typ)) {
		return -1
	}
	e.Proto, e.ICMPType, e.ICMPCode = proto, uint8(typ), uint8(code)
	e.Has |= hasIP | event.HasICMPType | event.HasICMPCode
	if !nftext.IsEcho(proto, uint8(typ)) {
		return i
	}
	if len(s)-i < 4 || s[i:i+4] != " ID=" {
		return -1
	}
	_, i = nftext.Number(s, i+4)
	if i < 0 || len(s)-i < 5 || s[i:i+5] != " SEQ=" {
		return -1
	}
	_, i = nftext.Number(s, i+5)
	return i
}

// fastTail reads one of the tokens that can follow a complete packet. s[i] is a blank, the byte behind it is not.
func fastTail(s string, i int, e *event.Entry) int {
	switch {
	case s[i] != ' ':
		return -1
	case len(s)-i > 6 && s[i:i+6] == " OPT (" && e.Is(event.HasTCPFlags):
		for i += 6; i < len(s) && nftext.HexValue[s[i]] < 16; {
			i++
		}
		if i >= len(s) || s[i] != ')' {
			return -1
		}
		i++
	case len(s)-i > 8 && s[i:i+8] == " MARK=0x" && !e.Is(event.HasMark):
		e.Mark, i = nftext.Hex(s, i+8)
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
