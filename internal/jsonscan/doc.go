// Package jsonscan reads the members of one JSON object, as log lines have them, without allocating: strings are views into
// the text. It is lenient in what a value may look like and strict in the object's structure: a line that is cut is no
// object. It is for reading logs, not for documents.
package jsonscan

import (
	"strings"
)

const (
	maxDepth  = 16
	maxFields = 1024
	maxKey    = 1024 // bytes
	maxText   = 1 << 30
)

// A Doc is an object laid flat: {"a":{"b":1},"c.d":2} has the fields "a.b" and "c.d". It may be used again and again; its
// fields are valid until the next Parse. It remembers which keys follow each other, since a shipper's records are all
// alike: a record like the one before it costs no look at its keys but a comparison.
type Doc struct {
	// Class, if it is set before the first Parse, gives each key a number of the caller's, for Field. It is called once
	// for many records. It must not keep the key.
	Class func(key string) uint8
	// Classed leaves the fields out whose class is 0.
	Classed bool

	text    string
	fields  []Field
	objects []Field
	spans   []span // of what Objects is to return
	members int
	cut     bool
	keys    keys
}

// A span is where an object is in the text.
type span struct {
	key        keyID
	start, end int32
}

// A Field is a member that is no object. Keys of nested objects are joined with dots.
type Field struct {
	Key   string
	Value Value
	Class uint8 // what Doc.Class says of Key
}

// Parse reads text, which must be one object with nothing but white space around it. False means that it is not, or that
// it is nested deeper than 16 or has more than 1024 members.
func (d *Doc) Parse(text string) bool {
	d.fields, d.spans, d.members, d.text, d.cut = d.fields[:0], d.spans[:0], 0, text, false
	at := space(text, 0)
	if at == len(text) || text[at] != '{' || len(text) > maxText {
		return false
	}
	d.keys.begin()
	if at = d.object(text, at+1, 0, 1); at < 0 {
		return false
	}
	return space(text, at) == len(text)
}

// Cut reports whether the text that Parse refused is the start of an object: Fields returns those that are whole.
func (d *Doc) Cut() bool { return d.cut }

// Fields returns the fields in the order of the text.
func (d *Doc) Fields() []Field { return d.fields }

// Objects returns the object's members that are objects themselves, as they are written. Their members are in Fields, too.
func (d *Doc) Objects() []Field {
	d.objects = d.objects[:0]
	for _, o := range d.spans {
		if o.end == 0 {
			continue // of a text that is cut
		}
		key := &d.keys.all[o.key]
		v := Value{Kind: Object, Raw: d.text[o.start:o.end]}
		d.objects = append(d.objects, Field{Key: key.full, Value: v, Class: key.class})
	}
	return d.objects
}

// Get returns the first field of a key, or an absent value.
func (d *Doc) Get(key string) Value {
	for i := range d.fields {
		if d.fields[i].Key == key {
			return d.fields[i].Value
		}
	}
	return Value{}
}

// object reads the members from text[at:], behind a '{', and returns what is behind the '}': 0 or less if there is none.
func (d *Doc) object(text string, at int, parent keyID, depth int) int {
	if at = space(text, at); at < len(text) && text[at] == '}' {
		return at + 1
	}
	before := parent
	first := true
	for {
		k := d.keys.guess(before, first)
		if l := d.keys.all[k].lead; k != 0 && len(text)-at > len(l) && text[at:at+len(l)] == l {
			at += len(l)
		} else {
			if k, at = d.key(text, at, parent, before, first); at < 0 {
				return -1
			}
			if at = space(text, at); at >= len(text) {
				return d.ends()
			}
			if text[at] != ':' {
				return -1
			}
			at++
		}
		if d.members == maxFields {
			return -1
		}
		before, first = k, false
		d.members++
		if at = d.member(text, at, k, depth); at < 0 {
			return -1
		}
		if at < len(text) && text[at] != ',' {
			at = space(text, at)
		}
		switch {
		case at >= len(text):
			return d.ends()
		case text[at] == '}':
			return at + 1
		case text[at] != ',':
			return -1
		}
		if at++; at < len(text) && text[at] != '"' {
			at = space(text, at)
		}
	}
}

// member reads a value, and the members of one that is an object.
func (d *Doc) member(text string, at int, k keyID, depth int) int {
	if at < len(text) && text[at] <= ' ' {
		at = space(text, at)
	}
	if at >= len(text) {
		return d.ends()
	}
	if text[at] == '{' {
		if depth == maxDepth {
			return -1
		}
		n := len(d.spans)
		if depth == 1 {
			d.spans = append(d.spans, span{key: k, start: int32(at)})
		}
		if at = d.object(text, at+1, k, depth+1); at > 0 && depth == 1 {
			d.spans[n].end = int32(at)
		}
		return at
	}
	key := &d.keys.all[k]
	if key.class == 0 && d.Classed {
		if text[at] == '"' {
			end, _ := stringEnd(text, at+1)
			if end < 0 {
				return d.ends()
			}
			return end + 1
		}
		p := scanner{text: text, at: at}
		if _, ok := p.value(); !ok {
			d.cut = p.at >= len(text)
			return -1
		}
		return p.at
	}
	n := len(d.fields)
	if n == cap(d.fields) {
		d.fields = append(d.fields, Field{})
	} else {
		d.fields = d.fields[:n+1]
	}
	f := &d.fields[n]
	f.Key, f.Class = key.full, key.class
	if text[at] == '"' {
		end, escaped := stringEnd(text, at+1)
		if end < 0 {
			d.fields = d.fields[:n]
			return d.ends()
		}
		f.Value = Value{Kind: Text, Raw: text[at+1 : end], Escaped: escaped}
		return end + 1
	}
	p := scanner{text: text, at: at}
	v, ok := p.value()
	if !ok || p.at == len(text) { // a number at the end may be half of one
		d.fields = d.fields[:n]
		d.cut = p.at >= len(text)
		return -1
	}
	f.Value = v
	return p.at
}

// key reads a key that is not the expected one.
func (d *Doc) key(text string, at int, parent, before keyID, first bool) (keyID, int) {
	if at = space(text, at); at == len(text) {
		return 0, d.ends()
	}
	if text[at] != '"' {
		return 0, -1
	}
	end, _ := stringEnd(text, at+1)
	if end < 0 {
		return 0, d.ends()
	}
	k := d.keys.find(parent, text[at:end+1], d.Class)
	d.keys.expect(before, first, k)
	return k, end + 1
}

// ends notes that the text ends too early, and returns what says that there is no object.
func (d *Doc) ends() int {
	d.cut = true
	return -1
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

// First returns the first element of a list, an absent value if it has none, and anything else as it is.
func (v Value) First() Value {
	if v.Kind != List {
		return v
	}
	p := scanner{text: v.Raw, at: 1}
	first, _ := p.value()
	return first
}

// One returns the element of a list that has one, as Elasticsearch gives fields, and anything else as it is.
func (v Value) One() Value {
	if v.Kind != List {
		return v
	}
	p := scanner{text: v.Raw, at: 1}
	if one, ok := p.value(); ok && p.take(']') {
		return one
	}
	return v
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
