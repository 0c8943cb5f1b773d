package kafka

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"time"

	"mailstop/event"
	"mailstop/ingest"
	"mailstop/internal/extent"
)

const (
	// small is how many bytes an extent may have without one of the slots: many quiet partitions hold no more at once.
	small = 128 << 10
	// maxAhead bounds how far is read to meet a known extent.
	maxAhead = 64 << 20
	// slotWait is how long an extent waits for a slot before it is given as it is.
	slotWait = 3 * time.Second
)

// A chunk becomes a batch.
type chunk struct {
	data  []byte
	marks []ingest.Mark
}

func (s *Source) recycle(c *chunk) {
	if cap(c.data) >= s.opt.BatchBytes && cap(c.data) <= 2*s.opt.BatchBytes {
		c.data, c.marks = c.data[:0], c.marks[:0]
		s.pool.Put(c)
	}
}

// chunk returns an empty one: a large one if much is to come.
func (s *Source) chunk(large bool) *chunk {
	if !large {
		return &chunk{}
	}
	if c, ok := s.pool.Get().(*chunk); ok {
		return c
	}
	return &chunk{data: make([]byte, 0, s.opt.BatchBytes)}
}

// A run is an extent, while it grows and while it is handed out.
type run struct {
	claim    *claim
	epoch    int
	records  *extent.Run
	stored   bool // it lies before what is committed, and is given for the detectors' sake
	open     bool // a known extent may still be met
	chunks   []*chunk
	bytes    int
	began    time.Time
	received int64
	end      place // behind the last record
	slot     bool
	extent   *event.Extent // decided

	met  *event.Extent // the best known extent so far
	tail cut           // where it ends
}

// A cut is a place in a run.
type cut struct {
	chunks, data, marks int // full chunks before it; what the next one has before it
	end                 place
}

func (s *Source) release(r *run) {
	if r.slot {
		<-s.slots
		r.slot = false
	}
}

// drop lets go what nobody will be given.
func (r *run) drop(s *Source) {
	s.release(r)
	for _, c := range r.chunks {
		s.recycle(c)
	}
	r.chunks = nil
}

// A record is a message that has lines.
type record struct {
	offset int64
	time   int64 // milliseconds since 1970 UTC; 0: unknown
	host   string
	lines  []byte
}

