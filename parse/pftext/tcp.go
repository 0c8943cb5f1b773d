package pftext

import (
	"errors"
	"strings"

	"mailstop/event"
	"mailstop/internal/pf"
	"mailstop/parse"
)

var errFlags = errors.New("TCP flags are not those of tcpdump")

// tcp reads the flags: "Flags [S.], …" of tcpdump.org since 4.1, or "S 1:1(0) ack 2 win 64240" of OpenBSD and before.
func (l *line) tcp(s string) {
	text, ok := strings.CutPrefix(s, "Flags [")
	if !ok {
		l.oldTCP(s)
		return
	}
	letters, _, ok := strings.Cut(text, "]")
	if !ok {
		l.fail(parse.ErrTruncated)
		return
	}
	flags := event.TCPFlags(0)
	if letters != "none" {
		for i := range len(letters) {
			switch c := letters[i]; {
			case c == 'e': // AE, which is not in the flags' byte
			case flagOf[c] == 0:
				l.fail(errFlags)
				return
			default:
				flags |= flagOf[c]
			}
		}
	}
	l.e.TCPFlags, l.e.Has = flags, l.e.Has|event.HasTCPFlags
}

var flagOf = [256]event.TCPFlags{
	'F': event.FIN, 'S': event.SYN, 'R': event.RST, 'P': event.PSH, '.': event.ACK, 'U': event.URG, 'E': event.ECE, 'W': event.CWR,
}

// oldFlagOf lacks the dot, which means none of these letters there: ACK and URG are words further on.
var oldFlagOf = [256]event.TCPFlags{
	'F': event.FIN, 'S': event.SYN, 'R': event.RST, 'P': event.PSH, 'E': event.ECE, 'W': event.CWR,
}

// oldFlags returns the length of the letters that s starts with if what follows is what follows them, else 0.
func oldFlags(s string) int {
	n := oldLetters(s)
	rest := strings.TrimPrefix(s[n:], ",")
	if n == 0 || len(rest) < 2 || rest[0] != ' ' {
		return 0
	}
	rest = rest[1:]
	if rest[0]-'0' <= 9 || rest[0] == '[' || strings.HasPrefix(rest, "ack ") || strings.HasPrefix(rest, "win ") ||
		strings.HasPrefix(rest, "cksum ") {
		return n
	}
	return 0
}

func oldLetters(s string) (n int) {
	for n < len(s) && (oldFlagOf[s[n]] != 0 || s[n] == '.') {
		n++
	}
	return n
}

// oldTCP reads the letters, and the words up to the window.
func (l *line) oldTCP(s string) {
	n := oldFlags(s)
	if n == 0 {
		l.fail(errFlags)
		return
	}
	flags := event.TCPFlags(0)
	for i := range n {
		flags |= oldFlagOf[s[i]]
	}
	s = s[n:]
	window := strings.Index(s, " win ")
	if window < 0 {
		if strings.Contains(s, "[|tcp]") || strings.Contains(s, "bad hdr length") {
			l.fail(errPacket)
		}
		l.fail(parse.ErrTruncated)
		return // whether there is an acknowledgement is not known
	}
	if strings.Contains(s[:window], " ack ") {
		flags |= event.ACK
	}
	// The urgent pointer follows the window.
	window += len(" win ")
	for window < len(s) && s[window]-'0' <= 9 {
		window++
	}
	if strings.HasPrefix(s[window:], " urg ") {
		flags |= event.URG
	}
	l.e.TCPFlags, l.e.Has = flags, l.e.Has|event.HasTCPFlags
}

// icmp reads "echo request, id 7, seq 1, length 64" of tcpdump.org, which ends in the length, and "echo request" of OpenBSD and
// before.
func (l *line) icmp(s string, org bool) {
	switch {
	case s == "" || strings.HasPrefix(s, "[|"):
		return
	case strings.HasPrefix(s, "type-#"):
		v, _ := valueOf(s, "#")
		if n, ok := pf.Number(v); ok && n <= 255 && len("type-#")+len(v) < len(s) {
			l.e.ICMPType, l.e.Has = uint8(n), l.e.Has|event.HasICMPType
		}
		return
	}
	known := pf.SetICMP(l.e, s)
	switch {
	case !known && strings.Contains(s, "[|icmp]"):
		l.fail(errPacket)
	case !known:
		l.fail(parse.ErrTruncated)
	case org && !strings.Contains(s, "length ") && !strings.Contains(s, "[|icmp]"):
		// Of two messages that start alike this may be the other one.
		l.e.Has &^= event.HasICMPCode
		l.fail(parse.ErrTruncated)
	}
}

// icmp6 does the same for ICMPv6, which with -v has no length.
func (l *line) icmp6(s string, org bool) {
	if s == "" || strings.HasPrefix(s, "[|") {
		return
	}
	known := pf.SetICMP6(l.e, s)
	if org && !l.verbose && !strings.Contains(s, "length ") && !strings.Contains(s, "[|icmp6]") {
		l.e.Has &^= event.HasICMPType | event.HasICMPCode
		l.fail(parse.ErrTruncated)
	} else if !known && isPart(s) {
		l.fail(parse.ErrTruncated)
	}
}
