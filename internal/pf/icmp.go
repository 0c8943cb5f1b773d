package pf

import (
	"strings"

	"mailstop/event"
)

// SetICMP reads a message in tcpdump's words, such as "host 192.0.2.1 unreachable - admin prohibited", which filterlog of
// pfSense writes as well. What the words do not tell stays absent. False means that they are no known ones.
//
// Sources: print-icmp.c of tcpdump, of OpenBSD's tcpdump and of filterlog.
func SetICMP(e *event.Entry, text string) bool {
	typ, code := icmp4(text)
	return set(e, typ, code)
}

// SetICMP6 does the same for ICMPv6.
//
// Sources: print-icmp6.c of tcpdump and of OpenBSD's tcpdump.
func SetICMP6(e *event.Entry, text string) bool {
	typ, code := icmp6(text)
	return set(e, typ, code)
}

// unsaid is a type or code that the words do not tell.
const unsaid = -1

func set(e *event.Entry, typ, code int) bool {
	if typ == unsaid {
		return false
	}
	e.ICMPType = uint8(typ)
	e.Has |= event.HasICMPType
	if code != unsaid {
		e.ICMPCode = uint8(code)
		e.Has |= event.HasICMPCode
	}
	return true
}

func icmp4(s string) (typ, code int) {
	for _, w := range icmpWords {
		if strings.HasPrefix(s, w.text) {
			return w.typ, w.code
		}
	}
	switch {
	case strings.HasPrefix(s, "redirect"):
		return 5, redirect(s)
	case strings.HasPrefix(s, "parameter problem"):
		if strings.Contains(s, "octet") {
			return 12, 0
		}
		return 12, unsaid
	case strings.Contains(s, " unreachable"):
		return 3, unreachable(s)
	}
	return unsaid, unsaid
}

// icmpWords are the messages that are one fixed text.
var icmpWords = [...]struct {
	text      string
	typ, code int
}{
	{"echo request", 8, unsaid},
	{"echo reply", 0, unsaid},
	{"time exceeded in-transit", 11, 0},
	{"ip reassembly time exceeded", 11, 1},
	{"time exceeded", 11, unsaid},
	{"source quench", 4, unsaid},
	{"router advertisement", 9, unsaid},
	{"router solicitation", 10, unsaid},
	{"time stamp query", 13, unsaid},
	{"time stamp request", 13, unsaid},
	{"time stamp reply", 14, unsaid},
	{"information request", 15, unsaid},
	{"information reply", 16, unsaid},
	{"address mask request", 17, unsaid},
	{"address mask is", 18, unsaid},
}

func redirect(s string) int {
	tos := strings.HasPrefix(s, "redirect-tos ")
	if !tos && !strings.HasPrefix(s, "redirect ") {
		return unsaid // "redirect-??", or cut
	}
	code := unsaid
	switch {
	case strings.Contains(s, " to net "):
		code = 0
	case strings.Contains(s, " to host "):
		code = 1
	}
	if tos && code != unsaid {
		code += 2
	}
	return code
}

// unreachable tells codes apart that begin alike: "host 192.0.2.1 unreachable" is one, with " - admin prohibited" behind
// it another, with " filter" behind that a third.
func unreachable(s string) int {
	head, tail, _ := strings.Cut(s, " unreachable")
	tail = strings.TrimPrefix(tail, " - ")
	net, host := strings.HasPrefix(head, "net "), strings.HasPrefix(head, "host ")
	for _, w := range unreachableWords {
		if !strings.HasPrefix(tail, w.text) {
			continue
		}
		if net && w.net != unsaid {
			return w.net
		}
		return w.host
	}
	switch {
	case strings.Contains(head, " port "):
		return 3
	case strings.Contains(head, " protocol "):
		return 2
	case net:
		return 0
	case host:
		return 1
	}
	return unsaid
}

var unreachableWords = [...]struct {
	text      string
	net, host int
}{
	{"need to frag", unsaid, 4},
	{"source route failed", unsaid, 5},
	{"source host isolated", unsaid, 8},
	{"unknown", 6, 7},
	{"admin prohibited filter", 13, 13},
	{"admin prohibited", 9, 10},
	{"tos prohibited", 11, 12},
	{"host precedence violation", unsaid, 14},
	{"precedence cutoff", unsaid, 15},
}

func icmp6(s string) (typ, code int) {
	// Two messages start alike, and one may be cut.
	if rest, ok := strings.CutPrefix(s, "multicast listener report"); ok {
		switch {
		case strings.HasPrefix(rest, " v2"):
			return 143, unsaid
		case strings.Contains(rest, "max resp"):
			return 131, unsaid
		}
		return unsaid, unsaid
	}
	for _, w := range icmp6Words {
		if strings.HasPrefix(s, w.text) {
			return w.typ, w.code
		}
	}
	return unsaid, unsaid
}

// icmp6Words has longer texts before those they begin with.
var icmp6Words = [...]struct {
	text      string
	typ, code int
}{
	{"echo request", 128, unsaid},
	{"echo reply", 129, unsaid},
	{"destination unreachable, unreachable route", 1, 0},
	{"destination unreachable, unreachable prohibited", 1, 1},
	{"destination unreachable, beyond scope", 1, 2},
	{"destination unreachable, unreachable address", 1, 3},
	{"destination unreachable, unreachable port", 1, 4},
	{"destination unreachable", 1, unsaid},
	{"packet too big", 2, unsaid},
	{"time exceeded in-transit", 3, 0},
	{"ip reassembly time exceeded", 3, 1},
	{"time exceeded", 3, unsaid},
	{"parameter problem", 4, unsaid},
	{"multicast listener query", 130, unsaid},
	{"multicast listener done", 132, unsaid},
	{"router solicitation", 133, unsaid},
	{"router advertisement", 134, unsaid},
	{"neighbor solicitation", 135, unsaid},
	{"neighbor sol", 135, unsaid},
	{"neighbor advertisement", 136, unsaid},
	{"neighbor adv", 136, unsaid},
	{"redirect", 137, unsaid},
	{"router renumbering", 138, unsaid},
}
