package envelope

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// A value is a JSON value where it stands in the line.
type value struct {
	kind kind
	raw  string // a string without its quotes; anything else as written
	// escaped says that a string has escapes in it.
	escaped bool
}

type kind uint8

const (
	absent kind = iota
	text
	list
	object
	null
	other // a number or a boolean
)

// A scanner reads one JSON object member by member. It is not a validator: it may accept what JSON forbids, but it
// never reads one member as another.
type scanner struct {
	s  string
	at int
}

func (p *scanner) space() {
	for p.at < len(p.s) && isSpace(p.s[p.at]) {
		p.at++
	}
}

// take steps over c, after white space.
func (p *scanner) take(c byte) bool {
	p.space()
	if p.at < len(p.s) && p.s[p.at] == c {
		p.at++
		return true
	}
	return false
}

// member reads "key": value and the comma behind it. More is false behind the last one; ok is false if the text is not
// JSON.
func (p *scanner) member() (key string, v value, more, ok bool) {
	k, ok := p.quoted()
	if !ok || !p.take(':') {
		return "", v, false, false
	}
	if v, ok = p.value(); !ok {
		return "", v, false, false
	}
	if p.take(',') {
		return k.raw, v, true, true
	}
	return k.raw, v, false, p.take('}')
}

// quoted reads a string.
func (p *scanner) quoted() (value, bool) {
	if !p.take('"') {
		return value{}, false
	}
	start, escaped := p.at, false
	for {
		i := strings.IndexByte(p.s[p.at:], '"')
		if i < 0 {
			return value{}, false
		}
		if !escaped && strings.IndexByte(p.s[p.at:p.at+i], '\\') >= 0 {
			escaped = true
		}
		p.at += i + 1
		if !escaped || !p.isEscaped(start, p.at-1) {
			return value{kind: text, raw: p.s[start : p.at-1], escaped: escaped}, true
		}
	}
}

// isEscaped reports whether an odd number of backslashes stands between start and the byte at i.
func (p *scanner) isEscaped(start, i int) bool {
	n := 0
	for i-n > start && p.s[i-n-1] == '\\' {
		n++
	}
	return n%2 == 1
}

func (p *scanner) value() (value, bool) {
	p.space()
	if p.at == len(p.s) {
		return value{}, false
	}
	start := p.at
	switch c := p.s[p.at]; c {
	case '"':
		return p.quoted()
	case '[', '{':
		if !p.skip() {
			return value{}, false
		}
		k := list
		if c == '{' {
			k = object
		}
		return value{kind: k, raw: p.s[start:p.at]}, true
	}
	for p.at < len(p.s) && isBare(p.s[p.at]) {
		p.at++
	}
	raw := p.s[start:p.at]
	if raw == "null" {
		return value{kind: null, raw: raw}, true
	}
	return value{kind: other, raw: raw}, raw != ""
}

// skip steps over a list or an object. It counts brackets instead of calling itself: depth costs nothing.
func (p *scanner) skip() bool {
	depth := 0
	for p.at < len(p.s) {
		switch p.s[p.at] {
		case '"':
			if _, ok := p.quoted(); !ok {
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

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func isBare(c byte) bool {
	return c-'0' <= 9 || c|0x20-'a' <= 25 || c == '-' || c == '+' || c == '.'
}

// string returns the text of a string, of a list of bytes, or of the first string of a list: the journal writes bytes
// for a value that is not UTF-8 and a list for a field that came more than once.
func (v value) string(a *arena) string {
	switch {
	case v.kind == text && !v.escaped:
		return v.raw
	case v.kind == text:
		return a.keep(appendUnescaped(a.room(len(v.raw)), v.raw))
	case v.kind == list:
		p := scanner{s: v.raw, at: 1}
		p.space()
		if p.at < len(p.s) && (p.s[p.at] == '"' || p.s[p.at] == '[') {
			first, ok := p.value()
			if ok && (first.kind == text || !isNested(first.raw)) {
				return first.string(a)
			}
			return ""
		}
		return a.keep(appendBytes(a.room(len(v.raw)/2+1), v.raw))
	}
	return ""
}

// isNested reports whether a list starts with another list.
func isNested(list string) bool {
	p := scanner{s: list, at: 1}
	return p.take('[')
}

// keep makes a string of bytes that were appended to what room returned.
func (a *arena) keep(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if n := len(a.chunk); cap(b) == cap(a.chunk)-n {
		a.chunk = a.chunk[:n+len(b)]
	}
	return unsafe.String(&b[0], len(b)) // nothing writes to these bytes again
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
