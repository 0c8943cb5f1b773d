package replay

import (
	"bytes"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
)

const alphabet = "abcdefghijklmnopqrstuvwxyz 0123456789=[]\r\x00\xff"

// randomText has lines up to longest bytes; the last may lack its line end.
func randomText(r *rand.Rand, size, longest int) string {
	var b strings.Builder
	for b.Len() < size {
		n := r.IntN(longest + 1)
		if r.IntN(3) > 0 {
			n %= 150
		}
		for range n {
			b.WriteByte(alphabet[r.IntN(len(alphabet))])
		}
		b.WriteByte('\n')
	}
	s := b.String()
	if r.IntN(2) == 0 {
		s = strings.TrimRight(s, "\n")
	}
	return s
}

// trickle gives a few bytes at a time.
type trickle struct {
	r    *rand.Rand
	text string
}

func (t *trickle) Read(p []byte) (int, error) {
	if t.text == "" {
		return 0, io.EOF
	}
	n := copy(p, t.text[:min(len(t.text), 1+t.r.IntN(40000))])
	t.text = t.text[n:]
	return n, nil
}

// A repeated reader gives n bytes of one kind.
type repeated struct {
	n int64
	c byte
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.n == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), r.n))
	for i := range p[:n] {
		p[i] = r.c
	}
	r.n -= int64(n)
	return n, nil
}

func TestMemoryOfLongLine(t *testing.T) {
	const size = 200 << 20
	for name, ledger := range map[string]bool{"no store": false, "store": true} {
		t.Run(name, func(t *testing.T) {
			o := Default()
			if ledger {
				o.Ledger = (&ledgerFake{}).lookup
			}
			in := io.MultiReader(strings.NewReader("one\n"), &repeated{size, 'x'}, strings.NewReader("\nlast\n"))
			s := source(t, o, in, "-")
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			all := drain(t, s)
			runtime.ReadMemStats(&after)
			want := "one\n" + strings.Repeat("x", maxLine+1) + "\nlast\n"
			if all[0].data != want || all[0].to != 4+size+6 {
				t.Fatalf("%d bytes, to %d", len(all[0].data), all[0].to)
			}
			if got := after.TotalAlloc - before.TotalAlloc; got > 8<<20 {
				t.Errorf("%d bytes were allocated", got)
			}
		})
	}
}

func TestScanStride(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 2))
		text := randomText(r, 300_000+r.IntN(500_000), 400)
		all := drain(t, source(t, Default(), nil, put(t, t.TempDir(), "x.log", text)))
		for _, stride := range []int64{0, 1000, 20_000, 50_000, 1 << 30} {
			at := 0
			var starts []int
			err := all[0].part.Scan(t.Context(), stride, func(run []byte) bool {
				i := strings.Index(text[at:], string(run))
				if i < 0 || at+i > 0 && text[at+i-1] != '\n' || run[len(run)-1] != '\n' && at+i+len(run) != len(text) {
					t.Fatalf("seed %d, stride %d: not a run of whole lines behind %d", seed, stride, at)
				}
				starts = append(starts, at+i)
				at += i + len(run)
				return true
			})
			must(t, err)
			if at != len(text) {
				t.Fatalf("seed %d, stride %d: the last line is missing", seed, stride)
			}
			if stride > 16<<10 {
				for i := int64(0); i+stride < int64(len(text)); i += stride {
					if !hasBetween(starts, int(i), int(i+stride)) {
						t.Fatalf("seed %d: no line in [%d,%d)", seed, i, i+stride)
					}
				}
			}
		}
		calls := 0
		must(t, all[0].part.Scan(t.Context(), 20_000, func([]byte) bool { calls++; return false }))
		if calls != 1 {
			t.Errorf("%d calls after false", calls)
		}
	}
}

func hasBetween(starts []int, from, to int) bool {
	for _, s := range starts {
		if s >= from && s < to {
			return true
		}
	}
	return false
}

func TestScanOfLongLines(t *testing.T) {
	text := "first\n" + strings.Repeat("x", 500_000) + "\nlast\n"
	all := drain(t, source(t, Default(), nil, put(t, t.TempDir(), "x.log", text)))
	if got := scanned(t, all[0].part, 100_000); got != "first\nlast\n" {
		t.Errorf("got %d bytes: %q", len(got), got[:min(len(got), 100)])
	}
	if !bytes.HasSuffix([]byte(scanned(t, all[0].part, 0)), []byte("x\nlast\n")) {
		t.Error("the whole file lacks its end")
	}
}
