package file

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"
)

// reopen opens a file that was closed, and compares it with what was read of it. It returns false if it cannot be opened
// or is another one.
func (s *Source) reopen(inc *incarnation, name string, info fs.FileInfo, now time.Time) bool {
	f, err := os.Open(name)
	if err == nil {
		info, err = f.Stat()
	}
	if err != nil {
		if f != nil {
			_ = f.Close()
		}
		s.trouble(inc, err, now)
		inc.seen = true
		return false
	}
	if identityOf(info) != inc.ID {
		_ = f.Close()
		inc.seen = true // the next look tells
		return false
	}
	if !inc.same(f, info.Size()) {
		_ = f.Close()
		s.replaced(inc, now)
		return false
	}
	inc.restored, inc.compared = false, true
	if inc.problem != "" {
		s.problem(inc, "")
	}
	if inc.ended && info.Size() <= inc.given || s.open >= s.o.MaxOpen && info.Size() <= inc.given {
		_ = f.Close()
		s.mark(inc, func() { inc.Modified = info.ModTime().UnixNano() })
		return true
	}
	s.hold(inc, f)
	return true
}

// hold keeps f open for inc, and closes another file if there are too many.
func (s *Source) hold(inc *incarnation, f *os.File) {
	if s.open >= s.o.MaxOpen {
		s.spare(inc)
	}
	inc.f, inc.noLocal = f, s.o.Poll || remote(f)
	if inc.changed.IsZero() {
		inc.changed = time.Now()
	}
	s.open++
}

// spare closes the file that was quiet for longest and has a name to be found by.
func (s *Source) spare(keep *incarnation) {
	var quiet *incarnation
	for _, inc := range s.files {
		if inc.f == nil || inc == keep || !inc.seen || inc == s.session.inc {
			continue
		}
		if quiet == nil || inc.changed.Before(quiet.changed) {
			quiet = inc
		}
	}
	if quiet != nil {
		s.close(quiet)
	}
}

func (s *Source) close(inc *incarnation) {
	if inc.f == nil {
		return
	}
	s.unwatch(inc)
	_ = inc.f.Close()
	inc.f = nil
	s.open--
}

func (s *Source) ensureOpen(inc *incarnation) error {
	if inc.f != nil {
		return nil
	}
	info, err := os.Stat(inc.Real)
	if err != nil {
		return err
	}
	id := identityOf(info)
	if !inc.copied {
		if id != inc.ID {
			return errElsewhere
		}
		if !s.reopen(inc, inc.Real, info, time.Now()) || inc.f == nil {
			return errElsewhere
		}
		return nil
	}
	if !slices.Contains(inc.Copies, id) {
		return errElsewhere
	}
	f, err := os.Open(inc.Real)
	if err != nil {
		return err
	}
	s.hold(inc, f)
	return nil
}

var errElsewhere = errors.New("another file took its place; it is looked for")
