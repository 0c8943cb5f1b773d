package ciscoasa

import (
	"errors"
	"strings"

	"mailstop/event"
	"mailstop/internal/scan"
	"mailstop/parse"
)

var errVerdict = errors.New("verdict is not known")

// built reads "Built outbound TCP connection 4711 for A (mapped) to B (mapped) (user)". The order of A and B does not
// depend on the direction: A is on the interface of lower security, so that an outbound connection comes from B.
func built(l *line, _ *parse.Record) {
	outbound := strings.HasPrefix(l.text, "Built outbound")
	switch {
	case outbound:
		l.direction = event.Out
	case strings.HasPrefix(l.text, "Built inbound"):
		l.direction = event.In
	}
	a, b, ok := l.pair()
	if !ok {
		return
	}
	if outbound {
		a, b = b, a
	}
	l.sender(a)
	l.receiver(b)
	l.way()
}

// pair reads both ends of a connection.
func (l *line) pair() (a, b endpoint, ok bool) {
	if !l.past(" for ") && !l.past(" from ") {
		l.Fail(parse.ErrTruncated)
		return a, b, false
	}
	if a, ok = l.endpoint(scan.ErrSource); !ok {
		return a, b, false
	}
	if !l.past(" to ") {
		l.Fail(parse.ErrTruncated)
		return a, b, false
	}
	if b, ok = l.endpoint(scan.ErrDestination); !ok {
		return a, b, false
	}
	if b.open {
		l.Fail(parse.ErrTruncated)
		return a, b, false
	}
	return a, b, true
}

// teardown reads "Teardown TCP connection 4711 for A to B duration 0:00:30 bytes 0 SYN Timeout from dmz (user)". The message
// does not say who began. A service's port against one that is none tells: the client has the latter.
func teardown(l *line, _ *parse.Record) {
	a, b, ok := l.pair()
	if !ok {
		return
	}
	if isService(a.port) && !isService(b.port) && l.Entry.Proto != gre {
		a, b = b, a
	}
	l.sender(a)
	l.receiver(b)
	l.way()
	if !l.past(" bytes ") {
		l.Fail(parse.ErrTruncated)
		return
	}
	_, reason, _ := strings.Cut(l.text, " ")
	if i := strings.LastIndex(reason, " ("); i >= 0 && strings.HasSuffix(reason, ")") {
		reason = reason[:i]
	}
	if !strings.HasPrefix(reason, "(") {
		l.Entry.Reason = reason
	}
}

// isService reports whether a port is a well-known one.
func isService(port string) bool {
	n, ok := scan.Uint(port, 1023)
	return ok && n > 0
}

// icmpConnection reads "Built inbound ICMP connection for faddr F/seq gaddr G/type laddr L/type [type 8 code 0]". F is the
// foreign address, L the local one, and G what L is translated to.
func icmpConnection(l *line, _ *parse.Record) {
	outbound := strings.HasPrefix(l.text, "Built outbound")
	inbound := strings.HasPrefix(l.text, "Built inbound")
	if !l.past(" faddr ") {
		l.Fail(parse.ErrTruncated)
		return
	}
	foreign, ok := l.endpoint(scan.ErrSource)
	if !ok || !l.past(" laddr ") {
		l.Fail(parse.ErrTruncated)
		return
	}
	local, ok := l.endpoint(scan.ErrDestination)
	if !ok {
		return
	}
	if l.past(" type ") {
		typ, rest, more := strings.Cut(l.text, " code ")
		if !more {
			typ = ""
		}
		code, _, _ := strings.Cut(rest, " ")
		l.ICMP(typ, code)
	} else if local.open && local.port == "" { // old versions end here, but not in the midst of an address
		l.follows = true
	}
	foreign.port, local.port = "", ""
	switch {
	case outbound:
		l.direction = event.Out
		l.sender(local)
		l.receiver(foreign)
	case inbound:
		l.direction = event.In
		l.sender(foreign)
		l.receiver(local)
	default:
		l.sender(foreign)
		l.receiver(local)
	}
	l.way()
}

// connectionEvent reads what FTD writes at the begin (430002) and at the end (430003) of a connection: "Key: value" with
// commas between. The rule's action is told in both.
func connectionEvent(l *line, r *parse.Record) {
	e := l.Entry
	for s := l.text; s != ""; {
		key, value, rest, last := pairOf(s)
		s = rest
		if last && neverLast(key) {
			l.Fail(parse.ErrTruncated)
			break
		}
		switch key {
		case "AccessControlRuleAction":
			l.ruleAction(value)
		case "AccessControlRuleName":
			e.Rule = value
		case "ACPolicy":
			e.Ruleset = value
		case "AccessControlRuleReason":
			e.Reason = value
		case "InitiatorPackets":
			l.Packets(value)
		case "FirstPacketSecond":
			if st, n := parse.ScanDateTime(value); n == len(value) && st.Zoned {
				r.SetInnerTime(st)
			}
		default:
			l.common(key, value)
		}
	}
	l.way()
	if e.Verdict == event.VerdictNone {
		l.Fail(errVerdict)
	}
}

// neverLast reports whether other keys follow one, so that at the end of a line its value may be cut.
func neverLast(key string) bool {
	switch key {
	case "SrcIP", "DstIP", "SrcPort", "DstPort", "Protocol", "AccessControlRuleAction", "FirstPacketSecond":
		return true
	}
	return false
}

// pairOf takes "Key: value" off s.
func pairOf(s string) (key, value, rest string, last bool) {
	pair, rest, more := strings.Cut(s, ", ")
	key, value, _ = strings.Cut(pair, ":")
	return strings.TrimLeft(key, " "), strings.Trim(value, " "), rest, !more
}

// common stores what both kinds of events have.
func (l *line) common(key, value string) {
	e := l.Entry
	switch key {
	case "SrcIP":
		l.Src(value)
	case "DstIP":
		l.Dst(value)
	case "SrcPort":
		l.SrcPort(number(value))
	case "DstPort":
		l.DstPort(number(value))
	case "Protocol":
		l.protocol(value)
	case "IngressInterface":
		e.IfaceIn = value
	case "EgressInterface":
		e.IfaceOut = value
	case "ICMPType":
		l.ICMP(number(value), "")
	case "ICMPCode":
		l.ICMP("", number(value))
	}
}

func (l *line) ruleAction(word string) {
	switch word {
	case "Allow", "Trust", "Fastpath":
		l.Verdict(event.Allow, event.VerdictField)
	case "Block", "Interactive Block":
		l.Verdict(event.Deny, event.VerdictField)
	case "Block with reset", "Interactive Block with reset", "Block With Reset", "Interactive Block With Reset":
		l.Verdict(event.Reject, event.VerdictField)
	case "Monitor", "Analyze", "Rewrite":
		l.Verdict(event.Observe, event.VerdictField)
	}
}

// intrusion reads an intrusion event of FTD. Without a result, the packet was only seen.
func intrusion(l *line, _ *parse.Record) {
	e := l.Entry
	l.Verdict(event.Observe, event.VerdictEventID)
	for s := l.text; s != ""; {
		key, value, rest, last := pairOf(s)
		s = rest
		if last && neverLast(key) {
			l.Fail(parse.ErrTruncated)
			break
		}
		switch key {
		case "InlineResult":
			if value == "Blocked" || value == "Dropped" || value == "1" {
				l.Verdict(event.Deny, event.VerdictField)
			}
		case "Message":
			e.Reason = strings.Trim(value, `"`)
		case "ACPolicy", "IntrusionPolicy":
			e.Ruleset = value
		default:
			l.common(key, value)
		}
	}
	l.way()
}
