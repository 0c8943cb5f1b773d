package term

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for _, c := range []struct {
		in    string
		limit int
		want  string
	}{
		{"plain", 0, "plain"},
		{"plain", 5, "plain"},
		{"plain", 4, "pla…"},
		{"plain", 1, "…"},
		{"", 3, ""},
		// Sequences of terminals: 7-bit, 8-bit, title, bell.
		{"\x1b[31mred\x1b[0m", 0, `\x1b[31mred\x1b[0m`},
		{"\u009b2J", 0, `\u009b2J`},
		{"\x9b2J", 0, `\x9b2J`},
		{"\x1b]0;t\x07", 0, `\x1b]0;t\x07`},
		// What breaks or overwrites a line.
		{"a\r\nb\x08\x7f\x00", 0, `a\r\nb\x08\x7f\x00`},
		{"a\tb\u00a0c\u3000d", 0, "a b c d"},
		{"a\u2028b", 0, `a\u2028b`},
		// Trojan source: overrides, isolates, marks; zero width; tags.
		{"a\u202eb\u2066c\u200fd\u061ce", 0, `a\u202eb\u2066c\u200fd\u061ce`},
		{"pay\u200bpal\ufeff\U000e0041", 0, `pay\u200bpal\ufeff\U000e0041`},
		{"bad \xff\xc3 utf", 0, `bad \xff\xc3 utf`},
		// What is fine stays.
		{"Füße 日本 שלום 🙂", 0, "Füße 日本 שלום 🙂"},
		{"日本語", 5, "日本…"},
		{"日本語", 4, "日…"},
		{"日本語", 6, "日本語"},
		{"é́é", 2, "é́é"},
		{"a" + strings.Repeat("\u0301", 4), 0, "a\u0301\u0301\\u0301\\u0301"},
		// An escape is cut as a whole.
		{"abc\x1bdef", 6, "abc…"},
		{strings.Repeat("x", 100), 10, "xxxxxxxxx…"},
	} {
		got := Clean(c.in, c.limit)
		if got != c.want {
			t.Errorf("Clean(%q, %d) = %q, want %q", c.in, c.limit, got, c.want)
		}
		if again := Clean(got, c.limit); again != got {
			t.Errorf("Clean(%q) is not clean: %q", got, again)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"", "\x1b[2J", "\u202e\xff日本\u0301\u0301\u0301", strings.Repeat("x", 50)} {
		f.Add(s, 10)
	}
	f.Fuzz(func(t *testing.T, s string, limit int) {
		got := Clean(s, limit)
		if !utf8.ValidString(got) || limit > 0 && Columns(got) > limit {
			t.Fatalf("Clean(%q, %d) = %q", s, limit, got)
		}
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Fatalf("Clean(%q, %d) has %q", s, limit, r)
			}
		}
		lines := Wrap(got, 20)
		for _, l := range lines {
			if Columns(l) > 20 {
				t.Fatalf("Wrap(%q): %q", got, l)
			}
		}
		if joined := strings.ReplaceAll(strings.Join(lines, ""), " ", ""); joined != strings.ReplaceAll(got, " ", "") {
			t.Fatalf("Wrap(%q) changed the text: %q", got, joined)
		}
	})
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"", nil},
		{"one two three", []string{"one two", "three"}},
		{"Jan  5 10:02:00", []string{"Jan  5", "10:02:00"}},
		{"abcdefghijklmnopqrstuvwxyz x", []string{"abcdefghij", "klmnopqrst", "uvwxyz x"}},
		{"日本語日本語日本語", []string{"日本語日本", "語日本語"}},
	} {
		if got := Wrap(c.in, 10); !slices.Equal(got, c.want) {
			t.Errorf("Wrap(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}
