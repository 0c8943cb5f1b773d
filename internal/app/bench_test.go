package app

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mailstop/internal/bench"
	"mailstop/internal/config"
)

// benchLog is $MAILSTOP_BENCH_LOG, or a generated log of 200,000 lines.
func benchLog(b *testing.B) string {
	if path := os.Getenv("MAILSTOP_BENCH_LOG"); path != "" {
		return path
	}
	var text bytes.Buffer
	if err := bench.Generate(&text, 200_000); err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "bench.log")
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}

func BenchmarkParseOnly(b *testing.B) {
	path := benchLog(b)
	perLine(b, path, func() int64 {
		n, err := ParseOnly(b.Context(), Options{Config: config.Default(), Paths: []string{path}, Now: time.Now()}, 1)
		if err != nil {
			b.Fatal(err)
		}
		return n.Rows
	})
}

func BenchmarkReplay(b *testing.B) {
	path := benchLog(b)
	perLine(b, path, func() int64 {
		r, err := Replay(b.Context(), Options{Config: config.Default(), Paths: []string{path}, Now: time.Now()}, func(Meter) func() { return func() {} })
		if err != nil {
			b.Fatal(err)
		}
		return int64(r.Totals.Lines)
	})
}

func perLine(b *testing.B, path string, run func() int64) {
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(info.Size())
	b.ReportAllocs()
	var lines int64
	for b.Loop() {
		lines += run()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(lines), "ns/line")
}

func BenchmarkReplayIntoStore(b *testing.B) {
	if LibraryVersion() == NoLibrary {
		b.Skip("libchdb is not installed")
	}
	path := benchLog(b)
	for _, keep := range []string{"mail", "all"} {
		b.Run(keep, func(b *testing.B) {
			cfg := config.Default()
			cfg.Store.Keep = keep
			perLine(b, path, func() int64 {
				o := Options{Config: cfg, Paths: []string{path}, Store: b.TempDir(), Now: time.Now()}
				r, err := Replay(b.Context(), o, func(Meter) func() { return func() {} })
				if err != nil {
					b.Fatal(err)
				}
				return int64(r.Totals.Lines)
			})
		})
	}
}
