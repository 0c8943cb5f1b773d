// Package journald reads the journal of systemd through journalctl, one record a line, as JSON. It never interprets a
// record: the parsers know journald's JSON.
//
// The position is the cursor of the last record. A run of journalctl without --follow brings what lies behind it, then
// one with --follow what is written from then on: with --follow journalctl shows the current boot alone (systemd 252,
// journalctl.c), and so would leave out what came between the last position and a restart of the machine.
//
// Nothing is lost as long as the journal keeps it: journalctl waits while nobody reads. If the journal has dropped the record
// at the position, that is said. What journald itself did not write, because of its rate limit or because the machine ended
// within SyncIntervalSec, nobody can know. Where files of several machines are read from a folder, records that arrive there
// after later ones of another machine may be passed over by a restart: read each machine's files by a source of their own.
package journald

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"mailstop/ingest"
	"mailstop/internal/extent"
)

// A Source is one reading of the journal.
type Source struct {
	options Options
	log     *slog.Logger
	part    *ingest.Part
	records extent.Records

	// Of the goroutine that calls Next:
	reader reader
	begin  string // cursor of the record before the next extent
	ready  []*chunk
	heard  string

	latest atomic.Int64 // time of the last record that was read, microseconds
	live   atomic.Bool  // what the journal had is read

	mu        sync.Mutex // also of reader.child
	position  position
	committed position
	trouble   string
	said      string
}

var (
	_ ingest.Live     = (*Source)(nil)
	_ ingest.Reporter = (*Source)(nil)
)

// A position is what a checkpoint keeps.
type position struct {
	Cursor string `json:"cursor"` // empty: the beginning
	// Foreign says that the record at the cursor need not be among those that are read.
	Foreign bool `json:"foreign,omitempty"`
}

// New returns a source that starts nothing yet.
func New(o Options) (*Source, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	s := &Source{
		options: o, log: o.Log,
		part: &ingest.Part{Source: o.name(), Host: o.Host, Format: o.Format, Zone: o.Zone, Live: true},
	}
	s.records = extent.Records{Name: s.part.Source, Ledger: o.Ledger}
	s.reader.stage = catchingUp
	if o.Start == End {
		s.reader.stage = starting
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s, nil
}

// Restore goes to where the last checkpoint was.
func (s *Source) Restore(text []byte, reread bool) error {
	if text == nil {
		return nil
	}
	var p position
	if err := json.Unmarshal(text, &p); err != nil {
		return fmt.Errorf("position of %s: %w", s.part.Source, err)
	}
	s.moved(p)
	s.mu.Lock()
	s.committed = p
	s.mu.Unlock()
	if p.Cursor == "" {
		return nil
	}
	s.begin, s.reader.cursor, s.reader.foreign, s.reader.stage = p.Cursor, p.Cursor, p.Foreign, catchingUp
	if reread && s.options.Reread > 0 {
		s.reader.stage = rereading
	}
	return nil
}

// moved sets where a checkpoint goes on.
func (s *Source) moved(p position) {
	s.mu.Lock()
	s.position = p
	s.mu.Unlock()
}

// Checkpoint returns the cursor behind which to go on.
func (s *Source) Checkpoint() ([]byte, func(context.Context) error, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, err := json.Marshal(s.position)
	return text, nil, err // the journal is nobody's to tidy up
}

// Next returns the next batch, as ingest.Source says. It waits until there are records; an extent's batches are all made before the
// first is given.
func (s *Source) Next(ctx context.Context) (*ingest.Batch, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if len(s.ready) > 0 {
			c := s.ready[0]
			s.ready = s.ready[1:]
			return s.batch(c), nil
		}
		if err := s.assemble(ctx); err != nil {
			return nil, err
		}
	}
}

func (s *Source) batch(c *chunk) *ingest.Batch {
	behind := c.behind
	return &ingest.Batch{
		Part: s.part, Data: c.data, From: c.from, To: c.to, Received: c.marks[0].Received, Marks: c.marks, Extent: c.extent,
		Done: func() {
			if behind != "" {
				s.moved(position{Cursor: behind})
			}
			c.release()
		},
	}
}

// Close ends journalctl.
func (s *Source) Close() error {
	if c := s.take(); c != nil {
		c.kill()
	}
	return nil
}

// Status says how the source does. Behind is known as long as the journal's past is being read.
func (s *Source) Status(out []ingest.Status) []ingest.Status {
	st := ingest.Status{Source: s.part.Source}
	s.mu.Lock()
	st.Problem = s.trouble
	if c := s.reader.child; c != nil {
		st.Lag = c.waiting()
	}
	s.mu.Unlock()
	if at := s.latest.Load(); at > 0 && (st.Lag > 0 || !s.live.Load()) {
		st.Behind = time.UnixMicro(at)
	}
	return append(out, st)
}

// problem notes why nothing comes, nil if something does, and says it if it is new.
func (s *Source) problem(what string, err error) {
	text := ""
	if err != nil {
		text = what + ": " + err.Error()
	}
	s.mu.Lock()
	fresh := text != "" && text != s.said
	s.trouble = text
	if fresh {
		s.said = text
	}
	s.mu.Unlock()
	if fresh {
		s.log.Error("the journal cannot be read", "source", s.part.Source, "err", text)
	}
}
