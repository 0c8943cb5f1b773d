package file

import (
	"cmp"
	"context"
	"errors"
	"io"
	"time"

	"mailstop/event"
	"mailstop/ingest"
	"mailstop/internal/extent"
)

// fast is how often files that are written to are looked at.
const fast = 100 * time.Millisecond

// Next returns the next batch, as ingest.Live says.
func (s *Source) Next(ctx context.Context) (*ingest.Batch, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		now := time.Now()
		if s.session.inc != nil {
			if b := s.step(ctx, now); b != nil {
				return b, nil
			}
			continue
		}
		s.look(now)
		if b := s.farewell(); b != nil {
			return b, nil
		}
		inc, wait := s.choose(now)
		if inc != nil {
			s.begin(inc, now)
			continue
		}
		s.wait(ctx, wait)
	}
}

func (s *Source) wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-s.wake:
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, inc := range s.files {
			if inc.notice != nil && inc.notice.moved.Load() {
				s.looked = time.Time{}
			}
		}
		s.active = time.Time{}
	case <-t.C:
	}
}

// choose returns a file that is to be read now, or how long to wait for one.
func (s *Source) choose(now time.Time) (*incarnation, time.Duration) {
	due, wait, waiting := s.ready(now)
	if waiting {
		if now.Sub(s.asked) >= time.Second {
			s.asked = now
			s.o.Checkpoint()
		}
		wait = min(wait, time.Second)
	}
	if len(due) == 0 {
		return nil, max(wait, time.Millisecond)
	}
	s.turn++
	return due[s.turn%len(due)], 0
}

// ready returns the files that are to be read now, of each set the first; when there may be more; and whether some only
// wait for a checkpoint.
func (s *Source) ready(now time.Time) (due []*incarnation, wait time.Duration, waiting bool) {
	wait = s.looked.Add(s.o.Look).Sub(now)
	blocked := map[string]bool{}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, inc := range s.files {
		if inc.ended {
			continue
		}
		if inc.busy(now) {
			wait = min(wait, fast)
		}
		if blocked[inc.set] {
			continue
		}
		if !inc.wants.IsZero() {
			if inc.scans < 2 { // where there is a copy, it is there before the file is truncated
				blocked[inc.set] = true
				wait = min(wait, fast)
			}
			continue
		}
		at, ok := s.due(inc)
		switch {
		case !ok:
		case !inc.kept:
			waiting = waiting || inc.recognisable()
		case at.After(now):
			wait = min(wait, at.Sub(now))
		default:
			blocked[inc.set] = true
			due = append(due, inc)
		}
	}
	return due, wait, waiting
}

// due returns when inc is to be read; false if there is nothing to read.
func (s *Source) due(inc *incarnation) (time.Time, bool) {
	switch {
	case inc.packed || inc.copied:
		return inc.again, true
	case inc.verify:
		return inc.again, true
	case inc.size <= inc.given:
		if inc.Moved && inc.f != nil && !inc.seen {
			return inc.changed.Add(s.o.Quiet), true // to be finished
		}
		return time.Time{}, false
	case inc.size == inc.held:
		// Only a line without line end is left. It is given when it is sure that nothing follows.
		if !inc.Moved || inc.f == nil {
			return time.Time{}, false
		}
		return inc.changed.Add(s.o.Quiet), true
	}
	at := inc.since.Add(s.o.Linger)
	if inc.Moved || inc.size-inc.given >= s.o.ExtentSize {
		at = inc.since
	}
	if at.Before(inc.again) {
		at = inc.again
	}
	return at, true
}

