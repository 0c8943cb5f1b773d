package ciscoasa

import (
	"strings"

	"mailstop/event"
	"mailstop/internal/scan"
	"mailstop/parse"
)

// fromTo reads "… from A to B [flags SYN ACK] [on interface IF] [due to …]".
func fromTo(l *line, _ *parse.Record) {
	if l.first {
		word, _, _ := strings.Cut(l.text, " ")
		l.protocol(word)
	} else if _, rest, ok := strings.Cut(l.text, "Deny "); ok { // "Deny tcp reverse path check"
		word, _, _ := strings.Cut(rest, " ")
		l.protocol(word)
	}
	if !l.past(" from ") {
		l.Fail(parse.ErrTruncated)
		return
	}
	l.ends()
}

// ends reads "A to B" and what follows them.
func (l *line) ends() {
	from, ok := l.endpoint(scan.ErrSource)
	if !ok {
		return
	}
	if !l.past(" to ") {
		l.Fail(parse.ErrTruncated)
		return
	}
	l.sender(from)
	l.text = strings.TrimPrefix(l.text, "PAT address ")
	to, ok := l.endpoint(scan.ErrDestination)
	if !ok {
		return
	}
	l.receiver(to)
	l.tail()
	l.way()
}

// tail reads what may follow the receiver.
func (l *line) tail() {
	e := l.Entry
	if rest, ok := strings.CutPrefix(l.text, " flags "); ok {
		l.flags(rest)
	}
	if l.past(" on interface ") {
		word, _, _ := token(l.text)
		if e.IfaceIn == "" {
			e.IfaceIn = strings.TrimRight(word, ".")
		}
	} else if l.onInterface {
		l.Fail(parse.ErrTruncated)
	}
	if l.why != "" && l.past(l.why) {
		e.Reason = strings.Trim(l.text, " .")
	}
}

// flags reads "SYN ACK  on interface outside".
func (l *line) flags(s string) {
	e := l.Entry
	for s != "" {
		word, rest, more := strings.Cut(s, " ")
		if !more { // a list that is cut looks like another one
			l.Fail(parse.ErrTruncated)
			e.TCPFlags, e.Has = 0, e.Has&^event.HasTCPFlags
			return
		}
		f, ok := flagNames[word]
		if !ok && word != "" {
			return
		}
		e.TCPFlags |= f
		e.Has |= event.HasTCPFlags
		s = rest
	}
}

var flagNames = map[string]event.TCPFlags{
	"SYN": event.SYN, "ACK": event.ACK, "FIN": event.FIN, "RST": event.RST, "PSH": event.PSH, "URG": event.URG, "ECE": event.ECE,
	"CWR": event.CWR,
}

// srcDst reads "… tcp src A dst B [(type 8, code 0)] [by access-group "NAME" [0x0, 0x0]]". The oldest messages write dest.
func srcDst(l *line, _ *parse.Record) {
	i := strings.Index(l.text, " src ")
	if i < 0 {
		l.Fail(parse.ErrTruncated)
		return
	}
	before := l.text[:i]
	if l.first {
		before, _, _ = strings.Cut(before, " ")
	}
	l.protocol(before[strings.LastIndexByte(before, ' ')+1:])
	l.text = l.text[i+len(" src "):]
	from, ok := l.endpoint(scan.ErrSource)
	if !ok {
		return
	}
	if !l.past(" dst ") && !l.past(" dest ") {
		l.Fail(parse.ErrTruncated)
		return
	}
	l.sender(from)
	to, ok := l.endpoint(scan.ErrDestination)
	if !ok {
		return
	}
	l.receiver(to)
	l.way()
	l.typeCode()
	if l.tag.id != 106023 {
		return
	}
	if !l.past("access-group ") && !l.past("access_group ") {
		l.Fail(parse.ErrTruncated)
		return
	}
	if name, ok := strings.CutPrefix(l.text, `"`); ok {
		if name, _, ok = strings.Cut(name, `"`); !ok {
			l.Fail(parse.ErrTruncated)
			return
		}
		l.Entry.Rule = name
		return
	}
	l.Entry.Rule, _, _ = strings.Cut(l.text, " ")
}

// typeCode takes "(type 8, code 0)" off, if it is next.
func (l *line) typeCode() {
	s, ok := strings.CutPrefix(strings.TrimLeft(l.text, " "), "(type ")
	if !ok {
		return
	}
	inside, rest, ok := strings.Cut(s, ")")
	if !ok {
		l.Fail(parse.ErrTruncated)
		return
	}
	typ, code, _ := strings.Cut(inside, ", code ")
	l.ICMP(typ, code)
	l.text = rest
}

