package evtx

import (
	"unicode/utf16"
	"unicode/utf8"
)

// special marks the letters that are not written as they are, in text and in attributes.
var special = func() (t [utf8.RuneSelf]bool) {
	for c := range byte(' ') {
		t[c] = true
	}
	for _, c := range `&<>"` {
		t[c] = true
	}
	return t
}()

// appendText writes UTF-16 text as XML. The zeros that end it are left out.
func appendText(out, d []byte, attribute bool) []byte {
	d = d[:len(d)&^1]
	for len(d) > 0 && d[len(d)-2] == 0 && d[len(d)-1] == 0 {
		d = d[:len(d)-2]
	}
	for len(d) > 0 {
		if len(d) >= 8 {
			v := le.Uint64(d)
			if v&0xff80_ff80_ff80_ff80 == 0 {
				v = (v | v>>8) & 0x0000_ffff_0000_ffff
				v |= v >> 16
				if !special[v&0x7f] && !special[v>>8&0x7f] && !special[v>>16&0x7f] && !special[v>>24&0x7f] {
					out = le.AppendUint32(out, uint32(v))
					d = d[8:]
					continue
				}
			}
		}
		r := rune(le.Uint16(d))
		d = d[2:]
		if utf16.IsSurrogate(r) {
			low := rune(utf8.RuneError)
			if len(d) >= 2 {
				low = rune(le.Uint16(d))
			}
			if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
				d = d[2:]
			}
		}
		out = appendRune(out, r, attribute)
	}
	return out
}

// appendRune writes one letter. Line ends stay in the text, but not in the line; what XML cannot say is replaced.
func appendRune(out []byte, r rune, attribute bool) []byte {
	if r >= utf8.RuneSelf {
		if r == 0xfffe || r == 0xffff {
			r = utf8.RuneError
		}
		return utf8.AppendRune(out, r)
	}
	if !special[r] {
		return append(out, byte(r))
	}
	switch {
	case r == '&':
		return append(out, "&amp;"...)
	case r == '<':
		return append(out, "&lt;"...)
	case r == '>':
		return append(out, "&gt;"...)
	case r == '"' && attribute:
		return append(out, "&quot;"...)
	case r == '\n':
		return append(out, "&#10;"...)
	case r == '\r':
		return append(out, "&#13;"...)
	case r == '\t' && attribute:
		return append(out, "&#9;"...)
	case r == '\t' || r == '"':
		return append(out, byte(r))
	}
	return utf8.AppendRune(out, utf8.RuneError)
}

// appendName writes the name of an element or attribute. False means that it is none.
func appendName(out, d []byte) ([]byte, bool) {
	colon := false
	for i := 0; i+1 < len(d); i += 2 {
		u := rune(le.Uint16(d[i:]))
		inner := u >= '0' && u <= '9' || u == '-' || u == '.'
		if u == ':' {
			inner, colon = !colon && i+2 < len(d), true
		}
		if !isNameStart(u) && (i == 0 || !inner) {
			return out, false
		}
		out = utf8.AppendRune(out, u)
	}
	return out, len(d) > 0
}

// isNameStart reports whether a name may start with r: "Extensible Markup Language (XML) 1.0", 2.3, without the few
// ranges that names of events never have.
func isNameStart(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_' ||
		r >= 0xc0 && r <= 0x1fff && r != 0xd7 && r != 0xf7 && (r < 0x300 || r > 0x36f) && r != 0x37e ||
		r >= 0x3001 && r < 0xd800
}
