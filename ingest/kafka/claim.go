package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
)

// catchUp is from how many messages on a partition is taken to have much to give.
const catchUp = 2000

// idleWait is how many times longer a broker may wait for a message while no extent waits for more, so that quiet
// partitions cost next to nothing.
const idleWait = 10

// A claim is a partition during a generation. A goroutine of its own reads it.
type claim struct {
	source *Source
	gen    *generation
	p      *partition
	place  string

	// Source.mu guards these.
	committed int64     // what the group has; -1: nothing
	needless  int64     // an offset that need not be committed: it would be found again
	ended     bool      // nothing of it is handed out any more
	running   bool      // until its goroutine has ended
	offered   bool      // an extent is on its way to Next
	high      int64     // the partition's end
	seen      int64     // the next offset to read
	idle      bool      // all that was read is handed out
	written   time.Time // the last message that was read

	// The goroutine's own.
	conn    *kafka.Conn
	epoch   int
	next    place // to read; nowhere before the first connection
	floor   int64 // messages before it are stored already
	growing *run  // the extent that is not complete
	slot    bool  // one is held for it
	host    string
	pause   time.Duration
}

// run reads until ctx ends, whatever happens.
func (c *claim) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := c.source
	c.next = nowhere
	c.pause = s.opt.Backoff
	for ctx.Err() == nil {
		err := c.session(ctx)
		if ctx.Err() != nil {
			break
		}
		// A leader that has moved or a connection that went is not worth a word, unless it does not mend at once.
		if c.pause > s.opt.Backoff || !passing(err) {
			s.trouble.set(c.place, s.opt.explain(err))
		}
		sleep(ctx, c.pause)
		c.pause = min(2*c.pause, 30*s.opt.Backoff)
	}
	if c.growing != nil {
		c.growing.drop(s)
	}
	if c.slot {
		<-s.slots
	}
}

func passing(err error) bool {
	return errors.Is(err, kafka.NotLeaderForPartition) || errors.Is(err, kafka.OffsetOutOfRange) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errNoLeader)
}

// session reads over one connection until it fails.
func (c *claim) session(ctx context.Context) error {
	conn, err := c.source.leader(ctx, c.p.topic, c.p.number)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	c.conn = conn
	c.extend()
	if err := c.settle(ctx); err != nil {
		return err
	}
	for stalled := 0; ; {
		before := c.next.Next
		err := c.fetch(ctx)
		if err != nil {
			return err
		}
		c.pause = c.source.opt.Backoff
		if c.next.Next != before || !c.behind() {
			stalled = 0
			c.source.trouble.set(c.place, "")
			continue
		}
		if stalled++; stalled == 20 {
			c.source.trouble.set(c.place, fmt.Sprintf("nothing can be read at offset %d", before))
		}
		sleep(ctx, c.source.opt.FetchWait)
	}
}

func (c *claim) behind() bool {
	c.source.mu.Lock()
	defer c.source.mu.Unlock()
	return c.next.Next < c.high
}

// extend gives the connection time again, after something else took some.
func (c *claim) extend() {
	_ = c.conn.SetReadDeadline(time.Now().Add(idleWait*c.source.opt.FetchWait + 4*c.source.opt.Timeout))
}

// age is how long an extent waits for more. Many partitions make fewer and larger ones.
func (c *claim) age() time.Duration {
	o := &c.source.opt
	return min(o.Age+o.Age*time.Duration(len(c.gen.claims))/64, 3*o.Age)
}

