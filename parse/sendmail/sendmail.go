// Package sendmail reads what Sendmail writes to syslog: what became of each try to deliver, and who tried to deliver to us.
// It never keeps a local part.
//
// Sources: sendmail/deliver.c (logdelivery), sendmail/sysexits.c, sendmail/srvrsmtp.c and sendmail/envelope.c of Sendmail 8,
// and its Installation and Operation Guide, "Log level".
package sendmail

import (
	"errors"
	"strings"

	"mailstop/event"
	"mailstop/internal/mailtext"
	"mailstop/parse"
)

// Kind returns the format.
func Kind() parse.Kind {
	return parse.Kind{
		Format: event.Sendmail,
		Anchor: "the program sendmail, sm-mta or alike, or QID: to=…, stat=…",
		New:    func() parse.Parser { return new(parser) },
		Doc: parse.Doc{
			Title: "Sendmail",
			Accepts: []string{
				"the programs sendmail, sm-mta, sm-mta-in, sm-client, sm-msp-queue and others that start with sm-mta, sm-msp, sm-que or sm-acc",
				"deliveries, to=…, stat=…, with lists of recipients, ctladdr=, ntries=, and with or without dsn=",
				"a relay with or without its address",
				"arrivals, from=…, relay=name [address] (may be forged)",
				"rejections, ruleset=…, reject=…, of milters, too",
				"connections that were lost, were late or did nothing, and TLS errors",
				"messages that were given back because their time is over",
			},
			Examples: []string{
				"Jan  5 10:11:42 mx2 sm-mta[3311]: 6059BBqL003310: to=<user@example.com>, delay=00:05:31, xdelay=00:05:00, mailer=esmtp, pri=120345, relay=mx.example.com. [203.0.113.19], dsn=4.0.0, stat=Deferred: Connection timed out with mx.example.com.",
				"Jan  5 10:12:01 mx2 sm-mta[3320]: 6059C0aa003319: to=<user@example.org>, delay=00:00:02, xdelay=00:00:01, mailer=esmtp, pri=30400, relay=mx.example.org. [203.0.113.20], dsn=4.7.1, stat=Deferred: 451 4.7.1 Greylisted",
				"Jan  5 10:12:30 mx2 sm-mta[3330]: 6059CU1b003329: lost input channel from [203.0.113.9] to MTA after rcpt",
			},
			Sources: []string{
				"https://www.sendmail.org/~ca/email/doc8.12/op-sh-2.html",
				"sendmail/deliver.c, sendmail/sysexits.c, sendmail/srvrsmtp.c of Sendmail 8",
			},
		},
	}
}

var (
	errRelay = errors.New("address of the relay is not an address")
	errDelay = errors.New("delay is not days and a time")
)

type parser struct {
	deliveries event.Deliveries
	arena      mailtext.Arena
}

// Match looks for the program, and without one for a queue id and what only Sendmail writes behind it.
func (p *parser) Match(body string, r *parse.Record) bool {
	if r != nil && r.Program != "" {
		if isProgram(r.Program) {
			return true
		}
		if strings.HasPrefix(r.Program, "postfix") || r.Program == "kernel" {
			return false
		}
	}
	n := queueID(body)
	if n == 0 {
		return false
	}
	switch rest := body[n+2:]; {
	case strings.HasPrefix(rest, "to="):
		return strings.Contains(rest, ", stat=")
	case strings.HasPrefix(rest, "from="):
		return strings.Contains(rest, ", nrcpts=")
	case strings.HasPrefix(rest, "ruleset="):
		return strings.Contains(rest, ", reject=")
	default:
		return strings.HasPrefix(rest, "lost input channel from ") || strings.HasPrefix(rest, "timeout waiting for input from ")
	}
}

// isProgram knows the names that Sendmail gives its processes, also those of systems that run several (sm-mta-in).
func isProgram(s string) bool {
	switch {
	case len(s) < 6 || s[0] != 's':
		return false
	case s == "sendmail" || strings.HasPrefix(s, "sendmail-"):
		return true
	}
	return strings.HasPrefix(s, "sm-mta") || strings.HasPrefix(s, "sm-msp") || strings.HasPrefix(s, "sm-que") ||
		strings.HasPrefix(s, "sm-acc") || s == "sm-client"
}

// queueID returns the length of the queue id that ": " follows: letters and digits, 8 in Sendmail 8.8, 14 and more later.
func queueID(s string) int {
	n, digits := 0, 0
	for n < len(s) && n < 24 && (s[n]-'0' <= 9 || s[n]|0x20-'a' <= 25) {
		if s[n] <= '9' {
			digits++
		}
		n++
	}
	if n < 7 || n+2 > len(s) || s[n] != ':' || s[n+1] != ' ' || digits == 0 && s[:n] != "NOQUEUE" { // "runqueue: "
		return 0
	}
	return n
}

// Parse reads one line.
func (p *parser) Parse(body string, r *parse.Record) error {
	e := r.Entry
	e.Process = r.Program
	if pid, ok := mailtext.PID(e.Raw, body, r.Program); ok {
		e.PID = pid
		e.Has |= event.HasPID
	}
	e.Delivery = p.deliveries.New()
	l := line{parser: p, d: e.Delivery}
	if n := queueID(body); n > 0 {
		if l.d.QueueID = body[:n]; l.d.QueueID == "NOQUEUE" {
			l.d.QueueID = ""
		}
		body = strings.TrimLeft(body[n+2:], " ")
	}
	err := l.read(body)
	l.d.Reason = mailtext.Mask(&p.arena, l.d.Reason)
	raw := e.Raw
	for _, bare := range l.bare {
		raw = without(&p.arena, raw, bare)
	}
	e.Raw = mailtext.Mask(&p.arena, raw)
	return err
}

// without returns raw without the value of a field that is only a local part: "to=root" becomes "to=".
func without(a *mailtext.Arena, raw, field string) string {
	if field == "" {
		return raw
	}
	i := strings.Index(raw, field)
	if i < 0 {
		return raw
	}
	return mailtext.Cut(a, raw, i+strings.IndexByte(field, '=')+1, i+len(field))
}
