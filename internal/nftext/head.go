package nftext

import (
	"strings"

	"mailstop/event"
)

// Nearly all lines of a firewall begin with one of few heads, "[UFW BLOCK] IN=eth0 OUT= MAC=… SRC=". A parser keeps the
// latest it has seen, with what they mean, and finds them by comparing strings. The texts are copied into the
// parser's own memory, so that hostile lines, which never repeat, cost neither allocations nor growth.

const (
	maxHeads = 16
	maxHead  = 255
)

// A Head is the begin of lines, up to and including "SRC=", and what it means.
type Head struct {
	size    uint8 // bytes of text
	in, out span
	dir     event.Direction
	verdict Verdict
	text    [maxHead]byte
}

// Size is the index behind the head: that of the source address.
func (h *Head) Size() int { return int(h.size) }

// Apply stores what the head of line says in e.
func (h *Head) Apply(line string, e *event.Entry) {
	e.IfaceIn, e.IfaceOut = h.in.of(line), h.out.of(line)
	e.Direction = h.dir
	h.verdict.Apply(e)
}

// A span is a part of a head's text.
type span struct{ from, to uint8 }

func (s span) of(line string) string { return line[s.from:s.to] }

// Heads remembers heads. Its zero value is empty after Init.
type Heads struct {
	order [maxHeads]uint8 // indices of slots, most recently used first
	slots [maxHeads]Head
}

// Init makes hs ready for use.
func (hs *Heads) Init() {
	for i := range hs.order {
		hs.order[i] = uint8(i)
	}
}

// Find returns the head that line begins with, or nil.
func (hs *Heads) Find(line string) *Head {
	for i, k := range &hs.order {
		h := &hs.slots[k%maxHeads]
		n := int(h.size)
		if n == 0 {
			return nil // slots fill in order
		}
		if len(line) > n && line[:n] == string(h.text[:n]) {
			if i > 0 {
				copy(hs.order[1:i+1], hs.order[:i])
				hs.order[0] = k
			}
			return h
		}
	}
	return nil
}

// add returns a slot for text, instead of the one that was not used for longest.
func (hs *Heads) add(text string) *Head {
	k := hs.order[maxHeads-1]
	copy(hs.order[1:], hs.order[:maxHeads-1])
	hs.order[0] = k
	h := &hs.slots[k]
	h.size = uint8(copy(h.text[:], text))
	return h
}

// Learn reads the head of a line that begins with none of the known ones. It returns nil, and learns nothing, unless
// the line is written as the kernel or ulogd do, with an address part.
func (hs *Heads) Learn(line string, d Dialect, verdicts *Verdicts) *Head {
	from := Start(line)
	if from < 0 || from > maxHead || Tangled(line[:from]) != nil {
		return nil
	}
	i := from + len("IN=")
	var in, out [2]int
	in, i = name(line, i)
	i = skipName(line, i, " PHYSIN=")
	if !strings.HasPrefix(line[i:], " OUT=") {
		return nil
	}
	out, i = name(line, i+len(" OUT="))
	i = skipName(line, i, " PHYSIN=")
	i = skipName(line, i, " PHYSOUT=")
	i = skipName(line, i, " MAC=")
	if !strings.HasPrefix(line[i:], " SRC=") {
		return nil
	}
	i += len(" SRC=")
	if i > maxHead {
		return nil
	}
	v := verdicts.Of(Prefix(line[:from], d))
	h := hs.add(line[:i])
	h.in, h.out = span{uint8(in[0]), uint8(in[1])}, span{uint8(out[0]), uint8(out[1])}
	h.verdict = *v
	h.dir = v.Direction
	if h.dir == event.DirectionUnknown {
		h.dir = Direction(h.in.of(line), h.out.of(line))
	}
	return h
}

// name returns the bounds of the value at line[i:]. One with an equals sign ends there: it is not a plain value.
func name(line string, i int) ([2]int, int) {
	from := i
	for i < len(line) && line[i] != ' ' && line[i] != '=' {
		i++
	}
	return [2]int{from, i}, i
}

func skipName(line string, i int, key string) int {
	if strings.HasPrefix(line[i:], key) {
		_, i = name(line, i+len(key))
	}
	return i
}
