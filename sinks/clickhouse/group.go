package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"mailstop/event"
	"mailstop/sinks"
)

// Times of the journal.
const (
	lineAge  = time.Second     // how old lines get before they are moved into the tables
	countAge = 5 * time.Second // how old counts and notes get
	minRetry = time.Second
	maxRetry = 30 * time.Second
	attempt  = 5 * time.Minute // how long one try to store may take
)

// grouped moves the journal into the tables.
type grouped struct {
	journal *journal // nil for a server
	wake    chan struct{}
	stop    chan struct{} // closed to end move; nil if it does not run
	running sync.WaitGroup

	moving sync.Mutex // held while a page is moved

	mu      sync.Mutex
	stuck   error // why the last page could not be moved
	refused bool  // for good
}

// openGroup reads the journal and moves what an earlier process has left in it. What cannot be moved now stays: Write
// tries again, and says why it fails.
func (s *Sink) openGroup(ctx context.Context, dir string) error {
	g := &s.group
	s.ledger = ledger{}
	var err error
	if g.journal, err = openJournal(dir); err != nil {
		return fmt.Errorf("store: journal: %w", err)
	}
	for _, e := range g.journal.pending() {
		s.ledger.add(e)
	}
	if err := s.flush(ctx); err != nil && ctx.Err() != nil {
		return err
	}
	g.wake = make(chan struct{}, 1)
	g.stop = make(chan struct{})
	background := context.WithoutCancel(ctx)
	g.running.Go(func() { s.move(background) })
	return nil
}

// closeGroup moves the rest. What cannot be moved is there the next time.
func (s *Sink) closeGroup(ctx context.Context) error {
	g := &s.group
	if g.stop == nil {
		return nil
	}
	close(g.stop)
	g.running.Wait()
	g.stop = nil
	err := s.flush(ctx)
	if err != nil {
		err = fmt.Errorf("%w; what is not in the tables yet is kept in %s", err, g.journal.dir)
	}
	return errors.Join(err, g.journal.close())
}

// move moves pages as they get old, until it is stopped. A page that is being moved then is moved to its end, which
// takes less than to begin again.
func (s *Sink) move(ctx context.Context) {
	g, retry := &s.group, minRetry
	wait := func(d time.Duration) bool {
		select {
		case <-time.After(d):
			return true
		case <-g.stop:
			return false
		}
	}
	for {
		since, lines, full, some := g.journal.state()
		if !some {
			select {
			case <-g.wake:
				continue
			case <-g.stop:
				return
			}
		}
		age := lineAge
		if !lines {
			age = countAge
		}
		if left := age - time.Since(since); left > 0 && !full {
			// Lines may come to a page of counts, so it is looked at again after the shorter time.
			if !wait(min(left, lineAge)) {
				return
			}
			continue
		}
		if s.flush(ctx) == nil {
			retry = minRetry
			continue
		}
		if !wait(retry) {
			return
		}
		retry = min(2*retry, maxRetry)
	}
}

// record writes a record into the journal.
func (s *Sink) record(r *record) error {
	g := &s.group
	if err := g.journal.append(r); err != nil {
		return err
	}
	s.ledger.add(r.extent)
	select {
	case g.wake <- struct{}{}:
	default:
	}
	return nil
}

// unstick moves a page that is full or could not be moved, before more is taken: so an outage stops what reads.
func (s *Sink) unstick(ctx context.Context) error {
	g := &s.group
	g.mu.Lock()
	stuck := g.stuck != nil
	g.mu.Unlock()
	if _, _, full, some := g.journal.state(); !stuck && (!some || !full) {
		return nil
	}
	return s.flush(ctx)
}

// A stuckError says why a page could not be moved. It does not wrap the reason: what is refused for good in a page is no
// reason to refuse the batch at hand.
type stuckError struct{ reason error }

func (e stuckError) Error() string { return "store what is in the journal: " + e.reason.Error() }

// flush moves all that the journal holds into the tables.
func (s *Sink) flush(ctx context.Context) (err error) {
	g := &s.group
	if g.journal == nil {
		return nil
	}
	g.moving.Lock()
	defer g.moving.Unlock()
	defer func() {
		g.mu.Lock()
		g.stuck, g.refused = err, false
		if e := (stuckError{}); errors.As(err, &e) {
			g.refused = errors.Is(e.reason, sinks.ErrPermanent)
		}
		g.mu.Unlock()
	}()
	for {
		p, err := g.journal.oldest()
		if err != nil || p == nil {
			return err
		}
		if err := s.storePage(ctx, p); err != nil {
			return stuckError{classify(err)}
		}
		if err := s.close(ctx, p); err != nil {
			return err
		}
	}
}

