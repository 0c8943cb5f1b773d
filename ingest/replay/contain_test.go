package replay

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"mailstop/ingest"
	"mailstop/internal/unpack"
)

// Containers of the tests. Records starts with "RECORDS\n", then each record is its length in a byte and its text; what it
// makes of them is upper case with '<' in front. Halves starts with "HALVES\n" and has every other byte of its content.
var fakes = []ingest.Container{
	{Name: "records", Match: starts("RECORDS\n"), Lines: func(in io.Reader) io.Reader { return &records{in: bufio.NewReaderSize(in, 16)} }},
	{Name: "halves", Match: starts("HALVES\n"), Lines: func(in io.Reader) io.Reader { return &halves{in: in, skip: len("HALVES\n")} }},
	{Name: "records, too", Match: starts("RECORDS\n"), Lines: func(io.Reader) io.Reader { panic("the first that matches takes it") }},
}

func starts(s string) func([]byte) bool {
	return func(head []byte) bool {
		if len(head) == 0 || len(head) > headSize {
			panic(fmt.Sprintf("%d bytes to match", len(head)))
		}
		return bytes.HasPrefix(head, []byte(s))
	}
}

var errRecord = errors.New("a record is damaged")

type records struct {
	in    *bufio.Reader
	begun bool
	out   []byte
}

func (r *records) Read(p []byte) (int, error) {
	if !r.begun {
		r.begun = true
		if _, err := r.in.Discard(len("RECORDS\n")); err != nil {
			return 0, err
		}
	}
	for len(r.out) == 0 {
		n, err := r.in.ReadByte()
		if err != nil {
			return 0, err
		}
		if n == 0xff {
			return 0, errRecord
		}
		text := make([]byte, n)
		if _, err := io.ReadFull(r.in, text); err != nil {
			return 0, fmt.Errorf("record of %d bytes: %w", n, unpack.Unexpected(err))
		}
		r.out = append(append([]byte{'<'}, bytes.ToUpper(text)...), '\n')
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

type halves struct {
	in   io.Reader
	skip int
	n    int
}

func (h *halves) Read(p []byte) (int, error) {
	b := make([]byte, len(p))
	n, err := h.in.Read(b)
	out := 0
	for _, c := range b[:n] {
		if h.n++; h.n > h.skip && (h.n-h.skip)%2 == 1 {
			p[out] = c
			out++
		}
	}
	return out, err
}

func packRecords(texts ...string) string {
	var b strings.Builder
	b.WriteString("RECORDS\n")
	for _, t := range texts {
		b.WriteByte(byte(len(t)))
		b.WriteString(t)
	}
	return b.String()
}

func packHalves(text string) string {
	b := []byte("HALVES\n")
	for _, c := range []byte(text) {
		b = append(b, c, '*')
	}
	return string(b)
}

// sourceOf is source with the fakes.
func sourceOf(t testing.TB, o Options, stdin io.Reader, args ...string) *Source {
	t.Helper()
	in, err := Find(args, stdin, fakes...)
	must(t, err)
	o.Containers = fakes
	s, err := New(in, o)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func TestContainers(t *testing.T) {
	long := strings.Repeat("plain text\n", 5000)
	three := packRecords("one", "two", "three")
	const want = "<ONE\n<TWO\n<THREE\n"
	for name, c := range map[string]struct {
		content string
		want    string
		wrapped bool
	}{
		"records":          {three, want, true},
		"no record":        {packRecords(), "", true},
		"halves":           {packHalves("one\ntwo\n"), "one\ntwo\n", true},
		"in one another":   {packHalves(three), want, true},
		"three":            {packHalves(packHalves(three)), want, true},
		"four":             {packHalves(packHalves(packHalves(three))), three, true},
		"great":            {packHalves(long), long, true},
		"plain":            {long, long, false},
		"plain, short":     {"x", "x", false},
		"not at the start": {"\nRECORDS\nthree\n", "\nRECORDS\nthree\n", false},
		"many records":     {packRecords(strings.Split(strings.Repeat("abc ", 9000)[1:], " ")...), "<BC\n" + strings.Repeat("<ABC\n", 8999) + "<\n", true},
	} {
		for packing, content := range map[string][]byte{"": []byte(c.content), ".gz": gz(t, c.content), ".zst": zst(t, c.content)} {
			t.Run(name+packing, func(t *testing.T) {
				p := put(t, t.TempDir(), "x.log"+packing, content)
				in := map[string]io.Reader{
					"file": nil, "stream": bytes.NewReader(content), "byte by byte": &slow{b: content}, "pieces": &slow{b: content, size: 1000},
				}
				for from, stdin := range in {
					if from == "byte by byte" && len(content) > 10000 {
						continue
					}
					o := small()
					o.Ledger = none
					arg := "-"
					if stdin == nil {
						arg = p
					}
					all := drain(t, sourceOf(t, o, stdin, arg))
					if c.want == "" && len(all) == 0 {
						continue
					}
					if len(all) != 1 || all[0].data != c.want || all[0].to != int64(len(c.want)) || all[0].problems != nil {
						t.Fatalf("%s: %.200v", from, all)
					}
					if stdin != nil {
						continue
					}
					if part := all[0].part; part.Compressed != (packing != "" || c.wrapped) || part.Size != int64(len(content)) {
						t.Errorf("compressed %t, size %d", part.Compressed, part.Size)
					}
					if got := scanned(t, all[0].part, 0); got != c.want {
						t.Errorf("second reading %.200q", got)
					}
					if got := scanned(t, all[0].part, 64<<10); c.wrapped && got != c.want {
						t.Errorf("second reading with a stride %.200q", got)
					}
				}
			})
		}
	}
}

// slow gives size bytes at a time.
type slow struct {
	b    []byte
	size int
}

func (s *slow) Read(p []byte) (int, error) {
	if len(s.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), max(s.size, 1))], s.b)
	s.b = s.b[n:]
	return n, nil
}

