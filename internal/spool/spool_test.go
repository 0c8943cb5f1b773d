package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("SPOOL_TEST_WRITE"); dir != "" {
		writeUntilKilled(dir)
	}
	goleak.VerifyTestMain(m)
}

func open(t testing.TB, dir string, change ...func(*Options)) *Spool {
	t.Helper()
	o := Default()
	o.Dir = dir
	for _, c := range change {
		c(&o)
	}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func small(o *Options) { o.SegmentSize = 4 << 10 }

// record makes the n-th record: what is in it follows from n.
func record(n int) Record {
	return Record{
		Received: time.Now().UnixNano(), Sender: []byte("192.0.2." + strconv.Itoa(n%250)),
		Data: []byte("line " + strconv.Itoa(n) + strings.Repeat("x", n%90)),
	}
}

func fill(t testing.TB, s *Spool, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if err := s.Append([]Record{record(i)}); err != nil {
			t.Fatal(err)
		}
	}
}

// numbers reads all there is and checks that each record is what its number says.
func numbers(t testing.TB, r *Reader) []int64 {
	t.Helper()
	var out []int64
	var rec Record
	for {
		ok, err := r.Read(&rec)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return out
		}
		want := record(int(rec.Number))
		if !bytes.Equal(rec.Data, want.Data) || !bytes.Equal(rec.Sender, want.Sender) {
			t.Fatalf("record %d: %q from %q", rec.Number, rec.Data, rec.Sender)
		}
		out = append(out, rec.Number)
	}
}

// run checks that ns is from, from+1, …, to-1.
func run(t testing.TB, ns []int64, from, to int64) {
	t.Helper()
	for i, n := range ns {
		if n != from+int64(i) {
			t.Fatalf("record %d where %d is due", n, from+int64(i))
		}
	}
	if int64(len(ns)) != to-from {
		t.Fatalf("%d records from %d, want %d", len(ns), from, to-from)
	}
}

func TestReadWhatWasAppended(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, small)
	r := s.Reader(0)
	run(t, numbers(t, r), 1, 1)
	fill(t, s, 1, 500)
	run(t, numbers(t, r), 1, 500)
	place := r.Place()
	fill(t, s, 500, 700)
	run(t, numbers(t, r), 500, 700)
	if err := r.Back(place); err != nil {
		t.Fatal(err)
	}
	run(t, numbers(t, r), 500, 700)
	if left, _ := r.Left(); left != 0 || r.Lost() != 0 {
		t.Errorf("left %d, lost %d", left, r.Lost())
	}
	id := s.Identity()
	if _, err := Open(Options{Dir: dir, Limit: 1 << 30, SegmentSize: 1 << 20}); !errors.Is(err, ErrInUse) {
		t.Errorf("opened twice: %v", err)
	}
	r.Close()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Append([]Record{record(1)}); err == nil {
		t.Error("appended to a closed spool")
	}

	s = open(t, dir, small)
	if s.Identity() != id || s.Next() != 700 {
		t.Errorf("opened again: identity %s, next %d; was %s, 700", s.Identity(), s.Next(), id)
	}
	fill(t, s, 700, 710)
	r = s.Reader(650)
	defer r.Close()
	run(t, numbers(t, r), 650, 710)
}

