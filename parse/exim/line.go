package exim

import (
	"math"
	"strings"
	"time"

	"mailstop/event"
	"mailstop/internal/mailtext"
	"mailstop/parse"
)

// A line is one that is being read.
type line struct {
	*parser
	d    *event.Delivery
	bare string // a local part without a domain, to be taken out of the line
}

// read reads the words behind the head.
func (l *line) read(h head) error {
	s := h.rest
	if s == "" {
		return parse.ErrTruncated
	}
	if len(s) >= 3 && s[2] == ' ' {
		switch rest := s[3:]; s[:2] {
		case "<=":
			return l.arrival(rest)
		case "=>", "->", ">>":
			l.d.Status = event.Sent
			return l.delivery(rest)
		case "*>": // suppressed
			return l.delivery(rest)
		case "**":
			l.d.Status = event.Bounced
			return l.failure(rest)
		case "==":
			l.d.Status = event.Deferred
			return l.deferral(rest)
		}
	}
	switch {
	case strings.HasPrefix(s, "H="):
		return l.host(s, h.id != "")
	case strings.HasPrefix(s, "Completed"):
		var f fields
		f.scan(s[len("Completed"):])
		l.delay(&f)
		return nil
	case h.id != "" && l.oldFailure(s):
		return nil
	}
	return l.other(s)
}

// recipient reads the address behind a flag, with those that it was made from, and returns what is behind: "user
// <user@example.com> R=local".
func (l *line) recipient(s string) string {
	first, rest := address(s)
	domain := mailtext.Domain(first)
	if domain == "" && first != "" && first[0] != ':' && first[0] != '/' && first[0] != '|' {
		l.bare = first
	}
	for len(rest) > 1 && rest[0] == ' ' && (rest[1] == '<' || rest[1] == '(') {
		closing := byte('>')
		if rest[1] == '(' {
			closing = ')'
		}
		i := strings.IndexByte(rest, closing)
		if i < 0 {
			return ""
		}
		if domain == "" && closing == '>' {
			domain = mailtext.Domain(rest[2:i])
		}
		rest = rest[i+1:]
	}
	if rest != "" { // else the address may be cut
		l.d.RcptDomain = l.arena.Lower(domain)
	}
	return rest
}

// address returns the address that s starts with: up to a blank outside quotes. A pipe has blanks.
func address(s string) (addr, rest string) {
	i := 0
	if strings.HasPrefix(s, "|") || strings.HasPrefix(s, "save ") {
		for i = 0; i < len(s) && !strings.HasPrefix(s[i:], " <") && !strings.HasPrefix(s[i:], " R=") && !strings.HasPrefix(s[i:], " T="); i++ {
		}
		return s[:i], s[i:]
	}
	for quoted := false; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == ' ' && !quoted:
			return strings.TrimSuffix(s[:i], ":"), s[i:]
		}
	}
	return s, ""
}

// arrival reads a line such as "<= sender H=host [address] P=esmtps S=1234 for recipient recipient".
func (l *line) arrival(s string) error {
	_, rest := address(s)
	if rest == "" {
		return parse.ErrTruncated
	}
	var f fields
	rest = f.scan(rest)
	l.peer(&f)
	if from, ok := strings.CutPrefix(rest, "from <"); ok { // +sender_in_original…
		if i := strings.Index(from, "> for "); i >= 0 {
			rest = from[i+2:]
		}
	}
	if list, ok := strings.CutPrefix(rest, "for "); ok {
		l.d.RcptDomain = l.arena.Lower(mailtext.Domain(strings.SplitN(list, " ", 2)[0]))
		l.d.Recipients = uint16(min(strings.Count(list, " ")+1, math.MaxUint16))
	}
	return f.err
}

// delivery reads a line such as "=> user@example.com R=dnslookup T=remote_smtp H=host [address]:25 C="250 OK" QT=2s".
func (l *line) delivery(s string) error {
	if strings.HasSuffix(s, " discarded recipients)") { // by an ACL or local_scan(): delivered to nobody
		l.d.Status = event.StatusNone
		return nil
	}
	rest := l.recipient(s)
	if rest == "" {
		return parse.ErrTruncated
	}
	var f fields
	f.scan(rest)
	l.remote(&f)
	l.delay(&f)
	if f.confirm != "" {
		l.d.Reason = f.confirm
		l.reply(f.confirm, false)
	}
	return f.err
}

