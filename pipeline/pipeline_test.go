package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"mailstop/detect"
	"mailstop/event"
	"mailstop/ingest"
	"mailstop/parse"
	"mailstop/sinks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A fakeSource hands out its blocks and notes which were acknowledged, in order.
type fakeSource struct {
	blocks  []string
	extents map[int]*event.Extent
	next    int
	pos     int64
	part    *ingest.Part
	block   chan struct{} // if not nil, Next waits for it or for ctx after the last block
	mu      sync.Mutex
	done    []int
	fail    error // returned instead of io.EOF
}

func newSource(blocks ...string) *fakeSource {
	return &fakeSource{blocks: blocks, part: &ingest.Part{Source: "test.log"}}
}

func (s *fakeSource) Next(ctx context.Context) (*ingest.Batch, error) {
	if s.next == len(s.blocks) {
		if s.block != nil {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		if s.fail != nil {
			return nil, s.fail
		}
		return nil, io.EOF
	}
	i := s.next
	s.next++
	b := &ingest.Batch{Part: s.part, Data: []byte(s.blocks[i]), From: s.pos, To: s.pos + int64(len(s.blocks[i])), Extent: s.extents[i]}
	s.pos = b.To
	b.Done = func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.done = append(s.done, i)
	}
	return b, nil
}

func (s *fakeSource) Close() error { return nil }

func (s *fakeSource) acknowledged() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.done)
}

// A fakeSink keeps the raw lines of what was written, and fails as told.
type fakeSink struct {
	source  *fakeSource
	mu      sync.Mutex
	writes  []string
	tokens  []string
	pos     []int64
	fail    []error // for the next calls of Write, in order
	last    *sinks.Batch
	outside int
	acked   []int // how many batches were acknowledged at each write
	hang    bool
}

type fakeBlock struct {
	lines   []string
	outside int
	pos     []int64
}

func (b *fakeBlock) Append(es []event.Entry) {
	for i := range es {
		b.lines = append(b.lines, strings.Clone(es[i].Raw))
		b.pos = append(b.pos, es[i].Pos)
		if es[i].Outside {
			b.outside++
		}
	}
}

func (s *fakeSink) Block() sinks.Block { return &fakeBlock{} }

func (s *fakeSink) Write(ctx context.Context, b *sinks.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	if s.source != nil {
		s.acked = append(s.acked, len(s.source.acknowledged()))
	}
	if len(s.fail) > 0 {
		err := s.fail[0]
		s.fail = s.fail[1:]
		if s.last == nil {
			s.last = b
		} else if s.last != b {
			return fmt.Errorf("retried with another batch: %w", sinks.ErrPermanent)
		}
		if err != nil {
			return err
		}
	}
	s.last = nil
	for _, bl := range b.Blocks {
		f := bl.(*fakeBlock)
		s.writes = append(s.writes, f.lines...)
		s.pos = append(s.pos, f.pos...)
		s.outside += f.outside
	}
	s.tokens = append(s.tokens, b.Extent.Token)
	return nil
}

func (s *fakeSink) Close(context.Context) error { return nil }

// lineKind claims every line.
type lineKind struct{}

func (lineKind) Match(string, *parse.Record) bool { return true }

func (lineKind) Parse(body string, e *parse.Record) error {
	e.Host = body[:min(1, len(body))]
	return nil
}

var table = parse.Table{Kinds: []parse.Kind{{Format: event.Netfilter, New: func() parse.Parser { return lineKind{} }}}}

func group(shard uint8, count bool) *detect.Group {
	return detect.NewGroup(shard, nil, detect.Site{}, count)
}

func newPipeline(src ingest.Source, s sinks.Sink) *Pipeline {
	return &Pipeline{Source: src, Table: table, Sinks: []sinks.Sink{s}, Group: group}
}

// blocks makes n blocks of some lines each, all lines different.
func blocks(n, lines int) (out []string, all []string) {
	for i := range n {
		var b strings.Builder
		for j := range lines {
			l := fmt.Sprintf("%d line %d of block %d", (i+j)%7, j, i)
			all = append(all, l)
			b.WriteString(l + "\n")
		}
		out = append(out, b.String())
	}
	return out, all
}

