// Package pf holds what the formats of OpenBSD's packet filter share: its words for actions and directions, and how its
// printers write addresses and ICMP. It reads no log.
//
// Sources: sys/net/pfvar.h of OpenBSD and FreeBSD, print-pflog.c of tcpdump.
package pf

import (
	"net/netip"
	"strings"

	"mailstop/event"
)

// Action returns what a word for an action means, and whether it is one.
//
// A rule with "return" is logged as "block" as one without is: which way a packet was blocked is not known.
func Action(word string) (event.Action, bool) {
	switch word {
	case "pass":
		return event.Allow, true
	case "block":
		return event.Deny, true
	case "synproxy-drop":
		return event.Drop, true
	case "nat", "binat", "rdr", "nat64 (Darwin)":
		return event.NAT, true
	case "match", "scrub", "noscrub", "no-scrub", "nonat", "nobinat", "nordr", "defer", "divert", "rt", "afrt", "af-rt",
		"dummynet (Darwin)", "nodummynet (Darwin)", "nonat64 (Darwin)":
		return event.Observe, true
	}
	return event.ActionUnknown, false
}

// SetAction makes word the verdict of e. A word that is none leaves it unknown, and no word is a field then.
func SetAction(e *event.Entry, word string) bool {
	action, ok := Action(word)
	if ok {
		e.Action, e.Verdict = action, event.VerdictField
	}
	return ok
}

// SetDirection makes word, "in" or "out", the direction of e, and iface the interface on that side. The direction is
// that of the packet at this interface: one that is forwarded can be logged as both. "in/out" says neither.
func SetDirection(e *event.Entry, word, iface string) bool {
	switch word {
	case "in":
		e.Direction, e.IfaceIn = event.In, iface
	case "out":
		e.Direction, e.IfaceOut = event.Out, iface
	case "fwd":
		e.Direction, e.IfaceOut = event.Forward, iface
	case "in/out":
	default:
		return false
	}
	return true
}

// Reasons are the words for why a packet was logged, by their codes; those behind them differ between systems. Only "match"
// says that a rule decided.
var Reasons = [...]string{
	"match", "bad-offset", "fragment", "short", "normalize", "memory", "bad-timestamp", "congestion", "ip-option", "proto-cksum",
	"state-mismatch", "state-insert", "state-limit", "src-limit", "synproxy",
}

// NoRule is the rule number of a packet that no rule matched.
const NoRule = "4294967295"

// Addr reads all of s as an address: a zone is dropped, and what is mapped into IPv6 is IPv4.
func Addr(s string) (netip.Addr, bool) {
	if v, n := IP4(s); n == len(s) && n > 0 {
		return v, true
	}
	if i := strings.IndexByte(s, '%'); i > 0 && i < len(s)-1 {
		s = s[:i]
	}
	if a, ok := ip6(s); ok {
		return a.Unmap(), true
	}
	// What is plainly no address stays away from netip.ParseAddr, which allocates its errors.
	if len(s) > 64 || strings.IndexByte(s, ':') < 0 || strings.IndexByte(s, '.') < 0 {
		return netip.Addr{}, false
	}
	for i := range len(s) {
		if c := s[i]; hexValue[c] > 15 && c != ':' && c != '.' {
			return netip.Addr{}, false
		}
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap(), err == nil
}

// ip6 reads an address of IPv6 without dots.
func ip6(s string) (netip.Addr, bool) {
	var a [16]byte
	n, gap, i := 0, -1, 0
	if strings.HasPrefix(s, "::") {
		gap, i = 0, 2
	}
	for i < len(s) {
		v, from := uint32(0), i
		for i < len(s) && hexValue[s[i]] < 16 {
			v = v<<4 | uint32(hexValue[s[i]])
			i++
		}
		if i == from || i > from+4 || n == 16 {
			return netip.Addr{}, false
		}
		a[n], a[n+1] = byte(v>>8), byte(v)
		n += 2
		if i == len(s) {
			break
		}
		if i++; s[i-1] != ':' || i == len(s) {
			return netip.Addr{}, false
		}
		if s[i] == ':' {
			if i++; gap >= 0 {
				return netip.Addr{}, false
			}
			gap = n
		}
	}
	switch {
	case gap < 0 && n < 16, gap >= 0 && n == 16:
		return netip.Addr{}, false
	case gap >= 0:
		copy(a[16-(n-gap):], a[gap:n])
		clear(a[gap : 16-(n-gap)])
	}
	return netip.AddrFrom16(a), true
}

var hexValue = func() (t [256]uint8) {
	for i := range t {
		t[i] = 255
	}
	for i := range 10 {
		t['0'+i] = uint8(i)
	}
	for i := range 6 {
		t['a'+i], t['A'+i] = uint8(10+i), uint8(10+i)
	}
	return t
}()

// IP4 reads the dotted address that s starts with and returns its length, 0 if there is none. Leading zeros are refused,
// since some read them as octal.
func IP4(s string) (netip.Addr, int) {
	var a [4]byte
	i := 0
	for n := range a {
		if n > 0 {
			if i >= len(s) || s[i] != '.' {
				return netip.Addr{}, 0
			}
			i++
		}
		v, from := uint32(0), i
		for i < len(s) && i < from+4 && s[i]-'0' <= 9 {
			v = v*10 + uint32(s[i]-'0')
			i++
		}
		if i == from || v > 255 || i-from > 1 && s[from] == '0' {
			return netip.Addr{}, 0
		}
		a[n] = byte(v)
	}
	return netip.AddrFrom4(a), i
}

// Number reads all of s as a decimal number of at most 32 bits.
func Number(s string) (uint32, bool) {
	if s == "" || len(s) > 10 {
		return 0, false
	}
	v := uint64(0)
	for i := range len(s) {
		d := s[i] - '0'
		if d > 9 {
			return 0, false
		}
		v = v*10 + uint64(d)
	}
	return uint32(v), v <= 1<<32-1
}
