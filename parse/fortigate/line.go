package fortigate

import (
	"strings"

	"mailstop/event"
	"mailstop/internal/scan"
	"mailstop/parse"
)

// A line is one while it is read. Its strings are the values of the keys of their names.
type line struct {
	scan.Fill
	csv bool

	devname, kind, subtype, vdom       string
	date, clock, zone, eventTime       string
	src, dst, srcPort, dstPort, proto  string
	srcIntf, dstIntf, srcRole, dstRole string
	action, utmAction, message         string
	policy, policyType, service, sent  string
}

// next takes the first pair off s. What is no pair has an empty key.
func (l *line) next(s string) (key, value, rest string) {
	i := 0
	for i < len(s) && isKey[s[i]] {
		i++
	}
	if i == 0 || i == len(s) || s[i] != '=' {
		if i == len(s) { // half a key
			l.Fail(parse.ErrTruncated)
		}
		return "", "", l.behind(s, i)
	}
	key, s = s[:i], s[i+1:]
	if s == "" {
		l.Fail(parse.ErrTruncated)
		return "", "", ""
	}
	if s[0] != '"' {
		end := strings.IndexByte(s, l.separator())
		switch {
		case end < 0 && neverLast(key): // the value may be cut
			l.Fail(parse.ErrTruncated)
			return "", "", ""
		case end < 0:
			return key, s, ""
		case key == "date" && !l.csv && strings.IndexByte(s[:end], ',') == len("2026-01-05"):
			l.csv = true
			end = strings.IndexByte(s, ',')
		}
		return key, s[:end], s[end+1:]
	}
	end := closing(s)
	if end < 0 { // the value may be cut
		l.Fail(parse.ErrTruncated)
		return "", "", ""
	}
	return key, s[1:end], l.behind(s, end+1)
}

// neverLast reports whether other keys always follow one whose value has no quotes.
func neverLast(key string) bool {
	switch key {
	case "srcip", "src", "dstip", "dst", "srcport", "src_port", "dstport", "dst_port", "proto", "action", "status", "type", "subtype",
		"date", "time", "eventtime":
		return true
	}
	return false
}

func (l *line) separator() byte {
	if l.csv {
		return ','
	}
	return ' '
}

// behind returns what follows the next separator at or behind s[i].
func (l *line) behind(s string, i int) string {
	if end := strings.IndexByte(s[i:], l.separator()); end >= 0 {
		return s[i+end+1:]
	}
	return ""
}

