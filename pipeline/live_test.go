package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"mailstop/event"
	"mailstop/ingest"
	"mailstop/parse"
	"mailstop/sinks"
)

// A run that a stop cuts short is not stored: without its end it has no token, and would be stored again.
func TestStopDropsARunWithoutEnd(t *testing.T) {
	in, want := blocks(5, 3)
	src := newSource(in...)
	src.extents = map[int]*event.Extent{2: {Token: "first"}}
	src.block = make(chan struct{})
	sink := &fakeSink{source: src}
	p := newPipeline(src, sink)
	p.Count = true
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		for p.Lines() < int64(len(want)) {
			time.Sleep(time.Millisecond)
		}
		stop()
	}()
	if err := p.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(sink.writes, want[:9]) || len(src.acknowledged()) != 3 {
		t.Errorf("%d lines stored and %d batches acknowledged, want those of the extent that ended", len(sink.writes), len(src.acknowledged()))
	}
}

// A markedSource gives one batch with marks.
type markedSource struct {
	given bool
	batch *ingest.Batch
}

func (s *markedSource) Next(ctx context.Context) (*ingest.Batch, error) {
	if s.given {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	s.given = true
	return s.batch, nil
}

func (s *markedSource) Close() error { return nil }

// A rawSink keeps entries.
type rawSink struct {
	fakeSink
	seen []string
	wait int
	stop func()
}

type rawBlock struct{ seen []string }

func (b *rawBlock) Append(es []event.Entry) {
	for i := range es {
		e := &es[i]
		b.seen = append(b.seen, fmt.Sprintf("%s %d %s %d ×%d", e.Host, e.Pos, e.Raw, e.Received, e.Count))
	}
}

func (s *rawSink) Block() sinks.Block { return &rawBlock{} }

func (s *rawSink) Write(_ context.Context, b *sinks.Batch) error {
	for _, x := range b.Blocks {
		s.seen = append(s.seen, x.(*rawBlock).seen...)
	}
	if len(s.seen) >= s.wait {
		s.stop()
	}
	return nil
}

// Marks say of each message where it comes from; a note of repetition is not believed across senders.
func TestMarks(t *testing.T) {
	data := "a\nb\nlast message repeated 2 times\nlast message repeated 3 times\nc\nd\n"
	at := func(line int) int { return len(strings.Join(strings.SplitAfter(data, "\n")[:line], "")) }
	src := &markedSource{batch: &ingest.Batch{
		Part: &ingest.Part{Source: "net", Host: "part", Live: true}, Data: []byte(data), From: 100, Received: 9,
		Marks: []ingest.Mark{
			{At: 0, Pos: 7, Received: 1, Host: "fw-1"}, {At: at(1), Pos: 8, Host: "fw-2"}, {At: at(3), Pos: 9, Received: 3, Host: "fw-1"}, {At: at(4), Pos: 12},
		},
		Done: func() {},
	}}
	ctx, stop := context.WithCancel(t.Context())
	sink := &rawSink{wait: 6, stop: stop}
	p := &Pipeline{Source: src, Table: repeatTable, Sinks: []sinks.Sink{sink}}
	if err := p.Run(ctx); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"fw-1 7 a 1 ×1", "fw-2 8 b 9 ×1", "fw-2 8 last message repeated 2 times 9 ×2", "fw-1 9 last message repeated 3 times 3 ×1",
		"part 12 c 9 ×1", "part 12 d 9 ×1",
	}
	if !slices.Equal(sink.seen, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(sink.seen, "\n"), strings.Join(want, "\n"))
	}
}

// repeatTable knows the lines that only say that another came again.
var repeatTable = parse.Table{Kinds: []parse.Kind{{Format: event.Netfilter, New: func() parse.Parser { return plainKind{} }}}, Layers: []parse.Layer{{Name: "repeat", New: func() parse.Unwrapper { return repeats{} }}}}

// plainKind reads every line and sees nothing in it.
type plainKind struct{}

func (plainKind) Match(string, *parse.Record) bool  { return true }
func (plainKind) Parse(string, *parse.Record) error { return nil }

type repeats struct{}

func (repeats) Unwrap(text string, r *parse.Record) (string, bool) {
	var n uint32
	if _, err := fmt.Sscanf(text, "last message repeated %d times", &n); err != nil {
		return "", false
	}
	r.RepeatsLast = n
	return text, true
}

// endless is a live source that gives a batch whenever it is asked, one extent each, or ends as told.
type endless struct {
	fail   error
	given  int
	acked  int
	most   int
	closed bool
}

func (s *endless) Restore([]byte, bool) error { return nil }

