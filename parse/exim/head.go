package exim

import (
	"strings"

	"mailstop/parse"
)

// A head is what stands before the words of a line. All of its strings are views.
type head struct {
	stamp   parse.Stamp
	stampAt int // where the stamp stands
	host    string
	program string
	id      string // of the message
	text    string // the line
	rest    string // the words
	pid     uint32
	part    int // of a line that syslog split: 1 and up; 0 if it did not
	stamped bool
	hasPID  bool
	tagged  bool // the program is named
}

// scanHead reads the program, as syslog writes it without a process id and as journalctl writes it without a stamp; the
// number of a part; the stamp; the process id; and the message id. It reports whether any of them is there.
func scanHead(s string) (h head, ok bool) {
	h.text = s
	at := h.scanTag(s)
	at += h.scanPart(s[at:])
	if at < len(s) && s[at]-'0' <= 9 && len(s) >= at+19 && s[at+4] == '-' && s[at+10] == ' ' && s[at+13] == ':' {
		if st, n := parse.ScanDateTime(s[at:]); n > 0 && (at+n == len(s) || s[at+n] == ' ') {
			h.stamp, h.stampAt, h.stamped = st, at, true
			at += n
			if at < len(s) {
				at++
			}
		}
	}
	at += h.scanPID(s[at:])
	if n := messageID(s[at:]); n > 0 && (at+n == len(s) || s[at+n] == ' ') {
		h.id = s[at : at+n]
		at += n
		if at < len(s) {
			at++
		}
	}
	h.rest = s[at:]
	return h, at > 0
}

// scanTag reads "exim: ", "exim4: " and "host exim[123]: ".
func (h *head) scanTag(s string) int {
	at := 0
	if s == "" || s[0] != 'e' || !strings.HasPrefix(s, "exim") {
		at = strings.IndexByte(s[:min(len(s), 80)], ' ') + 1
		if at == 0 || at == 11 || !strings.HasPrefix(s[at:], "exim") { // 11: a date
			return 0
		}
	}
	i := at + len("exim")
	for i < len(s) && (s[i]-'0' <= 9 || s[i]|0x20-'a' <= 25 || s[i] == '-' || s[i] == '_') {
		i++
	}
	name := s[at:i]
	if i < len(s) && s[i] == '[' {
		pid, n := number(s[i+1:])
		if n == 0 || i+1+n >= len(s) || s[i+1+n] != ']' {
			return 0
		}
		h.pid, h.hasPID = pid, true
		i += n + 2
	}
	if i+1 >= len(s) || s[i] != ':' || s[i+1] != ' ' || at > 0 && !h.hasPID {
		h.pid, h.hasPID = 0, false
		return 0
	}
	if at > 0 {
		h.host = s[:at-1]
	}
	h.program, h.tagged = name, true
	return i + 2
}

// scanPart reads "[1/3] " or "[1\3] " (log.c, write_syslog).
func (h *head) scanPart(s string) int {
	if len(s) < 6 || s[0] != '[' {
		return 0
	}
	part, n := number(s[1:])
	if n == 0 || n > 4 || s[1+n] != '/' && s[1+n] != '\\' {
		return 0
	}
	parts, m := number(s[2+n:])
	end := 2 + n + m
	if m == 0 || m > 4 || part == 0 || part > parts || len(s) < end+2 || s[end] != ']' || s[end+1] != ' ' {
		return 0
	}
	h.part = int(part)
	return end + 2
}

// scanPID reads "[1234] ".
func (h *head) scanPID(s string) int {
	if len(s) < 4 || s[0] != '[' {
		return 0
	}
	pid, n := number(s[1:])
	if n == 0 || len(s) < n+3 || s[1+n] != ']' || s[2+n] != ' ' {
		return 0
	}
	h.pid, h.hasPID = pid, true
	return n + 3
}

// number reads up to nine digits.
func number(s string) (v uint32, n int) {
	for n < len(s) && n < 9 && s[n]-'0' <= 9 {
		v = v*10 + uint32(s[n]-'0')
		n++
	}
	return v, n
}

// messageID returns the length of the message id that s starts with: 6-6-2 characters of base 62 up to Exim 4.96, 6-11-4
// from 4.97 on.
func messageID(s string) int {
	switch {
	case len(s) >= 23 && s[6] == '-' && s[18] == '-' && base62(s[:6]) && base62(s[7:18]) && base62(s[19:23]):
		return 23
	case len(s) >= 16 && s[6] == '-' && s[13] == '-' && base62(s[:6]) && base62(s[7:13]) && base62(s[14:16]):
		return 16
	}
	return 0
}

func base62(s string) bool {
	for i := range len(s) {
		if c := s[i]; c-'0' > 9 && c|0x20-'a' > 25 {
			return false
		}
	}
	return true
}

// isFlag reports whether a flag, or another word that follows message ids only, is at the head of s.
func isFlag(s string) bool {
	if len(s) >= 3 && s[2] == ' ' {
		switch s[:2] {
		case "<=", "=>", "->", ">>", "*>", "**", "==":
			return true
		}
	}
	return strings.HasPrefix(s, "Completed") || strings.HasPrefix(s, "H=")
}

// rejectedHeaders are the names of headers that rejectlog copies, behind the letter of their kind (spec.xfpt, "Format of
// spool files").
var rejectedHeaders = [...]string{
	"Received:", "From:", "To:", "Cc:", "CC:", "Bcc:", "Reply-To:", "Sender:", "Message-ID:", "Message-Id:", "Subject:",
	"Date:", "Return-path:", "MIME-Version:", "Content-Type:",
}

// isRejected reports whether s is a line of the envelope or of the header that rejectlog copies from a message.
func isRejected(s string) bool {
	if strings.HasPrefix(s, "Envelope-from: <") || strings.HasPrefix(s, "Envelope-to: <") {
		return true
	}
	if len(s) < 8 || s[1] != ' ' || strings.IndexByte("PFTCBRSI* ", s[0]) < 0 {
		return false
	}
	for _, name := range rejectedHeaders {
		if strings.HasPrefix(s[2:], name) {
			return true
		}
	}
	return false
}
