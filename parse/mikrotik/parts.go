package mikrotik

import (
	"strings"

	"mailstop/event"
	"mailstop/internal/nftext"
	"mailstop/internal/scan"
	"mailstop/parse"
)

// parts reads what follows the interfaces: parts with a comma and a blank between them, the last of which is the length.
func parts(s string, f *scan.Fill) {
	var proto, endpoints, length bool
	for s != "" {
		end := partEnd(s)
		whole := end < len(s)
		part := s[:end]
		s = s[min(end+len(", "), len(s)):]
		if n, ok := strings.CutPrefix(part, "len "); ok {
			n, _, _ = strings.Cut(n, " ") // keys of CEF can follow
			readLength(n, f)
			length = true
			continue
		}
		if !whole {
			break // nothing but the length is last
		}
		switch {
		case strings.HasPrefix(part, "NAT "):
		case strings.Contains(part, "->") && !endpoints:
			readEndpoints(part, f)
			endpoints = true
		case !proto:
			proto = readProto(part, f)
		}
	}
	if !length || !endpoints || !proto {
		f.Fail(parse.ErrTruncated)
	}
}

// partEnd returns where the next ", " outside of parentheses is, or the length of s.
func partEnd(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth <= 0 && i+1 < len(s) && s[i+1] == ' ' {
				return i
			}
		}
	}
	return len(s)
}

func readLength(s string, f *scan.Fill) {
	n, ok := scan.Uint(s, 1<<32-1)
	if !ok {
		f.Fail(scan.ErrNumber)
		return
	}
	f.Entry.Length = uint32(n)
	f.Entry.Has |= event.HasLength
}

// readProto reads "proto TCP (SYN)", which the connection's state and the sender's MAC address can precede without a
// comma. Of bridges, the word proto is missing: "eth-proto 0800, UDP".
func readProto(s string, f *scan.Fill) bool {
	const key = "proto "
	if i := strings.Index(s, key); i == 0 || i > 0 && s[i-1] == ' ' {
		s = s[i+len(key):]
	} else if name, _, _ := strings.Cut(s, " "); !isProto(name) {
		return false
	}
	name, more, _ := strings.Cut(s, " (")
	f.Proto(alias(strings.TrimRight(name, " ")))
	more, whole := strings.CutSuffix(strings.TrimRight(more, " "), ")")
	switch {
	case !whole || !f.Entry.Is(event.HasProto):
	case f.Entry.Proto == event.TCP:
		readFlags(more, f)
	case strings.HasPrefix(more, "type "):
		typ, code, _ := strings.Cut(more[len("type "):], ", code ")
		f.ICMP(typ, code)
	}
	return true
}

func isProto(name string) bool {
	if name == "" || name[0]-'0' <= 9 {
		return false
	}
	_, ok := scan.Proto(alias(name))
	return ok
}

// alias returns the usual name of what RouterOS calls otherwise.
func alias(name string) string {
	switch {
	case strings.EqualFold(name, "ipsec-esp"):
		return "esp"
	case strings.EqualFold(name, "ipsec-ah"):
		return "ah"
	case strings.EqualFold(name, "ipencap"), strings.EqualFold(name, "ip-encap"):
		return "4"
	case strings.EqualFold(name, "ipv6-encap"):
		return "41"
	case strings.EqualFold(name, "udp-lite"):
		return "136"
	case strings.EqualFold(name, "icmpv6"):
		return "58"
	}
	return name
}

// readFlags reads "ACK,FIN".
func readFlags(s string, f *scan.Fill) {
	var flags event.TCPFlags
	for s != "" {
		var word string
		word, s, _ = strings.Cut(s, ",")
		flag := nftext.FlagByName(strings.Trim(word, " "))
		if flag == 0 {
			f.Fail(errFlags)
			return
		}
		flags |= flag
	}
	f.Entry.TCPFlags = flags
	f.Entry.Has |= event.HasTCPFlags
}

func readEndpoints(s string, f *scan.Fill) {
	src, dst, _ := strings.Cut(s, "->")
	// What has no comma before it, as after a protocol in some versions.
	src = src[strings.LastIndexByte(src, ' ')+1:]
	addr, port := endpoint(src)
	f.Src(addr)
	f.SrcPort(port)
	addr, port = endpoint(strings.TrimRight(dst, " "))
	f.Dst(addr)
	f.DstPort(port)
}

// endpoint divides "192.0.2.1:25", "[2001:db8::1]:25" and addresses without a port.
func endpoint(s string) (addr, port string) {
	if strings.HasPrefix(s, "[") {
		addr, port, _ = strings.Cut(s[1:], "]")
		return addr, strings.TrimPrefix(port, ":")
	}
	i := strings.IndexByte(s, ':')
	if i < 0 || strings.IndexByte(s[i+1:], ':') >= 0 {
		return s, ""
	}
	return s[:i], s[i+1:]
}
