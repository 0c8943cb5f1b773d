// Package pipeline is the engine: it moves batches from a source through parsers and detectors to sinks, and
// acknowledges them. It knows batches, order and acknowledgements, and no format, detector or sink by name.
//
//	source ─▶ workers (parse, fill the sinks' blocks) ─▶ shards (detect, by host) ─▶ writer (sinks, Done)
//
// Workers run in parallel; shards and the writer see the batches in the order in which the source gave them.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"mailstop/detect"
	"mailstop/event"
	"mailstop/ingest"
	"mailstop/parse"
	"mailstop/sinks"
)

// A Pipeline is one source with what its lines pass through. The zero value of each optional field is a sound
// default.
type Pipeline struct {
	Source ingest.Source
	Table  parse.Table
	Sinks  []sinks.Sink
	// Group makes the detectors of one shard; count says whether roll-ups are wanted. Nil: nothing is detected.
	Group func(shard uint8, count bool) *detect.Group
	// Within says which entries are asked for; the others are marked Outside. Nil: all are.
	Within func(*event.Entry) bool
	// Now is the reference time of parts that have none.
	Now time.Time
	// Count asks the detectors for one-minute roll-ups.
	Count bool
	// Interim passes findings on with every stored batch, not only at the end.
	Interim bool
	// Grace is how long the last batches may take to be stored once ctx has ended. Default 10 s.
	Grace time.Duration
	// Workers is the number of parsing goroutines, by default one per core.
	Workers int
	// Retry is called when a sink refuses a batch for the time being, with the wait before the next try.
	Retry func(err error, wait time.Duration)

	lines   atomic.Int64
	outside atomic.Int64
}

// storeQueue is how many parsed batches may wait for the store.
const storeQueue = 12

// errGrace ends writing that takes longer than Grace after a stop.
var errGrace = errors.New("not stored within the grace period")

// Lines returns how many lines were parsed so far. It may be called while Run runs.
func (p *Pipeline) Lines() int64 { return p.lines.Load() }

// Outside returns how many lines were not Within so far.
func (p *Pipeline) Outside() int64 { return p.outside.Load() }

// A job is one batch on its way through.
type job struct {
	*ingest.Batch
	start    parse.State // of the session, before the batch's first line
	entries  []event.Entry
	blocks   []sinks.Block // one per sink
	seals    bool          // the batch ends an extent, or stands alone
	parsed   chan struct{} // closed by the worker
	detected sync.WaitGroup
	mu       sync.Mutex
	counts   []event.Count
	findings []event.Finding
}

// Run reads until the source ends or ctx does, then stores what it holds. It returns nil if all that was read is
// stored; the end of ctx is not an error.
func (p *Pipeline) Run(ctx context.Context) error {
	p.defaults()
	read, stopReading := context.WithCancel(ctx)
	defer stopReading()
	hard, abort := context.WithCancelCause(context.WithoutCancel(ctx))
	defer abort(nil)
	stopTimer := context.AfterFunc(ctx, func() { time.AfterFunc(p.Grace, func() { abort(errGrace) }) })
	defer stopTimer()

	inFlight := 2*p.Workers + 2
	work, write := make(chan *job, inFlight), make(chan *job, inFlight)
	if p.Count {
		write = make(chan *job, storeQueue) // so that the next extent is parsed while one is stored
	}
	var shards []chan *job
	if p.Group != nil {
		shards = make([]chan *job, p.Workers)
	}
	groups := make([]*detect.Group, len(shards))
	var running sync.WaitGroup
	for i := range shards {
		shards[i] = make(chan *job, inFlight)
		groups[i] = p.Group(uint8(i), p.Count)
		running.Go(func() { p.detect(groups[i], shards[i]) })
	}
	for range p.Workers {
		running.Go(func() { p.parse(hard, max(len(shards), 1), work) })
	}
	var readErr error
	running.Go(func() {
		readErr = p.read(read, hard, work, shards, write)
		close(work)
		for _, c := range shards {
			close(c)
		}
		close(write)
	})
	err := p.write(hard, write)
	if err != nil {
		abort(err)
		stopReading()
		for j := range write { // let the stages run dry
			<-j.parsed
			j.detected.Wait()
		}
	}
	running.Wait()
	if err == nil {
		err = readErr
	}
	if err == nil {
		err = p.conclude(hard, groups)
	}
	return err
}

func (p *Pipeline) defaults() {
	if p.Workers <= 0 {
		p.Workers = runtime.GOMAXPROCS(0)
	}
	p.Workers = min(p.Workers, 128)
	if p.Grace <= 0 {
		p.Grace = 10 * time.Second
	}
	if p.Retry == nil {
		p.Retry = func(error, time.Duration) {}
	}
}

