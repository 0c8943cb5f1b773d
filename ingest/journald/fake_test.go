package journald

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mailstop/event"
	"mailstop/ingest"
)

func init() {
	if path := os.Getenv("JOURNALD_TEST_FAKE"); path != "" {
		fakeJournalctl(path)
	}
}

// fakeJournalctl stands for journalctl where that cannot be made to fail: the file has one record per line, "cursor message".
// The file path.do says what goes wrong, once for each of its lines: it is shortened by each start.
func fakeJournalctl(path string) {
	follow, after, from := false, false, ""
	for _, a := range os.Args[1:] {
		name, v, _ := strings.Cut(a, "=")
		switch name {
		case "--follow":
			follow = true
		case "--cursor", "--after-cursor":
			from, after = v, name == "--after-cursor"
		}
	}
	do := pop(path + ".do")
	switch do {
	case "refuse":
		fmt.Fprintln(os.Stderr, "No such file or directory")
		os.Exit(1)
	case "garbage":
		fmt.Println("-- what is this --")
	}
	for given, skip := 0, 0; ; {
		text, err := os.ReadFile(path)
		if err != nil {
			os.Exit(1)
		}
		all := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		if given == 0 && skip == 0 && from != "" {
			if i := slices.IndexFunc(all, func(l string) bool { return strings.HasPrefix(l, from+" ") }); i >= 0 {
				if skip = i; after {
					skip++
				}
			}
		}
		for ; skip < len(all); skip++ {
			cursor, message, ok := strings.Cut(all[skip], " ")
			if !ok {
				break
			}
			if size, ok := strings.CutPrefix(message, "huge "); ok {
				n := 0
				_, _ = fmt.Sscan(size, &n)
				message = strings.Repeat("h", n)
			}
			line := fmt.Sprintf(`{"MESSAGE":%q,"__CURSOR":%q,"__REALTIME_TIMESTAMP":"1767604272000000"}`, message, cursor)
			if given == 3 && do == "half" {
				fmt.Print(line[:len(line)/2])
				os.Exit(0)
			}
			if given == 3 && do == "slow" {
				time.Sleep(300 * time.Millisecond) // longer than an extent may wait for more
			}
			if given == 3 && do == "die" {
				fmt.Fprintln(os.Stderr, "Bus error")
				os.Exit(7)
			}
			fmt.Println(line)
			given++
		}
		if !follow {
			os.Exit(0)
		}
		time.Sleep(5 * time.Millisecond)
		if os.Getppid() == 1 {
			os.Exit(0)
		}
	}
}

// pop takes the first line off a file.
func pop(path string) string {
	b, _ := os.ReadFile(path)
	first, rest, _ := strings.Cut(string(b), "\n")
	_ = os.WriteFile(path, []byte(rest), 0o600)
	return first
}

// A journal of the fake kind.
type fake struct{ path string }

func newFake(t *testing.T) fake {
	f := fake{filepath.Join(t.TempDir(), "journal")}
	f.do(t)
	f.write(t)
	t.Setenv("JOURNALD_TEST_FAKE", f.path)
	return f
}