func TestAppendTogether(t *testing.T) {
	s := open(t, t.TempDir(), func(o *Options) { o.SegmentSize = 64 << 10 })
	const writers, each = 16, 400
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				text := fmt.Appendf(nil, "%d %d", w, i)
				if err := s.Append([]Record{{Data: text}, {Data: text}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	r := s.Reader(0)
	defer r.Close()
	last := [writers]int{}
	var rec Record
	for n := int64(1); n <= 2*writers*each; n++ {
		if ok, err := r.Read(&rec); !ok || rec.Number != n {
			t.Fatalf("record %d: %t %v, number %d", n, ok, err, rec.Number)
		}
		var w, i int
		if _, err := fmt.Sscan(string(rec.Data), &w, &i); err != nil || i != last[w]/2 {
			t.Fatalf("record %d of writer %d: %q", last[w], w, rec.Data)
		}
		last[w]++
	}
}

func TestRemove(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, small, func(o *Options) { o.Keep = 0 })
	fill(t, s, 1, 1000)
	r := s.Reader(0)
	if err := s.Remove(900); err != nil {
		t.Fatal(err)
	}
	if s.Oldest() != 1 {
		t.Error("what the reader has not passed was deleted")
	}
	run(t, numbers(t, r), 1, 1000)
	if err := s.Remove(901); err != nil {
		t.Fatal(err)
	}
	oldest := s.Oldest()
	if oldest < 800 || oldest > 901 {
		t.Errorf("after removing up to 901 the oldest is %d", oldest)
	}
	r.Close()
	r = s.Reader(901)
	run(t, numbers(t, r), 901, 1000)
	r.Close()
	s.Close()
	s = open(t, dir, small)
	if s.Removed() != 901 || s.Oldest() != oldest || s.Next() != 1000 {
		t.Errorf("opened again: removed %d, oldest %d, next %d", s.Removed(), s.Oldest(), s.Next())
	}
}

func TestKeepForReadingAgain(t *testing.T) {
	s := open(t, t.TempDir(), small, func(o *Options) { o.Keep = time.Hour; o.KeepBytes = 10 << 10 })
	fill(t, s, 1, 1000)
	r := s.Reader(0)
	defer r.Close()
	numbers(t, r)
	if err := s.Remove(1000); err != nil {
		t.Fatal(err)
	}
	if held := s.Size(); held < 8<<10 || held > 14<<10 {
		t.Errorf("%d bytes are kept", held)
	}
}

func TestLimit(t *testing.T) {
	s := open(t, t.TempDir(), func(o *Options) { o.Limit = minLimit; o.SegmentSize = 1 << 20; o.Keep = time.Hour })
	big := Record{Data: make([]byte, 100<<10)}
	var n int64
	for ; ; n++ {
		if err := s.Append([]Record{big}); err != nil {
			if !errors.Is(err, ErrFull) {
				t.Fatal(err)
			}
			break
		}
	}
	if n < 70 || s.Size() > minLimit {
		t.Errorf("%d records, %d bytes", n, s.Size())
	}
	r := s.Reader(0)
	defer r.Close()
	var rec Record
	for i := range n {
		if ok, err := r.Read(&rec); !ok || err != nil || rec.Number != i+1 {
			t.Fatal(ok, err, rec.Number)
		}
	}
	if err := s.Remove(n / 2); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Freed():
	default:
		t.Error("nobody heard of the room")
	}
	if held, _ := s.Held(); held > 5<<20 {
		t.Errorf("%d bytes are held", held)
	}
	if err := s.Append([]Record{big}); err != nil { // what is only kept makes way
		t.Error(err)
	}
	if ok, err := r.Read(&rec); !ok || err != nil || rec.Number != n+1 {
		t.Error("the number after a refusal:", ok, err, rec.Number)
	}
}

func TestSkipTo(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	fill(t, s, 1, 10)
	if err := s.SkipTo(5); err != nil || s.Next() != 10 {
		t.Error(err, s.Next())
	}
	if err := s.SkipTo(50); err != nil || s.Next() != 50 {
		t.Error(err, s.Next())
	}
	fill(t, s, 50, 52)
	s.Close()
	s = open(t, dir)
	r := s.Reader(0)
	defer r.Close()
	if got := numbers(t, r); len(got) != 11 || got[9] != 50 || r.Lost() != 40 {
		t.Error(got, r.Lost())
	}
}

// A file cut at any byte gives the records that are whole, and the spool goes on.
func TestTornWrite(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	ends := []int64{int64(headSize)}
	for i := 1; i <= 4; i++ {
		fill(t, s, i, i+1)
		ends = append(ends, s.Size())
	}
	path := s.path(1)
	s.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut <= len(whole); cut++ {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, dir)
		want := int64(1)
		for want < int64(len(ends)) && ends[want] <= int64(cut) {
			want++
		}
		if s.Next() != want {
			t.Fatalf("cut at %d: next is %d, want %d", cut, s.Next(), want)
		}
		fill(t, s, int(want), int(want)+2)
		r := s.Reader(0)
		run(t, numbers(t, r), 1, want+2)
		if r.Lost() != 0 {
			t.Fatal("lost", r.Lost())
		}
		r.Close()
		s.Close()
		_ = os.Remove(path)
	}
}

