package exim

import (
	"net/netip"
	"strings"

	"mailstop/internal/mailtext"
)

// The fields of a line, "H=mx.example.com [203.0.113.19]:25 DT=2s", as far as they are of use.
type fields struct {
	name    string // of the host, as far as DNS told it: without the name that the host gives itself
	confirm string // C=, the reply to the message
	taken   string // DT=, how long the delivery took
	queued  string // QT=, how long the message was here
	addr    netip.Addr
	port    uint16
	hasHost bool // there is an H=
	hasName bool // the host gives itself a name, as those do who deliver to us
	local   bool // T= names a transport of LMTP
	err     error
}

// scan reads the fields that s starts with, and returns what is behind them without a blank: text, or ": " and text.
func (f *fields) scan(s string) string {
	for {
		s = strings.TrimLeft(s, " ")
		n := strings.IndexByte(s[:min(len(s), 8)], '=')
		if n < 0 || !isKey(s[:n]) {
			word, rest, _ := strings.Cut(s, " ")
			if !isMark(word) {
				return s
			}
			s = rest
			continue
		}
		key, value := s[:n], s[n+1:]
		if key == "H" {
			s = f.host(value)
			continue
		}
		var end bool
		value, s, end = fieldValue(value)
		switch key {
		case "C":
			f.confirm = value
		case "DT":
			f.taken = value
		case "QT":
			f.queued = value
		case "T":
			f.local = strings.Contains(value, "lmtp")
		}
		if end {
			return s
		}
	}
}

// isKey reports whether s is the name of a field: letters, of which those of M8S have a digit.
func isKey(s string) bool {
	for i := range len(s) {
		if c := s[i]; c|0x20-'a' > 25 && c-'0' > 9 {
			return false
		}
	}
	return s != "" && s[0]|0x20-'a' <= 25
}

// isMark reports whether a word between fields only says how a connection was used: pipelining, CHUNKING, DNSSEC, PRDR,
// TCP fast open.
func isMark(s string) bool {
	switch s {
	case "L", "L*", "L-", "K", "DS", "PRDR", "TFO", "TFO*":
		return true
	}
	return false
}

// fieldValue returns a field's value and what is behind it. end means that a colon ends the fields: "T=remote_smtp: text".
func fieldValue(s string) (value, rest string, end bool) {
	switch {
	case s == "":
		return "", "", false
	case s[0] == '"':
		i := 1
		for i < len(s) && s[i] != '"' {
			if s[i] == '\\' {
				i++
			}
			i++
		}
		if i >= len(s) {
			return s[1:], "", true
		}
		return s[1:i], s[i+1:], false
	case s[0] == '<':
		if i := strings.IndexByte(s, '>'); i >= 0 {
			return s[1:i], s[i+1:], false
		}
	}
	i := strings.IndexByte(s, ' ')
	if i < 0 {
		return s, "", false
	}
	if i > 0 && s[i-1] == ':' {
		return s[:i-1], s[i-1:], true
	}
	return s[:i], s[i:], false
}

// host reads "name (helo) [address]:port" behind H=, and returns what is behind it. The port has an asterisk if the
// connection was used before.
func (f *fields) host(s string) string {
	f.hasHost = true
	for s != "" {
		switch {
		case s[0] == '[':
			i := strings.IndexByte(s, ']')
			if i < 0 {
				f.err = errAddr
				return ""
			}
			if f.name == "" && strings.HasPrefix(s[i+1:], " [") { // a host that is given by its address
				f.name, s = s[:i+1], s[i+2:]
				continue
			}
			if f.addr = mailtext.Addr(s[1:i]); !f.addr.IsValid() {
				f.err = errAddr
			}
			return f.scanPort(s[i+1:])
		case s[0] == '(':
			i := strings.Index(s, ") [")
			if i < 0 {
				return s
			}
			f.hasName = true
			s = s[i+2:]
		default:
			i := strings.IndexByte(s, ' ')
			if i < 0 {
				return "" // perhaps cut
			}
			if f.name != "" && s[:i] != "DS" {
				return s
			}
			if f.name == "" {
				f.name = s[:i]
			}
			if s = s[i+1:]; s == "" || s[0] != '[' && s[0] != '(' && !strings.HasPrefix(s, "DS [") {
				return s // of a local delivery
			}
		}
	}
	return s
}

func (f *fields) scanPort(s string) string {
	if len(s) > 1 && s[0] == ':' && s[1] != ' ' {
		i := 1
		for i < len(s) && s[i] != ' ' && s[i] != ':' && s[i] != '*' {
			i++
		}
		port, ok := mailtext.Port(s[1:i])
		if !ok {
			f.err = errPort
		}
		f.port = port
		s = s[i:]
	}
	return strings.TrimPrefix(s, "*")
}

// peer finds the host in a text such as "SMTP connection from mx.example.com (helo) [192.0.2.1]:51234 I=[…]:25 lost".
func (f *fields) peer(s string) {
	for from := 0; ; {
		i := strings.IndexByte(s[from:], '[')
		if i < 0 {
			return
		}
		i += from
		from = i + 1
		if i > 0 && s[i-1] != ' ' && !strings.HasSuffix(s[:i], " H=") && s[:i] != "H=" {
			continue // of I=, or a name that the host gives itself
		}
		end := strings.IndexByte(s[i:], ']')
		if end < 0 {
			return
		}
		addr := mailtext.Addr(s[i+1 : i+end])
		if !addr.IsValid() {
			continue
		}
		f.hasHost, f.addr = true, addr
		f.scanPort(s[i+end+1:])
		f.name = nameBefore(strings.TrimRight(s[:i], " "))
		return
	}
}

// nameBefore returns the name of the host that ends s, without the one that it gives itself, which is in parentheses.
func nameBefore(s string) string {
	if strings.HasSuffix(s, ")") {
		s = strings.TrimRight(s[:strings.LastIndexByte(s, '(')+1], "( ")
	}
	s = s[strings.LastIndexByte(s, ' ')+1:]
	s = strings.TrimPrefix(strings.TrimPrefix(s, "H="), "(host=")
	if strings.IndexByte(s, '.') < 0 && s != "localhost" {
		return "" // "from"
	}
	return s
}