// read takes batches from the source, follows each part's clock over them, and hands them to all stages in order.
func (p *Pipeline) read(read, hard context.Context, work chan<- *job, shards []chan *job, write chan<- *job) error {
	states := make(map[*ingest.Part]*parse.State)
	var before *dated
	for {
		b, err := p.Source.Next(read)
		if errors.Is(err, io.EOF) || read.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		st := states[b.Part]
		if st == nil {
			if before != nil {
				before.last = states[before.part].Clock.Latest()
			}
			clock, isDated, err := plan(read, b, p.Now, before)
			if err != nil {
				return fmt.Errorf("read %s: %w", b.Part.Source, err)
			}
			if before = nil; isDated && !b.Part.Live {
				before = &dated{part: b.Part}
			}
			maps.DeleteFunc(states, func(p *ingest.Part, _ *parse.State) bool { return !p.Live })
			st = &parse.State{Clock: clock}
			states[b.Part] = st
		}
		j := &job{Batch: b, start: *st, parsed: make(chan struct{}), seals: b.Extent != nil || b.Part.Live}
		st.Skim(view(b.Data))
		j.detected.Add(len(shards))
		select {
		case work <- j:
		case <-hard.Done():
			return nil
		}
		for _, c := range shards {
			c <- j // shards never stop before their channel is closed
		}
		write <- j
	}
}

// detect runs one shard.
func (p *Pipeline) detect(g *detect.Group, in <-chan *job) {
	for j := range in {
		<-j.parsed
		g.Observe(j.entries)
		if j.seals && (p.Count || p.Interim) {
			counts := g.TakeCounts()
			var found []event.Finding
			if p.Interim {
				found = g.Findings(nil, false)
			}
			j.mu.Lock()
			j.counts = append(j.counts, counts...)
			j.findings = append(j.findings, found...)
			j.mu.Unlock()
		}
		j.detected.Done()
	}
}

// write gathers batches until one seals an extent, stores them, and acknowledges them.
func (p *Pipeline) write(hard context.Context, in <-chan *job) error {
	var pending []*job
	flush := func() error {
		if len(pending) == 0 {
			return nil
		}
		for i, s := range p.Sinks {
			if err := p.store(hard, s, gather(pending, i)); err != nil {
				return err
			}
		}
		for _, j := range pending {
			j.Done()
		}
		pending = pending[:0]
		return nil
	}
	for j := range in {
		<-j.parsed
		j.detected.Wait()
		release(j)
		if err := context.Cause(hard); err != nil {
			return err
		}
		if len(pending) > 0 && pending[0].Part != j.Part {
			if err := flush(); err != nil {
				return err
			}
		}
		pending = append(pending, j)
		if j.Extent == nil && p.Count && !j.Part.Live {
			continue // more of this extent follows
		}
		if err := flush(); err != nil {
			return err
		}
	}
	return flush()
}

// gather makes one sink's batch of several jobs of one part.
func gather(jobs []*job, sink int) *sinks.Batch {
	first, last := jobs[0], jobs[len(jobs)-1]
	b := &sinks.Batch{Source: first.Part.Source}
	b.Extent = event.Extent{Source: first.Part.Source, Part: first.Part.Name, From: first.From, To: last.To}
	if last.Extent != nil {
		b.Extent = *last.Extent
	}
	for _, j := range jobs {
		b.Blocks = append(b.Blocks, j.blocks[sink])
		b.Counts = append(b.Counts, j.counts...)
		b.Findings = append(b.Findings, j.findings...)
		if j.Problem != "" {
			b.Problem = j.Problem
		}
	}
	return b
}

// conclude hands the sinks what the detectors still hold.
func (p *Pipeline) conclude(hard context.Context, groups []*detect.Group) error {
	last := &sinks.Batch{}
	for _, g := range groups {
		last.Findings = g.Findings(last.Findings, true)
	}
	for _, s := range p.Sinks {
		if err := p.store(hard, s, last); err != nil {
			return err
		}
	}
	return nil
}

// store writes b until the sink has it, the sink refuses it for good, or ctx ends.
func (p *Pipeline) store(ctx context.Context, s sinks.Sink, b *sinks.Batch) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 30*time.Second) {
		err := s.Write(ctx, b)
		if err == nil {
			return nil
		}
		if errors.Is(err, sinks.ErrPermanent) {
			return fmt.Errorf("store %s: %w", b.Source, err)
		}
		pause := wait/2 + rand.N(wait)
		p.Retry(err, pause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return fmt.Errorf("store %s: %w (last: %w)", b.Source, context.Cause(ctx), err)
		}
	}
}
