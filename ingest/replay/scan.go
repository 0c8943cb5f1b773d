package replay

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"

	"mailstop/ingest"
	"mailstop/internal/extent"
	"mailstop/internal/unpack"
)

// A scanner reads a file a second time.
type scanner struct {
	path    string
	info    fs.FileInfo
	kind    unpack.Kind
	wrapped bool // in a container, though it is not compressed
	kinds   []ingest.Container
	pool    extent.Pool
}

// scan is ingest.Part.Scan. A damaged file gives what can be read of it, and no error: the reading reports damage.
func (s scanner) scan(ctx context.Context, stride int64, f func([]byte) bool) error {
	file, err := os.Open(s.path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(info, s.info) {
		return errReplaced
	}
	direct := s.kind == unpack.Plain && !s.wrapped
	if direct && stride > 4*probe {
		return s.stroll(ctx, file, stride, f)
	}
	l := extent.Lines{Source: &regular{f: file, size: s.info.Size()}, Pool: s.pool}
	if !direct {
		src, free, err := unpack.Open(s.kind, unpack.NewStored(io.LimitReader(file, s.info.Size())).In)
		defer free()
		if err != nil {
			return nil
		}
		l.Source = contain(src, s.kinds, false)
	}
	defer l.Drop()
	for ctx.Err() == nil {
		b, err := l.Next()
		if err != nil {
			return nil
		}
		more := f(b.Data)
		b.Release()
		if !more {
			return nil
		}
	}
	return ctx.Err()
}

// probe is how much is read at a time where only a few lines are wanted.
const probe = 4 << 10

// stroll gives some lines at each multiple of stride, and the last ones of the file.
func (s scanner) stroll(ctx context.Context, file io.ReaderAt, stride int64, f func([]byte) bool) error {
	size := s.info.Size()
	buf := make([]byte, maxLine+2*probe)
	given := int64(0) // all before it is given or left out
	visit := func(at int64) bool {
		if at < given {
			at = given
		}
		run, from := linesAt(file, buf, at, size)
		if len(run) == 0 {
			return true
		}
		given = from + int64(len(run))
		return f(run)
	}
	for at := int64(0); at < size; at += stride {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !visit(at) {
			return nil
		}
	}
	visit(max(0, size-probe))
	return nil
}

// linesAt returns the whole lines that start at or behind at, as many as one probe holds but at least one, and where
// they start. A line too long for buf is passed over.
func linesAt(file io.ReaderAt, buf []byte, at, size int64) (run []byte, from int64) {
	// The byte before tells whether a line starts at at.
	back := min(at, 1)
	for want := probe + back; ; want *= 2 {
		want = min(want, int64(len(buf)), size-at+back)
		n, err := file.ReadAt(buf[:want], at-back)
		b := buf[:n]
		atEnd := at-back+int64(n) >= size || err != nil
		start := 0
		if back > 0 {
			start = bytes.IndexByte(b, '\n') + 1
		}
		if back == 0 || start > 0 {
			end := bytes.LastIndexByte(b[start:], '\n') + 1
			if atEnd {
				end = len(b) - start
			}
			if end > 0 {
				return b[start : start+end], at - back + int64(start)
			}
		}
		if atEnd || want == int64(len(buf)) {
			return nil, at
		}
	}
}
