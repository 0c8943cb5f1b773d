// Package syslog receives lines from the network: syslog over UDP, TCP and TLS, from Unix sockets, and standard input. What a
// line means is the parser's: RFC 5424, RFC 3164 and anything else pass through alike, one record a line.
//
// Everything received is written to a spool on disk before it is taken further, and read from there. So what was received
// outlives a crash of the program, and a store that is down: senders over TCP wait while the spool is full.
//
// # What can be lost
//
// Plain syslog has no acknowledgement: a sender does not know what arrived. What is at risk is
//
//   - what is in the kernel's socket buffers when the program ends: with TCP up to some megabytes per connection that the sender
//     believes to be delivered. A graceful stop reads what is there first.
//   - datagrams of UDP: on the way, in a receive buffer that is full (counted), and while the spool or its disk is full
//     (counted).
//   - with a crash of the machine, as opposed to the program, about the last second of the spool.
//
// Where that matters, have the sender write files, or let it send to Kafka: the file and kafka sources lose nothing.
package syslog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"mailstop/event"
	"mailstop/ingest"
	"mailstop/internal/extent"
	"mailstop/internal/spool"
)

// A Source is a set of listeners and the spool behind them.
type Source struct {
	options Options
	log     *slog.Logger
	part    *ingest.Part
	spool   *spool.Spool

	opened  sync.Once
	openErr error
	ready   chan struct{} // closed when Run may take the first message
	start   sync.Once
	running atomic.Bool
	ended   chan struct{} // closed when nothing more can come: standard input was all there is, and is at its end

	assembler assembler // of the goroutine that calls Next

	mu        sync.Mutex
	position  int64 // where to go on behind what had its Done
	committed int64 // position as Remove knows it
	addresses map[string]net.Addr
	problems  problems

	dropped atomic.Int64 // messages that found no room
	sockets kernelDrops
	lost    atomic.Int64 // records of the spool that cannot be read
	left    atomic.Int64 // bytes in the spool behind the last extent, less what was appended before
	latest  atomic.Int64 // when the last record that was read came
}

var (
	_ ingest.Live     = (*Source)(nil)
	_ ingest.Runner   = (*Source)(nil)
	_ ingest.Reporter = (*Source)(nil)
)

// New returns a source that listens on nothing and opens nothing yet.
func New(o Options) (*Source, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	s := &Source{
		options: o, log: o.Log, ready: make(chan struct{}), ended: make(chan struct{}), addresses: map[string]net.Addr{},
		part: &ingest.Part{Source: o.name(), Host: o.Host, Format: o.Format, Zone: o.Zone, Live: true},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s, nil
}

// open opens the spool.
func (s *Source) open() error {
	s.opened.Do(func() {
		o := spool.Default()
		o.Dir, o.Limit, o.Log = s.options.SpoolDir, s.options.SpoolLimit, s.log
		s.spool, s.openErr = spool.Open(o)
	})
	return s.openErr
}

// A position is what a checkpoint keeps.
type position struct {
	Spool string `json:"spool"` // its identity
	Next  int64  `json:"next"`  // number of the first record that is not dealt with
}

// Restore opens the spool and goes to where the last checkpoint was. Without one, that is where records were last removed
// from the spool.
func (s *Source) Restore(text []byte, reread bool) error {
	if err := s.open(); err != nil {
		return err
	}
	from := max(s.spool.Removed(), 1)
	if text != nil {
		var p position
		if err := json.Unmarshal(text, &p); err != nil {
			return fmt.Errorf("position of %s: %w", s.part.Source, err)
		}
		switch oldest := s.spool.Oldest(); {
		case p.Spool != s.spool.Identity():
			s.log.Warn("the spool is not the one that was read before: it is read from its start", "source", s.part.Source)
		case p.Next < oldest:
			s.log.Error("records are missing from the spool", "source", s.part.Source, "from", p.Next, "to", oldest-1)
			from = oldest
		default:
			from = p.Next
			if err := s.spool.SkipTo(from); err != nil {
				return err
			}
		}
	}
	s.begin(from, reread)
	return nil
}

// begin prepares what Next needs, once, and lets Run take messages.
func (s *Source) begin(from int64, reread bool) {
	s.start.Do(func() {
		s.mu.Lock()
		s.position, s.committed = from, from
		s.mu.Unlock()
		at := from
		if reread {
			at = min(s.spool.Oldest(), from)
		}
		reader := s.spool.Reader(at)
		left, appended := reader.Left()
		s.left.Store(left - appended)
		s.assembler = assembler{
			records: extent.Records{Name: "syslog " + s.spool.Identity(), Ledger: s.options.Ledger},
			reader:  reader, next: at, stored: from, fresh: s.spool.Next(),
			hosts: map[string]string{},
		}
		close(s.ready)
	})
}

// Next returns the next batch, as ingest.Source says. It waits until there are records; an extent's batches are all made
// before the first is given.
func (s *Source) Next(ctx context.Context) (*ingest.Batch, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	s.begin(max(s.spool.Removed(), 1), false)
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if b := s.assembler.take(); b != nil {
			return s.batch(b), nil
		}
		if err := s.assemble(ctx); err != nil {
			return nil, err
		}
	}
}

