package scan

import (
	"errors"
	"math"
	"net/netip"

	"mailstop/event"
)

// The errors of values that are not what they should be.
var (
	ErrSource      = errors.New("source is not an address")
	ErrDestination = errors.New("destination is not an address")
	ErrSourcePort  = errors.New("source port is not a port")
	ErrDestPort    = errors.New("destination port is not a port")
	ErrProto       = errors.New("protocol is not known")
	ErrNumber      = errors.New("a number is damaged or out of range")
	ErrTime        = errors.New("time is not one")
)

// A Fill puts values into an entry and keeps the first error. An empty value is absent, which is none.
type Fill struct {
	Entry *event.Entry
	Err   error
}

// Fail keeps err if it is the first.
func (f *Fill) Fail(err error) {
	if f.Err == nil {
		f.Err = err
	}
}

// Src stores the sender's address.
func (f *Fill) Src(s string) { f.addr(&f.Entry.Src, s, ErrSource) }

// Dst stores the receiver's address.
func (f *Fill) Dst(s string) { f.addr(&f.Entry.Dst, s, ErrDestination) }

func (f *Fill) addr(to *netip.Addr, s string, wrong error) {
	if s == "" {
		return
	}
	a, ok := Addr(s)
	if !ok {
		f.Fail(wrong)
		return
	}
	*to = a
}

// SrcPort stores the sender's port.
func (f *Fill) SrcPort(s string) { f.port(&f.Entry.SrcPort, event.HasSrcPort, s, ErrSourcePort) }

// DstPort stores the receiver's port.
func (f *Fill) DstPort(s string) { f.port(&f.Entry.DstPort, event.HasDstPort, s, ErrDestPort) }

func (f *Fill) port(to *uint16, has event.Has, s string, wrong error) {
	if s == "" {
		return
	}
	n, ok := Uint(s, math.MaxUint16)
	if !ok {
		f.Fail(wrong)
		return
	}
	*to = uint16(n)
	f.Entry.Has |= has
}

// Proto stores a protocol's name or number.
func (f *Fill) Proto(s string) {
	if s == "" {
		return
	}
	n, ok := Proto(s)
	if !ok {
		f.Fail(ErrProto)
		return
	}
	f.Entry.Proto = n
	f.Entry.Has |= event.HasProto
}

// ICMP stores type and code of an ICMP message.
func (f *Fill) ICMP(typ, code string) {
	f.byte(&f.Entry.ICMPType, event.HasICMPType, typ)
	f.byte(&f.Entry.ICMPCode, event.HasICMPCode, code)
}

func (f *Fill) byte(to *uint8, has event.Has, s string) {
	if s == "" {
		return
	}
	n, ok := Uint(s, math.MaxUint8)
	if !ok {
		f.Fail(ErrNumber)
		return
	}
	*to = uint8(n)
	f.Entry.Has |= has
}

// Packets stores how many packets the line stands for. A line that says zero still tells of the packet it was written for,
// and one that tells of more than 32 bits hold stands for as many as they do.
func (f *Fill) Packets(s string) {
	if s == "" {
		return
	}
	n, ok := Uint(s, math.MaxUint64)
	if !ok {
		f.Fail(ErrNumber)
		return
	}
	if n > 0 {
		f.Entry.Count = uint32(min(n, math.MaxUint32))
	}
}

// Verdict stores what the firewall did, and how that is known; an unknown action is not known from anywhere.
func (f *Fill) Verdict(a event.Action, v event.VerdictSource) {
	if f.Entry.Action = a; a != event.ActionUnknown {
		f.Entry.Verdict = v
	}
}

// Finish removes the ports of a protocol that has none, for which many firewalls write zeros, and zeros where the protocol is
// not known. It returns the first error.
func (f *Fill) Finish() error {
	e := f.Entry
	switch known := e.Is(event.HasProto); {
	case known && !HasPorts(e.Proto), !known && e.SrcPort == 0 && e.DstPort == 0:
		e.SrcPort, e.DstPort = 0, 0
		e.Has &^= event.HasPorts
	}
	return f.Err
}
