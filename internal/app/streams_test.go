package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strconv"
	"sync"
	"testing"
	"time"

	"mailstop/event"
	"mailstop/ingest"
	"mailstop/internal/config"
	"mailstop/pipeline"
	"mailstop/sinks"
)

// A liveFake is a live source over a fixed log. An extent is a few lines, given as two batches.
type liveFake struct {
	name  string
	lines []string
	store *storeFake

	next   int // line
	second *ingest.Batch
	mu     sync.Mutex
	acked  int // lines with Done
	told   int // of the last checkpoint that was committed
	done   func()
	part   *ingest.Part
}

func (s *liveFake) Restore(position []byte, _ bool) error {
	if position == nil {
		return nil
	}
	err := json.Unmarshal(position, &s.acked)
	s.next, s.told = s.acked, s.acked
	return err
}

func (s *liveFake) Next(ctx context.Context) (*ingest.Batch, error) {
	if b := s.second; b != nil {
		s.second = nil
		return b, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.next == len(s.lines) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	from := s.next
	s.next = min(from+5, len(s.lines))
	e := event.Extent{Source: s.name, From: int64(from), To: int64(s.next), Token: s.name + strconv.Itoa(from)}
	e.Stored = s.store.has(e.Token)
	middle := from + (s.next-from)/2
	s.second = s.batch(middle, s.next, &e)
	return s.batch(from, middle, nil), nil
}

func (s *liveFake) batch(from, to int, e *event.Extent) *ingest.Batch {
	if s.part == nil {
		s.part = &ingest.Part{Source: s.name, Live: true}
	}
	b := &ingest.Batch{Part: s.part, From: int64(from), To: int64(to), Extent: e}
	for i, line := range s.lines[from:to] {
		b.Marks = append(b.Marks, ingest.Mark{At: len(b.Data), Pos: int64(from + i), Host: s.name})
		b.Data = append(append(b.Data, line...), '\n')
	}
	b.Done = func() {
		if n := s.at(); n != from {
			panic(fmt.Sprintf("%s: done %d-%d after %d", s.name, from, to, n))
		}
		s.mu.Lock()
		s.acked = to
		s.mu.Unlock()
		s.done()
	}
	return b
}

func (s *liveFake) Checkpoint() ([]byte, func(context.Context) error, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.acked
	b, err := json.Marshal(at)
	return b, func(context.Context) error {
		if at < s.told {
			return fmt.Errorf("%s: position goes back from %d to %d", s.name, s.told, at)
		}
		s.told = at
		return nil
	}, err
}

func (s *liveFake) at() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acked
}

func (s *liveFake) Close() error { return nil }

// A storeFake keeps what a store keeps, and dies when it is told to.
type storeFake struct {
	mu       sync.Mutex
	tokens   map[string]bool
	rows     map[string]int // raw lines
	hosts    map[string]string
	findings map[string]event.Finding
	life     int // writes until it dies
	synced   int
}

var errDead = fmt.Errorf("dead: %w", sinks.ErrPermanent)

func (s *storeFake) has(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tokens[token]
}

func (s *storeFake) Block() sinks.Block { return &entriesBlock{} }

type entriesBlock struct{ rows [][2]string }

func (b *entriesBlock) Append(es []event.Entry) {
	for i := range es {
		b.rows = append(b.rows, [2]string{fmt.Sprint(es[i].Source, es[i].Pos, es[i].Raw), es[i].Host})
	}
}

func (s *storeFake) Write(_ context.Context, b *sinks.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life--; s.life == 0 {
		return errDead // killed before it
	}
	if !b.Extent.Stored && !s.tokens[b.Extent.Token] {
		for _, x := range b.Blocks {
			for _, r := range x.(*entriesBlock).rows {
				s.rows[r[0]]++
				s.hosts[r[0]] = r[1]
			}
		}
		if b.Extent.Token != "" {
			s.tokens[b.Extent.Token] = true
		}
	}
	if s.life--; s.life == 0 {
		return errDead // killed between the rows and the findings
	}
	for _, f := range b.Findings {
		s.findings[f.ID] = f
	}
	return nil
}

