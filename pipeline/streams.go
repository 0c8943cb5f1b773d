package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"mailstop/ingest"
)

// Streams joins live sources into one, and sends barriers between their extents. It implements ingest.Source.
//
// Every source is read in a goroutine of its own. What they give is passed on run by run: the batches of one extent are
// never mixed with others, so that each barrier lies between extents.
type Streams struct {
	// Sources by name. The names are the keys of the positions in a checkpoint.
	Sources map[string]ingest.Live
	// Extents says that the sources' batches belong to extents, as they do if there is a store.
	Extents bool
	// Save writes a checkpoint: where the sources are, and the state of what they have led to. Nil: nothing is written.
	Save func(ctx context.Context, positions map[string][]byte, state []byte) error
	// Reread says that the detectors remember nothing, and the store has findings of theirs. What the sources give first is
	// then what is stored already: when all have given that, or have given nothing for Settle, a batch says so with Adopt,
	// and only then new lines follow.
	Reread bool
	Settle time.Duration // default 5 s
	// Interval is the time between two barriers while something is read. Default 5 s.
	Interval time.Duration

	idle    atomic.Bool
	once    sync.Once
	reading context.CancelFunc // ends the readers
	readers sync.WaitGroup
	closing chan struct{} // Close was called
	adopted chan struct{} // the batch with Adopt was given
	given   chan piece    // first batches of extents, and ends
	asked   chan struct{} // a checkpoint is wanted
	landed  chan struct{} // a barrier has come through

	// Of the goroutine that calls Next:
	started  bool
	open     *reader // whose extent is not at its end
	left     int     // readers that have not ended
	new      int     // of those, readers that have come to new lines, with Reread
	queue    []*ingest.Batch
	parked   []*ingest.Batch // new lines that wait for Adopt
	dirty    bool            // something was given since the last barrier
	due      time.Time       // when the next barrier is, if dirty
	underway bool            // a barrier was given and has not landed
	failed   chan struct{}   // the last barrier did not come through
	final    error           // the last barrier was given, and this is what follows
}

// A reader reads one source.
type reader struct {
	name   string
	source ingest.Live
	rest   chan piece // the batches of an extent behind its first
}

// A piece is what a reader gives.
type piece struct {
	from  *reader
	batch *ingest.Batch
	err   error
}

// init makes the channels that others than Next need.
func (s *Streams) init() {
	s.once.Do(func() {
		s.asked, s.landed, s.failed = make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{}, 1)
		s.given, s.closing, s.adopted = make(chan piece), make(chan struct{}), make(chan struct{})
		if s.Settle <= 0 {
			s.Settle = 5 * time.Second
		}
		if s.Interval <= 0 {
			s.Interval = 5 * time.Second
		}
	})
}

// Checkpoint asks for a barrier soon. It never blocks, and may be called from any goroutine at any time.
func (s *Streams) Checkpoint() {
	s.init()
	signal(s.asked)
}

// Idle reports whether the engine waits for the sources, so that it is no wonder if nothing moves. It may be called from
// any goroutine.
func (s *Streams) Idle() bool { return s.idle.Load() }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is said already
	}
}

// start begins to read the sources.
func (s *Streams) start() {
	s.init()
	if s.started {
		return
	}
	s.started = true
	ctx, cancel := context.WithCancel(context.Background())
	s.reading = cancel
	reread := s.Reread
	for _, name := range slices.Sorted(maps.Keys(s.Sources)) {
		r := &reader{name: name, source: s.Sources[name], rest: make(chan piece)}
		s.left++
		s.readers.Go(func() { s.read(ctx, r, reread) })
	}
}

// read hands on what a source gives. Once an extent has begun, it is given to its end.
func (s *Streams) read(ctx context.Context, r *reader, reread bool) {
	next, to := ctx, s.given
	for {
		b, err := r.source.Next(next)
		if ctx.Err() != nil && err != nil && next == ctx {
			return
		}
		select {
		case to <- piece{r, b, err}:
		case <-next.Done():
			return
		case <-s.closing:
			return
		}
		switch {
		case err != nil:
			return
		case s.more(b):
			next, to = context.WithoutCancel(ctx), r.rest
			continue
		}
		next, to = ctx, s.given
		if reread && b.Extent != nil && !b.Extent.Stored {
			select { // what follows waits
			case <-s.adopted:
			case <-ctx.Done():
				return
			}
		}
	}
}

// Next returns the next batch, or a barrier. When ctx ends it returns a last barrier, then the context's error.
func (s *Streams) Next(ctx context.Context) (*ingest.Batch, error) {
	s.start()
	for {
		if s.final != nil {
			return nil, s.final
		}
		if len(s.queue) > 0 {
			b := s.queue[0]
			s.queue = slices.Delete(s.queue, 0, 1)
			return b, nil
		}
		if s.open != nil {
			if b, err := s.take(<-s.open.rest); b != nil || err != nil {
				return b, err
			}
			continue
		}
		if ctx.Err() != nil {
			return s.finish(ctx.Err())
		}
		if s.left == 0 {
			return s.finish(io.EOF)
		}
		if b, err := s.wait(ctx); b != nil || err != nil {
			return b, err
		}
	}
}

