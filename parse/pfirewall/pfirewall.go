// Package pfirewall reads pfirewall.log, the text log of the Windows Firewall and of the Internet Connection Firewall
// before it. The columns are those of the latest "#Fields:" line; it guesses none that a line does not have, and takes
// no value from where a line was cut.
//
// Source: Microsoft, "Interpreting the Windows Firewall Log" (Windows Server 2003) and "Configuring Firewall Log Files"
// (Windows Server 2008 R2). The column pid is of Windows 11 and Windows Server 2022.
package pfirewall

import (
	"errors"
	"strconv"
	"strings"

	"mailstop/event"
	"mailstop/parse"
)

// Kind returns the format.
func Kind() parse.Kind {
	return parse.Kind{
		Format: event.PFirewall,
		Anchor: "2026-01-05 10:11:12 DROP TCP … (also ALLOW, OPEN, OPEN-INBOUND, CLOSE, INFO-EVENTS-LOST)",
		New:    func() parse.Parser { return &parser{} },
		Doc: parse.Doc{
			Title: "Windows Firewall: pfirewall.log",
			Accepts: []string{
				"17 columns as since Windows XP SP2, 18 with pid as since Windows 11 and Server 2022, 16 without path as before XP SP2",
				"any other list of columns that a #Fields line gives, also in the middle of a file",
				"DROP and ALLOW; OPEN, OPEN-INBOUND and CLOSE of Windows XP and Server 2003",
				"INFO-EVENTS-LOST with its count in whatever column: a gap, noted as such",
				"local time, or UTC if #Time Format says so",
				"NUL bytes where the file was extended in advance, CRLF, IPv6 zones",
			},
			Examples: []string{
				"2026-01-05 10:11:12 DROP TCP 203.0.113.9 192.0.2.25 51234 25 52 S 305419896 0 8192 - - - RECEIVE 4",
				"2026-01-05 10:11:13 DROP TCP 192.0.2.25 203.0.113.19 61005 25 0 - 0 0 0 - - - SEND",
				"2026-01-05 10:11:15 ALLOW ICMP fe80::1 ff02::1 - - 0 - - - - 134 0 - RECEIVE",
				"2026-01-05 10:11:16 INFO-EVENTS-LOST - - - - - - - - - - - - 12 -",
			},
			Sources: []string{
				"Microsoft, Interpreting the Windows Firewall Log (Windows Server 2003)",
				"Microsoft, Configuring Firewall Log Files (Windows Server 2008 R2)",
			},
		},
	}
}

type parser struct {
	columns []column // of the latest #Fields line that is a firewall's; nil before the first
	custom  bool     // columns does not begin with date, time, action, protocol, src-ip
	utc     bool

	date  [len("2026-01-05")]byte // of the line before
	stamp parse.Stamp             // of that date; Month is 0 if there is none
}

var (
	errAddress  = errors.New("no address")
	errNumber   = errors.New("no number, or out of range")
	errProtocol = errors.New("unknown protocol")
	errFlags    = errors.New("unknown TCP flags")
	errPath     = errors.New("unknown path")
	errStamp    = errors.New("no date and time")
	errMore     = errors.New("more values than columns")
	errNUL      = errors.New("NUL bytes inside the line")
)

// Headers takes the columns and the time's zone from the lines that begin with '#'. A list of another program's columns,
// which share the syntax, puts an end to this format's.
func (p *parser) Headers(lines []string) {
	p.columns, p.custom, p.utc = nil, false, false
	for _, line := range lines {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		switch {
		case strings.EqualFold(name, "#Fields"):
			p.columns, p.custom = readColumns(value)
		case strings.EqualFold(name, "#Time Format"):
			p.utc = strings.EqualFold(strings.TrimSpace(value), "UTC")
		}
	}
}

// Match looks for a date, a time, an action and what can be a protocol and an address.
func (p *parser) Match(body string, _ *parse.Record) bool {
	if p.custom {
		return p.matchCustom(body)
	}
	const stamp = len("2026-01-05 10:11:12 ")
	if len(body) < stamp+len("DROP") || body[0]-'0' > 9 || body[4] != '-' || body[7] != '-' || body[10] != ' ' ||
		body[13] != ':' || body[16] != ':' || body[19] != ' ' {
		return false
	}
	action, _ := cutToken(body[stamp:])
	v := verbOf(action)
	if v == verbNone {
		return false
	}
	rest := trimBlanks(body[stamp+len(action):])
	if v == verbLost || rest == "" {
		return true
	}
	protocol, rest := cutToken(rest)
	if rest = trimBlanks(rest); rest == "" {
		return isProtocolStart[protocol[0]]
	}
	return isProtocolStart[protocol[0]] && isAddressStart[rest[0]]
}

// matchCustom looks for the action and the source address where #Fields says.
func (p *parser) matchCustom(body string) bool {
	verb, source := false, false
	rest := body
	for _, c := range p.columns {
		var token string
		token, rest = cutToken(trimBlanks(rest))
		if token == "" {
			break
		}
		switch c {
		case colAction:
			v := verbOf(token)
			if v == verbLost {
				return true
			}
			verb = v != verbNone
		case colSrcIP:
			source = isAddressStart[token[0]]
		}
	}
	return verb && source
}