func (s *storeFake) Sync(context.Context) error { s.synced++; return nil }

func (s *storeFake) Close(context.Context) error { return nil }

func newStoreFake() *storeFake {
	return &storeFake{tokens: map[string]bool{}, rows: map[string]int{}, hosts: map[string]string{}, findings: map[string]event.Finding{}}
}

// outageLog is the log of a host whose mail is blocked now and then.
func outageLog(host int, n int) []string {
	var out []string
	for i := range n {
		at := time.Date(2026, 1, 5, 10, 0, i*7, 0, time.UTC).Format(time.RFC3339)
		prefix, port := "[UFW BLOCK]", 587
		if i%100 > 60 {
			prefix, port = "[UFW ALLOW]", 25
		}
		out = append(out, fmt.Sprintf("%s web-%d kernel: %s IN= OUT=eth0 SRC=10.0.0.%d DST=198.51.100.%d LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=%d DF "+
			"PROTO=TCP SPT=%d DPT=%d WINDOW=64240 RES=0x00 SYN URGP=0", at, host, prefix, host, i%3, i, 40000+i, port))
	}
	return out
}

// Whatever is killed when: every line is stored once, and the findings are those of a run that nothing disturbed.
func TestKilledAnywhere(t *testing.T) {
	logs := map[string][]string{"a": outageLog(1, 600), "b": outageLog(2, 333), "c": outageLog(3, 51)}
	lines := 0
	for _, l := range logs {
		lines += len(l)
	}
	// run goes on from saved until the store dies or all is read. It returns what is saved then.
	run := func(t *testing.T, store *storeFake, saved map[string][]byte, interval time.Duration) (map[string][]byte, error) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		sources := map[string]*liveFake{}
		done := func() {
			n := 0
			for _, l := range sources {
				n += l.at()
			}
			if n == lines {
				cancel()
			}
		}
		s := pipeline.Streams{Sources: map[string]ingest.Live{}, Extents: true, Interval: interval}
		for name, l := range logs {
			sources[name] = &liveFake{name: name, lines: l, store: store, done: done}
			if err := sources[name].Restore(saved[name], false); err != nil {
				t.Fatal(err)
			}
			s.Sources[name] = sources[name]
		}
		s.Save = func(_ context.Context, positions map[string][]byte, state []byte) error {
			positions[""] = state
			saved = positions
			return nil
		}
		cfg := config.Default()
		p := pipeline.Pipeline{
			Source: &s, Table: Table(cfg), Group: Group(Site(cfg)), Sinks: []sinks.Sink{store}, Count: true, Interim: true,
			Workers: 2, Shards: 2, State: saved[""],
		}
		done() // perhaps all was read before
		err := p.Run(ctx)
		if closeErr := s.Close(); closeErr != nil {
			t.Fatal(closeErr)
		}
		return saved, err
	}
	whole := newStoreFake()
	if _, err := run(t, whole, nil, time.Hour); err != nil {
		t.Fatal(err)
	}
	if len(whole.findings) < 3 || whole.synced == 0 {
		t.Fatalf("%d findings, %d syncs", len(whole.findings), whole.synced)
	}
	for round := range 8 {
		r := rand.New(rand.NewPCG(uint64(round), 1))
		store := newStoreFake()
		var saved map[string][]byte
		kills := 0
		for err := errDead; err != nil; kills++ {
			if store.life = 1 + r.IntN(80); kills > 100 {
				store.life = 0
			}
			if saved, err = run(t, store, saved, time.Duration(r.IntN(3))*time.Millisecond); err != nil && !errors.Is(err, errDead) {
				t.Fatal(err)
			}
		}
		for row, n := range store.rows {
			if n != 1 || store.hosts[row] != whole.hosts[row] {
				t.Errorf("round %d: stored %d times, host %s: %s", round, n, store.hosts[row], row)
			}
		}
		if len(store.rows) != lines {
			t.Errorf("round %d: %d rows of %d", round, len(store.rows), lines)
		}
		if !reflect.DeepEqual(store.findings, whole.findings) {
			t.Errorf("round %d, %d kills: findings differ\n got %v\nwant %v", round, kills, store.findings, whole.findings)
		}
	}
}
