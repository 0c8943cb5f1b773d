package file

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"time"

	"mailstop/internal/extent"
)

// A session reads what is there of one file.
type session struct {
	inc    *incarnation // nil if there is none
	reader reader
	packed *packedReader
	lines  extent.Lines
}

// begin starts a session of what is there of inc.
func (s *Source) begin(inc *incarnation, now time.Time) {
	if inc.packed {
		s.beginPacked(inc, now)
		return
	}
	if err := s.ensureOpen(inc); err != nil {
		s.trouble(inc, err, now)
		return
	}
	size := inc.size
	if inc.copied {
		info, err := inc.f.Stat()
		if err != nil {
			s.trouble(inc, err, now)
			return
		}
		size = info.Size()
		s.grew(inc, size, now)
	}
	if !s.fingerprint(inc, size) {
		s.truncated(inc, now)
		return
	}
	if inc.Start == 0 && inc.given == 0 && inc.Head.N == 0 { // zeros and nothing else
		inc.held = size
		return
	}
	if inc.verify {
		inc.verify = false
		if !inc.same(inc.f, size) {
			s.truncated(inc, now)
			return
		}
	}
	if size <= inc.given {
		if inc.copied || inc.Moved {
			s.end(inc)
		}
		return
	}
	limit, err := lastLineEnd(inc.f, max(inc.given, inc.none), size)
	if err != nil {
		s.trouble(inc, err, now)
		return
	}
	last := inc.copied || inc.Moved && now.Sub(inc.changed) >= s.o.Quiet
	if limit < 0 && !last {
		inc.held = size
		if size-inc.given > 64<<10 { // what is shorter may be written in place, and is cheap to look through again
			inc.none = size
		}
		if !inc.before.at(inc.f, inc.given-int64(inc.before.N)) {
			s.truncated(inc, now)
		}
		return
	}
	if last {
		limit = size
	}
	head := inc.Head
	if inc.given > inc.Start {
		head = print{}
	}
	s.session.reader.reset(inc.f, inc.given, limit, inc.before, head)
	s.resume(inc, &s.session.reader, limit-inc.given, !last)
}

// fingerprint takes the fingerprint of the head, as far as it is written, whether it is given or not. It returns false if
// the head is another one than it was.
func (s *Source) fingerprint(inc *incarnation, size int64) bool {
	if inc.copied || inc.Head.N == headSize || size == inc.headed {
		return true
	}
	start := inc.Start
	if start == 0 && inc.given == 0 {
		if start = afterHole(inc.f, size); start == size {
			return true
		}
	}
	b := make([]byte, min(headSize, size-start))
	n, err := inc.f.ReadAt(b, start)
	if n < len(b) {
		return n >= inc.Head.N && err != nil && !errors.Is(err, io.EOF) // reading will tell what is wrong
	}
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i] // it may be written later
	}
	if inc.Start != start && inc.Head.N > 0 || len(b) < inc.Head.N || inc.Head.N > 0 && printOf(b[:inc.Head.N]) != inc.Head {
		return false
	}
	head := printOf(b)
	inc.headed = size
	s.mark(inc, func() {
		if start != inc.Start {
			inc.Start = start
			inc.Marks = []mark{{Offset: start, At: time.Now().Unix()}}
			inc.final = start
		}
		inc.Head = head
	})
	inc.given = max(inc.given, start)
	return true
}

func (s *Source) beginPacked(inc *incarnation, now time.Time) {
	p, err := unpacked(inc.Real, inc.Copies...)
	if err != nil {
		s.trouble(inc, err, now)
		return
	}
	ok, err := p.skip(inc.given, inc.before)
	if err != nil || !ok {
		p.close()
		if err == nil {
			err = errors.New("another text than was read before")
		}
		s.log.Warn("the rest cannot be read", "path", inc.Path, "file", inc.Real, "error", err)
		s.end(inc)
		return
	}
	s.session.packed = p
	s.resume(inc, p.r, 1<<40, false)
}

// resume begins to read src, which is behind what is given.
func (s *Source) resume(inc *incarnation, src io.Reader, size int64, hold bool) {
	pool := s.pools[len(s.pools)-1]
	for i, n := range s.sizes {
		if size < int64(n) {
			pool = s.pools[i]
			break
		}
	}
	s.session.lines = extent.Lines{Source: src, Pool: pool, Hold: hold, Done: inc.given}
	if inc.chain == nil {
		inc.chain = &extent.Chain{
			Ledger: s.o.Ledger, Source: inc.Path, Size: s.o.ExtentSize, Root: s.root, Parent: inc.parent, Salt: inc.Salt,
			Accept: s.accept(inc), Sole: !inc.Recover, New: !inc.Recover && !inc.old,
		}
		if inc.parent == "" {
			inc.chain.Parent = s.root
		}
	}
	inc.chain.Resume(&s.session.lines)
	s.session.inc = inc
}

// accept returns which stored extents may be inc's, by their salt: its own ones, or, if they may have been stored without
// a position being kept, all that are not another file's.
func (s *Source) accept(inc *incarnation) func(string) bool {
	if !inc.Recover {
		return func(salt string) bool { return salt == inc.Salt }
	}
	return func(salt string) bool {
		return salt == "" || // what was read once has no salt
			!slices.ContainsFunc(s.files, func(other *incarnation) bool { return other != inc && other.Salt == salt })
	}
}

func (s *Source) endSession() {
	if s.session.inc == nil {
		return
	}
	s.session.inc.chain.Resume(&extent.Lines{})
	s.session.lines.Drop()
	if s.session.packed != nil {
		s.session.packed.close()
		s.session.packed = nil
	}
	s.session.inc = nil
}
