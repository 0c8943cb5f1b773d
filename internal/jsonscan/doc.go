// Package jsonscan reads the members of one JSON object, as log lines have them, without allocating: strings are views into
// the text. It is lenient in what a value may look like and strict in the object's structure: a line that is cut is no
// object. It is for reading logs, not for documents.
package jsonscan

import (
	"strings"
	"unsafe"
)

const (
	maxDepth  = 16
	maxFields = 1024
	maxKey    = 1024 // bytes
)

// A Doc is an object laid flat: {"a":{"b":1},"c.d":2} has the fields "a.b" and "c.d". It may be used again and again; its
// fields are valid until the next Parse.
type Doc struct {
	fields []Field
	keys   []byte
}

// A Field is a member that is no object. Keys of nested objects are joined with dots.
type Field struct {
	Key   string
	Value Value
}

// Parse reads text, which must be one object with nothing but white space around it. False means that it is not, or that
// it is nested deeper than 16 or has more than 1024 members.
func (d *Doc) Parse(text string) bool {
	p := scanner{text: text}
	d.fields = d.fields[:0]
	d.keys = d.keys[:0]
	if !p.take('{') || !d.object(&p, "", 1) {
		return false
	}
	p.space()
	return p.at == len(p.text)
}

// Fields returns the fields in the order of the text.
func (d *Doc) Fields() []Field { return d.fields }

// Get returns the first field of a key, or an absent value.
func (d *Doc) Get(key string) Value {
	for i := range d.fields {
		if d.fields[i].Key == key {
			return d.fields[i].Value
		}
	}
	return Value{}
}

// An Arena makes strings for the few values that are not in the text as they are. Strings keep the chunk they are in
// alive, and nothing else.
type Arena struct{ chunk []byte }

const chunkSize = 16 << 10

// room returns an empty slice to which n bytes can be appended, to be given to keep.
func (a *Arena) room(n int) []byte {
	if cap(a.chunk)-len(a.chunk) < n {
		a.chunk = make([]byte, 0, max(n, chunkSize))
	}
	return a.chunk[len(a.chunk):len(a.chunk):cap(a.chunk)]
}

// Unescape returns the text that a JSON string's content stands for, for what was escaped twice.
func (a *Arena) Unescape(s string) string { return a.keep(appendUnescaped(a.room(len(s)), s)) }

// object reads the members behind a '{'.
func (d *Doc) object(p *scanner, prefix string, depth int) bool {
	if p.take('}') {
		return true
	}
	for {
		k, ok := p.quoted()
		if !ok || !p.take(':') {
			return false
		}
		key := d.join(prefix, k.Raw)
		if p.take('{') {
			if depth == maxDepth || !d.object(p, key, depth+1) {
				return false
			}
		} else {
			v, ok := p.value()
			if !ok || len(d.fields) == maxFields {
				return false
			}
			d.fields = append(d.fields, Field{key, v})
		}
		if !p.take(',') {
			return p.take('}')
		}
	}
}

// join returns "prefix.key".
func (d *Doc) join(prefix, key string) string {
	if prefix == "" {
		return key
	}
	n := len(prefix) + 1 + len(key)
	if n > maxKey {
		return key // of no log; joined, such keys could grow with the square of the text
	}
	if cap(d.keys)-len(d.keys) < n {
		d.keys = make([]byte, 0, max(4<<10, n)) // views of the old ones stay good
	}
	start := len(d.keys)
	d.keys = append(append(append(d.keys, prefix...), '.'), key...)
	return unsafe.String(&d.keys[start], n)
}

// Elements calls f for each element of a list until f returns false. It reports whether the list is whole.
func (v Value) Elements(f func(Value) bool) bool {
	if v.Kind != List {
		return false
	}
	p := scanner{text: v.Raw, at: 1}
	if p.take(']') {
		return true
	}
	for {
		e, ok := p.value()
		if !ok {
			return false
		}
		if !f(e) {
			return true
		}
		if !p.take(',') {
			return p.take(']')
		}
	}
}

// Int returns the whole number that v is, or that a string spells. Hexadecimal numbers start with 0x.
func (v Value) Int() (int64, bool) {
	if v.Kind != Number && v.Kind != Text {
		return 0, false
	}
	s := v.Raw
	negative := strings.HasPrefix(s, "-")
	if negative {
		s = s[1:]
	}
	base := int64(10)
	if len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'x' {
		base, s = 16, s[2:]
	}
	if s == "" || len(s) > 19 {
		return 0, false
	}
	n := int64(0)
	for _, c := range []byte(s) {
		digit := int64(c - '0')
		if digit > 9 || digit < 0 {
			if digit = int64(c|0x20-'a') + 10; base != 16 || digit < 10 || digit > 15 {
				return 0, false
			}
		}
		if n > (1<<63-1-digit)/base {
			return 0, false
		}
		n = n*base + digit
	}
	if negative {
		n = -n
	}
	return n, true
}
