package jsonscan

import (
	"math/bits"
	"strings"
)

// StringEnd returns the index of the quote that ends the string whose content starts at text[at], and whether there are
// escapes in it: -1 if the string does not end.
func StringEnd(text string, at int) (end int, escaped bool) { return stringEnd(text, at) }

// stringEnd returns the index of the quote that ends the string whose content starts at text[at], -1 if there is none.
func stringEnd(text string, at int) (end int, escaped bool) {
	// Most strings are short: calling IndexByte for them costs more than looking at them eight bytes at a time.
	for range 4 {
		if len(text)-at < 8 {
			return slowEnd(text, at)
		}
		m := marks(load64(text[at:]))
		if m == 0 {
			at += 8
			continue
		}
		if at += bits.TrailingZeros64(m) >> 3; text[at] == '"' {
			return at, false
		}
		return escapedEnd(text, at), true
	}
	return slowEnd(text, at)
}

// slowEnd is stringEnd for what is long, or ends early.
func slowEnd(text string, at int) (end int, escaped bool) {
	n := strings.IndexByte(text[at:], '"')
	if n < 0 {
		return -1, false
	}
	if m := strings.IndexByte(text[at:at+n], '\\'); m >= 0 {
		return escapedEnd(text, at+m), true
	}
	return at + n, false
}

// escapedEnd is stringEnd from a backslash on.
func escapedEnd(text string, at int) int {
	for {
		at += 2 // the backslash and what it escapes
		for {
			if len(text)-at < 8 {
				return lastEnd(text, at)
			}
			m := marks(load64(text[at:]))
			if m != 0 {
				at += bits.TrailingZeros64(m) >> 3
				break
			}
			at += 8
		}
		if text[at] == '"' {
			return at
		}
	}
}

// lastEnd is escapedEnd for the last bytes of text.
func lastEnd(text string, at int) int {
	for ; at < len(text); at++ {
		switch text[at] {
		case '"':
			return at
		case '\\':
			at++
		}
	}
	return -1
}

// marks returns a word whose lowest set bit is in the first byte of w, in the order of the text, that is a quote or a
// backslash; 0 if none is. It is the well-known test for a zero byte, made twice: bytes above the first may be wrong.
func marks(w uint64) uint64 {
	const low, high = 0x0101010101010101, 0x8080808080808080
	q, b := w^low*'"', w^low*'\\'
	return ((q-low)&^q | (b-low)&^b) & high
}

// load64 returns eight bytes of s, the first one lowest.
func load64(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
