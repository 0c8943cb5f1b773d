// Package postfix reads the log of Postfix: what became of each delivery, why a connection failed and to which address it
// went, and who connected. Local parts of addresses are taken out of whatever an entry keeps. It never judges whether a
// firewall was at work: the log says what the mail server saw.
//
// Source: src/global/log_adhoc.c, src/global/defer.c, src/global/mail_queue.h, src/smtp/smtp_connect.c,
// src/smtp/smtp_trouble.c, src/smtpd/smtpd.c and src/postscreen/ of Postfix.
package postfix

import (
	"strings"
	"unsafe"

	"mailstop/event"
	"mailstop/internal/mailtext"
	"mailstop/parse"
)

// Kind returns the format.
func Kind() parse.Kind {
	return parse.Kind{
		Format: event.Postfix,
		Anchor: "program postfix/… (smtp, qmgr, smtpd, …)",
		New:    func() parse.Parser { return new(parser) },
		Doc: parse.Doc{
			Title: "Postfix mail log",
			Accepts: []string{
				"lines of every Postfix program: postfix/smtp, postfix-instance/smtp, postfix/submission/smtpd, and programs named " +
					"anew by syslog_name (outbound/smtp)",
				"through syslog, the journal and Postfix' own maillog_file; from syslog templates that cut the program's name at its slash",
				"deliveries with every status, with short and long queue ids, of Postfix 2.0 and later",
				"failed connections, TLS handshakes and SMTP dialogues that are logged alone, once for each address that was tried",
				"connections of clients as smtpd and postscreen log them, with ports where they are logged",
				"the output of daemons in verbose mode: read, but of no delivery",
			},
			Examples: []string{
				"Jan  5 10:11:42 mx1 postfix/smtp[2211]: connect to mx.example.com[203.0.113.19]:25: Connection timed out",
				"Jan  5 10:11:42 mx1 postfix/smtp[2211]: 4F1C22A0B7: to=<user@example.com>, relay=none, delay=35, delays=4.8/0.02/0/30, " +
					"dsn=4.4.1, status=deferred (connect to mx.example.com[203.0.113.19]:25: Connection timed out)",
				"2026-01-05T10:12:03.100200+01:00 mx1 postfix/smtp[2212]: 4kLsXy2Bq0z9rtB: to=<user@example.org>, " +
					"relay=mx.example.org[2001:db8:2::19]:25, delay=1.9, delays=0.1/0.01/0.8/1, dsn=4.7.1, status=deferred " +
					"(host mx.example.org[2001:db8:2::19]:25 said: 451 4.7.1 Greylisted, try later (in reply to RCPT TO command))",
				"Jan  5 10:12:10 mx1 postfix/postscreen[901]: CONNECT from [203.0.113.9]:51234 to [192.0.2.25]:25",
			},
			Sources: []string{
				"Postfix: src/global/log_adhoc.c, src/global/defer.c, src/smtp/smtp_connect.c, src/smtp/smtp_trouble.c, src/smtpd/smtpd.c, " +
					"src/postscreen/",
				"https://www.postfix.org/postconf.5.html",
			},
		},
	}
}

type parser struct {
	arena      mailtext.Arena
	deliveries event.Deliveries
}

// Match goes by the program's name. Where no layer has told one, the body may start with it, or be a delivery record.
func (p *parser) Match(body string, r *parse.Record) bool {
	if r != nil && r.Program != "" {
		return isPostfix(r.Program)
	}
	if len(body) < len("postfix[1]: ") {
		return false
	}
	if body[0] == 'p' {
		_, _, n := tag(body)
		return n > 0
	}
	return isRecord(body)
}

// A line is a body while it is read, local parts taken out.
type line struct {
	*event.Delivery
	program string // the daemon: "smtp"; "" if the log does not say
	port    uint16 // of the other side if the log does not say it
	arena   *mailtext.Arena
}