// batch makes a batch of a chunk.
func (s *Source) batch(c *chunk) *ingest.Batch {
	behind := int64(0)
	if c.last {
		behind = c.to
	}
	return &ingest.Batch{
		Part: s.part, Data: c.data, From: c.from, To: c.to, Received: c.marks[0].Received, Marks: c.marks, Extent: c.extent,
		Done: func() {
			if behind > 0 {
				s.mu.Lock()
				s.position = max(s.position, behind)
				s.mu.Unlock()
			}
			c.release()
		},
	}
}

// Checkpoint returns the number to go on from. When that is written down, the records below it leave the spool.
func (s *Source) Checkpoint() ([]byte, func(context.Context) error, error) {
	if err := s.open(); err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	next, known := s.position, s.committed
	s.mu.Unlock()
	if next == 0 { // nobody asked for anything yet
		next = max(s.spool.Removed(), 1)
		known = next
	}
	text, err := json.Marshal(position{Spool: s.spool.Identity(), Next: next})
	if err != nil {
		return nil, nil, err
	}
	if next <= known {
		return text, nil, nil
	}
	return text, func(context.Context) error {
		s.mu.Lock()
		s.committed = max(s.committed, next)
		s.mu.Unlock()
		return s.spool.Remove(next)
	}, nil
}

// Close closes the spool. Run must have ended.
func (s *Source) Close() error {
	s.opened.Do(func() { s.openErr = errors.New("closed before it was opened") })
	if s.spool == nil {
		return nil
	}
	if s.assembler.reader != nil {
		_ = s.assembler.reader.Close()
	}
	return s.spool.Close()
}

// Status says how the source does.
func (s *Source) Status(out []ingest.Status) []ingest.Status {
	st := ingest.Status{Source: s.part.Source, Dropped: s.dropped.Load() + s.sockets.sum() + s.lost.Load()}
	select {
	case <-s.ready:
		st.Lag = max(s.left.Load()+s.spool.Appended(), 0)
		if at := s.latest.Load(); st.Lag > 0 && at > 0 {
			st.Behind = time.Unix(0, at)
		}
	default:
	}
	st.Problem = s.problems.text()
	return append(out, st)
}

// name returns what entries show as their source: the same after a restart.
func (o Options) name() string {
	if o.Name != "" {
		return o.Name
	}
	text := "syslog:"
	add := func(kind, address string) {
		if address == "" {
			return
		}
		if len(text) > len("syslog:") {
			text += ","
		}
		text += kind + address
	}
	add("udp://", o.UDP)
	add("tcp://", o.TCP)
	add("tls://", o.TLS.Listen)
	add("unix:", o.Unix)
	add("unix-stream:", o.UnixStream)
	if o.Stdin != nil {
		add("", "stdin")
	}
	return text
}

func place(number int64) string { return strconv.FormatInt(number, 10) }

// cutAt is how long a message may be that is given whole; of longer ones a byte more is given, so that the parser sees
// that they are cut.
const cutAt = event.MaxRaw
