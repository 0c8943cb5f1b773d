package exchange

import (
	"strings"

	"mailstop/event"
	"mailstop/internal/mailtext"
)

// tracking reads what message tracking tells of a message.
func (l *line) tracking(row *row, at *layout) error {
	d := l.d
	d.QueueID = row.at(at.column[message])
	what := row.at(at.column[action])
	smtp := row.at(at.column[source]) == "SMTP"
	to := row.at(at.column[recipients])
	first, _, _ := strings.Cut(to, ";")
	d.RcptDomain = l.arena.Lower(mailtext.Domain(first))
	if n, ok := mailtext.Port(row.at(at.column[count])); ok && n > 1 {
		d.Recipients = n
	}
	text := row.at(at.column[data])
	var err error
	switch what {
	case "SEND", "SENDEXTERNAL", "DELIVER":
		d.Status = event.Sent
		if smtp {
			err = l.host(row.at(at.column[serverIP]), row.at(at.column[serverHost]))
			if d.RemoteIP.IsValid() {
				d.RemotePort, d.PortAssumed = smtpPort, true
			}
		}
		d.Reason = strings.TrimSuffix(first250(text), ";")
		d.SMTPCode, d.DSN = mailtext.Reply(d.Reason)
	case "DEFER":
		l.status(text, event.Deferred)
	case "FAIL", "BADMAIL":
		l.status(text, event.Bounced)
	case "RECEIVE":
		if smtp {
			err = l.host(row.at(at.column[clientIP]), row.at(at.column[clientHost]))
		}
	}
	return err
}

// first250 returns the status of the first recipient.
func first250(s string) string {
	s, _, _ = strings.Cut(s, ";")
	return strings.Trim(s, "'[]{}")
}

func (l *line) host(addr, name string) error {
	if strings.IndexByte(name, '.') > 0 && !mailtext.Addr(name).IsValid() {
		l.d.RemoteHost = name
	}
	if addr == "" {
		return nil
	}
	if l.d.RemoteIP = mailtext.Addr(addr); !l.d.RemoteIP.IsValid() {
		return errAddr
	}
	return nil
}

// status reads why a message was not delivered: "[{LED=451 4.4.397 Error communicating with target host. -> 421 4.2.1 Unable
// to connect -> SocketTimedout: Socket error code 10060};{MSG=};{FQDN=mx.example.com};{IP=203.0.113.19};{LRT=…}]", or a reply.
func (l *line) status(text string, s event.DeliveryStatus) {
	d := l.d
	d.Status = s
	reason := text
	if v, ok := braced(text, "{LED="); ok {
		reason = v
		if addr, ok := braced(text, "{IP="); ok {
			d.RemoteIP = mailtext.Addr(addr)
		}
		if name, ok := braced(text, "{FQDN="); ok && strings.IndexByte(name, '.') > 0 && !mailtext.Addr(name).IsValid() {
			d.RemoteHost = name
		}
		if d.RemoteIP.IsValid() {
			d.RemotePort, d.PortAssumed = smtpPort, true
		}
	}
	d.Reason = reason
	if code, dsn := mailtext.Reply(reason); code >= 400 {
		d.SMTPCode, d.DSN = code, dsn
	}
	l.fail(s, led(reason))
}

// braced returns the value of a field of recipient-status.
func braced(s, name string) (string, bool) {
	_, value, ok := strings.Cut(s, name)
	if !ok {
		return "", false
	}
	return value[:max(strings.IndexByte(value, '}'), 0)], strings.IndexByte(value, '}') >= 0
}

// led says on which level a delivery failed: the cause comes last, behind arrows, and the replies before it are Exchange's
// own.
func led(text string) event.ReasonClass {
	reply := false
	for rest := text; rest != ""; {
		part := rest
		if i := strings.LastIndex(rest, "-> "); i >= 0 {
			part, rest = rest[i+len("-> "):], rest[:i]
		} else {
			rest = ""
		}
		if code, dsn := mailtext.Reply(part[:min(len(part), 16)]); code > 0 {
			reply = true
			part = strings.TrimLeft(part[min(len(part), 4):], " ")
			part = strings.TrimPrefix(part, dsn)
		}
		switch c := mailtext.Classify(part); c {
		case event.ReasonNone, event.ReasonOther, event.ReasonPolicy:
		default:
			return c
		}
	}
	if reply {
		return event.ReasonPolicy
	}
	return event.ReasonOther
}
