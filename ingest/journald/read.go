package journald

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// A stage is how journalctl is being read.
type stage uint8

const (
	// starting: it is not known yet where to begin.
	starting stage = iota
	// rereading: what lies before the last position, up to it.
	rereading
	// catchingUp: from the last position to the end of the journal as it is. This is without --follow, since that shows the
	// current boot alone; and where it ends, all that a store can know of has been read.
	catchingUp
	// following: what is written from now on.
	following
)

// The waits between two tries.
const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 30 * time.Second
)

// A reader brings records in order, whatever becomes of journalctl.
type reader struct {
	stage  stage
	child  *child
	cursor string // of the last record that was read; empty: none was
	// foreign says that cursor may be of a record that does not match, so that it need not come again.
	foreign bool
	since   int64 // microseconds: where to go on if cursor is gone and nothing was behind it
	first   bool  // no record of the child came yet
	garbage bool  // it was said that a line is not the journal's

	launched time.Time
	retry    time.Duration
	again    time.Time // not before
	queue    []record  // read, and given back
}

// read returns the next record. False means that none came within wait, or that the stage has changed.
func (s *Source) read(ctx context.Context, wait time.Duration) (record, bool, error) {
	r := &s.reader
	if len(r.queue) > 0 {
		out := r.queue[0]
		r.queue = r.queue[1:]
		return out, true, nil
	}
	if r.child == nil {
		ok, err := s.launch(ctx, wait)
		if !ok {
			return record{}, false, err
		}
	}
	out, err := r.child.next(ctx, wait)
	switch {
	case ctx.Err() != nil && err != nil:
		return record{}, false, ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return record{}, false, nil
	case err != nil:
		s.leave(r.child.ended())
		return record{}, false, nil
	case out.cursor == "":
		if !r.garbage {
			r.garbage = true
			s.log.Warn("a line that is not the journal's is left out", "source", s.part.Source, "line", string(out.line[:min(len(out.line), 200)]))
		}
		return record{}, false, nil
	}
	return s.accept(out)
}

// accept says what a record is to the stage.
func (s *Source) accept(out record) (record, bool, error) {
	r := &s.reader
	first := r.first
	r.first = false
	s.problem("", nil)
	switch r.stage {
	case starting:
		r.cursor, r.foreign = out.cursor, true
		s.moved(position{Cursor: r.cursor, Foreign: true})
		s.stop(catchingUp)
		if s.options.Checkpoint != nil { // so that this is where a restart begins, too
			s.options.Checkpoint()
		}
		return record{}, false, nil
	case following:
		r.retry = 0
	case rereading:
		if at := cursorTime(r.cursor); out.cursor != r.cursor && at > 0 && out.time > at {
			s.stop(catchingUp)
			return record{}, false, nil
		}
		if out.cursor == r.cursor {
			s.stop(catchingUp)
		}
		s.latest.Store(out.time)
		return out, true, nil
	case catchingUp:
		if first && r.cursor != "" && !r.foreign && r.since == 0 {
			if out.cursor == r.cursor {
				return record{}, false, nil
			}
			s.gone(out.cursor)
		}
	}
	r.cursor, r.foreign, r.since = out.cursor, false, 0
	s.latest.Store(out.time)
	return out, true, nil
}

// gone says that the journal has lost its record at the last position.
func (s *Source) gone(next string) {
	s.log.Error("the journal does not have the record that was read last: what followed it may be lost", "source", s.part.Source,
		"cursor", s.reader.cursor, "next", next)
}

// launch starts journalctl for the stage.
func (s *Source) launch(ctx context.Context, wait time.Duration) (bool, error) {
	r := &s.reader
	if pause := time.Until(r.again); pause > 0 {
		if wait >= 0 && wait < pause {
			return false, sleep(ctx, wait)
		}
		if err := sleep(ctx, pause); err != nil {
			return false, err
		}
	}
	var args []string
	at := cursorTime(r.cursor)
	switch r.stage {
	case starting:
		args = []string{"--lines=1"}
	case rereading:
		args = []string{"--since=" + clock(at-s.options.Reread.Microseconds()), "--until=" + clock(at+1e6)}
	case catchingUp:
		args = r.from("--cursor=")
	case following:
		args = append([]string{"--follow", "--no-tail"}, r.from("--after-cursor=")...)
	}
	args = s.options.arguments(args...)
	if r.stage != starting {
		args = append(args, s.options.matches()...)
	}
	c, err := spawn(s.options.Command, args)
	if err != nil {
		s.leave(err)
		return false, nil
	}
	s.mu.Lock()
	r.child = c
	s.mu.Unlock()
	r.first, r.launched = true, time.Now()
	return true, nil
}

// from returns where to begin.
func (r *reader) from(option string) []string {
	switch {
	case r.since != 0:
		return []string{"--since=" + clock(r.since)}
	case r.cursor == "":
		return nil
	case r.foreign:
		option = "--after-cursor="
	}
	return []string{option + r.cursor}
}

// clock returns a time as journalctl reads it (systemd.time(7)).
func clock(usec int64) string {
	usec = max(usec, 0)
	return fmt.Sprintf("@%d.%06d", usec/1e6, usec%1e6)
}

// stop ends journalctl and goes on to another stage.
func (s *Source) stop(next stage) {
	if c := s.take(); c != nil {
		c.kill()
	}
	s.reader.stage = next
}

// take lets go of the child.
func (s *Source) take() *child {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.reader.child
	s.reader.child = nil
	return c
}

// leave decides how to go on when journalctl has ended, well or not.
func (s *Source) leave(err error) {
	r := &s.reader
	if c := s.take(); c != nil && err == nil {
		s.hear(c.stderr.text())
	}
	if err == nil && r.stage != following {
		switch {
		case r.stage == rereading:
			r.stage = catchingUp
		case r.stage == catchingUp && r.first && r.cursor != "" && !r.foreign && r.since == 0:
			// Nothing is there from the cursor on, not even its own record. Where a crash of the machine cut the journal off, numbers
			// begin anew before the cursor's: only the time tells what is new.
			s.gone("")
			if r.since = cursorTime(r.cursor) + 1; r.since == 1 {
				r.since, r.foreign = 0, true
			}
		default:
			r.stage = following
		}
		return
	}
	if err == nil {
		err = errors.New("ended by itself")
	}
	if r.stage == following || r.stage == rereading && !r.first { // not twice to the detectors
		r.stage = catchingUp
	}
	if time.Since(r.launched) > lastRetry {
		r.retry = 0
	}
	s.problem("journalctl", err)
	r.retry = min(max(2*r.retry, firstRetry), lastRetry)
	r.again = time.Now().Add(r.retry)
}

// hear logs what journalctl has to say though all is well, such as that it may not see everything, once.
func (s *Source) hear(said string) {
	if said = strings.TrimSpace(said); said != "" && said != s.heard {
		s.heard = said
		s.log.Warn("journalctl says something", "source", s.part.Source, "text", said)
	}
}

// sleep waits, unless ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
