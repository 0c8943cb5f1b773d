package mikrotik

import (
	"strings"

	"mailstop/parse"
)

// scanTime reads the time that RouterOS itself puts before a line in its own files, and returns its length, 0 if there is
// none: "2026-01-05 10:11:12", before 7.10 "jan/05/2026 10:11:12", of the same year "jan/05 10:11:12", of the same day
// "10:11:12", which is no date.
func scanTime(s string, r *parse.Record) int {
	if len(s) < len("10:11:12 ") {
		return 0
	}
	if s[0]-'0' <= 9 {
		if st, n := parse.ScanDateTime(s); n > 0 {
			r.SetTime(st, s)
			return n
		}
		if s[2] == ':' && s[5] == ':' && s[8] == ' ' {
			return len("10:11:12")
		}
		return 0
	}
	if s[3] != '/' {
		return 0
	}
	date, rest, ok := strings.Cut(s, " ")
	if !ok || len(rest) < len("10:11:12") || len(date) != len("jan/05") && len(date) != len("jan/05/2026") {
		return 0
	}
	name := [3]byte{date[0] | 0x20, date[1], date[2]} // some write it with a capital
	month := strings.Index("janfebmaraprmayjunjulaugsepoctnovdec", string(name[:]))
	if month < 0 || month%3 != 0 {
		return 0
	}
	// In the order that is read: a leap year stands for one that is not written, so that any day is one.
	text := [19]byte{'2', '0', '2', '4', '-', byte('0' + (month/3+1)/10), byte('0' + (month/3+1)%10), '-', date[4], date[5], ' '}
	if len(date) > len("jan/05") {
		if date[6] != '/' {
			return 0
		}
		copy(text[:], date[7:])
	}
	copy(text[11:], rest[:8])
	st, n := parse.ScanDateTime(string(text[:]))
	if n != len(text) {
		return 0
	}
	if len(date) == len("jan/05") {
		st.Year = 0
	}
	r.SetInnerTime(st)
	return len(date) + 1 + len("10:11:12")
}
