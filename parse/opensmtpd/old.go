package opensmtpd

import (
	"strings"

	"mailstop/event"
	"mailstop/internal/mailtext"
	"mailstop/parse"
)

// oldDelivery reads "relay: TempFail for 1a2b3c4d5e6f7081: session=…, from=<…>, to=<…>, …, stat=text", and "delivery: ".
func (l *line) oldDelivery(s string) error {
	_, s, _ = strings.Cut(s, ": ")
	result, s, _ := strings.Cut(s, " for ")
	if len(s) < 18 {
		return parse.ErrTruncated
	}
	l.d.Status = status(result)
	id := s[:16]
	if session, ok := strings.CutPrefix(s[18:], "session="); ok && len(session) > 16 {
		l.setSession(session[:16])
	}
	l.fields(s[18:], ", ")
	l.d.QueueID = id
	return l.outcome()
}

// oldOut reads the sentences of the client.
func (l *line) oldOut(s string) error {
	if id, rest, ok := session(s, "session "); ok { // 5.7
		l.setSession(id)
		rest = strings.TrimPrefix(rest, ": ")
		switch {
		case strings.HasPrefix(rest, "evpid="):
			l.fields(rest, ", ")
			return l.outcome()
		case strings.HasPrefix(rest, "connecting to "):
			l.target(rest[len("connecting to "):])
			return l.err
		}
		l.oldError(rest, "error")
		return nil
	}
	switch {
	case strings.HasPrefix(s, "Connecting to "):
		if id, _, ok := session(s, " on session "); ok {
			l.setSession(id)
		}
		l.target(s[len("Connecting to "):])
		return l.err
	case strings.HasPrefix(s, "Failed to resolve MX for "), strings.HasPrefix(s, "No MX found for "):
		l.d.Reason, l.d.ReasonClass = s, event.ReasonDNS
		return nil
	case strings.HasPrefix(s, "Error on session "), strings.HasPrefix(s, "TLS Error on session "):
		id, rest, ok := session(s, " on session ")
		if !ok {
			return parse.ErrTruncated
		}
		l.setSession(id)
		l.oldError("error"+rest, "error")
		return nil
	}
	if id, _, ok := session(s, " session "); ok {
		l.setSession(id)
		if strings.HasPrefix(s, "Remote host seems to reject all mails") {
			l.d.Status, l.d.Reason, l.d.ReasonClass = event.Deferred, s, event.ReasonPolicy
		}
		return nil
	}
	l.route(s)
	return nil
}

// session returns the id behind mark, and what is behind it.
func session(s, mark string) (id, rest string, ok bool) {
	i := strings.Index(s, mark)
	if i < 0 || i > 0 && mark[0] != ' ' {
		return "", "", false
	}
	s = s[i+len(mark):]
	if len(s) < 16 || !isID(s[:16]) {
		return "", "", false
	}
	return s[:16], s[16:], true
}

// oldError reads "error: text" and "error after 1 message sent: text".
func (l *line) oldError(s, word string) {
	rest, ok := strings.CutPrefix(s, word)
	if !ok {
		return
	}
	_, reason, ok := strings.Cut(rest, ": ")
	switch {
	case !ok || reason == "": // cut
	case strings.HasSuffix(reason, "downgrading to plain"): // the session goes on
		l.d.Reason, l.d.ReasonClass = reason, event.ReasonTLS
	default:
		l.failed(reason)
	}
}

// target reads "smtp+tls://203.0.113.19:25 (mx.example.com) on session …".
func (l *line) target(s string) {
	addr, rest, ok := strings.Cut(s, " ")
	l.address(addr, ok)
	if name, _, ok := strings.Cut(strings.TrimPrefix(rest, "("), ")"); ok {
		l.host(name)
	}
}

// route reads what is said of a pair of addresses: "Disabling route [] <-> 203.0.113.19 (mx.example.com) for 15s".
func (l *line) route(s string) {
	l.d.Reason = s
	if _, remote, ok := strings.Cut(s, " <-> "); ok {
		addr, rest, whole := strings.Cut(remote, " ")
		if whole {
			l.d.RemoteIP = mailtext.Addr(strings.TrimSuffix(addr, ":"))
			name, _, _ := strings.Cut(strings.TrimPrefix(rest, "("), ")")
			l.host(name)
		}
	}
	switch {
	case strings.HasPrefix(s, "Error on "):
		if _, reason, ok := strings.Cut(s, ": "); ok {
			l.d.ReasonClass = mailtext.Classify(reason)
		}
	case strings.HasPrefix(s, "Disabling route "), strings.HasPrefix(s, "No valid route for "):
		l.d.ReasonClass = event.ReasonSuspended
	}
}

// oldIn reads the sentences of the server.
func (l *line) oldIn(s string) error {
	id, rest, ok := session(s, "session ")
	if !ok {
		id, rest, ok = session(s, " session ")
	}
	if !ok {
		l.d.Reason = s
		return nil
	}
	l.setSession(id)
	if _, who, ok := strings.Cut(rest, "from host "); ok {
		l.client(who)
	}
	switch {
	case strings.HasPrefix(s, "Failed command on "), strings.HasPrefix(s, "Bad input on "):
		command, answer, _ := strings.Cut(strings.TrimPrefix(rest, ": "), " => ")
		if answer == "" {
			command, answer = "", command
		}
		l.refused(answer)
		l.refusedRecipient(strings.Trim(command, `"`))
	case strings.HasPrefix(s, "Accepted message "):
		l.fields(strings.TrimPrefix(rest, ": "), ", ")
	case strings.HasPrefix(s, "Disconnecting "), strings.HasPrefix(s, "Ending "):
		if reason := strings.TrimPrefix(rest, ": "); reason != "" {
			l.d.Reason, l.d.ReasonClass = reason, class(strings.TrimPrefix(reason, "IO error: "))
		}
	case strings.HasPrefix(s, "Authentication "), strings.Contains(rest, "authentication failure"), strings.Contains(rest, "authentication temporary"):
		l.d.Reason, l.d.ReasonClass = s, event.ReasonPolicy
	case strings.Contains(rest, " closed ("):
		_, reason, _ := strings.Cut(rest, " closed (")
		if reason = strings.TrimSuffix(reason, ")"); reason != "client sent QUIT" && reason != "client disconnected" {
			l.d.Reason, l.d.ReasonClass = reason, class(strings.TrimPrefix(reason, "IO error: "))
		}
	case strings.HasPrefix(rest, ": msgid="):
		l.fields(rest[2:], ", ")
		l.d.Status = event.StatusNone
	}
	return l.err
}

// client reads "mail.example.org [203.0.113.9]".
func (l *line) client(s string) {
	name, rest, _ := strings.Cut(s, " ")
	l.host(name)
	if end := strings.IndexByte(rest, ']'); end > 0 {
		l.d.RemoteIP = mailtext.Addr(strings.Trim(rest[:end+1], "[]"))
	}
}
