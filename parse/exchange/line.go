package exchange

import (
	"strings"
	"time"

	"mailstop/event"
	"mailstop/internal/mailtext"
	"mailstop/parse"
)

// Before its end, a try to connect takes 21 seconds if nothing answers (three packets of Windows), and two if a reset does.
const (
	connectLimit = 30 * time.Second
	refusedLimit = 3 * time.Second
	smtpPort     = 25
)

// A line is one that is being read.
type line struct {
	*parser
	d *event.Delivery
	r *parse.Record
}

// read reads a body.
func (l *line) read(s string) error {
	if isService(s) {
		return l.service(s)
	}
	st, n := parse.ScanDateTime(s[:stampLen(s)])
	if n == 0 {
		return errTime
	}
	l.r.SetTime(st, s)
	row := &l.row
	row.split(s)
	at := l.layout(row)
	if at == nil {
		return parse.ErrTruncated
	}
	switch at.log {
	case protocolLog:
		return l.protocol(row, at)
	case connectivityLog:
		return l.connectivity(row, at)
	}
	return l.tracking(row, at)
}

// protocol reads a line of a session.
func (l *line) protocol(row *row, at *layout) error {
	d := l.d
	d.QueueID = row.at(at.column[session])
	what := row.at(at.column[action])[0]
	text := row.at(at.column[data])
	if more := row.at(at.column[context]); what == '*' && more != "" || text == "" {
		text = more
	}
	err := l.endpoint(row.at(at.column[remote]))
	if !isSending(row, at, what, text) {
		if server, _, ok := strings.Cut(row.at(at.column[connector]), `\`); ok && l.r.Host == "" {
			l.r.Host = server
		}
		l.received(what, text)
		return err
	}
	switch what {
	case '<':
		l.answer(text)
	case '>':
		l.recipient(text)
	case '*':
		d.Reason = text
		if c := mailtext.Classify(text); c != event.ReasonOther && failed(text) || strings.HasPrefix(text, "Failed to connect.") {
			l.fail(event.Deferred, c)
		}
	case '-':
		if c := mailtext.Classify(text); c != event.ReasonOther && c != event.ReasonNone && c != event.ReasonPolicy {
			d.Reason = text
			l.fail(event.Deferred, c)
		}
	}
	return err
}

// isSending tells the log of a connector that sends from that of one that receives: by the header; by who gives answers;
// by the ports.
func isSending(row *row, at *layout, what byte, text string) bool {
	if at.sending || at.receiving {
		return at.sending
	}
	if code, _ := mailtext.Reply(text[:min(len(text), 4)]); code > 0 && (what == '<' || what == '>') {
		return what == '<'
	}
	ours := row.at(at.column[local])
	if ours == "" {
		return true
	}
	_, port, ok := mailtext.Endpoint(ours)
	return !ok || port >= 1024 && port != 2525
}

// failed reports whether a note tells of a failure, not of what was tried.
func failed(s string) bool {
	for _, w := range [...]string{"Failed", "failed", "Error", "error", "Unable", "unable", "refused", "timed out", "TimedOut"} {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// fail sets what became of a try.
func (l *line) fail(s event.DeliveryStatus, c event.ReasonClass) {
	l.d.Status, l.d.ReasonClass = s, c
	switch c {
	case event.ReasonTimeout:
		l.d.Before = connectLimit
	case event.ReasonRefused, event.ReasonUnreachable, event.ReasonDenied:
		l.d.Before = refusedLimit
	}
}

// answer reads what the other side answered: 4xx and 55x end a try for a recipient or a message, "queued" does, too. Other
// 5xx are of commands that it does not know, after which the session goes on.
func (l *line) answer(text string) {
	code, dsn := mailtext.Reply(text)
	if code < 200 {
		return
	}
	l.d.Reason, l.d.SMTPCode, l.d.DSN = text, code, dsn
	switch {
	case code >= 550 && code <= 556 || code == 521:
		l.fail(event.Bounced, event.ReasonPolicy)
	case code >= 500:
		l.d.ReasonClass = event.ReasonPolicy
	case code >= 400:
		l.fail(event.Deferred, event.ReasonPolicy)
	case code == 250 && (dsn == "2.6.0" || strings.Contains(text, "ueued")):
		l.d.Status = event.Sent
	}
}

// received reads a line of a session that another server, or a client, began.
func (l *line) received(what byte, text string) {
	d := l.d
	switch what {
	case '>':
		if code, dsn := mailtext.Reply(text[:min(len(text), 16)]); code >= 400 {
			d.Reason, d.SMTPCode, d.DSN, d.ReasonClass = text, code, dsn, event.ReasonPolicy
		}
	case '<':
		l.recipient(text)
	case '*':
		if failed(text) {
			d.Reason, d.ReasonClass = text, mailtext.Classify(text)
		}
	case '-':
		if c := mailtext.Classify(text); c != event.ReasonOther && c != event.ReasonNone {
			d.Reason, d.ReasonClass = text, c
		}
	}
}

// recipient takes over the domain of "RCPT TO:<user@example.com>".
func (l *line) recipient(command string) {
	if len(command) > 8 && strings.EqualFold(command[:8], "RCPT TO:") {
		address, _, _ := strings.Cut(strings.TrimSpace(command[8:]), " ")
		if strings.HasSuffix(address, ">") {
			l.d.RcptDomain = l.arena.Lower(mailtext.Domain(address))
		}
	}
}

func (l *line) endpoint(s string) error {
	if s == "" {
		return nil
	}
	addr, port, ok := mailtext.Endpoint(s)
	if !ok {
		if addr.IsValid() {
			l.d.RemoteIP = addr
		}
		return errEndpoint
	}
	l.d.RemoteIP, l.d.RemotePort = addr, port
	return nil
}

// connectivity reads what became of a connection to a destination.
func (l *line) connectivity(row *row, at *layout) error {
	d := l.d
	d.QueueID = row.at(at.column[session])
	if name := row.at(at.column[destination]); strings.IndexByte(name, '.') > 0 && strings.IndexByte(name, ' ') < 0 {
		d.RemoteHost = name
	}
	text := row.at(at.column[data])
	for _, mark := range [...]string{"Failed connection to ", "Established connection to "} {
		if i := strings.Index(text, mark); i >= 0 {
			target, _, whole := strings.Cut(text[i+len(mark):], " ")
			if addr, port, ok := mailtext.Endpoint(strings.TrimRight(target, ".,")); ok && whole {
				d.RemoteIP, d.RemotePort = addr, port
				if port == 0 {
					d.RemotePort, d.PortAssumed = smtpPort, true
				}
			}
		}
	}
	if !failed(text) && !strings.Contains(text, "(Retry") {
		return nil
	}
	d.Reason = text
	if c := led(text); c != event.ReasonOther {
		l.fail(event.Deferred, c)
	}
	return nil
}
