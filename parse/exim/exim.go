// Package exim reads the logs of Exim: mainlog, rejectlog and paniclog, as files and as syslog carries them. It tells what
// became of each try to deliver, and who tried to deliver to us. It never keeps a local part, and never takes the reason of
// an earlier try for that of a new one: "retry time not reached" is no try.
//
// Sources: src/deliver.c (delivery_log, deferral_log, failure_log), src/transports/smtp.c (write_logs, check_response),
// src/smtp_in.c, src/receive.c, src/log.c, src/macros.h (ERRNO_…) and the chapter "Log files" of the specification, in
// https://code.exim.org/exim/exim.
package exim

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
		Format: event.Exim,
		Anchor: "Exim's own stamp and message id, or the program exim",
		New:    func() parse.Parser { return new(parser) },
		Doc: parse.Doc{
			Title: "Exim: mainlog, rejectlog, paniclog",
			Accepts: []string{
				"files with Exim's stamp, also with milliseconds, the zone (log_timezone) and the process id (+pid)",
				"syslog, with Exim's stamp repeated or removed, and with long lines split as [1/3]",
				"message ids of Exim up to 4.96 (6-6-2) and of 4.97 and later (6-11-4)",
				"arrivals <=, deliveries =>, -> and >>, suppressed ones *>, failures **, deferrals == with the system's or Exim's own error number",
				"failures of one host of several, in the words of Exim 4.86 and later and of earlier ones",
				"connections, rejections, timeouts, TLS and protocol errors of those who deliver to us",
				"the message headers that rejectlog holds, as notes",
			},
			Examples: []string{
				"2026-01-05 10:11:42 1tUxyz-0001Ab-2C H=mx.example.com [203.0.113.19] Connection timed out",
				"2026-01-05 10:11:42 1tUxyz-0001Ab-2C == user@example.com R=dnslookup T=remote_smtp defer (110): Connection timed out H=mx.example.com [203.0.113.19]",
				"2026-01-05 10:15:00 +0100 1tUxyz-00000000abc-0DeF == user@example.com R=dnslookup T=remote_smtp defer (-53): retry time not reached for any host for 'example.com'",
				"2026-01-05 10:16:00 H=(mail.example.org) [203.0.113.9]:51234 I=[192.0.2.25]:25 F=<a@example.org> rejected RCPT <u@example.net>: relay not permitted",
			},
			Sources: []string{
				"https://www.exim.org/exim-html-current/doc/html/spec_html/ch-log_files.html",
				"https://code.exim.org/exim/exim: src/src/deliver.c, src/src/transports/smtp.c, src/src/smtp_in.c, src/src/macros.h",
			},
		},
	}
}

var (
	errAddr  = errors.New("remote address is not an address")
	errPort  = errors.New("remote port is not a number up to 65535")
	errErrno = errors.New("number of the error is not a number")
)

const (
	noteSplit  = "continuation of a split line"
	noteHeader = "header of a rejected message"
)

// smtpPort is what Exim connects to if the log does not tell (no +outgoing_port).
const (
	smtpPort = 25
	lmtpPort = 24
)

type parser struct {
	deliveries event.Deliveries
	arena      mailtext.Arena
}

// Match looks for the program, or for Exim's stamp and what only Exim writes behind it, or for a message id and a flag.
func (p *parser) Match(body string, r *parse.Record) bool {
	if r != nil && strings.HasPrefix(r.Program, "exim") {
		return true
	}
	if len(body) < 12 || !mayBe(body) {
		return false
	}
	h, ok := scanHead(body)
	switch {
	case !ok:
		return isRejected(body)
	case h.tagged:
		return true
	case h.part > 1:
		return h.stamped // a part that is not the first has no stamp: it cannot be told
	case h.id != "":
		return h.stamped && (h.rest == "" || h.text[len(h.text)-len(h.rest)-1] == ' ') || isFlag(h.rest)
	}
	return h.stamped && starting(h.rest).known && isSure(h.rest)
}

// mayBe looks at a few bytes of s: is there a stamp, a message id, a part's number, the program, or a header of rejectlog?
func mayBe(s string) bool {
	c := s[0]
	switch {
	case c == '[':
		return s[1]-'0' <= 9
	case c-'0' <= 9 && s[4] == '-' && s[7] == '-', s[6] == '-', s[1] == ' ':
		return true
	case c == 'E':
		return strings.HasPrefix(s, "Envelope-")
	case c == 'e' && strings.HasPrefix(s, "exim"):
		return true
	}
	i := strings.IndexByte(s[:min(len(s), 80)], ' ')
	return i > 0 && strings.HasPrefix(s[i+1:], "exim")
}

// Parse reads one line.
func (p *parser) Parse(body string, r *parse.Record) error {
	e := r.Entry
	h, _ := scanHead(body)
	if h.host != "" {
		e.Host = h.host
	}
	if e.Process = r.Program; e.Process == "" {
		e.Process = h.program
	}
	if h.stamped {
		if h.stampAt == 0 {
			r.SetTime(h.stamp, body)
		} else {
			r.SetInnerTime(h.stamp)
		}
	}
	if !h.hasPID {
		h.pid, h.hasPID = mailtext.PID(e.Raw, body, r.Program)
	}
	if h.hasPID {
		e.PID = h.pid
		e.Has |= event.HasPID
	}
	switch {
	case h.part > 1:
		e.Note = noteSplit
	case !h.stamped && h.id == "" && isRejected(body):
		e.Note = noteHeader
	default:
		e.Delivery = p.deliveries.New()
		l := line{parser: p, d: e.Delivery}
		l.d.QueueID = h.id
		err := l.read(h)
		l.d.Reason = mailtext.Mask(&p.arena, l.d.Reason)
		e.Raw = mailtext.Mask(&p.arena, withoutWord(&p.arena, e.Raw, l.bare))
		return err
	}
	e.Raw = mailtext.Mask(&p.arena, e.Raw)
	return nil
}

// withoutWord returns raw without the local part that stands bare behind a flag, as in "=> user <user@example.com>".
func withoutWord(a *mailtext.Arena, raw, word string) string {
	if word == "" {
		return raw
	}
	for from := 0; ; {
		i := strings.Index(raw[from:], word)
		if i < 0 {
			return raw
		}
		i += from
		from = i + len(word)
		if i > 0 && raw[i-1] == ' ' && (from == len(raw) || raw[from] == ' ' || raw[from] == ':' || raw[from] == '"') {
			return mailtext.Cut(a, raw, i, from)
		}
	}
}
