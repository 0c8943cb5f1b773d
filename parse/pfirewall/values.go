package pfirewall

import (
	"math"
	"net/netip"
	"strings"

	"mailstop/event"
)

// A line is an entry while its values are read.
type line struct {
	*event.Entry
	err  error // the first
	lost bool  // it only says that events are missing
}

func (l *line) fail(err error) {
	if l.err == nil {
		l.err = err
	}
}

// read stores the value of a column; '-' stands for none.
func (l *line) read(c column, s string) {
	if s == "-" || l.lost {
		return
	}
	switch c {
	case colAction:
		l.action(verbOf(s))
	case colProtocol:
		l.protocol(s)
	case colSrcIP:
		l.Src = l.address(s)
	case colDstIP:
		l.Dst = l.address(s)
	case colSrcPort:
		l.SrcPort = uint16(l.number(s, math.MaxUint16, event.HasSrcPort))
	case colDstPort:
		l.DstPort = uint16(l.number(s, math.MaxUint16, event.HasDstPort))
	case colSize:
		// 0 is written for what is allowed and for what is stopped before there is a packet.
		if l.Length = l.number(s, math.MaxUint32, event.HasLength); l.Length == 0 {
			l.Has &^= event.HasLength
		}
	case colFlags:
		l.flags(s)
	case colICMPType:
		l.ICMPType = uint8(l.number(s, math.MaxUint8, event.HasICMPType))
	case colICMPCode:
		l.ICMPCode = uint8(l.number(s, math.MaxUint8, event.HasICMPCode))
	case colPath:
		l.path(s)
	case colPID:
		l.pid(s)
	}
}

func (l *line) action(v verb) {
	switch v {
	case verbDrop:
		l.Action = event.Drop
	case verbAllow:
		l.Action = event.Allow
	case verbOpen:
		l.Action, l.Direction = event.Allow, event.Out
	case verbOpenInbound:
		l.Action, l.Direction = event.Allow, event.In
	case verbClose:
		l.Action = event.Close
	case verbLost:
		l.lost = true
	}
}

// path is where the packet was going. It says more than OPEN does.
func (l *line) path(s string) {
	switch s {
	case "SEND":
		l.Direction = event.Out
	case "RECEIVE":
		l.Direction = event.In
	case "FORWARD":
		l.Direction = event.Forward
	case "UNKNOWN":
	default:
		l.fail(errPath)
	}
}

// pid is 0 where no process is known.
func (l *line) pid(s string) {
	if l.PID = l.number(s, math.MaxUint32, event.HasPID); l.PID == 0 {
		l.Has &^= event.HasPID
	}
}

func (l *line) protocol(s string) {
	n := uint32(0)
	switch {
	case s == "TCP":
		n = event.TCP
	case s == "UDP":
		n = event.UDP
	case s == "ICMP":
		n = event.ICMP
	case s[0]-'0' <= 9:
		l.Proto = uint8(l.number(s, math.MaxUint8, event.HasProto))
		return
	case strings.EqualFold(s, "ICMPv6"):
		n = event.ICMPv6
	default:
		known, ok := event.ProtoNumber(strings.ToLower(s))
		if !ok {
			l.fail(errProtocol)
			return
		}
		n = uint32(known)
	}
	l.Proto = uint8(n)
	l.Has |= event.HasProto
}

// flags are letters, one for each flag that is set.
func (l *line) flags(s string) {
	if s == "0" {
		return
	}
	var set event.TCPFlags
	for i := range len(s) {
		flag := flagOf[s[i]]
		if flag == 0 {
			l.fail(errFlags)
			return
		}
		set |= flag
	}
	l.TCPFlags = set
	l.Has |= event.HasTCPFlags
}

// finish removes the zeros that stand for "none" in columns that are not the protocol's.
func (l *line) finish() {
	// Windows writes ICMP for both versions.
	if l.Is(event.HasProto) && l.Proto == event.ICMP && (l.Src.Is6() || l.Dst.Is6()) {
		l.Proto = event.ICMPv6
	}
	if !l.Is(event.HasProto) {
		return
	}
	switch l.Proto {
	case event.TCP:
		l.drop(event.HasICMPType | event.HasICMPCode)
	case event.ICMP, event.ICMPv6:
		l.drop(event.HasPorts | event.HasTCPFlags)
	case event.UDP, protoDCCP, protoSCTP, protoUDPLite:
		l.drop(event.HasICMPType | event.HasICMPCode | event.HasTCPFlags)
	default:
		l.drop(event.HasPorts | event.HasICMPType | event.HasICMPCode | event.HasTCPFlags)
	}
}

// The other protocols with ports.
const (
	protoDCCP    = 33
	protoSCTP    = 132
	protoUDPLite = 136
)

// drop makes numbers absent.
func (l *line) drop(h event.Has) {
	l.Has &^= h
	if h&event.HasSrcPort != 0 {
		l.SrcPort, l.DstPort = 0, 0
	}
	if h&event.HasICMPType != 0 {
		l.ICMPType, l.ICMPCode = 0, 0
	}
	if h&event.HasTCPFlags != 0 {
		l.TCPFlags = 0
	}
}

// number reads a decimal number and marks it as present.
func (l *line) number(s string, most uint32, has event.Has) uint32 {
	n := uint64(0)
	for i := range len(s) {
		d := s[i] - '0'
		if n = n*10 + uint64(d); d > 9 || n > uint64(most) {
			l.fail(errNumber)
			return 0
		}
	}
	l.Has |= has
	return uint32(n)
}

// address reads an address without its zone.
func (l *line) address(s string) netip.Addr {
	if a, ok := ip4(s); ok {
		return a
	}
	if !isAddressStart[s[0]] || strings.IndexByte(s, ':') < 0 {
		l.fail(errAddress) // netip would allocate its error
		return netip.Addr{}
	}
	if i := strings.IndexByte(s, '%'); i >= 0 {
		s = s[:i]
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		l.fail(errAddress)
		return netip.Addr{}
	}
	return a.Unmap()
}

// ip4 reads a dotted address. Leading zeros are refused, as netip does: some read them as octal.
func ip4(s string) (netip.Addr, bool) {
	var a [4]byte
	i := 0
	for n := range 4 {
		v, start := uint32(0), i
		for i < len(s) && s[i]-'0' <= 9 && i-start < 3 {
			v = v*10 + uint32(s[i]-'0')
			i++
		}
		if i == start || v > 255 || s[start] == '0' && i-start > 1 {
			return netip.Addr{}, false
		}
		a[n] = byte(v)
		if n < 3 {
			if i == len(s) || s[i] != '.' {
				return netip.Addr{}, false
			}
			i++
		}
	}
	return netip.AddrFrom4(a), i == len(s)
}

// cutToken returns the value that s starts with, and what follows it.
func cutToken(s string) (token, rest string) {
	for i := range len(s) {
		if s[i] == ' ' || s[i] == '\t' {
			return s[:i], s[i:]
		}
	}
	return s, ""
}

func trimBlanks(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	return s
}