// close notes the extents of a page in the ledger and removes the page.
func (s *Sink) close(ctx context.Context, p *page) error {
	if err := s.note(ctx, latest(p.extents)); err != nil {
		return err
	}
	if err := s.group.journal.drop(p); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	s.ledger.settle(p.extents)
	return nil
}

// Refused hands over what Write took, and what the tables refused for good afterwards, if there is such a thing: it calls
// keep with each extent, the reason and the lines. When keep has returned nil for all, the store forgets them; until
// then, it takes nothing more. It is called from the goroutine of Write.
func (s *Sink) Refused(ctx context.Context, keep func(e event.Extent, reason error, lines func(yield func(line string) bool)) error) error {
	g := &s.group
	g.mu.Lock()
	err, refused := g.stuck, g.refused
	g.mu.Unlock()
	if !refused {
		return nil
	}
	g.moving.Lock()
	defer g.moving.Unlock()
	p, openErr := g.journal.oldest()
	if openErr != nil || p == nil {
		return openErr
	}
	readErr := p.read(func(r *record) error {
		if r.rows == 0 {
			return nil
		}
		return keep(r.extent, err, func(yield func(string) bool) {
			for line := range strings.Lines(string(r.lines)) {
				if !yield(strings.TrimSuffix(line, "\n")) {
					return
				}
			}
		})
	})
	if readErr != nil {
		return readErr
	}
	if err := s.close(ctx, p); err != nil {
		return err
	}
	g.mu.Lock()
	g.stuck, g.refused = nil, false
	g.mu.Unlock()
	return nil
}

// storePage inserts all rows of a page, under its token.
func (s *Sink) storePage(ctx context.Context, p *page) error {
	token := "journal-" + p.token
	if p.lines {
		if err := s.setPace(ctx, p.rows); err != nil {
			return err
		}
	}
	var entries, deliveries, counts [][]byte
	add := func(to *[][]byte, b []byte) {
		if len(b) > 0 {
			*to = append(*to, b)
		}
	}
	err := p.read(func(r *record) error {
		add(&entries, r.entries)
		add(&deliveries, r.deliveries)
		add(&counts, r.counts)
		return nil
	})
	if err != nil {
		return err
	}
	var countErr error
	var both sync.WaitGroup
	both.Go(func() { countErr = s.streamBlocks(ctx, insertCountsSQL(s.database, token), counts) })
	err = s.streamBlocks(ctx, insertEntriesSQL(s.database, token), entries)
	if err == nil {
		err = s.streamBlocks(ctx, insertDeliveriesSQL(s.database, token), deliveries)
	}
	both.Wait()
	return errors.Join(err, countErr)
}

func (s *Sink) streamBlocks(ctx context.Context, into string, blocks [][]byte) error {
	if len(blocks) == 0 {
		return nil
	}
	return s.stream(ctx, into, func(e *encoder) error {
		for _, b := range blocks {
			e.bytes(b)
		}
		e.flush()
		return e.err
	})
}

// latest returns the last state of each extent.
func latest(es []event.Extent) []event.Extent {
	out := make([]event.Extent, 0, len(es))
	at := make(map[string]int, len(es))
	for _, e := range es {
		i, ok := at[e.Token]
		switch {
		case !ok:
			at[e.Token] = len(out)
			out = append(out, e)
		case e.Stored:
			out[i] = e
		}
	}
	return out
}

// encodeRecord returns a small batch as a record.
func encodeRecord(b *sinks.Batch, blocks, mail []*Block, rows int) (*record, error) {
	r := &record{extent: b.Extent, rows: rows + len(b.Counts)}
	r.extent.Stored = true
	encode := func(to *[]byte, f func(e *encoder) error) error {
		e := encoder{send: func(b []byte) error { *to = append(*to, b...); return nil }}
		return f(&e)
	}
	if b.Lines != nil && r.rows > 0 {
		b.Lines(func(line string) bool {
			r.lines = append(append(r.lines, line...), '\n')
			return true
		})
	}
	var errs [3]error
	if len(blocks) > 0 {
		errs[0] = encode(&r.entries, func(e *encoder) error { return e.blocks(blocks) })
	}
	if len(mail) > 0 {
		errs[1] = encode(&r.deliveries, func(e *encoder) error { return e.deliveries(mail) })
	}
	if len(b.Counts) > 0 {
		errs[2] = encode(&r.counts, func(e *encoder) error { return e.counts(b.Counts) })
	}
	return r, errors.Join(errs[:]...)
}
