package file

import (
	"context"
	"os"
	"strings"
	"testing"

	"mailstop/event"
)

// BenchmarkFollow reads a file of 200-byte lines as it was found, with a store that knows nothing.
func BenchmarkFollow(b *testing.B) {
	const count = 500_000
	line := strings.Repeat("x", 199) + "\n"
	p := in(b)
	f, err := os.Create(p)
	must(b, err)
	for range count / 1000 {
		_, err := f.WriteString(strings.Repeat(line, 1000))
		must(b, err)
	}
	must(b, f.Close())
	b.SetBytes(count * 200)
	b.ReportAllocs()
	for b.Loop() {
		o := Default()
		o.Paths, o.Linger = []string{p}, 0
		o.Ledger = func(context.Context, string) ([]event.Extent, error) { return nil, nil }
		s, err := New(o)
		must(b, err)
		s.o.Checkpoint = func() {
			_, committed, err := s.Checkpoint()
			must(b, err)
			must(b, committed(b.Context()))
		}
		for read := int64(0); read < count*200; {
			batch, err := s.Next(b.Context())
			must(b, err)
			read = batch.To
			batch.Done()
		}
		must(b, s.Close())
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/count, "ns/line")
}

// BenchmarkIdle looks at a thousand files in which nothing happens.
func BenchmarkIdle(b *testing.B) {
	dir := b.TempDir()
	for i := range 1000 {
		put(b, dir+"/"+strings.Repeat("h", 5)+text(i)[:9]+".log", "one\n")
	}
	o := Default()
	o.Paths, o.Poll = []string{dir + "/*.log"}, true
	s, err := New(o)
	must(b, err)
	defer s.Close()
	s.o.Linger = 0
	s.o.Checkpoint = func() {
		_, committed, err := s.Checkpoint()
		must(b, err)
		must(b, committed(b.Context()))
	}
	for range 1000 {
		batch, err := s.Next(b.Context())
		must(b, err)
		batch.Done()
	}
	b.ReportAllocs()
	for b.Loop() {
		s.lookAll(s.looked)
	}
}
