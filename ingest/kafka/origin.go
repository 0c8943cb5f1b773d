package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
)

// settle decides where to go on, each time there is a new connection: the log may have lost its beginning, or may be
// another one under the same name.
func (c *claim) settle(ctx context.Context) error {
	first, last, err := c.conn.ReadOffsets()
	if err != nil {
		return err
	}
	c.source.mu.Lock()
	given, reread := c.p.given, c.p.reread
	committed := c.committed
	if !c.next.known() {
		c.epoch = c.p.epoch
	}
	c.source.mu.Unlock()
	at := c.next
	if !at.known() {
		at = given
	}
	if at.known() {
		same, err := c.same(at, first, last)
		if err != nil {
			return err
		}
		switch {
		case same:
		case !c.next.known() && committed > at.Next && committed <= last:
			// Brokers forget what was committed for a topic that is deleted. So this is of the new one, and another member's;
			// a smaller one may be what we committed ourselves before we knew.
			c.outdate()
			at = nowhere
		default:
			return c.another(ctx, at, first, last)
		}
	}
	if c.next.known() {
		return c.clamp(at.Next, first, last, func(to int64) { c.next = place{Next: to, At: -1} })
	}
	return c.origin(at, committed, reread, first, last)
}

// origin decides where a claim begins. What lies before the committed offset is stored. A restored position may lie
// before that, and its detectors want what is between; or behind it, if we fell between the checkpoint and the commit.
func (c *claim) origin(at place, committed int64, reread bool, first, last int64) error {
	o := &c.source.opt
	wanted := max(at.Next, committed)
	if wanted < 0 {
		start := first
		if o.Start == Last && !c.source.grown(c.p) {
			start = last
		}
		c.begun(place{Next: start, At: -1}, -1, o.Start == First)
		return nil
	}
	return c.clamp(wanted, first, last, func(to int64) {
		begin, floor := place{Next: to, At: -1}, wanted
		switch {
		case to != wanted:
			floor = -1
		case !reread && at.known() && at.Next >= committed:
			begin = at
		case !reread && at.known() && committed-at.Next <= o.MaxBehind && at.Next >= first:
			begin = at
		case !reread && at.known() && committed-at.Next <= o.MaxBehind:
			begin.Next = first
		default:
			begin.Next = c.earlier(wanted, first, last)
		}
		c.begun(begin, floor, to == wanted && begin.Next >= committed)
	})
}

// begun takes where the claim begins.
func (c *claim) begun(at place, floor int64, needless bool) {
	s := c.source
	s.mu.Lock()
	c.next, c.floor = at, floor
	p := c.p
	p.reread = false
	if p.given != at {
		p.given = at
		p.done = at
	}
	if needless {
		c.needless = at.Next
	}
	s.mu.Unlock()
	if !needless {
		s.opt.Checkpoint()
	}
}

// grown reports whether other partitions of the topic were read before: then this one is new, and its first message is
// as new as others' last.
func (s *Source) grown(p *partition) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range s.partitions[p.topic] {
		if q != p && (q.given.known() && q.given.At >= 0 || q.claim != nil && q.claim.committed >= 0) {
			return true
		}
	}
	return false
}

var errStopped = errors.New("stopped")

// clamp calls f with where to go on: at wanted, or, if that is gone, where the policy says.
func (c *claim) clamp(wanted, first, last int64, f func(int64)) error {
	if wanted >= first && wanted <= last {
		f(wanted)
		return nil
	}
	missing := max(first-wanted, 0)
	if c.source.opt.OutOfRange == Latest {
		missing = max(last-wanted, 0)
	}
	to, err := c.policy(first, last, "the message to go on with is gone", wanted, missing)
	if err != nil {
		return err
	}
	if to < wanted {
		c.renew()
	}
	f(to)
	return nil
}

// policy returns where to go on when the wanted offset is gone.
func (c *claim) policy(first, last int64, what string, wanted, missing int64) (int64, error) {
	to := first
	switch c.source.opt.OutOfRange {
	case Stop:
		return 0, fmt.Errorf("%s: offset %d is wanted, %d to %d are there, %d messages are missing (hint: set out_of_range to earliest or latest, or reset the group's offset): %w",
			what, wanted, first, last, missing, errStopped)
	case Latest:
		to = last
	}
	c.source.log.Error("kafka: messages are missing", "why", what, "topic", c.p.topic, "partition", c.p.number, "wanted", wanted,
		"first", first, "last", last, "missing", missing, "going_on_at", to)
	return to, nil
}

// another goes on in a log that is not the one that was read before.
func (c *claim) another(ctx context.Context, at place, first, last int64) error {
	to, err := c.policy(first, last, "the partition is not the one that was read: it was made anew or cut short", at.Next, 0)
	if err != nil {
		return err
	}
	if c.next.known() { // what was read of the old one is given
		if err := c.finish(ctx); err != nil {
			return err
		}
	}
	c.renew()
	c.begun(place{Next: to, At: -1}, -1, c.source.opt.OutOfRange == Earliest)
	return nil
}

// renew forgets the old log: offsets begin again, and may be committed again.
func (c *claim) renew() {
	c.outdate()
	c.source.mu.Lock()
	defer c.source.mu.Unlock()
	c.committed, c.needless = -1, -1
}

// outdate makes what was handed out so far no longer move the position.
func (c *claim) outdate() {
	c.source.mu.Lock()
	defer c.source.mu.Unlock()
	c.p.epoch++
	c.epoch = c.p.epoch
}

// same reports whether the log is the one in which at was read: the message before it is still that one. A message that
// is no longer there, since old ones are deleted, tells nothing.
func (c *claim) same(at place, first, last int64) (bool, error) {
	if at.Next > last {
		return false, nil
	}
	if at.At < first {
		return true, nil
	}
	m, ok, err := c.peek(at.At)
	if err != nil {
		return false, err
	}
	return !ok || m.Offset != at.At || m.Time.IsZero() && at.Time == 0 || m.Time.UnixMilli() == at.Time, nil
}

// peek returns the first message from an offset on.
func (c *claim) peek(offset int64) (kafka.Message, bool, error) {
	c.extend()
	if _, err := c.conn.Seek(offset, kafka.SeekAbsolute|kafka.SeekDontCheck); err != nil {
		return kafka.Message{}, false, err
	}
	b := c.conn.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: 64 << 10, MaxWait: c.source.opt.FetchWait})
	m, err := c.read(b)
	var broken *brokenError
	if errors.As(err, &broken) {
		return m, false, err
	}
	ok := err == nil
	if err := b.Close(); err != nil && !errors.Is(err, kafka.RequestTimedOut) && !errors.Is(err, io.EOF) {
		return m, false, err
	}
	return m, ok, nil
}

// earlier returns from where the detectors are told again what led up to an offset. If that cannot be found out, they
// are told less: no line is lost by it.
func (c *claim) earlier(offset, first, last int64) int64 {
	o := &c.source.opt
	begin := max(first, offset-o.Reread)
	if begin >= offset || o.RereadAge == 0 {
		return offset
	}
	base := time.Now()
	if offset < last {
		if m, ok, err := c.peek(offset); err == nil && ok && !m.Time.IsZero() {
			base = m.Time
		}
	}
	since, err := c.conn.ReadOffset(base.Add(-o.RereadAge))
	if err != nil || since < 0 || since > offset {
		return offset
	}
	return max(begin, since)
}
