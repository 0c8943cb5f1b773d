package syslog

import (
	"math"
	"strings"

	"mailstop/parse"
)

// after5424 reads what follows the stamp of RFC 5424: host, program, process, message id and structured data, each of
// which can be "-". A line that ends before the message has none.
func after5424(s string, stamped bool, r *parse.Record) string {
	s = strings.TrimPrefix(s, " ")
	if !stamped {
		s = strings.TrimPrefix(s, "- ")
	}
	host, s := field(s)
	program, s := field(s)
	_, s = field(s)
	_, s = field(s)
	if host != "-" && isHost(host) {
		r.Host = host
	}
	if program != "-" && program != "" {
		r.Program = program
	}
	s = s[structured(s):]
	s = strings.TrimPrefix(strings.TrimPrefix(s, " "), "\uFEFF")
	if program == "-" {
		return message(s, r)
	}
	return inner(s, r)
}

func field(s string) (word, rest string) {
	word, rest, _ = strings.Cut(s, " ")
	return word, rest
}

// structured returns the length of structured data: "-", or elements in brackets, in whose quoted values '"', ']' and
// '\' stand behind a '\'. What is not well formed belongs to the message.
func structured(s string) int {
	if s == "-" || strings.HasPrefix(s, "- ") {
		return 1
	}
	end, quoted, open := 0, false, false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quoted && c == '\\':
			i++
		case c == '"' && open:
			quoted = !quoted
		case quoted:
		case open && c == ']':
			open, end = false, i+1
		case !open && c == '[' && i+1 < len(s) && s[i+1] != ' ':
			open = true
		case !open:
			return complete(s, end)
		}
	}
	return complete(s, end)
}

// complete returns end if structured data can end there.
func complete(s string, end int) int {
	if end > 0 && (end == len(s) || s[end] == ' ') {
		return end
	}
	return 0
}

// kmsg takes the fields of a /dev/kmsg record off: "PRI,SEQ,USEC,FLAGS[,...];message". The microseconds are those since
// boot.
func kmsg(s string, r *parse.Record) (string, bool) {
	i, fields, priority := 0, 0, 0
	for ; i < len(s) && i < 64 && s[i] != ';'; i++ {
		switch c := s[i]; {
		case c == ',':
			if fields < 3 && (i == 0 || s[i-1] == ',') { // filterlog's fields can be empty, these cannot
				return s, false
			}
			fields++
		case fields < 3 && c-'0' > 9:
			return s, false
		case fields == 0 && i < 4:
			priority = priority*10 + int(c-'0')
		}
	}
	if fields < 3 || i >= len(s) || s[i] != ';' {
		return s, false
	}
	if priority>>3 == 0 {
		r.Program = "kernel"
	}
	return s[i+1:], true
}

const (
	folded = "message repeated "
	again  = "last message repeated "
)

func isNote(s string) bool { return strings.HasPrefix(s, folded) || strings.HasPrefix(s, again) }

// repeated reads the two notes of syslog daemons that fold repeated messages: "message repeated 3 times: [ ...]" holds
// the message, "last message repeated 3 times" does not.
func repeated(s string, r *parse.Record) (string, bool) {
	rest, holds := strings.CutPrefix(s, folded)
	if !holds {
		var ok bool
		if rest, ok = strings.CutPrefix(s, again); !ok {
			return s, false
		}
	}
	n, i := uint64(0), 0
	for ; i < len(rest) && i < 10 && rest[i]-'0' <= 9; i++ {
		n = n*10 + uint64(rest[i]-'0')
	}
	if n == 0 || n > math.MaxUint32 {
		return s, false
	}
	rest, ok := strings.CutPrefix(rest[i:], " times")
	if !ok {
		return s, false
	}
	if !holds {
		if strings.Trim(rest, " ") != "" {
			return s, false
		}
		r.RepeatsLast = uint32(n)
		return "", true
	}
	if rest, ok = strings.CutPrefix(rest, ": ["); !ok {
		return s, false
	}
	r.Count = uint32(n)
	rest = strings.TrimPrefix(strings.TrimSuffix(strings.TrimRight(rest, " "), "]"), " ")
	return rest[uptime(rest):], true
}
