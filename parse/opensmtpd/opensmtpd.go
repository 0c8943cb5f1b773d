// Package opensmtpd reads what OpenSMTPD writes to syslog: what became of each try to deliver, and who tried to deliver to
// us. It never keeps a local part, and nothing from one line for another: lines of a session carry the session's id in
// place of a queue id, so that its address and its end can be put together.
//
// Sources: usr.sbin/smtpd/mta.c (mta_log), mta_session.c, smtp_session.c, mda.c and queue.c of OpenSMTPD, from 5.4 to 7.8:
// https://github.com/OpenSMTPD/OpenSMTPD.
package opensmtpd

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
		Format: event.OpenSMTPD,
		Anchor: "SESSION mta|smtp|mda …, or smtp-in:, smtp-out:, relay: Ok|TempFail|PermFail for …",
		New:    func() parse.Parser { return new(parser) },
		Doc: parse.Doc{
			Title: "OpenSMTPD",
			Accepts: []string{
				"6.4 and later: a session's id, then mta, smtp or mda, an event and its fields",
				"6.0: the same with event= before the event",
				"5.4 to 5.9: smtp-in: and smtp-out: with sentences, relay: and delivery: with fields",
				"5.7: smtp-out: session …: evpid=…, status=…",
				"routes that are disabled, names that are not found, and the notes of the daemon",
			},
			Examples: []string{
				`Jan  5 10:11:42 mx4 smtpd[4711]: 6f2a1c0d9e8b7a65 mta connecting address=smtp://203.0.113.19:25 host=mx.example.com`,
				`Jan  5 10:16:42 mx4 smtpd[4711]: 6f2a1c0d9e8b7a65 mta error reason=Connection timeout`,
				`Jan  5 10:16:42 mx4 smtpd[4711]: 6f2a1c0d9e8b7a65 mta delivery evpid=1a2b3c4d5e6f7081 from=<sender@example.org> to=<user@example.com> rcpt=<-> source="192.0.2.25" relay="203.0.113.19 (mx.example.com)" delay=1s result="TempFail" stat="451 4.7.1 Greylisted"`,
			},
			Sources: []string{"https://github.com/OpenSMTPD/OpenSMTPD: usr.sbin/smtpd/mta.c, mta_session.c, smtp_session.c, mda.c, queue.c"},
		},
	}
}

var (
	errAddr  = errors.New("remote address is not an address")
	errDelay = errors.New("delay is not a time")
)

type parser struct {
	deliveries event.Deliveries
	arena      mailtext.Arena
}

// Match looks for the id of a session and the part of the daemon, for the sentences of earlier versions, and behind the
// program smtpd for the notes of the daemon.
func (p *parser) Match(body string, r *parse.Record) bool {
	if len(body) < 8 {
		return false
	}
	switch body[0] {
	case 's':
		return strings.HasPrefix(body, "smtp-in: ") || strings.HasPrefix(body, "smtp-out: ") || r != nil && isNote(body, r.Program)
	case 'r':
		return isOldDelivery(body, "relay: ")
	case 'd':
		return isOldDelivery(body, "delivery: ") || r != nil && isNote(body, r.Program)
	}
	if part(body) != "" {
		return true
	}
	return r != nil && isNote(body, r.Program)
}

// part returns "mta", "smtp" or "mda", which stands behind the id of a session.
func part(s string) string {
	if len(s) < 21 || s[16] != ' ' || !isID(s[:16]) {
		return ""
	}
	for _, name := range [...]string{"mta ", "smtp ", "mda "} {
		if strings.HasPrefix(s[17:], name) {
			return name[:len(name)-1]
		}
	}
	return ""
}

func isID(s string) bool {
	for i := range len(s) {
		if c := s[i]; c-'0' > 9 && c-'a' > 'f'-'a' {
			return false
		}
	}
	return len(s) == 16
}

// isOldDelivery reports whether s is "relay: TempFail for 1a2b3c4d5e6f7081: …".
func isOldDelivery(s, head string) bool {
	rest, ok := strings.CutPrefix(s, head)
	if !ok {
		return false
	}
	_, rest, ok = strings.Cut(rest, " for ")
	return ok && len(rest) > 16 && rest[16] == ':' && isID(rest[:16])
}

// isNote reports whether s is a note of a process of the daemon (log.c and proc titles of smtpd.c).
func isNote(s, program string) bool {
	if program != "smtpd" {
		return false
	}
	switch word, _, _ := strings.Cut(s, ":"); word {
	case "info", "warn", "fatal", "debug", "queue", "scheduler", "control", "lka", "mta", "mda", "smtp", "dispatcher", "ca", "parent",
		"bounce", "getaddrinfo", "getnameinfo", "Exiting", "setup_proc", "lookup", "filter", "table-api", "imsgproc":
		return true
	}
	return strings.HasPrefix(s, "pony express") || strings.HasPrefix(s, "mail delivery agent exiting")
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
	err := l.read(body)
	l.d.Reason = mailtext.Mask(&p.arena, l.d.Reason)
	raw := e.Raw
	if l.user != "" {
		if i := strings.Index(raw, l.user); i >= 0 { // user=name: of the mailbox
			raw = mailtext.Cut(&p.arena, raw, i+len("user="), i+len(l.user))
		}
	}
	e.Raw = mailtext.Mask(&p.arena, raw)
	return err
}