// A damaged byte costs the record it is in, or two, and is counted; everything else is read.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, small)
	fill(t, s, 1, 300)
	files, _ := filepath.Glob(filepath.Join(dir, "*"+suffix))
	s.Close()
	if len(files) < 3 {
		t.Fatal(files)
	}
	whole, err := os.ReadFile(files[1])
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(whole); at += 7 {
		bad := bytes.Clone(whole)
		bad[at] ^= 0x55
		if err := os.WriteFile(files[1], bad, 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, dir, small)
		r := s.Reader(0)
		got := numbers(t, r)
		if missing := 299 - int64(len(got)); missing != r.Lost() || missing > 1 || at >= headSize && missing == 0 {
			t.Fatalf("byte %d: %d records, lost %d", at, len(got), r.Lost())
		}
		r.Close()
		s.Close()
	}
	// A hole, a segment that is gone, and one that is cut.
	clear(whole[len(whole)/3 : 2*len(whole)/3])
	if err := os.WriteFile(files[1], whole, 0o600); err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(files[2])
	if err := os.Truncate(files[0], 1000); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, small)
	r := s.Reader(0)
	got := numbers(t, r)
	if int64(len(got))+r.Lost() != 299 || len(got) < 150 || len(got) > 260 {
		t.Errorf("%d records, lost %d", len(got), r.Lost())
	}
	r.Close()
	s.Close()
	for _, f := range files {
		_ = os.WriteFile(f, make([]byte, 100), 0o600)
	}
	all, _ := filepath.Glob(filepath.Join(dir, "*"+suffix))
	for _, f := range all {
		_ = os.WriteFile(f, make([]byte, 100), 0o600)
	}
	if _, err := Open(Options{Dir: dir, Limit: minLimit, SegmentSize: 4096}); err == nil {
		t.Error("a folder of zeroes is a spool")
	}
}

// writeUntilKilled appends records from several goroutines and notes how many were taken.
func writeUntilKilled(dir string) {
	s, err := Open(Options{Dir: dir, Limit: 1 << 30, SegmentSize: 256 << 10})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for w := range 4 {
		go func() {
			for i := 0; ; i++ {
				text := fmt.Appendf(nil, "%d %d %s", w, i, strings.Repeat("y", i%200))
				if err := s.Append([]Record{{Data: text}, {Data: text}, {Data: text}}); err != nil {
					fmt.Println(err)
					os.Exit(1)
				}
				fmt.Fprintf(os.Stdout, "%d %d\n", w, i) // one write(2)
			}
		}()
	}
	select {}
}

// A process killed at any moment leaves all that Append took, each once, in order.
func TestKill(t *testing.T) {
	for range 12 {
		dir := t.TempDir()
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "SPOOL_TEST_WRITE="+dir)
		var out bytes.Buffer
		cmd.Stdout = &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20*time.Millisecond + rand.N(80*time.Millisecond))
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		taken := map[int]int{}
		for line := range strings.Lines(out.String()) {
			var w, i int
			if n, _ := fmt.Sscan(line, &w, &i); n != 2 || !strings.HasSuffix(line, "\n") {
				continue
			}
			taken[w] = max(taken[w], i+1)
		}
		s := open(t, dir)
		r := s.Reader(0)
		seen := map[int]int{}
		var rec Record
		for n := int64(1); ; n++ {
			ok, err := r.Read(&rec)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			var w, i int
			if _, err := fmt.Sscan(string(rec.Data), &w, &i); err != nil || rec.Number != n || i != seen[w]/3 {
				t.Fatalf("record %d, number %d: %.20q, writer had %d", n, rec.Number, rec.Data, seen[w])
			}
			seen[w]++
		}
		for w, n := range taken {
			if seen[w] < 3*n {
				t.Errorf("writer %d: %d were taken, %d are there", w, 3*n, seen[w])
			}
		}
		r.Close()
		s.Close()
	}
}

