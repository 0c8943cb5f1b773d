package envelope

import (
	"bytes"
	"errors"
	"io"
)

var errDamaged = errors.New("damaged entry")

// maxRecord is the longest record that a container gives; what is longer is cut.
const maxRecord = 1 << 20

// A source reads bytes of in, and gives the lines that step makes of them.
type source struct {
	in   io.Reader
	step func() // reads a record, or a part of one, and appends to out; at the end what is left
	err  error  // of in
	late error  // what is wrong with the input, to be told at the end

	buf  []byte
	r, w int
	out  []byte
	done int // bytes of out that were given
}

func newSource(in io.Reader) source { return source{in: in, buf: make([]byte, 64<<10)} }

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	for s.done == len(s.out) {
		s.out, s.done = s.out[:0], 0
		// What is here is read at once; then what comes is waited for only if there is nothing to give.
		for len(s.out) == 0 && s.more() || len(s.out) < cap(s.buf)/2 && s.r < s.w {
			s.step()
		}
		if len(s.out) == 0 {
			s.step()
		}
		if len(s.out) == 0 {
			if s.late != nil && s.err == io.EOF { //nolint:errorlint // the bare one only
				return 0, s.late
			}
			return 0, s.err
		}
	}
	n := copy(p, s.out[s.done:])
	s.done += n
	return n, nil
}

// more makes sure that there is a byte to read.
func (s *source) more() bool {
	if s.r < s.w {
		return true
	}
	if s.err != nil {
		return false
	}
	for range 100 {
		n, err := s.in.Read(s.buf)
		s.r, s.w, s.err = 0, n, err
		if n > 0 || err != nil {
			return n > 0
		}
	}
	s.err = io.ErrNoProgress
	return false
}

// ahead returns up to n of the bytes to come, fewer only at the end.
func (s *source) ahead(n int) []byte {
	if s.w-s.r < n && s.err == nil {
		s.w = copy(s.buf, s.buf[s.r:s.w])
		s.r = 0
		for idle := 0; s.w < n && s.err == nil && idle < 100; idle++ {
			m, err := s.in.Read(s.buf[s.w:])
			s.w += m
			s.err = err
		}
	}
	return s.buf[s.r:min(s.w, s.r+n)]
}

// space steps over white space and returns the byte behind it, without stepping over that.
func (s *source) space() (byte, bool) {
	for s.more() {
		if c := s.buf[s.r]; c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c, true
		}
		s.r++
	}
	return 0, false
}

// line appends the rest of the line to dst, at most limit bytes, without its line end. False means that there was no line
// end.
func (s *source) line(dst []byte, limit int) ([]byte, bool) {
	for s.more() {
		rest := s.buf[s.r:s.w]
		i := bytes.IndexByte(rest, '\n')
		if i >= 0 {
			rest = rest[:i]
		}
		s.r += len(rest)
		if room := limit - len(dst); room > 0 {
			dst = append(dst, rest[:min(len(rest), room)]...)
		}
		if i >= 0 {
			s.r++
			return dst, true
		}
	}
	return dst, false
}
