package term

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// EscapeJSON escapes what is not printable in encoded JSON, so that it can be shown on a screen; a reader of JSON gets the
// same. Such characters occur only within strings: between them there are only ASCII ones.
func EscapeJSON(in []byte) []byte {
	out := make([]byte, 0, len(in))
	for i := 0; i < len(in); {
		c := in[i]
		if c == '\n' || c >= ' ' && c < 0x7f {
			out = append(out, c)
			i++
			continue
		}
		r, size := utf8.DecodeRune(in[i:])
		switch {
		case unicode.IsPrint(r):
			out = append(out, in[i:i+size]...)
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		i += size
	}
	return out
}
