package utf16text

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"
	"unicode/utf8"

	_ "mailstop/internal/golden" // for its flag
)

func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		in, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !Container().Match(in[:min(len(in), headSize)]) {
			t.Errorf("%s: no match", path)
		}
		got, err := io.ReadAll(Container().Lines(bytes.NewReader(in)))
		if err != nil {
			t.Fatal(err)
		}
		golden := strings.TrimSuffix(path, ".txt") + ".golden"
		if flag.Lookup("update").Value.String() == "true" {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v\n got %q\nwant %q", path, err, got, want)
		}
	}
}

// encode writes text in UTF-16 without a mark.
func encode(text string, big bool) (b []byte) {
	for _, u := range utf16.Encode([]rune(text)) {
		if big {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return b
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		name string
		head string
		want bool
	}{
		{"little", "\xff\xfea\x00", true},
		{"big", "\xfe\xff\x00a", true},
		{"mark alone", "\xff\xfe", true},
		{"little, no mark", string(encode("2026-01-05", false)), true},
		{"big, no mark", string(encode("2026-01-05", true)), true},
		{"some other letters", string(encode("2026-01-05 – user=Иван", false)), true},
		{"room behind", string(encode("2026", false)) + strings.Repeat("\x00", 500), true},
		{"room before", strings.Repeat("\x00", 500) + string(encode("2026", true)), true},
		{"odd", string(encode("2026-01-05", false)) + "x", true},
		{"too little", string(encode("abc", false)), false},
		{"one byte", "\xff", false},
		{"UTF-8", "2026-01-05 10:11:12 DROP", false},
		{"UTF-8 with mark", "\xef\xbb\xbf2026-01-05", false},
		{"zeros", strings.Repeat("\x00", 4096), false},
		{"text behind zeros", strings.Repeat("\x00", 100) + "2026-01-05 10:11:12 DROP", false},
		{"text with zeros", "a\x00b c d e f g h i", false},
		{"capture", "\xd4\xc3\xb2\xa1\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x75\x00\x00\x00", false},
		{"numbers", "\x01\x00\x02\x00\x00\x03\x04\x00\x05\x00\x00\x06", false},
	} {
		if got := Container().Match([]byte(c.head)); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}

func TestDecode(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"\xff\xfe", ""},
		{"\xff\xfea\x00\n\x00b\x00", "a\nb"},
		{"\xfe\xff\x00a\x00\n\x00b", "a\nb"},
		{"\xff\xfea\x00\x00\x00\x00\x00b\x00\x00\x00", "ab"},
		{"\xff\xfe\x3d\xd8\x00\xdea\x00", "😀a"},
		{"\xfe\xff\xd8\x3d\xde\x00\x00a", "😀a"},
		{"\xff\xfe\x00\xd8a\x00\x00\xdcb\x00", "\ufffda\ufffdb"},
		{"\xff\xfea\x00\x3d\xd8", "a\ufffd"},
		{"\xff\xfea\x00\x3d\xd8x", "a\ufffd\ufffd"},
		{"\xff\xfea\x00b", "a\ufffd"},
		{"\xff\xfea\x00\x00", "a"},
		{"\xff\xfea\x00\xff\xfe\n\x00\xff\xfeb\x00", "a\ufeff\nb"},
		{"\xfe\xff\x00\x80\x07\xff\x08\x00\xff\xff", "\u0080\u07ff\u0800\uffff"},
	} {
		for _, in := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in)), iotest.DataErrReader(strings.NewReader(c.in))} {
			got, err := io.ReadAll(Container().Lines(in))
			if err != nil || string(got) != c.want {
				t.Errorf("%q: %q, %v; want %q", c.in, got, err, c.want)
			}
		}
	}
}

func TestErrors(t *testing.T) {
	broken := errors.New("input/output error")
	got, err := io.ReadAll(Container().Lines(io.MultiReader(strings.NewReader("\xff\xfea\x00b"), iotest.ErrReader(broken))))
	if !errors.Is(err, broken) || string(got) != "a" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := Container().Lines(idle{}).Read(make([]byte, 8)); !errors.Is(err, io.ErrNoProgress) {
		t.Error(err)
	}
}

type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

// FuzzDecode holds the decoder against that of the standard library.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{"", "one\r\ntwo", "größe 日本 😀", "12345678", "a\x00b"} {
		for _, big := range []bool{false, true} {
			f.Add(encode(s, big), big, 3)
			f.Add(append(encode(s, big), 0xd8), big, 1)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, big bool, size int) {
		var units []uint16
		for i := 0; i+1 < len(b); i += 2 {
			u := uint16(b[i]) | uint16(b[i+1])<<8
			if big {
				u = u<<8 | u>>8
			}
			units = append(units, u)
		}
		want := strings.ReplaceAll(string(utf16.Decode(units)), "\x00", "")
		if len(b)%2 == 1 && b[len(b)-1] != 0 {
			want += string(utf8.RuneError)
		}
		for strings.HasPrefix(want, "\ufeff") {
			want = strings.TrimPrefix(want, "\ufeff")
		}
		for strings.Contains(want, "\n\ufeff") {
			want = strings.ReplaceAll(want, "\n\ufeff", "\n")
		}
		head := "\xff\xfe"
		if big {
			head = "\xfe\xff"
		}
		in := io.MultiReader(strings.NewReader(head), &pieces{b, 1 + max(size, -size)%50})
		got, err := io.ReadAll(Container().Lines(in))
		if err != nil || string(got) != want {
			t.Fatalf("%v\n got %q\nwant %q", err, got, want)
		}
	})
}

// pieces reads at most size bytes at a time.
type pieces struct {
	b    []byte
	size int
}

func (p *pieces) Read(dst []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	n := copy(dst[:min(len(dst), p.size)], p.b)
	p.b = p.b[n:]
	return n, nil
}

func BenchmarkLines(b *testing.B) {
	line := "2026-01-05 10:11:12 DROP TCP 192.0.2.25 203.0.113.19 61005 25 52 S 1 0 64240 - - - SEND\r\n"
	for name, in := range map[string][]byte{
		"little":  encode("\ufeff"+strings.Repeat(line, 20000), false),
		"big":     encode("\ufeff"+strings.Repeat(line, 20000), true),
		"letters": encode("\ufeff"+strings.Repeat("größe Привет 日本 😀\n", 20000), false),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := io.Copy(io.Discard, Container().Lines(bytes.NewReader(in))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
