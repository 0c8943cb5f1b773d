package exim

import (
	"strings"

	"mailstop/event"
	"mailstop/internal/mailtext"
)

// A start is how a line without a flag starts.
type start struct {
	words string
	class event.ReasonClass // ReasonNone: nothing went wrong, or nothing of a connection
	told  bool              // the words are a reason
	peer  bool              // they name the other side
	known bool
}

// starts lists them by their first byte. Only lines that start so are claimed, if neither a message id nor the program
// says that they are Exim's.
var starts = func() (t [256][]start) {
	add := func(class event.ReasonClass, told bool, list ...string) {
		for _, w := range list {
			t[w[0]] = append(t[w[0]], start{words: w, class: class, told: told, peer: class != event.ReasonNone || !told, known: true})
		}
	}
	add(event.ReasonTimeout, true, "SMTP command timeout on ", "SMTP data timeout ", "timed out while reading local message")
	add(event.ReasonReset, true, "unexpected disconnection while reading SMTP command", "unexpected EOF while reading SMTP command",
		"Error or EOF on input from ")
	add(event.ReasonTLS, true, "TLS error on ", "TLS session", "TLS client disconnected cleanly", "DANE attempt failed; TLS connection to ")
	add(event.ReasonPolicy, true, "SMTP call from ", "SMTP protocol ", "SMTP syntax error in ", "refused connection from ",
		"temporarily refused connection from ", "connection from ", "Connection from ", "rejected ", "temporarily rejected ",
		"unqualified sender rejected: ", "unqualified recipient rejected: ", "too many recipients: ", "F=<", "U=",
		"ridiculously long message header", "overlong message header line", "VRFY failed for ", "message too big", "sender verify ",
		"recipient verify ", "SA: Action: ", "Connection aborted; STARTTLS support by ")
	add(event.ReasonDNS, true, "no host name found for IP address ", "no IP address found for host ", "host name alias list truncated",
		"reverse DNS lookup")
	add(event.ReasonNone, false, "SMTP connection ", "no MAIL in ", "Start queue run: ", "End queue run: ", "exim ", "cwd=",
		"ETRN ", "ignoring AUTH=", "Connections=", "Sender identification ")
	add(event.ReasonNone, true, "pid ", "SIGHUP received", "SIGTERM received", "SIGINT received", "Message abandoned: ",
		"bind of ", "socket bind() to port ", "IPv6 socket creation failed", "listen() failed on interface", "Exim configuration error",
		"Failed to create spool file", "Failed to open ", "failed to open ", "Failed writing ", "failed to expand ", "Cannot open main log",
		"spool directory space check failed", "log directory space check failed", "cannot accept message: ", "Warning: ",
		"daemon: ", "unable to set gid", "unable to open ", "Daemon cannot be run ", "getsockopt() failed", "setsockopt(",
		"accept() failure", "local_scan() ", "malware acl condition", "spam acl condition", "DKIM: ", "LDAP", "Exim daemon ",
		"demime acl condition", "internal problem in ")
	return t
}()

// starting returns how s starts. An authenticator's name is the administrator's own.
func starting(s string) start {
	if s == "" {
		return start{}
	}
	if strings.HasPrefix(s, "H=") {
		return start{told: true, peer: true, known: true}
	}
	for _, w := range starts[s[0]] {
		if strings.HasPrefix(s, w.words) {
			return w
		}
	}
	if i := strings.IndexByte(s[:min(len(s), 64)], ' '); i > 0 {
		if what, ok := strings.CutPrefix(s[i:], " authenticator "); ok {
			return start{
				class: event.ReasonPolicy, told: true, peer: true,
				known: strings.HasPrefix(what, "failed ") || strings.HasPrefix(what, "temporarily failed ") || strings.HasPrefix(what, "cancelled "),
			}
		}
	}
	return start{}
}

