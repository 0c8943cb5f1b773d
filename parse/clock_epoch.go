package parse

import "time"

// ScanEpoch reads a time in seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by the number of
// digits; seconds may have a fraction. All of s must be the number. digits is how many decimals of the second it has.
func ScanEpoch(s string) (ns int64, digits uint8, ok bool) {
	n, i := int64(0), 0
	for i < len(s) && i < 19 && isDigit(s[i]) {
		if n > (1<<63-10)/10 {
			return 0, 0, false
		}
		n = n*10 + int64(s[i]-'0')
		i++
	}
	unit := int64(1)
	switch {
	case i < 9:
		return 0, 0, false
	case i <= 11:
		unit, digits = 1e9, 0
	case i <= 14:
		unit, digits = 1e6, 3
	case i <= 17:
		unit, digits = 1e3, 6
	default:
		digits = 9
	}
	if n > latestEpoch/unit {
		return 0, 0, false
	}
	n *= unit
	if i < len(s) {
		nanos, more, m := ScanFraction(s[i:])
		if m == 0 || i+m != len(s) || unit != 1e9 {
			return 0, 0, false
		}
		n, digits = n+int64(nanos), more
	}
	return n, digits, true
}

// latestEpoch is as far as the years that a clock takes, in nanoseconds.
const latestEpoch = (maxYear - 1970) * 365 * 24 * int64(time.Hour)

// scanEpoch reads journalctl's short-unix: seconds since 1970 with six decimals.
func scanEpoch(s string) (Stamp, int) {
	if len(s) < 18 || s[10] != '.' || s[17] != ' ' {
		return Stamp{}, 0
	}
	var seconds int64
	for _, c := range []byte(s[:10]) {
		if !isDigit(c) {
			return Stamp{}, 0
		}
		seconds = seconds*10 + int64(c-'0')
	}
	nanos, digits, n := ScanFraction(s[10:17])
	if n != 7 {
		return Stamp{}, 0
	}
	t := time.Unix(seconds, 0).UTC()
	if t.Year() > maxYear {
		return Stamp{}, 0
	}
	return Stamp{
		Year: t.Year(), Month: int(t.Month()), Day: t.Day(), Second: int(seconds % secondsPerDay),
		Nanos: nanos, Digits: digits, Zoned: true,
	}, 17
}
