package evtx

import (
	"bytes"
	"io"
	"testing"
)

func BenchmarkLines(b *testing.B) {
	for name, c := range map[string]*chunkWriter{"events": full(1), "damaged": wrecks()} {
		f := closed(c, c, c, c)
		b.Run(name, func(b *testing.B) {
			n, err := io.Copy(io.Discard, newReader(bytes.NewReader(f)))
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(f)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := io.Copy(io.Discard, newReader(bytes.NewReader(f))); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)/float64(len(f)), "text/byte")
		})
	}
}
