package file

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"mailstop/event"
	"mailstop/ingest"
	"mailstop/internal/extent"
)

func put(t testing.TB, path, content string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(content), 0o600))
}

func appendTo(t testing.TB, path, content string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	must(t, err)
	_, err = f.WriteString(content)
	must(t, errors.Join(err, f.Close()))
}

func follow(t testing.TB, paths ...string) *daemon {
	o := quick()
	o.Paths = paths
	return newDaemon(t, o)
}

// rows waits until n rows are stored and returns how often a line is.
func (d *daemon) rows(n int) map[string]int {
	d.t.Helper()
	d.wait(func() bool { return d.store.count() >= n })
	time.Sleep(60 * time.Millisecond)
	d.store.mu.Lock()
	defer d.store.mu.Unlock()
	if len(d.store.rows) != n {
		d.t.Errorf("%d rows, not %d: %.300q\n%s", len(d.store.rows), n, fmt.Sprint(d.store.rows), d.logged())
	}
	out := map[string]int{}
	for k, v := range d.store.rows {
		out[k] = v
	}
	return out
}

func (d *daemon) status() []ingest.Status { return d.source.Load().Status(nil) }

func (d *daemon) hasProblem(path, want string) {
	d.t.Helper()
	ok := func() bool {
		if d.source.Load() == nil {
			return false
		}
		for _, s := range d.status() {
			if s.Source == path && strings.Contains(s.Problem, want) {
				return true
			}
		}
		return false
	}
	if d.wait(ok); !ok() {
		d.t.Errorf("no problem %q of %s: %+v", want, path, d.status())
	}
}

// Files that begin alike are stored each; the same file read again is not.
func TestAlike(t *testing.T) {
	p := in(t)
	put(t, p, "#Version: 1.5\nalike\n")
	d := follow(t, p+"*").start()
	d.rows(2)
	rename(t, p, p+".1")
	put(t, p, "#Version: 1.5\nalike\nother\n")
	if r := d.rows(3); r["alike\n"] != 2 || r["other\n"] != 1 {
		t.Errorf("%v", r)
	}
	for _, checkpoint := range []string{"", `{"kind":"kafka"}`, "{"} {
		d.halt()
		d.checkpoint = []byte(checkpoint)
		d.start()
		time.Sleep(300 * time.Millisecond)
		if r := d.rows(3); r["alike\n"] != 2 || r["other\n"] != 1 {
			t.Errorf("with checkpoint %q: %v", checkpoint, r)
		}
	}
	if !strings.Contains(d.logged(), "not a position of files") || !strings.Contains(d.logged(), "hint:") {
		t.Errorf("nothing is said of the checkpoint: %s", d.logged())
	}
	appendTo(t, p, "more\n")
	d.rows(4)
}

// What replay has stored is recognised, and goes on.
func TestReplayedBefore(t *testing.T) {
	p := in(t)
	put(t, p+".1", lines(0, 3000))
	put(t, p, lines(3000, 6000))
	d := follow(t, p+"*")
	for _, name := range []string{p + ".1", p} {
		f, err := os.Open(name)
		must(t, err)
		root := extent.Root("", "")
		c := extent.Chain{Ledger: d.store.lookup, Size: 100_000, Root: root, Parent: root, Lines: &extent.Lines{Source: f, Pool: extent.NewPool(extent.MinBlock)}}
		var data [][]byte
		for {
			b, e, err := c.Next(t.Context())
			if errors.Is(err, io.EOF) {
				break
			}
			must(t, err)
			data = append(data, bytes.Clone(b.Data))
			b.Release()
			if e != nil {
				d.store.plan(*e)
				d.store.put(*e, data)
				data = nil
			}
		}
		must(t, f.Close())
	}
	for n := 6000; n < 9000; n += 1000 {
		d.start()
		time.Sleep(150 * time.Millisecond)
		appendTo(t, p, lines(n, n+1000))
		d.wait(func() bool { return d.store.count() == n+1000 })
		d.halt()
	}
	d.check(9000)
}

func lines(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		b.WriteString(text(i))
	}
	return b.String()
}

// The position is lost, and meanwhile the file was rotated: the store knows where its reading ended.
func TestLostPosition(t *testing.T) {
	p := in(t)
	put(t, p+".2", "from before anybody looked\n")
	w := &writer{t: t}
	w.open(p)
	d := follow(t, p)
	d.begin(w)
	w.lines(5000)
	d.wait(func() bool { return d.store.count() == w.n })
	d.halt()
	w.lines(1000)
	for range 2 {
		rotate(t, p, 9)
		w.open(p)
		w.lines(1000)
	}
	d.checkpoint = []byte("damaged")
	d.start()
	d.settle(w.n)
}

