package parse

// A Stamp is a date and time as a log line writes it.
type Stamp struct {
	Year, Month, Day int // the year is 0 if the line does not say it
	Second           int // of the day; a leap second counts as the second before it
	Nanos            int
	Offset           int   // seconds east of UTC, if Zoned
	Digits           uint8 // decimal digits of the second
	Zoned            bool  // the line says the zone
	Spaced           bool  // a space, not a T, is between the date and the time
	// Derived says that the writer made the stamp from a clock that stands still during suspend, as dmesg -T does.
	Derived bool
}

// The years that fit into 64 bits of nanoseconds.
const (
	minYear = 1678
	maxYear = 2261
)

// A Head is what a line starts with, as far as its stamp.
type Head struct {
	Stamp    Stamp
	At       int   // where the stamp starts
	Priority int16 // facility*8 + severity, or -1
	Stamped  bool  // there is a stamp
	RFC5424  bool  // the version number follows the priority
}

// ScanHead reads the octet count, the priority and the stamp that a line starts with, and returns how long they are: 0
// if there are none of them.
func ScanHead(line string) (h Head, n int) {
	h.Priority = -1
	if line == "" || !headStart[line[0]] {
		return h, 0
	}
	n = octetCount(line)
	if p, m := ScanPriority(line[n:]); m > 0 {
		h.Priority = int16(p)
		n += m
		if len(line) > n+1 && line[n] == '1' && line[n+1] == ' ' {
			h.RFC5424 = true
			n += 2
		} else if len(line) > n && line[n] == ' ' { // some relays put a space between the priority and the stamp
			if st, m := ScanStamp(line[n+1:]); m > 0 {
				h.Stamp, h.At, h.Stamped = st, n+1, true
				return h, n + 1 + m
			}
		}
	} else {
		n = dmesgLevel(line)
	}
	st, m := ScanStamp(line[n:])
	h.Stamp, h.At, h.Stamped = st, n, m > 0
	return h, n + m
}

// headStart holds the bytes that a head can start with: months, days of the week, facilities, digits, '<' and '['.
var headStart = func() (t [256]bool) {
	for _, c := range []byte("JFMASONDTWkumdslncaf0123456789<[") {
		t[c] = true
	}
	return t
}()

// octetCount returns the length of the frame length of RFC 6587 that a priority follows.
func octetCount(s string) int {
	i := 0
	for i < len(s) && i < 6 && isDigit(s[i]) {
		i++
	}
	if i > 0 && i+1 < len(s) && s[i] == ' ' && s[i+1] == '<' {
		return i + 1
	}
	return 0
}

// ScanPriority reads "<PRI>" and returns its length, 0 if there is none.
func ScanPriority(s string) (priority, n int) {
	if len(s) < 3 || s[0] != '<' {
		return 0, 0
	}
	i := 1
	for i < len(s) && i < 4 && isDigit(s[i]) {
		priority = priority*10 + int(s[i]-'0')
		i++
	}
	if i == 1 || i == len(s) || s[i] != '>' || priority > 191 {
		return 0, 0
	}
	return priority, i + 1
}

// dmesgLevel returns the length of "kern  :warn  : ", which dmesg -x puts first: both names are padded to six.
func dmesgLevel(s string) int {
	if len(s) < 15 || s[6] != ':' || s[13] != ':' || s[14] != ' ' || !isLower(s[0]) || !isLower(s[7]) {
		return 0
	}
	for i := 1; i < 13; i++ {
		if c := s[i]; i != 6 && !isLower(c) && c != ' ' {
			return 0
		}
	}
	return 15
}

// ScanStamp reads the stamp that s starts with and returns its length, 0 if there is none. It knows those of syslog
// ("Jan  5 10:11:12", also with a year before the time, and then with UTC or a colon behind it), ISO 8601 with a T or a space, ctime with a year, bare or in
// brackets, journalctl's short-full and short-unix. A fraction may follow the second, after a point or a comma.
func ScanStamp(s string) (Stamp, int) {
	if len(s) < 14 {
		return Stamp{}, 0
	}
	switch c := s[0]; {
	case c == '[':
		st, n := scanNamedDay(s[1:])
		if n == 0 || st.Zoned || st.Year == 0 || len(s) <= n+1 || s[n+1] != ']' {
			return Stamp{}, 0
		}
		st.Derived = true
		return st, n + 2
	case isDigit(c):
		if s[4] == '-' || s[4] == '/' {
			return ScanDateTime(s)
		}
		return scanEpoch(s)
	case s[3] != ' ':
		return Stamp{}, 0
	}
	if st, n := scanMonthDay(s); n > 0 {
		if y, m := scanYear(s[n:]); m > 0 && n+m < len(s) && s[n+m] == ' ' {
			st.Year = y
			return scanCiscoTime(s, n+m+1, st)
		}
		return scanTime(s, n, st)
	}
	return scanNamedDay(s)
}