// closing returns the index of the quote that closes the one at the start of s, or -1.
func closing(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

var isKey = func() (t [256]bool) {
	for c := range 256 {
		b := byte(c)
		t[c] = b-'0' <= 9 || b|0x20-'a' <= 25 || b == '_' || b == '-'
	}
	return t
}()

// store keeps the value of a key. The second name of a key is that of FortiOS 4.
func (l *line) store(key, value string) {
	switch key {
	case "devname":
		l.devname = value
	case "type":
		l.kind = value
	case "subtype":
		l.subtype = value
	case "vd":
		l.vdom = value
	case "date":
		l.date = value
	case "time":
		l.clock = value
	case "tz":
		l.zone = value
	case "eventtime":
		l.eventTime = value
	case "srcip", "src":
		l.src = value
	case "dstip", "dst":
		l.dst = value
	case "srcport", "src_port":
		l.srcPort = value
	case "dstport", "dst_port":
		l.dstPort = value
	case "srcintf", "src_int":
		l.srcIntf = value
	case "dstintf", "dst_int":
		l.dstIntf = value
	case "srcintfrole":
		l.srcRole = value
	case "dstintfrole":
		l.dstRole = value
	case "proto":
		l.proto = value
	case "action", "status":
		l.action = value
	case "utmaction":
		l.utmAction = value
	case "msg":
		l.message = value
	case "policyid":
		l.policy = value
	case "policytype":
		l.policyType = value
	case "service":
		l.service = value
	case "sentpkt", "sent_pkt":
		l.sent = value
	}
}

// time stores eventtime, else date and time, else what is known from a header.
func (l *line) time(r *parse.Record) {
	if l.eventTime != "" {
		if ns, digits, ok := parse.ScanEpoch(l.eventTime); ok {
			r.SetInstant(ns, digits)
			return
		}
		l.Fail(scan.ErrTime)
	}
	if len(l.date) != len("2026-01-05") || len(l.clock) < len("10:11:12") || len(l.clock) > len("10:11:12.345678901") {
		if l.date != "" { // without one, a header can know it
			l.Fail(scan.ErrTime)
		}
		return
	}
	var text [48]byte
	b := append(append(append(text[:0], l.date...), 'T'), l.clock...)
	st, n := parse.ScanDateTime(string(b))
	if n != len(b) {
		l.Fail(scan.ErrTime)
		return
	}
	if offset, ok := zoneOffset(l.zone); ok {
		st.Offset, st.Zoned = offset, true
	}
	r.SetInnerTime(st)
}

// zoneOffset reads "+0100", and "UTC+1:00" as FortiAnalyzer writes it, in seconds east of UTC.
func zoneOffset(s string) (int, bool) {
	s = strings.TrimPrefix(s, "UTC")
	if len(s) < 3 || len(s) > 6 || s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	hours, minutes, colon := strings.Cut(s[1:], ":")
	if !colon && len(hours) == 4 {
		hours, minutes = hours[:2], hours[2:]
	}
	h, ok := scan.Uint(hours, 15)
	m, ok2 := scan.Uint(minutes, 59)
	if !ok || !ok2 && minutes != "" {
		return 0, false
	}
	offset := int(h*3600 + m*60)
	if s[0] == '-' {
		offset = -offset
	}
	return offset, true
}

// traffic stores what a message of traffic says.
func (l *line) traffic() {
	e := l.Entry
	l.Src(l.src)
	l.Dst(l.dst)
	l.Proto(l.proto)
	l.SrcPort(l.srcPort)
	l.DstPort(l.dstPort)
	l.Packets(l.sent)
	e.IfaceIn, e.IfaceOut = known(l.srcIntf), known(l.dstIntf)
	e.Direction = l.direction()
	switch {
	case l.subtype == "sniffer", l.subtype == "local" && e.Direction == event.In:
		e.IfaceOut = ""
	case l.subtype == "local" && e.Direction == event.Out:
		e.IfaceIn = ""
	}
	e.Rule, e.Ruleset = l.policy, l.policyType
	if typ, code, ok := icmpService(l.service); ok && (typ != "0" || code == "0") && (e.Proto == event.ICMP || e.Proto == event.ICMPv6) {
		l.ICMP(typ, code)
	}
	l.verdict()
	if l.action == "" || l.src == "" && l.dst == "" {
		l.Fail(parse.ErrTruncated)
	}
}

// tellsOfPackets reports whether a message of traffic is of one: not of a request to a proxy or a load balancer, whose
// connection has a message of its own, and not of a FortiClient.
func tellsOfPackets(subtype string) bool {
	switch subtype {
	case "http", "https", "http-transaction", "system":
		return false
	}
	return !strings.HasPrefix(subtype, "slb_")
}

// known returns an interface's name, or "" for what stands where there is none.
func known(intf string) string {
	if isNone(intf) {
		return ""
	}
	return intf
}

func isNone(intf string) bool { return strings.HasPrefix(intf, "unknown") }

// icmpService reads "icmp/3/3", as services are named that have no object of their own. There is "icmp/0/8", too, which
// cannot be type and code of an echo.
func icmpService(s string) (typ, code string, ok bool) {
	s, ok = strings.CutPrefix(s, "icmp")
	if !ok {
		return "", "", false
	}
	s, ok = strings.CutPrefix(strings.TrimPrefix(s, "6"), "/")
	if !ok {
		return "", "", false
	}
	return strings.Cut(s, "/")
}

// direction is seen from the firewall for its own traffic, which the root VDOM stands for an interface of, and otherwise
// from the network behind it, if the interfaces have roles.
func (l *line) direction() event.Direction {
	switch l.subtype {
	case "local":
		switch own(l.dstIntf, l.vdom) {
		case own(l.srcIntf, l.vdom):
			return event.DirectionUnknown
		case true:
			return event.In
		}
		return event.Out
	case "sniffer": // a copy of what passes elsewhere
		return event.DirectionUnknown
	}
	inside := func(role string) bool { return role == "lan" || role == "dmz" }
	switch {
	case l.srcRole == "wan" && inside(l.dstRole):
		return event.In
	case inside(l.srcRole) && l.dstRole == "wan":
		return event.Out
	}
	return event.Forward
}

// own reports whether an interface stands for the firewall itself.
func own(intf, vdom string) bool { return intf == "root" || intf == vdom || isNone(intf) }

// verdict reads the action, and that of the security profiles, which can stop what a policy accepted.
func (l *line) verdict() {
	e := l.Entry
	e.Reason = l.message
	a := actionOf(l.action)
	if a == event.Allow {
		if utm := actionOf(l.utmAction); utm.Blocked() {
			a = utm
			if e.Reason == "" {
				e.Reason = l.utmAction
			}
		}
	}
	l.Verdict(a, event.VerdictField)
	if e.Reason == "" && l.action != "accept" && l.action != "deny" {
		e.Reason = l.action // how the session ended
	}
}

func actionOf(word string) event.Action {
	switch word {
	case "deny", "denied", "block", "blocked", "violation":
		return event.Deny
	case "drop", "dropped":
		return event.Drop
	case "reset", "reset-both", "reset-client", "reset-server":
		return event.Reject
	case "accept", "start", "close", "timeout", "client-rst", "server-rst", "pass", "passthrough", "allow", "allowed",
		"ip-conn": // let through, and there was no answer
		return event.Allow
	case "dns", "monitored", "detected": // a failed lookup; what was only seen
		return event.Observe
	}
	return event.ActionUnknown
}
