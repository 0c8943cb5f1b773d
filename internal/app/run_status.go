package app

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"mailstop/event"
	"mailstop/ingest"
	"mailstop/internal/daemon"
	"mailstop/pipeline"
)

// stuck is how long nothing may move, while there is something to do, before the daemon is taken for hung. A store that
// refuses counts as moving: waiting for it is what is to be done.
const stuck = 3 * time.Minute

// A status is how the daemon does, for metrics and health. It outlives generations, so that counters never fall.
type status struct {
	mu      sync.Mutex
	sources map[string]*daemon.Source // by name, without what the sources say themselves
	changes map[[2]string]uint64      // kind, severity
	open    map[string]map[string]bool
	count   daemon.Snapshot // what is counted, and is not below
	live    sources         // of the generation that runs
	streams *pipeline.Streams
	reason  string // why it is not running
	store   error  // why it does not take what it is sent
	ledger  error  // why it does not answer sources
	point   error  // of the last checkpoint
	moved   time.Time
	letters func() (lines, batches int64)
	past    uint64 // dead letters of generations before
}

func newStatus() *status {
	return &status{
		sources: map[string]*daemon.Source{}, changes: map[[2]string]uint64{}, open: map[string]map[string]bool{}, reason: "starting",
		moved: time.Now(),
	}
}

// starting says that nothing is read at the moment, and why.
func (s *status) starting(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reason, s.live, s.streams, s.moved = reason, nil, nil, time.Now()
}

// running says that lines are read.
func (s *status) running(live sources, streams *pipeline.Streams, hasStore bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reason, s.live, s.streams, s.moved, s.store = "", live, streams, time.Now(), nil
	s.ledger = nil
	s.count.HasStore, s.count.StoreUp = hasStore, hasStore
	for name := range live {
		s.source(name)
	}
}

func (s *status) source(name string) *daemon.Source {
	c := s.sources[name]
	if c == nil {
		c = &daemon.Source{Name: name}
		s.sources[name] = c
	}
	return c
}

// deadLetters takes over the counter of a generation.
func (s *status) deadLetters(count func() (lines, batches int64)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.past, s.letters = s.dead(), count
}

// dead returns how many lines were refused for good.
func (s *status) dead() uint64 {
	if s.letters == nil {
		return s.past
	}
	lines, _ := s.letters()
	return s.past + uint64(lines)
}

// stored counts a batch.
func (s *status) stored(p *pipeline.Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moved = time.Now()
	c := s.source(p.Origin)
	c.Lines += uint64(p.Lines)
	c.Unparsed += uint64(p.Unread)
	c.Entries += uint64(p.Lines - p.Unread - p.Notes)
	c.Bytes += uint64(p.Bytes)
	s.count.Batches++
	if p.Sealed && !p.Again {
		s.count.Extents++
	}
	s.change(p.Changed)
}

// change counts findings.
func (s *status) change(fs []event.Finding) {
	for i := range fs {
		f := &fs[i]
		s.changes[[2]string{f.Kind, f.Severity.String()}]++
		ids := s.open[f.Kind]
		if ids == nil {
			ids = map[string]bool{}
			s.open[f.Kind] = ids
		}
		if f.State == event.Open {
			ids[f.ID] = true
		} else {
			delete(ids, f.ID)
		}
	}
}

// changed counts findings that come of no line.
func (s *status) changed(fs []event.Finding) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.change(fs)
}

// retried notes whether the store takes what it is sent.
func (s *status) retried(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moved, s.store, s.count.StoreUp = time.Now(), err, err == nil && s.count.HasStore
	if err != nil {
		s.count.StoreRetries++
	}
}

// answered notes whether the store answers sources, and reports whether that is news.
func (s *status) answered(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	news := (err == nil) != (s.ledger == nil)
	if s.ledger = err; err != nil || news {
		s.moved = time.Now()
	}
	if news {
		s.count.StoreUp = err == nil && s.count.HasStore
	}
	return news
}

// saved notes a checkpoint.
func (s *status) saved(at time.Time, stateBytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count.Checkpoint, s.count.DetectorBytes = at, int64(stateBytes)
}

// committed notes whether a checkpoint could be written.
func (s *status) committed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moved, s.point = time.Now(), err
	if err != nil {
		s.count.CheckpointErrors++
	}
}

// healthy says why nothing moves; nil if all is well.
func (s *status) healthy() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reason != "" || s.streams == nil || s.streams.Idle() || s.store != nil || s.ledger != nil {
		return nil
	}
	if still := time.Since(s.moved); still > stuck {
		return fmt.Errorf("nothing was stored for %s, though there is something to store", still.Round(time.Second))
	}
	return nil
}

// ready says why what is read is not stored; nil if it is.
func (s *status) ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.reason != "":
		return errors.New(s.reason)
	case s.store != nil:
		return fmt.Errorf("the store does not take what it is sent: %w", s.store)
	case s.ledger != nil:
		return fmt.Errorf("the store does not answer: %w", s.ledger)
	case s.point != nil:
		return fmt.Errorf("the checkpoint cannot be written: %w", s.point)
	}
	return nil
}

// snapshot returns all of it for the metrics.
func (s *status) snapshot() daemon.Snapshot {
	s.mu.Lock()
	live := s.live
	out := s.count
	out.DeadLetters = s.dead()
	for _, c := range s.sources {
		out.Sources = append(out.Sources, *c)
	}
	for k, n := range s.changes {
		out.Changes = append(out.Changes, daemon.Change{Kind: k[0], Severity: k[1], Count: n})
	}
	for kind, ids := range s.open {
		out.Open = append(out.Open, daemon.Open{Kind: kind, Count: len(ids)})
	}
	s.mu.Unlock()
	for i := range out.Sources { // sources may take their time, so the lock is not held
		c := &out.Sources[i]
		for _, st := range sourceStatus(live[c.Name]) {
			c.Dropped += uint64(st.Dropped)
			c.Problem = c.Problem || st.Problem != ""
			c.Parts = append(c.Parts, daemon.Part{Name: partName(st), Lag: st.Lag, Messages: messages(c.Name), Behind: st.Behind})
		}
	}
	slices.SortFunc(out.Sources, func(a, b daemon.Source) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func sourceStatus(s ingest.Live) []ingest.Status {
	if r, ok := s.(ingest.Reporter); ok {
		return r.Status(nil)
	}
	return nil
}

func partName(s ingest.Status) string {
	if s.Part == "" {
		return s.Source
	}
	return s.Source + "/" + s.Part
}
