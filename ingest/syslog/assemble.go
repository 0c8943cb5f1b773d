package syslog

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"mailstop/event"
	"mailstop/ingest"
	"mailstop/internal/extent"
	"mailstop/internal/spool"
)

const (
	batchSize  = 512 << 10
	maxRecords = 8192 // of a batch: each has a mark
	maxChunks  = 64   // of an extent
	maxHosts   = 4096 // whose names are kept rather than made again
	// poll is how often an extent that waits for more looks for it: being told of each record would cost more.
	poll = 50 * time.Millisecond
)

// An assembler makes extents of the records in the spool. An extent is made whole before its first batch is given.
type assembler struct {
	records extent.Records
	reader  *spool.Reader
	next    int64 // number of the record that the next extent begins with
	stored  int64 // what is below it was dealt with before, and is read for the detectors' memory alone
	fresh   int64 // what is from it on came in this run, so that no store knows it
	hosts   map[string]string
	ready   []*chunk // the rest of an extent
	pressed time.Time
}

// A chunk becomes a batch.
type chunk struct {
	data     []byte
	marks    []ingest.Mark
	from, to int64 // numbers
	extent   *event.Extent
	last     bool // of an extent
}

var chunks = sync.Pool{New: func() any { return &chunk{data: make([]byte, 0, batchSize)} }}

func newChunk(from int64) *chunk {
	c := chunks.Get().(*chunk)
	c.from, c.to = from, from
	return c
}

func (c *chunk) release() {
	clear(c.marks)
	*c = chunk{data: c.data[:0], marks: c.marks[:0]}
	if cap(c.data) <= 2*batchSize {
		chunks.Put(c)
	}
}

// cut leaves out the records from number on.
func (c *chunk) cut(number int64) {
	for i, m := range c.marks {
		if m.Pos >= number {
			c.data, c.marks, c.to = c.data[:m.At], c.marks[:i], number
			return
		}
	}
}

func (a *assembler) take() *chunk {
	if len(a.ready) == 0 {
		return nil
	}
	c := a.ready[0]
	a.ready = a.ready[1:]
	return c
}

// A growing extent.
type growing struct {
	run     *extent.Run
	chunks  []*chunk
	size    int64
	began   time.Time
	compare bool // known extents may still be met
	match   *event.Extent
	behind  spool.Place // the end of match
}

// assemble makes the next extent, waiting for records as long as there are none.
func (s *Source) assemble(ctx context.Context) error {
	a := &s.assembler
	run, err := s.beginRun(ctx)
	if err != nil {
		return err
	}
	g := growing{run: run, compare: run.Open()}
	start := a.reader.Place()
	for !s.complete(&g) {
		more, err := s.grow(ctx, &g)
		if err != nil { // what was read is read again
			for _, c := range g.chunks {
				c.release()
			}
			_ = a.reader.Back(start)
			return err
		}
		if !more {
			break
		}
	}
	if run.Len() == 0 {
		return nil
	}
	return s.finish(&g)
}

// grow adds a record, or waits for one. It reports false if the extent is to end where it is.
func (s *Source) grow(ctx context.Context, g *growing) (bool, error) {
	a := &s.assembler
	before := a.reader.Place()
	var r spool.Record
	ended := closed(s.ended) // before the last look
	ok, err := a.reader.Read(&r)
	s.lost.Store(a.reader.Lost())
	s.problems.set("spool", err)
	switch {
	case err != nil:
		s.sayOnce("the spool cannot be read", err)
		return true, pause(ctx, time.Second)
	case ok && a.next < a.stored && r.Number >= a.stored: // records before it are missing
		if g.run.Len() == 0 {
			a.next = a.stored
		}
		return false, a.reader.Back(before)
	case ok:
		a.add(g, &r, s.options.Host == "")
		s.latest.Store(r.Received)
		return true, nil
	case g.run.Len() == 0 && ended:
		return false, io.EOF
	case g.run.Len() == 0:
		s.measure()
		return true, s.wait(ctx)
	}
	// What the store knows was made from records that were in the spool by then.
	g.compare = false
	if g.match != nil || time.Since(g.began) >= s.options.ExtentAge {
		return false, nil
	}
	return true, pause(ctx, min(poll, s.options.ExtentAge))
}

// measure notes how much is left in the spool.
func (s *Source) measure() {
	left, appended := s.assembler.reader.Left()
	s.left.Store(left - appended)
}