// Parse reads one line.
func (p *parser) Parse(body string, r *parse.Record) error {
	e := r.Entry
	original := body
	body = p.mask(body, r)
	e.Process = r.Program
	if e.Process == "" {
		if program, pid, n := tag(body); n > 0 {
			e.Process = program
			setPID(e, pid)
			body = body[n:]
		}
	}
	d := p.deliveries.New()
	e.Delivery = d
	l := line{Delivery: d, program: daemon(e.Process), port: 25, arena: &p.arena}
	if l.program == "lmtp" {
		l.port = 24
	}
	body = strings.TrimRight(trimMessageID(body), " ")
	if body == "" {
		return parse.ErrTruncated
	}
	err := l.read(body)
	if d.Status != event.StatusNone && (d.ReasonClass == event.ReasonPolicy || d.ReasonClass == event.ReasonOther) {
		p.maskRecipient(original, e)
	}
	if d.QueueID == "" && d.Status == event.StatusNone {
		p.cutTrace(body, e)
	}
	return err
}

// cutTrace leaves of a debugging message only what it is about: it has names without a domain in many places.
func (p *parser) cutTrace(body string, e *event.Entry) {
	keep := trace(body)
	if keep == 0 {
		return
	}
	if at := strings.Index(e.Raw, body); at >= 0 {
		e.Raw = mailtext.Cut(&p.arena, e.Raw, at+keep, at+len(body))
	}
}

// trace returns how long the head of a debugging message is, as daemons write it with -v: "send attr sender = ",
// "input attribute value: " (attr_print_plain.c, attr_scan_plain.c), or the name of a function, "rewrite_clnt: ". It returns
// 0 if s is none.
func trace(s string) int {
	switch {
	case strings.HasPrefix(s, "send attr "):
		return strings.Index(s, " = ") + 1
	case strings.HasPrefix(s, "input attribute value: "):
		return len("input attribute value: ")
	}
	i, underscore := 0, false
	for i < len(s) && (s[i]-'a' <= 'z'-'a' || s[i] == '_' || s[i]-'0' <= 9) {
		underscore = underscore || s[i] == '_'
		i++
	}
	if !underscore || i >= len(s) || s[i] != ':' {
		return 0
	}
	return i + 1
}

// mask takes the local parts out of an entry's raw text and returns body as a view of what is left. What is before body is
// the header, which has none.
func (p *parser) mask(body string, r *parse.Record) string {
	e := r.Entry
	raw := e.Raw
	from := offset(body, raw)
	logins := strings.HasSuffix(r.Program, "smtpd") || strings.IndexByte(r.Program, '/') < 0
	if from < 0 { // an envelope's string with escapes in it is no view of the line
		e.Raw = p.maskFrom(raw, 0, logins)
		return p.maskFrom(body, 0, logins)
	}
	to := from + len(body)
	setPID(e, pidBefore(raw[:from], r.Program))
	if strings.IndexByte(raw[:from], '"') >= 0 { // an envelope, which may have the body twice
		e.Raw = p.maskFrom(raw, 0, logins)
		return p.maskFrom(body, 0, logins)
	}
	masked := p.maskFrom(raw[:to], from, logins)
	e.Raw = masked
	if tail := raw[to:]; len(masked) == to {
		e.Raw = raw
	} else if tail != "" {
		e.Raw = p.arena.Join(masked, tail)
	}
	return masked[from:]
}

// maskFrom masks what is behind from and, if told so, the names under which clients log in: they are local parts even where
// they have no domain.
func (p *parser) maskFrom(s string, from int, logins bool) string {
	if logins && strings.Contains(s[from:], "sasl_") {
		s = mailtext.MaskValue(&p.arena, s, "sasl_username=")
		s = mailtext.MaskValue(&p.arena, s, "sasl_sender=")
	}
	return mailtext.MaskFrom(&p.arena, s, from)
}

// maskRecipient takes the recipient's local part out of the reason, too, where it stands alone: "user unknown: name".
func (p *parser) maskRecipient(original string, e *event.Entry) {
	_, local, ok := strings.Cut(original, ": to=<")
	if !ok {
		return
	}
	local, _, _ = strings.Cut(local, ">, ")
	if at := strings.LastIndexByte(local, '@'); at >= 0 {
		local = local[:at]
	}
	if local = strings.Trim(local, `"`); len(local) < 3 || isCommon(local) {
		return
	}
	reason := e.Delivery.Reason
	masked := mailtext.MaskWord(&p.arena, reason, local)
	if len(masked) == len(reason) {
		return
	}
	e.Delivery.Reason = masked
	if at := offset(reason, e.Raw); at >= 0 {
		e.Raw = p.arena.Join(p.arena.Join(e.Raw[:at], masked), e.Raw[at+len(reason):])
	} else {
		e.Raw = mailtext.MaskWord(&p.arena, e.Raw, local)
	}
}

