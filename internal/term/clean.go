package term

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMarks is how many combining marks may follow each other: Thai needs two, stacks of dozens overwrite other lines.
const maxMarks = 2

// Clean makes text from a log safe to print on one line of a terminal, at most limit columns wide. Control characters
// (the escape that starts a terminal sequence is one, in its 7-bit and its 8-bit form), bidirectional overrides, other
// invisible characters and bytes that are not UTF-8 are shown as \n, \x1b, \u202e; any kind of space becomes a plain
// one. Text that is cut ends in "…". A limit of 0 or less does not cut. Only as much of s is read as is shown.
func Clean(s string, limit int) string {
	if limit <= 0 {
		limit = int(^uint(0) >> 1)
	}
	if len(s) <= limit && plain(s) {
		return s
	}
	var b strings.Builder
	cut, columns, marks := 0, 0, 0 // cut: where to end if one more column is needed for "…"
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		shown, width := show(r, s[i], size, marks)
		if isMark(r) {
			marks++
		} else {
			marks = 0
		}
		if columns+width > limit {
			return b.String()[:cut] + "…"
		}
		b.WriteString(shown)
		columns += width
		if columns < limit {
			cut = b.Len()
		}
		i += size
	}
	return b.String()
}

// show returns what is printed for r, whose first byte is c, and its width in columns.
func show(r rune, c byte, size, marks int) (string, int) {
	var shown string
	switch {
	case r == utf8.RuneError && size == 1:
		shown = fmt.Sprintf(`\x%02x`, c)
	case r == '\n':
		shown = `\n`
	case r == '\r':
		shown = `\r`
	case r == '\t' || unicode.Is(unicode.Zs, r):
		shown = " "
	case r < ' ' || r == 0x7f:
		shown = fmt.Sprintf(`\x%02x`, r)
	case !unicode.IsPrint(r) || isMark(r) && marks >= maxMarks:
		if r > 0xffff {
			shown = fmt.Sprintf(`\U%08x`, r)
		} else {
			shown = fmt.Sprintf(`\u%04x`, r)
		}
	default:
		return string(r), columnsOf(r)
	}
	return shown, len(shown)
}

func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

func isMark(r rune) bool { return r >= 0x300 && unicode.In(r, unicode.Mn, unicode.Me) }

// Columns returns how many columns clean text takes.
func Columns(s string) int {
	n := 0
	for _, r := range s {
		n += columnsOf(r)
	}
	return n
}

// wide are the runs of code points that terminals draw two columns wide.
// Source: Unicode Standard Annex #11, East Asian Width, classes W and F, in coarse runs.
var wide = [...][2]rune{
	{0x1100, 0x115f},
	{0x2e80, 0x303e},
	{0x3041, 0xa4cf},
	{0xac00, 0xd7a3},
	{0xf900, 0xfaff},
	{0xfe30, 0xfe6f},
	{0xff00, 0xff60},
	{0xffe0, 0xffe6},
	{0x1f300, 0x1f64f},
	{0x1f680, 0x1f6ff},
	{0x1f900, 0x1f9ff},
	{0x20000, 0x3fffd},
}

func columnsOf(r rune) int {
	if r < 0x300 {
		return 1
	}
	if isMark(r) {
		return 0
	}
	for _, w := range wide {
		if r >= w[0] && r <= w[1] {
			return 2
		}
	}
	return 1
}

// Wrap breaks clean text at spaces into lines of at most width columns, and within words that are longer than a line.
// The spaces within a line stay as they are.
func Wrap(s string, width int) []string {
	if s == "" {
		return nil
	}
	width = max(width, 8)
	var lines []string
	line, columns, empty := "", 0, true
	for word := range strings.SplitSeq(s, " ") {
		w := Columns(word)
		if !empty && columns+1+w <= width {
			line += " " + word
			columns += 1 + w
			continue
		}
		if !empty {
			lines = append(lines, line)
		}
		for w > width {
			head := prefix(word, width)
			lines = append(lines, head)
			word = word[len(head):]
			w -= Columns(head)
		}
		line, columns, empty = word, w, false
	}
	return append(lines, line)
}

// prefix returns the longest prefix of s that fits into width columns, which is at least 2.
func prefix(s string, width int) string {
	n := 0
	for i, r := range s {
		n += columnsOf(r)
		if n > width {
			return s[:i]
		}
	}
	return s
}
