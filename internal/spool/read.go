package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// chunk is how much is read at once.
const chunk = 256 << 10

// A Reader reads records in the order of their numbers. It is for one goroutine, and a spool has one: what it has not
// passed is not deleted.
type Reader struct {
	spool  *Spool
	file   *os.File
	first  int64 // of the segment that file is
	number int64 // of the next record, as far as is known
	off    int64 // in file, where buf ends
	buf    []byte
	at     int // index in buf of the next record
	lost   int64
}

// Reader returns a reader that begins at the record from, or at the oldest if that is later.
func (s *Spool) Reader(from int64) *Reader {
	from = max(from, s.Oldest())
	s.pinned.Store(from)
	return &Reader{spool: s, number: from, first: -1}
}

// Close closes the segment that is being read.
func (r *Reader) Close() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}

// Number returns the number of the record that Read gives next, unless records are missing.
func (r *Reader) Number() int64 { return r.number }

// Lost returns how many records could not be read, because a segment is damaged or gone.
func (r *Reader) Lost() int64 { return r.lost }

// Left returns how many bytes there are to be read, and Appended at that moment.
func (r *Reader) Left() (left, appended int64) {
	s := r.spool
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.segments {
		switch {
		case g.first > r.first:
			left += max(g.size-int64(headSize), 0)
		case g.first == r.first:
			left += max(g.size-r.off, 0) + int64(len(r.buf)-r.at)
		}
	}
	return left, s.appended
}

// A Place is where a reader is.
type Place struct{ first, off, number int64 }

// Place returns where the reader is, to go back to.
func (r *Reader) Place() Place {
	return Place{first: r.first, off: r.off - int64(len(r.buf)-r.at), number: r.number}
}

// Back returns to a place, which must be one of this reader's and not removed since.
func (r *Reader) Back(p Place) error {
	if p.first == r.first {
		if start := r.off - int64(len(r.buf)); p.off >= start && p.off <= r.off {
			r.at, r.number = int(p.off-start), p.number
			return nil
		}
	} else if p.first >= 0 {
		f, err := os.Open(r.spool.path(p.first))
		if err != nil {
			return fmt.Errorf("read the spool: %w", err)
		}
		_ = r.Close()
		r.file = f
	} else {
		_ = r.Close()
	}
	r.first, r.off, r.number, r.buf, r.at = p.first, p.off, p.number, r.buf[:0], 0
	return nil
}

// Read reads the next record. It does not wait: false means that there is none yet. The record's slices are valid until
// the next call. After an error the caller may try again.
func (r *Reader) Read(rec *Record) (bool, error) {
	seed := r.spool.identity.seed()
	for {
		b := r.buf[r.at:]
		n := recordSize(b)
		if n > 0 && n <= len(b) && parseRecord(b[:n], seed, rec) {
			r.at += n
			if rec.Number < r.number {
				continue // before where the reader was to begin
			}
			r.miss(rec.Number)
			r.number = rec.Number + 1
			return true, nil
		}
		damaged := n < 0 || n > 0 && n <= len(b)
		if !damaged {
			if more, err := r.fill(n); more || err != nil {
				if err != nil {
					return false, err
				}
				continue
			}
			if len(b) == 0 {
				if more, err := r.following(); !more {
					return false, err
				}
				continue
			}
		}
		if err := r.skip(); err != nil { // also where a segment ends in the middle of a record
			return false, err
		}
	}
}

// miss counts the records below number that should have come. Those that were removed before are nobody's loss.
func (r *Reader) miss(number int64) {
	if number == r.number {
		return
	}
	r.spool.mu.Lock()
	from := max(r.number, r.spool.released)
	r.spool.mu.Unlock()
	if n := number - from; n > 0 {
		r.lost += n
		r.spool.log.Error("records of the spool cannot be read", "from", from, "to", number-1, "path", r.spool.path(r.first))
	}
}

// visible returns how long the segment in hand is, and the one behind it.
func (r *Reader) visible() (size int64, after segment, more bool) {
	s := r.spool
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, g := range s.segments {
		if g.first == r.first {
			size = g.size
		}
		// The first segment that is read is the one that holds the number.
		if g.first > r.first && (r.first >= 0 || i+1 == len(s.segments) || s.segments[i+1].first > r.number) {
			return size, g, true
		}
	}
	return size, segment{}, false
}

// following goes on to the next segment, if there is nothing left in this one.
func (r *Reader) following() (bool, error) {
	size, after, more := r.visible()
	if size > r.off {
		return true, nil
	}
	if !more {
		return false, nil
	}
	f, err := os.Open(r.spool.path(after.first))
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // what was deleted is missed when the next record comes
		return false, fmt.Errorf("read the spool: %w", err)
	}
	_ = r.Close()
	r.file, r.first, r.off, r.buf, r.at = f, after.first, int64(headSize), r.buf[:0], 0
	r.spool.pinned.Store(max(r.number, after.first))
	return true, nil
}

// fill reads on, at least so far that a record of n bytes is whole if there is one. It reports whether there was anything.
func (r *Reader) fill(n int) (bool, error) {
	size, _, _ := r.visible()
	if r.first < 0 || r.off >= size {
		return false, nil
	}
	if r.file == nil {
		r.off = size
		return false, nil
	}
	if cap(r.buf) == 0 {
		r.buf = make([]byte, 0, chunk)
	}
	rest := copy(r.buf[:cap(r.buf)], r.buf[r.at:])
	r.buf, r.at = r.buf[:rest], 0
	if n > cap(r.buf) {
		grown := make([]byte, rest, n)
		copy(grown, r.buf)
		r.buf = grown
	}
	room := r.buf[rest:cap(r.buf)]
	room = room[:min(int64(len(room)), size-r.off)]
	got, err := r.file.ReadAt(room, r.off)
	r.buf = r.buf[:rest+got]
	r.off += int64(got)
	if got == 0 && errors.Is(err, io.EOF) { // somebody cut the file
		r.off = size
		return false, nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return got > 0, fmt.Errorf("read the spool: %w", err)
	}
	return got > 0, nil
}

// skip goes to the next intact record of the segment, or to its end.
func (r *Reader) skip() error {
	size, after, more := r.visible()
	to := after.first
	if !more {
		to = r.spool.Next()
	}
	start := r.off - int64(len(r.buf)-r.at)
	rest := make([]byte, max(size-start, 0))
	n := 0
	if r.file != nil {
		var err error
		if n, err = r.file.ReadAt(rest, start); err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read the spool: %w", err)
		}
	}
	r.buf, r.at, r.off = r.buf[:0], 0, size
	if i := find(rest[:n], r.spool.identity.seed(), r.number, to); i >= 0 {
		r.off = start + int64(i)
	}
	return nil
}
