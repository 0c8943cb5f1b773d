package fix

import "strings"

// Quote returns s as one word of a POSIX shell, whatever it holds. NUL bytes, which no argument can hold, are left
// out.
func Quote(s string) string {
	s = strings.ReplaceAll(s, "\x00", "")
	if s != "" && strings.Trim(s, safe) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// safe are the characters that mean nothing to a shell anywhere in a word. A tilde or "=" would at some places.
const safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:/_,@%+-"

// printable reports whether s can be shown, and typed, on one line.
func printable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return r < ' ' || r >= 0x7f && r < 0xa0 || r == '\ufffd' || r == '\u2028' || r == '\u2029'
	}) < 0
}