func TestKeepsOrderAndAcknowledgesInOrder(t *testing.T) {
	in, want := blocks(200, 700)
	src := newSource(in...)
	sink := &fakeSink{source: src}
	p := newPipeline(src, sink)
	p.Workers = 4
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(sink.writes, want) {
		t.Errorf("%d lines written, want %d in the same order", len(sink.writes), len(want))
	}
	if got := src.acknowledged(); !slices.IsSorted(got) || len(got) != 200 {
		t.Errorf("acknowledged %v", got)
	}
	if got := p.Lines(); got != int64(len(want)) {
		t.Errorf("%d lines counted, want %d", got, len(want))
	}
	text := strings.Join(in, "")
	for i, pos := range sink.pos {
		if !strings.HasPrefix(text[pos:], want[i]+"\n") {
			t.Fatalf("line %d: position %d is not its start", i, pos)
		}
	}
}

func TestAcknowledgesOnlyWhatIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, want := blocks(5, 3)
		src := newSource(in...)
		down := errors.New("store is down")
		sink := &fakeSink{source: src, fail: []error{down, down, down, nil, down}}
		p := newPipeline(src, sink)
		var waits []time.Duration
		recovered := 0
		p.Retry = func(err error, wait time.Duration) {
			if err == nil {
				recovered++
				return
			}
			waits = append(waits, wait)
		}
		if err := p.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(sink.writes, want) {
			t.Errorf("wrote %d lines, want %d, each once", len(sink.writes), len(want))
		}
		// Each write sees exactly the batches written before it acknowledged.
		if want := []int{0, 0, 0, 0, 1, 1, 2, 3, 4, 5}; !slices.Equal(sink.acked, want) {
			t.Errorf("acknowledged at each write: %v, want %v", sink.acked, want)
		}
		if len(waits) != 4 || waits[2] <= waits[0]/2 {
			t.Errorf("waits %v", waits)
		}
		if recovered != 2 {
			t.Errorf("it was said %d times that the store is back", recovered)
		}
	})
}

func TestPermanentRefusalEndsTheRun(t *testing.T) {
	in, _ := blocks(50, 3)
	src := newSource(in...)
	sink := &fakeSink{source: src, fail: []error{nil, fmt.Errorf("no such column: %w", sinks.ErrPermanent)}}
	err := newPipeline(src, sink).Run(t.Context())
	if !errors.Is(err, sinks.ErrPermanent) || !strings.Contains(err.Error(), "no such column") {
		t.Errorf("got %v", err)
	}
	if len(sink.writes) != 3 {
		t.Errorf("%d lines written after the refusal, want only the 3 before it", len(sink.writes))
	}
}

func TestStopStoresWhatWasRead(t *testing.T) {
	in, want := blocks(20, 3)
	src := newSource(in...)
	src.block = make(chan struct{})
	sink := &fakeSink{source: src}
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		for len(src.acknowledged()) < len(in) {
			time.Sleep(time.Millisecond)
		}
		stop()
	}()
	if err := newPipeline(src, sink).Run(ctx); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(sink.writes, want) {
		t.Errorf("%d lines, want %d", len(sink.writes), len(want))
	}
}

func TestStopGivesUpAfterTheGracePeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, _ := blocks(3, 3)
		src := newSource(in...)
		sink := &fakeSink{hang: true}
		p := newPipeline(src, sink)
		p.Grace = 5 * time.Second
		ctx, stop := context.WithCancel(t.Context())
		go func() {
			time.Sleep(time.Second)
			stop()
		}()
		start := time.Now()
		err := p.Run(ctx)
		if !errors.Is(err, errGrace) {
			t.Errorf("got %v, want the grace period's end", err)
		}
		if took := time.Since(start); took != 6*time.Second {
			t.Errorf("gave up after %v, want 6 s", took)
		}
		if n := len(src.acknowledged()); n != 0 {
			t.Errorf("%d batches acknowledged, none was stored", n)
		}
	})
}

