package replay

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
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

func TestBlocksAreTheText(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		text := randomText(r, r.IntN(2_000_000), []int{10, 200, 5000, maxLine}[seed%4])
		size := minBlock + r.IntN(300_000)
		l := lines{
			src: &trickle{r, text}, pool: newPool(size), eager: seed%3 == 0, read: func() int64 { return 0 },
		}
		var got strings.Builder
		var held []block
		check := func(b block) {
			if b.to-b.from != int64(len(b.data)) || string(b.data) != text[b.from:b.to] {
				t.Fatalf("seed %d: block [%d,%d) is not the text", seed, b.from, b.to)
			}
			b.buf.release()
		}
		for {
			b, err := l.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(b.data) > size || b.cut || b.open != (b.data[len(b.data)-1] != '\n') || b.from != int64(got.Len()) {
				t.Fatalf("seed %d: block [%d,%d) of %d bytes, cut %v, open %v", seed, b.from, b.to, len(b.data), b.cut, b.open)
			}
			got.Write(b.data)
			// A block stays as it is until it is done, however late.
			held = append(held, b)
			if len(held) > 5 {
				i := r.IntN(len(held))
				check(held[i])
				held = append(held[:i], held[i+1:]...)
			}
		}
		for _, b := range held {
			check(b)
		}
		if got.String() != text {
			t.Fatalf("seed %d: %d bytes of %d", seed, got.Len(), len(text))
		}
	}
}

func TestLongLines(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	for name, text := range map[string]string{
		"longest whole":     "a\n" + long(maxLine) + "\nb\n",
		"one too many":      "a\n" + long(maxLine+1) + "\nb\n",
		"two too many":      "a\n" + long(maxLine+2) + "\nb\n",
		"longer than block": "a\n" + long(1<<20) + "\nb\n",
		"first":             long(1<<20) + "\nb\n",
		"last":              "a\n" + long(1<<20) + "\n",
		"last, open":        "a\n" + long(1<<20),
		"only, open":        long(1 << 20),
		"just open":         "a\n" + long(maxLine+1),
		"many":              strings.Repeat(long(maxLine+5)+"\nshort\n", 30),
		"many together":     strings.Repeat(long(maxLine+5)+"\n", 30),
		"at a block's end":  strings.Repeat("y", minBlock-2) + "\n" + long(maxLine+1) + "\nb\n",
	} {
		for _, size := range []int{minBlock, 200_000, 256 << 10, 2 << 20} {
			for _, eager := range []bool{false, true} {
				l := lines{src: strings.NewReader(text), pool: newPool(size), eager: eager, read: func() int64 { return 0 }}
				var got []string
				at := 0
				for {
					b, err := l.next()
					if errors.Is(err, io.EOF) {
						break
					}
					if int(b.from) != at {
						t.Fatalf("%s: block at %d, not %d", name, b.from, at)
					}
					at = int(b.to)
					data := string(b.data)
					if !b.cut && data != text[b.from:b.to] {
						t.Fatalf("%s: block [%d,%d) is not the text", name, b.from, b.to)
					}
					if b.cut && strings.LastIndexByte(text[:b.to-1], '\n')+1 != int(b.from)+strings.LastIndexByte(data[:len(data)-1], '\n')+1 {
						t.Fatalf("%s: the cut line is not the last of its block", name)
					}
					for line := range strings.Lines(data) {
						got = append(got, strings.TrimSuffix(line, "\n"))
					}
					b.buf.release()
				}
				if at != len(text) {
					t.Fatalf("%s: read to %d of %d", name, at, len(text))
				}
				i := 0
				for line := range strings.Lines(text) {
					line = strings.TrimSuffix(line, "\n")
					if i == len(got) || got[i] != line[:min(len(line), maxLine+1)] {
						t.Fatalf("%s, blocks of %d: line %d differs", name, size, i)
					}
					i++
				}
				if i != len(got) {
					t.Fatalf("%s: %d lines of %d", name, len(got), i)
				}
			}
		}
	}
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

func TestNoProgress(t *testing.T) {
	l := lines{src: iotest.ErrReader(nil), pool: newPool(minBlock), read: func() int64 { return 0 }}
	if _, err := l.next(); !errors.Is(err, io.ErrNoProgress) {
		t.Fatal(err)
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
