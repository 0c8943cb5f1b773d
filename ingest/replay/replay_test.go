package replay

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"go.uber.org/goleak"

	"mailstop/ingest"
	"mailstop/internal/unpack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The standard library has no bzip2 writer.
const (
	bzOneTwo = "QlpoOTFBWSZTWacUK3cAAALBgAAQAgGEgCAAIYAMAjj1G4u5IpwoSFOKFbuA"
	bzThree  = "QlpoOTFBWSZTWQHHM2oAAALBgAAQAkAUACAAIYNBmgiwHF3JFOFCQAcczag="
	bzEmpty  = "QlpoORdyRThQkAAAAAA="
)

func unbase(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func gz(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zst(t testing.TB, text string) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll([]byte(text), nil)
}

func xzip(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := xz.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// put writes a file and returns its path.
func put[T string | []byte](t testing.TB, dir, name string, content T) string {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

// source opens args, which must be fine.
func source(t testing.TB, o Options, stdin io.Reader, args ...string) *Source {
	t.Helper()
	in, err := Find(args, stdin)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(in, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// A taken part is what came of one input.
type taken struct {
	part     *ingest.Part
	data     string
	to       int64
	problems []string
}

// drain reads s to its end and checks what every batch must keep.
func drain(t testing.TB, s *Source) []*taken {
	t.Helper()
	var all []*taken
	last := map[*ingest.Part]*taken{}
	for {
		b, err := s.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		p := last[b.Part]
		if p == nil {
			p = &taken{part: b.Part}
			last[b.Part] = p
			all = append(all, p)
		}
		if len(p.problems) > 0 || len(b.Data) > 0 && p.data != "" && !strings.HasSuffix(p.data, "\n") {
			t.Errorf("%s: a batch behind the last", b.Part.Source)
		}
		if b.Problem != "" {
			p.problems = append(p.problems, b.Problem)
		} else if len(b.Data) == 0 {
			t.Errorf("%s: empty batch", b.Part.Source)
		}
		if b.From != p.to || b.To < b.From {
			t.Errorf("%s: extent [%d,%d) behind %d", b.Part.Source, b.From, b.To, p.to)
		}
		p.to = b.To
		p.data += string(b.Data)
		b.Done()
	}
}

func TestEveryPacking(t *testing.T) {
	const text = "one\ntwo\nthree\n"
	half, rest := "one\ntwo\n", "three\n"
	join := func(b ...[]byte) []byte { return bytes.Join(b, nil) }
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"plain.log":        []byte(text),
		"plain.log.gz":     []byte(text), // a name that lies
		"packed.log":       gz(t, text),  // another
		"gz.gz":            gz(t, text),
		"members.gz":       join(gz(t, half), gz(t, ""), gz(t, rest)),
		"padded.gz":        join(gz(t, text), make([]byte, 700)),
		"zst.zst":          zst(t, text),
		"frames.zst":       join(zst(t, half), []byte{0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3}, zst(t, rest)),
		"skip-first.zst":   join([]byte{0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0}, zst(t, text)),
		"bz2.bz2":          join(unbase(t, bzOneTwo), unbase(t, bzThree)),
		"empty-first.bz2":  join(unbase(t, bzEmpty), unbase(t, bzOneTwo), unbase(t, bzThree)),
		"xz.xz":            xzip(t, text),
		"streams.xz":       join(xzip(t, half), make([]byte, 8), xzip(t, rest)),
		"no-extension-1":   xzip(t, text),
		"not-really-a.bz2": []byte(text),
	} {
		p := put(t, dir, name, content)
		for _, from := range []string{"file", "stream"} {
			t.Run(name+"/"+from, func(t *testing.T) {
				s := source(t, Default(), nil, p)
				if from == "stream" {
					s = source(t, Default(), bytes.NewReader(content), "-")
				}
				all := drain(t, s)
				if len(all) != 1 || all[0].data != text || all[0].to != int64(len(text)) || all[0].problems != nil {
					t.Fatalf("got %+v", all)
				}
				done, total, file := s.Progress()
				if done != total || file != all[0].part.Source {
					t.Errorf("progress %d of %d, %s", done, total, file)
				}
				if from == "stream" {
					return
				}
				if total != int64(len(content)) || all[0].part.Size != total {
					t.Errorf("total %d, size %d, want %d", total, all[0].part.Size, len(content))
				}
				if want := unpack.KindOf(content) != unpack.Plain; all[0].part.Compressed != want {
					t.Errorf("compressed %v", all[0].part.Compressed)
				}
				if got := scanned(t, all[0].part, 0); got != text {
					t.Errorf("second reading %q", got)
				}
			})
		}
	}
}

func scanned(t testing.TB, p *ingest.Part, stride int64) string {
	t.Helper()
	var b strings.Builder
	if err := p.Scan(t.Context(), stride, func(l []byte) bool { b.Write(l); return true }); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestOddTexts(t *testing.T) {
	for name, text := range map[string]string{
		"empty":          "",
		"no line end":    "one\ntwo",
		"one sign":       "x",
		"only line ends": "\n\n\n",
		"CRLF":           "one\r\ntwo\r\n",
		"UTF-16":         "\xff\xfeo\x00n\x00e\x00\r\x00\n\x00",
		"NUL run":        "one\n" + strings.Repeat("\x00", 100) + "\n" + strings.Repeat("text and text\n", 1000),
		"latin-1":        "gr\xfc\xdfe\n",
	} {
		t.Run(name, func(t *testing.T) {
			p := put(t, t.TempDir(), "x.log", text)
			s := source(t, Default(), strings.NewReader(text), p, "-")
			all := drain(t, s)
			if text == "" {
				if len(all) != 0 {
					t.Fatalf("got %+v", all)
				}
				return
			}
			if len(all) != 2 || all[0].data != text || all[1].data != text || all[0].problems != nil || all[1].problems != nil {
				t.Fatalf("got %+v", all)
			}
			if !all[1].part.Reference.IsZero() || all[1].part.Scan != nil || all[1].part.Source != "stdin" {
				t.Errorf("standard input: %+v", all[1].part)
			}
		})
	}
}

func TestTruncated(t *testing.T) {
	var text strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&text, "Jan  5 10:%02d:%02d fw kernel: packet %d of %x\n", i/60%60, i%60, i, i*i*7919)
	}
	want := text.String()
	bz := unbase(t, bzOneTwo)
	for name, packed := range map[string][]byte{"gz": gz(t, want), "zst": zst(t, want), "xz": xzip(t, want), "bz2": bz} {
		want := want
		if name == "bz2" {
			want = "one\ntwo\n"
		}
		dir := t.TempDir()
		next := put(t, dir, "z.log", "next\n")
		step := max(1, len(packed)/60)
		for n := 6; n < len(packed); n += step {
			p := put(t, dir, "cut", packed[:n])
			all := drain(t, source(t, Default(), nil, p, next))
			if unpack.KindOf(packed[:n]) == unpack.Plain {
				continue // bzip2 is recognised by ten bytes
			}
			if len(all) != 2 || all[1].data != "next\n" {
				t.Fatalf("%s cut at %d: %+v", name, n, all)
			}
			got := all[0]
			if !strings.HasPrefix(want, got.data) || len(got.problems) != 1 {
				t.Fatalf("%s cut at %d: %d bytes, problems %q", name, n, len(got.data), got.problems)
			}
			prefix := fmt.Sprintf("%s: offset %d: unexpected end of file", p, n)
			if !strings.HasPrefix(got.problems[0], prefix) {
				t.Errorf("%s cut at %d: %q", name, n, got.problems[0])
			}
			if name == "gz" && n > len(packed)/2 && len(got.data) < len(want)/4 {
				t.Errorf("%s cut at %d: only %d bytes of %d", name, n, len(got.data), len(want))
			}
		}
	}
}

func TestDamaged(t *testing.T) {
	text := strings.Repeat("Jan  5 10:00:00 fw kernel: a line\n", 20000)
	for name, packed := range map[string][]byte{"gz": gz(t, text), "zst": zst(t, text), "xz": xzip(t, text)} {
		for _, at := range []int{7, len(packed) / 3, len(packed) / 2, len(packed) - 3} {
			bad := bytes.Clone(packed)
			bad[at] ^= 0x55
			p := put(t, t.TempDir(), "bad."+name, bad)
			all := drain(t, source(t, Default(), nil, p))
			if len(all) == 1 && all[0].data == text && name == "gz" && at == 7 {
				continue // the time in the header is not checked
			}
			if len(all) != 1 || len(all[0].problems) != 1 || !strings.HasPrefix(all[0].problems[0], p+": offset ") {
				t.Errorf("%s damaged at %d: %+v", name, at, all)
			}
		}
	}
	p := put(t, t.TempDir(), "trail.gz", append(gz(t, "one\n"), "no gzip"...))
	all := drain(t, source(t, Default(), nil, p))
	if all[0].data != "one\n" || len(all[0].problems) != 1 || !strings.Contains(all[0].problems[0], "not compressed") {
		t.Errorf("trailing bytes: %+v", all[0])
	}
	big := xzip(t, "one\n")
	big[12+2+2] = 40 // the dictionary size in the block header: 4 GiB
	p = put(t, t.TempDir(), "big.xz", big)
	all = drain(t, source(t, Default(), nil, p))
	if all[0].data != "" || len(all[0].problems) != 1 || !strings.Contains(all[0].problems[0], "needs 4096 MiB") {
		t.Errorf("great dictionary: %+v", all[0])
	}
}

func TestReadError(t *testing.T) {
	in := io.MultiReader(strings.NewReader("one\ntw"), failing{errors.New("input/output error")})
	all := drain(t, source(t, Default(), in, "-"))
	if len(all) != 1 || all[0].data != "one\ntw" || len(all[0].problems) != 1 ||
		all[0].problems[0] != "stdin: offset 6: input/output error" {
		t.Fatalf("got %+v", all)
	}
}

func TestChangesMeanwhile(t *testing.T) {
	dir := t.TempDir()
	line := strings.Repeat("x", 99) + "\n"
	names := []string{"a-gone", "b-grown", "c-replaced", "d-shrunk", "e-half"}
	var paths []string
	for _, n := range names {
		paths = append(paths, put(t, dir, n, strings.Repeat(line, 5000)))
	}
	paths[4] = put(t, dir, "e-half", line+"begun")
	s := source(t, Default(), nil, paths...)
	if err := os.Remove(paths[0]); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(put(t, dir, "other", line), paths[2]); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	problem := map[string]string{}
	for {
		b, err := s.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(b.Part.Source)
		got[name] += string(b.Data)
		problem[name] += b.Problem
		switch {
		case name == "b-grown" && b.From == 0:
			appendTo(t, paths[1], "more\n")
		case name == "d-shrunk" && b.From == 0:
			if err := os.Truncate(paths[3], b.To); err != nil {
				t.Fatal(err)
			}
		}
		if name == "d-shrunk" && b.Problem != "" {
			appendTo(t, paths[4], " and ended\nnext\n") // before it is opened
		}
		b.Done()
	}
	if !strings.HasSuffix(problem["a-gone"], "a-gone: offset 0: the file is gone") {
		t.Errorf("gone: %q", problem["a-gone"])
	}
	if got["b-grown"] != strings.Repeat(line, 5000) || problem["b-grown"] != "" {
		t.Errorf("grown: %d bytes, %q", len(got["b-grown"]), problem["b-grown"])
	}
	if got["c-replaced"] != "" || !strings.Contains(problem["c-replaced"], "another file took its place") {
		t.Errorf("replaced: %q, %q", got["c-replaced"], problem["c-replaced"])
	}
	if !strings.Contains(problem["d-shrunk"], "became shorter") || got["d-shrunk"] == "" {
		t.Errorf("shrunk: %q", problem["d-shrunk"])
	}
	if got["e-half"] != line+"begun and ended\nnext\n" {
		t.Errorf("half: %q", got["e-half"])
	}
}

func appendTo(t testing.TB, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func TestHalfLineWhileOpen(t *testing.T) {
	p := put(t, t.TempDir(), "x.log", "one\ntw")
	s := source(t, Default(), nil, p)
	r, err := s.begin(s.files[0])
	if err != nil {
		t.Fatal(err)
	}
	s.open = r
	s.next = 1
	appendTo(t, p, "o\nthree\n")
	if all := drain(t, s); all[0].data != "one\ntwo\n" {
		t.Fatalf("got %q", all[0].data)
	}
}

func TestContext(t *testing.T) {
	t.Run("ended before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s := source(t, Default(), nil, put(t, t.TempDir(), "x", "one\n"))
		if _, err := s.Next(ctx); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	})
	t.Run("ends while a pipe waits", func(t *testing.T) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		defer w.Close()
		s := source(t, Default(), r, "-")
		if _, err := w.WriteString("one\n"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		b, err := s.Next(ctx)
		if err != nil || string(b.Data) != "one\n" {
			t.Fatalf("a line that is there: %v", err)
		}
		b.Done()
		if _, err := s.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
	})
}

func TestReference(t *testing.T) {
	dir := t.TempDir()
	modified := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	inside := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	packed := func(times ...time.Time) []byte {
		var b bytes.Buffer
		for _, at := range times {
			w := gzip.NewWriter(&b)
			w.ModTime = at
			fmt.Fprintln(w, "line")
			must(t, w.Close())
		}
		return b.Bytes()
	}
	berlin := time.FixedZone("test", 3600)
	for _, c := range []struct {
		name    string
		content []byte
		want    time.Time
	}{
		{"plain.log", []byte("line\n"), modified},
		{"a.gz", packed(inside), inside},
		{"joined.gz", packed(inside, inside.Add(time.Hour), inside.Add(-time.Hour)), inside.Add(time.Hour)},
		{"untimed.gz", packed(time.Time{}), modified},
		{"half-timed.gz", packed(inside, time.Time{}), modified},
		{"future.gz", packed(modified.Add(48 * time.Hour)), modified},
		{"old.gz", packed(time.Unix(1000, 0)), modified},
		{"messages-20260105.gz", packed(inside), time.Date(2026, 1, 6, 0, 0, 0, 0, berlin)},
		{"filter_20251231.log", []byte("line\n"), time.Date(2026, 1, 1, 0, 0, 0, 0, berlin)},
		{"kern.log-1704067200", []byte("line\n"), time.Unix(1704067200, 0)},
		{"messages-20261305", []byte("line\n"), modified},
	} {
		p := put(t, dir, c.name, c.content)
		if err := os.Chtimes(p, modified, modified); err != nil {
			t.Fatal(err)
		}
		o := Default()
		o.Zone = berlin
		all := drain(t, source(t, o, nil, p))
		if got := all[0].part.Reference; !got.Equal(c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []Options{{}, {BlockSize: 1, ExtentSize: 1}, {BlockSize: 1 << 30, ExtentSize: 1}, {BlockSize: 256 << 10}} {
		if _, err := New(Inputs{}, o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
}
