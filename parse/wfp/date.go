package wfp

import (
	"strings"

	"mailstop/parse"
)

// epochOf reads a time since 1970, also as .NET's JSON writes it, "/Date(1767604272345)/".
func epochOf(s string) (ns int64, digits uint8, ok bool) {
	if inner, is := strings.CutPrefix(s, "/Date("); is {
		s, _, _ = strings.Cut(inner, ")")
		s, _, _ = strings.Cut(s, "+")
	}
	return parse.ScanEpoch(s)
}

// stampOf reads a stamp that names the year first, or the month.
func stampOf(s string) (parse.Stamp, bool) {
	if st, n := parse.ScanDateTime(s); n > 0 {
		return st, true
	}
	if st, n := parse.ScanStamp(s); n > 0 {
		return st, true
	}
	if len(s) <= 5 {
		return parse.Stamp{}, false
	}
	if st, n := parse.ScanStamp(s[4:]); n > 0 { // Snare's "Mon Jan 05 10:11:12.345": a day, but no year
		return st, true
	}
	if year, mark, rest, ok := cutNumber(s); ok && mark == ' ' && year > 1980 { // OSSEC's "2026 Jan 05 10:11:12"
		if st, n := parse.ScanStamp(rest); n > 0 {
			st.Year = year
			return st, !st.Zoned && (st.Month != 2 || st.Day != 29 || daysIn(2, year) == 29)
		}
	}
	return parse.Stamp{}, false
}

// scanLocalDate reads a date as the user's settings write it: "1/5/2026 10:11:12 AM", "05.01.2026 10:11:12". With points
// the day is first. With slashes the month is first if the time has AM or PM and the day otherwise, unless a number above
// 12 says; sure reports whether one has.
func scanLocalDate(s string) (st parse.Stamp, sure, ok bool) {
	a, mark, s, ok := cutNumber(s)
	if !ok || mark != '/' && mark != '.' && mark != '-' {
		return st, false, false
	}
	b, second, s, ok := cutNumber(s)
	if !ok || second != mark {
		return st, false, false
	}
	year, after, s, ok := cutNumber(s)
	if !ok || year < 1980 || year > 2200 || after != ' ' && after != ',' {
		return st, false, false
	}
	s = strings.TrimLeft(s, " ")
	h, colon, s, ok := cutNumber(s)
	if !ok || colon != ':' {
		return st, false, false
	}
	m, colon, s, ok := cutNumber(s)
	if !ok || colon != ':' || len(s) < 2 || s[0]-'0' > 9 || s[1]-'0' > 9 {
		return st, false, false
	}
	sec := int(s[0]-'0')*10 + int(s[1]-'0')
	nanos, digits, n := parse.ScanFraction(s[2:])
	half := strings.TrimLeft(s[2+n:], " \u00a0\u202f")
	american := false
	if len(half) >= 2 && half[1]|0x20 == 'm' && (half[0]|0x20 == 'a' || half[0]|0x20 == 'p') {
		american = true
		if h < 1 || h > 12 {
			return st, false, false
		}
		if h %= 12; half[0]|0x20 == 'p' {
			h += 12
		}
	}
	day, month := a, b
	if sure = mark == '.' || a > 12 || b > 12 || a == b; b > 12 || american && mark == '/' && a <= 12 {
		day, month = b, a
	}
	if day < 1 || day > daysIn(month, year) || h > 23 || m > 59 || sec > 59 {
		return st, false, false
	}
	return parse.Stamp{Year: year, Month: month, Day: day, Second: h*3600 + m*60 + sec, Nanos: nanos, Digits: digits}, sure, true
}

// cutNumber reads up to four digits and the byte behind them.
func cutNumber(s string) (n int, mark byte, rest string, ok bool) {
	i := 0
	for i < len(s) && i < 4 && s[i]-'0' <= 9 {
		n = n*10 + int(s[i]-'0')
		i++
	}
	if i == 0 || i == len(s) {
		return 0, 0, "", false
	}
	return n, s[i], s[i+1:], true
}

func daysIn(month, year int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 1, 3, 5, 7, 8, 10, 12:
		return 31
	}
	return 0
}