// A disk without room refuses; with room again the spool goes on, and nothing of what was refused is there.
func TestDiskFull(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "small")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Log("no tmpfs here, a limit on file sizes instead:", err)
		fileSizeLimit(t)
		return
	}
	defer func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}()
	s := open(t, dir, func(o *Options) { o.SegmentSize = 100 << 10; o.Keep = 0 })
	defer s.Close()
	r := s.Reader(0)
	defer r.Close()
	next := 1
	for range 3 {
		var err error
		for err == nil {
			if err = s.Append([]Record{record(next)}); err == nil {
				next++
			}
		}
		if !errors.Is(err, unix.ENOSPC) {
			t.Fatal(err)
		}
		for range 5 {
			if err := s.Append([]Record{record(next)}); err == nil {
				next++
			}
		}
		numbers(t, r)
		if r.Lost() != 0 || r.Number() != int64(next) {
			t.Fatalf("read up to %d, lost %d, want %d", r.Number(), r.Lost(), next)
		}
		_ = s.Remove(int64(next)) // it cannot note that, but makes room
	}
	if next < 5000 {
		t.Errorf("only %d records", next)
	}
}

// fileSizeLimit is for where nothing can be mounted: beyond the limit write(2) fails, halfway through a record.
func fileSizeLimit(t *testing.T) {
	s := open(t, t.TempDir())
	fill(t, s, 1, 50)
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: uint64(s.Size()) + 30, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	err := s.Append([]Record{record(50)})
	if e := unix.Setrlimit(unix.RLIMIT_FSIZE, &old); e != nil {
		t.Fatal(e)
	}
	if err == nil {
		t.Error("wrote beyond the limit")
	}
	fill(t, s, 50, 60)
	r := s.Reader(0)
	defer r.Close()
	run(t, numbers(t, r), 1, 60)
}

func TestFileSizeLimit(t *testing.T) { fileSizeLimit(t) }

// Whatever is in a segment, the reader ends, gives numbers that grow, and what it gives has a right checksum.
func FuzzReader(f *testing.F) {
	id := identity{1, 2, 3}
	var good []byte
	for i := 1; i < 5; i++ {
		rec := record(i)
		good = appendRecord(good, id.seed(), int64(i), &rec)
	}
	f.Add(good)
	f.Add(good[:len(good)-3])
	f.Add(append(bytes.Repeat([]byte{0}, 50), good...))
	f.Add(binary.LittleEndian.AppendUint32(nil, 1<<31))
	memory := "/dev/shm" // syncing to a disk would take most of the time
	if _, err := os.Stat(memory); err != nil {
		memory = ""
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		dir, err := os.MkdirTemp(memory, "spool") //nolint:usetesting // t.TempDir is on a disk
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		head := append([]byte(magic), id[:]...)
		for _, name := range []string{"00000000000000000001", "00000000000000000100"} {
			if err := os.WriteFile(filepath.Join(dir, name+suffix), append(head[:headSize:headSize], data...), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s := open(t, dir)
		defer s.Close()
		next := s.Next()
		if err := s.Append([]Record{{Data: []byte("last")}}); err != nil {
			t.Fatal(err)
		}
		r := s.Reader(0)
		defer r.Close()
		var rec Record
		number := int64(0)
		for {
			ok, err := r.Read(&rec)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			if rec.Number <= number {
				t.Fatalf("number %d after %d", rec.Number, number)
			}
			number = rec.Number
		}
		if number != next || string(rec.Data) != "last" {
			t.Fatalf("what was appended is not read: next was %d, last read %d", next, number)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	s := open(b, b.TempDir(), func(o *Options) { o.Keep = 0 })
	rs := make([]Record, 500)
	for i := range rs {
		rs[i] = Record{Sender: []byte("192.0.2.1"), Data: bytes.Repeat([]byte{'x'}, 200)}
	}
	b.SetBytes(200 * int64(len(rs)))
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Append(rs); err != nil {
			b.Fatal(err)
		}
		s.pinned.Store(s.Next())
		if err := s.Remove(s.Next()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(rs)*b.N)/b.Elapsed().Seconds(), "lines/s")
}

func BenchmarkRead(b *testing.B) {
	s := open(b, b.TempDir())
	rs := make([]Record, 500)
	for i := range rs {
		rs[i] = Record{Sender: []byte("192.0.2.1"), Data: bytes.Repeat([]byte{'x'}, 200)}
	}
	for range 200 {
		if err := s.Append(rs); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(200 * 200 * int64(len(rs)))
	for b.Loop() {
		r := s.Reader(0)
		var rec Record
		for {
			if ok, err := r.Read(&rec); err != nil {
				b.Fatal(err)
			} else if !ok {
				break
			}
		}
		r.Close()
	}
	b.ReportMetric(float64(200*len(rs)*b.N)/b.Elapsed().Seconds(), "lines/s")
}
