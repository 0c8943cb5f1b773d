package fix

import (
	"os/exec"
	"strings"
	"testing"
)

var hostile = []string{
	"", "a", "web-1", "[UFW BLOCK]", "it's", "''", `\`, `a\`, `"`, "$(id)", "`id`", "$HOME", "a;b", "a&&b", "a|b", "*", "?", "~", "~root",
	"#x", "a=b", "-n", "--", "!!", "{a,b}", "<x", ">x", "(x)", "a b", " a ", "\t", "a\nb", "\n", "\r", "\x1b[31m", "\xff\xfe",
	"ü→", "'; touch /tmp/x; '", "$'\\n'", "%s%n", "!", "^", "\u2028",
}

// What Quote returns is one argument of a shell, whatever is in it.
func TestQuoteThroughShell(t *testing.T) {
	for _, s := range hostile {
		for _, shell := range []string{"sh", "bash"} {
			if _, err := exec.LookPath(shell); err != nil {
				continue
			}
			out, err := exec.Command(shell, "-c", `printf '<%s>' `+Quote(s)+" end").Output()
			if err != nil {
				t.Fatalf("%s: %q: %v", shell, s, err)
			}
			if want := "<" + s + "><end>"; string(out) != want {
				t.Errorf("%s: Quote(%q) = %s gives %q", shell, s, Quote(s), out)
			}
		}
	}
}

func FuzzQuote(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.ReplaceAll(s, "\x00", "")
		if len(s) > 1000 {
			return
		}
		out, err := exec.Command("sh", "-c", `printf %s `+Quote(s)).Output()
		if err != nil || string(out) != s {
			t.Errorf("Quote(%q) = %s gives %q, %v", s, Quote(s), out, err)
		}
	})
}