// other reads a line of another step: who connected, what was refused, what the daemon did.
func (l *line) other(s string) error {
	how := starting(s)
	var f fields
	from := s
	switch {
	case strings.HasPrefix(s, "SMTP protocol ") || strings.HasPrefix(s, "SMTP syntax "):
		// What the other side sent stands in quotes before the host, and can itself look like one.
		if i := strings.Index(s, " next input="); i >= 0 {
			from = s[:i]
		} else if j := strings.LastIndexByte(s, ']'); j == len(s)-1 || s[j+1] == '"' {
			from = "" // cut, perhaps within the quotes
		}
		if i := strings.Index(s, "rejected connection from H="); i < 0 {
			from = from[max(strings.LastIndex(from, " H="), 0):]
		}
	case strings.Contains(s, " from cutthrough after DATA: "):
		l.cutthrough(s)
		return nil
	case strings.HasPrefix(s, "F=<"), strings.HasPrefix(s, "U="), strings.HasPrefix(s, "F="):
		text := f.scan(s)
		l.inbound(&f, text)
		return f.err
	}
	if how.peer {
		f.peer(from)
		l.peer(&f)
	}
	switch {
	case strings.HasPrefix(s, "SMTP connection "):
		l.connection(s)
		return f.err
	case strings.HasPrefix(s, "no IP address found for host "):
		l.d.RemoteHost, _, _ = strings.Cut(s[len("no IP address found for host "):], " ")
	case strings.HasPrefix(s, "no host name found for IP address "):
		word, _, _ := strings.Cut(s[len("no host name found for IP address "):], " ")
		l.d.RemoteIP = mailtext.Addr(word)
	}
	if how.told || !how.known {
		l.d.Reason, l.d.ReasonClass = s, how.class
		l.rejected(s)
		l.replyBehind(s)
	}
	return f.err
}

// cutthrough reads what the next host said of a message while its sender waited: "U=user recipient@example.com F=<…>
// tmp-reject from cutthrough after DATA: R=router T=transport H=host [address] C="459 no"" (delivery_log).
func (l *line) cutthrough(s string) {
	var f fields
	who, rest, _ := strings.Cut(s, " from cutthrough after DATA: ")
	f.scan(rest)
	l.remote(&f)
	recipient, _ := address(strings.TrimLeft(new(fields).scan(who), " "))
	l.d.RcptDomain = l.arena.Lower(mailtext.Domain(recipient))
	l.d.Reason, l.d.ReasonClass = f.confirm, event.ReasonPolicy
	l.reply(f.confirm, true)
}

// connection reads how a connection began, and how it ended if it was not by QUIT.
func (l *line) connection(s string) {
	switch {
	case strings.Contains(s, " lost"):
		l.d.Reason, l.d.ReasonClass = s, event.ReasonReset
	case strings.Contains(s, " closed by DROP in ACL"):
		l.d.Reason, l.d.ReasonClass = s, event.ReasonPolicy
	case strings.HasSuffix(s, " closed by EOF"):
		l.d.Reason, l.d.ReasonClass = s, event.ReasonReset
	case strings.Contains(s, " closed after "): // SIGTERM, or too many errors
		l.d.Reason, l.d.ReasonClass = s, event.ReasonOther
	}
}

// inbound says what was done with one who delivered to us.
func (l *line) inbound(f *fields, text string) {
	l.peer(f)
	if text == "" {
		return
	}
	l.d.Reason = text
	switch {
	case strings.HasPrefix(text, "Warning:"):
	case strings.Contains(text, "rejected"), strings.HasPrefix(text, "dropped by"), strings.HasPrefix(text, "discarded"),
		strings.HasPrefix(text, "RCPT "), strings.HasPrefix(text, "refused"):
		l.d.ReasonClass = event.ReasonPolicy
	case strings.HasPrefix(text, "sender verify"):
		l.d.ReasonClass = mailtext.Classify(text)
		if l.d.ReasonClass == event.ReasonOther {
			l.d.ReasonClass = event.ReasonPolicy
		}
	case strings.HasPrefix(text, "incomplete transaction"):
		l.d.ReasonClass = event.ReasonReset
	}
	l.rejected(text)
	l.replyBehind(text)
}

// rejected takes over the domain of "rejected RCPT <user@example.com>: text", also without the angle brackets.
func (l *line) rejected(s string) {
	addr, ok := strings.CutPrefix(s, "RCPT ")
	if !ok {
		if _, addr, ok = strings.Cut(s, "rejected RCPT "); !ok {
			return
		}
	}
	addr, rest := address(addr)
	if rest == "" && !strings.HasSuffix(addr, ">") {
		return // perhaps cut
	}
	l.d.RcptDomain = l.arena.Lower(mailtext.Domain(strings.TrimSuffix(addr, ":")))
}

// replyBehind takes over the reply that stands behind a colon: "rejected connection in "connect" ACL: 550 no".
func (l *line) replyBehind(s string) {
	for from := 0; ; {
		i := strings.Index(s[from:], ": ")
		if i < 0 {
			return
		}
		from += i + 2
		if code, _ := mailtext.Reply(s[from:min(len(s), from+4)]); code >= 400 {
			l.reply(s[from:], true)
			return
		}
	}
}
