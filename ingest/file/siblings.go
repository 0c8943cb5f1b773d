package file

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"mailstop/internal/rotated"
)

// A sibling is a file of a rotated set.
type sibling struct {
	path
	member rotated.Member
	inc    *incarnation
	known  bool // before this look
	wait   bool // it is not clear yet what it is
	packed bool
}

// scan looks through the folders of a set: for files that were rotated away and closed, for copies that hold an unread
// rest, and for files that came and were rotated away between two looks. It returns what of unknown is still so.
func (s *Source) scan(set string, unknown []path, now time.Time) []path {
	siblings := s.siblings(set, unknown)
	last, waiting := -1, false
	for i := range siblings {
		b := &siblings[i]
		s.recognise(set, b, now)
		if b.inc != nil && b.known {
			last = i
		}
	}
	var base *incarnation
	newest := int64(0)
	for _, inc := range s.files {
		if inc.set != set {
			continue
		}
		if inc.unscanned && base == nil {
			base = inc
		}
		if !inc.unscanned {
			newest = max(newest, inc.Modified)
		}
		if !inc.ended && !inc.wants.IsZero() {
			waiting = true
			inc.scans++
		}
	}
	for i := range siblings {
		b := &siblings[i]
		if b.wait {
			s.redo[set] = true
		}
		j := slices.IndexFunc(unknown, func(p path) bool { return p.id == b.id })
		if j >= 0 && (b.inc != nil || b.wait) {
			unknown = slices.Delete(slices.Clone(unknown), j, j+1)
			continue
		}
		if b.inc != nil || b.wait {
			continue
		}
		if j < 0 && s.names[b.name] {
			s.redo[set] = true // another file than a moment ago: what was there must be found first
			continue
		}
		after := i > last && last >= 0 || last < 0 && newest > 0 && b.info.ModTime().UnixNano() > newest
		probe := s.first && s.lost && j < 0
		if b.info.Size() == 0 && (j < 0 || rotatedName(b.member) && newest > 0) {
			if j >= 0 {
				unknown = slices.Delete(slices.Clone(unknown), j, j+1)
			}
			continue // it may become a copy
		}
		if !after && !probe {
			continue
		}
		if j >= 0 {
			if !b.packed {
				s.appear(unknown[j], now)
			} else {
				s.unseen(set, b, base, false)
			}
			unknown = slices.Delete(slices.Clone(unknown), j, j+1)
			continue
		}
		s.unseen(set, b, base, probe)
	}
	if !waiting {
		for _, inc := range s.files {
			if inc.set == set {
				inc.unscanned = false
			}
		}
	}
	return unknown
}

func rotatedName(m rotated.Member) bool { return m.Number >= 0 || !m.Date.IsZero() || m.Packed }

// siblings lists the files of a set, oldest first.
func (s *Source) siblings(set string, unknown []path) []sibling {
	type place struct{ dir, set string }
	var places []place
	add := func(name string) {
		if name == "" {
			return
		}
		if p := (place{filepath.Dir(name), s.finder.setOf(name)}); !slices.Contains(places, p) {
			places = append(places, p)
		}
	}
	for _, p := range unknown {
		if s.finder.setOf(p.name) == set {
			add(p.name)
			add(p.real)
		}
	}
	for _, inc := range s.files {
		if inc.set == set {
			add(inc.Path)
			add(inc.Real)
		}
	}
	var out []sibling
	taken := map[identity]bool{}
	for _, p := range places {
		for _, name := range s.finder.set(p.dir, p.set) {
			info, err := os.Lstat(name)
			if err != nil || !info.Mode().IsRegular() || taken[identityOf(info)] {
				continue
			}
			taken[identityOf(info)] = true
			out = append(out, sibling{path: path{name, name, info, identityOf(info)}, member: s.finder.member(name)})
		}
	}
	slices.SortStableFunc(out, func(a, b sibling) int {
		if c := rotated.Compare(a.member, b.member); c != 0 {
			return c
		}
		return a.info.ModTime().Compare(b.info.ModTime())
	})
	return out
}

// recognise finds out whose bytes b holds.
func (s *Source) recognise(set string, b *sibling, now time.Time) {
	for _, inc := range s.files {
		if inc.ID != b.id && !slices.Contains(inc.Copies, b.id) {
			continue
		}
		if inc.ID == b.id && !s.located(inc, b, now) {
			continue
		}
		b.inc, b.known = inc, !inc.unscanned
		if inc.ID != b.id && !inc.ended && !inc.wants.IsZero() {
			if _, packed, err := textHead(b.real, b.id); err == nil {
				b.packed = packed
				s.attach(inc, b)
			}
		}
		return
	}
	if b.info.Size() == 0 {
		return
	}
	head, packed, err := textHead(b.real, b.id)
	if err != nil {
		b.wait = elsewhere(err) || !packed && !errors.Is(err, fs.ErrPermission) || packed && now.Sub(b.info.ModTime()) < time.Minute
		return
	}
	b.packed = packed
	for _, inc := range slices.Backward(s.files) {
		if inc.set != set || inc.unscanned && inc.given == 0 && inc.size == 0 {
			continue
		}
		is, wait := s.isCopy(inc, b, head)
		if wait {
			b.wait, s.looked = true, time.Time{}
			return
		}
		if is {
			b.inc, b.known = inc, !inc.unscanned
			s.attach(inc, b)
			return
		}
	}
}