func (s *endless) Next(ctx context.Context) (*ingest.Batch, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if s.given == s.most {
		if s.fail != nil {
			return nil, s.fail
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	s.given++
	n := s.given
	return &ingest.Batch{
		Part: &ingest.Part{Source: "endless", Live: true}, Data: []byte("line\n"), From: int64(n), To: int64(n + 1),
		Extent: &event.Extent{Token: fmt.Sprint(n)}, Done: func() { s.acked = n },
	}, nil
}

func (s *endless) Checkpoint() ([]byte, func(context.Context) error, error) {
	return fmt.Append(nil, s.acked), nil, nil
}

func (s *endless) Close() error { s.closed = true; return nil }

// A checkpoint that cannot be written stops nothing, is reported, and is tried again.
func TestCheckpointThatFails(t *testing.T) {
	src := &endless{most: 50}
	s := &Streams{Sources: map[string]ingest.Live{"x": src}, Extents: true, Interval: time.Millisecond}
	tries := 0
	full := errors.New("disk full")
	ctx, stop := context.WithCancel(t.Context())
	last := ""
	s.Save = func(_ context.Context, positions map[string][]byte, _ []byte) error {
		if tries++; tries < 3 {
			return full
		}
		if last = string(positions["x"]); last == "50" {
			stop()
		}
		return nil
	}
	var said []error
	sink := &fakeSink{}
	p := newPipeline(s, sink)
	p.Group = nil
	p.Count, p.Committed = true, func(err error) { said = append(said, err) }
	if err := p.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil || !src.closed {
		t.Error(err, src.closed)
	}
	if len(sink.writes) != 50 || last != "50" {
		t.Errorf("%d lines stored, the checkpoint says %s", len(sink.writes), last)
	}
	if len(said) < 3 || !errors.Is(said[0], full) || !errors.Is(said[1], full) || said[2] != nil {
		t.Errorf("said %v", said)
	}
}

// A source that fails ends the run; one that ends, such as standard input, only when all have ended.
func TestSourcesThatEnd(t *testing.T) {
	gone := errors.New("gone")
	for _, tt := range []struct {
		first, second error
		want          error
	}{{gone, nil, gone}, {io.EOF, io.EOF, nil}, {io.EOF, gone, gone}} {
		x, y := &endless{most: 3, fail: tt.first}, &endless{most: 5, fail: tt.second}
		s := &Streams{Sources: map[string]ingest.Live{"x": x, "y": y}, Extents: true}
		saved := false
		s.Save = func(context.Context, map[string][]byte, []byte) error { saved = true; return nil }
		sink := &fakeSink{}
		p := newPipeline(s, sink)
		p.Group, p.Count = nil, true
		if err := p.Run(t.Context()); !errors.Is(err, tt.want) {
			t.Errorf("got %v, want %v", err, tt.want)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if tt.want == nil && (len(sink.writes) != 8 || !saved || x.acked != 3 || y.acked != 5) {
			t.Errorf("%d lines, checkpoint %t, acknowledged %d and %d", len(sink.writes), saved, x.acked, y.acked)
		}
	}
}

// ends is a live source that ends its part and then gives nothing before a barrier was made.
type ends struct {
	endless
	made chan struct{}
	step int
}

func (s *ends) Next(ctx context.Context) (*ingest.Batch, error) {
	switch s.step++; s.step {
	case 2:
		return &ingest.Batch{Part: &ingest.Part{Source: "endless", Live: true}, From: 2, To: 2, End: true, Done: func() {}}, nil
	case 3:
		select {
		case <-s.made:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return s.endless.Next(ctx)
}

func (s *ends) Checkpoint() ([]byte, func(context.Context) error, error) {
	return fmt.Append(nil, s.acked), func(context.Context) error { signal(s.made); return nil }, nil
}

// A batch that only ends a part is no extent that goes on: a barrier may follow it, and so may a stop.
func TestBarrierBehindTheEndOfAPart(t *testing.T) {
	for _, reread := range []bool{false, true} {
		src := &ends{endless: endless{most: 2}, made: make(chan struct{}, 1)}
		s := &Streams{
			Sources: map[string]ingest.Live{"x": src}, Extents: true, Interval: time.Millisecond, Reread: reread, Settle: 50 * time.Millisecond,
		}
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
		s.Save = func(_ context.Context, positions map[string][]byte, _ []byte) error {
			if string(positions["x"]) == "2" {
				stop()
			}
			return nil
		}
		sink := &fakeSink{}
		p := newPipeline(s, sink)
		p.Group, p.Count = nil, true
		if err := p.Run(ctx); err != nil {
			t.Fatal(err)
		}
		stop()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if len(sink.writes) != 2 {
			t.Errorf("%d lines stored", len(sink.writes))
		}
	}
}

// Findings that come of no line reach the sinks, too.
func TestExtraFindings(t *testing.T) {
	src := &endless{}
	s := &Streams{Sources: map[string]ingest.Live{"x": src}}
	extra := make(chan []event.Finding)
	ctx, stop := context.WithCancel(t.Context())
	sink := &findingSink{stop: stop}
	p := newPipeline(s, sink)
	p.Extra = extra
	go func() { extra <- []event.Finding{{ID: "silent"}} }()
	if err := p.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil || sink.id != "silent" {
		t.Error(err, sink.id)
	}
}

type findingSink struct {
	fakeSink
	id   string
	stop func()
}

func (s *findingSink) Write(_ context.Context, b *sinks.Batch) error {
	if len(b.Findings) > 0 {
		s.id = b.Findings[0].ID
		s.stop()
	}
	return nil
}
