package envelope

import (
	"bytes"
	"io"

	"mailstop/parse"
)

// Documents is the container of JSON that is not one object a line: arrays, documents written over several lines or
// without anything between them, and records in what APIs and log services wrap around many of them.
func Documents() parse.Container {
	return parse.Container{Name: "JSON documents", Match: isDocuments, Lines: documentLines, Doc: documentsDoc}
}

func documentLines(in io.Reader) io.Reader {
	d := &documents{source: newSource(in)}
	d.step = d.next
	return d
}

// documents makes a line of each record. It goes down into arrays, and into objects that hold arrays of records, and
// copies everything else: one record is in memory at a time.
type documents struct {
	source
	open []level
	ctx  []byte // members that records get from what is around them: `"logStream":"mx1",`
	rec  []byte // the record in hand, compact
}

// A level is an array or an object that is open.
type level struct {
	array   bool
	loki    bool // an array of pairs, [time, line]
	wrapper bool // an object that holds records, and is none
	rows    bool // an array of lists of a field and its value
	otlp    bool // of OpenTelemetry's, or in it
	line    bool // an object with a line in it
	begun   bool // a member or an element was read
	ctx     int  // length of ctx outside
}

const (
	mark       = "\uFEFF" // of the byte order: at the start, and where files were joined
	maxOpen    = 64
	maxContext = 8 << 10
)

// next reads a member, an element, or what is between them.
func (d *documents) next() {
	c, ok := d.space()
	switch {
	case !ok:
		d.end()
	case len(d.open) > 0 && !d.open[len(d.open)-1].array:
		d.member(c)
	default:
		d.element(c)
	}
}

// end says that the input ends within a record.
func (d *documents) end() {
	if len(d.open) == 0 {
		return
	}
	d.damage()
}

// damage gives what was read of a record as a line, and goes on outside of everything.
func (d *documents) damage() {
	if n := len(d.open); n > 0 && !d.open[n-1].array && !d.open[n-1].wrapper && len(d.rec) > 1 {
		d.emit(d.rec)
	}
	d.open, d.ctx, d.rec = d.open[:0], d.ctx[:0], d.rec[:0]
	if !d.more() {
		d.late = io.ErrUnexpectedEOF
	}
}

func (d *documents) emit(parts ...[]byte) {
	for _, p := range parts {
		d.out = append(d.out, p...)
	}
	d.out = append(d.out, '\n')
}

func (d *documents) push(l level) {
	l.ctx = len(d.ctx)
	d.open = append(d.open, l)
}

func (d *documents) pop() {
	d.ctx = d.ctx[:d.open[len(d.open)-1].ctx]
	d.open = d.open[:len(d.open)-1]
}

// element reads what stands in an array, or between documents: c is its first byte.
func (d *documents) element(c byte) {
	inside := len(d.open) > 0
	switch {
	case c == mark[0] && !inside && string(d.ahead(len(mark))) == mark:
		d.r += len(mark)
	case c == '{':
		d.r++
		d.rec = append(d.rec[:0], '{')
		d.push(level{otlp: inside && d.open[len(d.open)-1].otlp})
	case c == '[' && inside && d.open[len(d.open)-1].loki:
		d.rec = d.rec[:0]
		if !d.value(&d.rec) {
			d.emit(d.rec)
			d.damage()
			return
		}
		d.pair()
	case c == '[' && inside && d.open[len(d.open)-1].rows:
		d.rec = d.rec[:0]
		if !d.value(&d.rec) {
			d.emit(d.rec)
			d.damage()
			return
		}
		d.emit(plain(d.rec))
	case c == '[' && len(d.open) < maxOpen && (opensRecords(d.ahead(256)) || opensStrings(d.ahead(4<<10))):
		d.r++
		d.push(level{array: true})
	case c == ']' && inside:
		d.r++
		d.pop()
	case (c == ',' || c == ']' || c == '}') && (inside || isSeparator(d.ahead(64))):
		d.r++
	case c == '"' && inside, c == '[' && (inside || opensList(d.ahead(64))):
		d.rec = d.rec[:0]
		if !d.value(&d.rec) {
			d.emit(d.rec)
			d.damage()
			return
		}
		d.emit(d.rec)
	default:
		if inside { // no value starts so
			d.damage()
		}
		d.rec, _ = d.line(d.rec[:0], maxRecord)
		d.emit(bytes.TrimRight(d.rec, "\r"))
	}
}

// pair gives an entry of Loki's, [time, line], as its command line client does: with the stream's labels.
func (d *documents) pair() {
	list := d.rec[1:]
	n := textEnd(list)
	if n < 2 || list[0] != '"' || list[n] != ',' || list[n+1] != '"' {
		d.emit([]byte{'{'}, d.ctx, []byte(`"values":[`), d.rec, []byte("]}"))
		return
	}
	line := list[n+1:]
	if end := textEnd(line); end > 0 {
		line = line[:end]
	}
	d.emit([]byte{'{'}, d.ctx, []byte(`"timestamp":`), list[:n], []byte(`,"line":`), line, []byte{'}'})
}

// opensRecords reports whether an array starts with an object or another array, or is empty.
func opensRecords(head []byte) bool {
	rest := bytes.TrimLeft(head[1:], " \t\r\n")
	return len(rest) > 0 && (rest[0] == '{' || rest[0] == '[' || rest[0] == ']')
}

