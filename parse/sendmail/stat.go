package sendmail

import (
	"strings"
	"time"

	"mailstop/event"
	"mailstop/internal/mailtext"
	"mailstop/parse"
)

// delivery says what became of a try to deliver.
func (l *line) delivery() error {
	if !l.hasStat {
		return parse.ErrTruncated
	}
	stat := l.stat
	l.d.Status = l.status(stat)
	switch l.d.Status {
	case event.Sent:
		l.d.Reason = strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(stat, "Sent"), " ("), ")")
	case event.Deferred:
		l.d.Reason = strings.TrimPrefix(stat, "Deferred: ")
	default:
		l.d.Reason = stat
	}
	if code, dsn := mailtext.Reply(l.d.Reason); code > 0 && (code < 300 == (l.d.Status == event.Sent)) {
		l.d.SMTPCode = code
		if l.d.DSN == "" {
			l.d.DSN = dsn
		}
	}
	if l.d.RemoteIP.IsValid() {
		l.d.RemotePort, l.d.PortAssumed = smtpPort, true
	}
	switch l.d.Status {
	case event.Deferred:
		l.d.ReasonClass = l.class(l.d.Reason)
	case event.Bounced:
		// Sendmail says in words of its own which 5xx the other side answered.
		if l.d.ReasonClass = l.class(l.d.Reason); l.d.ReasonClass == event.ReasonOther && l.d.RemoteIP.IsValid() {
			l.d.ReasonClass = event.ReasonPolicy
		}
	}
	if l.hasXDelay && l.d.ReasonClass != event.ReasonSuspended && l.hasRelay {
		l.d.Before = l.xdelay + time.Second // both it and the stamp are cut to the second
	}
	if stat == "" {
		return parse.ErrTruncated
	}
	return l.err
}

// failures are the words of sysexits.c for what has failed for good; a text may follow them. Versions without dsn= need them.
var failures = [...]string{
	"User unknown", "Host unknown", "Service unavailable", "Command line usage error", "Data format error", "Cannot open input",
	"Internal error", "System file missing", "Can't create output", "Remote protocol error", "Insufficient permission",
	"Local configuration error", "Unknown mailer error", "Cannot send message ",
}

// status tells from the text, and from the class of the enhanced status code if the text is not one of those known.
func (l *line) status(stat string) event.DeliveryStatus {
	switch {
	case word(stat, "Sent"):
		return event.Sent
	case word(stat, "Deferred"), word(stat, "Transient parse error"), word(stat, "Operating system error"), word(stat, "I/O error"):
		return event.Deferred
	case word(stat, "queued"), stat == "":
		return event.StatusNone
	case l.d.DSN != "":
		switch l.d.DSN[0] {
		case '2':
			return event.Sent
		case '4':
			return event.Deferred
		}
		return event.Bounced
	}
	for _, w := range failures {
		if strings.HasPrefix(stat, w) {
			return event.Bounced
		}
	}
	switch code, _ := mailtext.Reply(stat); code / 100 {
	case 4:
		return event.Deferred
	case 5:
		return event.Bounced
	}
	return event.StatusNone
}

// word reports whether s is w, or starts with it and something that is no letter.
func word(s, w string) bool {
	rest, ok := strings.CutPrefix(s, w)
	return ok && (rest == "" || rest[0]|0x20-'a' > 25)
}

// class says on which level a delivery failed. Sendmail remembers for a while that a host could not be reached: what it
// says then is the old reason, in no time and without an address. A time-out always takes some.
func (l *line) class(reason string) event.ReasonClass {
	c := mailtext.Classify(reason)
	switch {
	case !l.hasRelay || l.mailer == "local" || l.mailer == "prog" || l.mailer == "*file*":
		if c != event.ReasonDNS && c != event.ReasonPolicy {
			return event.ReasonOther // Permission denied to open a file
		}
	case strings.Contains(reason, "TLS handshake"), strings.Contains(reason, "TLS not available"):
		return event.ReasonTLS // a reply code of Sendmail's own stands before it
	}
	switch {
	case word(reason, "Host unknown"), strings.HasPrefix(reason, "host map: lookup"):
		c = event.ReasonDNS
	case reason == "Deferred" && !l.hasRelay:
		return event.ReasonOther
	}
	if l.d.Status != event.Deferred || !l.hasXDelay || l.xdelay > 0 || !l.hasRelay || c == event.ReasonDNS || c == event.ReasonTLS {
		return c
	}
	if c == event.ReasonTimeout || !l.d.RemoteIP.IsValid() {
		return event.ReasonSuspended
	}
	return c
}

// inbound lists the words by which lines about those who deliver to us are told, and what they mean.
var inbound = [...]struct {
	words string
	class event.ReasonClass
}{
	{"lost input channel from ", event.ReasonReset},
	{"timeout waiting for input from ", event.ReasonTimeout},
	{"collect: premature EOM: ", event.ReasonReset},
	{"collect: unexpected close on connection from ", event.ReasonReset},
	{"collect: I/O error on connection from ", event.ReasonReset},
	{"collect: read timeout on connection from ", event.ReasonTimeout},
	{"rejecting commands from ", event.ReasonPolicy},
	{"rejecting connections on daemon ", event.ReasonOther},
	{"possible SMTP attack", event.ReasonPolicy},
	{"AUTH failure", event.ReasonPolicy},
	{" [rejected]", event.ReasonPolicy},
	{"did not issue MAIL/EXPN/VRFY/ETRN", event.ReasonOther},
	{"... ", event.ReasonPolicy}, // "<user@example.com>... User unknown"
	{", error: accept failed", event.ReasonTLS},
	{", error: connect failed", event.ReasonTLS},
}

// other reads a line of another step. The id of a message about the message may stand before the words.
func (l *line) other(s string) {
	if n := queueID(s); n > 0 {
		s = s[n+2:]
	}
	for _, w := range inbound {
		if strings.Contains(s, w.words) {
			l.d.Reason, l.d.ReasonClass = s, w.class
			break
		}
	}
	if strings.Contains(s, "Cannot send message ") { // its time is over: no delivery line tells of it
		l.d.Status, l.d.Reason, l.d.ReasonClass = event.Bounced, s, event.ReasonSuspended
		return
	}
	if strings.HasPrefix(s, "<") && strings.Contains(s, ">... ") {
		l.d.RcptDomain = l.arena.Lower(mailtext.Domain(s[1:strings.Index(s, ">... ")]))
	}
	l.peer(s)
}

// peer finds "name [address]" in a text: behind relay=, where the text before it is not ours, else the first.
func (l *line) peer(s string) {
	if i := strings.LastIndex(s, "relay="); i >= 0 {
		value := s[i+len("relay="):]
		value = value[:valueEnd(value, "relay")]
		l.relay(value, true)
		l.err = nil
		return
	}
	for from := 0; ; {
		i := strings.IndexByte(s[from:], '[')
		if i < 0 {
			return
		}
		i += from
		from = i + 1
		end := strings.IndexByte(s[i:], ']')
		if end < 0 {
			return
		}
		addr := mailtext.Addr(s[i : i+end+1])
		if !addr.IsValid() || i > 0 && s[i-1] != ' ' {
			continue
		}
		l.d.RemoteIP = addr
		name := strings.TrimRight(s[:i], " ")
		name = name[strings.LastIndexByte(name, ' ')+1:]
		if strings.IndexByte(name, '.') > 0 || name == "localhost" {
			l.d.RemoteHost = strings.TrimSuffix(name, ".")
		}
		return
	}
}
