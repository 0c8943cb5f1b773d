package pftext

import (
	"net/netip"
	"strings"

	"mailstop/event"
	"mailstop/internal/pf"
	"mailstop/parse"
)

// packet reads "203.0.113.9.51234 > 192.0.2.25.25: Flags [S], …", before which -v puts what the IP header has.
func (l *line) packet(s string) {
	if rest, ok := strings.CutPrefix(s, "truncated-ip"); ok { // or truncated-ip6
		if _, rest, ok = strings.Cut(rest, "missing!"); ok {
			s = strings.TrimLeft(rest, " ")
		}
	}
	if i := strings.IndexByte(s, '('); i == 0 || i > 0 && (s[:i] == "IP " || s[:i] == "IP6 ") {
		var ok bool
		if s, ok = l.details(s[i:]); !ok {
			return
		}
	}
	src, rest, ok := strings.Cut(s, " > ")
	if !ok {
		if strings.Contains(s, "[|") || strings.Contains(s, "bad-") || strings.Contains(s, "bad hdr") {
			l.fail(errPacket)
		}
		l.fail(parse.ErrTruncated)
		return
	}
	src = src[strings.LastIndexByte(src, ' ')+1:] // behind "IP " or "IP6 "
	end := strings.IndexByte(rest, ' ')
	if end < 0 {
		end = len(rest)
	}
	dst, more := rest[:end], strings.TrimLeft(rest[end:], " ")
	// A colon ends it, but an address of IPv6 that is cut can end in one, too.
	if end == len(rest) && (!strings.HasSuffix(dst, ":") || strings.Count(dst, ":") > 1) {
		l.fail(parse.ErrTruncated)
		dst = ""
	}
	from, to := endpointOf(src), endpointOf(strings.TrimSuffix(dst, ":"))
	l.e.Src, l.e.Dst = from.addr, to.addr
	if from.wrong || to.wrong {
		l.fail(errAddr)
	}
	if end < len(rest) || dst != "" {
		l.payload(more, from, to)
	}
}

// An endpoint is "203.0.113.9.51234", "2001:db8::9.51234", an address alone, or names: "mx1.example.com.smtp".
type endpoint struct {
	addr  netip.Addr
	port  string // what follows the last dot, if anything can be a port
	wrong bool   // it is neither an address nor a name
}

// endpointOf splits at the last dot what has more dots than an address, and names, whose last label is no number of its own.
func endpointOf(s string) (p endpoint) {
	v6 := strings.IndexByte(s, ':') >= 0
	whole := 3
	if i := strings.LastIndexByte(s, ':'); v6 && strings.Count(s[i:], ".") < whole {
		whole = 0 // else an address of IPv4 is at its end
	}
	isName := !v6 && strings.Trim(s, ".0123456789") != ""
	host := s
	if i := strings.LastIndexByte(s, '.'); i >= 0 && (isName || strings.Count(s, ".") > whole) {
		host, p.port = s[:i], s[i+1:]
	}
	var ok bool
	p.addr, ok = pf.Addr(host)
	p.wrong = !ok && s != "" && (v6 || strings.Trim(host, ".0123456789") == "")
	return p
}

// details reads what -v tells of the IP header: "(tos 0x0, ttl 51, id 40221, offset 0, flags [DF], proto TCP (6), length 60)",
// or "(hlim 57, next-header TCP (6) payload length: 40)". It returns what follows, which tcpdump puts on the next line.
func (l *line) details(s string) (rest string, ok bool) {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				l.verbose = true
				l.header(s[1:i])
				return strings.TrimLeft(s[i+1:], " "), true
			}
		}
	}
	l.fail(parse.ErrTruncated)
	return "", false
}

