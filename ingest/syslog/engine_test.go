package syslog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mailstop/event"
	"mailstop/ingest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A store stands for the engine and what is behind it: it keeps the lines of each extent once, by token.
type store struct {
	mu       sync.Mutex
	extents  map[string]event.Extent
	lines    map[string][]string // by token
	hosts    map[string]string   // of lines
	replayed []string            // lines of extents that were marked as stored
	position json.RawMessage     // the last checkpoint
	refuse   error               // answer of the ledger
}

func newStore() *store {
	return &store{extents: map[string]event.Extent{}, lines: map[string][]string{}, hosts: map[string]string{}}
}

func (s *store) ledger(_ context.Context, parent string) ([]event.Extent, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil {
		return nil, s.refuse
	}
	var out []event.Extent
	for _, e := range s.extents {
		if e.Parent == parent {
			out = append(out, e)
		}
	}
	return out, nil
}

// all returns the lines of all stored extents, sorted.
func (s *store) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(func(yield func(string) bool) {
		for _, ls := range s.lines {
			for _, l := range ls {
				if !yield(l) {
					return
				}
			}
		}
	})
}

func (s *store) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, ls := range s.lines {
		n += len(ls)
	}
	return n
}

var errCrash = errors.New("crash")

// consume takes extents from src and stores them. Before each step crash may end everything, as a kill does: after an extent
// is planned, stored, and after a checkpoint.
func (s *store) consume(ctx context.Context, src ingest.Live, crash func() bool) error {
	var run []*ingest.Batch
	for {
		b, err := src.Next(ctx)
		if err != nil {
			return err
		}
		if run = append(run, b); b.Extent == nil {
			continue
		}
		e := *b.Extent
		if err := whole(run, e); err != nil {
			return err
		}
		if crash() {
			return errCrash
		}
		s.mu.Lock()
		if old, ok := s.extents[e.Token]; !ok && !e.Stored {
			s.extents[e.Token] = e
		} else if ok && old.Stored && !e.Stored {
			s.mu.Unlock()
			return fmt.Errorf("extent %d-%d is stored, and not known to be", e.From, e.To)
		}
		s.mu.Unlock()
		if crash() {
			return errCrash
		}
		s.take(e, run)
		if crash() {
			return errCrash
		}
		for _, b := range run {
			b.Done()
		}
		run = run[:0]
		if rand.IntN(2) == 0 {
			if err := s.checkpoint(ctx, src, crash); err != nil {
				return err
			}
		}
	}
}

func (s *store) checkpoint(ctx context.Context, src ingest.Live, crash func() bool) error {
	position, committed, err := src.Checkpoint()
	if err != nil {
		return err
	}
	if !json.Valid(position) {
		return fmt.Errorf("position %q", position)
	}
	s.mu.Lock()
	s.position = position
	s.mu.Unlock()
	if crash() {
		return errCrash
	}
	if committed == nil {
		return nil
	}
	return committed(ctx)
}

func (s *store) take(e event.Extent, run []*ingest.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for _, b := range run {
		for i, m := range b.Marks {
			end := len(b.Data)
			if i+1 < len(b.Marks) {
				end = b.Marks[i+1].At
			}
			line := strings.TrimSuffix(string(b.Data[m.At:end]), "\n")
			lines = append(lines, line)
			s.hosts[line] = m.Host
		}
	}
	if e.Stored {
		s.replayed = append(s.replayed, lines...)
		return
	}
	e.Stored = true
	s.extents[e.Token] = e
	s.lines[e.Token] = lines // again the same, where only the note that it is stored was lost
}

