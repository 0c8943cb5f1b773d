package postfix

import (
	"strings"
	"time"

	"mailstop/event"
	"mailstop/internal/mailtext"
	"mailstop/parse"
)

// isRecord reports whether a body that came without its program is a delivery record.
func isRecord(body string) bool {
	_, n := queueID(body)
	if n == 0 || !strings.HasPrefix(body[n:], "to=") {
		return false
	}
	// Sendmail's records have the same head, but "stat=" for "status=".
	at := strings.Index(body[n:], ", relay=")
	return at > 0 && strings.Contains(body[n+at:], ", delay=") && strings.Contains(body[n+at:], ", status=")
}

// record reads "to=<…>, relay=…, delay=…, delays=…, dsn=…, status=… (…)". Local parts are gone, and with them all that could
// hide the end of an address.
func (l *line) record(s string) error {
	rest := l.recipient(s[len("to="):])
	for {
		if !strings.HasPrefix(rest, ", ") {
			return parse.ErrTruncated
		}
		rest = rest[2:]
		eq := strings.IndexByte(rest, '=')
		if eq < 0 {
			return parse.ErrTruncated
		}
		key, value := rest[:eq], rest[eq+1:]
		if key == "status" {
			return l.status(value)
		}
		end := endOfField(value)
		if end < 0 { // may be cut: it says nothing
			return parse.ErrTruncated
		}
		l.field(key, value[:end])
		rest = value[end:]
	}
}

// endOfField returns the index of the first ", " in s, or -1.
func endOfField(s string) int {
	for from := 0; ; {
		i := strings.IndexByte(s[from:], ',')
		if i < 0 || from+i+1 >= len(s) {
			return -1
		}
		if i += from; s[i+1] == ' ' {
			return i
		}
		from = i + 1
	}
}

// recipient reads "<@example.com>", or "@example.com" of old versions, and returns what is behind it.
func (l *line) recipient(s string) string {
	end := 0
	if s != "" && s[0] == '<' {
		if end = strings.Index(s, ">, ") + 1; end == 0 {
			return ""
		}
	} else if end = endOfField(s); end < 0 {
		return ""
	}
	l.RcptDomain = l.arena.Domain(s[:end])
	return s[end:]
}

func (l *line) field(key, value string) {
	switch key {
	case "relay":
		l.relay(value)
	case "delay":
		if d, n := seconds(value); n > 0 && n == len(value) {
			l.Delay, l.HasDelay = d, true
		}
	case "delays":
		l.delays(value)
	case "dsn":
		if dsn := mailtext.EnhancedCode(value); len(dsn) == len(value) {
			l.DSN = dsn
		}
	}
}

// relay reads "mx.example.com[192.0.2.1]:25". Without brackets there was no connection to a host: "none", "local", "virtual",
// the name of a pipe's service.
func (l *line) relay(s string) {
	i := strings.IndexByte(s, '[')
	if i < 0 {
		return
	}
	if p, ok := readPeer(s); ok && p.size == len(s) {
		l.setPeer(p)
	} else { // a socket: "mx.example.com[private/lmtp]"
		l.RemoteHost = hostName(s[:i])
	}
}

// delays reads "a/b/c/d": before the queue manager, in it, connecting, sending. If there was no connection, the time of the
// try is in d and c is 0; otherwise both lie between the beginning of the connection and the line.
func (l *line) delays(s string) {
	var parts [4]time.Duration
	for i := range parts {
		d, n := seconds(s)
		if n == 0 || i < 3 && (n >= len(s) || s[n] != '/') || i == 3 && n != len(s) {
			return
		}
		parts[i] = d
		if i < 3 {
			s = s[n+1:]
		}
	}
	l.Before = parts[2] + parts[3]
}

// status reads "deferred (reason)", which is the last of a record.
func (l *line) status(s string) error {
	word, rest, ok := strings.Cut(s, " (")
	var err error
	if !ok {
		word, _, _ = strings.Cut(word, " ")
		err = parse.ErrTruncated
	}
	l.Status = l.outcome(word)
	end := strings.LastIndexByte(rest, ')')
	if end < 0 { // syslog cut the line
		end, err = len(rest), parse.ErrTruncated
	}
	l.Reason = rest[:end]
	l.explain()
	return err
}

// outcome returns what a status word means. Those of address probes say whether the address takes mail, for now or for good;
// words that later versions may add go by the enhanced code, as those do.
func (l *line) outcome(word string) event.DeliveryStatus {
	switch word {
	case "sent", "deliverable":
		return event.Sent
	case "deferred", "SOFTBOUNCE": // soft_bounce = yes makes a bounce a deferral
		return event.Deferred
	case "bounced", "expired", "force-expired":
		return event.Bounced
	}
	if word == "" || l.DSN == "" {
		return event.StatusNone
	}
	switch l.DSN[0] {
	case '2':
		return event.Sent
	case '4':
		return event.Deferred
	}
	return event.Bounced
}

// seconds reads "0.02" and returns its length: 0 if there is no such number.
func seconds(s string) (time.Duration, int) {
	n, i := decimal(s)
	if i == 0 {
		return 0, 0
	}
	d := time.Duration(n) * time.Second
	if i+1 >= len(s) || s[i] != '.' || s[i+1]-'0' > 9 {
		return d, i
	}
	unit := time.Second
	for i++; i < len(s) && s[i]-'0' <= 9; i++ {
		unit /= 10
		d += time.Duration(s[i]-'0') * unit
	}
	return d, i
}