func (f fake) do(t *testing.T, what ...string) {
	t.Helper()
	if err := os.WriteFile(f.path+".do", []byte(strings.Join(what, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
}

// write makes the journal hold these records.
func (f fake) write(t *testing.T, records ...string) {
	t.Helper()
	text := strings.Join(records, "\n")
	if text != "" {
		text += "\n"
	}
	if err := os.WriteFile(f.path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(f.path+".new", f.path); err != nil {
		t.Fatal(err)
	}
}

// records makes n records with cursors from c<from> on.
func records(from, n int) []string {
	var out []string
	for i := from; i < from+n; i++ {
		out = append(out, fmt.Sprintf("c%d message %d", i, i))
	}
	return out
}

func fakeOptions() Options {
	o := Default()
	o.Command = os.Args[0]
	o.ExtentAge = 30 * time.Millisecond
	return o
}

// A keeper stands for the engine and what is behind it: it keeps the messages of each extent once, by token.
type keeper struct {
	mu       sync.Mutex
	extents  map[string]event.Extent
	messages map[string][]string
	replayed []string
	position json.RawMessage
	positive map[string]int64 // the position of each message, which stays what it is
}

func newKeeper() *keeper {
	return &keeper{extents: map[string]event.Extent{}, messages: map[string][]string{}, positive: map[string]int64{}}
}

func (s *keeper) ledger(_ context.Context, parent string) ([]event.Extent, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []event.Extent
	for _, e := range s.extents {
		if e.Parent == parent {
			out = append(out, e)
		}
	}
	return out, nil
}

func (s *keeper) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, ms := range s.messages {
		out = append(out, ms...)
	}
	slices.Sort(out)
	return out
}

var errCrash = errors.New("crash")

func never() bool { return false }

// consume takes extents from src and stores them. Before each step crash may end everything, as a kill does.
func (s *keeper) consume(ctx context.Context, src *Source, crash func() bool) error {
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
		if e.From != run[0].From || e.To != b.To {
			return fmt.Errorf("extent %d-%d of batches %d-%d", e.From, e.To, run[0].From, b.To)
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
		if err := s.take(e, run); err != nil {
			return err
		}
		if crash() {
			return errCrash
		}
		for _, b := range run {
			b.Done()
		}
		run = run[:0]
		if rand.IntN(2) == 0 {
			position, committed, err := src.Checkpoint()
			if err != nil || committed != nil {
				return fmt.Errorf("checkpoint: %w", err)
			}
			s.mu.Lock()
			s.position = position
			s.mu.Unlock()
		}
	}
}

func (s *keeper) take(e event.Extent, run []*ingest.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var messages []string
	for _, b := range run {
		for i, line := range strings.SplitAfter(strings.TrimSuffix(string(b.Data), "\n"), "\n") {
			if i >= len(b.Marks) {
				return fmt.Errorf("line %d has no mark: %.100q", i, line)
			}
			var r struct{ MESSAGE string }
			if len(line) <= event.MaxRaw {
				if err := json.Unmarshal([]byte(line), &r); err != nil {
					return fmt.Errorf("%.200q: %w", line, err)
				}
			} else {
				r.MESSAGE = fmt.Sprintf("%d bytes", len(strings.TrimSuffix(line, "\n")))
			}
			m := b.Marks[i]
			if m.Received == 0 || m.Pos < b.From || m.Pos >= b.To {
				return fmt.Errorf("mark %+v of batch %d-%d", m, b.From, b.To)
			}
			if was, ok := s.positive[r.MESSAGE]; ok && was != m.Pos && !e.Stored && len(line) <= event.MaxRaw {
				return fmt.Errorf("%s: position %d was %d", r.MESSAGE, m.Pos, was)
			}
			s.positive[r.MESSAGE] = m.Pos
			messages = append(messages, r.MESSAGE)
		}
	}
	if e.Stored {
		s.replayed = append(s.replayed, messages...)
		return nil
	}
	e.Stored = true
	s.extents[e.Token] = e
	s.messages[e.Token] = messages
	return nil
}

// A rig is a source that is being read.
type rig struct {
	*Source
	t      *testing.T
	store  *keeper
	cancel context.CancelFunc
	read   chan error
	once   sync.Once
}

func start(t *testing.T, st *keeper, o Options, crash func() bool, reread bool) *rig {
	t.Helper()
	o.Ledger = st.ledger
	src, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := src.Restore(st.position, reread); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &rig{Source: src, t: t, store: st, cancel: cancel, read: make(chan error, 1)}
	go func() { r.read <- st.consume(ctx, src, crash) }()
	t.Cleanup(r.stop)
	return r
}

func (r *rig) stop() {
	r.once.Do(func() {
		r.cancel()
		if err := <-r.read; !errors.Is(err, context.Canceled) && !errors.Is(err, errCrash) {
			r.t.Error("read:", err)
		}
		if err := r.Close(); err != nil {
			r.t.Error("close:", err)
		}
	})
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !f(); {
		if time.Now().After(end) {
			t.Fatalf("not within 30 s: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// expect waits until the store has all messages, and checks that it has them once.
func (r *rig) expect(want ...string) {
	r.t.Helper()
	eventually(r.t, fmt.Sprintf("%d messages", len(want)), func() bool { return len(r.store.all()) >= len(want) })
	slices.Sort(want)
	if got := r.store.all(); !slices.Equal(got, want) {
		r.t.Errorf("%d messages, want %d: %.300q", len(got), len(want), got)
	}
}

func messages(from, n int) []string {
	var out []string
	for i := from; i < from+n; i++ {
		out = append(out, fmt.Sprintf("message %d", i))
	}
	return out
}
