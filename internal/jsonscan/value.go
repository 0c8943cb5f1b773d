package jsonscan

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A Value is a JSON value where it stands in the line.
type Value struct {
	Raw     string // a string without its quotes; anything else as written
	Kind    Kind
	Escaped bool // a string has escapes in it
}

// Kind is what a value is.
type Kind uint8

// The kinds.
const (
	Absent Kind = iota
	Text
	List
	Object
	Null
	Bool
	Number // or what stands for one
)

// A scanner reads one JSON object member by member. It is not a validator: it may accept what JSON forbids, but it
// never reads one member as another.
type scanner struct {
	text string
	at   int
}

func (p *scanner) space() { p.at = space(p.text, p.at) }

// take steps over c, after white space.
func (p *scanner) take(c byte) bool {
	p.space()
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

// quoted reads a string.
func (p *scanner) quoted() (Value, bool) {
	if !p.take('"') {
		return Value{}, false
	}
	end, escaped := stringEnd(p.text, p.at)
	if end < 0 {
		return Value{}, false
	}
	v := Value{Kind: Text, Raw: p.text[p.at:end], Escaped: escaped}
	p.at = end + 1
	return v, true
}

func (p *scanner) value() (Value, bool) {
	p.space()
	if p.at == len(p.text) {
		return Value{}, false
	}
	start := p.at
	switch c := p.text[p.at]; c {
	case '"':
		return p.quoted()
	case '[', '{':
		if !p.skip() {
			return Value{}, false
		}
		k := List
		if c == '{' {
			k = Object
		}
		return Value{Kind: k, Raw: p.text[start:p.at]}, true
	}
	for p.at < len(p.text) && isBare(p.text[p.at]) {
		p.at++
	}
	raw := p.text[start:p.at]
	switch raw {
	case "null":
		return Value{Kind: Null, Raw: raw}, true
	case "true", "false":
		return Value{Kind: Bool, Raw: raw}, true
	}
	return Value{Kind: Number, Raw: raw}, raw != ""
}

// skip steps over a list or an object. It counts brackets instead of calling itself: depth costs nothing.
func (p *scanner) skip() bool {
	depth := 0
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case '"':
			if _, ok := p.quoted(); !ok {
				p.at = len(p.text) // it has no end
				return false
			}
			continue
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		}
		p.at++
		if depth == 0 {
			return true
		}
	}
	return false
}

// space returns the index of the first byte of text[at:] that is no white space.
func space(text string, at int) int {
	for at < len(text) && isSpace(text[at]) {
		at++
	}
	return at
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func isBare(c byte) bool {
	return c-'0' <= 9 || c|0x20-'a' <= 25 || c == '-' || c == '+' || c == '.'
}

// String returns the text of a string without escapes, a number or a boolean as it is written, and of a list of bytes, or
// the first string of a list, that: systemd's journal writes bytes for a value that is not UTF-8 and a list for a field
// that came more than once. It is empty for the rest.
func (v Value) String(a *Arena) string {
	switch {
	case v.Kind == Number || v.Kind == Bool:
		return v.Raw
	case v.Kind == Text && !v.Escaped:
		return v.Raw
	case v.Kind == Text:
		return a.keep(appendUnescaped(a.room(len(v.Raw)), v.Raw))
	case v.Kind == List:
		p := scanner{text: v.Raw, at: 1}
		p.space()
		if p.at < len(p.text) && (p.text[p.at] == '"' || p.text[p.at] == '[') {
			first, ok := p.value()
			if ok && (first.Kind == Text || !isNested(first.Raw)) {
				return first.String(a)
			}
			return ""
		}
		return a.keep(appendBytes(a.room(len(v.Raw)/2+1), v.Raw))
	}
	return ""
}

// isNested reports whether a list starts with another list.
func isNested(list string) bool {
	p := scanner{text: list, at: 1}
	return p.take('[')
}

// appendBytes appends the numbers of a list as bytes; what is no byte becomes '?'.
func appendBytes(dst []byte, list string) []byte {
	n, digits := 0, 0
	for _, c := range []byte(list) {
		if c-'0' <= 9 {
			n = min(n*10+int(c-'0'), 256)
			digits++
			continue
		}
		if digits > 0 {
			if n > 255 {
				n = '?'
			}
			dst = append(dst, byte(n))
		}
		n, digits = 0, 0
	}
	return dst
}

// appendUnescaped appends the text of a JSON string, which is never longer than the string. Escapes that JSON does not
// know stay as they are.
func appendUnescaped(dst []byte, s string) []byte {
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 || i+1 == len(s) {
			return append(dst, s...)
		}
		dst = append(dst, s[:i]...)
		n := 2
		switch c := s[i+1]; c {
		case '"', '\\', '/':
			dst = append(dst, c)
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			var r rune
			if r, n = unescapeRune(s[i:]); n > 0 {
				dst = utf8.AppendRune(dst, r)
				break
			}
			fallthrough
		default:
			n = 2
			dst = append(dst, s[i:i+2]...)
		}
		s = s[i+n:]
	}
}

// unescapeRune reads \uXXXX, or two of them that are a surrogate pair, and returns the length: 0 if it is neither.
func unescapeRune(s string) (rune, int) {
	r, ok := hex4(s)
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(r) && len(s) >= 12 && s[6] == '\\' && s[7] == 'u' {
		if low, ok := hex4(s[6:]); ok {
			if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
				return both, 12
			}
		}
	}
	return r, 6 // AppendRune makes U+FFFD of half a pair
}

func hex4(s string) (r rune, ok bool) {
	if len(s) < 6 {
		return 0, false
	}
	for _, c := range []byte(s[2:6]) {
		switch {
		case c-'0' <= 9:
			r = r<<4 | rune(c-'0')
		case c|0x20-'a' <= 5:
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}
