package exchange

import (
	"strings"

	"mailstop/event"
	"mailstop/internal/mailtext"
	"mailstop/parse"
)

// isService reports whether s is a line of the SMTP service of IIS, in W3C extended or in IIS format.
func isService(s string) bool {
	head := s[:min(len(s), 160)]
	if s[4] == '-' && s[10] == ' ' && s[13] == ':' {
		return strings.Contains(head, " SMTPSVC") || strings.Contains(head, " OutboundConnection")
	}
	return strings.Contains(head, ", SMTPSVC")
}

// service reads such a line. "OutboundConnectionCommand" and "OutboundConnectionResponse" stand in the place of the user
// where the service is the client.
func (l *line) service(s string) error {
	if s[4] == '-' && s[10] == ' ' {
		return l.extended(s)
	}
	return l.iis(s)
}

// extended reads "2026-01-05 09:11:12 203.0.113.19 OutboundConnectionResponse SMTPSVC1 MAIL01 - 25 - - 451+4.7.1+later 0 …".
func (l *line) extended(s string) error {
	st, n := parse.ScanDateTime(s)
	if n == 0 {
		return errTime
	}
	st.Zoned = true // times are UTC
	l.r.SetTime(st, s)
	f := [12]string{}
	k := 0
	for rest := strings.TrimLeft(s[n:], " "); rest != "" && k < len(f); k++ {
		f[k], rest, _ = strings.Cut(rest, " ")
	}
	// The administrator chooses the columns: the method and the parameters stand behind the service's name, the port or both.
	addr, user := f[0], f[1]
	method, parameters := "", ""
	for i := 2; i < k; i++ {
		if isCommand(f[i]) && method == "" {
			method = f[i]
		} else if parameters == "" && (strings.IndexByte(f[i], '+') >= 0 || strings.HasPrefix(f[i], "TO:") || strings.HasPrefix(f[i], "FROM:")) {
			parameters = f[i]
		}
	}
	return l.serviced(addr, user, method, parameters)
}

// isCommand reports whether s is a command of SMTP.
func isCommand(s string) bool {
	switch s {
	case "HELO", "EHLO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "QUIT", "STARTTLS", "AUTH", "VRFY", "NOOP", "TIMEOUT", "XEXCH50":
		return true
	}
	return false
}

// iis reads "203.0.113.19, OutboundConnectionResponse, 1/5/2026, 10:11:12, SMTPSVC1, MAIL01, -, 109, 0, 20, 0, 0, -, -,
// 451+4.7.1+later,". Times are local.
func (l *line) iis(s string) error {
	row := &l.row
	row.split(s)
	for i := range row.n {
		row.field[i] = strings.TrimLeft(row.field[i], " ")
	}
	if row.n < 6 {
		return parse.ErrTruncated
	}
	st, ok := iisStamp(row.field[2], row.field[3])
	if !ok {
		return errTime
	}
	l.r.SetInnerTime(st)
	method, _, _ := strings.Cut(row.at(12), " ")
	parameters := row.at(14)
	if row.n < 14 {
		return parse.ErrTruncated
	}
	return l.serviced(row.field[0], row.field[1], method, parameters)
}

// iisStamp reads "1/5/2026" or "1/5/26", the month first, and "10:11:12".
func iisStamp(date, clock string) (st parse.Stamp, ok bool) {
	month, rest, _ := strings.Cut(date, "/")
	day, year, _ := strings.Cut(rest, "/")
	hour, rest, _ := strings.Cut(clock, ":")
	minute, second, _ := strings.Cut(rest, ":")
	v := [6]int{}
	for i, s := range [...]string{month, day, year, hour, minute, second} {
		n, ok := mailtext.Port(s)
		if !ok || len(s) > 4 {
			return st, false
		}
		v[i] = int(n)
	}
	if v[2] < 100 {
		v[2] += 2000
	}
	if v[0] < 1 || v[0] > 12 || v[1] < 1 || v[1] > 31 || v[2] < 1995 || v[2] > 2200 || v[3] > 23 || v[4] > 59 || v[5] > 60 {
		return st, false
	}
	return parse.Stamp{Month: v[0], Day: v[1], Year: v[2], Second: v[3]*3600 + v[4]*60 + min(v[5], 59)}, true
}

// serviced says what a line is of. Blanks of the parameters are plus signs.
func (l *line) serviced(addr, user, method, parameters string) error {
	d := l.d
	if d.RemoteIP = mailtext.Addr(addr); !d.RemoteIP.IsValid() {
		return errAddr
	}
	if !strings.HasPrefix(user, "OutboundConnection") {
		if method == "RCPT" {
			l.serviceRecipient(parameters)
		}
		return nil
	}
	d.RemotePort, d.PortAssumed = smtpPort, true
	if user != "OutboundConnectionResponse" {
		if method == "RCPT" {
			l.serviceRecipient(parameters)
		}
		return nil
	}
	if len(parameters) < 4 {
		return nil
	}
	code, _ := mailtext.Reply(parameters[:3])
	if code < 200 || parameters[3] != '+' && parameters[3] != '-' {
		return nil
	}
	l.answer(parameters[:3])
	dsn, _, _ := strings.Cut(parameters[4:], "+")
	d.Reason, d.DSN = parameters, mailtext.EnhancedCode(dsn)
	if code == 250 && (d.DSN == "2.6.0" || strings.Contains(parameters, "ueued")) {
		d.Status = event.Sent
	}
	return nil
}

// serviceRecipient takes over the domain of "+TO:<user@example.com>".
func (l *line) serviceRecipient(s string) {
	if _, rest, ok := strings.Cut(s, "TO:"); ok {
		if i := strings.IndexByte(rest, '>'); i >= 0 {
			l.d.RcptDomain = l.arena.Lower(mailtext.Domain(rest[:i]))
		}
	}
}
