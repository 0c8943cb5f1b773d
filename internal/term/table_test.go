package term

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	var b strings.Builder
	tab := Table{
		Header: []string{"id", "host", "attempts"},
		Right:  []bool{false, false, true},
		Rows: [][]string{
			{"a1", "web-1", "132"},
			{"b2", "日本", "7,702"},
			{"c3", "\x1b[2Jevil\n"},
		},
	}
	if err := tab.Write(&b); err != nil {
		t.Fatal(err)
	}
	want := "" +
		"id  host           attempts\n" +
		"a1  web-1               132\n" +
		"b2  日本              7,702\n" +
		"c3  \\x1b[2Jevil\\n\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", &b, want)
	}
	b.Reset()
	tab = Table{Width: 30, Indent: 2, Style: true, Header: []string{"kind", "text"}, Rows: [][]string{{"mail-out-blocked", strings.Repeat("x", 500)}}}
	if err := tab.Write(&b); err != nil {
		t.Fatal(err)
	}
	want = "\x1b[2m  kind           text\x1b[0m\n  mail-out-blo…  xxxxxxxxxxxx…\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", &b, want)
	}
	b.Reset()
	if err := (&Table{}).Write(&b); err != nil || b.Len() != 0 {
		t.Errorf("empty table: %q, %v", &b, err)
	}
}
