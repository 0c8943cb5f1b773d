package proxmox

import (
	"strings"

	"mailstop/parse"
)

// stampLength is the length of "05/Jan/2026:10:11:12 +0100 ".
const stampLength = 27

// scanTime reads strftime's "%d/%b/%Y:%H:%M:%S %z " and returns its length, 0 if s does not begin so.
func scanTime(s string) (parse.Stamp, int) {
	if len(s) < stampLength || s[2] != '/' || s[6] != '/' || s[11] != ':' || s[14] != ':' || s[17] != ':' || s[20] != ' ' || s[26] != ' ' {
		return parse.Stamp{}, 0
	}
	// In the order that ScanDateTime reads: 2026-01-05T10:11:12+0100.
	month := strings.Index("JanFebMarAprMayJunJulAugSepOctNovDec", s[3:6])
	if month < 0 || month%3 != 0 {
		return parse.Stamp{}, 0
	}
	month = month/3 + 1
	text := [24]byte{s[7], s[8], s[9], s[10], '-', byte('0' + month/10), byte('0' + month%10), '-', s[0], s[1], 'T'}
	copy(text[11:], s[12:20])
	copy(text[19:], s[21:26])
	st, n := parse.ScanDateTime(string(text[:]))
	if n != len(text) || !st.Zoned {
		return parse.Stamp{}, 0
	}
	return st, stampLength
}

// afterTime returns what follows a time that is not one.
func afterTime(s string) string {
	_, s, _ = strings.Cut(s, " ")
	_, s, _ = strings.Cut(s, " ")
	return s
}
