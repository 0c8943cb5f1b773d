// Package scan reads the values that log lines are made of: addresses, numbers, names of protocols. It allocates
// nothing, and what is not wholly such a value is none.
package scan

import (
	"math"
	"net/netip"
	"strings"

	"mailstop/event"
)

// Addr returns the address that s is, in any spelling that netip.ParseAddr takes. A zone is left out, and an IPv4 address
// mapped into IPv6 is that IPv4 address.
func Addr(s string) (netip.Addr, bool) {
	if a, ok := addr4(s); ok {
		return a, true
	}
	// netip.ParseAddr allocates its errors: what is plainly no address is kept away from it.
	if len(s) < 2 || len(s) > 64 {
		return netip.Addr{}, false
	}
	s, _, _ = strings.Cut(s, "%")
	colons := 0
	for i := range len(s) {
		c := s[i]
		if c == ':' {
			colons++
		} else if c-'0' > 9 && c|0x20-'a' > 5 && c != '.' {
			return netip.Addr{}, false
		}
	}
	if colons < 2 || colons > 8 {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap(), err == nil
}

// addr4 reads a dotted address. Leading zeros are refused, as netip does: some read them as octal.
func addr4(s string) (netip.Addr, bool) {
	var a [4]byte
	if len(s) < 7 || len(s) > 15 {
		return netip.Addr{}, false
	}
	at := 0
	for n := range a {
		if n > 0 {
			if at >= len(s) || s[at] != '.' {
				return netip.Addr{}, false
			}
			at++
		}
		v, from := 0, at
		for at < len(s) && at < from+3 && s[at]-'0' <= 9 {
			v = v*10 + int(s[at]-'0')
			at++
		}
		if at == from || v > 255 || s[from] == '0' && at > from+1 {
			return netip.Addr{}, false
		}
		a[n] = byte(v)
	}
	return netip.AddrFrom4(a), at == len(s)
}

// Uint returns the decimal number that s is, if it is not above limit.
func Uint(s string, limit uint64) (uint64, bool) {
	if s == "" || len(s) > 19 {
		return 0, false
	}
	n := uint64(0)
	for i := range len(s) {
		d := s[i] - '0'
		if d > 9 {
			return 0, false
		}
		n = n*10 + uint64(d)
	}
	return n, n <= limit
}

// Digits returns how many decimal digits s starts with.
func Digits(s string) int {
	n := 0
	for n < len(s) && s[n]-'0' <= 9 {
		n++
	}
	return n
}

// longestProto is the length of the longest name in event.ProtoName.
const longestProto = 15

// Proto returns the protocol that s is the number or, in any case, the name of. It knows the names of event.ProtoNumber and
// those that firewalls write besides.
func Proto(s string) (uint8, bool) {
	switch s {
	case "TCP", "tcp", "6":
		return event.TCP, true
	case "UDP", "udp", "17":
		return event.UDP, true
	case "ICMP", "icmp", "1":
		return event.ICMP, true
	}
	if n, ok := Uint(s, math.MaxUint8); ok {
		return uint8(n), true
	}
	if s == "" || len(s) > longestProto {
		return 0, false
	}
	var lower [longestProto]byte
	for i := range len(s) {
		c := s[i]
		if c-'A' <= 25 {
			c |= 0x20
		}
		lower[i] = c
	}
	name := string(lower[:len(s)])
	switch name {
	case "icmp6", "icmpv6":
		return event.ICMPv6, true
	case "ip-in-ip":
		return 4, true
	case "ah4", "ah6":
		return 51, true
	}
	return event.ProtoNumber(name)
}

// HasPorts reports whether packets of a protocol have ports.
func HasPorts(proto uint8) bool {
	switch proto {
	case event.TCP, event.UDP, dccp, sctp, udplite:
		return true
	}
	return false
}

const (
	dccp    = 33
	sctp    = 132
	udplite = 136
)