func TestReadErrorStoresWhatWasReadAndIsReported(t *testing.T) {
	in, want := blocks(7, 3)
	src := newSource(in...)
	src.fail = errors.New("disk on fire")
	sink := &fakeSink{}
	err := newPipeline(src, sink).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "disk on fire") {
		t.Errorf("got %v", err)
	}
	if !slices.Equal(sink.writes, want) {
		t.Errorf("%d lines, want %d", len(sink.writes), len(want))
	}
}

func TestBatchesOfOneExtentAreWrittenAsOne(t *testing.T) {
	in, want := blocks(6, 3)
	src := newSource(in...)
	src.extents = map[int]*event.Extent{2: {Token: "first"}, 5: {Token: "second"}}
	sink := &fakeSink{source: src}
	p := newPipeline(src, sink)
	p.Count = true
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"first", "second", ""}; !slices.Equal(sink.tokens, want) { // the last holds the findings
		t.Errorf("tokens %q, want %q", sink.tokens, want)
	}
	if !slices.Equal(sink.writes, want) {
		t.Errorf("%d lines, want %d", len(sink.writes), len(want))
	}
}

func TestWithinMarksTheOtherEntries(t *testing.T) {
	in, want := blocks(6, 300)
	sink := &fakeSink{}
	p := newPipeline(newSource(in...), sink)
	p.Within = func(e *event.Entry) bool { return strings.Contains(e.Raw, "line 7 of") }
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(sink.writes) != len(want) || sink.outside != 6*299 || p.Outside() != 6*299 {
		t.Errorf("%d lines written, %d of them outside; %d counted outside", len(sink.writes), sink.outside, p.Outside())
	}
}

// stampKind claims every line and takes the syslog stamp at its start.
type stampKind struct{}

func (stampKind) Unwrap(text string, r *parse.Record) (string, bool) {
	st, n := parse.ScanStamp(text)
	if n == 0 {
		return "", false
	}
	r.SetTime(st, text[:n])
	return text[n:], true
}

// A copy of a log has the time of copying: the rotated file before it, whose age gzip recorded, dates it better.
func TestRotatedSetDatesCopies(t *testing.T) {
	when := func(s string) time.Time {
		at, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	parts := []*ingest.Part{
		{Source: "a.log.2.gz", Set: "a.log", Reference: when("2022-05-22"), Recorded: true},
		{Source: "a.log.1", Set: "a.log", Reference: when("2026-11-20")},
		{Source: "a.log", Set: "a.log", Reference: when("2026-11-20")},
		{Source: "b.log", Set: "b.log", Reference: when("2026-11-20")},
	}
	lines := []string{"May 21 23:59:59 a\n", "May 28 12:00:00 a\n", "Jun  2 12:00:00 a\n", "May 28 12:00:00 b\n"}
	src := &manyParts{parts: parts, lines: lines}
	sink := &timeSink{}
	p := newPipeline(src, sink)
	p.Table.Layers = []parse.Layer{{Name: "stamp", New: func() parse.Unwrapper { return stampKind{} }}}
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []int{2022, 2022, 2022, 2026}; !slices.Equal(sink.years, want) {
		t.Errorf("years %v, want %v", sink.years, want)
	}
}

type manyParts struct {
	parts []*ingest.Part
	lines []string
	next  int
}

func (m *manyParts) Next(context.Context) (*ingest.Batch, error) {
	if m.next == len(m.parts) {
		return nil, io.EOF
	}
	i := m.next
	m.next++
	return &ingest.Batch{Part: m.parts[i], Data: []byte(m.lines[i]), To: int64(len(m.lines[i])), Done: func() {}}, nil
}

func (m *manyParts) Close() error { return nil }

type timeSink struct {
	fakeSink
	years []int
}

type yearBlock struct{ years []int }

func (b *yearBlock) Append(es []event.Entry) {
	for i := range es {
		b.years = append(b.years, es[i].When().Year())
	}
}

func (s *timeSink) Block() sinks.Block { return &yearBlock{} }

func (s *timeSink) Write(_ context.Context, b *sinks.Batch) error {
	for _, x := range b.Blocks {
		s.years = append(s.years, x.(*yearBlock).years...)
	}
	return nil
}