// opensList reports whether an array starts with a string or a number, as Fluentd's do, and the kernel's stamp does not.
func opensList(head []byte) bool {
	rest := bytes.TrimLeft(head[1:], " \t\r\n")
	if len(rest) == 0 || rest[0] != '"' && rest[0]-'0' > 9 {
		return false
	}
	return rest[0] == '"' || bytes.IndexByte(rest, ',') > 0 && bytes.IndexByte(rest, ']') < 0
}

// isSeparator reports whether the first byte is what is left of a document around those to come, not of a line of text.
func isSeparator(head []byte) bool {
	if rest := bytes.TrimLeft(head[1:], " \t\r"); len(rest) > 0 {
		return bytes.IndexByte([]byte("{[,]}\n"), rest[0]) >= 0
	}
	return true
}

// member reads a member of the object that is open: c is its first byte, or what is between members.
func (d *documents) member(c byte) {
	l := &d.open[len(d.open)-1]
	if c == '}' {
		d.r++
		wrapper, otlp := l.wrapper, l.otlp
		d.pop()
		if !wrapper {
			d.finish(otlp)
		}
		return
	}
	if c == ',' && l.begun {
		d.r++
		c, _ = d.space()
	}
	if c != '"' {
		d.damage()
		return
	}
	d.named(l)
}

// finish gives the record in hand.
func (d *documents) finish(otlp bool) {
	if len(d.ctx) > 0 && len(d.rec) < maxRecord {
		if len(d.rec) > 1 {
			d.rec = append(d.rec, ',')
		}
		d.rec = append(d.rec, d.ctx[:len(d.ctx)-1]...)
	}
	d.rec = append(d.rec, '}')
	if otlp {
		d.rec = plain(d.rec)
	}
	d.emit(d.rec)
}

// named reads a member from its name on.
func (d *documents) named(l *level) {
	start := len(d.rec)
	if l.begun && len(d.rec) > 1 {
		d.rec = append(d.rec, ',')
	}
	from := len(d.rec)
	if !d.value(&d.rec) {
		d.damage()
		return
	}
	if c, ok := d.space(); !ok || c != ':' {
		d.damage()
		return
	}
	d.r++
	l.begun = true
	var name [32]byte
	key := name[:copy(name[:], d.rec[from:])]
	d.rec = append(d.rec, ':')
	c, ok := d.space()
	if !ok {
		return
	}
	if !l.line && len(d.open) < maxOpen {
		if next, ok := d.wraps(key, c); ok {
			l.wrapper = true
			d.rec = d.rec[:0]
			d.r++
			d.push(next)
			return
		}
	}
	l.line = l.line || lineKeys[string(key)]
	if !d.value(&d.rec) {
		d.damage()
		return
	}
	if (contextKeys[string(key)] || l.otlp && string(key) == `"resource"`) && len(d.ctx)+len(d.rec)-from < maxContext && (c == '"' || c == '{') {
		l.remember(d, from)
	}
	if l.wrapper {
		d.rec = d.rec[:start]
	}
}

// remember keeps a member for the records inside. It is part of this record, too: a record that is no wrapper takes it
// back when it ends.
func (l *level) remember(d *documents, from int) {
	d.ctx = append(append(d.ctx, d.rec[from:]...), ',')
}

// value copies a value to dst without white space, as far as there is room.
func (d *documents) value(dst *[]byte) bool {
	var nest [maxRecord / 4096]byte // closing brackets to come
	depth := 0
	for {
		c, ok := d.space()
		if !ok {
			return false
		}
		switch c {
		case '"':
			if !d.str(dst) {
				return false
			}
		case '{', '[':
			if depth == len(nest) {
				return false
			}
			nest[depth] = c + 2 // '}' and ']' are two behind
			depth++
			d.keep(dst, c)
			continue
		case '}', ']':
			if depth == 0 || nest[depth-1] != c {
				return false
			}
			depth--
			d.keep(dst, c)
		case ',', ':':
			if depth == 0 {
				return false
			}
			d.keep(dst, c)
			continue
		default:
			if !d.bare(dst) {
				return false
			}
		}
		if depth == 0 {
			return true
		}
	}
}

func (d *documents) keep(dst *[]byte, c byte) {
	d.r++
	if len(*dst) < maxRecord {
		*dst = append(*dst, c)
	}
}

// bare copies a number or a word.
func (d *documents) bare(dst *[]byte) bool {
	n := 0
	for d.more() {
		c := d.buf[d.r]
		if c-'0' > 9 && c|0x20-'a' > 25 && c != '-' && c != '+' && c != '.' {
			break
		}
		d.keep(dst, c)
		n++
	}
	return n > 0
}

// str copies a string. A line end in it is damage: JSON writes one as an escape.
func (d *documents) str(dst *[]byte) bool {
	d.keep(dst, '"')
	for d.more() {
		rest := d.buf[d.r:d.w]
		n := 0
		for n < len(rest) && rest[n] != '"' && rest[n] != '\\' && rest[n] != '\n' {
			n++
		}
		if room := maxRecord - len(*dst); room > 0 {
			*dst = append(*dst, rest[:min(n, room)]...)
		}
		if d.r += n; n == len(rest) {
			continue
		}
		switch rest[n] {
		case '"':
			d.keep(dst, '"')
			return true
		case '\n':
			d.r++
			return false
		}
		d.keep(dst, '\\')
		if !d.more() {
			return false
		}
		if d.buf[d.r] == '\n' {
			return false
		}
		d.keep(dst, d.buf[d.r])
	}
	return false
}
