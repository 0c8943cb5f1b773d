package opensmtpd

import (
	"strings"
	"time"

	"mailstop/event"
	"mailstop/internal/mailtext"
	"mailstop/parse"
)

// smtpPort is what OpenSMTPD connects to if the log does not tell.
const smtpPort = 25

// How long before its end a try may have begun: a session waits five minutes (mta_connect, io_set_timeout), the kernel
// less. A refusal comes at once; stamps are cut to the second.
const (
	connectLimit = 5 * time.Minute
	atOnce       = time.Second
)

// A line is one that is being read.
type line struct {
	*parser
	d    *event.Delivery
	user string // "user=name", to be taken out of the line
	err  error

	relayed, session bool // the relay has an address; a session was there
}

// read reads a body.
func (l *line) read(s string) error {
	if who := part(s); who != "" {
		l.setSession(s[:16])
		rest := strings.TrimPrefix(s[16+len(who)+2:], "event=")
		what, rest, _ := strings.Cut(rest, " ")
		switch who {
		case "mta":
			return l.out(what, rest)
		case "mda":
			return l.local(rest)
		}
		return l.in(what, rest)
	}
	switch {
	case strings.HasPrefix(s, "smtp-out: "):
		return l.oldOut(strings.TrimPrefix(s[len("smtp-out: "):], "routing: "))
	case strings.HasPrefix(s, "smtp-in: "):
		return l.oldIn(s[len("smtp-in: "):])
	case strings.HasPrefix(s, "relay: "), strings.HasPrefix(s, "delivery: "):
		return l.oldDelivery(s)
	}
	l.d.Reason = s
	return nil
}

// setSession keeps the id of a session; zeros stand for none.
func (l *line) setSession(id string) {
	if id != "0000000000000000" {
		l.d.QueueID, l.session = id, true
	}
}

// out reads an event of the client.
func (l *line) out(what, rest string) error {
	switch what {
	case "delivery":
		l.fields(rest, " ")
		return l.outcome()
	case "connecting":
		l.fields(rest, " ")
		return l.err
	case "error":
		reason, ok := strings.CutPrefix(rest, "reason=")
		if !ok || reason == "" {
			return parse.ErrTruncated
		}
		l.failed(strings.Trim(reason, `"`))
	case "host-rejects-all-mails":
		l.d.Status, l.d.Reason, l.d.ReasonClass = event.Deferred, what, event.ReasonPolicy
	case "closing", "disconnected", "closed":
		if reason, ok := strings.CutPrefix(rest, "reason="); ok && !strings.HasPrefix(reason, "quit") {
			l.d.Reason = reason
			l.d.ReasonClass = mailtext.Classify(reason)
		}
	}
	return nil
}

// failed says that a session ended with an error.
func (l *line) failed(reason string) {
	l.d.Status, l.d.Reason, l.d.ReasonClass = event.Deferred, reason, class(reason)
	l.reply(reason)
	l.before()
}

// before says how long before its end a try may have begun.
func (l *line) before() {
	switch l.d.ReasonClass {
	case event.ReasonRefused, event.ReasonUnreachable, event.ReasonDenied:
		l.d.Before = atOnce
	case event.ReasonTimeout, event.ReasonReset, event.ReasonTLS:
		l.d.Before = connectLimit
	}
}

// local reads a delivery to a mailbox.
func (l *line) local(rest string) error {
	l.fields(rest, " ")
	return l.outcome()
}

// in reads an event of the server.
func (l *line) in(what, rest string) error {
	l.fields(rest, " ")
	l.d.RemotePort, l.d.PortAssumed = 0, false
	l.d.Status = event.StatusNone
	switch what {
	case "disconnected", "closed":
		if reason, ok := field(rest, "reason="); ok && reason != "quit" && reason != "disconnect" {
			l.d.Reason, l.d.ReasonClass = reason, class(reason)
		}
	case "failed-command", "bad-input":
		result, _ := field(rest, "result=")
		l.refused(result)
		if command, ok := field(rest, "command="); ok {
			l.refusedRecipient(command)
		}
	case "authentication":
		if result, _ := field(rest, "result="); result == "permfail" || result == "tempfail" {
			l.d.Reason, l.d.ReasonClass = result, event.ReasonPolicy
		}
	case "":
		return parse.ErrTruncated
	}
	return l.err
}

// refused says what a client was answered.
func (l *line) refused(answer string) {
	if answer != "" {
		l.d.Reason, l.d.ReasonClass = answer, event.ReasonPolicy
		l.reply(answer)
	}
}

// refusedRecipient takes over the domain of "RCPT TO:<user@example.com>".
func (l *line) refusedRecipient(command string) {
	if len(command) > 8 && strings.EqualFold(command[:8], "RCPT TO:") {
		address, _, _ := strings.Cut(strings.TrimSpace(command[8:]), " ")
		l.d.RcptDomain = l.arena.Lower(mailtext.Domain(address))
	}
}

func (l *line) reply(text string) {
	if code, dsn := mailtext.Reply(text); code > 0 && (code < 300 == (l.d.Status == event.Sent)) {
		l.d.SMTPCode, l.d.DSN = code, dsn
	}
}

// outcome completes what the fields of a delivery say.
func (l *line) outcome() error {
	d := l.d
	switch {
	case d.Status == event.StatusNone && d.Reason == "":
		return parse.ErrTruncated
	case d.Status != event.Sent && d.Status != event.StatusNone:
		d.ReasonClass = class(d.Reason)
		if l.session || d.ReasonClass == event.ReasonPolicy {
			break
		}
		// No session was there: nobody was asked.
		if noTry(d.Reason) {
			d.ReasonClass = event.ReasonSuspended
		}
	}
	if l.session && d.Status != event.Sent {
		l.before()
	}
	l.reply(d.Reason)
	if l.relayed && d.RemotePort == 0 {
		d.RemotePort, d.PortAssumed = smtpPort, true
	}
	return l.err
}

// noTry reports whether a text says that all routes are disabled after earlier failures (mta_on_source).
func noTry(s string) bool {
	switch s {
	case "Network error on destination MXs", "No valid route to remote MX", "No valid route to destination",
		"Destination seem to reject all mails", "All routes to destination blocked", "Envelope expired":
		return true
	}
	return false
}

// class says on which level a try failed.
func class(reason string) event.ReasonClass {
	switch reason {
	case "Temporary failure in MX lookup", "Invalid domain name", "Domain does not exist", "Host not found", "No MX found for domain",
		"No MX found for destination":
		return event.ReasonDNS
	case "Domain does not accept mail":
		return event.ReasonDNS // a null MX
	}
	if strings.Contains(reason, " rejected: ") { // "BANNER rejected: 554 …"
		return event.ReasonPolicy
	}
	return mailtext.Classify(reason)
}