// The same records are the same extents, however they are packed.
func TestContainedExtents(t *testing.T) {
	want := strings.Repeat("<ABC\n", 3000)
	content := packRecords(strings.Split(strings.TrimSuffix(strings.Repeat("abc ", 3000), " "), " ")...)
	dir := t.TempDir()
	var known ledgerFake
	var first []string
	for _, p := range []string{
		put(t, dir, "plain", want), put(t, dir, "records", content), put(t, dir, "halves", packHalves(content)), put(t, dir, "gz", gz(t, content)),
	} {
		o := small()
		o.ExtentSize = 4000
		o.Ledger = known.lookup
		s := sourceOf(t, o, nil, p)
		var tokens []string
		for {
			b, err := s.Next(t.Context())
			if errors.Is(err, io.EOF) {
				break
			}
			must(t, err)
			if b.Extent != nil {
				tokens = append(tokens, fmt.Sprint(b.Extent.From, b.Extent.To, b.Extent.Token))
			}
			b.Done()
		}
		if first == nil {
			first = tokens
		}
		if len(tokens) < 3 || strings.Join(tokens, " ") != strings.Join(first, " ") {
			t.Errorf("%s: %q, want %q", p, tokens, first)
		}
	}
}

func TestContainerDamaged(t *testing.T) {
	dir := t.TempDir()
	next := put(t, dir, "z.log", "next\n")
	damaged := packRecords("one") + "\xff" + strings.Repeat("x", 100000)
	cut := packRecords("one") + "\x09two"
	packed := gz(t, cut)
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"damaged":    {[]byte(damaged), "offset 4096: a record is damaged (5 bytes of text before it are read)"},
		"cut":        {[]byte(cut), fmt.Sprintf("offset %d: unexpected end of file (5 bytes", len(cut))},
		"cut, gz":    {packed, fmt.Sprintf("offset %d: unexpected end of file (5 bytes", len(packed))},
		"gz cut":     {packed[:len(packed)-3], fmt.Sprintf("offset %d: unexpected end of file (5 bytes", len(packed)-3)},
		"cut, twice": {[]byte(packHalves(cut)), "unexpected end of file (5 bytes"},
	} {
		p := put(t, dir, "a", c.content)
		for _, stdin := range []io.Reader{nil, bytes.NewReader(c.content)} {
			arg, shown := p, p
			if stdin != nil {
				arg, shown = "-", "stdin"
			}
			all := drain(t, sourceOf(t, small(), stdin, arg, next))
			i := slices.IndexFunc(all, func(x *taken) bool { return x.part.Source == shown })
			if len(all) != 2 || i < 0 || all[i].data != "<ONE\n" || len(all[i].problems) != 1 || all[1-i].data != "next\n" {
				t.Fatalf("%s: %+v", name, all)
			}
			if got := all[i].problems[0]; !strings.HasPrefix(got, shown+": offset ") || !strings.Contains(got, c.want) {
				t.Errorf("%s: %q, want %q", name, got, c.want)
			}
		}
	}
}

func TestContainerShrinks(t *testing.T) {
	p := put(t, t.TempDir(), "x", packHalves(strings.Repeat("text\n", 200000)))
	s := sourceOf(t, small(), nil, p)
	b, err := s.Next(t.Context())
	must(t, err)
	b.Done()
	must(t, os.Truncate(p, 1000))
	for {
		b, err := s.Next(t.Context())
		must(t, err)
		if b.Problem != "" {
			if !strings.Contains(b.Problem, "became shorter") {
				t.Error(b.Problem)
			}
			return
		}
		b.Done()
	}
}

