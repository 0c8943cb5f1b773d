package evtx

import (
	"bytes"
	"errors"
	"hash/crc32"
	"strconv"
)

const (
	chunkMagic  = "ElfChnk\x00"
	firstRecord = 512
	recordMagic = "**\x00\x00"
	recordHead  = 24 // magic, size, id, time
	recordFrame = recordHead + 4
)

// budget bounds what the records of one chunk may become, bytes of text and steps alike: a real one becomes some hundred
// kilobytes, a hostile one could become gigabytes.
const budget = 8 << 20

// maxRecord is the longest text of one record.
const maxRecord = 1 << 20

// A chunk has its own names and templates. All offsets in it count from its start.
type chunk struct {
	data []byte // cut, if the file is
	left int    // of the budget

	templates map[uint32]*program // by the offset of their definition
	programs  []*program          // for use again
	used      int
	values    []value // of the template instances that are being run, innermost last
}

func (c *chunk) reset(data []byte) {
	c.data, c.left, c.used = data, budget, 0
	c.values = c.values[:0]
	if c.templates == nil {
		c.templates = map[uint32]*program{}
	}
	clear(c.templates)
	held := 0
	for _, p := range c.programs {
		held += p.size()
	}
	if held > budget {
		c.programs = nil
	}
}

// program returns an empty program, which is valid until the chunk is reset.
func (c *chunk) program() (*program, error) {
	if err := c.spend(256); err != nil {
		return nil, err
	}
	if c.used == len(c.programs) {
		c.programs = append(c.programs, &program{})
	}
	p := c.programs[c.used]
	c.used++
	p.ops, p.text, p.guards = p.ops[:0], p.text[:0], p.guards[:0]
	return p, nil
}

var errExpands = errors.New("expands to too much")

// spend takes n from the budget.
func (c *chunk) spend(n int) error {
	if c.left -= n; c.left < 0 {
		return errExpands
	}
	return nil
}

// A walk goes over the records of a chunk.
type walk struct {
	c       *chunk
	index   int
	at      int
	free    int  // where records end as far as the header says
	trusted bool // the header is sound
	strict  bool // the file was closed properly
	last    uint64
	any     bool // last is set
	note    string
}

// newWalk starts to walk over c. Strict says that the file was closed properly, so that checksums must be right.
func newWalk(c *chunk, index int, strict bool) walk {
	w := walk{c: c, index: index, at: firstRecord, free: len(c.data), strict: strict}
	d := c.data
	if !bytes.HasPrefix(d, []byte(chunkMagic)) {
		w.note = "no chunk signature"
		return w
	}
	if len(d) < firstRecord {
		return w
	}
	sum := crc32.Update(crc32.ChecksumIEEE(d[:120]), crc32.IEEETable, d[128:firstRecord])
	free := le.Uint32(d[48:])
	w.trusted = sum == le.Uint32(d[124:]) && free >= firstRecord && free <= chunkSize
	if !w.trusted {
		if strict {
			w.note = "checksum of the chunk's header differs"
		}
		return w
	}
	w.free = min(int(free), len(d))
	if strict && int(free) <= len(d) && crc32.ChecksumIEEE(d[firstRecord:free]) != le.Uint32(d[52:]) {
		w.note = "checksum of the chunk's records differs"
	}
	return w
}

// firstID returns the id of the record at a chunk's start, 0 if there is none.
func firstID(data []byte) uint64 {
	if frame(data, firstRecord) == nil {
		return 0
	}
	return le.Uint64(data[firstRecord+8:])
}

// frame returns the record at at, or nil if there is none: its size stands before and behind it.
func frame(data []byte, at int) []byte {
	if at+recordFrame > len(data) {
		return nil
	}
	d := data[at:]
	size := le.Uint32(d[4:])
	if string(d[:4]) != recordMagic || size < recordFrame || int64(size) > int64(len(d)) || le.Uint32(d[size-4:]) != size {
		return nil
	}
	return d[:size]
}

// follows reports whether a record with this id belongs to the chunk. Behind the last one there may be those of a chunk
// that lay here before, and in a log in use some that the header does not know yet.
func (w *walk) follows(id uint64, at int) bool {
	switch {
	case w.trusted && at < w.free:
		return true
	case w.trusted:
		return !w.strict && w.any && id == w.last+1
	}
	return !w.any || id > w.last
}

// next appends the next line to out. False means that no record follows.
func (w *walk) next(out []byte) ([]byte, bool) {
	if w.note != "" {
		out = w.damaged(out, nil, -1, w.note)
		w.note = ""
		return out, true
	}
	if r := frame(w.c.data, w.at); r != nil {
		id := le.Uint64(r[8:])
		if !w.follows(id, w.at) {
			return out, false
		}
		at := w.at
		w.at += len(r)
		w.last, w.any = id, true
		return w.record(out, r, at), true
	}
	if w.at >= w.free || isZero(w.c.data[w.at:w.free]) {
		return out, false
	}
	return w.gap(out)
}

// gap passes over what is no record, up to the next one.
func (w *walk) gap(out []byte) ([]byte, bool) {
	from := w.at
	for {
		i := -1
		if w.at+1 < w.free {
			i = bytes.Index(w.c.data[w.at+1:w.free], []byte(recordMagic))
		}
		if i < 0 {
			w.at = w.free
			break
		}
		w.at += 1 + i
		r := frame(w.c.data, w.at)
		if r != nil && w.follows(le.Uint64(r[8:]), w.at) {
			break
		}
	}
	head := w.c.data[from:]
	if len(head) < recordHead || string(head[:4]) != recordMagic || w.any && le.Uint64(head[8:]) != w.last+1 {
		head = nil
	}
	reason := "no record"
	switch cut := len(w.c.data) < chunkSize && w.at == w.free; {
	case head == nil && cut && len(w.c.data)-from < recordHead:
		reason = "the file ends in the record"
	case head == nil:
	case cut && int64(le.Uint32(head[4:])) > int64(len(w.c.data)-from):
		reason = "the file ends in the record"
	default:
		reason = "size of the record differs"
	}
	if !w.trusted && head == nil && w.at == w.free {
		return out, false // what follows the last record is not known to be one
	}
	return w.damaged(out, head, from, reason), true
}

// record appends the line of the record r, which lies at at.
func (w *walk) record(out []byte, r []byte, at int) []byte {
	start := len(out)
	c := w.c
	c.values = c.values[:0]
	m := machine{c: c, out: out, limit: start + maxRecord}
	err := m.fragment(at+recordHead, at+len(r)-4, 0)
	if err == nil && len(m.out) == start {
		err = errNoEvent
	}
	if err != nil {
		return w.damaged(m.out[:start], r, at, err.Error())
	}
	return append(m.out, '\n')
}

// damaged appends a line that says what cannot be read: the record that starts with head if it is known.
func (w *walk) damaged(out, head []byte, at int, reason string) []byte {
	out = append(out, "<Event-damaged"...)
	if head != nil {
		out = append(out, ` RecordID="`...)
		out = strconv.AppendUint(out, le.Uint64(head[8:]), 10)
		out = append(out, `" Written="`...)
		out = append(appendFiletime(out, le.Uint64(head[16:])), '"')
	}
	out = append(out, ` Chunk="`...)
	out = append(strconv.AppendInt(out, int64(w.index), 10), '"')
	if at >= 0 {
		out = append(out, ` Offset="`...)
		out = append(strconv.AppendInt(out, int64(at), 10), '"')
	}
	out = append(out, ` Reason="`...)
	out = append(out, reason...)
	return append(out, "\"/>\n"...)
}
