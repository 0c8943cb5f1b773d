package file

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"mailstop/internal/unpack"
)

// A reader reads a part of a file that may be truncated and written anew at any time. Each read takes the bytes before
// along and compares them with what they were.
type reader struct {
	f         *os.File
	at, limit int64
	before    print // of the bytes before at; N = 0 if last tells
	head      print // of the bytes from at on; N = 0 if they were given before
	last      []byte
	scratch   []byte
	gone      bool // the file is not what it was
}

func (r *reader) reset(f *os.File, at, limit int64, before, head print) {
	r.f, r.at, r.limit, r.before, r.head, r.gone, r.last = f, at, limit, before, head, false, r.last[:0]
	if r.scratch == nil {
		r.scratch, r.last = make([]byte, beforeSize), make([]byte, 0, beforeSize)
	}
}

func (r *reader) Read(p []byte) (int, error) {
	if r.at >= r.limit || r.gone {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), r.limit-r.at)]
	if r.head.N > 0 {
		return r.first(p)
	}
	back := max(r.before.N, len(r.last))
	n, err := preadv(int(r.f.Fd()), r.scratch[:back], p, r.at-int64(back))
	if err != nil {
		return 0, &os.PathError{Op: "read", Path: r.f.Name(), Err: err}
	}
	n -= back
	if n <= 0 || r.before.N > 0 && printOf(r.scratch[:back]) != r.before || r.before.N == 0 && !bytes.Equal(r.scratch[:back], r.last) {
		r.gone = true
		return 0, io.EOF
	}
	r.advance(p[:n])
	return n, nil
}

// first reads from where the file begins. Its head may go on behind the limit.
func (r *reader) first(p []byte) (int, error) {
	whole := make([]byte, max(r.head.N-len(p), 0))
	n, err := preadv(int(r.f.Fd()), p, whole, r.at)
	if err != nil {
		return 0, &os.PathError{Op: "read", Path: r.f.Name(), Err: err}
	}
	head := append(slices.Clip(p[:min(len(p), n)]), whole[:max(n-len(p), 0)]...)
	if n < r.head.N || printOf(head[:r.head.N]) != r.head {
		r.gone = true
		return 0, io.EOF
	}
	n = min(n, len(p))
	r.head = print{}
	r.advance(p[:n])
	return n, nil
}

// advance goes on behind p.
func (r *reader) advance(p []byte) {
	r.before = print{}
	r.last = append(r.last[:0], p[max(0, len(p)-beforeSize):]...)
	r.at += int64(len(p))
}

func preadv(fd int, a, b []byte, at int64) (int, error) {
	for {
		var n int
		var err error
		if len(a) == 0 {
			n, err = unix.Pread(fd, b, at)
		} else {
			n, err = unix.Preadv(fd, [][]byte{a, b}, at)
		}
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// lastLineEnd returns where the last line that ends in f[from:to] ends, -1 if none does.
func lastLineEnd(f io.ReaderAt, from, to int64) (int64, error) {
	size := int64(4 << 10)
	buf := make([]byte, min(size, max(to-from, 0)))
	for to > from {
		b := buf[:min(int64(len(buf)), to-from)]
		n, err := f.ReadAt(b, to-int64(len(b)))
		if n < len(b) {
			if errors.Is(err, io.EOF) {
				return -1, nil // it became shorter: the next look tells
			}
			return -1, err
		}
		if i := bytes.LastIndexByte(b, '\n'); i >= 0 {
			return to - int64(len(b)-i-1), nil
		}
		to -= int64(len(b))
		if len(buf) == 4<<10 && to-from > int64(len(buf)) {
			buf = make([]byte, 64<<10)
		}
	}
	return -1, nil
}

// afterHole returns where the zeros end that f starts with: what a writer leaves that goes on where it was after the file
// was truncated. It returns size if there is nothing else.
func afterHole(f *os.File, size int64) int64 {
	var first [1]byte
	if n, _ := f.ReadAt(first[:], 0); n == 0 || first[0] != 0 {
		return 0
	}
	at := int64(0)
	if data, err := unix.Seek(int(f.Fd()), 0, unix.SEEK_DATA); err == nil {
		at = min(data, size) // file systems give blocks, whose begin may be zeros
	}
	buf := make([]byte, 64<<10)
	for at < size {
		n, err := f.ReadAt(buf[:min(int64(len(buf)), size-at)], at)
		if rest := bytes.TrimLeft(buf[:n], "\x00"); len(rest) > 0 {
			return at + int64(n-len(rest))
		}
		if at += int64(n); err != nil {
			break
		}
	}
	return size
}

// A packedReader is the text of a compressed file.
type packedReader struct {
	f    *os.File
	r    io.Reader
	free func()
}

// unpacked opens the text of a compressed file, as long as it is one of these.
func unpacked(path string, ids ...identity) (*packedReader, error) {
	f, err := openAs(path, ids...)
	if err != nil {
		return nil, err
	}
	head := make([]byte, 18)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		_ = f.Close()
		return nil, err
	}
	r, free, err := unpack.Open(unpack.KindOf(head[:n]), unpack.NewStored(f).In)
	if err != nil {
		free()
		_ = f.Close()
		return nil, err
	}
	return &packedReader{f, r, free}, nil
}

func (p *packedReader) close() {
	p.free()
	_ = p.f.Close()
}

// skip passes over the first n bytes of the text and reports whether they end with what before is of.
func (p *packedReader) skip(n int64, before print) (bool, error) {
	if _, err := io.CopyN(io.Discard, p.r, n-int64(before.N)); err != nil {
		return false, err
	}
	b := make([]byte, before.N)
	if _, err := io.ReadFull(p.r, b); err != nil {
		return false, err
	}
	return printOf(b) == before, nil
}

// textHead returns the first bytes of a file's text, and whether it is compressed.
func textHead(path string, id identity) (head []byte, packed bool, err error) {
	f, err := openAs(path, id)
	if err != nil {
		return nil, false, err
	}
	head = make([]byte, headSize)
	n, err := f.ReadAt(head, 0)
	_ = f.Close()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, false, err
	}
	if unpack.KindOf(head[:n]) == unpack.Plain {
		return head[:n], false, nil
	}
	p, err := unpacked(path, id)
	if err != nil {
		return nil, true, err
	}
	defer p.close()
	n, err = io.ReadFull(p.r, head)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return head[:n], true, err
}