// scanCiscoTime reads the time behind a date with a year, as Cisco's firewalls write it: a colon may follow, and before it
// the zone, of which only UTC is not ambiguous.
func scanCiscoTime(s string, at int, st Stamp) (Stamp, int) {
	st, n := scanClock(s, at, st)
	if n == 0 {
		return Stamp{}, 0
	}
	if rest := s[n:]; len(rest) > 4 && (rest[:4] == " UTC" || rest[:4] == " GMT") && (rest[4] == ':' || rest[4] == ' ') {
		st.Zoned = true
		n += 4
	}
	if rest := s[n:]; rest == "" || rest[0] == ' ' || rest[0] == ':' && (len(rest) == 1 || rest[1] == ' ') {
		return st, n
	}
	return Stamp{}, 0
}

// ScanDateTime reads "2026-01-05T10:11:12.345678+01:00", also with a space or two for the T, with slashes in the date, and
// with the zone left out or behind a space. It returns the length, 0 if s does not start so.
func ScanDateTime(s string) (Stamp, int) {
	st, n := scanDate(s)
	if n == 0 || len(s) < n+9 {
		return Stamp{}, 0
	}
	switch s[n] {
	case 'T', 't':
		return scanISOTime(s, n+1, st)
	case ' ':
		st.Spaced = true
	default:
		return Stamp{}, 0
	}
	if n++; s[n] == ' ' {
		n++
	}
	if st, n = scanClock(s, n, st); n == 0 {
		return Stamp{}, 0
	}
	zone := n
	if zone < len(s) && s[zone] == ' ' {
		zone++
	}
	if zone < len(s) && (s[zone] == '+' || s[zone] == '-' || s[zone] == 'Z') {
		if offset, m := scanOffset(s[zone:]); m > 0 && (zone+m == len(s) || !isDigit(s[zone+m]) && !isLetter(s[zone+m])) {
			st.Offset, st.Zoned = offset, true
			return st, zone + m
		}
	}
	if n < len(s) && (isDigit(s[n]) || isLetter(s[n])) {
		return Stamp{}, 0
	}
	return st, n
}

// scanNamedDay reads "Mon Jan  5 10:11:12 2026" and "Mon 2026-01-05 10:11:12 CET".
func scanNamedDay(s string) (Stamp, int) {
	if len(s) < 23 || s[3] != ' ' || !isWeekday(s[:3]) {
		return Stamp{}, 0
	}
	if st, n := scanMonthDay(s[4:]); n > 0 {
		st, n = scanTime(s, 4+n, st)
		if n == 0 || n >= len(s) {
			return Stamp{}, 0
		}
		y, m := scanYear(s[n+1:])
		if m == 0 {
			return Stamp{}, 0
		}
		st.Year = y
		return st, n + 1 + m
	}
	st, n := scanDate(s[4:])
	if n == 0 || s[4+n] != ' ' {
		return Stamp{}, 0
	}
	st, n = scanTime(s, 4+n+1, st)
	if n == 0 || n >= len(s) {
		return Stamp{}, 0
	}
	// The zone's abbreviation is ambiguous and the local time is in the source's own zone anyhow; only UTC is certain.
	end := n + 1
	for end < len(s) && s[end] != ' ' {
		end++
	}
	name := s[n+1 : end]
	if name == "" || len(name) > 6 || end == len(s) {
		return Stamp{}, 0
	}
	if name == "UTC" || name == "GMT" {
		st.Zoned = true
	} else if off, m := scanOffset(name); m == len(name) {
		st.Zoned, st.Offset = true, off
	}
	return st, end
}

