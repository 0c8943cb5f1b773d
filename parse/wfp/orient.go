package wfp

import (
	"net/netip"

	"mailstop/event"
)

// orient makes the sender of what came in the source. Windows' own documents have the local side there, also for what
// comes in, and old versions log it so; newer ones log the sender. Where the event shows which of them it is, it is put
// right; otherwise the source stays what it is.
func (x *record) orient(e *event.Entry, layer string) {
	if e.Direction != event.In || !e.Src.IsValid() || !e.Dst.IsValid() {
		return
	}
	local := isLocalOnly(e.Src)
	if local != isLocalOnly(e.Dst) {
		if local {
			swap(e)
		}
		return
	}
	if !local && (x.isListener(e, layer) || x.hasTypeFirst(e)) {
		swap(e)
	}
}

// hasTypeFirst reports whether the source is the local side because an ICMP type stands in the place of its port: the type
// is in that of the local port, the code in that of the remote one (fwpmu.h, FWPM_CONDITION_ICMP_TYPE). Type 0 has no code
// but 0, so that a number alone is the type.
func (x *record) hasTypeFirst(e *event.Entry) bool {
	if !e.Is(event.HasProto) || e.Proto != event.ICMP && e.Proto != event.ICMPv6 {
		return false
	}
	first, ok := number(x.values[fSourcePort])
	second, ok2 := number(x.values[fDestPort])
	return ok && ok2 && first != 0 && first <= 255 && second == 0
}

func swap(e *event.Entry) {
	e.Src, e.Dst = e.Dst, e.Src
	e.SrcPort, e.DstPort = e.DstPort, e.SrcPort
	had := e.Has & event.HasPorts
	e.Has &^= event.HasPorts
	if had&event.HasSrcPort != 0 {
		e.Has |= event.HasDstPort
	}
	if had&event.HasDstPort != 0 {
		e.Has |= event.HasSrcPort
	}
}

// isLocalOnly reports whether an address can be that of a receiver only: "any", a group, all.
func isLocalOnly(a netip.Addr) bool {
	return a.IsUnspecified() || a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// isListener reports whether the source is the local side because a port is listened on there and the other is one that
// clients get. Behind Receive/Accept there is a listener. Behind Transport there may be none, and then a low source port
// is that of a server far away whose answer came too late: an owner must be known. UDP has no side that accepts.
func (x *record) isListener(e *event.Entry, layer string) bool {
	if !e.Is(event.HasPorts) || e.Proto == event.UDP || e.SrcPort >= firstNotListened || e.DstPort < firstEphemeral {
		return false
	}
	if isInside(e.Dst) && !isInside(e.Src) {
		return false // the sender would be inside and the listener outside
	}
	switch layer {
	case layerReceiveAccept:
		return true
	case layerTransport:
		return e.Process != "" && (e.Is(event.HasPID) || x.values[fProcess] == "")
	}
	return false
}

const (
	firstNotListened = 10_000
	firstEphemeral   = 32_768 // Linux; Windows, macOS and the BSDs begin at 49152
)

// isInside reports whether an address is one that networks use behind their router.
func isInside(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast()
}