// wait waits for the next thing to happen. It returns nothing if there is nothing to give yet.
func (s *Streams) wait(ctx context.Context) (*ingest.Batch, error) {
	var settled <-chan time.Time
	if s.Reread {
		if s.new == s.left {
			return s.adopt(), nil
		}
		t := time.NewTimer(s.Settle)
		defer t.Stop()
		settled = t.C
	}
	var timer <-chan time.Time
	asked := s.asked
	if s.underway {
		asked = nil
	} else if s.dirty {
		t := time.NewTimer(time.Until(s.due))
		defer t.Stop()
		timer = t.C
	}
	s.idle.Store(true)
	defer s.idle.Store(false)
	select {
	case p := <-s.given:
		return s.take(p)
	case <-asked:
		return s.barrier(), nil
	case <-timer:
		return s.barrier(), nil
	case <-settled:
		return s.adopt(), nil
	case <-s.landed:
		s.underway = false
	case <-s.failed:
		s.underway = false
		s.soil() // tried again after the interval
	case <-ctx.Done():
	}
	return nil, nil
}

// take passes on what a reader gave.
func (s *Streams) take(p piece) (*ingest.Batch, error) {
	s.open = nil
	if errors.Is(p.err, io.EOF) {
		s.left--
		return nil, nil
	}
	if p.err != nil {
		return nil, p.err
	}
	s.soil()
	p.batch.Origin = p.from.name
	if s.Reread {
		s.sort(p)
		return nil, nil
	}
	if s.more(p.batch) {
		s.open = p.from
	}
	return p.batch, nil
}

// more reports whether the extent of a batch goes on behind it. The batch that only ends a part has none.
func (s *Streams) more(b *ingest.Batch) bool {
	return s.Extents && b.Extent == nil && (!b.End || len(b.Data) > 0)
}

// sort takes the whole run that begins with p, and passes it on if it is stored; if it is new it has to wait.
func (s *Streams) sort(p piece) {
	run := []*ingest.Batch{p.batch}
	for s.more(p.batch) {
		if p = <-p.from.rest; p.err != nil {
			return // the run has no end: it is not stored
		}
		p.batch.Origin = p.from.name
		run = append(run, p.batch)
	}
	if p.batch.Extent != nil && !p.batch.Extent.Stored {
		s.new++
		s.parked = append(s.parked, run...)
		return
	}
	for _, b := range run {
		b.Again = true
	}
	s.queue = append(s.queue, run...)
}

// adopt ends the reading of what is stored already.
func (s *Streams) adopt() *ingest.Batch {
	s.Reread = false
	close(s.adopted)
	s.queue, s.parked = append(s.queue, s.parked...), nil
	return &ingest.Batch{Adopt: true}
}

// soil notes that a barrier is due.
func (s *Streams) soil() {
	if !s.dirty {
		s.dirty, s.due = true, time.Now().Add(s.Interval)
	}
}

// finish ends the readers and returns the last barrier; err follows it.
func (s *Streams) finish(err error) (*ingest.Batch, error) {
	s.reading()
	s.readers.Wait()
	s.final = err
	return s.barrier(), nil
}

// barrier returns a barrier.
func (s *Streams) barrier() *ingest.Batch {
	s.dirty, s.underway = false, true
	return &ingest.Batch{Commit: func(ctx context.Context, state []byte) error {
		err := s.commit(ctx, state)
		if err != nil {
			signal(s.failed)
		} else {
			signal(s.landed)
		}
		return err
	}}
}

// commit writes the checkpoint, and tells the sources.
func (s *Streams) commit(ctx context.Context, state []byte) error {
	positions := make(map[string][]byte, len(s.Sources))
	var tell []func(context.Context) error
	for _, name := range slices.Sorted(maps.Keys(s.Sources)) {
		position, committed, err := s.Sources[name].Checkpoint()
		if err != nil {
			return fmt.Errorf("position of %s: %w", name, err)
		}
		positions[name] = position
		if committed != nil {
			tell = append(tell, committed)
		}
	}
	if s.Save != nil {
		if err := s.Save(ctx, positions, state); err != nil {
			return err
		}
	}
	var errs []error
	for _, committed := range tell {
		errs = append(errs, committed(ctx))
	}
	return errors.Join(errs...)
}

// Close ends the readers, then the sources.
func (s *Streams) Close() error {
	s.init()
	close(s.closing)
	if s.reading != nil {
		s.reading()
		s.readers.Wait()
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(s.Sources)) {
		errs = append(errs, s.Sources[name].Close())
	}
	return errors.Join(errs...)
}
