package ciscoasa

import (
	"strings"

	"mailstop/event"
	"mailstop/internal/scan"
	"mailstop/parse"
)

// flow reads "… TCP packet from A to B …", where the protocol is one of the two words before the addresses. ICMP has no
// "from".
func flow(l *line, _ *parse.Record) {
	before, rest, ok := strings.Cut(l.text, " from ")
	if !ok {
		before, rest, ok = strings.Cut(l.text, " packets ")
	}
	if !ok {
		l.Fail(parse.ErrTruncated)
		return
	}
	i := strings.LastIndexByte(before, ' ') + 1
	l.protocol(before[i:])
	if before = strings.TrimRight(before[:i], " "); !l.Entry.Is(event.HasProto) {
		l.protocol(before[strings.LastIndexByte(before, ' ')+1:])
	}
	l.text = rest
	l.ends()
}

// esmtp reads "ESMTP Classification: Dropped connection for ESMTP Request from A to B; matched …".
func esmtp(l *line, _ *parse.Record) {
	what, rest, ok := strings.Cut(l.text, " from ")
	if !ok {
		l.Fail(parse.ErrTruncated)
		return
	}
	switch {
	case strings.Contains(what, "Reset connection"):
		l.Verdict(event.Reject, event.VerdictField)
	case strings.Contains(what, "Dropped"):
		l.Verdict(event.Drop, event.VerdictField)
	default: // a header is masked, or it is only told
		l.Verdict(event.Observe, event.VerdictField)
	}
	l.text = rest
	l.ends()
}

// invalidICMP reads "Denied invalid ICMP code 9, for A to B, ICMP id 295, ICMP type 8".
func invalidICMP(l *line, _ *parse.Record) {
	_, rest, _ := strings.Cut(l.text, "ICMP code ")
	code, _, more := strings.Cut(rest, ",")
	a, b, ok := l.pair()
	if !ok {
		return
	}
	a.port, b.port = "", ""
	l.sender(a)
	l.receiver(b)
	l.way()
	if !more || !l.past("ICMP type ") {
		l.Fail(parse.ErrTruncated)
		return
	}
	l.ICMP(l.text[:scan.Digits(l.text)], code)
}
