package eventxml

import "bytes"

// breaksOff looks at b, which starts with a line end in an event. Where the next event starts behind it, the one at hand was
// not written to its end. Wait says that this is not known yet.
func (r *reader) breaksOff(b []byte) (yes, wait bool) {
	if r.short(b, 1+longest) {
		return false, true
	}
	if !isTag(b[1:], "<Event") {
		return false, false
	}
	r.r++
	if r.state >= content {
		r.endLine()
	}
	r.state = outside
	return true, false
}

// tag copies a tag. Line ends in it become spaces.
func (r *reader) tag(b []byte) {
	i := 0
	for ; i < len(b); i++ {
		c := b[i]
		if c == '\n' || c == '\r' || c == '>' && r.quote == 0 {
			break
		}
		if r.quote == 0 && (c == '"' || c == '\'') {
			r.quote = c
		} else if c == r.quote {
			r.quote = 0
		}
	}
	if i > 0 {
		r.last = b[i-1]
	}
	r.put(b[:i])
	r.r += i
	if i == len(b) {
		return
	}
	switch b[i] {
	case '>':
		r.put(b[i : i+1])
		r.r++
		r.endTag(r.last == '/')
	case '\n':
		if yes, wait := r.breaksOff(b[i:]); yes || wait {
			return
		}
		fallthrough
	case '\r':
		r.put([]byte{' '})
		r.last = ' '
		r.r++
	}
}

// endTag goes on behind a tag.
func (r *reader) endTag(empty bool) {
	if r.state == dropped {
		r.state = outside
		return
	}
	if r.event && !empty {
		if r.ending {
			r.depth--
		} else {
			r.depth++
		}
	}
	if r.depth <= 0 {
		r.endLine()
		r.state = outside
		return
	}
	r.enterContent()
	r.opened = !r.ending && !empty
}

func (r *reader) enterContent() {
	r.state, r.text, r.blank, r.broken, r.folded, r.opened, r.wasCR = content, len(r.out), true, false, false, false, false
}

// content copies what is between tags.
func (r *reader) content(b []byte) {
	i := 0
	for ; i < len(b) && b[i] != '<' && b[i] != '\n' && b[i] != '\r'; i++ {
		if r.blank && !isSpace(b[i]) {
			r.blank = b[i] == '-' && r.broken && !r.folded
			r.folded = true
		}
	}
	if i > 0 {
		r.wasCR = false
		r.put(b[:i])
		r.r += i
		b = b[i:]
	}
	switch {
	case len(b) == 0:
	case b[0] == '<':
		r.markupIn(b)
	default:
		r.lineEnd(b, "&#10;")
	}
}

// lineEnd replaces the line end that b starts with.
func (r *reader) lineEnd(b []byte, with string) {
	if b[0] == '\n' {
		// Only in text that is too long by now can a section or a comment be thought not to end.
		if r.state == content || r.cut {
			if yes, wait := r.breaksOff(b); yes || wait {
				return
			}
		}
	}
	if b[0] == '\r' || !r.wasCR {
		r.put([]byte(with))
	}
	r.wasCR = b[0] == '\r'
	r.broken = true
	r.r++
}

// markupIn goes on with the markup that b starts with.
func (r *reader) markupIn(b []byte) {
	if r.short(b, longest) {
		return
	}
	ends := len(b) > 1 && b[1] == '/'
	data := bytes.HasPrefix(b, []byte("<![CDATA["))
	if r.blank && r.broken && !((r.opened || r.folded) && ends) && !data && !r.cut {
		r.out = r.out[:r.text] // indentation
	}
	r.wasCR = false
	switch {
	case data:
		r.state = section
		r.put(b[:longest])
		r.r += longest
	case bytes.HasPrefix(b, []byte("<!--")):
		r.state = comment
		r.put(b[:4])
		r.r += 4
	case bytes.HasPrefix(b, []byte("<?")):
		r.state = instruction
		r.put(b[:2])
		r.r += 2
	default:
		r.state, r.quote, r.last = tag, 0, 0
		r.ending = ends
		r.event = isTag(b, "<Event") || isTag(b, "</Event")
	}
}

// until copies what goes to end, with something else for line ends.
func (r *reader) until(b []byte, end, lineEnd string) {
	i := bytes.IndexAny(b, "\r\n")
	if i < 0 {
		i = len(b)
	}
	if at := bytes.Index(b[:i], []byte(end)); at >= 0 {
		at += len(end)
		r.put(b[:at])
		r.r += at
		if r.state == outComment {
			r.state = outside
			return
		}
		data := r.state == section
		r.enterContent()
		r.blank = !data // white space beside data is data, too
		return
	}
	if i < len(b) && i == 0 {
		r.lineEnd(b, lineEnd)
		return
	}
	if i == len(b) && r.err == nil {
		i = max(0, i-len(end)+1) // the end may be in part here
	}
	if i > 0 {
		r.wasCR = false
		r.put(b[:i])
		r.r += i
	}
}
