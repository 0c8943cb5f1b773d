package ciscoasa

import (
	"net/netip"
	"strings"

	"mailstop/event"
	"mailstop/internal/scan"
	"mailstop/parse"
)

// A line is one message while it is read.
type line struct {
	scan.Fill
	tag
	message
	text string // behind the tag; its parts are taken off one after another
}

// An endpoint is one side of a packet, as far as the message says it.
type endpoint struct {
	iface string
	addr  netip.Addr
	port  string
	open  bool // the text ended with it
}

// identity is the interface that stands for the firewall itself.
const (
	identity   = "identity"
	npIdentity = "NP Identity Ifc"
)

// past takes the text as far as the end of word off, and reports whether it was there.
func (l *line) past(word string) bool {
	i := strings.Index(l.text, word)
	if i < 0 {
		return false
	}
	l.text = l.text[i+len(word):]
	return true
}

// endpoint takes "outside:203.0.113.9/51234 (203.0.113.9/51234)(DOMAIN\user)" off, without the interface, the port or what
// is in parentheses if it is not there.
func (l *line) endpoint(wrong error) (ep endpoint, ok bool) {
	s := strings.TrimLeft(l.text, " ")
	if strings.HasPrefix(s, npIdentity+":") {
		ep.iface, s = identity, s[len(npIdentity)+1:]
	}
	word, s, open := token(s)
	if word == "" {
		l.Fail(parse.ErrTruncated)
		return ep, false
	}
	if !open && isInterface(word) { // "outside: 203.0.113.9"
		ep.iface = word[:len(word)-1]
		if word, s, open = token(strings.TrimLeft(s, " ")); word == "" {
			l.Fail(parse.ErrTruncated)
			return ep, false
		}
	}
	word = strings.TrimRight(word, ":.")
	ep.open = open
	if i := strings.LastIndexByte(word, '/'); i >= 0 {
		word, ep.port = word[:i], word[i+1:]
	}
	l.address(&ep, word, wrong)
	l.text = skipGroups(s)
	return ep, true
}

// isInterface reports whether a word is the name of an interface with its colon, and not an address with one behind it.
func isInterface(word string) bool {
	if strings.IndexByte(word, ':') != len(word)-1 {
		return false
	}
	_, isAddr := scan.Addr(word[:len(word)-1])
	return !isAddr
}

// token takes a word off s: up to a blank, a parenthesis, a comma or a semicolon, or what a parenthesis holds. It is open
// if nothing follows.
func token(s string) (word, rest string, open bool) {
	if strings.HasPrefix(s, "(") {
		word, rest, _ = strings.Cut(s[1:], ")")
		return word, rest, rest == ""
	}
	i := strings.IndexAny(s, " (,;")
	if i < 0 {
		return s, "", true
	}
	return s[:i], s[i:], false
}

// address reads an address behind the name of an interface. A name in place of the address says nothing.
func (l *line) address(ep *endpoint, word string, wrong error) {
	a, ok := scan.Addr(word)
	if !ok {
		i := strings.IndexByte(word, ':')
		if i >= 0 && ep.iface == "" {
			ep.iface, word = word[:i], word[i+1:]
			a, ok = scan.Addr(word)
		}
	}
	switch {
	case ok:
		ep.addr = a
	case strings.Trim(word, "0123456789.:") == "":
		l.Fail(wrong)
	}
}

// skipGroups takes off what is in parentheses: translated addresses, users, security groups. Type and code of ICMP stay.
func skipGroups(s string) string {
	for {
		t := strings.TrimLeft(s, " ")
		if !strings.HasPrefix(t, "(") || strings.HasPrefix(t, "(type ") {
			return s
		}
		depth, end := 0, 0
		for i := range len(t) {
			if t[i] == '(' {
				depth++
			} else if t[i] == ')' {
				if depth--; depth == 0 {
					end = i + 1
					break
				}
			}
		}
		if end == 0 {
			return s
		}
		s = t[end:]
	}
}

// sender and receiver store an endpoint.
func (l *line) sender(ep endpoint) {
	l.Entry.Src = ep.addr
	l.Entry.IfaceIn = ep.iface
	if n, ok := servicePort(ep.port); ok {
		l.Entry.SrcPort = n
		l.Entry.Has |= event.HasSrcPort
		return
	}
	l.SrcPort(number(ep.port))
}

func (l *line) receiver(ep endpoint) {
	if ep.open && l.follows { // the end may be missing
		l.Fail(parse.ErrTruncated)
		return
	}
	l.Entry.Dst = ep.addr
	l.Entry.IfaceOut = ep.iface
	if n, ok := servicePort(ep.port); ok {
		l.Entry.DstPort = n
		l.Entry.Has |= event.HasDstPort
		return
	}
	l.DstPort(number(ep.port))
}

// number returns a port that could be a number; the name of one that is not known says nothing.
func number(port string) string {
	if port == "" || port[0]-'0' > 9 {
		return ""
	}
	return port
}

// way finds out the direction: what the message says, else by the interface that stands for the firewall itself.
func (l *line) way() {
	e := l.Entry
	switch e.Direction = l.direction; {
	case e.Direction == event.In && e.IfaceIn == "": // to the firewall itself: the receiver's interface is where it arrived
		e.IfaceIn, e.IfaceOut = e.IfaceOut, ""
	case e.IfaceOut == identity:
		e.Direction, e.IfaceOut = event.In, ""
	case e.IfaceIn == identity:
		e.Direction, e.IfaceIn = event.Out, ""
	case e.Direction == event.DirectionUnknown && e.IfaceIn != "" && e.IfaceOut != "":
		e.Direction = event.Forward
	}
}

// protocol stores a protocol that a word names; "IP" is none.
func (l *line) protocol(word string) {
	if l.proto != 0 {
		return
	}
	if n, ok := scan.Proto(word); ok {
		l.Entry.Proto = n
		l.Entry.Has |= event.HasProto
	}
}
