package pfirewall

import (
	"math"
	"net/netip"

	"mailstop/event"
)

// The fast reader takes the lines that nearly all of a file are: TCP and UDP, dropped or allowed, in Windows' own columns
// with a path. It compares at a cursor and gives up at the first byte that it does not expect; the careful reader then
// starts anew and defines the meaning. A fuzz test holds the two together.
//
// Each function takes the index where to begin and returns the index behind what it read, or -1.

// fast reads s behind its stamp. If it returns false, the packet's fields of e are as they were.
func (p *parser) fast(s string, e *event.Entry) bool {
	const stamp = len("2026-01-05 10:11:12 ")
	if p.custom || len(p.columns) == withoutPath || len(s) < 64 || s[10] != ' ' || s[19] != ' ' {
		return false
	}
	f := packet{has: event.HasProto}
	i := f.verdict(s, stamp)
	if i < 0 {
		return false
	}
	if i = f.addresses(s, i); i < 0 {
		return false
	}
	if i = f.numbers(s, i); i < 0 {
		return false
	}
	if i = f.way(s, i); i < 0 {
		return false
	}
	switch {
	case i == len(s):
		if len(p.columns) > withPath {
			return false
		}
	case s[i] != ' ' || i+1 == len(s):
		return false
	default:
		if f.pid, i = number(s, i+1, math.MaxUint32); i != len(s) {
			return false
		}
		if f.pid != 0 {
			f.has |= event.HasPID
		}
	}
	e.Action, e.Direction, e.Proto, e.Src, e.Dst = f.action, f.direction, f.proto, f.src, f.dst
	e.SrcPort, e.DstPort, e.Length, e.TCPFlags, e.PID = f.srcPort, f.dstPort, f.length, f.flags, f.pid
	e.Has |= f.has
	return true
}

// A packet is what the fast reader has read so far.
type packet struct {
	src, dst         netip.Addr
	length, pid      uint32
	srcPort, dstPort uint16
	has              event.Has
	action           event.Action
	direction        event.Direction
	proto            uint8
	flags            event.TCPFlags
}

func (f *packet) verdict(s string, i int) int {
	switch {
	case s[i:i+5] == "DROP ":
		f.action = event.Drop
		i += 5
	case s[i:i+6] == "ALLOW ":
		f.action = event.Allow
		i += 6
	default:
		return -1
	}
	switch s[i : i+4] {
	case "TCP ":
		f.proto = event.TCP
	case "UDP ":
		f.proto = event.UDP
	default:
		return -1
	}
	return i + 4
}

func (f *packet) addresses(s string, i int) int {
	var n uint32
	f.src, i = addressAt(s, i)
	if i < 0 {
		return -1
	}
	f.dst, i = addressAt(s, i)
	if i < 0 {
		return -1
	}
	if n, i = number(s, i, math.MaxUint16); i < 0 || i == len(s) || s[i] != ' ' {
		return -1
	}
	f.srcPort = uint16(n)
	if n, i = number(s, i+1, math.MaxUint16); i < 0 || i == len(s) || s[i] != ' ' {
		return -1
	}
	f.dstPort = uint16(n)
	f.has |= event.HasPorts
	return i + 1
}

// numbers reads the size, the flags and the six columns behind them.
func (f *packet) numbers(s string, i int) int {
	if i < len(s) && s[i] == '-' {
		i++
	} else if f.length, i = number(s, i, math.MaxUint32); i < 0 {
		return -1
	}
	if f.length != 0 {
		f.has |= event.HasLength
	}
	if len(s)-i < 3 || s[i] != ' ' {
		return -1
	}
	if i++; s[i] == '-' {
		i++
	} else {
		if f.proto != event.TCP {
			return -1
		}
		start := i
		for i < len(s) && s[i] >= 'A' && flagOf[s[i]] != 0 {
			f.flags |= flagOf[s[i]]
			i++
		}
		if i == start {
			return -1
		}
		f.has |= event.HasTCPFlags
	}
	for range 3 { // sequence, acknowledgement, window
		if len(s)-i < 3 || s[i] != ' ' {
			return -1
		}
		if i++; s[i] == '-' {
			i++
			continue
		}
		start := i
		for i < len(s) && s[i]-'0' <= 9 {
			i++
		}
		if i == start {
			return -1
		}
	}
	if len(s)-i < 7 || s[i:i+7] != " - - - " {
		return -1
	}
	return i + 7
}

func (f *packet) way(s string, i int) int {
	switch {
	case len(s)-i >= 7 && s[i:i+7] == "RECEIVE":
		f.direction = event.In
		return i + 7
	case len(s)-i >= 4 && s[i:i+4] == "SEND":
		f.direction = event.Out
		return i + 4
	}
	return -1
}

// addressAt reads an address and the blank behind it.
func addressAt(s string, i int) (netip.Addr, int) {
	var v uint32
	if len(s)-i < len("255.255.255.255 ") {
		return netip.Addr{}, -1
	}
	if s[i+1] == ':' || s[i+2] == ':' || s[i+3] == ':' || s[i+4] == ':' {
		return address6At(s, i)
	}
	for n := range 4 {
		d := uint32(s[i] - '0')
		if d > 9 {
			return netip.Addr{}, -1
		}
		i++
		if s[i]-'0' <= 9 {
			if d == 0 {
				return netip.Addr{}, -1
			}
			d = d*10 + uint32(s[i]-'0')
			if i++; s[i]-'0' <= 9 {
				d = d*10 + uint32(s[i]-'0')
				i++
			}
		}
		end := byte('.')
		if n == 3 {
			end = ' '
		}
		if d > 255 || s[i] != end {
			return netip.Addr{}, -1
		}
		v = v<<8 | d
		i++
	}
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}), i
}

// address6At reads an IPv6 address without a zone and the blank behind it.
func address6At(s string, i int) (netip.Addr, int) {
	end := i
	for end < len(s) && isAddressStart[s[end]] {
		end++
	}
	if end == len(s) || s[end] != ' ' {
		return netip.Addr{}, -1
	}
	a, err := netip.ParseAddr(s[i:end])
	if err != nil {
		return netip.Addr{}, -1
	}
	return a.Unmap(), end + 1
}

// number reads a decimal number of at most most.
func number(s string, i int, most uint32) (uint32, int) {
	n, start := uint64(0), i
	for i < len(s) && s[i]-'0' <= 9 {
		n = n*10 + uint64(s[i]-'0')
		i++
	}
	if i == start || i-start > 10 || n > uint64(most) {
		return 0, -1
	}
	return uint32(n), i
}

// flagOf is the flag that a letter stands for.
var flagOf = [256]event.TCPFlags{
	'S': event.SYN, 'A': event.ACK, 'F': event.FIN, 'R': event.RST, 'P': event.PSH, 'U': event.URG, 'E': event.ECE, 'C': event.CWR,
}
