package term

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestEscapeJSON(t *testing.T) {
	for in, want := range map[string]string{
		"plain {\"a\":[1]}\n": "plain {\"a\":[1]}\n",
		"\u202e\u200b\u2066":  `\u202e\u200b\u2066`,
		"\x7f\u009b":          `\u007f\u009b`,
		"ä漢 \U0001f600":       "ä漢 \U0001f600",
		"\U000e0041":          `\udb40\udc41`, // a tag: invisible
	} {
		if got := string(EscapeJSON([]byte(in))); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func FuzzEscapeJSON(f *testing.F) {
	f.Add("a\u202eb\x1b[31m\U000e0041")
	f.Fuzz(func(t *testing.T, s string) {
		var before, after string
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &before); err != nil {
			t.Fatal(err)
		}
		shown := EscapeJSON(bytes.Clone(text))
		if err := json.Unmarshal(shown, &after); err != nil || before != after {
			t.Errorf("%q becomes %q: %v", text, shown, err)
		}
	})
}