// begin starts the extent that a record is the first of. That it begins at a record, not at the offset before it where
// reading happened to stop, is what makes any offset between two records a place to go on.
func (c *claim) begin(ctx context.Context, m *record) (*run, error) {
	s := c.source
	r := &run{claim: c, epoch: c.epoch, stored: m.offset < c.floor, began: time.Now(), end: nowhere}
	r.received = r.began.UnixNano()
	log := c.p.log
	if r.stored {
		log.Ledger = nil
	}
	// The time is part of the position, so that a topic that was made anew with equal lines is another log.
	at := strconv.FormatInt(m.offset, 10) + "@" + strconv.FormatInt(m.time, 10)
	for pause := s.opt.Backoff; ; pause = min(2*pause, 30*s.opt.Backoff) {
		var err error
		if r.records, err = log.Begin(ctx, at); err == nil {
			s.trouble.set(c.place, "")
			r.open = r.records.Open()
			return r, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		s.trouble.set(c.place, err.Error())
		sleep(ctx, pause)
	}
}

// add appends a record, and gives the run away when it is complete.
func (c *claim) add(ctx context.Context, m *record) error {
	if c.growing != nil && c.growing.stored && m.offset >= c.floor {
		if err := c.finish(ctx); err != nil {
			return err
		}
	}
	if c.growing == nil {
		r, err := c.begin(ctx, m)
		if err != nil {
			return err
		}
		c.growing = r
	}
	r := c.growing
	n := len(m.lines) + 1
	if err := c.room(ctx, n); err != nil {
		return err
	}
	if r != c.growing { // it was given away for lack of room
		return c.add(ctx, m)
	}
	r.append(c.source, m, n)
	if r.open {
		r.meet()
	}
	if r.full(c.source.opt.ExtentBytes) || r.old(c.age()) {
		return c.finish(ctx)
	}
	return nil
}

func (r *run) append(s *Source, m *record, n int) {
	if len(r.chunks) == 0 {
		r.chunks = append(r.chunks, s.chunk(r.slot || r.claim.slot))
	}
	k := r.chunks[len(r.chunks)-1]
	if len(k.data) > 0 && len(k.data)+n > s.opt.BatchBytes {
		k = s.chunk(true)
		r.chunks = append(r.chunks, k)
	}
	at := len(k.data)
	k.data = append(k.data, m.lines...)
	if k.data[len(k.data)-1] != '\n' {
		k.data = append(k.data, '\n')
	}
	k.marks = append(k.marks, ingest.Mark{At: at, Pos: m.offset, Received: m.time * int64(time.Millisecond), Host: m.host})
	r.records.Add(m.offset, k.data[at:])
	r.bytes += len(k.data) - at
	r.end = place{Next: m.offset + 1, At: m.offset, Time: m.time}
}

// meet looks whether a known extent ends here.
func (r *run) meet() {
	if e, ok := r.records.Match(strconv.FormatInt(r.end.Next, 10)); ok && (r.met == nil || e.Stored || !r.met.Stored) {
		last := r.chunks[len(r.chunks)-1]
		r.met, r.tail = &e, cut{len(r.chunks) - 1, len(last.data), len(last.marks), r.end}
	}
	r.open = r.records.Open() && r.bytes < maxAhead
}

// full reports whether the run is complete, whatever comes next.
func (r *run) full(size int) bool {
	if r.open {
		return false
	}
	return r.met != nil || r.bytes >= size
}

// old reports whether the run has waited long enough. The clock is not asked for each record.
func (r *run) old(age time.Duration) bool {
	return !r.open && r.records.Len()&255 == 0 && time.Since(r.began) >= age
}

// finish gives the run away, and begins the next with what lies behind the known extent that was met.
func (c *claim) finish(ctx context.Context) error {
	r := c.growing
	c.growing = nil
	if r == nil {
		return nil
	}
	var rest []record
	if r.met != nil {
		rest = r.cutTail()
	}
	if c.p.log.Ledger != nil {
		e := r.met
		if e == nil {
			whole := r.records.End(strconv.FormatInt(r.end.Next, 10))
			whole.Stored = r.stored
			e = &whole
		}
		r.extent = e
	}
	c.source.mu.Lock()
	c.offered = true
	if r.end.Time > 0 {
		c.written = time.UnixMilli(r.end.Time)
	}
	c.source.mu.Unlock()
	select {
	case c.source.ready <- r:
	case <-ctx.Done():
		r.drop(c.source)
		return ctx.Err()
	}
	c.extend()
	for i := range rest {
		if err := c.add(ctx, &rest[i]); err != nil {
			return err
		}
	}
	return nil
}

// cutTail cuts the run at the end of the extent that was met, and returns copies of the records behind it.
func (r *run) cutTail() []record {
	var rest []record
	t := r.tail
	for i := t.chunks; i < len(r.chunks); i++ {
		k := r.chunks[i]
		from := 0
		if i == t.chunks {
			from = t.marks
		}
		for j := from; j < len(k.marks); j++ {
			m, end := k.marks[j], len(k.data)
			if j+1 < len(k.marks) {
				end = k.marks[j+1].At
			}
			rest = append(rest, record{m.Pos, m.Received / int64(time.Millisecond), m.Host, bytes.Clone(k.data[m.At:end])})
		}
	}
	last := r.chunks[t.chunks]
	last.data, last.marks = last.data[:t.data], last.marks[:t.marks]
	r.chunks, r.end = r.chunks[:t.chunks+1], t.end
	return rest
}

// room makes sure that n bytes more may be held: a large run needs one of a few slots.
func (c *claim) room(ctx context.Context, n int) error {
	r := c.growing
	if r.slot || r.bytes+n <= small {
		return nil
	}
	if c.slot {
		c.slot, r.slot = false, true
		return nil
	}
	s := c.source
	select {
	case s.slots <- struct{}{}:
		r.slot = true
		return nil
	default:
	}
	late := time.NewTimer(slotWait)
	defer late.Stop()
	wait := late.C
	if r.bytes == 0 {
		wait = nil // a single large message
	}
	defer c.extend()
	select {
	case s.slots <- struct{}{}:
		r.slot = true
		return nil
	case <-wait:
		if r.open {
			return nil // the known extent must be met
		}
		return c.finish(ctx)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hostOf returns the sender's name from a header, or the one before it if that is equal, so that nothing is allocated.
func hostOf(key string, value []byte, before string) (string, bool) {
	if !strings.EqualFold(key, "host") && !strings.EqualFold(key, "hostname") || len(value) == 0 || len(value) > 255 {
		return "", false
	}
	if string(value) == before {
		return before, true
	}
	return string(value), true
}
