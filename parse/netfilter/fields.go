package netfilter

import (
	"net/netip"
	"strings"

	"mailstop/event"
	"mailstop/parse"
)

// address stores an address that is surely whole.
func (r *reader) address(t seen, to *netip.Addr, value string, wrong error) {
	if !r.mark(t) {
		return
	}
	if !r.whole && r.stage != inARP {
		r.fail(parse.ErrTruncated) // never the last token
		return
	}
	a, ok := address(value)
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
	v, end := number(value, 0)
	if end != len(value) || end == 0 || v > limit {
		r.fail(wrong)
		return 0
	}
	r.e.Has |= has
	return v
}

// hex reads a hexadecimal value: the kernel writes 0x before it, ulogd does not.
func (r *reader) hex(t seen, has event.Has, value string) uint32 {
	if !r.mark(t) {
		return 0
	}
	value = strings.TrimPrefix(value, "0x")
	v, end := hex(value, 0)
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
		r.err = parse.ErrTruncated
	default:
		r.err = errMissing
	}
	if !r.whole && r.last != 0 && (missing > r.last || r.last&neverLast != 0 && r.stage != inARP) {
		r.fail(parse.ErrTruncated)
		r.forget(r.last)
		r.saw &^= r.last & (sawIN | sawOUT)
	}
	if e.Is(event.HasProto) && e.Proto == event.TCP && r.saw&sawURGP != 0 && !r.badWord {
		e.TCPFlags = r.flags
		e.Has |= event.HasTCPFlags
	}
}

// wanted returns the tokens that must be there, given those that are.
func (r *reader) wanted() seen {
	want := sawIN | sawOUT
	switch {
	case r.stage == inARP:
		want |= sawHTYPE | sawPTYPE | sawOPCODE
		if !r.ended && r.arpEther && r.arpIP { // the kernel shows the addresses of no other
			want |= sawSRC | sawDST
		}
		return want
	case r.stage == inHead && r.otherEther:
		return want
	case r.ended && r.stage <= inIP:
		return want
	}
	want |= sawSRC | sawDST | sawLEN | sawTTL | sawTOS
	if r.v6 {
		// Without PROTO the packet is ESP, which the kernel does not name here.
		want |= sawFLOWLBL
	} else {
		want |= sawPREC | sawID
		if !r.fragment { // a fragment without PROTO is one of AH
			want |= sawPROTO
		}
	}
	if r.saw&sawUID != 0 {
		want |= sawGID
	}
	if !r.e.Is(event.HasProto) || r.fragment || r.ended {
		return want
	}
	return want | r.wantedOfProto()
}

func (r *reader) wantedOfProto() seen {
	switch r.e.Proto {
	case event.TCP:
		return sawSPT | sawDPT | sawWINDOW | sawURGP
	case event.UDP, udplite:
		return sawSPT | sawDPT | sawUDPLEN
	case esp, ah:
		if r.stage >= inProto {
			return sawSPI
		}
	case event.ICMP, event.ICMPv6:
		want := sawTYPE | sawCODE
		if r.e.Is(event.HasICMPType) {
			switch {
			case isEcho(r.e.Proto, r.e.ICMPType):
				want |= sawEchoID | sawEchoSEQ
			case hasEmbedded(r.e.Proto, r.e.ICMPType) && !r.ulogd: // ulogd leaves it out
				want |= sawInner
			}
		}
		return want
	}
	return 0
}

// isEcho reports whether the kernel writes ID= and SEQ= for an ICMP message.
func isEcho(proto, typ uint8) bool {
	if proto == event.ICMP {
		return typ == 0 || typ == 8
	}
	return typ == 128 || typ == 129
}

// hasEmbedded reports whether an ICMP message is an error, or a redirect, about another packet.
func hasEmbedded(proto, typ uint8) bool {
	if proto == event.ICMP {
		return typ == 3 || typ == 4 || typ == 5 || typ == 11
	}
	return typ >= 1 && typ <= 4
}
