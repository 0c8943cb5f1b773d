package term

import (
	"os"
	"testing"

	"mailstop/internal/golden"
)

// terminal returns a file that is a terminal: the near end of a pseudo-terminal.
func terminal(t *testing.T) *os.File {
	t.Helper()
	f, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		golden.Skip(t, "no pseudo-terminal: "+err.Error())
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func TestColored(t *testing.T) {
	tty := terminal(t)
	plain, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	for _, c := range []struct {
		name          string
		f             *os.File
		mode          ColorMode
		noColor, term string
		want          bool
	}{
		{"terminal", tty, Auto, "", "xterm", true},
		{"NO_COLOR", tty, Auto, "1", "xterm", false},
		{"dumb", tty, Auto, "", "dumb", false},
		{"file", plain, Auto, "", "xterm", false},
		{"nothing", nil, Auto, "", "xterm", false},
		{"forced", plain, Always, "1", "dumb", true},
		{"forbidden", tty, Never, "", "xterm", false},
	} {
		t.Setenv("NO_COLOR", c.noColor)
		t.Setenv("TERM", c.term)
		if got := bool(StyleFor(c.f, c.mode)); got != c.want {
			t.Errorf("%s: colours %v, want %v", c.name, got, c.want)
		}
	}
	if w := Width(plain); w != DefaultWidth {
		t.Errorf("width of a file: %d", w)
	}
}

func TestStyle(t *testing.T) {
	if got := Style(true).Red("x"); got != "\x1b[1;31mx\x1b[0m" {
		t.Errorf("painted: %q", got)
	}
	if got := Style(true).Bold("") + Style(false).Green("x"); got != "x" {
		t.Errorf("not painted: %q", got)
	}
}
