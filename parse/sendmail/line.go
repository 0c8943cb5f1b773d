package sendmail

import (
	"math"
	"strings"
	"time"

	"mailstop/event"
	"mailstop/internal/mailtext"
	"mailstop/parse"
)

// smtpPort is what mailers connect to: the log never tells.
const smtpPort = 25

// A line is one that is being read.
type line struct {
	*parser
	d      *event.Delivery
	bare   [3]string // fields that hold a local part alone: "to=root"
	stat   string
	mailer string
	xdelay time.Duration
	err    error

	hasStat, hasXDelay, hasRelay, arrival bool
}

// read reads what is behind the queue id.
func (l *line) read(s string) error {
	switch {
	case strings.HasPrefix(s, "to="), strings.HasPrefix(s, "ctladdr="):
		l.fields(s)
		return l.delivery()
	case strings.HasPrefix(s, "from="):
		l.arrival = true
		l.fields(s)
		return l.err
	case strings.HasPrefix(s, "ruleset="), strings.HasPrefix(s, "Milter: "):
		l.arrival = true
		l.fields(strings.TrimPrefix(s, "Milter: "))
		return l.err
	case s == "":
		return parse.ErrTruncated
	}
	l.other(s)
	return nil
}

// fields reads "key=value, key=value". The texts behind stat= and reject= go to the end.
func (l *line) fields(s string) {
	recipient := ""
	for s != "" {
		n := keyLen(s)
		if n == 0 {
			return
		}
		key, value := s[:n], s[n+1:]
		if key == "stat" || key == "reject" {
			l.text(key, value, recipient)
			return
		}
		end := valueEnd(value, key)
		whole := end < len(value) // else it may be cut
		field := s[:n+1+end]
		s = strings.TrimPrefix(value[end:], ", ")
		value = value[:end]
		switch key {
		case "to", "arg1":
			recipient = value
			if key == "to" {
				l.recipients(field, value, whole)
			}
		case "from":
			l.local(0, field, value)
		case "ctladdr":
			l.local(1, field, value)
		case "nrcpts":
			l.d.Recipients = count(value)
		case "mailer":
			l.mailer = value
		case "relay":
			l.relay(value, whole)
		case "dsn":
			if whole {
				l.d.DSN = mailtext.EnhancedCode(value)
			}
		case "delay":
			l.d.Delay, l.d.HasDelay = l.duration(value, whole)
		case "xdelay":
			l.xdelay, l.hasXDelay = l.duration(value, whole)
		}
	}
}

// text reads what ends a line: what became of a delivery, or why something was refused.
func (l *line) text(key, value, recipient string) {
	if key == "stat" {
		l.stat, l.hasStat = value, true
		return
	}
	l.d.Reason, l.d.ReasonClass = value, event.ReasonPolicy
	if code, dsn := mailtext.Reply(value); code >= 400 {
		l.d.SMTPCode, l.d.DSN = code, dsn
	}
	l.d.RcptDomain = l.arena.Lower(mailtext.Domain(recipient))
}

// keyLen returns the length of the key that s starts with, before its equals sign.
func keyLen(s string) int {
	n := 0
	for n < len(s) && n < 24 && (s[n]|0x20-'a' <= 25 || s[n]-'0' <= 9 || s[n] == '_') {
		n++
	}
	if n < len(s) && s[n] == '=' {
		return n
	}
	return 0
}

// valueEnd returns where a value ends: at ", " with a key behind it, outside the quotes of a local part.
func valueEnd(s, key string) int {
	quotes := (key == "to" || key == "from" || key == "ctladdr" || key == "arg1") && strings.IndexByte(s, '"') >= 0
	for i := 0; i < len(s); i++ {
		if quotes {
			if i = skipQuotes(s, i); i >= len(s) {
				break
			}
		} else if n := strings.Index(s[i:], ", "); n >= 0 {
			i += n
		} else {
			break
		}
		if strings.HasPrefix(s[i:], ", ") && keyLen(s[i+2:]) > 0 {
			return i
		}
	}
	return len(s)
}

// skipQuotes returns the index of the '"' that closes the one at i, or i if there is none at i.
func skipQuotes(s string, i int) int {
	if s[i] != '"' {
		return i
	}
	for i++; i < len(s) && s[i] != '"'; i++ {
		if s[i] == '\\' {
			i++
		}
	}
	return i
}

// recipients reads "<a@example.com>,<b@example.org>".
func (l *line) recipients(field, value string, whole bool) {
	first, more := value, 0
	for i, quoted := 0, false; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == ',' && !quoted:
			if more++; more == 1 {
				first = value[:i]
			}
		}
	}
	if more > 0 {
		l.d.Recipients = uint16(min(more+1, math.MaxUint16))
	}
	if whole || more > 0 {
		l.d.RcptDomain = l.arena.Lower(mailtext.Domain(first))
	}
	l.local(2, field, value)
}

// local keeps a field whose value is a local part alone, to be taken out of the line: to=root, ctladdr=root (0/0).
func (l *line) local(i int, field, value string) {
	if value == "" || strings.ContainsAny(value, "<@|/") && !strings.HasSuffix(value, ")") || strings.ContainsAny(value, "<@|") {
		return
	}
	if at := strings.IndexByte(value, ' '); at >= 0 {
		field = field[:len(field)-len(value)+at]
	}
	l.bare[i] = field
}

// relay reads "mx.example.com. [203.0.113.19]", "[203.0.113.19] [203.0.113.19]", "user@name [address] (may be forged)".
func (l *line) relay(s string, whole bool) {
	l.hasRelay = true
	name := s
	if i := strings.LastIndexByte(s, '['); i >= 0 {
		end := strings.IndexByte(s[i:], ']')
		if end > 0 {
			l.d.RemoteIP = mailtext.Addr(s[i : i+end+1])
		}
		if !l.d.RemoteIP.IsValid() {
			l.err = errRelay
		}
		name = strings.TrimRight(s[:i], " ")
	} else if !whole {
		return
	}
	name = name[strings.LastIndexByte(name, '@')+1:]
	if name = strings.TrimSuffix(name, "."); !strings.ContainsAny(name, " []") && !mailtext.Addr(name).IsValid() {
		l.d.RemoteHost = name
	}
}

// duration reads "00:05:31" and "3+00:05:31".
func (l *line) duration(s string, whole bool) (time.Duration, bool) {
	if !whole {
		return 0, false
	}
	days := 0
	text := s
	if i := strings.IndexByte(s, '+'); i > 0 && i < 6 {
		for _, c := range []byte(s[:i]) {
			if c-'0' > 9 {
				l.err = errDelay
				return 0, false
			}
			days = days*10 + int(c-'0')
		}
		text = s[i+1:]
	}
	if len(text) != 8 || text[2] != ':' || text[5] != ':' {
		l.err = errDelay
		return 0, false
	}
	v := [3]int{}
	for i := range v {
		a, b := text[i*3]-'0', text[i*3+1]-'0'
		if a > 9 || b > 9 {
			l.err = errDelay
			return 0, false
		}
		v[i] = int(a)*10 + int(b)
	}
	return time.Duration(((days*24+v[0])*60+v[1])*60+v[2]) * time.Second, true
}

func count(s string) uint16 {
	n := 0
	for i := range len(s) {
		if s[i]-'0' > 9 || i > 4 {
			return 0
		}
		n = n*10 + int(s[i]-'0')
	}
	return uint16(min(n, math.MaxUint16))
}
