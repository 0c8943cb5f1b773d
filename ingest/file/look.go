package file

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"mailstop/ingest"
	"mailstop/internal/rotated"
)

// A path is a name that is followed.
type path struct {
	name, real string
	info       fs.FileInfo
	id         identity
}

// look finds out what became of the files: of all of them every Look, of those that are written to more often.
func (s *Source) look(now time.Time) {
	if now.Sub(s.looked) < s.o.Look {
		if now.Sub(s.active) >= fast {
			s.lookActive(now)
		}
		if now.Sub(s.looked) < s.o.Look {
			return
		}
	}
	s.looked = now
	s.lookAll(now)
	if s.active = time.Now(); !s.looked.IsZero() {
		s.looked = s.active // many files take their time
	}
	s.first = false
}

// lookActive looks at files that are written to.
func (s *Source) lookActive(now time.Time) {
	s.active = now
	for _, inc := range slices.Clone(s.files) {
		told := inc.notice != nil && inc.notice.fired.Load()
		if inc.ended || inc.f == nil || !told && !inc.busy(now) {
			continue
		}
		if info, err := inc.f.Stat(); err == nil {
			s.sized(inc, info, now)
		}
		if inc.f != nil && !inc.Moved {
			if info, err := os.Stat(inc.Real); err != nil || identityOf(info) != inc.ID {
				s.looked = time.Time{}
			}
		}
		if told {
			s.unwatch(inc)
		}
	}
}

// sized takes note of a file's size.
func (s *Source) sized(inc *incarnation, info fs.FileInfo, now time.Time) {
	if inc.copied {
		return
	}
	if info.Size() < inc.size {
		s.truncated(inc, now)
		return
	}
	modified := info.ModTime().UnixNano()
	if modified != inc.Modified && info.Size() == inc.given && inc.given > 0 {
		inc.verify = true
	}
	if modified != inc.Modified {
		s.mark(inc, func() { inc.Modified = modified })
	}
	s.grew(inc, info.Size(), now)
	if inc.f != nil && !s.fingerprint(inc, info.Size()) {
		s.truncated(inc, now)
	}
}

func (s *Source) grew(inc *incarnation, size int64, now time.Time) {
	if size != inc.size || size > inc.given && inc.since.IsZero() {
		inc.changed = now
		if inc.since.IsZero() && size > inc.given {
			inc.since = now
		}
		inc.size = size
		s.mark(inc, func() {
			inc.Size = size
			inc.lag = max(size-inc.given, 0)
			inc.behind = inc.since
		})
	}
}

func (s *Source) lookAll(now time.Time) {
	s.finder.turn++
	found := s.follow()
	known := s.known()
	var unknown []path
	for _, inc := range s.files {
		inc.seen = false
	}
	for _, p := range found {
		inc := known[p.id]
		switch {
		case inc == nil:
			if !s.isRefused(p) {
				unknown = append(unknown, p)
			}
		case inc.ID != p.id: // a copy
			inc.seen = true
			s.mark(inc, func() { inc.Seen = now.Unix() })
			switch {
			case inc.ended || inc.f != nil:
			case inc.copied:
				s.mark(inc, func() { inc.Real = p.real })
			case inc.ID == identity{} && inc.wants.IsZero():
				inc.seek(now) // of a position: it is to be opened
			}
		case !s.meet(inc, p, now):
			unknown = append(unknown, p)
		}
	}
	for _, inc := range slices.Clone(s.files) {
		if !inc.seen && !inc.ended && inc.wants.IsZero() {
			s.unmet(inc, now)
		}
	}
	for _, p := range unknown {
		s.dirty[s.finder.setOf(p.name)] = true
	}
	for _, inc := range s.files {
		if !inc.ended && !inc.wants.IsZero() {
			s.dirty[inc.set] = true
		}
	}
	s.finder.turn++ // what was rotated away since is in the folders by now
	for set := range s.dirty {
		unknown = s.scan(set, unknown, now)
	}
	clear(s.dirty)
	for _, p := range unknown {
		s.appear(p, now)
	}
	if len(s.redo) > 0 {
		s.dirty, s.redo = s.redo, s.dirty
		s.looked = time.Time{}
	}
	s.resign(now)
	s.prune(now)
	s.arm(now)
}