func TestHalfLines(t *testing.T) {
	p := in(t)
	put(t, p, "one\ntw")
	d := follow(t, p).start()
	d.rows(1)
	appendTo(t, p, "o\nthr")
	d.rows(2)
	rename(t, p, p+".1")
	appendTo(t, p, "first\n")
	d.rows(3)
	appendTo(t, p+".1", "ee")
	if r := d.rows(4); r["three"] != 1 {
		t.Errorf("%v", r)
	}
	d.wait(func() bool { return !strings.Contains(fmt.Sprint(d.status()), ".1") })
}

func TestHugeLine(t *testing.T) {
	p := in(t)
	put(t, p, "one\n")
	d := follow(t, p).start()
	d.rows(1)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	chunk := strings.Repeat("x", 1<<20)
	for range 64 {
		appendTo(t, p, chunk)
	}
	time.Sleep(100 * time.Millisecond)
	appendTo(t, p, "\nlast\n")
	if r := d.rows(3); r[chunk[:40]] != 1 || r["last\n"] != 1 {
		t.Errorf("%d rows", len(r))
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 32<<20 {
		t.Errorf("%d MiB more", grown>>20)
	}
}

func TestBinary(t *testing.T) {
	p := in(t)
	put(t, p, "a\x00b\xff\n\x01\n")
	if r := follow(t, p).start().rows(2); r["a\x00b\xff\n"] != 1 {
		t.Errorf("%v", r)
	}
}

func TestLinksAndPatterns(t *testing.T) {
	p := in(t)
	put(t, p, "one\n")
	must(t, os.Link(p, filepath.Join(filepath.Dir(p), "hard.log")))
	must(t, os.Symlink(p, filepath.Join(filepath.Dir(p), "soft.log")))
	d := follow(t, p, filepath.Join(filepath.Dir(p), "*.log"), filepath.Join(filepath.Dir(p), "**", "*"), filepath.Dir(p)).start()
	if r := d.rows(1); r["one\n"] != 1 {
		t.Errorf("%v", r)
	}
}

func TestRefused(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "a.gz"), "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03")
	put(t, filepath.Join(dir, "b.log"), "\xff\xfeo\x00n\x00e\x00\n\x00")
	put(t, filepath.Join(dir, "c.log"), "one\n")
	d := follow(t, filepath.Join(dir, "*"), filepath.Join(dir, "missing.log")).start()
	d.rows(1)
	d.hasProblem(filepath.Join(dir, "a.gz"), "mailstop replay")
	d.hasProblem(filepath.Join(dir, "b.log"), "mailstop replay")
	d.hasProblem(filepath.Join(dir, "missing.log"), "no such file")
}

func TestStart(t *testing.T) {
	p := in(t)
	put(t, p, "old\nhalf")
	o := quick()
	o.Paths, o.Start = []string{p, p + "-later"}, End
	d := newDaemon(t, o).start()
	d.wait(func() bool { return d.source.Load() != nil && len(d.status()) > 0 })
	time.Sleep(100 * time.Millisecond)
	appendTo(t, p, " of it\nnew\n")
	put(t, p+"-later", "whole\n")
	if r := d.rows(3); r["half of it\n"] != 1 || r["old\n"] != 0 || r["whole\n"] != 1 {
		t.Errorf("%v", r)
	}
	d.halt()
	d.start()
	appendTo(t, p, "more\n")
	d.rows(4)
}

// What a path is made of comes and goes.
func TestPathTroubles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	p := filepath.Join(dir, "kern.log")
	d := follow(t, p).start()
	d.hasProblem(p, "no such file")
	must(t, os.Mkdir(dir, 0o700))
	put(t, p, "one\n")
	d.rows(1)
	rename(t, dir, dir+"-away")
	put(t, dir, "a file\n") // the parent is a file
	time.Sleep(100 * time.Millisecond)
	appendTo(t, filepath.Join(dir+"-away", "kern.log"), "two\n")
	d.rows(2) // it is still held
	must(t, os.Remove(dir))
	rename(t, dir+"-away", dir)
	appendTo(t, p, "three\n")
	d.rows(3)
	if os.Getuid() != 0 {
		must(t, os.Chmod(dir, 0))
		d.hasProblem(p, "permission denied")
		must(t, os.Chmod(dir, 0o700))
		appendTo(t, p, "four\n")
		d.rows(4)
	}
	must(t, os.Remove(p))
	must(t, os.Mkdir(p, 0o700)) // a folder of that name
	put(t, filepath.Join(p, "x"), "five\n")
	d.rows(d.store.count() + 1)
}