// beginRun asks the store for what it knows, until it answers.
func (s *Source) beginRun(ctx context.Context) (*extent.Run, error) {
	a := &s.assembler
	log := a.records
	if a.next < a.stored || a.next >= a.fresh {
		log.Ledger = nil
	}
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		run, err := log.Begin(ctx, place(a.next))
		s.problems.set("store", err)
		if err == nil {
			return run, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		s.sayOnce("extents of the spool are not known", err)
		if err := pause(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// add appends a record.
func (a *assembler) add(g *growing, r *spool.Record, sender bool) {
	if len(g.chunks) == 0 {
		g.began = time.Now()
		a.next = max(a.next, 1)
	}
	n := len(g.chunks)
	if n == 0 || len(g.chunks[n-1].data)+len(r.Data)+1 > batchSize || len(g.chunks[n-1].marks) == maxRecords {
		from := r.Number
		if n == 0 {
			from = a.next
		}
		g.chunks = append(g.chunks, newChunk(from))
		n++
	}
	c := g.chunks[n-1]
	m := ingest.Mark{At: len(c.data), Pos: r.Number, Received: r.Received}
	if sender {
		m.Host = a.host(r.Sender)
	}
	c.marks = append(c.marks, m)
	c.data = append(append(c.data, r.Data...), '\n')
	c.to = r.Number + 1
	g.size += int64(len(r.Data)) + 1
	g.run.Add(r.Number, r.Body)
	if !g.compare {
		return
	}
	if e, ok := g.run.Match(place(r.Number + 1)); ok && (g.match == nil || e.Stored || !g.match.Stored) {
		g.match, g.behind = &e, a.reader.Place()
	}
	g.compare = g.run.Open()
}

// host returns a sender as text that is made once.
func (a *assembler) host(sender []byte) string {
	if len(sender) == 0 {
		return ""
	}
	if h, ok := a.hosts[string(sender)]; ok {
		return h
	}
	if len(a.hosts) >= maxHosts {
		clear(a.hosts)
	}
	h := string(sender)
	a.hosts[h] = h
	return h
}

// complete reports whether the extent takes no more.
func (s *Source) complete(g *growing) bool {
	a := &s.assembler
	if g.run.Len() == 0 {
		return false
	}
	if a.next < a.stored && a.reader.Number() >= a.stored {
		return true // an extent begins where the last checkpoint was
	}
	if g.compare {
		return false
	}
	return g.match != nil || g.size >= s.options.ExtentSize || len(g.chunks) >= maxChunks
}

// finish ends an extent: with the known one that agrees, if there is one, else where it is.
func (s *Source) finish(g *growing) error {
	a := &s.assembler
	to := g.chunks[len(g.chunks)-1].to
	if g.match != nil {
		if g.match.To < to {
			if err := a.reader.Back(g.behind); err != nil {
				return err
			}
			to = g.match.To
			for g.chunks[len(g.chunks)-1].from >= to {
				g.chunks[len(g.chunks)-1].release()
				g.chunks = g.chunks[:len(g.chunks)-1]
			}
			g.chunks[len(g.chunks)-1].cut(to)
		}
	}
	end := g.chunks[len(g.chunks)-1]
	end.last = true
	if s.options.Ledger != nil {
		e := g.run.End(place(to))
		if g.match != nil {
			e = *g.match
		}
		e.Source, e.Stored = s.part.Source, e.Stored || to <= a.stored
		end.extent = &e
	}
	a.ready, a.next = g.chunks, to
	s.measure()
	s.press()
	return nil
}

// press asks for a checkpoint while the spool is more than half full of what is not removed.
func (s *Source) press() {
	a := &s.assembler
	if held, limit := s.spool.Held(); s.options.Checkpoint == nil || held < limit/2 || time.Since(a.pressed) < time.Second {
		return
	}
	a.pressed = time.Now()
	s.options.Checkpoint()
}

// wait waits for records.
func (s *Source) wait(ctx context.Context) error {
	select {
	case <-s.spool.Grown():
		return nil
	case <-s.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pause waits, unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	if !sleep(ctx, d) {
		return ctx.Err()
	}
	return nil
}

// sleep waits, and reports whether it was not interrupted.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// sayOnce logs an error when it is another than the last of its kind.
func (s *Source) sayOnce(what string, err error) {
	if s.problems.fresh(what, fmt.Sprint(err)) {
		s.log.Error(what, "source", s.part.Source, "err", err) //nolint:sloglint // one of the constants above
	}
}
