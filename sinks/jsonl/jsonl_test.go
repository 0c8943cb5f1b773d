package jsonl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"mailstop/event"
	"mailstop/sinks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func entry(line int) event.Entry {
	return event.Entry{
		Time: time.Date(2026, 1, 5, 10, 2, 0, 0, time.UTC).UnixNano(), TimeQuality: event.TimeExact, Host: "web-1",
		Format: event.Netfilter, Action: event.Drop, Direction: event.Out, Source: "ufw.log", Pos: int64(line),
		Raw: fmt.Sprintf("[UFW BLOCK] IN= OUT=eth0 \"%d\" \x1b\xff", line), Count: 1,
	}
}

// batch encodes entries from, …, to-1 in blocks of two, each in its own goroutine as workers do.
func batch(s *Sink, from, to int) *sinks.Batch {
	b := &sinks.Batch{Source: "ufw.log"}
	var wg sync.WaitGroup
	for i := from; i < to; i += 2 {
		var es []event.Entry
		for j := i; j < min(i+2, to); j++ {
			es = append(es, entry(j))
		}
		block := s.Block()
		b.Blocks = append(b.Blocks, block)
		wg.Go(func() { block.Append(es) })
	}
	wg.Wait()
	return b
}

func want(n int) string {
	var b []byte
	for i := range n {
		e := entry(i)
		b = append(e.AppendJSON(b), '\n')
	}
	return string(b)
}

func TestOrderAndCompression(t *testing.T) {
	plain := func(r io.Reader) (io.Reader, error) { return r, nil }
	for name, unpack := range map[string]func(io.Reader) (io.Reader, error){
		"out.jsonl":     plain,
		"out.jsonl.gz":  func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"out.jsonl.zst": func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r, zstd.WithDecoderConcurrency(1)) },
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(strings.Repeat("what was there before\n", 9999)), 0o600); err != nil {
			t.Fatal(err)
		}
		s := New(path, nil)
		for i := 0; i < 3000; i += 7 {
			if err := s.Write(t.Context(), batch(s, i, min(i+7, 3000))); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Write(t.Context(), &sinks.Batch{Findings: []event.Finding{{ID: "x"}}}); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.Close(t.Context()), s.Close(t.Context())); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		r, err := unpack(f)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want(3000) {
			t.Errorf("%s: %d bytes, want %d, or in another order", name, len(got), len(want(3000)))
		}
		for l := range bytes.Lines(got) {
			if !json.Valid(l) {
				t.Fatalf("%s: not JSON: %s", name, l)
			}
		}
	}
}

func TestStdout(t *testing.T) {
	var out bytes.Buffer
	s := New(Stdout, &out)
	b := batch(s, 0, 3)
	// The second Write finds blocks that are spent: nothing is written twice.
	if err := errors.Join(s.Write(t.Context(), b), s.Write(t.Context(), b), s.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	if out.String() != want(3) {
		t.Errorf("got %s", &out)
	}
}

func TestNewIsInert(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.jsonl")
	s := New(path, nil)
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("New made the file: %v", err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != 0 {
		t.Errorf("a replay without lines leaves %v, %v; want an empty file", info, err)
	}
}

type fullDisk struct{ room int }

var errFull = errors.New("no space left on device")

func (d *fullDisk) Write(b []byte) (int, error) {
	if len(b) > d.room {
		n := d.room
		d.room = 0
		return n, errFull
	}
	d.room -= len(b)
	return len(b), nil
}

func TestErrors(t *testing.T) {
	s := New(filepath.Join(t.TempDir(), "no", "such", "folder.jsonl"), nil)
	err := s.Write(t.Context(), batch(s, 0, 1))
	if !errors.Is(err, os.ErrNotExist) || !errors.Is(err, sinks.ErrPermanent) || strings.Count(err.Error(), "folder.jsonl") != 1 {
		t.Errorf("err = %v", err)
	}
	if again := s.Close(t.Context()); !errors.Is(again, os.ErrNotExist) {
		t.Errorf("Close = %v", again)
	}

	disk := &fullDisk{room: 1000}
	s = New(Stdout, disk)
	err = nil
	for i := 0; err == nil && i < 1e6; i += 100 {
		err = s.Write(t.Context(), batch(s, i, i+100))
	}
	if !errors.Is(err, errFull) || !errors.Is(err, sinks.ErrPermanent) {
		t.Fatalf("err = %v", err)
	}
	disk.room = 1 << 30
	if again := s.Write(t.Context(), batch(s, 0, 1)); !errors.Is(again, errFull) {
		t.Errorf("a gap was forgotten: %v", again)
	}
	if err := s.Close(t.Context()); !errors.Is(err, errFull) {
		t.Errorf("Close = %v", err)
	}

	// Standard output gets each batch at once: somebody may be watching.
	s = New(Stdout, &fullDisk{})
	if err := s.Write(t.Context(), batch(s, 0, 1)); !errors.Is(err, errFull) {
		t.Errorf("Write keeps lines back: %v", err)
	}
	if err := s.Close(t.Context()); !errors.Is(err, errFull) {
		t.Errorf("Close = %v", err)
	}

	s = New(Stdout, io.Discard)
	if err := s.Write(t.Context(), &sinks.Batch{Blocks: []sinks.Block{foreign{}}}); !errors.Is(err, sinks.ErrPermanent) {
		t.Errorf("foreign block: %v", err)
	}
}

type foreign struct{}

func (foreign) Append([]event.Entry) {}

func TestDevice(t *testing.T) {
	s := New(os.DevNull, nil)
	if err := errors.Join(s.Write(t.Context(), batch(s, 0, 9)), s.Close(t.Context())); err != nil {
		t.Error(err)
	}
	s = New("/dev/full", nil)
	if err := s.Write(t.Context(), batch(s, 0, 9)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err == nil {
		t.Error("a full device went unnoticed")
	}
}

func BenchmarkAppend(b *testing.B) {
	s := New(Stdout, io.Discard)
	es := make([]event.Entry, 1000)
	for i := range es {
		es[i] = entry(i)
	}
	blk := s.Block().(*block)
	b.ReportAllocs()
	for b.Loop() {
		*blk.lines = (*blk.lines)[:0]
		blk.Append(es)
	}
	b.SetBytes(int64(len(*blk.lines)))
}