// step gives the next batch of the session; nil if it is over or has to wait.
func (s *Source) step(ctx context.Context, now time.Time) *ingest.Batch {
	inc := s.session.inc
	b, e, err := inc.chain.Next(ctx)
	if err == nil {
		s.failure = ""
		s.problem(inc, "")
		if inc.probe && !s.vouched(inc) {
			b.Release()
			s.endSession()
			s.end(inc)
			return nil
		}
		return s.batch(inc, b, e, now)
	}
	if ledger := (*extent.LedgerError)(nil); errors.As(err, &ledger) {
		if ctx.Err() == nil {
			if s.failure != err.Error() {
				s.failure = err.Error()
				s.log.Warn("the store does not answer", "path", inc.Path, "error", ledger.Err)
			}
			s.problem(inc, err.Error())
			s.wait(ctx, time.Second)
		}
		return nil
	}
	gone, packed := s.session.reader.gone && s.session.packed == nil, s.session.packed != nil
	s.endSession()
	switch {
	case err != io.EOF: //nolint:errorlint // only the bare one is the end
		if !packed {
			s.trouble(inc, err, now)
			return nil
		}
		s.log.Warn("the rest cannot be read to its end", "path", inc.Path, "file", inc.Real, "error", err)
		s.end(inc)
	case gone:
		s.truncated(inc, now)
	case inc.copied || packed:
		s.end(inc)
	case inc.size <= inc.given:
		s.mark(inc, func() { inc.lag = 0 })
	}
	return nil
}

// vouched reports whether the store knows inc's beginning. Then it and all later ones of its set were followed, before the
// position was lost.
func (s *Source) vouched(inc *incarnation) bool {
	inc.probe = false
	if inc.chain.Part() == inc.Salt {
		return false
	}
	for _, other := range s.files {
		if other.set == inc.set {
			other.probe = false
		}
	}
	return true
}

// batch makes b a batch.
func (s *Source) batch(inc *incarnation, b extent.Block, e *event.Extent, now time.Time) *ingest.Batch {
	if inc.part == nil {
		name := cmp.Or(inc.Name, inc.chain.Part(), inc.Salt)
		inc.part = &ingest.Part{
			Source: inc.Path, Name: name, Host: s.o.Host, Format: s.o.Format, Zone: s.o.Zone, Set: inc.set, Live: true, Size: inc.size,
			Reference: time.Unix(0, inc.Modified),
		}
	}
	out := &ingest.Batch{Part: inc.part, Data: b.Data, From: b.From, To: b.To, Read: b.Read, Received: now.UnixNano(), Done: b.Release}
	if e == nil {
		return out
	}
	m := mark{Offset: e.To, Parent: e.Token, Before: inc.beforeOf(b), At: now.Unix()}
	inc.given, inc.parent, inc.before = m.Offset, m.Parent, m.Before
	s.mark(inc, func() {
		inc.final = m.Offset
		inc.lag = max(inc.size-inc.given, 0)
		inc.behind = now
		if e.Part != inc.Salt {
			inc.Name, inc.Salt = inc.part.Name, e.Part
		}
		if inc.Name == inc.Salt {
			inc.Name = ""
		}
	})
	inc.chain.Sole = inc.chain.Sole || !e.Stored
	if inc.size <= inc.given {
		inc.since = time.Time{}
	} else {
		inc.since = now
	}
	out.Done = func() {
		b.Release()
		s.mu.Lock()
		defer s.mu.Unlock()
		inc.acknowledge(m)
	}
	if s.o.Ledger != nil {
		out.Extent = e
	}
	if s.session.packed == nil && s.others(inc) {
		s.endSession() // it is somebody else's turn
	}
	return out
}

// others reports whether another file may have something to read.
func (s *Source) others(inc *incarnation) bool {
	for _, other := range s.files {
		if other != inc && !other.ended && (other.size > other.given || other.packed || other.copied) {
			return true
		}
	}
	return time.Since(s.looked) >= s.o.Look
}

func (s *Source) mark(inc *incarnation, f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// problem notes why nothing comes.
func (s *Source) problem(inc *incarnation, why string) {
	s.mark(inc, func() { inc.problem = why })
}

// trouble tries again later.
func (s *Source) trouble(inc *incarnation, err error, now time.Time) {
	if inc.problem != reason(err) {
		s.log.Warn("cannot read", "path", inc.Path, "error", err)
	}
	s.problem(inc, reason(err))
	inc.again = now.Add(s.o.Look)
	s.close(inc)
	s.dirty[inc.set] = true
}

// farewell returns the last batch of a part that will get no more.
func (s *Source) farewell() *ingest.Batch {
	for _, inc := range s.files {
		if inc.ended && inc.part != nil {
			part := inc.part
			inc.part = nil
			return &ingest.Batch{Part: part, From: inc.given, To: inc.given, Read: inc.given, End: true, Done: func() {}}
		}
	}
	return nil
}
