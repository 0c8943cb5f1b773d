package exim

import (
	"strings"
	"time"

	"mailstop/event"
	"mailstop/internal/mailtext"
	"mailstop/parse"
)

// How long before its end a try may have begun, where the log does not tell: the default time limits of the smtp
// transport, connect_timeout, command_timeout and data_timeout (5 minutes each), and of final_timeout (10 minutes).
const (
	connectLimit = 5 * time.Minute
	dialogLimit  = 15 * time.Minute
	atOnce       = time.Second // a refusal comes at once; stamps are cut to the second
)

// Exim's own error numbers (macros.h). Earlier versions count the three last ones from -51 on; the words come first.
const (
	errSMTPClosed  = -18
	errUnknownHost = -32
	errDNSDefer    = -36
	errTLSFailure  = -37
	errTLSRequired = -38
	errRoutedLater = -52 // not time for routing
	errLocalLater  = -53 // not time for a local delivery
	errHostLater   = -54 // not time for any remote host
	errTooMany     = -57 // concurrency limit of the transport
)

// why fills in the reason: what is behind the fields, or the words of the error's number. remote says that they are of a
// connection, not of a file.
func (l *line) why(text string, f *fields, errno int, remote bool) {
	text = strings.TrimSpace(text)
	for strings.HasPrefix(text, ": ") || strings.HasPrefix(text, " ") {
		text = text[1:]
	}
	text = strings.TrimSuffix(text, ":")
	words := l.d.Reason
	switch {
	case text == "":
		text = words
	case words != "" && remote && f.hasHost && !strings.HasPrefix(words, "SMTP "):
		// The text is what was going on when the error of words came.
	case words != "":
		text = joined(words, text)
	}
	if !f.hasHost {
		f.quotedHost(text)
	}
	l.d.Reason = text
	l.reply(text, true)
	l.d.ReasonClass = class(words, text, errno, remote)
	l.remote(f)
	if l.d.PortAssumed && strings.HasPrefix(text, "LMTP ") {
		l.d.RemotePort = lmtpPort
	}
	if f.taken == "" {
		l.d.Before = before(l.d.ReasonClass, text)
	}
}

// joined returns the text that both, which stand behind one another in the line, are in.
func joined(words, text string) string {
	if words == "" {
		return text
	}
	return words + ": " + text
}

// class says on which level a try failed: words are those of the system's error, text is Exim's.
func class(words, text string, errno int, remote bool) event.ReasonClass {
	switch {
	case isLater(text) || isLater(words), words == "" && text == "" && errno <= errRoutedLater && errno >= errTooMany:
		return event.ReasonSuspended
	case strings.HasPrefix(text, "SMTP error from remote mail"), strings.HasPrefix(text, "LMTP error "):
		return event.ReasonPolicy
	case strings.HasPrefix(text, "Malformed SMTP reply"):
		return event.ReasonOther
	case errno == errTLSFailure, errno == errTLSRequired:
		return event.ReasonTLS
	case errno == errUnknownHost, errno == errDNSDefer, isLookup(text):
		return event.ReasonDNS
	case errno == errSMTPClosed:
		return event.ReasonReset
	case !remote:
		return event.ReasonOther // Permission denied to open a file
	}
	c := event.ReasonNone
	if words != "" {
		c = mailtext.Classify(words)
	}
	if c == event.ReasonNone || c == event.ReasonOther {
		c = mailtext.Classify(text)
	}
	if c == event.ReasonOther || c == event.ReasonNone {
		if n := errnoClass(errno); n != event.ReasonNone {
			return n
		}
	}
	return c
}

// isLater reports whether s says that no try was made.
func isLater(s string) bool {
	return strings.Contains(s, "etry time not reached") || strings.Contains(s, "etry time not yet reached") ||
		strings.HasPrefix(s, "retry timeout exceeded")
}

// isLookup reports whether s is one of the ways in which routers and transports say that names are not found.
func isLookup(s string) bool {
	for _, w := range [...]string{
		"host lookup did not complete", "lookup of host ", "failed to lookup IP address", "no IP address found for host ",
		"all relevant MX records point to non-existent hosts", "missing MX, or all MXs point to missing A records",
		"all host address lookups failed permanently", "unrouteable mail domain", "an MX or SRV record indicated no SMTP service",
	} {
		if strings.HasPrefix(s, w) {
			return true
		}
	}
	return false
}

// errnoClass knows the system's error numbers: Linux', the BSDs' and macOS', and Solaris'. None of them means another thing
// in connecting elsewhere.
func errnoClass(errno int) event.ReasonClass {
	switch errno {
	case 110, 60, 145:
		return event.ReasonTimeout
	case 111, 61, 146:
		return event.ReasonRefused
	case 113, 101, 100, 112, 65, 51, 50, 64, 148, 128, 99, 49:
		return event.ReasonUnreachable
	case 104, 103, 32, 54, 53, 131:
		return event.ReasonReset
	case 1, 13:
		return event.ReasonDenied
	}
	return event.ReasonNone
}