// located opens a file that was rotated away while it was closed; false if the inode is another file's now.
func (s *Source) located(inc *incarnation, b *sibling, now time.Time) bool {
	if inc.seen || inc.f != nil || inc.copied {
		return true
	}
	if !inc.ended || inc.restored && !inc.compared {
		if !s.reopen(inc, b.real, b.info, now) {
			return inc.ID == b.id
		}
	}
	inc.wants = time.Time{}
	if inc.Real != b.real {
		s.rotatedTo(inc, b.real)
	}
	if inc.f != nil {
		s.sized(inc, b.info, now)
	}
	return true
}

// isCopy reports whether b holds inc's bytes, if only up to some time. If inc's file changes meanwhile, it has to wait.
func (s *Source) isCopy(inc *incarnation, b *sibling, head []byte) (is, wait bool) {
	if inc.f != nil && !inc.copied && !b.packed {
		return s.isPrefix(inc, b)
	}
	if inc.Head.N == 0 || !b.packed && b.info.Size() < inc.given {
		return false, false
	}
	if !b.packed {
		f, err := openAs(b.real, b.id)
		if err != nil {
			return false, true
		}
		defer f.Close()
		return inc.same(f, b.info.Size()), false
	}
	if inc.Start > 0 || len(head) < inc.Head.N || printOf(head[:inc.Head.N]) != inc.Head {
		return false, false
	}
	// Programs that compress give the result the time of what they compressed.
	if d := b.info.ModTime().UnixNano() - inc.Modified; d > -int64(time.Second) && d < int64(time.Second) {
		return true, false
	}
	p, err := unpacked(b.real, b.id)
	if err != nil {
		return false, elsewhere(err)
	}
	defer p.close()
	is, err = p.skip(inc.given, inc.before)
	return is && err == nil, false
}

// isPrefix compares b with a file that is still there, which may be truncated at any time.
func (s *Source) isPrefix(inc *incarnation, b *sibling) (is, wait bool) {
	f, err := openAs(b.real, b.id)
	if err != nil {
		return false, true
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, true
	}
	size := info.Size()
	equal := true
	for _, at := range [...]int64{0, max(0, size-headSize)} {
		x, y := make([]byte, min(headSize, size)), make([]byte, min(headSize, size))
		n, err := f.ReadAt(x, at)
		if err != nil && !errors.Is(err, io.EOF) || n < len(x) {
			return false, true
		}
		n, _ = inc.f.ReadAt(y, at)
		equal = equal && bytes.Equal(x, y[:n])
	}
	if equal {
		return true, false
	}
	own, err := inc.f.Stat()
	if err != nil || own.Size() < inc.size || !inc.same(inc.f, own.Size()) {
		inc.verify = true
		return false, true
	}
	return false, false
}

// attach takes note that b holds inc's bytes. If inc's own file is gone, it goes on there.
func (s *Source) attach(inc *incarnation, b *sibling) {
	if !slices.Contains(inc.Copies, b.id) {
		s.mark(inc, func() { inc.Copies = append(inc.Copies, b.id) })
	}
	if len(inc.Copies) > keptPerSet {
		s.mark(inc, func() { inc.Copies = slices.Delete(slices.Clone(inc.Copies), 0, 1) })
	}
	if inc.ended || inc.wants.IsZero() {
		return
	}
	s.log.Info("the rest is in a copy", "path", inc.Path, "file", b.real)
	s.mark(inc, func() { inc.Real, inc.Moved = b.real, true })
	inc.wants, inc.copied, inc.packed = time.Time{}, true, b.packed
	inc.restored, inc.compared = false, true
	inc.none, inc.held = 0, -1
}

// unseen begins to read a file that was rotated away before it was seen, before base if that is not nil.
func (s *Source) unseen(set string, b *sibling, base *incarnation, probe bool) {
	name := b.name
	for _, inc := range s.files {
		if inc.set == set {
			name = inc.Path
		}
	}
	s.log.Info("found a rotated file that was not seen before", "path", name, "file", b.real)
	inc := s.newborn(name, b.real, b.id)
	inc.set = set
	inc.Moved, inc.packed, inc.copied, inc.probe = true, b.packed, b.packed, probe
	inc.Recover = probe
	inc.Modified = b.info.ModTime().UnixNano()
	if b.packed {
		inc.ID, inc.Copies = identity{}, []identity{b.id} // it will not grow
	} else {
		f, err := openAs(b.real, b.id)
		if err != nil {
			s.redo[set] = s.redo[set] || elsewhere(err)
			return
		}
		s.hold(inc, f)
		s.grew(inc, b.info.Size(), time.Now())
		_ = s.fingerprint(inc, b.info.Size()) // there is none yet
	}
	s.add(inc, base)
}