// scanMonthDay reads "Jan  5 ", "Jan 05 " or "Jan 5 ".
func scanMonthDay(s string) (Stamp, int) {
	if len(s) < 7 || s[3] != ' ' {
		return Stamp{}, 0
	}
	month := monthNumber(uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16)
	if month == 0 {
		return Stamp{}, 0
	}
	i := 4
	if s[i] == ' ' {
		i++
	}
	day := 0
	for i < 6 && isDigit(s[i]) {
		day = day*10 + int(s[i]-'0')
		i++
	}
	if s[i] != ' ' || day == 0 || day > daysIn(month) {
		return Stamp{}, 0
	}
	return Stamp{Month: month, Day: day}, i + 1
}

// scanDate reads "2026-01-05" or "2026/01/05" with something behind it.
func scanDate(s string) (Stamp, int) {
	if len(s) < 11 || s[4] != '-' && s[4] != '/' || s[7] != s[4] {
		return Stamp{}, 0
	}
	year, n := scanYear(s)
	month, day := twoDigits(s[5], s[6]), twoDigits(s[8], s[9])
	if n == 0 || month < 1 || month > 12 || day < 1 || day > daysIn(month) || day == 29 && month == 2 && !isLeap(year) {
		return Stamp{}, 0
	}
	return Stamp{Year: year, Month: month, Day: day}, 10
}

func scanYear(s string) (year, n int) {
	if len(s) < 4 || len(s) > 4 && isDigit(s[4]) {
		return 0, 0
	}
	a, b := twoDigits(s[0], s[1]), twoDigits(s[2], s[3])
	if a < 0 || b < 0 || a*100+b < minYear || a*100+b > maxYear {
		return 0, 0
	}
	return a*100 + b, 4
}

// scanISOTime reads the time and the zone of an ISO 8601 stamp.
func scanISOTime(s string, at int, st Stamp) (Stamp, int) {
	st, n := scanClock(s, at, st)
	if n == 0 {
		return Stamp{}, 0
	}
	off, m := scanOffset(s[n:])
	st.Offset, st.Zoned = off, m > 0
	n += m
	if n < len(s) && s[n] != ' ' && s[n] != ':' {
		return Stamp{}, 0
	}
	return st, n
}

// scanTime reads "10:11:12" and a fraction at s[at:], and returns where they end: at a space or at the end.
func scanTime(s string, at int, st Stamp) (Stamp, int) {
	st, n := scanClock(s, at, st)
	if n == 0 || n < len(s) && s[n] != ' ' {
		return Stamp{}, 0
	}
	return st, n
}

func scanClock(s string, at int, st Stamp) (Stamp, int) {
	if len(s) < at+8 {
		return Stamp{}, 0
	}
	second, ok := secondOfDay(load64(s[at:]))
	if !ok {
		return Stamp{}, 0
	}
	st.Second = second
	nanos, digits, n := ScanFraction(s[at+8:])
	st.Nanos, st.Digits = nanos, digits
	return st, at + 8 + n
}

// ScanFraction reads the decimals of a second, after a point or a comma, and returns their length with that mark. Digits
// behind the ninth are dropped.
func ScanFraction(s string) (nanos int, digits uint8, n int) {
	if len(s) < 2 || s[0] != '.' && s[0] != ',' || !isDigit(s[1]) {
		return 0, 0, 0
	}
	scale := 100_000_000
	for n = 1; n < len(s) && isDigit(s[n]); n++ {
		if n <= 9 {
			nanos += int(s[n]-'0') * scale
			scale /= 10
			digits++
		}
	}
	return nanos, digits, n
}

// scanOffset reads Z, +hh, +hhmm or +hh:mm.
func scanOffset(s string) (seconds, n int) {
	if s == "" {
		return 0, 0
	}
	if s[0] == 'Z' || s[0] == 'z' {
		return 0, 1
	}
	if s[0] != '+' && s[0] != '-' || len(s) < 3 {
		return 0, 0
	}
	hours, minutes := twoDigits(s[1], s[2]), 0
	n = 3
	if len(s) >= 6 && s[3] == ':' {
		minutes, n = twoDigits(s[4], s[5]), 6
	} else if len(s) >= 5 && isDigit(s[3]) {
		minutes, n = twoDigits(s[3], s[4]), 5
	}
	if hours < 0 || hours > 15 || minutes < 0 || minutes > 59 {
		return 0, 0
	}
	seconds = hours*3600 + minutes*60
	if s[0] == '-' {
		seconds = -seconds
	}
	return seconds, n
}