// isDialog reports whether a text is of a connection that was there: "SMTP timeout after RCPT TO:<…>".
func isDialog(text string) bool {
	return strings.HasPrefix(text, "SMTP ") || strings.HasPrefix(text, "LMTP ")
}

// before returns how long before its end a try may have begun.
func before(c event.ReasonClass, text string) time.Duration {
	switch c {
	case event.ReasonTimeout:
		if isDialog(text) {
			return dialogLimit
		}
		return connectLimit
	case event.ReasonRefused, event.ReasonUnreachable, event.ReasonDenied:
		return atOnce
	case event.ReasonReset, event.ReasonTLS, event.ReasonPolicy:
		return dialogLimit
	}
	return 0
}

// quotedHost finds the host that Exim named within the text up to 4.85: "SMTP error from remote mail server after RCPT
// TO:<user@example.com>: host mx.example.com [203.0.113.19]: 550 no".
func (f *fields) quotedHost(text string) {
	for _, mark := range [...]string{": host ", "Remote host ", "connected to "} {
		if i := strings.Index(text, mark); i >= 0 {
			quoted := fields{}
			if quoted.host(text[i+len(mark):]); quoted.addr.IsValid() {
				*f = fields{
					name: quoted.name, addr: quoted.addr, port: quoted.port, err: quoted.err,
					hasHost: true, taken: f.taken, queued: f.queued, local: f.local,
				}
				return
			}
		}
	}
}

// host reads a line that starts with a host: one that we could not deliver to, "H=host [address]:port: text", or one that
// delivered to us, "H=host (helo) [address]:port I=[address]:port F=<sender> rejected RCPT <recipient>: text".
func (l *line) host(s string, ofMessage bool) error {
	var f fields
	rest := f.host(s[len("H="):])
	if rest == "" || rest == ":" {
		l.peer(&f)
		if f.err != nil {
			return f.err
		}
		return parse.ErrTruncated
	}
	if !f.hasName && isOutbound(rest, ofMessage) {
		l.d.Status = event.Deferred
		l.why(rest, &f, 0, true)
		return f.err
	}
	text := f.scan(rest)
	l.inbound(&f, text)
	return f.err
}

// isOutbound reports whether what stands behind a host is why it could not be delivered to (write_logs).
func isOutbound(s string, ofMessage bool) bool {
	if strings.HasPrefix(s, ": ") && len(s) > 2 {
		return true
	}
	s = strings.TrimLeft(s, " ")
	for _, w := range [...]string{
		"SMTP error from remote mail", "SMTP timeout ", "LMTP ", "Remote host ", "Malformed SMTP reply", "TLS session",
		"a TLS session is required",
	} {
		if strings.HasPrefix(s, w) {
			return true
		}
	}
	if n := strings.IndexByte(s[:min(len(s), 8)], '='); n >= 0 && isKey(s[:n]) || !ofMessage || isVerb(s) {
		return false
	}
	switch mailtext.Classify(s) {
	case event.ReasonTimeout, event.ReasonRefused, event.ReasonUnreachable, event.ReasonDenied, event.ReasonReset:
		return true
	}
	return strings.HasPrefix(s, "Network Error")
}

// isVerb reports whether s says what was done with one who delivered to us.
func isVerb(s string) bool {
	for _, w := range [...]string{
		"rejected", "temporarily rejected", "sender verify", "Warning:", "dropped by", "incomplete transaction", "RCPT ",
		"discarded", "refused",
	} {
		if strings.HasPrefix(s, w) {
			return true
		}
	}
	return false
}

// oldFailure reads how Exim up to 4.85 told of a host that it could not deliver to, behind a message id: "host [address]
// Connection timed out", "Failed to connect to host [address]: text", "SMTP error from remote mail server after RCPT
// TO:<…>: host h [address]: 451 text".
func (l *line) oldFailure(s string) bool {
	var f fields
	switch {
	case strings.HasPrefix(s, "SMTP error from remote mail"), strings.HasPrefix(s, "SMTP timeout while connected to "),
		strings.HasPrefix(s, "Remote host "), strings.HasPrefix(s, "SMTP timeout after "), strings.HasPrefix(s, "Malformed SMTP reply "):
		l.d.Status = event.Deferred
		l.why(s, &f, 0, true)
		return true
	}
	rest := s
	named := false
	for _, w := range [...]string{"Failed to connect to ", "Failed to connect to host "} {
		if r, ok := strings.CutPrefix(s, w); ok {
			rest, named = r, true
		}
	}
	text := f.host(rest)
	if !f.addr.IsValid() || f.hasName {
		return false
	}
	if !named && (f.name == "" || !isOutbound(text, true) || strings.HasSuffix(f.name, ":")) {
		return false
	}
	l.d.Status = event.Deferred
	l.why(text, &f, 0, true)
	return true
}
