package replay

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"mailstop/event"
)

// logText looks like a packet log as far as a compressor can tell.
func logText(size int) string {
	r := rand.New(rand.NewPCG(1, 1))
	var b bytes.Buffer
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "Jan  5 %02d:%02d:%02d fw-1 kernel: [%d.%06d] [UFW BLOCK] IN= OUT=eth0 SRC=10.0.%d.%d DST=192.0.2.%d LEN=60 TOS=0x00 "+
			"PREC=0x00 TTL=64 ID=%d DF PROTO=TCP SPT=%d DPT=%d WINDOW=64240 RES=0x00 SYN URGP=0\n", i/36000%24, i/600%60, i/10%60, i/10,
			r.IntN(1e6), r.IntN(4), r.IntN(250), r.IntN(250), r.IntN(65536), 32768+r.IntN(28000), []int{25, 465, 587, 443}[r.IntN(4)])
	}
	return b.String()
}

func run(b *testing.B, o Options, path string) {
	b.Helper()
	s := source(b, o, nil, path)
	for {
		batch, err := s.Next(b.Context())
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil || batch.Problem != "" {
			b.Fatal(err, batch)
		}
		batch.Done()
	}
}

func none(context.Context, string) ([]event.Extent, error) { return nil, nil }

func BenchmarkPlain(b *testing.B) {
	const size = 256 << 20
	p := put(b, b.TempDir(), "x.log", logText(size))
	b.Run("copy alone", func(b *testing.B) {
		buf := make([]byte, 256<<10)
		b.SetBytes(size)
		for b.Loop() {
			f, err := os.Open(p)
			must(b, err)
			for err == nil {
				_, err = f.Read(buf)
			}
			f.Close()
		}
	})
	stored := Default()
	stored.Ledger = none
	var known ledgerFake
	again := Default()
	again.Ledger = known.lookup
	s := source(b, stored, nil, p)
	for {
		batch, err := s.Next(b.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if batch.Extent != nil {
			known.store(*batch.Extent, nil)
		}
		batch.Done()
	}
	for name, o := range map[string]Options{"no store": Default(), "extents": stored, "extents known": again} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				run(b, o, p)
			}
		})
	}
}

func BenchmarkPacked(b *testing.B) {
	const size = 64 << 20
	text := logText(size)
	for _, c := range []struct {
		name   string
		packed []byte
		decode func(io.Reader) (io.Reader, error)
	}{
		{"gz", gz(b, text), func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
		{"zst", zst(b, text), func(r io.Reader) (io.Reader, error) {
			d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
			return d, err
		}},
		{"zst concurrent", zst(b, text), func(r io.Reader) (io.Reader, error) {
			d, err := zstd.NewReader(r)
			return d, err
		}},
		{"xz", xzip(b, text[:size/8]), func(r io.Reader) (io.Reader, error) { return xz.NewReader(r) }},
	} {
		p := put(b, b.TempDir(), "x", c.packed)
		n := int64(size)
		if c.name == "xz" {
			n /= 8
		}
		b.Run(c.name+"/decode alone", func(b *testing.B) {
			b.SetBytes(n)
			buf := make([]byte, 256<<10)
			for b.Loop() {
				f, err := os.Open(p)
				must(b, err)
				r, err := c.decode(bufio.NewReaderSize(f, 64<<10))
				must(b, err)
				for err == nil {
					_, err = r.Read(buf)
				}
				if d, ok := r.(*zstd.Decoder); ok {
					d.Close()
				}
				f.Close()
			}
		})
		b.Run(c.name+"/replay", func(b *testing.B) {
			b.SetBytes(n)
			b.ReportAllocs()
			for b.Loop() {
				run(b, Default(), p)
			}
		})
	}
}