// A container is told by what is there, and lines that are there are not held back.
func TestContainerDoesNotWait(t *testing.T) {
	for name, c := range map[string]struct{ first, want string }{
		"a line":             {"one\n", "one\n"},
		"a record":           {packRecords("one and a half"), "<ONE AND A HALF\n"},
		"a record in halves": {packHalves(packRecords("one")), "<ONE\n"},
	} {
		t.Run(name, func(t *testing.T) {
			r, w, err := os.Pipe()
			must(t, err)
			defer r.Close()
			defer w.Close()
			s := sourceOf(t, Default(), r, "-")
			_, err = w.WriteString(c.first)
			must(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			b, err := s.Next(ctx)
			if err != nil || string(b.Data) != c.want || ctx.Err() != nil {
				t.Fatalf("%v, %v, %v", b, err, ctx.Err())
			}
			b.Done()
		})
	}
}

func TestFindContainers(t *testing.T) {
	dir := t.TempDir()
	binaryRecord := packRecords(strings.Repeat("\x00\x01", 100))
	put(t, dir, "a-records", binaryRecord)
	put(t, dir, "b-records.gz", gz(t, binaryRecord))
	put(t, dir, "c-binary", strings.Repeat("\x00\x01", 100))
	put(t, dir, "d-log", "one\n")
	for _, c := range []struct {
		kinds []ingest.Container
		want  string
	}{
		{nil, "d-log; a-records c-binary b-records.gz"},
		{fakes, "a-records b-records.gz d-log; c-binary"},
	} {
		in, err := Find([]string{dir}, nil, c.kinds...)
		must(t, err)
		names := map[string]bool{}
		for _, f := range in.Files {
			names[filepath.Base(f.Path)] = true
		}
		read, left, _ := strings.Cut(c.want, "; ")
		if len(in.Files) != len(strings.Fields(read)) || len(in.Skipped) != len(strings.Fields(left)) {
			t.Errorf("%v, skipped %v", names, in.Skipped)
		}
		for _, n := range strings.Fields(read) {
			if !names[n] {
				t.Errorf("%s is not read", n)
			}
		}
	}
}

// Without a container a file is read as ever: straight into the batches.
func TestPlainStaysDirect(t *testing.T) {
	p := put(t, t.TempDir(), "x.log", "one\n")
	s := sourceOf(t, Default(), nil, p)
	r, err := s.begin(s.files[0])
	must(t, err)
	defer r.close()
	if _, ok := r.lines.Source.(*regular); !ok || r.part.Compressed {
		t.Errorf("read by %T", r.lines.Source)
	}
}

// FuzzContained reads bytes of any kind in containers.
func FuzzContained(f *testing.F) {
	for _, s := range []string{packRecords("one", ""), packHalves("x\n"), packHalves(packRecords("a")), "x", "HALVES\nHALVES\n"} {
		f.Add([]byte(s), 3)
	}
	f.Fuzz(func(t *testing.T, b []byte, size int) {
		o := small()
		o.Ledger = none
		read := func(in io.Reader) string {
			var got strings.Builder
			for _, p := range drain(t, sourceOf(t, o, in, "-")) {
				got.WriteString(p.data)
			}
			return got.String()
		}
		if one, two := read(bytes.NewReader(b)), read(&slow{b: b, size: 1 + max(size, -size)%9}); one != two {
			t.Fatalf("%q\nthen %q", one, two)
		}
	})
}

// BenchmarkContained is UTF-16, by a reader as simple as can be, beside the same text without a container.
func BenchmarkContained(b *testing.B) {
	text := logText(16 << 20)
	wide := binary.LittleEndian.AppendUint16(nil, 0xfeff)
	for _, u := range utf16.Encode([]rune(text)) {
		wide = binary.LittleEndian.AppendUint16(wide, u)
	}
	kinds := []ingest.Container{{Match: starts("\xff\xfe"), Lines: func(in io.Reader) io.Reader { return &halves{in: in, skip: 2} }}}
	for name, content := range map[string][]byte{"plain": []byte(text), "in a container": wide} {
		p := put(b, b.TempDir(), "x.log", content)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			b.ReportAllocs()
			o := Default()
			o.Containers = kinds
			for b.Loop() {
				in, err := Find([]string{p}, nil, kinds...)
				must(b, err)
				s, err := New(in, o)
				must(b, err)
				for {
					batch, err := s.Next(b.Context())
					if errors.Is(err, io.EOF) {
						break
					}
					must(b, err)
					batch.Done()
				}
			}
		})
	}
}