// follow returns the files that are followed by name, each once, in the order of time within sets.
func (s *Source) follow() []path {
	var found []path
	var ill []ingest.Status
	names, taken := map[string]bool{}, map[identity]bool{}
	bad := func(name string, err error) {
		if !names[name] {
			names[name] = true
			ill = append(ill, ingest.Status{Source: name, Problem: reason(err)})
		}
	}
	emit := func(name string) {
		if names[name] {
			return
		}
		p := path{name: name, real: name}
		info, err := os.Lstat(name)
		if err == nil && info.Mode()&fs.ModeSymlink != 0 {
			if info, err = os.Stat(name); err == nil {
				p.real, err = filepath.EvalSymlinks(name)
			}
		}
		if err != nil {
			bad(name, err)
			return
		}
		names[name] = true
		if info.IsDir() {
			return
		}
		if !info.Mode().IsRegular() {
			ill = append(ill, ingest.Status{Source: name, Problem: "not a regular file"})
			return
		}
		p.info, p.id = info, identityOf(info)
		if !taken[p.id] {
			taken[p.id] = true
			found = append(found, p)
		}
	}
	for _, pattern := range s.o.Paths {
		s.finder.expand(pattern, emit, bad)
	}
	slices.SortStableFunc(found, func(a, b path) int {
		x, y := s.finder.member(a.name), s.finder.member(b.name)
		if x.Set != y.Set {
			return rotated.CompareNatural(x.Set, y.Set)
		}
		return rotated.Compare(x, y)
	})
	s.names = make(map[string]bool, 2*len(found))
	for _, p := range found {
		s.names[p.name], s.names[p.real] = true, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ill = ill
	return found
}

// known returns the incarnations by the files that hold them now.
func (s *Source) known() map[identity]*incarnation {
	known := make(map[identity]*incarnation, len(s.files))
	for _, inc := range s.files {
		for _, c := range inc.Copies {
			known[c] = inc
		}
		if inc.ID != (identity{}) {
			known[inc.ID] = inc
		}
	}
	return known
}

// meet takes note that inc's file has the name p. It returns false if the file is another one by now, under the same inode.
func (s *Source) meet(inc *incarnation, p path, now time.Time) bool {
	if inc.f == nil && (inc.restored && !inc.compared || p.info.Size() > inc.given || p.info.ModTime().UnixNano() != inc.Modified) {
		if !s.reopen(inc, p.real, p.info, now) {
			return inc.ID == p.id
		}
	}
	inc.seen = true
	moved := inc.Real != p.real
	if moved {
		s.rotatedTo(inc, p.real)
	}
	s.mark(inc, func() { inc.Seen = now.Unix() })
	if inc.ended {
		if p.info.Size() <= inc.given {
			return true
		}
		s.mark(inc, func() { inc.ended, inc.finished, inc.Finished = false, false, false })
	}
	inc.wants = time.Time{}
	s.sized(inc, p.info, now)
	if s.open > s.o.MaxOpen {
		s.close(inc) // it has a name to be found by when its turn comes
	}
	return true
}

// unmet is called if inc's file has no name that is followed.
func (s *Source) unmet(inc *incarnation, now time.Time) {
	if inc.f != nil {
		info, err := inc.f.Stat()
		if err != nil {
			s.trouble(inc, err, now)
			return
		}
		if !inc.Moved && !inc.copied {
			s.log.Info("rotated", "path", inc.Path)
			s.mark(inc, func() { inc.Moved = true })
			s.dirty[inc.set] = true
		}
		s.sized(inc, info, now)
		return
	}
	if inc.copied {
		if inc.packed {
			if info, err := os.Stat(inc.Real); err == nil && slices.Contains(inc.Copies, identityOf(info)) {
				return
			}
		} else if s.ensureOpen(inc) == nil {
			return
		}
		inc.copied, inc.packed = false, false
		inc.seek(now)
		return
	}
	if info, err := os.Stat(inc.Real); err == nil && identityOf(info) == inc.ID {
		if inc.restored || info.Size() > inc.given {
			s.reopen(inc, inc.Real, info, now)
		}
		if inc.ID != (identity{}) {
			s.mark(inc, func() { inc.Moved = true })
			if inc.f != nil {
				s.sized(inc, info, now)
			}
			return
		}
	}
	inc.seek(now)
}

// arm asks for notices of quiet files.
func (s *Source) arm(now time.Time) {
	if s.open >= s.o.MaxOpen {
		return // files are closed and opened all the time, and each notice takes a millisecond to end
	}
	for _, inc := range s.files {
		if inc.f == nil || inc.notice != nil || inc.noLocal || inc.copied || inc.ended || s.notices.off || inc.busy(now) {
			continue
		}
		n, err := s.notices.watch(inc.f)
		if err != nil {
			s.log.Warn("no notices of the kernel: files are looked at instead", "every", s.o.Look, "error", err,
				"hint", "raise fs.inotify.max_user_instances or max_user_watches")
		}
		inc.notice = n
	}
}

func (s *Source) unwatch(inc *incarnation) {
	if inc.notice != nil {
		s.notices.stop(inc.notice)
		inc.notice = nil
	}
}
