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
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
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
	// Shards is the number of detector groups, by default one per worker. A state is of as many shards as made it.
	Shards int
	// State is what a barrier has handed out, to go on from there; nil to begin anew.
	State []byte
	// Known are the findings that the store has, for detectors without a State. They are taken over when the source says
	// that all is read again that is to be remembered (Batch.Adopt); until then nothing is found.
	Known []event.Finding
	// Retry is called when a sink refuses a batch for the time being, with the wait before the next try, and with no error
	// when a batch is stored after that.
	Retry func(err error, wait time.Duration)
	// Extra are findings that do not come of lines, such as that there are none. Nil: there are no such findings.
	Extra <-chan []event.Finding
	// Committed is called after each barrier with what came of it.
	Committed func(error)
	// Stored is called after each batch of a part is stored, in order, with what it held. It is called from one goroutine.
	Stored func(Progress)

	lines   atomic.Int64
	outside atomic.Int64

	groups   []*detect.Group // nil until Prepare
	clocks   *clocks
	adopting bool // Known is not taken over yet
}

// Prepare makes the detectors and gives them State. It is called once, before Run, which else does it. ErrState says that
// State is of no use: without it, what the detectors are to remember has to be read again.
func (p *Pipeline) Prepare() error {
	if p.clocks != nil {
		return nil
	}
	p.defaults()
	var groups []*detect.Group
	if p.Group != nil {
		for i := range p.Shards {
			groups = append(groups, p.Group(uint8(i), p.Count))
		}
	}
	clocks, err := p.resume(groups)
	if err != nil {
		return err
	}
	p.groups, p.clocks = groups, clocks
	p.adopting = p.State == nil && len(p.Known) > 0
	return nil
}

// Progress is what one stored batch held.
type Progress struct {
	Part    *ingest.Part
	Origin  string // of the batch
	Lines   int
	Unread  int    // lines that could not be read
	Notes   int    // lines that tell of no packet and no delivery
	Sample  string // one that could not be read, and why; views that are valid during the call
	Error   string
	Bytes   int
	Sealed  bool // the batch ends an extent, or stands alone
	Again   bool // it was stored before
	Changed []event.Finding
}

// storeQueue is how many parsed batches may wait for the store.
const storeQueue = 12

// maxWait is the longest pause between two tries: a store that is back is noticed within seconds.
const maxWait = 10 * time.Second

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
	progress Progress
	mu       sync.Mutex
	counts   []event.Count
	findings []event.Finding
	snapshot *snapshot // of a barrier
}

// Run reads until the source ends or ctx does, then stores what it holds. It returns nil if all that was read is
// stored; the end of ctx is not an error.
func (p *Pipeline) Run(ctx context.Context) error {
	if err := p.Prepare(); err != nil {
		return err
	}
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
		shards = make([]chan *job, p.Shards)
	}
	var running sync.WaitGroup
	adopting := p.adopting
	for i := range shards {
		shards[i] = make(chan *job, inFlight)
		running.Go(func() { p.detect(uint8(i), p.groups[i], adopting, shards[i]) })
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
	err := p.write(read, hard, write)
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
		err = p.conclude(hard)
	}
	return err
}

func (p *Pipeline) defaults() {
	if p.Workers <= 0 {
		p.Workers = runtime.GOMAXPROCS(0)
	}
	p.Workers = min(p.Workers, 128)
	if p.Shards <= 0 {
		p.Shards = p.Workers
	}
	p.Shards = min(p.Shards, 128)
	if p.Grace <= 0 {
		p.Grace = 10 * time.Second
	}
	if p.Retry == nil {
		p.Retry = func(error, time.Duration) {}
	}
	if p.Committed == nil {
		p.Committed = func(error) {}
	}
	if p.Stored == nil {
		p.Stored = func(Progress) {}
	}
}

// read takes batches from the source, follows each part's clock over them, and hands them to all stages in order.
func (p *Pipeline) read(read, hard context.Context, work chan<- *job, shards []chan *job, write chan<- *job) error {
	for {
		b, err := p.Source.Next(read)
		switch {
		case errors.Is(err, io.EOF) || err != nil && read.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("read: %w", err)
		}
		j := &job{Batch: b, parsed: make(chan struct{})}
		j.detected.Add(len(shards))
		switch {
		case b.Commit != nil:
			j.snapshot = &snapshot{shards: make([][]byte, len(shards)), parts: p.clocks.copy()}
			close(j.parsed)
		case b.Adopt:
			close(j.parsed)
		default:
			if j.start, err = p.clocks.begin(read, b); err != nil {
				if read.Err() != nil {
					return nil
				}
				return fmt.Errorf("read %s: %w", b.Part.Source, err)
			}
			j.seals = b.Extent != nil || b.Part.Live && !p.Count
			p.clocks.skim(b)
			select {
			case work <- j:
			case <-hard.Done():
				return nil
			}
		}
		for _, c := range shards {
			c <- j // shards never stop before their channel is closed
		}
		write <- j
	}
}

