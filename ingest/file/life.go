package file

import (
	"slices"
	"time"
)

const (
	// remembered is how long finished files are known that are no longer there.
	remembered = time.Hour
	// keptPerSet is how many finished files of a set are known even after that.
	keptPerSet = 8
)

// rotatedTo takes note of another name.
func (s *Source) rotatedTo(inc *incarnation, real string) {
	s.dirty[inc.set] = true
	if !inc.Moved {
		s.log.Info("rotated", "path", inc.Path, "to", real)
	}
	s.mark(inc, func() { inc.Moved, inc.Real = true, real })
}

// seek begins to look for inc's file, or for a copy.
func (inc *incarnation) seek(now time.Time) { inc.wants, inc.scans = now, 0 }

// replaced is called if another file has inc's inode now.
func (s *Source) replaced(inc *incarnation, now time.Time) {
	s.mark(inc, func() { inc.ID = identity{} })
	s.dirty[inc.set] = true
	if !inc.ended {
		s.log.Info("replaced or truncated", "path", inc.Path)
		inc.seek(now)
	}
}

// truncated ends an incarnation whose file was truncated; the file goes on as another one. What was not given may be in a
// copy.
func (s *Source) truncated(inc *incarnation, now time.Time) {
	s.log.Info("truncated", "path", inc.Path)
	s.dirty[inc.set] = true
	if inc.copied {
		s.close(inc)
		inc.copied = false
		inc.seek(now)
		return
	}
	next := s.newborn(inc.Path, inc.Real, inc.ID)
	next.Moved, next.seen, next.unscanned = inc.Moved, inc.seen, true
	if next.Name = ""; inc.f != nil {
		next.f, next.noLocal, next.notice = inc.f, inc.noLocal, inc.notice
		inc.f, inc.notice = nil, nil
		if info, err := next.f.Stat(); err == nil {
			next.Modified = info.ModTime().UnixNano()
			s.grew(next, info.Size(), now)
			_ = s.fingerprint(next, info.Size()) // there is none yet
		}
	}
	s.mark(inc, func() { inc.ID = identity{} })
	inc.verify = false
	inc.seek(now)
	if inc.Head.N == 0 {
		s.end(inc) // nothing was read: a copy is an unseen file like others
	}
	s.add(next, nil)
}

// newborn returns an incarnation that begins.
func (s *Source) newborn(name, real string, id identity) *incarnation {
	now := time.Now()
	inc := &incarnation{saved: saved{
		Path: name, Real: real, ID: id, Salt: newSalt(), Marks: []mark{{At: now.Unix()}}, Seen: now.Unix(),
	}}
	inc.start(inc.goOn())
	inc.set = s.finder.setOf(name)
	inc.compared = true
	return inc
}

// add makes inc known, before another one if that is not nil.
func (s *Source) add(inc, before *incarnation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := len(s.files)
	if before != nil {
		i = slices.Index(s.files, before)
	}
	s.files = slices.Insert(slices.Clone(s.files), i, inc)
	s.asked = time.Time{}
}

// end finishes inc: nothing more comes of it.
func (s *Source) end(inc *incarnation) {
	s.close(inc)
	inc.wants = time.Time{}
	s.mark(inc, func() { inc.ended, inc.final, inc.lag, inc.problem = true, inc.given, 0, "" })
}

// resign gives up looking for what cannot be found.
func (s *Source) resign(now time.Time) {
	for _, inc := range s.files {
		if inc.ended || inc.wants.IsZero() || now.Sub(inc.wants) < s.o.Patience {
			continue
		}
		if rest := inc.Size - inc.given; rest > 0 {
			s.log.Warn("a rest is gone", "path", inc.Path, "bytes", rest, "offset", inc.given)
		}
		s.end(inc)
	}
}

// prune forgets finished files that are no longer there.
func (s *Source) prune(now time.Time) {
	count := map[string]int{}
	s.mu.Lock()
	defer s.mu.Unlock()
	keep := make([]bool, len(s.files))
	n := 0
	for i, inc := range slices.Backward(s.files) {
		keep[i] = !inc.finished || inc.part != nil || now.Unix()-inc.Seen < int64(remembered/time.Second)
		if inc.finished {
			count[inc.set]++
			keep[i] = keep[i] || count[inc.set] <= keptPerSet
		}
		if keep[i] {
			n++
		}
	}
	if n < len(s.files) {
		i := -1
		s.files = slices.DeleteFunc(slices.Clone(s.files), func(*incarnation) bool { i++; return !keep[i] })
	}
}
