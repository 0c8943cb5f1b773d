package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// Places of trouble that are no partition.
const (
	groupPlace  = "group"
	commitPlace = "commit"
)

// A generation is a time during which the group's members and their partitions stay the same.
type generation struct {
	source  *Source
	kafka   *kafka.Generation
	claims  []*claim
	drained sync.Once
	over    bool // nothing may be committed any more; Source.mu guards it
}

// follow goes from generation to generation until Close.
func (s *Source) follow() {
	for {
		g, err := s.group.Next(context.Background())
		switch {
		case errors.Is(err, kafka.ErrGroupClosed):
			return
		case errors.Is(err, kafka.RebalanceInProgress):
			// The next try joins again.
		case err != nil:
			s.trouble.set(groupPlace, s.opt.explain(err))
		default:
			s.trouble.set(groupPlace, "")
			s.begin(g)
		}
	}
}

// begin reads the partitions of a generation. A function that is given to Start must not return before the generation
// ends: it would end it for all.
func (s *Source) begin(kg *kafka.Generation) {
	g := &generation{source: s, kafka: kg}
	s.mu.Lock()
	s.each(func(p *partition) { p.claim = nil })
	for _, topic := range s.opt.Topics {
		for _, a := range kg.Assignments[topic] {
			p := s.partition(topic, a.ID)
			c := &claim{source: s, gen: g, p: p, place: p.part.Source + "/" + p.part.Name, committed: max(a.Offset, -1), needless: -1, running: true}
			p.claim = c
			g.claims = append(g.claims, c)
		}
	}
	s.balancer.own(kg.Assignments)
	s.mu.Unlock()
	s.log.Info("kafka: joined", "group", s.opt.Group, "generation", kg.ID, "partitions", len(g.claims))
	counts := s.balancer.assigned()
	s.running.Add(1 + len(g.claims))
	kg.Start(func(ctx context.Context) {
		defer s.running.Done()
		s.watch(ctx, counts)
	})
	for _, c := range g.claims {
		kg.Start(func(ctx context.Context) {
			defer s.running.Done()
			c.run(ctx)
			<-ctx.Done()
			s.end(c)
			g.drained.Do(g.drain)
		})
	}
}

func (s *Source) end(c *claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.ended, c.running = true, false
	s.trouble.set(c.place, "")
}

// drain waits until what was handed out is durable and committed, so that the next owners begin behind it. No heartbeat is
// sent meanwhile, so it does not wait for long. What is not done then is read again, by whoever gets the partition.
func (g *generation) drain() {
	s := g.source
	defer func() {
		s.mu.Lock()
		g.over = true
		for _, c := range g.claims {
			c.ended = true
		}
		s.mu.Unlock()
	}()
	limit := time.NewTimer(s.opt.Drain)
	defer limit.Stop()
	ask := time.NewTicker(100 * time.Millisecond)
	defer ask.Stop()
	for {
		s.mu.Lock()
		open, moved := g.open(), s.moved
		s.mu.Unlock()
		if open == 0 {
			return
		}
		s.opt.Checkpoint()
		select {
		case <-moved:
		case <-ask.C:
		case <-s.closing:
			return
		case <-limit.C:
			s.log.Warn("kafka: partitions are given back before all is stored; it is read again", "partitions", open, "after", s.opt.Drain)
			return
		}
	}
}

// open returns of how many partitions something is not durable or not committed. The caller holds Source.mu.
func (g *generation) open() int {
	n := 0
	for _, c := range g.claims {
		if p := c.p; c.running || len(p.flight) > 0 || p.done.known() && p.done.Next > max(c.committed, c.needless) {
			n++
		}
	}
	return n
}

// An offer is an offset that may be committed.
type offer struct {
	claim  *claim
	offset int64
	epoch  int
}

// commit commits offers, as far as they are ahead of what is committed and the group has not gone on without us. What it
// cannot commit is not lost: it asks for another checkpoint, and a later owner finds in the ledger what is stored.
func (s *Source) commit(ctx context.Context, offers []offer) error {
	type request struct {
		gen   *generation
		topic string
	}
	wanted := make(map[request][]offer)
	s.mu.Lock()
	for _, o := range offers {
		c := o.claim
		if !c.gen.over && o.epoch == c.p.epoch && o.offset > c.committed {
			r := request{c.gen, c.p.topic}
			wanted[r] = append(wanted[r], o)
		}
	}
	s.mu.Unlock()
	problem := ""
	for r, os := range wanted {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		offsets := make(map[int]int64, len(os))
		for _, o := range os {
			offsets[o.claim.p.number] = o.offset
		}
		err := r.gen.kafka.CommitOffsets(map[string]map[int]int64{r.topic: offsets})
		s.mu.Lock()
		switch {
		case err == nil:
			for _, o := range os {
				o.claim.committed = max(o.claim.committed, o.offset)
			}
			s.stir()
		case !r.gen.over:
			s.uncommit = true
			problem = fmt.Sprintf("commit offsets of %s: %s", r.topic, s.opt.explain(err))
		}
		s.mu.Unlock()
	}
	s.trouble.set(commitPlace, problem)
	return nil
}

// watch looks for partitions that come or go. kafka-go can do so, but then a topic that is not there makes the group
// join again without end. The leader, which has the counts that partitions were given out by, ends the generation.
func (s *Source) watch(ctx context.Context, counts map[string]int) {
	tick := time.NewTicker(s.opt.Watch)
	defer tick.Stop()
	for {
		for _, topic := range s.opt.Topics {
			ps, err := s.partitionsOf(ctx, topic)
			if ctx.Err() != nil {
				return
			}
			unknown := errors.Is(err, kafka.UnknownTopicOrPartition)
			text := ""
			if err != nil {
				text = s.opt.explain(err)
			}
			s.trouble.set("topic "+topic, text)
			if n, ok := counts[topic]; ok && (err == nil || unknown) && n != len(ps) {
				s.log.Info("kafka: partitions came or went", "topic", topic, "before", n, "now", len(ps))
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