// fetch asks once for messages and takes them all.
func (c *claim) fetch(ctx context.Context) error {
	o := &c.source.opt
	c.extend()
	if _, err := c.conn.Seek(c.next.Next, kafka.SeekAbsolute|kafka.SeekDontCheck); err != nil {
		return err
	}
	wait := o.FetchWait
	if c.growing == nil {
		wait *= idleWait
	}
	b := c.conn.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: o.FetchBytes, MaxWait: wait})
	count, err := c.messages(ctx, b)
	var broken *brokenError
	if errors.As(err, &broken) {
		return err // the batch cannot be closed; the connection will be
	}
	high, behind := b.HighWaterMark(), b.Offset()
	if closing := b.Close(); err == nil && closing != nil && !errors.Is(closing, kafka.RequestTimedOut) {
		err = closing
	}
	if err != nil {
		return err
	}
	if behind > c.next.Next { // the last ones were taken away by compaction
		c.next.Next = behind
	}
	if r := c.growing; r != nil && (time.Since(r.began) >= c.age() || count == 0 && c.next.Next >= high) {
		if count == 0 {
			r.open = false // a known extent that ends behind the log's end is not this one
		}
		if !r.open {
			if err := c.finish(ctx); err != nil {
				return err
			}
		}
	}
	c.note(high)
	return nil
}

// note keeps how far it is, and moves the position over messages without lines at the end of what was read.
func (c *claim) note(high int64) {
	s, p := c.source, c.p
	s.mu.Lock()
	defer s.mu.Unlock()
	c.high, c.seen, c.idle = high, c.next.Next, c.growing == nil
	if c.next.Time > 0 {
		c.written = time.UnixMilli(c.next.Time)
	}
	if c.idle && !c.ended && !c.offered && p.epoch == c.epoch && len(p.flight) == 0 && p.done == p.given && c.next.Next > p.given.Next {
		p.given, p.done = c.next, c.next
	}
	if c.idle && c.slot {
		<-s.slots
		c.slot = false
	}
}

// messages takes the messages of an answer.
func (c *claim) messages(ctx context.Context, b *kafka.Batch) (count int, err error) {
	if b.Err() != nil {
		return 0, nil // Close tells
	}
	c.source.mu.Lock()
	c.high = b.HighWaterMark()
	c.source.mu.Unlock()
	if c.growing == nil && !c.slot && b.HighWaterMark()-c.next.Next > catchUp {
		// Before the answer is unpacked, which takes several times its size.
		select {
		case c.source.slots <- struct{}{}:
			c.slot = true
		case <-ctx.Done():
			return 0, ctx.Err()
		}
		c.extend()
	}
	var rec record
	for {
		m, err := c.read(b)
		if err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, kafka.RequestTimedOut) {
				err = nil
			}
			return count, err
		}
		if m.Offset < c.next.Next {
			continue
		}
		rec.offset, rec.time, rec.host, rec.lines = m.Offset, 0, "", m.Value
		if !m.Time.IsZero() {
			rec.time = m.Time.UnixMilli()
		}
		for i := range m.Headers {
			if host, ok := hostOf(m.Headers[i].Key, m.Headers[i].Value, c.host); ok {
				c.host, rec.host = host, host
			}
		}
		count++
		if len(m.Value) == 0 || control(&m) {
			c.source.empty.Add(1)
		} else if err := c.add(ctx, &rec); err != nil {
			return count, err
		}
		c.next = place{Next: m.Offset + 1, At: m.Offset, Time: rec.time}
	}
}

// A brokenError is a panic of kafka-go, which it has on a batch of which compaction has left only the head.
type brokenError struct {
	offset int64
	value  any
}

func (e *brokenError) Error() string {
	return fmt.Sprintf("kafka-go cannot read the batch at offset %d: %v", e.offset, e.value)
}

func (c *claim) read(b *kafka.Batch) (m kafka.Message, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &brokenError{c.next.Next, v}
		}
	}()
	return b.ReadMessage()
}

// control reports whether a message is the mark that a transaction was committed or aborted, which kafka-go gives like
// any other. https://kafka.apache.org/documentation/#controlbatch
func control(m *kafka.Message) bool {
	k, v := m.Key, m.Value
	return len(k) == 4 && k[0] == 0 && k[1] == 0 && k[2] == 0 && k[3] <= 1 && len(v) == 6 && v[0] == 0 && v[1] == 0
}