// failure reads a line such as "** user@example.com R=dnslookup T=remote_smtp H=host [address] : SMTP error from remote
// mail server after RCPT TO:<user@example.com>: 550 5.1.1 no such user DT=1s".
func (l *line) failure(s string) error {
	rest := l.recipient(s)
	if rest == "" {
		return parse.ErrTruncated
	}
	var f fields
	rest = f.scan(rest)
	if i := strings.LastIndex(rest, " DT="); i >= 0 && strings.IndexByte(rest[i+1:], ' ') < 0 {
		f.taken = rest[i+len(" DT="):]
		rest = rest[:i]
	}
	l.delay(&f)
	l.why(rest, &f, 0, true)
	if f.err == nil && l.d.Reason == "" {
		return parse.ErrTruncated
	}
	return f.err
}

// deferral reads a line such as "== user@example.com R=dnslookup T=remote_smtp defer (110): Connection timed out H=host
// [address]:25 DT=2m: text". The words of the number come before the host, and a text after it (deliver.c, deferral_log).
func (l *line) deferral(s string) error {
	rest := l.recipient(s)
	if rest == "" {
		return parse.ErrTruncated
	}
	var f fields
	rest = strings.TrimLeft(strings.TrimPrefix(f.scan(rest), "routing"), " ")
	rest, ok := strings.CutPrefix(rest, "defer (")
	end := strings.IndexByte(rest, ')')
	if !ok || end < 0 {
		return parse.ErrTruncated
	}
	errno, known := signed(rest[:end])
	rest = rest[end+1:]
	words, text := splitError(rest)
	text = f.scan(text)
	l.delay(&f)
	if words != "" {
		l.d.Reason = words
	}
	l.why(text, &f, errno, f.hasHost || strings.Trim(text, ": ") == "" || isDialog(strings.TrimPrefix(text, ": ")))
	switch {
	case !known:
		return errErrno
	case f.err == nil && l.d.Reason == "" && rest == "" && errno > 0:
		return parse.ErrTruncated
	}
	return f.err
}

// splitError splits what is behind the number of an error: ": words H=host…: text". Exim's own numbers have no words, and
// earlier versions have the text in their place.
func splitError(s string) (words, rest string) {
	s, ok := strings.CutPrefix(s, ": ")
	if !ok {
		return "", s
	}
	end := len(s)
	for _, mark := range [...]string{" H=", " DT=", ": "} {
		if i := strings.Index(s[:end], mark); i >= 0 {
			end = i
		}
	}
	return s[:end], s[end:]
}

func signed(s string) (int, bool) {
	digits := strings.TrimPrefix(s, "-")
	v, n := number(digits)
	if n == 0 || n != len(digits) {
		return 0, false
	}
	if len(digits) < len(s) {
		return -int(v), true
	}
	return int(v), true
}

// remote says which host we delivered to. Its port is assumed if the log does not tell it.
func (l *line) remote(f *fields) {
	l.peer(f)
	if f.addr.IsValid() && f.port == 0 && f.err == nil {
		l.d.RemotePort, l.d.PortAssumed = smtpPort, true
		if f.local {
			l.d.RemotePort = lmtpPort
		}
	}
}

// peer says who delivered to us.
func (l *line) peer(f *fields) {
	l.d.RemoteHost, l.d.RemoteIP, l.d.RemotePort = f.name, f.addr, f.port
	if strings.HasPrefix(f.name, "[") || mailtext.Addr(f.name).IsValid() {
		l.d.RemoteHost = "" // the address again
	}
}

// delay takes over how long the message was here, and how long the delivery took, which is when it began.
func (l *line) delay(f *fields) {
	if d, ok := duration(f.queued); ok {
		l.d.Delay, l.d.HasDelay = d, true
	}
	if d, ok := duration(f.taken); ok {
		l.d.Before = d
	}
}

// reply takes over the codes of a reply, of a refusal only if failed.
func (l *line) reply(text string, failed bool) {
	if code, dsn := mailtext.Reply(text); code >= 400 || !failed {
		l.d.SMTPCode, l.d.DSN = code, dsn
	}
}

// longest is the longest time that a log is believed: about 73 years.
const longest = time.Duration(1 << 61)

// duration reads "1w2d3h4m5s" and "0.349s" (readconf.c, readconf_printtime; tod.c, string_timediff).
func duration(s string) (d time.Duration, ok bool) {
	for s != "" {
		v, n := number(s)
		if n == 0 || n == len(s) {
			return 0, false
		}
		nanos, _, m := parse.ScanFraction(s[n:])
		if n+m == len(s) {
			return 0, false
		}
		unit := time.Duration(0)
		switch s[n+m] {
		case 'w':
			unit = 7 * 24 * time.Hour
		case 'd':
			unit = 24 * time.Hour
		case 'h':
			unit = time.Hour
		case 'm':
			unit = time.Minute
		case 's':
			unit = time.Second
		default:
			return 0, false
		}
		if time.Duration(v) > longest/unit {
			return 0, false
		}
		d = min(d+time.Duration(v)*unit+time.Duration(nanos), longest)
		s, ok = s[n+m+1:], true
	}
	return d, ok
}