// Parse reads one line.
func (p *parser) Parse(body string, r *parse.Record) error {
	err := p.time(body, r)
	r.Verdict = event.VerdictField
	if err == nil && p.fast(body, r.Entry) {
		return nil
	}
	return p.careful(body, r.Entry, err)
}

// careful reads whatever the columns are. err is what is already known to be wrong.
func (p *parser) careful(body string, e *event.Entry, err error) error {
	var damaged error
	if i := strings.IndexByte(body, 0); i >= 0 {
		// The file is extended in advance by NUL bytes; what follows them is not this line's.
		body, damaged = body[:i], errNUL
	}
	l := line{Entry: e, err: err}
	columns, least := p.columns, len(p.columns)
	if columns == nil {
		columns, least = newest, withoutPath
	}
	n := 0
	for rest := body; ; n++ {
		if rest = trimBlanks(rest); rest == "" {
			break
		}
		var token string
		token, rest = cutToken(rest)
		if n == len(columns) {
			if p.columns == nil || !p.isPID(token, rest) {
				l.fail(errMore)
				break
			}
			l.read(colPID, token)
			continue
		}
		if rest == "" && n < least-1 && !isWhole(columns[n], token) {
			continue
		}
		l.read(columns[n], token)
	}
	if damaged != nil {
		l.fail(damaged)
	}
	switch {
	case l.lost:
		return gap(body, e)
	case n < least:
		l.fail(parse.ErrTruncated)
	}
	l.finish()
	return l.err
}

// isWhole reports whether a value that ends where the line does cannot be the head of a longer one.
func isWhole(c column, value string) bool {
	return c == colPath || c == colAction && verbOf(value) != verbOpen
}

// time reads the stamp, which stands at the head unless #Fields has moved it.
func (p *parser) time(body string, r *parse.Record) error {
	if p.custom {
		return p.timeCustom(body, r)
	}
	st, ok := p.scanStamp(body)
	if !ok {
		return errStamp
	}
	if p.utc {
		st.Zoned = true
	}
	r.SetTime(st, body)
	return nil
}

// scanStamp reads the stamp at the head; mostly its date is that of the line before.
func (p *parser) scanStamp(body string) (parse.Stamp, bool) {
	const size = len("2026-01-05 10:11:12 D")
	if p.stamp.Month != 0 && len(body) >= size && body[:len(p.date)] == string(p.date[:]) && body[10] == ' ' &&
		body[19] == ' ' && body[20]-'A' < 'Y'-'A' { // neither a fraction nor a zone
		if second, ok := secondOfDay(body[11:19]); ok {
			st := p.stamp
			st.Second = second
			return st, true
		}
	}
	st, n := parse.ScanStamp(body)
	if n == 0 {
		return st, false
	}
	p.stamp = parse.Stamp{}
	if n == size-2 && !st.Zoned && len(body) > n && body[n] == ' ' {
		p.stamp = st
		copy(p.date[:], body)
	}
	return st, true
}

// secondOfDay reads "10:11:12"; leap seconds are parse.ScanStamp's.
func secondOfDay(s string) (int, bool) {
	h, m, sec := twoDigits(s[0], s[1]), twoDigits(s[3], s[4]), twoDigits(s[6], s[7])
	return int(h*3600 + m*60 + sec), s[2] == ':' && s[5] == ':' && h < 24 && m < 60 && sec < 60
}

// twoDigits returns the number that two digits are, or one above 99.
func twoDigits(a, b byte) uint {
	if a-'0' > 9 || b-'0' > 9 {
		return 100
	}
	return uint(a-'0')*10 + uint(b-'0')
}

func (p *parser) timeCustom(body string, r *parse.Record) error {
	rest, date, clock := body, "", ""
	for _, c := range p.columns {
		var token string
		token, rest = cutToken(trimBlanks(rest))
		switch c {
		case colDate:
			date = token
		case colTime:
			clock = token
		}
	}
	if len(date) != len("2026-01-05") || len(clock) < len("10:11:12") || len(clock) > 18 {
		return errStamp
	}
	var stamp [32]byte
	text := append(append(append(stamp[:0], date...), ' '), clock...)
	st, n := parse.ScanDateTime(string(text))
	if n != len(text) {
		return errStamp
	}
	if p.utc {
		st.Zoned = true
	}
	if strings.HasPrefix(body, date+" "+clock) {
		r.SetTime(st, body)
	} else {
		r.SetInnerTime(st)
	}
	return nil
}

// isPID reports whether a value behind the last of the 17 columns is the pid that a #Fields line from before an upgrade
// does not name.
func (p *parser) isPID(token, rest string) bool {
	return !p.custom && len(p.columns) == withPath && rest == "" && (token == "-" || token[0]-'0' <= 9)
}

// gap notes how many events the firewall could not write down. The count is in the info column, but not in every version:
// it is the only number behind the action.
func gap(body string, e *event.Entry) error {
	e.Action, e.Note = event.Observe, "events lost"
	_, rest, _ := strings.Cut(body, lostWord)
	for rest != "" {
		var token string
		if token, rest = cutToken(trimBlanks(rest)); token == "-" {
			continue
		}
		if n, err := strconv.ParseUint(token, 10, 32); err == nil {
			if e.Note = strconv.FormatUint(n, 10) + " events lost"; n == 1 {
				e.Note = "1 event lost"
			}
			return nil
		}
	}
	return nil
}
