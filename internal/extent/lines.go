package extent

import (
	"bytes"
	"io"

	"github.com/zeebo/xxh3"

	"mailstop/event"
)

// MaxLine is the longest line that is given whole, without its line end. Of a longer one the first MaxLine+1 bytes
// are given, so that the parser sees that it was cut.
const MaxLine = event.MaxRaw

// MinBlock leaves room for a line of the greatest length beside the start of another.
const MinBlock = 2 * (MaxLine + 2)

// A Block is a run of whole lines. Only the last line of a part may be open, that is lack its line end.
type Block struct {
	buf      *buffer
	Data     []byte
	From, To int64 // the bytes of the part that Data stands for
	Read     int64 // stored bytes consumed

	Open bool         // the last line has no line end in the part
	Cut  bool         // Data has only the start of the last line, and a line end that was put there
	rest xxh3.Uint128 // if cut: digest of what is left out, its line end excluded
}

// Release lets go of what b is a view of.
func (b Block) Release() { b.buf.release() }

// split cuts b before data[i], which starts a line.
func (b Block) split(i int) (head, tail Block) {
	head, tail = b, b
	b.buf.keep()
	head.Data, head.To, head.Open, head.Cut = b.Data[:i:i], b.From+int64(i), false, false
	tail.Data, tail.From = b.Data[i:], b.From+int64(i)
	return head, tail
}

// Lines cuts a stream into blocks. It reads straight into the buffers that blocks are views of, and copies only the
// partial line at the end of each.
type Lines struct {
	Source io.Reader
	Pool   Pool
	Eager  bool         // give what is there instead of waiting for a full block
	Hold   bool         // give no last line that lacks its line end
	Stored func() int64 // stored bytes consumed; nil if that is Done
	Done   int64        // bytes of the part that blocks were given for: where Source begins, at first

	buf  *buffer // nil if r == w
	r, w int     // buf.bytes[r:w] is read and not given yet
	err  error   // why nothing comes behind it
}

// Next returns the next block, and after the last of them the error that ended the stream. The caller releases it.
func (l *Lines) Next() (Block, error) {
	for {
		if l.w > l.r {
			if b, ok := l.take(); ok {
				return b, nil
			}
		}
		if l.err != nil {
			if l.w == l.r || l.Hold {
				l.Drop()
				return Block{}, l.err
			}
			b := l.give(l.w - l.r)
			b.Open = true
			return b, nil
		}
		l.fill()
	}
}

// take gives all whole lines that were read, up to the first that is too long.
func (l *Lines) take() (Block, bool) {
	d := l.buf.bytes[l.r:l.w]
	whole := 0
	for whole < len(d) {
		// The last line end in a window of one byte more than a line may have: none means that the line is too long.
		// Going from one window's last line end to the next costs next to nothing.
		window := d[whole:min(whole+MaxLine+1, len(d))]
		i := bytes.LastIndexByte(window, '\n')
		if i < 0 {
			if len(window) > MaxLine {
				return l.cut(whole)
			}
			break
		}
		whole += i + 1
	}
	if whole == 0 {
		return Block{}, false
	}
	return l.give(whole), true
}

// give makes a block of the next n bytes.
func (l *Lines) give(n int) Block {
	b := Block{buf: l.buf, Data: l.buf.bytes[l.r : l.r+n : l.r+n], From: l.Done, To: l.Done + int64(n), Read: l.stored()}
	l.r += n
	l.Done = b.To
	if l.r == l.w {
		l.buf = nil // its only user is the block now
	} else {
		l.buf.keep()
	}
	return b
}

// cut makes a block that ends with the line at data[start], which is too long. It reads past the rest of that line.
func (l *Lines) cut(start int) (Block, bool) {
	first, end := l.r, l.r+start+MaxLine+1
	b := Block{buf: l.buf, Data: l.buf.bytes[l.r : end+1 : end+1], From: l.Done, Cut: true}
	l.buf.keep()
	b.To = l.Done + int64(end-l.r)
	l.r = end
	var digest xxh3.Hasher
	for {
		rest := l.unread()
		i := bytes.IndexByte(rest, '\n')
		if i >= 0 {
			_, _ = digest.Write(rest[:i])
			b.To += int64(i) + 1
			l.r += i + 1
			break
		}
		_, _ = digest.Write(rest)
		b.To += int64(len(rest))
		l.r = l.w
		if l.err != nil && l.Hold {
			return l.back(b, first, start)
		}
		if l.err != nil {
			b.Open = true
			break
		}
		l.fill()
	}
	// Only now is the byte behind the cut no longer needed.
	b.Data[len(b.Data)-1] = '\n'
	b.rest = digest.Sum128()
	b.Read = l.stored()
	l.Done = b.To
	if l.r == l.w {
		l.Drop()
	}
	return b, true
}

// back gives only the whole lines before a long one whose line end is missing.
func (l *Lines) back(b Block, first, whole int) (Block, bool) {
	l.Drop()
	if whole == 0 {
		b.Release()
		return Block{}, false
	}
	l.buf, l.r, l.w = b.buf, first, first+whole
	return l.give(whole), true
}

func (l *Lines) stored() int64 {
	if l.Stored == nil {
		return l.Done
	}
	return l.Stored()
}

func (l *Lines) unread() []byte {
	if l.buf == nil {
		return nil
	}
	return l.buf.bytes[l.r:l.w]
}

// fill reads until the buffer is full, or, if eager, once. What is not given yet moves to the start of a buffer; of
// another one, if blocks are still views of this one.
func (l *Lines) fill() {
	if l.buf == nil {
		l.buf, l.r, l.w = l.Pool.get(), 0, 0
	} else if l.r > 0 {
		old := l.buf
		if old.users.Load() > 1 {
			l.buf = l.Pool.get()
		}
		n := copy(l.buf.bytes, old.bytes[l.r:l.w])
		if old != l.buf {
			old.release()
		}
		l.r, l.w = 0, n
	}
	size := len(l.buf.bytes) - 1
	for idle := 0; l.w < size; {
		n, err := l.Source.Read(l.buf.bytes[l.w:size])
		l.w += n
		if err != nil {
			l.err = err
			return
		}
		if n > 0 && l.Eager {
			return
		}
		if n > 0 {
			idle = 0
		} else if idle++; idle == 100 {
			l.err = io.ErrNoProgress
			return
		}
	}
}

// Drop lets go of the buffer.
func (l *Lines) Drop() {
	if l.buf != nil {
		l.buf.release()
		l.buf = nil
	}
	l.r, l.w = 0, 0
}
