package journald

import (
	"bytes"
	"context"
	"sync"
	"time"

	"mailstop/event"
	"mailstop/ingest"
	"mailstop/internal/extent"
)

const (
	batchSize  = 512 << 10
	maxRecords = 8192 // of a batch: each has a mark
	maxChunks  = 64   // of an extent
)

// A chunk becomes a batch.
type chunk struct {
	data     []byte
	marks    []ingest.Mark
	cursors  []string
	from, to int64 // numbers
	extent   *event.Extent
	behind   string // cursor of the last record, if the batch ends an extent that moves the position
}

var chunks = sync.Pool{New: func() any { return &chunk{data: make([]byte, 0, batchSize)} }}

func (c *chunk) release() {
	clear(c.marks)
	clear(c.cursors)
	*c = chunk{data: c.data[:0], marks: c.marks[:0], cursors: c.cursors[:0]}
	if cap(c.data) <= 2*batchSize {
		chunks.Put(c)
	}
}

// give appends the records from index i on, as they were read.
func (c *chunk) give(out []record, i int) []record {
	for ; i < len(c.marks); i++ {
		end := len(c.data)
		if i+1 < len(c.marks) {
			end = c.marks[i+1].At
		}
		line := bytes.Clone(c.data[c.marks[i].At : end-1])
		out = append(out, record{line: line, cursor: c.cursors[i], time: c.marks[i].Received / 1000})
	}
	return out
}

// A growing extent.
type growing struct {
	run     *extent.Run
	stored  bool // what it holds was dealt with before the last checkpoint
	chunks  []*chunk
	size    int64
	number  int64 // of the last record
	began   time.Time
	compare bool // known extents may still be met
	match   *event.Extent
}

// assemble makes the next extent, waiting for records as long as there are none.
func (s *Source) assemble(ctx context.Context) error {
	stored := s.reader.stage == rereading
	run, err := s.beginRun(ctx, stored)
	if err != nil {
		return err
	}
	g := growing{run: run, stored: stored, compare: run.Open()}
	for {
		if run.Len() > 0 && !g.compare && (g.match != nil || g.size >= s.options.ExtentSize || len(g.chunks) >= maxChunks) {
			break
		}
		more, err := s.grow(ctx, &g)
		if err != nil {
			if !stored {
				s.giveBack(g.chunks, 0)
			}
			return err
		}
		if !more {
			break
		}
	}
	if run.Len() > 0 {
		s.finish(&g)
	}
	return nil
}

// beginRun asks the store for what it knows, until it answers.
func (s *Source) beginRun(ctx context.Context, stored bool) (*extent.Run, error) {
	log := s.records
	if stored || s.fresh() {
		log.Ledger = nil
	}
	for wait := firstRetry; ; wait = min(2*wait, lastRetry/6) {
		run, err := log.Begin(ctx, s.begin)
		if err == nil {
			return run, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		s.problem("store", err)
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// fresh reports whether what comes was written after all that a store can know.
func (s *Source) fresh() bool {
	fresh := s.reader.stage == following && len(s.reader.queue) == 0
	if fresh {
		s.live.Store(true)
	}
	return fresh
}

// grow adds a record, or waits for one. It reports false if the extent is to end where it is.
func (s *Source) grow(ctx context.Context, g *growing) (bool, error) {
	if g.stored && s.reader.stage != rereading {
		return false, nil
	}
	if s.fresh() {
		g.compare = false
	}
	wait := time.Duration(-1)
	if g.run.Len() > 0 {
		wait = max(s.options.ExtentAge-time.Since(g.began), 0)
		if !g.compare && (wait == 0 || g.match != nil) {
			return false, nil
		}
		if g.compare { // until all of the journal's past is read
			wait = time.Second
		}
	} else if s.reader.stage == starting {
		wait = time.Second
	}
	r, ok, err := s.read(ctx, wait)
	if err != nil || !ok {
		if g.run.Len() == 0 && s.begin == "" && s.reader.foreign {
			s.begin = s.reader.cursor
			return false, err // the extent begins elsewhere than was thought
		}
		return err == nil, err
	}
	g.add(r)
	if g.compare {
		if e, ok := g.run.Match(r.cursor); ok && (g.match == nil || e.Stored || !g.match.Stored) {
			g.match = &e
		}
		g.compare = g.run.Open()
	}
	return true, nil
}

// add appends a record. Its number is its time, or one more than the number before it, if that is not less: so it depends on
// nothing but where the extent begins and on what the journal holds.
//
// What is compared is the cursor alone: it names the record and has a digest of its fields (x=), while journalctl writes the
// fields in another order each time.
func (g *growing) add(r record) {
	if g.run.Len() == 0 {
		g.began = time.Now()
		g.number = max(r.time, 1)
	} else {
		g.number = max(r.time, g.number+1)
	}
	n := len(g.chunks)
	if n == 0 || len(g.chunks[n-1].data)+len(r.line)+1 > batchSize || len(g.chunks[n-1].marks) == maxRecords {
		c := chunks.Get().(*chunk)
		c.from = g.number
		g.chunks = append(g.chunks, c)
		n++
	}
	c := g.chunks[n-1]
	c.marks = append(c.marks, ingest.Mark{At: len(c.data), Pos: g.number, Received: r.time * 1000})
	c.cursors = append(c.cursors, r.cursor)
	c.data = append(append(c.data, r.line...), '\n')
	c.to = g.number + 1
	g.size += int64(len(r.line)) + 1
	g.run.Add(g.number, []byte(r.cursor))
}

// finish ends an extent: with the known one that agrees, if there is one, else where it is.
func (s *Source) finish(g *growing) {
	if g.match != nil {
		s.cut(g)
	}
	end := g.chunks[len(g.chunks)-1]
	cursor := end.cursors[len(end.cursors)-1]
	if s.options.Ledger != nil {
		e := g.run.End(cursor)
		if g.match != nil {
			e = *g.match
		}
		e.Stored = e.Stored || g.stored
		end.extent = &e
	}
	if !g.stored {
		s.begin, end.behind = cursor, cursor
	}
	s.ready = g.chunks
}

// cut gives back what was read behind the known extent.
func (s *Source) cut(g *growing) {
	for i, c := range g.chunks {
		for j, m := range c.marks {
			if m.Pos < g.match.To {
				continue
			}
			s.giveBack(g.chunks[i:], j)
			c.data, c.marks, c.cursors, c.to = c.data[:m.At], c.marks[:j], c.cursors[:j], g.match.To
			g.chunks = g.chunks[:i+1]
			if j == 0 {
				g.chunks = g.chunks[:i]
			}
			return
		}
	}
}

// giveBack puts records at the head of what is read next: those of the first chunk from index i on, and all others.
func (s *Source) giveBack(cs []*chunk, i int) {
	var out []record
	for _, c := range cs {
		out = c.give(out, i)
		i = 0
	}
	s.reader.queue = append(out, s.reader.queue...)
}
