package mailtext

import (
	"net/netip"
	"strings"
)

// Addr reads an address as mail servers write it: bare, in brackets, with "IPv6:" before it (RFC 5321), with a zone, which
// is removed, or as an IPv6 address that holds an IPv4 one, which is taken out. It returns the zero Addr if s is none.
func Addr(s string) netip.Addr {
	if a, ok := ipv4(s); ok { // nearly all
		return a
	}
	if len(s) >= 2 && s[0] == '[' && s[len(s)-1] == ']' {
		s = s[1 : len(s)-1]
	}
	if len(s) > 5 && s[4] == ':' && strings.EqualFold(s[:4], "ipv6") {
		s = s[5:]
	}
	if len(s) < 2 || len(s) > 64 || s[0] != ':' && s[0]-'0' > 9 && s[0]|0x20-'a' > 'f'-'a' {
		return netip.Addr{} // ParseAddr would allocate an error
	}
	if strings.IndexByte(s, '.') < 0 && strings.IndexByte(s, ':') < 0 {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return a.WithZone("").Unmap()
}

// ipv4 reads four numbers without leading zeros, of which some are octal to others.
func ipv4(s string) (netip.Addr, bool) {
	var a [4]byte
	part, digits, n := 0, 0, uint(0)
	for i := range len(s) {
		switch c := s[i]; {
		case c-'0' <= 9:
			if n = n*10 + uint(c-'0'); n > 255 || digits > 0 && n < 10 {
				return netip.Addr{}, false
			}
			digits++
		case c == '.' && digits > 0 && part < 3:
			a[part] = byte(n)
			part, digits, n = part+1, 0, 0
		default:
			return netip.Addr{}, false
		}
	}
	a[3] = byte(n)
	return netip.AddrFrom4(a), part == 3 && digits > 0
}

// Endpoint reads an address with a port behind it: "192.0.2.1:25" or "[2001:db8::1]:25". The port is 0 if there is none.
// False means that s is none, or that its port is not a number up to 65535.
func Endpoint(s string) (a netip.Addr, port uint16, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || s[0] == '[' && s[i-1] != ']' || s[0] != '[' && strings.IndexByte(s, ':') != i {
		a = Addr(s)
		return a, 0, a.IsValid()
	}
	a = Addr(s[:i])
	port, ok = Port(s[i+1:])
	return a, port, ok && a.IsValid()
}

// Port reads a port: digits alone, up to 65535.
func Port(s string) (uint16, bool) {
	n := 0
	for i := range len(s) {
		if s[i]-'0' > 9 || i > 5 {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	if s == "" || n > 65535 {
		return 0, false
	}
	return uint16(n), true
}

// Cut returns s without s[from:to].
func Cut(a *Arena, s string, from, to int) string {
	if from >= to {
		return s
	}
	b := append(a.room(len(s)), s[:from]...)
	return a.keep(append(b, s[to:]...))
}

// PID returns the process id that the header of a syslog line has: raw is the line, body what the layers left of it. It
// stands in brackets before the colon of the program, or behind the program as RFC 5424 has it.
func PID(raw, body, program string) (pid uint32, ok bool) {
	head, ok := strings.CutSuffix(strings.TrimRight(raw, "\r\n\x00"), body)
	if !ok {
		return 0, false
	}
	word := ""
	if s, ok := strings.CutSuffix(strings.TrimSuffix(head, " "), "]:"); ok {
		word = s[strings.LastIndexByte(s, '[')+1:]
	} else if i := strings.LastIndex(head, program); program != "" && i > 0 {
		word, _, _ = strings.Cut(strings.TrimPrefix(head[i+len(program):], " "), " ")
	}
	for i := range len(word) {
		if word[i]-'0' > 9 || i > 8 {
			return 0, false
		}
		pid = pid*10 + uint32(word[i]-'0')
	}
	return pid, word != ""
}
