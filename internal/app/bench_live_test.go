package app

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailstop/internal/bench"
	"mailstop/internal/config"
	"mailstop/internal/kafkatest"
)

// BenchmarkLive runs the daemon over a million lines: from a file, into the store, and from a real broker.
func BenchmarkLive(b *testing.B) {
	const lines = 1_000_000
	dir := b.TempDir()
	var text bytes.Buffer
	if err := bench.Generate(&text, lines); err != nil {
		b.Fatal(err)
	}
	log := filepath.Join(dir, "bench.log")
	if err := os.WriteFile(log, text.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	broker := kafkatest.Start(b, "4.4.0")
	for b.Loop() {
		l := LiveBench{Config: config.Default(), Log: log, Lines: lines, Dir: dir, Broker: broker.Addr, Store: LibraryVersion() != NoLibrary}
		err := l.Run(b.Context(), func(r LiveRate) error {
			b.ReportMetric(r.Rate/1e6, "M_lines/s_"+strings.NewReplacer(" ", "_", ",", "").Replace(r.Name))
			b.Logf("%s: %.2f M lines/s, %.2f s, CPU %.2f s", r.Name, r.Rate/1e6, r.Seconds, r.CPU)
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
