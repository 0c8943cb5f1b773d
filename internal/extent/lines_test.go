package extent

import (
	"errors"
	"io"
	"math/rand/v2"
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
		text := randomText(r, r.IntN(2_000_000), []int{10, 200, 5000, MaxLine}[seed%4])
		size := MinBlock + r.IntN(300_000)
		l := Lines{
			Source: &trickle{r, text}, Pool: NewPool(size), Eager: seed%3 == 0,
		}
		var got strings.Builder
		var held []Block
		check := func(b Block) {
			if b.To-b.From != int64(len(b.Data)) || string(b.Data) != text[b.From:b.To] {
				t.Fatalf("seed %d: block [%d,%d) is not the text", seed, b.From, b.To)
			}
			b.Release()
		}
		for {
			b, err := l.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(b.Data) > size || b.Cut || b.Open != (b.Data[len(b.Data)-1] != '\n') || b.From != int64(got.Len()) {
				t.Fatalf("seed %d: block [%d,%d) of %d bytes, cut %v, open %v", seed, b.From, b.To, len(b.Data), b.Cut, b.Open)
			}
			got.Write(b.Data)
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
		"longest whole":     "a\n" + long(MaxLine) + "\nb\n",
		"one too many":      "a\n" + long(MaxLine+1) + "\nb\n",
		"two too many":      "a\n" + long(MaxLine+2) + "\nb\n",
		"longer than block": "a\n" + long(1<<20) + "\nb\n",
		"first":             long(1<<20) + "\nb\n",
		"last":              "a\n" + long(1<<20) + "\n",
		"last, open":        "a\n" + long(1<<20),
		"only, open":        long(1 << 20),
		"just open":         "a\n" + long(MaxLine+1),
		"many":              strings.Repeat(long(MaxLine+5)+"\nshort\n", 30),
		"many together":     strings.Repeat(long(MaxLine+5)+"\n", 30),
		"at a block's end":  strings.Repeat("y", MinBlock-2) + "\n" + long(MaxLine+1) + "\nb\n",
	} {
		for _, size := range []int{MinBlock, 200_000, 256 << 10, 2 << 20} {
			for _, eager := range []bool{false, true} {
				l := Lines{Source: strings.NewReader(text), Pool: NewPool(size), Eager: eager}
				var got []string
				at := 0
				for {
					b, err := l.Next()
					if errors.Is(err, io.EOF) {
						break
					}
					if int(b.From) != at {
						t.Fatalf("%s: block at %d, not %d", name, b.From, at)
					}
					at = int(b.To)
					data := string(b.Data)
					if !b.Cut && data != text[b.From:b.To] {
						t.Fatalf("%s: block [%d,%d) is not the text", name, b.From, b.To)
					}
					if b.Cut && strings.LastIndexByte(text[:b.To-1], '\n')+1 != int(b.From)+strings.LastIndexByte(data[:len(data)-1], '\n')+1 {
						t.Fatalf("%s: the cut line is not the last of its block", name)
					}
					for line := range strings.Lines(data) {
						got = append(got, strings.TrimSuffix(line, "\n"))
					}
					b.Release()
				}
				if at != len(text) {
					t.Fatalf("%s: read to %d of %d", name, at, len(text))
				}
				i := 0
				for line := range strings.Lines(text) {
					line = strings.TrimSuffix(line, "\n")
					if i == len(got) || got[i] != line[:min(len(line), MaxLine+1)] {
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

func TestNoProgress(t *testing.T) {
	l := Lines{Source: iotest.ErrReader(nil), Pool: NewPool(MinBlock)}
	if _, err := l.Next(); !errors.Is(err, io.ErrNoProgress) {
		t.Fatal(err)
	}
}
