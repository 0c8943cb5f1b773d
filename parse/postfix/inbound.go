package postfix

import (
	"strings"

	"mailstop/event"
	"mailstop/internal/mailtext"
)

// client fills in the host that a line of smtpd(8), postscreen(8), tlsproxy(8) or cleanup(8) is about, if it says so: the
// first address in brackets, behind one of the words that such lines have before it. It returns what follows.
func (l *line) client(s string) (rest string, ok bool) {
	for from, tries := 0, 0; tries < 4; tries++ {
		i := strings.IndexByte(s[from:], '[')
		if i < 0 {
			break
		}
		i += from
		from = i + 1
		name := i
		for name > 0 && isHostByte[s[name-1]] {
			name--
		}
		if !introduces(s[:name]) {
			continue
		}
		if p, ok := readPeer(s[name:]); ok {
			l.RemoteHost, l.RemoteIP, l.RemotePort = p.name, p.ip, p.port
			return s[name+p.size:], true
		}
	}
	return l.bareClient(s)
}

// bareClient reads the few lines that have an address without brackets: "addr 192.0.2.1 listed by domain …" of dnsblog(8),
// and "hostname mx.example.com does not resolve to address 192.0.2.1" of smtpd(8).
func (l *line) bareClient(s string) (rest string, ok bool) {
	s, ok = strings.CutPrefix(s, "addr ")
	if !ok {
		if _, s, ok = strings.Cut(s, " does not resolve to address "); !ok {
			return "", false
		}
	}
	word, rest, _ := strings.Cut(s, " ")
	l.RemoteIP = mailtext.Addr(strings.TrimSuffix(word, ":"))
	return rest, l.RemoteIP.IsValid()
}

// introduces reports whether the host that a line is about may follow s.
func introduces(s string) bool {
	if s == "" {
		return true
	}
	switch s[len(s)-1] {
	case ' ':
		s = s[:len(s)-1]
		switch s[strings.LastIndexByte(s, ' ')+1:] {
		case "from", "to", "for", "with", "host", "server", "warning:", "OLD", "NEW", "DISCONNECT", "WHITELISTED", "BLACKLISTED",
			"ALLOWLISTED", "DENYLISTED", "VETO", "DROP", "ENFORCE", "UNPASS", "UNFAIL", ">", "<":
			return true
		}
	case '=':
		return strings.HasSuffix(s, "client=")
	}
	return false
}

// action reads what was done with a client's mail, and why: "reject: RCPT from mx.example.com[192.0.2.1]: 554 5.7.1 text;
// from=<@a> to=<@b> proto=ESMTP helo=<c>" of smtpd and postscreen, "milter-reject: END-OF-MESSAGE from …" of cleanup, and
// "reject: header Subject: text from mx.example.com[192.0.2.1]; from=<@a> to=<@b> proto=ESMTP helo=<c>: 5.7.1 text".
func (l *line) action(s string) bool {
	i := strings.IndexByte(s, ':')
	if i < 0 || !isAction(s[:i]) {
		return false
	}
	verb, rest := s[:i], strings.TrimPrefix(s[i+1:], " ")
	text, fields := rest, ""
	for _, first := range [...]string{"; from=<", "; to=<", "; proto="} {
		if at := strings.LastIndex(rest, first); at >= 0 {
			text, fields = rest[:at], rest[at:]
			break
		}
	}
	if at := strings.Index(fields, " to=<"); at >= 0 {
		addr, _, _ := strings.Cut(fields[at+len(" to=<"):], ">")
		l.RcptDomain = l.arena.Domain(addr)
	}
	if isContent(text) {
		// The sender of a message may have written anything before the host, even another one.
		if strings.Contains(fields, " proto=") {
			l.client(text[max(0, strings.LastIndex(text, " from ")):])
		}
		if at := strings.LastIndex(fields, ">: "); at >= 0 {
			l.Reason = fields[at+len(">: "):]
		}
	} else if behind, ok := l.client(text); ok {
		l.Reason = strings.TrimPrefix(behind, ": ")
	} else if _, behind, ok := strings.Cut(text, ": "); ok { // "proxy-reject: END-OF-MESSAGE: 554 5.7.0 text"
		l.Reason = behind
	}
	if l.SMTPCode, l.DSN = mailtext.Reply(l.Reason); l.SMTPCode == 0 {
		l.DSN = mailtext.EnhancedCode(l.Reason) // of a milter
	}
	if strings.HasSuffix(verb, "reject") {
		l.ReasonClass = event.ReasonPolicy
	}
	return true
}

// isContent reports whether a text is of a line of a message: header_checks, mime_header_checks, body_checks.
func isContent(s string) bool {
	word, _, _ := strings.Cut(s, " ")
	return word == "header" || word == "body" || word == "mime-header" || word == "nested-header"
}

// isAction reports whether a word says what was done with a client's mail.
func isAction(s string) bool {
	switch s {
	case "reject", "reject_warning", "milter-reject", "milter-hold", "milter-discard", "milter-header-redirect", "discard", "filter",
		"hold", "redirect", "warn", "warning", "info", "permit", "delay", "prepend", "replace", "strip", "bcc", "proxy-reject", "proxy-accept":
		return true
	}
	return false
}
