package kafka

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// A network opens connections, knows them, and can cut them all: kafka-go takes no context for most requests, and waits
// for a broker that is away longer than a stop may last.
type network struct {
	dialer kafka.Dialer
	mu     sync.Mutex
	open   map[*conn]func() // ends a connection, or its making
	gone   bool
}

func newNetwork(o *Options) (*network, error) {
	n := &network{open: make(map[*conn]func())}
	config, err := o.TLS.config()
	if err != nil {
		return nil, err
	}
	mechanism, err := o.SASL.mechanism()
	if err != nil {
		return nil, fmt.Errorf("sasl: %w", err)
	}
	n.dialer = kafka.Dialer{ClientID: o.ClientID, Timeout: 2 * o.Timeout, DialFunc: n.dial, TLS: config, SASLMechanism: mechanism}
	return n, nil
}

var errCut = errors.New("the source is closed")

func (n *network) dial(ctx context.Context, proto, address string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &conn{network: n}
	if !n.keep(c, cancel) {
		return nil, errCut
	}
	var err error
	if c.Conn, err = (&net.Dialer{KeepAlive: 30 * time.Second}).DialContext(ctx, proto, address); err != nil {
		n.forget(c)
		return nil, err
	}
	if !n.keep(c, func() { _ = c.Conn.Close() }) {
		_ = c.Close()
		return nil, errCut
	}
	return c, c.SetDeadline(time.Time{})
}

func (n *network) keep(c *conn, end func()) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.open[c] = end
	return !n.gone
}

func (n *network) forget(c *conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.open, c)
}

// cut ends all connections, and lets no other begin.
func (n *network) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.gone = true
	for _, end := range n.open {
		end()
	}
}

// A conn has always a deadline: kafka-go sets none while it makes itself known by TLS and SASL, and would wait for a broker
// that says nothing for ever.
type conn struct {
	net.Conn
	network *network
}

func (c *conn) deadline(t time.Time) time.Time {
	if t.IsZero() {
		return time.Now().Add(c.network.dialer.Timeout)
	}
	return t
}

func (c *conn) SetDeadline(t time.Time) error      { return c.Conn.SetDeadline(c.deadline(t)) }
func (c *conn) SetReadDeadline(t time.Time) error  { return c.Conn.SetReadDeadline(c.deadline(t)) }
func (c *conn) SetWriteDeadline(t time.Time) error { return c.Conn.SetWriteDeadline(c.deadline(t)) }

func (c *conn) Close() error {
	c.network.forget(c)
	return c.Conn.Close()
}

var errNoLeader = fmt.Errorf("the partition has no leader at the moment: %w", kafka.LeaderNotAvailable)

// partitionsOf asks one broker after another, from a random one on, for the partitions of a topic.
func (s *Source) partitionsOf(ctx context.Context, topic string) ([]kafka.Partition, error) {
	var errs error
	first := rand.N(len(s.opt.Brokers))
	for i := range s.opt.Brokers {
		ps, err := s.partitionsFrom(ctx, s.opt.Brokers[(first+i)%len(s.opt.Brokers)], topic)
		if err == nil || ctx.Err() != nil {
			return ps, err
		}
		if errs == nil {
			errs = err
		}
	}
	return nil, errs
}

func (s *Source) partitionsFrom(ctx context.Context, broker, topic string) ([]kafka.Partition, error) {
	c, err := s.net.dialer.DialContext(ctx, "tcp", broker)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	_ = c.SetDeadline(time.Now().Add(s.opt.Timeout))
	return c.ReadPartitions(topic)
}

// leader connects to the broker that leads a partition. The connection ends with ctx.
func (s *Source) leader(ctx context.Context, topic string, number int) (*kafka.Conn, error) {
	ps, err := s.partitionsOf(ctx, topic)
	if err != nil {
		return nil, err
	}
	for _, p := range ps {
		if p.ID != number {
			continue
		}
		if p.Leader.Host == "" {
			return nil, errNoLeader
		}
		return s.net.dialer.DialPartition(ctx, "tcp", "", p)
	}
	return nil, kafka.UnknownTopicOrPartition
}

// sleep waits for about d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d/2 + rand.N(d))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