// header reads the text between -v's parentheses.
func (l *line) header(s string) {
	e := l.e
	if v, ok := valueOf(s, "ttl "); ok {
		l.ttl(v)
	} else if v, ok := valueOf(s, "hlim "); ok {
		l.ttl(v)
	}
	if v, ok := valueOf(s, "payload length: "); ok {
		l.length(v, headerV6)
	} else if v, ok := valueOf(s, "length "); ok {
		l.length(v, 0)
	} else if v, ok := valueOf(s, "length: "); ok {
		l.length(v, 0)
	}
	for _, key := range [...]string{"proto ", "proto: ", "next-header "} {
		_, name, ok := strings.Cut(s, key)
		if !ok {
			continue
		}
		// "proto TCP (6)", "next-header Options (0)".
		if _, number, ok := strings.Cut(name, "("); ok {
			number, _, _ = strings.Cut(number, ")")
			if v, ok := pf.Number(number); ok && v <= 255 && !isExtension(v) {
				e.Proto, e.Has = uint8(v), e.Has|event.HasProto
			}
		}
		return
	}
}

// headerV6 is the length of IPv6's header, which its own length leaves out.
const headerV6 = 40

// isExtension reports whether a protocol number is that of a header between IPv6's and the payload's.
func isExtension(v uint32) bool { return v == 0 || v == 43 || v == 44 || v == 60 }

// valueOf returns the digits behind key, if they end before s does or with a known end.
func valueOf(s, key string) (string, bool) {
	_, s, ok := strings.Cut(s, key)
	if !ok {
		return "", false
	}
	n := 0
	for n < len(s) && s[n]-'0' <= 9 {
		n++
	}
	return s[:n], n > 0
}

func (l *line) ttl(text string) {
	v, ok := pf.Number(text)
	if !ok || v > 255 {
		l.fail(errNumber)
		return
	}
	l.e.TTL, l.e.Has = uint8(v), l.e.Has|event.HasTTL
}

func (l *line) length(text string, more uint32) {
	v, ok := pf.Number(text)
	if !ok || v > 0xffff {
		l.fail(errNumber)
		return
	}
	l.e.Length, l.e.Has = v+more, l.e.Has|event.HasLength
}

// tail reads what OpenBSD and old versions put behind the packet with -v: "(ttl 42, id 1076, len 44)" or "(len 40, hlim 64)".
func (l *line) tail(s string) {
	if l.e.Is(event.HasTTL) || !strings.HasSuffix(s, ")") {
		return
	}
	text := s[strings.LastIndexByte(s, '(')+1 : len(s)-1]
	more := uint32(headerV6)
	switch {
	case strings.HasPrefix(text, "ttl "):
		more = 0
	case !strings.HasPrefix(text, "len ") && !strings.HasPrefix(text, "hlim "):
		return
	}
	if v, ok := valueOf(text, "ttl "); ok {
		l.ttl(v)
	} else if v, ok := valueOf(text, "hlim "); ok {
		l.ttl(v)
	}
	if v, ok := valueOf(text, "len "); ok {
		l.length(v, more)
	}
}

// port reads a port's number, or the name that IANA gave it; other names are as absent as names of hosts.
func (l *line) port(text string, port *uint16, has event.Has) {
	if text == "" {
		return
	}
	v, ok := pf.Number(text)
	if !ok {
		if isDigits(text) {
			l.fail(errPort)
			return
		}
		if v, ok = service(text); !ok {
			return
		}
	}
	if v > 0xffff {
		l.fail(errPort)
		return
	}
	*port = uint16(v)
	l.e.Has |= has
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i]-'0' > 9 {
			return false
		}
	}
	return s != ""
}

// service returns the port of a service of mail, or of those that mail needs, by its names in /etc/services of the BSDs and
// of Linux.
func service(name string) (uint32, bool) {
	switch name {
	case "smtp", "mail":
		return 25, true
	case "smtps", "submissions", "urd", "ssmtp":
		return 465, true
	case "submission":
		return 587, true
	case "pop3", "pop-3":
		return 110, true
	case "imap", "imap2":
		return 143, true
	case "imaps":
		return 993, true
	case "pop3s":
		return 995, true
	case "domain":
		return 53, true
	}
	return 0, false
}
