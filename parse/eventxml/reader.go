package eventxml

import (
	"bytes"
	"errors"
	"io"
)

// maxRecord is the longest line that is made.
const maxRecord = 1 << 20

type state uint8

// Between events.
const (
	outside    state = iota // nothing but white space since the start of the line or the last markup
	plain                   // in a line of text
	dropped                 // in a tag that is left out
	outComment              // in a comment
)

// In an event.
const (
	content     state = outComment + 1 + iota // between tags
	tag                                       // in a tag
	section                                   // in a CDATA section
	comment                                   // in a comment
	instruction                               // in a processing instruction
)

// reader is the events of in, one per line.
type reader struct {
	in   io.Reader
	buf  []byte
	r, w int // buf[r:w] is read and not looked at
	err  error

	out   []byte
	given int  // bytes of out that were given
	start int  // of the line in out that is not whole
	cut   bool // that line is too long

	state  state
	markup bool // plain: the line starts with a tag
	depth  int  // of elements named Event
	quote  byte // tag: the one that is open
	last   byte // tag: the byte before
	event  bool // tag: it is named Event
	ending bool // tag: it ends an element
	opened bool // content: it follows a tag that opens an element
	text   int  // content: where it starts in out
	blank  bool // content: it is white space so far
	broken bool // content: it has a line end
	folded bool // content: it has the mark of an element that can be folded
	wasCR  bool // content, section: the byte before was a carriage return, taken for a line end
}

func (r *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for r.given == r.start {
		r.compact()
		r.step()
		if r.given < r.start {
			break
		}
		if r.err != nil {
			if err := r.finish(); err != nil {
				return 0, err
			}
			continue
		}
		r.fill()
	}
	n := copy(p, r.out[r.given:r.start])
	r.given += n
	return n, nil
}

// compact drops what was given.
func (r *reader) compact() {
	if r.given > 0 {
		n := copy(r.out, r.out[r.start:])
		r.text -= r.start
		r.out, r.given, r.start = r.out[:n], 0, 0
	}
}

// finish ends the last line, if there is one, and returns the error that comes behind it.
func (r *reader) finish() error {
	if r.state == outside {
		return r.err
	}
	if r.state != plain && errors.Is(r.err, io.EOF) {
		r.err = io.ErrUnexpectedEOF
	}
	if r.state == plain || r.state >= content {
		r.endLine()
	}
	r.state = outside
	return nil
}

func (r *reader) fill() {
	if r.buf == nil {
		r.buf = make([]byte, 64<<10)
	}
	r.w = copy(r.buf, r.buf[r.r:r.w])
	r.r = 0
	for range 100 {
		n, err := r.in.Read(r.buf[r.w:])
		r.w += n
		if n > 0 || err != nil {
			r.err = err
			return
		}
	}
	r.err = io.ErrNoProgress
}

// step looks at what was read until there is enough to give, or what comes next is not there yet.
func (r *reader) step() {
	const enough = 32 << 10
	for r.r < r.w && r.start < enough {
		at, was := r.r, r.state
		switch b := r.buf[r.r:r.w]; r.state {
		case outside:
			r.outside(b)
		case plain:
			r.plain(b)
		case dropped, tag:
			r.tag(b)
		case content:
			r.content(b)
		case section:
			r.until(b, "]]>", "]]>&#10;<![CDATA[")
		case comment, outComment:
			r.until(b, "-->", " ")
		case instruction:
			r.until(b, "?>", " ")
		}
		if r.r == at && r.state == was {
			return
		}
	}
}

// short reports whether b has less than n bytes, and more are to come.
func (r *reader) short(b []byte, n int) bool { return len(b) < n && r.err == nil }

// put adds to the line.
func (r *reader) put(b []byte) {
	if r.state < content && r.state != plain {
		return
	}
	if room := maxRecord - (len(r.out) - r.start); len(b) > room {
		b, r.cut = b[:max(room, 0)], true
	}
	r.out = append(r.out, b...)
}

func (r *reader) endLine() {
	r.out = append(r.out, '\n')
	r.start = len(r.out)
	r.cut = false
}

// longest is how much must be seen to know what markup it is.
const longest = len("<![CDATA[")

func (r *reader) outside(b []byte) {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	r.r = r.w - len(b)
	if len(b) == 0 || r.short(b, longest) && (b[0] == '<' || b[0] == byteOrderMark[0]) || r.short(b, 2*longest) && b[0] == '-' {
		return
	}
	if n := foldMark(b); n > 0 && isTag(b[n:], "<Event") {
		b = b[n:]
		r.r += n
	}
	r.quote, r.last, r.markup = 0, 0, false
	switch {
	case bytes.HasPrefix(b, byteOrderMark): // of the file, or of one that was appended to it
		r.r += len(byteOrderMark)
	case isTag(b, "<Event"):
		if done, wait := r.oneLine(b); done || wait {
			return
		}
		r.state, r.depth, r.text = tag, 0, len(r.out)
		r.event, r.ending = true, false
	case isTag(b, "<Events"), isTag(b, "</Events"), isTag(b, "</Event"), bytes.HasPrefix(b, []byte("<?")):
		r.state = dropped
	case bytes.HasPrefix(b, []byte("<!--")):
		r.state = outComment
	default:
		r.state = plain
		r.markup = b[0] == '<' && len(b) > 1 && (b[1] == '/' || b[1]|0x20 >= 'a' && b[1]|0x20 <= 'z')
	}
}

// oneLine copies an event that is a line, as nearly all are in the files that programs write. Wait says that the line is not
// there yet.
func (r *reader) oneLine(b []byte) (done, wait bool) {
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		if len(b) < len(r.buf) && r.err == nil {
			return false, true
		}
		return false, false
	}
	line := bytes.TrimSuffix(b[:end], []byte("\r"))
	if i := bytes.Index(line, []byte("</Event>")); i < 0 || i != len(line)-len("</Event>") ||
		bytes.IndexByte(line, '\r') >= 0 || bytes.Contains(line, []byte("<!")) {
		return false, false
	}
	r.out = append(append(r.out, line...), '\n')
	r.start = len(r.out)
	r.r += end + 1
	return true, false
}

// plain copies a line of text. One that starts with a tag, as the root of a document that is all in one line, ends where an
// event starts.
func (r *reader) plain(b []byte) {
	end := bytes.IndexByte(b, '\n')
	whole := end >= 0
	if !whole {
		end = len(b)
	}
	if r.markup {
		for i := bytes.Index(b[:end], eventTag); i >= 0; {
			if r.short(b[i:], longest) {
				end, whole = i, false // wait
				break
			}
			if isTag(b[i:], "<Event") {
				r.put(b[:i])
				r.r += i
				r.endLine()
				r.state = outside
				return
			}
			next := bytes.Index(b[i+1:end], eventTag)
			if next < 0 {
				break
			}
			i += 1 + next
		}
		if !whole && r.err == nil {
			// The start of a tag may be at the end.
			if i := bytes.LastIndexByte(b[:end], '<'); i >= 0 && end-i < len(eventTag) {
				end = i
			}
		}
	}
	r.put(b[:end])
	r.r += end
	if whole {
		r.r++
		r.endLine()
		r.state = outside
	}
}