// whole checks what a run of batches says of itself.
func whole(run []*ingest.Batch, e event.Extent) error {
	at := run[0].From
	last := int64(0)
	for _, b := range run {
		if b.From < at || b.To < b.From || len(b.Data) == 0 || len(b.Marks) == 0 || b.Marks[0].At != 0 {
			return fmt.Errorf("batch %d-%d of %d bytes, %d marks", b.From, b.To, len(b.Data), len(b.Marks))
		}
		at = b.To
		for _, m := range b.Marks {
			if m.Pos <= last || m.Received == 0 {
				return fmt.Errorf("mark %+v after %d", m, last)
			}
			last = m.Pos
		}
	}
	if e.To != last+1 || e.From != run[0].Marks[0].Pos || e.To != at {
		return fmt.Errorf("extent %d-%d of records %d-%d", e.From, e.To, run[0].Marks[0].Pos, last)
	}
	return nil
}

func never() bool { return false }

// A rig is a running source.
type rig struct {
	*Source
	t      testing.TB
	store  *store
	cancel context.CancelFunc
	ran    chan error
	read   chan error
	once   sync.Once
}

// start starts a source that listens, and what reads from it.
func start(t testing.TB, st *store, o Options, crash func() bool) *rig {
	t.Helper()
	return startAs(t, st, o, crash, false)
}

func startAs(t testing.TB, st *store, o Options, crash func() bool, reread bool) *rig {
	t.Helper()
	o.Ledger = st.ledger
	src, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &rig{Source: src, t: t, store: st, cancel: cancel, ran: make(chan error, 1), read: make(chan error, 1)}
	if err := src.Restore(st.position, reread); err != nil {
		t.Fatal(err)
	}
	go func() { r.ran <- src.Run(ctx) }()
	if crash != nil {
		go func() { r.read <- st.consume(ctx, src, crash) }()
	} else {
		r.read <- nil
	}
	t.Cleanup(r.stop)
	return r
}

func (r *rig) stop() {
	r.once.Do(func() {
		r.cancel()
		if err := <-r.ran; err != nil {
			r.t.Error("run:", err)
		}
		if err := <-r.read; err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, errCrash) && !errors.Is(err, io.EOF) {
			r.t.Error("read:", err)
		}
		if err := r.Close(); err != nil {
			r.t.Error("close:", err)
		}
	})
}

// address waits until the source listens.
func (r *rig) address(kind string) string {
	r.t.Helper()
	var a string
	eventually(r.t, "listening", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		if addr := r.addresses[kind]; addr != nil {
			a = addr.String()
		}
		return a != ""
	})
	return a
}

func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !f(); {
		if time.Now().After(end) {
			t.Fatalf("not within 30 s: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// expect waits until the store has n lines, and compares them.
func (r *rig) expect(want ...string) {
	r.t.Helper()
	eventually(r.t, fmt.Sprintf("%d lines", len(want)), func() bool { return r.store.count() >= len(want) })
	slices.Sort(want)
	if got := r.store.all(); !slices.Equal(got, want) {
		r.t.Errorf("got %.200q, want %.200q", got, want)
	}
}

func options(t testing.TB) Options {
	o := Default()
	o.SpoolDir = filepath.Join(t.TempDir(), "spool")
	o.ExtentAge = 20 * time.Millisecond
	return o
}

// short returns a path that fits into a socket's address.
func short(t testing.TB, name string) string {
	dir, err := os.MkdirTemp("", "ms") //nolint:usetesting // t.TempDir may be too long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, name)
}

// same compares two multisets and says how they differ.
func same(t testing.TB, got []string, want map[string]bool) {
	t.Helper()
	seen := map[string]int{}
	for _, l := range got {
		seen[l]++
	}
	twice, strange := 0, 0
	for l, n := range seen {
		if n > 1 {
			twice++
		}
		if !want[l] {
			strange++
		}
	}
	lost := 0
	for l := range maps.Keys(want) {
		if seen[l] == 0 {
			lost++
		}
	}
	if lost+twice+strange > 0 {
		t.Errorf("%d lines: %d lost, %d twice, %d that nobody sent", len(want), lost, twice, strange)
	}
}
