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
	if !inc.copied {
		info, err := os.Stat(inc.Real)
		if err != nil {
			return err
		}
		if identityOf(info) != inc.ID || !s.reopen(inc, inc.Real, info, time.Now()) || inc.f == nil {
			return errElsewhere
		}
		return nil
	}
	f, err := openAs(inc.Real, inc.Copies...)
	if err != nil {
		return err
	}
	s.hold(inc, f)
	return nil
}

// openAs opens a file if it is one of these: what had that name when it was looked at may have been rotated away since.
func openAs(name string, ids ...identity) (*os.File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !slices.Contains(ids, identityOf(info)) {
		err = errElsewhere
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// elsewhere reports whether err says that the file has another name by now.
func elsewhere(err error) bool { return errors.Is(err, errElsewhere) || errors.Is(err, fs.ErrNotExist) }

var errElsewhere = errors.New("another file took its place; it is looked for")