// accessList reads "access-list NAME denied tcp IF/A(port) -> IF/B(port) hit-cnt 3 300-second interval [0x0, 0x0]". For
// ICMP the ports are type and code.
func accessList(l *line, _ *parse.Record) {
	if !l.past("access-list ") {
		l.Fail(parse.ErrTruncated)
		return
	}
	e := l.Entry
	name, rest, _ := strings.Cut(l.text, " ")
	verdict, rest, more := strings.Cut(rest, " ")
	if !more {
		l.Fail(parse.ErrTruncated)
		return
	}
	e.Rule = name
	switch verdict {
	case "permitted", "est-allowed":
		l.Verdict(event.Allow, event.VerdictField)
	case "denied":
		l.Verdict(event.Deny, event.VerdictField)
	default:
		l.Fail(errVerdict)
	}
	proto, rest, more := strings.Cut(rest, " ")
	if more {
		l.protocol(proto)
	}
	if user, ok := strings.CutPrefix(rest, "for user "); ok { // 106102, 106103
		_, rest, _ = strings.Cut(user, " ")
	}
	from, rest, ok := l.listEndpoint(rest, scan.ErrSource)
	if !ok {
		return
	}
	_, rest, _ = strings.Cut(rest, "-> ")
	to, rest, ok := l.listEndpoint(rest, scan.ErrDestination)
	if e.Proto == event.ICMP || e.Proto == event.ICMPv6 {
		l.ICMP(number(from.port), number(to.port))
		from.port, to.port = "", ""
	}
	l.sender(from)
	if !ok {
		return
	}
	l.receiver(to)
	l.way()
	_, rest, ok = strings.Cut(rest, "hit-cnt ")
	hits, _, more := strings.Cut(rest, " ")
	if !ok || !more {
		l.Fail(parse.ErrTruncated)
		return
	}
	l.Packets(hits)
}

// listEndpoint takes "IF/A(port)" off s.
func (l *line) listEndpoint(s string, wrong error) (ep endpoint, rest string, ok bool) {
	iface, s, ok := strings.Cut(strings.TrimLeft(s, " "), "/")
	open := strings.IndexByte(s, '(')
	end := strings.IndexByte(s, ')')
	if !ok || open < 0 || end < open {
		l.Fail(parse.ErrTruncated)
		return ep, "", false
	}
	ep.iface, ep.port = iface, s[open+1:end]
	var found bool
	if ep.addr, found = scan.Addr(s[:open]); !found && strings.Trim(s[:open], "0123456789.:") == "" {
		l.Fail(wrong)
	}
	return ep, skipGroups(s[end+1:]), true
}

// shunned reads "Shunned packet: A ==> B on interface IF".
func shunned(l *line, _ *parse.Record) {
	if !l.past(": ") {
		l.Fail(parse.ErrTruncated)
		return
	}
	from, ok := l.endpoint(scan.ErrSource)
	if !ok || !l.past(" ==> ") {
		l.Fail(parse.ErrTruncated)
		return
	}
	l.sender(from)
	if to, ok := l.endpoint(scan.ErrDestination); ok {
		l.receiver(to)
		l.tail()
	}
}

// deniedICMP reads "Denied ICMP type=8, code=0 from A on interface IF" and, with "to B: no matching session", 313004.
func deniedICMP(l *line, _ *parse.Record) {
	if l.past("type=") {
		typ, rest, _ := strings.Cut(l.text, ",")
		code, _, more := strings.Cut(strings.TrimPrefix(rest, " code="), " ")
		if !more || !strings.HasPrefix(rest, " code=") {
			code = ""
		}
		if more {
			l.ICMP(number(typ), number(code))
		}
	}
	if !l.past("from ") {
		l.Fail(parse.ErrTruncated)
		return
	}
	l.text = strings.TrimPrefix(l.text, "laddr ")
	from, ok := l.endpoint(scan.ErrSource)
	if !ok || !l.past(" on interface ") {
		l.Fail(parse.ErrTruncated)
		return
	}
	l.sender(from)
	word, rest, _ := token(l.text)
	l.Entry.IfaceIn = word
	l.Entry.Direction = l.direction
	if l.text = rest; l.past(" to ") {
		if to, ok := l.endpoint(scan.ErrDestination); ok {
			l.follows = true
			l.receiver(to)
		}
	}
}
