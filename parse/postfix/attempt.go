package postfix

import (
	"strings"
	"time"

	"mailstop/event"
	"mailstop/internal/mailtext"
)

// How long before a line without delays a try may have begun, if the administrator has not set other time-outs.
const (
	connectTimeout  = 30 * time.Second // smtp_connect_timeout
	dialogueTimeout = 5 * time.Minute  // smtp_helo_timeout, smtp_mail_timeout, smtp_rcpt_timeout
	atOnce          = time.Second      // what stamps are cut to
)

// attempt reads what smtp(8) and lmtp(8) say of one address that they tried in vain. The message may still go to another.
func (l *line) attempt(s string) bool {
	class := l.failure(s)
	if class == event.ReasonNone {
		return false
	}
	l.Status, l.ReasonClass, l.Reason = event.Deferred, class, s
	if class == event.ReasonPolicy || class == event.ReasonTLS {
		l.SMTPCode, l.DSN = mailtext.Reply(s)
	}
	l.Before = began(s, class)
	return true
}

// began returns how long before its line a try that failed with s may have begun.
func began(s string, class event.ReasonClass) time.Duration {
	switch {
	case class != event.ReasonTimeout:
		return atOnce
	case strings.HasPrefix(s, connectTo):
		return connectTimeout
	}
	return dialogueTimeout
}

const (
	connectTo      = "connect to "
	lostConnection = "lost connection with "
	conversation   = "conversation with "
	host           = "host "
	sslConnect     = "SSL_connect error to "
	suspended      = "delivery temporarily suspended: "
	saslFailed     = "SASL authentication failed"
	saslRemembered = "SASL [CACHED] authentication failed"
)

// failure returns the class of a text in the forms of smtp_connect.c, smtp_trouble.c and smtp_proto.c and sets whom it is
// about, or returns ReasonNone if it has none of those forms.
func (l *line) failure(s string) event.ReasonClass {
	switch s[0] {
	case 'c':
		if rest, ok := strings.CutPrefix(s, connectTo); ok {
			return l.unconnected(rest)
		}
		if rest, ok := strings.CutPrefix(s, conversation); ok && l.peerOf(rest) > 0 {
			return event.ReasonTimeout
		}
	case 'l':
		if rest, ok := strings.CutPrefix(s, lostConnection); ok && l.peerOf(rest) > 0 {
			return event.ReasonReset
		}
	case 'h':
		if rest, ok := strings.CutPrefix(s, host); ok {
			if n := l.peerOf(rest); n > 0 && (strings.HasPrefix(rest[n:], " said: ") || strings.HasPrefix(rest[n:], " refused to talk to me: ")) {
				return event.ReasonPolicy
			}
		}
	case 'S':
		if rest, ok := strings.CutPrefix(s, sslConnect); ok && l.peerOf(rest) > 0 {
			return event.ReasonTLS
		}
		if strings.HasPrefix(s, saslFailed) || strings.HasPrefix(s, saslRemembered) {
			if _, rest, ok := strings.Cut(s, " server "); ok {
				l.peerOf(rest)
			}
			return event.ReasonPolicy
		}
		if strings.HasPrefix(s, "Server certificate not ") {
			return event.ReasonTLS
		}
	case 'T':
		if strings.HasPrefix(s, "TLS is required, but ") {
			if _, rest, ok := strings.Cut(s, " host "); ok {
				l.peerOf(rest)
			}
			return event.ReasonTLS
		}
	case 'C':
		if strings.HasPrefix(s, "Cannot start TLS: ") {
			return event.ReasonTLS
		}
	}
	return event.ReasonNone
}

// unconnected reads "mx.example.com[192.0.2.1]:25: Connection timed out".
func (l *line) unconnected(s string) event.ReasonClass {
	p, ok := readPeer(s)
	if !ok {
		// A socket of this host, "mx.example.com[private/lmtp]: Permission denied", says nothing of the network.
		at, end := strings.IndexByte(s, '['), strings.Index(s, "]: ")
		if at <= 0 || end < at {
			return event.ReasonNone
		}
		l.RemoteHost = hostName(s[:at])
		return event.ReasonOther
	}
	rest, ok := strings.CutPrefix(s[p.size:], ": ")
	if !ok {
		return event.ReasonNone
	}
	// Before 2.4: "mx.example.com[192.0.2.1]: Connection timed out (port 25)".
	if at := strings.LastIndex(rest, " (port "); at >= 0 && p.port == 0 {
		if port, n := decimal(rest[at+len(" (port "):]); n > 0 && port <= 0xffff {
			p.port = uint16(port)
		}
		rest = rest[:at]
	}
	l.setPeer(p)
	return classOfError(rest)
}

// classOfError returns the class of what connect(2) says.
func classOfError(s string) event.ReasonClass {
	switch s { // by far the most
	case "Connection timed out", "Operation timed out":
		return event.ReasonTimeout
	case "Connection refused":
		return event.ReasonRefused
	case "No route to host", "Network is unreachable", "Host is down":
		return event.ReasonUnreachable
	case "Permission denied", "Operation not permitted":
		return event.ReasonDenied
	}
	return mailtext.Classify(s)
}

// peerOf reads the host that s starts with, makes it the remote one and returns its length, 0 if there is none. A host whose
// connection is a socket of this machine counts, but has no address.
func (l *line) peerOf(s string) int {
	if p, ok := readPeer(s); ok {
		l.setPeer(p)
		return p.size
	}
	at, end := strings.IndexByte(s, '['), strings.IndexByte(s, ']')
	if at <= 0 || end < at || hostName(s[:at]) == "" {
		return 0
	}
	l.RemoteHost = hostName(s[:at])
	return end + 1
}

// explain fills in what a record's reason says: the class, the reply, and whom it was about if there was no relay.
func (l *line) explain() {
	s := l.Reason
	if l.Status == event.Sent {
		l.SMTPCode, _ = mailtext.Reply(s)
		return
	}
	old, isOld := strings.CutPrefix(s, suspended)
	l.ReasonClass = l.classOf(old)
	if l.ReasonClass == event.ReasonPolicy || l.ReasonClass == event.ReasonTLS {
		l.SMTPCode, _ = mailtext.Reply(old)
	}
	switch {
	case isOld: // no try was made: what follows is why the one before failed
		l.ReasonClass, l.Before = event.ReasonSuspended, 0
	case l.Before == 0 && l.RemoteIP.IsValid(): // before 2.3 there were no delays
		l.Before = began(s, l.ReasonClass)
	}
}

// classOf returns the class of a record's reason.
func (l *line) classOf(s string) event.ReasonClass {
	if s == "" {
		return event.ReasonNone
	}
	if strings.HasPrefix(s, "Host or domain name not found") {
		return event.ReasonDNS
	}
	// The relay, if there is one, is the host itself.
	name, ip, port, assumed := l.RemoteHost, l.RemoteIP, l.RemotePort, l.PortAssumed
	class := l.failure(s)
	if ip.IsValid() && (ip != l.RemoteIP || l.PortAssumed) {
		l.RemoteHost, l.RemoteIP, l.RemotePort, l.PortAssumed = name, ip, port, assumed
	}
	if class != event.ReasonNone {
		return class
	}
	class = mailtext.Classify(s)
	switch l.program {
	case "local", "virtual", "pipe", "discard", "spawn":
		// Their "Permission denied" is of a file, and their time limits are of commands.
		if class != event.ReasonPolicy {
			return event.ReasonOther
		}
	}
	return class
}
