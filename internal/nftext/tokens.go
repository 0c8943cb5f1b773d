package nftext

import (
	"strings"

	"mailstop/event"
)

func (r *reader) head(key, value string) {
	switch key {
	case "IN":
		if r.mark(sawIN) {
			r.e.IfaceIn = value
		}
	case "OUT":
		if r.mark(sawOUT) {
			r.e.IfaceOut = value
		}
	case "MAC":
		// 14 bytes are an Ethernet header; other links have headers that do not tell the protocol.
		r.otherEther = len(value) == 41 && !strings.HasSuffix(value, ":08:00") && !strings.HasSuffix(value, ":86:dd") &&
			!strings.HasSuffix(value, ":08:06")
	case "MACPROTO":
		r.mark(sawMACProto)
		r.otherEther = len(value) == 4 && value != "0800" && value != "86dd" && value != "0806"
	case "SRC":
		r.stage = inIP
		r.ip(key, value)
	case "HTYPE":
		r.stage = inARP
		r.arp(key, value)
	case "DST", "LEN", "TOS", "TC", "INVALID": // of a packet without addresses
		if r.dialect != Kernel {
			r.stage = inIP
			r.ip(key, value)
		}
	case "PROTO", "UID", "GID", "MARK", "mark": // of a frame that ulogd and Proxmox do not look into
		if r.dialect != Kernel {
			r.otherEther, r.stage = true, inTail
			r.tail(key, value)
		}
	}
}

func (r *reader) arp(key, value string) {
	switch key {
	case "HTYPE":
		r.mark(sawHTYPE)
		r.arpEther = value == "1"
	case "PTYPE":
		r.mark(sawPTYPE)
		r.arpIP = value == "0x0800"
	case "OPCODE":
		r.mark(sawOPCODE)
	case "IPSRC":
		r.address(sawSRC, &r.e.Src, value, errSrc)
	case "IPDST":
		r.address(sawDST, &r.e.Dst, value, errDst)
	default:
		r.tail(key, value)
	}
}

func (r *reader) ip(key, value string) {
	switch key {
	case "SRC":
		r.address(sawSRC, &r.e.Src, value, errSrc)
		r.v6 = strings.IndexByte(value, ':') >= 0
	case "DST":
		r.address(sawDST, &r.e.Dst, value, errDst)
		r.v6 = r.v6 || strings.IndexByte(value, ':') >= 0
	case "LEN":
		if r.dialect != Proxmox || r.saw&sawLEN == 0 { // else it is how much of an extension header there is
			r.e.Length = r.number(sawLEN, event.HasLength, value, 1<<32-1, errNumber)
		}
	case "TOS":
		if r.dialect == Kernel && len(value) == 2 { // the kernel writes 0x before it
			r.dialect = Ulogd
		}
		r.hex(sawTOS, 0, value)
	case "PREC":
		r.hex(sawPREC, 0, value)
	case "TC":
		r.v6 = true
		r.number(sawTOS, 0, value, 1<<32-1, errNumber)
	case "TTL", "HOPLIMIT":
		r.e.TTL = uint8(r.number(sawTTL, event.HasTTL, value, 255, errNumber))
	case "ID":
		if r.dialect != Proxmox || !r.v6 { // of a fragment, and can be negative
			r.number(sawID, 0, value, 1<<32-1, errNumber)
		}
	case "FLOWLBL":
		if r.dialect == Proxmox { // before HOPLIMIT
			r.number(sawPREC, 0, value, 1<<32-1, errNumber)
		} else {
			r.number(sawFLOWLBL, 0, value, 1<<32-1, errNumber)
		}
	case "PROTO":
		r.stage = inProto
		r.protocol(value)
	case "FRAG":
		r.proxmoxFragment(value)
	case "UID", "GID", "MARK", "mark", "INVALID":
		r.tail(key, value)
	}
}

func (r *reader) protocol(value string) {
	r.mark(sawPROTO)
	if value == "ARP" && r.dialect != Kernel {
		r.stage = inARP
		return
	}
	n, ok := protoByName(value)
	if !ok && value != "" && isDigit(value[0]) {
		if r.dialect != Kernel && !r.whole {
			r.fail(ErrTruncated) // both write a blank behind it
			return
		}
		v, end := Number(value, 0)
		n, ok = uint8(v), end == len(value) && v <= 255
	}
	if !ok {
		r.fail(errProto)
		return
	}
	r.e.Proto = n
	r.e.Has |= event.HasProto
}

func (r *reader) proto(key, value string) {
	switch key {
	case "SPT":
		r.e.SrcPort = uint16(r.number(sawSPT, event.HasSrcPort, value, 65535, errSPT))
	case "DPT":
		r.e.DstPort = uint16(r.number(sawDPT, event.HasDstPort, value, 65535, errDPT))
	case "LEN":
		r.number(sawUDPLEN, 0, value, 1<<32-1, errNumber)
	case "WINDOW":
		r.number(sawWINDOW, 0, value, 1<<32-1, errNumber)
	case "URGP":
		r.number(sawURGP, 0, value, 1<<32-1, errNumber)
		r.stage = inTail
	case "TYPE":
		r.e.ICMPType = uint8(r.number(sawTYPE, event.HasICMPType, value, 255, errNumber))
	case "CODE":
		r.e.ICMPCode = uint8(r.number(sawCODE, event.HasICMPCode, value, 255, errNumber))
	case "ID":
		r.number(sawEchoID, 0, value, 1<<32-1, errNumber)
	case "SEQ":
		if r.saw&sawTYPE != 0 {
			r.number(sawEchoSEQ, 0, value, 1<<32-1, errNumber)
		}
	case "SPI":
		r.hex(sawSPI, 0, value)
	case "SRC", "DST", "TTL", "PROTO":
		r.ip(key, value) // belongs to the IP header, so it is there for the second time
	default:
		r.tail(key, value)
	}
}

// tail reads what can follow any packet. Unknown keys are no error: other versions and tools have more.
func (r *reader) tail(key, value string) {
	switch key {
	case "UID":
		r.e.UID = r.number(sawUID, event.HasUID, value, 1<<32-1, errNumber)
	case "GID":
		r.number(sawGID, 0, value, 1<<32-1, errNumber)
	case "MARK":
		r.e.Mark = r.hex(sawMARK, event.HasMark, value)
	case "mark":
		if r.dialect == Proxmox {
			r.e.Mark = r.number(sawMARK, event.HasMark, value, 1<<32-1, errNumber)
		}
	case "INVALID":
		if r.dialect == Proxmox {
			r.damaged, r.stage = true, inTail
		}
	}
}
