package opensmtpd

import (
	"strings"
	"time"

	"mailstop/event"
	"mailstop/internal/mailtext"
)

// next returns the field that s starts with, "key=value", "key=<value>" or "key="value"", and what is behind it. gap is
// what stands between fields.
func next(s, gap string) (key, value, rest string, whole bool) {
	s = strings.TrimLeft(s, " ")
	n := strings.IndexByte(s[:min(len(s), 32)], '=')
	if n <= 0 || strings.IndexByte(s[:n], ' ') >= 0 {
		word, rest, _ := strings.Cut(s, " ")
		return "", word, rest, rest != ""
	}
	key, value = s[:n], s[n+1:]
	switch {
	case key == "stat": // the last one
		if strings.HasPrefix(value, `"`) {
			value = strings.TrimSuffix(value[1:], `"`)
		}
		return key, value, "", true
	case strings.HasPrefix(value, "<"):
		return quotedField(key, value, ">", gap)
	case strings.HasPrefix(value, `"`):
		return quotedField(key, value, `"`, gap)
	}
	i := strings.Index(value, gap)
	if i < 0 {
		return key, value, "", false
	}
	return key, value[:i], value[i+len(gap):], true
}

// quotedField ends at a mark that the gap between fields, or the end, follows.
func quotedField(key, s, mark, gap string) (_, value, rest string, whole bool) {
	for from := 1; ; {
		i := strings.Index(s[from:], mark)
		if i < 0 {
			return key, s[1:], "", false
		}
		i += from
		if rest = s[i+1:]; rest == "" || strings.HasPrefix(rest, gap) {
			return key, s[1:i], strings.TrimPrefix(rest, gap), true
		}
		from = i + 1
	}
}

// field returns the value of one field.
func field(s, name string) (string, bool) {
	for s != "" {
		key, value, rest, _ := next(s, " ")
		if len(key)+1 == len(name) && key == name[:len(key)] {
			return value, true
		}
		s = rest
	}
	return "", false
}

// fields reads the fields of a line. A value that may be cut is not taken.
func (l *line) fields(s, gap string) {
	for s != "" {
		key, value, rest, whole := next(s, gap)
		l.field(key, value, whole)
		s = rest
	}
}

func (l *line) field(key, value string, whole bool) {
	d := l.d
	switch key {
	case "evpid":
		if len(value) == 16 {
			d.QueueID = value
		}
	case "to":
		if whole {
			d.RcptDomain = l.arena.Lower(mailtext.Domain(value))
		}
	case "user":
		l.user = "user=" + value
	case "relay":
		if whole {
			l.relay(value)
		}
	case "address":
		l.address(value, whole)
	case "host":
		l.host(value)
	case "delay":
		if whole {
			l.delay(value)
		}
	case "result", "status":
		if whole {
			d.Status = status(value)
		}
	case "stat":
		d.Reason = value
	case "nrcpt", "ndest":
		if port, ok := mailtext.Port(value); ok {
			d.Recipients = port
		}
	}
}

func status(s string) event.DeliveryStatus {
	switch s {
	case "Ok":
		return event.Sent
	case "TempFail":
		return event.Deferred
	case "PermFail", "Expire", "Expired", "Loop":
		return event.Bounced
	}
	return event.StatusNone
}

// relay reads "203.0.113.19 (mx.example.com)", or the domain if no address was tried.
func (l *line) relay(s string) {
	addr, name, _ := strings.Cut(s, " ")
	if l.d.RemoteIP = mailtext.Addr(addr); l.d.RemoteIP.IsValid() {
		l.relayed = true
		l.host(strings.Trim(name, "()"))
		return
	}
	l.host(addr)
}

// address reads "smtp+tls://203.0.113.19:25", and the address of a client: "203.0.113.9", "[2001:db8::9]", "local".
func (l *line) address(s string, whole bool) {
	if _, rest, ok := strings.Cut(s, "://"); ok {
		s = rest
	}
	addr, port, ok := mailtext.Endpoint(s)
	if !ok {
		if s != "local" && whole {
			l.err = errAddr
		}
		return
	}
	if whole {
		l.d.RemoteIP, l.d.RemotePort = addr, port
	}
}

// host keeps a name; addresses and "<unknown>" stand where there is none.
func (l *line) host(s string) {
	if strings.IndexByte(s, '.') > 0 && s[0] != '<' && !mailtext.Addr(s).IsValid() {
		l.d.RemoteHost = s
	}
}

// delay reads "1d2h3m4s" (to.c, duration_to_text).
func (l *line) delay(s string) {
	var d time.Duration
	for rest := s; rest != ""; {
		v, i := time.Duration(0), 0
		for i < len(rest) && i < 6 && rest[i]-'0' <= 9 {
			v = v*10 + time.Duration(rest[i]-'0')
			i++
		}
		if i == 0 || i == len(rest) {
			l.err = errDelay
			return
		}
		switch rest[i] {
		case 'd':
			d += v * 24 * time.Hour
		case 'h':
			d += v * time.Hour
		case 'm':
			d += v * time.Minute
		case 's':
			d += v * time.Second
		default:
			l.err = errDelay
			return
		}
		if d < 0 || d > 1<<61 {
			l.err = errDelay
			return
		}
		rest = rest[i+1:]
	}
	l.d.Delay, l.d.HasDelay = d, true
}
