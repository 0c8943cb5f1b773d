package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mailstop/event"
	"mailstop/ingest"
	"mailstop/internal/extent"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The library has one watcher for the whole process, which never ends.
		goleak.IgnoreAnyFunction("github.com/nxadm/tail/watch.(*InotifyTracker).run"),
		goleak.IgnoreAnyFunction("github.com/fsnotify/fsnotify.(*Watcher).readEvents"),
	)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A store is the ledger and the rows.
type store struct {
	mu      sync.Mutex
	behind  map[string][]event.Extent
	rows    map[string]int
	extents int
	asked   int
}

func newStore() *store { return &store{behind: map[string][]event.Extent{}, rows: map[string]int{}} }

func (s *store) lookup(_ context.Context, parent string) ([]event.Extent, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	return slices.Clone(s.behind[parent]), nil
}

func (s *store) plan(e event.Extent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.ContainsFunc(s.behind[e.Parent], func(k event.Extent) bool { return k.Token == e.Token }) {
		e.Stored = false
		s.behind[e.Parent] = append(s.behind[e.Parent], e)
	}
}

func (s *store) put(e event.Extent, data [][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ks := s.behind[e.Parent]
	i := slices.IndexFunc(ks, func(k event.Extent) bool { return k.Token == e.Token })
	if ks[i].Stored {
		return // the store drops what it has
	}
	ks[i].Stored = true
	s.extents++
	for _, d := range data {
		for line := range bytes.Lines(d) {
			s.rows[string(line[:min(len(line), 40)])]++
		}
	}
}

func (s *store) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.rows)
}

// A daemon runs a source as the engine does, and is killed now and then.
type daemon struct {
	t          testing.TB
	o          Options
	store      *store
	checkpoint []byte
	asked      atomic.Bool
	kills      *rand.Rand    // nil: none
	calm       atomic.Bool   // it is left alive
	log        *bytes.Buffer // with logMu
	logMu      sync.Mutex
	source     atomic.Pointer[Source]
	batches    atomic.Int64
	lazy       bool        // checkpoints only if asked
	mute       atomic.Bool // no checkpoints
	blind      bool        // without a ledger

	stop context.CancelFunc
	done chan struct{}
}

func quick() Options {
	o := Default()
	o.Look, o.Linger, o.Quiet, o.Patience = 30*time.Millisecond, 20*time.Millisecond, 400*time.Millisecond, 700*time.Millisecond
	o.BlockSize, o.ExtentSize = extent.MinBlock, 1<<20
	return o
}

func (d *daemon) Write(b []byte) (int, error) {
	d.logMu.Lock()
	defer d.logMu.Unlock()
	return d.log.Write(b)
}

func (d *daemon) logged() string {
	d.logMu.Lock()
	defer d.logMu.Unlock()
	return d.log.String()
}

func newDaemon(t testing.TB, o Options) *daemon {
	d := &daemon{t: t, o: o, store: newStore(), log: new(bytes.Buffer)}
	d.o.Log = slog.New(slog.NewTextHandler(d, nil))
	d.o.Checkpoint = func() { d.asked.Store(true) }
	d.o.Ledger = d.store.lookup
	t.Cleanup(d.halt)
	return d
}

// start runs the daemon until halt.
func (d *daemon) start() *daemon {
	ctx, stop := context.WithCancel(context.Background())
	d.stop, d.done = stop, make(chan struct{})
	go func() {
		defer close(d.done)
		for ctx.Err() == nil {
			d.life(ctx)
		}
	}()
	return d
}

func (d *daemon) halt() {
	if d.stop != nil {
		d.stop()
		<-d.done
		d.stop = nil
	}
}

// life is one run of the daemon, from its start to its death.
func (d *daemon) life(ctx context.Context) {
	o := d.o
	if d.blind {
		o.Ledger = nil
	}
	s, err := New(o)
	if err != nil {
		d.t.Error(err)
		return
	}
	if err := s.Restore(d.checkpoint, false); err != nil {
		_, _ = d.Write([]byte(err.Error()))
	}
	d.source.Store(s)
	defer func() { _ = s.Close() }()
	left := 1 << 60
	if d.kills != nil && !d.calm.Load() {
		left = d.kills.IntN(60)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(20+d.kills.IntN(400))*time.Millisecond)
		defer cancel()
	}
	type where struct {
		to     int64
		parent string
	}
	places := map[*ingest.Part]where{}
	var run []*ingest.Batch
	last := time.Now()
	for {
		// A source that has nothing must not keep checkpoints from being made.
		step, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		began := time.Now()
		b, err := s.Next(step)
		cancel()
		if len(run) > 0 && (err != nil && ctx.Err() == nil || time.Since(began) > 5*time.Second) {
			d.t.Errorf("Next waited %s in the middle of an extent: %v", time.Since(began), err)
		}
		if len(run) == 0 && !d.mute.Load() && (d.asked.Swap(false) || !d.lazy && time.Since(last) > 30*time.Millisecond) {
			last = time.Now()
			position, committed, err := s.Checkpoint()
			if err != nil {
				d.t.Error(err)
			}
			if d.kills == nil || d.kills.IntN(4) > 0 {
				d.checkpoint = position
				if err := committed(ctx); err != nil {
					d.t.Error(err)
				}
			}
		}
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				d.t.Error(err)
				return
			}
			continue
		}
		d.batches.Add(1)
		if len(run) > 0 && run[0].Part != b.Part {
			d.t.Errorf("%s: a batch of another part in the middle of an extent", b.Part.Key())
		}
		at, ok := places[b.Part]
		if ok && at.to != b.From {
			d.t.Errorf("%s: batch [%d,%d) behind %d", b.Part.Key(), b.From, b.To, at.to)
		}
		at.to = b.To
		if !b.Part.Live || b.Received == 0 && !b.End {
			d.t.Errorf("%+v: not live", b)
		}
		if b.End {
			if len(run) > 0 || len(b.Data) > 0 {
				d.t.Error("the end in the middle of an extent")
			}
			b.Done()
			delete(places, b.Part)
			continue
		}
		run = append(run, b)
		if b.Extent == nil && !d.blind {
			places[b.Part] = at
			continue
		}
		if left--; left == 0 && d.kills.IntN(2) == 0 {
			return
		}
		e := event.Extent{Token: fmt.Sprint(b.Part.Key(), b.From), To: b.To, From: run[0].From}
		if !d.blind {
			e = *b.Extent
		}
		if e.To != b.To || e.From != run[0].From || ok && at.parent != "" && at.parent != e.Parent && !d.blind {
			d.t.Errorf("extent %+v of batches [%d,%d) behind %q", e, run[0].From, b.To, at.parent)
		}
		at.parent = e.Token
		places[b.Part] = at
		var data [][]byte
		for _, b := range run {
			data = append(data, b.Data)
		}
		d.store.plan(e)
		if left == 0 && d.kills.IntN(2) == 0 {
			return
		}
		if !e.Stored {
			d.store.put(e, data)
		}
		if left == 0 {
			return
		}
		for _, b := range run {
			b.Done()
		}
		run = run[:0]
	}
}

