package parse

// load64 reads eight bytes, the first in the lowest bits. The compiler makes it one load.
func load64(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// secondOfDay reads the eight bytes "10:11:12" at once. A leap second is clamped to the second before it.
func secondOfDay(v uint64) (int, bool) {
	v ^= 0x3030_3a30_303a_3030 // digits become 0 to 9, colons 0
	if (v|(v+0x7676_7f76_767f_7676))&0x8080_8080_8080_8080 != 0 {
		return 0, false
	}
	hour := v&15*10 + v>>8&15
	minute := v>>24&15*10 + v>>32&15
	second := v>>48&15*10 + v>>56
	if hour > 23 || minute > 59 || second > 60 {
		return 0, false
	}
	return int(hour*3600 + minute*60 + min(second, 59)), true
}

func monthNumber(name uint32) int {
	const j, f, m, a, s, o, n, d = 'J', 'F', 'M', 'A', 'S', 'O', 'N', 'D'
	switch name {
	case j | 'a'<<8 | 'n'<<16:
		return 1
	case f | 'e'<<8 | 'b'<<16:
		return 2
	case m | 'a'<<8 | 'r'<<16:
		return 3
	case a | 'p'<<8 | 'r'<<16:
		return 4
	case m | 'a'<<8 | 'y'<<16:
		return 5
	case j | 'u'<<8 | 'n'<<16:
		return 6
	case j | 'u'<<8 | 'l'<<16:
		return 7
	case a | 'u'<<8 | 'g'<<16:
		return 8
	case s | 'e'<<8 | 'p'<<16:
		return 9
	case o | 'c'<<8 | 't'<<16:
		return 10
	case n | 'o'<<8 | 'v'<<16:
		return 11
	case d | 'e'<<8 | 'c'<<16:
		return 12
	}
	return 0
}

// daysIn returns the days a month can have in any year.
func daysIn(month int) int {
	switch month {
	case 2:
		return 29
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

func isWeekday(s string) bool {
	switch s {
	case "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun":
		return true
	}
	return false
}

// twoDigits returns the number that two digits spell, or something negative.
func twoDigits(a, b byte) int {
	if !isDigit(a) || !isDigit(b) {
		return -1
	}
	return int(a-'0')*10 + int(b-'0')
}

func isDigit(c byte) bool { return c-'0' <= 9 }

func isLetter(c byte) bool { return c|0x20-'a' <= 25 }

func isLower(c byte) bool { return c-'a' <= 25 }
