package pftext

import (
	"strings"

	"mailstop/parse"
)

// start holds the bytes that a line can start with: "rule", "pf: ", a month, a digit, and what stands before a difference of
// times.
var start = func() (t [256]bool) {
	for _, c := range []byte("rpJFMASOND0123456789 -") {
		t[c] = true
	}
	return t
}()

// head finds "rule " behind a time and, before that, the tag that pfSense before 2.2 wrote. The time is s[from:at], with
// blanks; it can be empty.
func head(s string) (from, at int, ok bool) {
	for from < len(s) && s[from] == ' ' {
		from++
	}
	if strings.HasPrefix(s[from:], "pf: ") {
		from += len("pf: ")
		for from < len(s) && s[from] == ' ' {
			from++
		}
	}
	at = from
	const longest = len("2026-01-05 10:11:12.123456789 ")
	for ; at < len(s) && at-from <= longest; at++ {
		switch c := s[at]; {
		case c == 'r':
			return from, at, strings.HasPrefix(s[at:], "rule ") && (at == from || s[at-1] == ' ') && isTime(s[from:at])
		case c-'0' <= 9, c == ':', c == '.', c == '-', c == ' ':
		case at-from < 3 && c|0x20-'a' <= 25: // the month; March and April have an r
			if at++; at < len(s) && s[at] == 'r' {
				at++
			}
			at--
		default:
			return 0, 0, false
		}
	}
	return 0, 0, false
}

// isTime reports whether a text of the bytes that head passes over is a time of any of the options, or none.
func isTime(s string) bool {
	if s == "" || s[0]-'0' <= 9 || s[0] == '-' {
		return true
	}
	_, n := parse.ScanStamp(s)
	return n > 0
}

// setTime reads the time that the options -t to -ttttt make, which the two programs number differently. Only a date or
// the seconds since 1970 are a time; "10:11:12.345678" is the time of a day that is not told, or how long after another
// packet it was: the same text for both.
func setTime(s string, from, at int, r *parse.Record) {
	if st, n := parse.ScanStamp(s[from:]); n > 0 && strings.Trim(s[from+n:at], " ") == "" {
		if from == 0 {
			r.SetTime(st, s)
		} else {
			r.SetInnerTime(st)
		}
		return
	}
	text := strings.TrimRight(s[from:at], " ")
	// Nine digits are the seconds of 1973; differences have fewer.
	if i := strings.IndexByte(text, '.'); i >= 9 {
		if ns, digits, ok := parse.ScanEpoch(text); ok {
			r.SetInstant(ns, digits)
		}
	}
}
