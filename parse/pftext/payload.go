package pftext

import (
	"strings"

	"mailstop/event"
	"mailstop/internal/pf"
	"mailstop/parse"
)

// payload reads what follows the addresses: which protocol it is, and what that has.
func (l *line) payload(s string, from, to endpoint) {
	e := l.e
	s, from, to, fragment := extensions(strings.TrimRight(s, " "), from, to)
	proto, rest, known := protocol(s, from.addr.Is6() || to.addr.Is6())
	switch {
	case known:
	case fragment || strings.HasPrefix(s, "(frag "):
		return
	case isPart(s):
		l.fail(parse.ErrTruncated)
		return
	case e.Is(event.HasProto):
		proto, rest = e.Proto, s
	case from.port != "" && to.port != "" && !strings.Contains(s, " win "):
		// TCP starts with its flags, SCTP and DCCP with their names. What is decoded without a name is of UDP.
		proto, rest = event.UDP, s
	case strings.Contains(s, "[|"):
		l.fail(errPacket)
		return
	case strings.Contains(s, " win "):
		l.fail(errFlags)
		return
	default:
		return
	}
	e.Proto, e.Has = proto, e.Has|event.HasProto
	cut := strings.HasPrefix(rest, "[|")
	switch proto {
	case event.TCP, event.UDP, sctp, udpLite, dccp:
		l.port(from.port, &e.SrcPort, event.HasSrcPort)
		l.port(to.port, &e.DstPort, event.HasDstPort)
		if proto == event.TCP && !cut && !fragment && rest != "" {
			l.tcp(rest)
		}
	case event.ICMP:
		l.icmp(rest, strings.HasSuffix(s[:len(s)-len(rest)], "ICMP "))
	case event.ICMPv6:
		l.icmp6(rest, strings.HasSuffix(s[:len(s)-len(rest)], "ICMP6, "))
	}
	if cut {
		l.fail(errPacket)
	}
	l.tail(rest)
}

const sctp, udpLite, dccp = 132, 136, 33

// extensions passes over IPv6's extension headers. Behind them the ports stand alone: "HBH 51234 > 25: Flags [S]".
func extensions(s string, from, to endpoint) (string, endpoint, endpoint, bool) {
	fragment, seen := false, false
	for {
		name, rest, ok := strings.Cut(s, " ")
		if !ok {
			break
		}
		switch name {
		case "HBH", "DSTOPT", "hbh", "dstopt":
			for strings.HasPrefix(rest, "(") { // options, with -v
				_, after, ok := strings.Cut(rest, ") ")
				if !ok {
					break
				}
				rest = after
			}
		case "srcrt", "frag":
			text, after, ok := strings.Cut(rest, ")")
			if !ok {
				return s, from, to, fragment
			}
			if name == "frag" && !strings.HasPrefix(text, "(0|") && !strings.Contains(text, ":0|") {
				fragment = true
			}
			rest = after
		default:
			if !seen {
				return s, from, to, fragment
			}
			src, after, ok := strings.Cut(s, " > ")
			dst, after, ok2 := strings.Cut(after, ": ")
			if ok && ok2 && strings.IndexByte(src, ' ') < 0 && strings.IndexByte(dst, ' ') < 0 {
				if strings.IndexByte(dst, ':') >= 0 { // SCTP repeats the addresses
					return after, endpointOf(src), endpointOf(dst), fragment
				}
				from.port, to.port = src, dst
				return after, from, to, fragment
			}
			return s, from, to, fragment
		}
		s, seen = strings.TrimLeft(rest, " "), true
	}
	return s, from, to, fragment
}

// protocol returns the protocol that s starts with the words of, and what follows them.
func protocol(s string, v6 bool) (proto uint8, rest string, ok bool) {
	for strings.HasPrefix(s, "[") && !strings.HasPrefix(s, "[|") { // "[tcp sum ok] ", "[bad udp cksum 0x1 -> 0x2!] "
		sum, after, ok := strings.Cut(s, "] ")
		if !ok {
			break
		}
		if s = after; strings.Contains(sum, "udp") || sum == "[no cksum" {
			return event.UDP, s, true
		}
	}
	switch {
	case strings.HasPrefix(s, "Flags ["), strings.HasPrefix(s, "[|tcp]"), oldFlags(s) > 0:
		return event.TCP, s, true
	case strings.HasPrefix(s, "ICMP6, "):
		return event.ICMPv6, s[len("ICMP6, "):], true
	case strings.HasPrefix(s, "icmp6: "):
		return event.ICMPv6, s[len("icmp6: "):], true
	case strings.HasPrefix(s, "ICMP "):
		return event.ICMP, s[len("ICMP "):], true
	case strings.HasPrefix(s, "icmp: "):
		return event.ICMP, s[len("icmp: "):], true
	}
	if rest, ok := strings.CutPrefix(s, "ip-proto-"); ok {
		n := 0
		for n < len(rest) && rest[n]-'0' <= 9 {
			n++
		}
		v, ok := pf.Number(rest[:n])
		return uint8(v), rest[n:], ok && v <= 255
	}
	if size, ok := strings.CutPrefix(s, "tcp "); ok && size != "" && size[0]-'0' <= 9 {
		return event.TCP, "", true // with -q there is only the payload's length
	}
	for _, w := range words {
		if strings.HasPrefix(s, w.text) {
			return w.proto, s, true
		}
	}
	// Fragments but the first are not decoded: they have the protocol's name.
	name, _, _ := strings.Cut(s, " (frag ")
	if v, ok := event.ProtoNumber(name); ok && !v6 {
		return v, "", true
	}
	return 0, s, false
}

// words are what printers of other protocols start with.
var words = [...]struct {
	text  string
	proto uint8
}{
	{"UDP, ", event.UDP},
	{"udp ", event.UDP},
	{"[|udp]", event.UDP},
	{"[|icmp]", event.ICMP},
	{"[|icmp6]", event.ICMPv6},
	{"igmp", 2},
	{"IP6 ", 41},
	{"IP ", 4},
	{"GREv", 47},
	{"gre ", 47},
	{"ESP(", 50},
	{"esp ", 50},
	{"AH(", 51},
	{"ah ", 51},
	{"EIGRP", 88},
	{"OSPFv", 89},
	{"PIMv", 103},
	{"pim ", 103},
	{"VRRPv", 112},
	{"CARPv", 112},
	{"carp ", 112},
	{"sctp ", sctp},
	{"SCTP", sctp},
	{"DCCP", dccp},
	{"UDPLITE", udpLite},
}

// isPart reports whether s is the start of what tells the protocol: the line was cut there.
func isPart(s string) bool {
	for _, w := range starts {
		if len(s) < len(w) && strings.HasPrefix(w, s) {
			return true
		}
	}
	for _, w := range words {
		if len(s) < len(w.text) && strings.HasPrefix(w.text, s) {
			return true
		}
	}
	n := oldLetters(s)
	if n == 0 {
		return false
	}
	rest := strings.TrimPrefix(s[n:], ",")
	if rest == "" {
		return true
	}
	for _, w := range [...]string{" ack ", " win ", " cksum "} {
		if len(rest) < len(w) && strings.HasPrefix(w, rest) {
			return true
		}
	}
	return false
}

var starts = [...]string{"Flags [", "ICMP6, ", "ICMP ", "icmp: ", "icmp6: ", "[|tcp]", "tcp ", "ip-proto-"}
