package replay

import (
	"bytes"
	"io"

	"github.com/zeebo/xxh3"
)

// minBlock leaves room for a line of the greatest length beside the start of another.
const minBlock = 2 * (maxLine + 2)

// A block is a run of whole lines. Only the last line of a part may be open, that is lack its line end.
type block struct {
	buf      *buffer
	data     []byte
	from, to int64 // the bytes of the part that data stands for
	read     int64 // stored bytes consumed

	open bool         // the last line has no line end in the part
	cut  bool         // data has only the start of the last line, and a line end that was put there
	rest xxh3.Uint128 // if cut: digest of what is left out, its line end excluded
}

// split cuts b before data[i], which starts a line.
func (b block) split(i int) (head, tail block) {
	head, tail = b, b
	b.buf.keep()
	head.data, head.to, head.open, head.cut = b.data[:i:i], b.from+int64(i), false, false
	tail.data, tail.from = b.data[i:], b.from+int64(i)
	return head, tail
}

// lines cuts a stream into blocks. It reads straight into the buffers that blocks are views of, and copies only the
// partial line at the end of each.
type lines struct {
	src   io.Reader
	pool  pool
	eager bool         // give what is there instead of waiting for a full block
	read  func() int64 // stored bytes consumed
	done  int64        // bytes of the part that blocks were given for

	buf  *buffer // nil if r == w
	r, w int     // buf.bytes[r:w] is read and not given yet
	err  error   // why nothing comes behind it
}

// next returns the next block, and after the last of them the error that ended the stream. The caller releases the
// block's buffer.
func (l *lines) next() (block, error) {
	for {
		if l.w > l.r {
			if b, ok := l.take(); ok {
				return b, nil
			}
		}
		if l.err != nil {
			if l.w == l.r {
				l.drop()
				return block{}, l.err
			}
			b := l.give(l.w - l.r)
			b.open = true
			return b, nil
		}
		l.fill()
	}
}

// take gives all whole lines that were read, up to the first that is too long.
func (l *lines) take() (block, bool) {
	d := l.buf.bytes[l.r:l.w]
	whole := 0
	for whole < len(d) {
		// The last line end in a window of one byte more than a line may have: none means that the line is too long.
		// Going from one window's last line end to the next costs next to nothing.
		window := d[whole:min(whole+maxLine+1, len(d))]
		i := bytes.LastIndexByte(window, '\n')
		if i < 0 {
			if len(window) > maxLine {
				return l.cut(whole), true
			}
			break
		}
		whole += i + 1
	}
	if whole == 0 {
		return block{}, false
	}
	return l.give(whole), true
}

// give makes a block of the next n bytes.
func (l *lines) give(n int) block {
	b := block{buf: l.buf, data: l.buf.bytes[l.r : l.r+n : l.r+n], from: l.done, to: l.done + int64(n), read: l.read()}
	l.r += n
	l.done = b.to
	if l.r == l.w {
		l.buf = nil // its only user is the block now
	} else {
		l.buf.keep()
	}
	return b
}

// cut makes a block that ends with the line at data[start], which is too long. It reads past the rest of that line.
func (l *lines) cut(start int) block {
	end := l.r + start + maxLine + 1
	b := block{buf: l.buf, data: l.buf.bytes[l.r : end+1 : end+1], from: l.done, cut: true}
	l.buf.keep()
	b.to = l.done + int64(end-l.r)
	l.r = end
	var digest xxh3.Hasher
	for {
		rest := l.unread()
		i := bytes.IndexByte(rest, '\n')
		if i >= 0 {
			_, _ = digest.Write(rest[:i])
			b.to += int64(i) + 1
			l.r += i + 1
			break
		}
		_, _ = digest.Write(rest)
		b.to += int64(len(rest))
		l.r = l.w
		if l.err != nil {
			b.open = true
			break
		}
		l.fill()
	}
	// Only now is the byte behind the cut no longer needed.
	b.data[len(b.data)-1] = '\n'
	b.rest = digest.Sum128()
	b.read = l.read()
	l.done = b.to
	if l.r == l.w {
		l.drop()
	}
	return b
}

func (l *lines) unread() []byte {
	if l.buf == nil {
		return nil
	}
	return l.buf.bytes[l.r:l.w]
}

// fill reads until the buffer is full, or, if eager, once. What is not given yet moves to the start of a buffer; of
// another one, if blocks are still views of this one.
func (l *lines) fill() {
	if l.buf == nil {
		l.buf, l.r, l.w = l.pool.get(), 0, 0
	} else if l.r > 0 {
		old := l.buf
		if old.users.Load() > 1 {
			l.buf = l.pool.get()
		}
		n := copy(l.buf.bytes, old.bytes[l.r:l.w])
		if old != l.buf {
			old.release()
		}
		l.r, l.w = 0, n
	}
	size := len(l.buf.bytes) - 1
	for idle := 0; l.w < size; {
		n, err := l.src.Read(l.buf.bytes[l.w:size])
		l.w += n
		if err != nil {
			l.err = err
			return
		}
		if n > 0 && l.eager {
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

// drop lets go of the buffer.
func (l *lines) drop() {
	if l.buf != nil {
		l.buf.release()
		l.buf = nil
	}
	l.r, l.w = 0, 0
}