// A writer writes numbered lines, so many a second.
type writer struct {
	t testing.TB
	n int
	f *os.File
}

const filler = "kernel: [MAILBLOCK] IN= OUT=eth0 SRC=192.0.2.1 DST=198.51.100.25 LEN=60 PROTO=TCP SPT=46330 DPT=25"

func text(n int) string { return fmt.Sprintf("%09d %s\n", n, filler) }

// lines writes n lines at about 100,000 a second.
func (w *writer) lines(n int) {
	w.t.Helper()
	var b []byte
	for n > 0 {
		m := min(n, 1000)
		b = b[:0]
		for range m {
			b = append(b, text(w.n)...)
			w.n++
		}
		if _, err := w.f.Write(b); err != nil {
			w.t.Error(err)
			return
		}
		n -= m
		time.Sleep(10 * time.Millisecond)
	}
}

func (w *writer) open(path string) {
	w.t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	must(w.t, err)
	w.f = f
	w.t.Cleanup(func() { _ = f.Close() })
}

// begin writes the first lines and waits until they are stored: a file that is rotated before it was ever seen is none
// that is followed.
func (d *daemon) begin(w *writer) {
	d.t.Helper()
	w.lines(100)
	d.start()
	d.wait(func() bool { return d.store.count() == w.n })
}

// settle waits until n lines are there, and says what is missing or there twice.
func (d *daemon) settle(n int) {
	d.t.Helper()
	end := time.Now().Add(5 * time.Second)
	d.wait(func() bool { return d.store.count() >= n || time.Now().After(end) })
	d.calm.Store(true) // what takes longer than a life, such as unpacking on a slow machine, is done by now
	d.wait(func() bool { return d.store.count() >= n })
	time.Sleep(100 * time.Millisecond) // for lines that are there twice
	d.halt()
	d.check(n)
}

func (d *daemon) wait(f func() bool) {
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end) && !f(); {
		time.Sleep(5 * time.Millisecond)
	}
}

func (d *daemon) check(n int) {
	d.t.Helper()
	lost, twice, first := 0, 0, -1
	for i := range n {
		switch c := d.store.rows[text(i)[:40]]; {
		case c == 0:
			lost++
			if first < 0 {
				first = i
			}
		case c > 1:
			twice++
			if first < 0 {
				first = i
			}
		}
	}
	if other := len(d.store.rows) - (n - lost); lost > 0 || twice > 0 || other > 0 {
		d.t.Errorf("of %d lines %d are lost, %d there twice, first %d; %d are none", n, lost, twice, first, other)
		if other > 0 {
			for l := range d.store.rows {
				if len(l) < 40 || !strings.HasPrefix(l[9:], " kernel") {
					d.t.Logf("not a line: %.60q", l)
					break
				}
			}
		}
	}
	if d.t.Failed() {
		l := d.logged()
		d.t.Logf("%s", l[max(0, len(l)-4000):])
	}
}

func rename(t testing.TB, from, to string) {
	t.Helper()
	must(t, os.Rename(from, to))
}

// rotate renames as logrotate does: .2 to .3, .1 to .2, the file to .1.
func rotate(t testing.TB, path string, keep int) {
	t.Helper()
	for i := keep; i >= 0; i-- {
		for _, ext := range []string{"", ".gz", ".bz2", ".xz", ".zst"} {
			from := fmt.Sprintf("%s.%d%s", path, i, ext)
			if i == 0 {
				from = path + ext
			}
			if _, err := os.Stat(from); err != nil {
				continue
			}
			if i == keep {
				must(t, os.Remove(from))
				continue
			}
			rename(t, from, fmt.Sprintf("%s.%d%s", path, i+1, ext))
		}
	}
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	must(t, err)
	must(t, os.WriteFile(to, b, 0o600))
}

func in(t testing.TB) string { return filepath.Join(t.TempDir(), "kern.log") }