// isCommon reports whether a local part is a word that replies are made of, and names nobody.
func isCommon(local string) bool {
	switch local {
	case "user", "mail", "host", "said", "unknown", "address", "mailbox", "recipient", "command", "connection", "message", "server",
		"account", "domain", "reply", "local", "the", "for", "not", "and", "with", "from", "name", "service", "error", "rejected", "denied",
		"access", "relay", "delivery", "postmaster", "quota", "full", "sorry", "here", "this", "test", "spam":
		return true
	}
	return false
}

// offset returns where in whole its view part is, or -1 if part is no view of it.
func offset(part, whole string) int {
	at := uintptr(unsafe.Pointer(unsafe.StringData(part))) - uintptr(unsafe.Pointer(unsafe.StringData(whole)))
	if part == "" || at > uintptr(len(whole)) || at+uintptr(len(part)) > uintptr(len(whole)) {
		return -1
	}
	return int(at)
}

// trimMessageID takes off what Solaris' syslog puts before a message: "[ID 197553 mail.info] ".
func trimMessageID(s string) string {
	if strings.HasPrefix(s, "[ID ") {
		if _, rest, ok := strings.Cut(s, "] "); ok {
			return rest
		}
	}
	return s
}

// read reads what a program says.
func (l *line) read(s string) error {
	s = trimLevel(s)
	if s == "" {
		return parse.ErrTruncated
	}
	if id, n := queueID(s); n > 0 {
		l.QueueID = id
		return l.ofMessage(s[n:])
	}
	switch s[0] {
	case 'c', 'h', 'l', 'S', 'T', 'C':
		if l.attempt(s) {
			return nil
		}
	case 'N':
		s = strings.TrimPrefix(s, "NOQUEUE: ")
	}
	if !l.action(s) {
		l.client(s)
	}
	return nil
}

// trimLevel takes off how grave a message is (msg_output.c).
func trimLevel(s string) string {
	if strings.IndexByte("wefp", s[0]) < 0 {
		return s
	}
	for _, level := range [...]string{"warning: ", "error: ", "fatal: ", "panic: "} {
		if strings.HasPrefix(s, level) {
			return s[len(level):]
		}
	}
	return s
}

// ofMessage reads what follows a queue id.
func (l *line) ofMessage(s string) error {
	switch {
	case strings.HasPrefix(s, "to="):
		return l.record(s)
	case strings.HasPrefix(s, "from="):
		return l.queue(s)
	case strings.HasPrefix(s, "status="): // of a message that could not be bounced
		return l.status(s[len("status="):])
	case strings.HasPrefix(s, "client="):
		l.client(s)
	case s == "" || strings.HasPrefix(s, "message-id=") || strings.HasPrefix(s, "uid="):
	default:
		if !l.attempt(s) && !l.action(s) {
			l.client(s)
		}
	}
	return nil
}

// queue reads what qmgr says of a message: that it is in the active queue, or that it is given up.
func (l *line) queue(s string) error {
	if _, rest, ok := strings.Cut(s, ", status="); ok {
		// qmgr_active.c: "expired, returned to sender" and, since Postfix 3.5, "force-expired, returned to sender".
		if strings.HasPrefix(rest, "expired") || strings.HasPrefix(rest, "force-expired") {
			l.Status, l.ReasonClass, l.Reason = event.Bounced, event.ReasonOther, rest
		}
		return nil
	}
	if _, rest, ok := strings.Cut(s, ", nrcpt="); ok {
		if n, end := decimal(rest); end > 0 && n > 1 && n <= 0xffff {
			l.Recipients = uint16(n)
		}
	}
	return nil
}
