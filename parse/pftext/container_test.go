package pftext

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

const (
	split = "2026-01-05 10:11:12.345678 rule 4/0(match) [uid 0]: block in on em0: (tos 0x0, ttl 51, id 40221, offset 0, flags [DF], proto TCP (6), length 60)\n" +
		"    203.0.113.9.51234 > 192.0.2.25.25: Flags [S], cksum 0x5fc0 (correct), seq 1, win 64240, length 0\n"
	joined = "2026-01-05 10:11:12.345678 rule 4/0(match) [uid 0]: block in on em0: (tos 0x0, ttl 51, id 40221, offset 0, flags [DF], proto TCP (6), length 60)" +
		" 203.0.113.9.51234 > 192.0.2.25.25: Flags [S], cksum 0x5fc0 (correct), seq 1, win 64240, length 0\n"
	whole = "rule 4/0(match): block in on em0: 203.0.113.9.51234 > 192.0.2.25.25: Flags [S], seq 1, win 64240, length 0\n"
	delta = " 00:00:00.012345 " + whole
)

func TestContainerMatch(t *testing.T) {
	for head, want := range map[string]bool{
		split:                            true,
		strings.TrimSuffix(split, "\n"):  true,
		"tcpdump: listening\n" + split:   true,
		whole + "\t0x0000:  4500 003c\n": true,
		whole + whole:                    false,
		delta + delta[:12]:               false, // where the head ends
		delta + delta:                    false, // each line starts with a blank, and is a record
		whole + "\n    \n" + whole:       false,
		whole + "text\n    more\n":       false,
		"text\n    more\n":               false,
		"    203.0.113.9.51234 > 192.0.2.25.25: Flags [S]\n": false,
		"": false,
	} {
		if got := Container().Match([]byte(head)); got != want {
			t.Errorf("Match(%q) = %t, want %t", head, got, want)
		}
	}
}

func TestJoin(t *testing.T) {
	for in, want := range map[string]string{
		split + split:                           joined + joined,
		strings.ReplaceAll(split, "\n", "\r\n"): joined,
		strings.TrimSuffix(split, "\n"):         joined,
		whole + split + whole:                   whole + joined + whole,
		delta + delta:                           delta + delta,
		strings.Replace(split, "2026-01-05 10:11:12.345678", " 00:00:00.012345", 1): strings.Replace(joined, "2026-01-05 10:11:12.345678", " 00:00:00.012345", 1),
		"text\n    more\n" + split: "text\n    more\n" + joined,
		"\n\n" + split:             "\n\n" + joined,
		whole + "\t0x0000:  4500\n\t0x0010:  cb00\n" + whole: strings.TrimSuffix(whole, "\n") + " 0x0000:  4500 0x0010:  cb00\n" + whole,
		"    lost\n" + whole: "    lost\n" + whole,
		"":                   "",
	} {
		for name, wrap := range map[string]func(io.Reader) io.Reader{
			"": func(r io.Reader) io.Reader { return r }, "by bytes": iotest.OneByteReader, "error late": iotest.DataErrReader,
		} {
			got, err := io.ReadAll(Container().Lines(wrap(strings.NewReader(in))))
			if err != nil || string(got) != want {
				t.Errorf("%s %q\n got %q, %v\nwant %q", name, in, got, err, want)
			}
		}
	}
}

// What was read before an error is handed out first.
func TestJoinError(t *testing.T) {
	broken := errors.New("broken")
	in := io.MultiReader(strings.NewReader(split+"rule 4/0(ma"), iotest.ErrReader(broken))
	got, err := io.ReadAll(Container().Lines(in))
	if want := joined + "rule 4/0(ma\n"; !errors.Is(err, broken) || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

type endless struct{ part []byte }

func (e endless) Read(p []byte) (int, error) { return copy(p, e.part), nil }

// A record or a line without end needs no memory beyond a bound.
func TestJoinIsBounded(t *testing.T) {
	for name, part := range map[string]string{"one line": "x", "one record": "  xxxxxxx\n"} {
		in := io.MultiReader(strings.NewReader(whole), io.LimitReader(endless{bytes.Repeat([]byte(part), 1000)}, 64<<20))
		r := Container().Lines(in)
		n, longest := 0, 0
		buf := make([]byte, 32<<10)
		for {
			m, err := r.Read(buf)
			n += m
			longest = max(longest, cap(r.(*joiner).record), cap(r.(*joiner).line), cap(r.(*joiner).done))
			if err != nil {
				break
			}
		}
		if n == 0 || longest > 4*maxRecord {
			t.Errorf("%s: %d bytes out, %d bytes kept", name, n, longest)
		}
	}
}

func FuzzContainer(f *testing.F) {
	for _, in := range []string{split, whole, delta, split + whole + "\t0x0000:  4500\n" + split, "\n \n"} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		_ = Container().Match(in[:min(len(in), 4096)])
		once, err := io.ReadAll(Container().Lines(bytes.NewReader(in)))
		again, err2 := io.ReadAll(Container().Lines(iotest.HalfReader(bytes.NewReader(in))))
		if err != nil || err2 != nil || !bytes.Equal(once, again) {
			t.Fatalf("%q: %q, %v and %q, %v", in, once, err, again, err2)
		}
		if len(once) > len(in)+bytes.Count(in, []byte{'\n'})+1 {
			t.Fatalf("%q became longer: %q", in, once)
		}
	})
}
