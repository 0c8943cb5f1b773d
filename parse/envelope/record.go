package envelope

import (
	"math/bits"
	"strings"

	"mailstop/internal/jsonscan"
	"mailstop/parse"
)

// fields are a record's, by what their keys mean.
type fields struct {
	*unwrapper
	all  []jsonscan.Field
	seen [2]uint64       // a bit for each class
	at   [classes]uint16 // where in all the first of a class is, if seen

	parsed bool // Fluentd wrote it, with tagTime
}

func (f *fields) collect() {
	for i := range f.all {
		c := f.all[i].Class
		if word, bit := &f.seen[c/64%2], uint64(1)<<(c%64); *word&bit == 0 && c < uint8(classes) {
			*word |= bit
			f.at[c] = uint16(i)
		}
	}
}

func (f *fields) has(c class) bool { return f.seen[c/64]>>(c%64)&1 != 0 }

// next returns the first class there is from c to last, or classes.
func (f *fields) next(c, last class) class {
	for c <= last {
		if rest := f.seen[c/64] >> (c % 64); rest != 0 {
			if c += class(bits.TrailingZeros64(rest)); c <= last {
				return c
			}
			return classes
		}
		c = (c/64 + 1) * 64
	}
	return classes
}

// any reports whether there is one of the classes from first to last.
func (f *fields) any(first, last class) bool { return f.next(first, last) != classes }

func (f *fields) get(c class) jsonscan.Value {
	if !f.has(c) {
		return jsonscan.Value{}
	}
	return f.all[f.at[c]].Value
}

// word returns a text that says something, or "".
func (f *fields) word(c class) string {
	if !f.has(c) {
		return ""
	}
	if s := f.get(c).String(&f.text); s != "-" {
		return s
	}
	return ""
}

// beat reports whether Filebeat, another Beat or an Elastic Agent shipped the record.
func (f *fields) beat() bool { return f.has(agentName) || f.has(agentSign) }

// shipped reports whether something besides the line says that a shipper made the record.
func (f *fields) shipped() bool {
	return f.any(hostSyslog, hostLabel) || f.any(hostFrom, hostPeer) || f.any(hostStream, syslogMark)
}

// unwrap tells r what the record says, and returns the line in it.
func (f *fields) unwrap(text string, r *parse.Record) (string, bool) {
	if f.read() {
		f.tell(r, none)
		return text, true
	}
	c := f.line()
	if c == none {
		if f.has(windowsID) || f.has(tupleSource) && f.has(tupleTarget) {
			f.tell(r, none)
			return text, true
		}
		return f.inside(text, r)
	}
	if c == lokiValues {
		return f.loki(text, r)
	}
	body := f.clean(f.get(c))
	if c >= lineMessage && f.has(tupleSource) && f.has(tupleTarget) && !speaksOf(body, f.word(tupleSource)) {
		f.tell(r, none)
		return text, true
	}
	f.tell(r, c)
	if f.partial(c, len(body)) {
		r.Note = NotePart
	}
	return f.tag(body, r), true
}

// read reports whether the record's shipper has read what another format's parser reads in it.
func (f *fields) read() bool {
	return f.has(windowsData) || f.has(otherFormat) || f.has(windowsID) && f.has(windowsFlat) || f.has(powerShell) && f.has(hostWindows)
}

// line returns the class of the field that has the line, none if there is no such field. In a record of no shipper that
// is known there must be one alone that can be a line.
func (f *fields) line() class {
	shipped := f.shipped()
	found, body := none, ""
	for c := f.next(lineOriginal, lineEnd); c != classes; c = f.next(c+1, lineEnd) {
		v := f.get(c)
		if c == lineJournal && (f.has(timeRealtime) || f.has(transport)) {
			return c // also null, for what is too long
		}
		if v.Kind != jsonscan.Text && v.Kind != jsonscan.List || !isLine(v, shipped) {
			continue
		}
		if shipped {
			return c
		}
		switch {
		case found == none:
			found, body = c, v.Raw
		case v.Raw != body:
			return none
		}
	}
	if found == none && f.has(lokiValues) && f.get(lokiValues).Kind == jsonscan.List {
		return lokiValues
	}
	return found
}

// isLine reports whether a value can be a log line.
func isLine(v jsonscan.Value, shipped bool) bool {
	if v.Kind == jsonscan.List {
		return shipped && len(v.Raw) > 16
	}
	if shipped && len(v.Raw) > 0 {
		return true
	}
	return len(v.Raw) >= 16 && strings.IndexByte(v.Raw, ' ')+strings.IndexByte(v.Raw, ',') >= 0
}

// speaksOf reports whether a line names the address that its record gives as the packet's source: otherwise it is a
// sentence that somebody made of the record.
func speaksOf(line, address string) bool {
	if i := strings.IndexByte(address, ':'); i > 0 && i < 5 { // written out, or not
		address = address[:i]
	}
	return strings.Contains(line, address) || strings.Contains(line, strings.ToUpper(address))
}

// partial reports whether a container runtime has cut the line: Docker does so after 16 KiB.
func (f *fields) partial(c class, size int) bool {
	if c != lineLog || !f.has(stream) || size < 16<<10 {
		return false
	}
	raw := f.get(c).Raw
	return !strings.HasSuffix(raw, `\n`)
}

// inside returns the object in the record that seems to be the record: Kafka Connect's payload, an event of Splunk's
// collector, a document of Elasticsearch, or whatever root a pipeline gave it.
func (f *fields) inside(text string, r *parse.Record) (string, bool) {
	c := nestedLine
	if !f.has(c) {
		c = nestedRecord
	}
	if !f.has(c) {
		return text, false
	}
	root := ""
	for i := range f.all {
		if class(f.all[i].Class) != c {
			continue
		}
		key, _, _ := strings.Cut(f.all[i].Key, ".")
		if root != "" && key != root {
			return text, false // two of them: no guess
		}
		root = key
	}
	for _, o := range f.doc.Objects() {
		if o.Key == root {
			f.tell(r, none)
			return o.Value.Raw, true
		}
	}
	return text, false // the root has a dotted name, or is part of one
}

// loki reads a stream with one entry, which containers make of those with many: [["time","line"]].
func (f *fields) loki(text string, r *parse.Record) (string, bool) {
	var pair [2]jsonscan.Value
	n := 0
	f.get(lokiValues).Elements(func(entry jsonscan.Value) bool {
		entry.Elements(func(v jsonscan.Value) bool {
			pair[n] = v
			n++
			return n < len(pair)
		})
		return false
	})
	if n < 2 || pair[1].Kind != jsonscan.Text {
		return text, false
	}
	f.tell(r, none)
	if m, ok := f.when(pair[0]); ok && m.instant {
		m.write(r, false)
	}
	return f.tag(f.clean(pair[1]), r), true
}
