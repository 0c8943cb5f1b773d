package nftext

import (
	"net/netip"
	"strings"

	"mailstop/event"
)

// address stores an address that is surely whole.
func (r *reader) address(t seen, to *netip.Addr, value string, wrong error) {
	if !r.mark(t) {
		return
	}
	if !r.whole && r.stage != inARP {
		r.fail(ErrTruncated) // never the last token
		return
	}
	a, ok := Address(value)
	if !ok {
		r.fail(wrong)
		return
	}
	*to = a
}

// number reads a decimal value and notes that the entry has it. On failure it returns 0.
func (r *reader) number(t seen, has event.Has, value string, limit uint32, wrong error) uint32 {
	if !r.mark(t) {
		return 0
	}
	v, end := Number(value, 0)
	if end != len(value) || end == 0 || v > limit {
		r.fail(wrong)
		return 0
	}
	r.e.Has |= has
	return v
}

// hex reads a hexadecimal value: the kernel writes 0x before it, ulogd may not.
func (r *reader) hex(t seen, has event.Has, value string) uint32 {
	if !r.mark(t) {
		return 0
	}
	value = strings.TrimPrefix(value, "0x")
	v, end := Hex(value, 0)
	if end != len(value) || end == 0 {
		r.fail(errNumber)
		return 0
	}
	r.e.Has |= has
	return v
}

// forget removes from the entry what a token has said.
func (r *reader) forget(t seen) {
	e := r.e
	switch t {
	case sawIN:
		e.IfaceIn = ""
	case sawOUT:
		e.IfaceOut = ""
	case sawSRC:
		e.Src = netip.Addr{}
	case sawDST:
		e.Dst = netip.Addr{}
	case sawLEN:
		e.Length, e.Has = 0, e.Has&^event.HasLength
	case sawTTL:
		e.TTL, e.Has = 0, e.Has&^event.HasTTL
	case sawPROTO:
		e.Proto, e.Has = 0, e.Has&^event.HasProto
	case sawSPT:
		e.SrcPort, e.Has = 0, e.Has&^event.HasSrcPort
	case sawDPT:
		e.DstPort, e.Has = 0, e.Has&^event.HasDstPort
	case sawTYPE:
		e.ICMPType, e.Has = 0, e.Has&^event.HasICMPType
	case sawCODE:
		e.ICMPCode, e.Has = 0, e.Has&^event.HasICMPCode
	case sawUID:
		e.UID, e.Has = 0, e.Has&^event.HasUID
	case sawMARK:
		e.Mark, e.Has = 0, e.Has&^event.HasMark
	}
}

// neverLast are tokens that something always follows: without a blank behind them, they are cut.
const neverLast = sawIN | sawOUT | sawSRC | sawDST | sawLEN | sawTOS | sawPREC | sawTTL | sawID | sawSPT | sawDPT |
	sawWINDOW | sawTYPE | sawEchoID | sawUID

// finish compares what was read with what such a packet must have.
func (r *reader) finish() {
	e := r.e
	missing := r.wanted() &^ r.saw
	switch {
	case missing == 0 || r.err != nil:
	case missing&-missing > r.saw: // all that is missing would come later
		r.err = ErrTruncated
	default:
		r.err = errMissing
	}
	if !r.whole && r.last != 0 && (missing > r.last || r.last&neverLast != 0 && r.stage != inARP) {
		r.fail(ErrTruncated)
		r.forget(r.last)
		r.saw &^= r.last
	}
	if e.Is(event.HasProto) && e.Proto == event.TCP && r.flagsEnd() && !r.badWord {
		e.TCPFlags = r.flags
		e.Has |= event.HasTCPFlags
	}
	if r.dialect != Kernel {
		r.mend()
	}
}

// flagsEnd reports whether all words for flags were read: URGP= is behind them, but Proxmox writes it with URG only.
func (r *reader) flagsEnd() bool {
	return r.saw&sawURGP != 0 || r.dialect == Proxmox && r.saw&sawWINDOW != 0 && r.flags&event.URG == 0
}