// A thousand idle files: few descriptors, no reads; and each is read when something comes.
func TestManyIdle(t *testing.T) {
	dir := t.TempDir()
	for i := range 1000 {
		put(t, filepath.Join(dir, fmt.Sprintf("host%04d.log", i)), fmt.Sprintf("first of %d\n", i))
	}
	o := quick()
	o.Paths, o.MaxOpen, o.Look = []string{filepath.Join(dir, "*.log")}, 100, 100*time.Millisecond
	d := newDaemon(t, o)
	d.lazy = true
	d.start()
	d.rows(1000)
	if n := descriptors(t); n > 200 {
		t.Errorf("%d descriptors", n)
	}
	batches := d.batches.Load()
	time.Sleep(200 * time.Millisecond)
	for i := 0; i < 1000; i += 50 {
		appendTo(t, filepath.Join(dir, fmt.Sprintf("host%04d.log", i)), fmt.Sprintf("second of %d\n", i))
	}
	d.rows(1020)
	d.halt()
	if d.batches.Load() > batches+60 {
		t.Errorf("%d batches for 20 lines", d.batches.Load()-batches)
	}
	d.start()
	time.Sleep(300 * time.Millisecond)
	for line, n := range d.rows(1020) {
		if n != 1 {
			t.Fatalf("%q is stored %d times", line, n)
		}
	}
}

func descriptors(t testing.TB) int {
	t.Helper()
	es, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(es)
}

// A file that is not there is one inode after another.
func TestInodeReuse(t *testing.T) {
	p := in(t)
	put(t, p, "one\nand more\n")
	d := follow(t, p).start()
	d.rows(2)
	d.halt()
	var pos position
	must(t, json.Unmarshal(d.checkpoint, &pos))
	must(t, os.Remove(p))
	put(t, p, "another file, and longer than the one before\nit goes on\n")
	info, err := os.Stat(p)
	must(t, err)
	pos.Files[0].ID = identityOf(info) // as if it were the same
	d.checkpoint, err = json.Marshal(pos)
	must(t, err)
	d.start()
	d.rows(4)
}

func TestNoStore(t *testing.T) {
	p := in(t)
	w := &writer{t: t}
	w.open(p)
	d := follow(t, p)
	d.blind = true
	d.begin(w)
	w.lines(3000)
	d.wait(func() bool { return d.store.count() == w.n })
	time.Sleep(100 * time.Millisecond) // a checkpoint
	d.halt()
	rotate(t, p, 3)
	w.open(p)
	w.lines(1000)
	d.start()
	d.settle(w.n)
}

func TestPolling(t *testing.T) {
	p := in(t)
	o := quick()
	o.Paths, o.Poll = []string{p}, true
	w := &writer{t: t}
	w.open(p)
	d := newDaemon(t, o)
	d.begin(w)
	for range 3 {
		w.lines(2000)
		rotate(t, p, 9)
		w.open(p)
	}
	w.lines(100)
	d.settle(w.n)
}

// A quiet file is told of by the kernel, long before the next look.
func TestNotice(t *testing.T) {
	p := in(t)
	put(t, p, "one\n")
	o := quick()
	o.Paths, o.Look = []string{p}, time.Hour
	s, err := New(o)
	must(t, err)
	defer s.Close()
	s.o.Checkpoint = func() {
		_, committed, err := s.Checkpoint()
		must(t, err)
		must(t, committed(t.Context()))
	}
	next := func() string {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		b, err := s.Next(ctx)
		must(t, err)
		defer b.Done()
		return string(b.Data)
	}
	if got := next(); got != "one\n" {
		t.Fatalf("%q", got)
	}
	if !available() {
		t.Skip("no inotify here")
	}
	s.files[0].changed = time.Now().Add(-time.Minute) // it is quiet
	s.arm(time.Now())
	if s.files[0].notice == nil {
		t.Skip("a network file system")
	}
	go func() {
		time.Sleep(50 * time.Millisecond)
		appendTo(t, p, "two\n")
	}()
	if got := next(); got != "two\n" {
		t.Fatalf("%q", got)
	}
}

// What is before the position is given again, as stored.
func TestReread(t *testing.T) {
	p := in(t)
	put(t, p, "one\n")
	d := follow(t, p).start()
	d.rows(1)
	appendTo(t, p, "two\n")
	d.rows(2)
	time.Sleep(100 * time.Millisecond)
	d.halt()
	o := d.o
	s, err := New(o)
	must(t, err)
	defer s.Close()
	must(t, s.Restore(d.checkpoint, true))
	var got []string
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		b, err := s.Next(ctx)
		cancel()
		must(t, err)
		if b.Extent == nil || !b.Extent.Stored {
			t.Errorf("%+v", b)
		}
		got = append(got, string(b.Data))
		b.Done()
	}
	if strings.Join(got, "") != "one\ntwo\n" {
		t.Errorf("%q", got)
	}
}

