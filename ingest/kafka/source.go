// Package kafka reads log lines from Apache Kafka, as a member of a consumer group. It knows offsets and messages, and
// never what a line means.
//
// Messages are given in extents, whose tokens make that what another member stored but did not commit is not stored twice.
// Offsets are committed when the lines before them are stored and a checkpoint says so; they never move backwards.
package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"

	"mailstop/ingest"
	"mailstop/internal/extent"
)

// closeWait is how long Close waits for brokers to hear that the member leaves.
const closeWait = 3 * time.Second

// A Source reads the partitions that its group gives it. It is an ingest.Live and an ingest.Reporter.
type Source struct {
	opt      Options
	log      *slog.Logger
	net      *network
	trouble  *troubles
	balancer *sticky
	group    *kafka.ConsumerGroup // nil until the first Next
	running  sync.WaitGroup
	closing  chan struct{}
	closed   sync.Once

	slots   chan struct{} // one per large extent that may be held
	ready   chan *run     // complete extents
	current *run          // the one that Next gives batches of
	pool    sync.Pool     // of *chunk
	empty   atomic.Int64  // messages without a line

	mu         sync.Mutex
	partitions map[string]map[int]*partition
	moved      chan struct{} // closed and made anew when something is acknowledged or committed
	uncommit   bool          // a commit failed; the next checkpoint tries again
}

// A partition is what is known of one, whether it is ours at the moment or not. Source.mu guards it.
type partition struct {
	topic  string
	number int
	part   *ingest.Part
	log    extent.Records
	given  place       // behind what was handed out
	done   place       // behind what is durable
	epoch  int         // counts logs under this name: a topic may be made anew
	flight []time.Time // when the extents were handed out that are not durable yet
	reread bool        // the detectors do not remember what lies before given
	claim  *claim      // nil if it is not ours
}

// New returns a source that connects at its first Next.
func New(o Options) (*Source, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Checkpoint == nil {
		o.Checkpoint = func() {}
	}
	net, err := newNetwork(&o)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	s := &Source{
		opt: o, log: o.Log, net: net, trouble: newTroubles(o.Log), closing: make(chan struct{}),
		slots: make(chan struct{}, o.Extents), ready: make(chan *run), partitions: make(map[string]map[int]*partition),
		moved: make(chan struct{}),
	}
	s.balancer = &sticky{source: s}
	return s, nil
}

// partition returns the one of that number. The caller holds s.mu.
func (s *Source) partition(topic string, number int) *partition {
	ps := s.partitions[topic]
	if ps == nil {
		ps = make(map[int]*partition)
		s.partitions[topic] = ps
	}
	p := ps[number]
	if p == nil {
		name := strconv.Itoa(number)
		p = &partition{topic: topic, number: number, given: nowhere, done: nowhere}
		p.part = &ingest.Part{
			Source: "kafka:" + topic, Name: name, Host: strings.Clone(s.opt.Host), Format: s.opt.Format, Zone: s.opt.Zone, Live: true,
		}
		p.log = extent.Records{Name: "kafka " + topic + "/" + name, Ledger: s.opt.Ledger, Shared: true}
		ps[number] = p
	}
	return p
}

// each calls f for all partitions, in order. The caller holds s.mu.
func (s *Source) each(f func(*partition)) {
	for _, topic := range s.opt.Topics {
		ps := s.partitions[topic]
		numbers := make([]int, 0, len(ps))
		for n := range ps {
			numbers = append(numbers, n)
		}
		slices.Sort(numbers)
		for _, n := range numbers {
			f(ps[n])
		}
	}
}

// stir wakes who waits for something to be acknowledged or committed. The caller holds s.mu.
func (s *Source) stir() {
	close(s.moved)
	s.moved = make(chan struct{})
}

func (s *Source) start() error {
	g, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: s.opt.Group, Brokers: s.opt.Brokers, Topics: s.opt.Topics, Dialer: &s.net.dialer,
		GroupBalancers: []kafka.GroupBalancer{s.balancer}, HeartbeatInterval: s.opt.Heartbeat,
		SessionTimeout: s.opt.Session, RebalanceTimeout: s.opt.Rebalance, JoinGroupBackoff: 4 * s.opt.Backoff,
		StartOffset: kafka.FirstOffset, Timeout: s.opt.Timeout,
	})
	if err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	s.group = g
	s.running.Go(s.follow)
	s.running.Go(s.tend)
	return nil
}

// Next returns the next batch of an extent. Extents are complete before their first batch is given.
func (s *Source) Next(ctx context.Context) (*ingest.Batch, error) {
	if s.group == nil {
		if err := s.start(); err != nil {
			return nil, err
		}
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if s.current != nil {
			return s.take(), nil
		}
		select {
		case r := <-s.ready:
			if s.give(r) {
				s.current = r
			}
		case <-ctx.Done():
		}
	}
}

// give reports whether an extent may be handed out: its partition may have gone to another member meanwhile.
func (s *Source) give(r *run) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.claim.offered = false
	if r.claim.ended {
		r.drop(s)
		return false
	}
	p := r.claim.p
	p.given = r.end
	p.flight = append(p.flight, time.Now())
	return true
}

// take returns the next batch of the current extent.
func (s *Source) take() *ingest.Batch {
	r := s.current
	p, c := r.claim.p, r.chunks[0]
	r.chunks = r.chunks[1:]
	b := &ingest.Batch{Part: p.part, Data: c.data, Marks: c.marks, From: c.marks[0].Pos, Received: r.received}
	if len(r.chunks) > 0 {
		b.To = r.chunks[0].marks[0].Pos
		b.Done = func() { s.recycle(c) }
		return b
	}
	b.To, b.Extent = r.end.Next, r.extent
	b.Done = func() {
		s.recycle(c)
		s.done(r)
	}
	s.current = nil
	s.release(r)
	return b
}

// done moves the position behind an extent that is durable.
func (s *Source) done(r *run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := r.claim.p
	if len(p.flight) > 0 {
		p.flight = p.flight[1:]
	}
	if p.epoch == r.epoch {
		p.done = r.end
	}
	s.stir()
}

// Close leaves the group. It takes seconds if brokers do not answer, not more.
func (s *Source) Close() error {
	s.closed.Do(func() {
		close(s.closing)
		if s.group != nil {
			late := time.AfterFunc(closeWait, s.net.cut)
			_ = s.group.Close() // it has no error to tell
			late.Stop()
		}
		s.net.cut()
		s.running.Wait()
	})
	return nil
}

// Empty returns how many messages without a line were skipped.
func (s *Source) Empty() int64 { return s.empty.Load() }