// mend makes of what ulogd and Proxmox wrote what is so.
func (r *reader) mend() {
	e := r.e
	if r.fragment { // both read the middle of a packet as if it were its begin
		e.SrcPort, e.DstPort, e.TCPFlags, e.ICMPType, e.ICMPCode = 0, 0, 0, 0, 0
		e.Has &^= event.HasPorts | event.HasTCPFlags | event.HasICMPType | event.HasICMPCode
	}
	if r.saw&sawSRC == 0 { // the header was not read: zeros, or the size of what was captured
		for _, t := range [...]seen{sawLEN, sawTTL, sawPROTO} {
			r.forget(t)
		}
	}
	if r.dialect == Proxmox && r.v6 && e.Is(event.HasLength) {
		e.Length += 40 // written without the header's
	}
}

// wanted returns the tokens that must be there, given those that are.
func (r *reader) wanted() seen {
	want := sawIN | sawOUT
	if r.dialect == Proxmox || r.dialect == Ulogd && r.saw&want == 0 { // left out if they are empty, or not looked up
		want = 0
	}
	switch {
	case r.stage == inARP && r.dialect != Kernel:
		return want | sawPROTO
	case r.stage == inARP:
		want |= sawHTYPE | sawPTYPE | sawOPCODE
		if !r.ended && r.arpEther && r.arpIP { // the kernel shows the addresses of no other
			want |= sawSRC | sawDST
		}
		return want
	case r.otherEther && r.saw&sawSRC == 0:
		return want
	case r.ended && r.stage <= inIP:
		return want
	case r.damaged && r.saw&(sawSRC|sawPROTO) == 0:
		return want
	}
	want |= sawSRC | sawDST | sawLEN | sawTTL | sawTOS
	switch {
	case r.v6 && r.dialect == Proxmox:
		want |= sawPREC | sawPROTO
		if r.damaged {
			want &^= sawPROTO
		}
	case r.v6:
		// Without PROTO the packet is ESP, which the kernel does not name here, or of what an old ulogd does not know.
		want |= sawFLOWLBL
		if r.dialect == Ulogd && r.saw&sawPROTO == 0 {
			want |= sawMARK
		}
	default:
		want |= sawPREC | sawID
		if !r.fragment { // a fragment without PROTO is one of AH
			want |= sawPROTO
		}
	}
	if r.saw&sawUID != 0 {
		want |= sawGID
	}
	if !r.e.Is(event.HasProto) || r.fragment || r.ended || r.damaged {
		return want
	}
	return want | r.wantedOfProto()
}

func (r *reader) wantedOfProto() seen {
	switch r.e.Proto {
	case event.TCP:
		if r.dialect == Proxmox && r.flags&event.URG == 0 {
			return sawSPT | sawDPT | sawWINDOW
		}
		return sawSPT | sawDPT | sawWINDOW | sawURGP
	case event.UDP, udplite:
		if r.e.Proto == event.UDP || r.dialect == Kernel {
			return sawSPT | sawDPT | sawUDPLEN
		}
	case sctp:
		if r.dialect != Kernel {
			return sawSPT | sawDPT
		}
	case esp, ah:
		if r.stage >= inProto && r.dialect != Proxmox {
			return sawSPI
		}
	case event.ICMP, event.ICMPv6:
		return r.wantedOfICMP()
	}
	return 0
}

func (r *reader) wantedOfICMP() seen {
	want := sawTYPE | sawCODE
	if !r.e.Is(event.HasICMPType) {
		return want
	}
	switch {
	case IsEcho(r.e.Proto, r.e.ICMPType):
		if r.dialect != Ulogd || r.e.Proto != event.ICMP || r.e.ICMPCode == 0 { // ulogd looks at the code instead
			want |= sawEchoID | sawEchoSEQ
		}
	case r.dialect == Kernel && HasEmbedded(r.e.Proto, r.e.ICMPType):
		want |= sawInner
	}
	return want
}

// IsEcho reports whether ID= and SEQ= are written for an ICMP message.
func IsEcho(proto, typ uint8) bool {
	if proto == event.ICMP {
		return typ == 0 || typ == 8
	}
	return typ == 128 || typ == 129
}

// HasEmbedded reports whether an ICMP message is an error, or a redirect, about another packet.
func HasEmbedded(proto, typ uint8) bool {
	if proto == event.ICMP {
		return typ == 3 || typ == 4 || typ == 5 || typ == 11
	}
	return typ >= 1 && typ <= 4
}