// The store does not answer for a while.
func TestStoreDown(t *testing.T) {
	p := in(t)
	put(t, p, "one\n")
	d := follow(t, p)
	fails := 1
	d.o.Ledger = func(ctx context.Context, parent string) ([]event.Extent, error) {
		if fails > 0 {
			fails--
			return nil, errors.New("store is down")
		}
		return d.store.lookup(ctx, parent)
	}
	d.start()
	d.rows(1)
	if n := strings.Count(d.logged(), "does not answer"); n != 1 {
		t.Errorf("said %d times", n)
	}
}

// While nobody else writes behind a chain, the ledger is asked once.
func TestAsksOnce(t *testing.T) {
	p := in(t)
	w := &writer{t: t}
	d := follow(t, p).start()
	d.hasProblem(p, "no such file")
	w.open(p)
	w.lines(40_000)
	d.settle(w.n)
	if d.store.asked > 1 || d.store.extents < 3 {
		t.Errorf("asked %d times for %d extents", d.store.asked, d.store.extents)
	}
}

func TestSaltIsSavedFirst(t *testing.T) {
	p := in(t)
	put(t, p, "one\n")
	o := quick()
	o.Paths = []string{p}
	asked := make(chan struct{}, 100)
	o.Checkpoint = func() { asked <- struct{}{} }
	s, err := New(o)
	must(t, err)
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if b, err := s.Next(ctx); err == nil {
		t.Fatalf("%+v before the salt is in a checkpoint", b)
	}
	<-asked
	_, committed, err := s.Checkpoint()
	must(t, err)
	must(t, committed(t.Context()))
	b, err := s.Next(t.Context())
	must(t, err)
	if b.Part.Name == "" || b.Part.Name != s.files[0].Salt {
		t.Errorf("part %q", b.Part.Name)
	}
	b.Done()
	if b.Part.Source != p || !b.Part.Live {
		t.Errorf("%+v", b.Part)
	}
}

func TestStatus(t *testing.T) {
	p := in(t)
	put(t, p, "0123456789\n")
	o := quick()
	o.Paths, o.Linger = []string{p}, time.Hour
	d := newDaemon(t, o).start()
	d.wait(func() bool { return d.source.Load() != nil && len(d.status()) == 1 && d.status()[0].Lag == 11 })
	if st := d.status(); len(st) != 1 || st[0].Source != p || st[0].Lag != 11 || st[0].Behind.IsZero() {
		t.Errorf("%+v", st)
	}
}

func TestOptions(t *testing.T) {
	for want, f := range map[string]func(*Options){
		"":            func(*Options) {},
		"no path":     func(o *Options) { o.Paths = nil },
		"pattern":     func(o *Options) { o.Paths = []string{"["} },
		"start":       func(o *Options) { o.Start = "middle" },
		"block size":  func(o *Options) { o.BlockSize = 1 },
		"extent size": func(o *Options) { o.ExtentSize = 0 },
		"positive":    func(o *Options) { o.Look = 0 },
		"4":           func(o *Options) { o.MaxOpen = 3 },
	} {
		o := Default()
		o.Paths = []string{"/var/log/kern.log"}
		f(&o)
		_, err := New(o)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

// FuzzPosition reads anything as a position: no panic, and what is taken is written as it was.
func FuzzPosition(f *testing.F) {
	s, err := New(Options{Paths: []string{"x"}, Start: End, BlockSize: extent.MinBlock, ExtentSize: 1, Look: 1, Quiet: 1, Patience: 1, MaxOpen: 4})
	must(f, err)
	inc := s.newborn("x", "x", identity{1, 2})
	inc.Head = printOf([]byte("head"))
	inc.acknowledge(mark{Offset: 4, Parent: "p", Before: inc.Head, At: 9})
	s.add(inc, nil)
	b, _, err := s.Checkpoint()
	must(f, err)
	for _, seed := range [][]byte{nil, b, []byte("{}"), []byte(`{"kind":"file","version":1,"files":[{}]}`), []byte(`{"kind":"file","version":2}`)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := New(Options{Paths: []string{"x"}, Start: End, BlockSize: extent.MinBlock, ExtentSize: 1, Look: 1, Quiet: 1, Patience: 1, MaxOpen: 4})
		must(t, err)
		if s.Restore(b, len(b)%2 == 0) != nil {
			return
		}
		again, _, err := s.Checkpoint()
		must(t, err)
		p, err := decode(again)
		must(t, err)
		one, _ := json.Marshal(p)
		if !bytes.Equal(one, again) {
			t.Errorf("%s\n%s", one, again)
		}
	})
}