// detect runs one shard. While it adopts, nothing is found.
func (p *Pipeline) detect(shard uint8, g *detect.Group, adopting bool, in <-chan *job) {
	for j := range in {
		<-j.parsed
		switch {
		case j.snapshot != nil:
			j.snapshot.take(shard, g)
		case j.Adopt && adopting:
			g.Adopt(slices.DeleteFunc(slices.Clone(p.Known), func(f event.Finding) bool {
				return shardOf(f.Host, uint32(p.Shards)) != shard
			}))
			adopting = false
		default:
			p.observe(g, adopting, j)
		}
		j.detected.Done()
	}
}

// observe has a shard see a batch.
func (p *Pipeline) observe(g *detect.Group, adopting bool, j *job) {
	g.Observe(j.entries)
	if !j.seals || !p.Count && !p.Interim {
		return
	}
	counts := g.TakeCounts()
	var found []event.Finding
	if p.Interim && !adopting {
		found = g.Findings(nil, false)
	}
	j.mu.Lock()
	j.counts = append(j.counts, counts...)
	j.findings = append(j.findings, found...)
	j.mu.Unlock()
}

// write gathers batches until one seals an extent, stores them, and acknowledges them.
func (p *Pipeline) write(read, hard context.Context, in <-chan *job) error {
	w := writer{Pipeline: p, read: read, hard: hard}
	for {
		select {
		case fs := <-p.Extra:
			if err := w.all(func(int) *sinks.Batch { return &sinks.Batch{Findings: fs} }); err != nil {
				return err
			}
		case j, more := <-in:
			if !more {
				if read.Err() != nil && p.Count {
					w.drop()
				}
				return w.flush()
			}
			<-j.parsed
			j.detected.Wait()
			release(j)
			if err := context.Cause(hard); err != nil {
				return err
			}
			if err := w.take(j); err != nil {
				return err
			}
		}
	}
}

// A writer stores batches run by run.
type writer struct {
	*Pipeline
	read    context.Context //nolint:containedctx // of one call of write
	hard    context.Context //nolint:containedctx // the same
	pending []*job
}

// take adds a batch to the run, and stores the run if that ends with it.
func (w *writer) take(j *job) error {
	if len(w.pending) > 0 && w.pending[0].Part != j.Part {
		if err := w.flush(); err != nil {
			return err
		}
	}
	switch {
	case j.snapshot != nil:
		w.commit(w.read, w.hard, j)
		return nil
	case j.Adopt:
		w.adopting = false
		return nil
	}
	w.pending = append(w.pending, j)
	if !j.seals && w.Count {
		return nil // more of this extent follows
	}
	return w.flush()
}

// flush stores the run.
func (w *writer) flush() error {
	if len(w.pending) == 0 {
		return nil
	}
	if err := w.all(func(sink int) *sinks.Batch { return gather(w.pending, sink) }); err != nil {
		return err
	}
	for _, j := range w.pending {
		j.progress.Changed = j.findings
		w.Stored(j.progress)
		j.Done()
	}
	clear(w.pending)
	w.pending = w.pending[:0]
	return nil
}

// drop forgets a run that was cut short. Without its end it has no token, and would be stored again with what follows.
func (w *writer) drop() {
	if n := len(w.pending); n > 0 && !w.pending[n-1].seals {
		w.pending = slices.DeleteFunc(w.pending, func(j *job) bool { return len(j.Data) > 0 })
	}
}

// all writes a batch to every sink.
func (w *writer) all(batch func(sink int) *sinks.Batch) error {
	for i, s := range w.Sinks {
		if err := w.store(w.hard, s, batch(i)); err != nil {
			return err
		}
	}
	return nil
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
	b.Lines = func(yield func(string) bool) {
		for _, j := range jobs {
			for rest := view(j.Data); rest != ""; {
				var line string
				line, rest, _ = strings.Cut(rest, "\n")
				if !yield(line) {
					return
				}
			}
		}
	}
	return b
}

// conclude hands the sinks what the detectors still hold.
func (p *Pipeline) conclude(hard context.Context) error {
	if p.adopting {
		return nil
	}
	last := &sinks.Batch{}
	for _, g := range p.groups {
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
	refused := false
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, maxWait) {
		err := s.Write(ctx, b)
		if err == nil {
			if refused {
				p.Retry(nil, 0)
			}
			return nil
		}
		if errors.Is(err, sinks.ErrPermanent) || errors.Is(err, sinks.ErrConflict) {
			return fmt.Errorf("store %s: %w", b.Source, err)
		}
		refused = true
		pause := wait/2 + rand.N(wait)
		p.Retry(err, pause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return fmt.Errorf("store %s: %w (last: %w)", b.Source, context.Cause(ctx), err)
		}
	}
}
