package netfilter

import (
	"testing"

	"mailstop/event"
	"mailstop/internal/golden"
	"mailstop/internal/nftext"
	"mailstop/parse"
)

func TestGolden(t *testing.T) {
	s := session(nil)
	golden.Files(t, "testdata/*.log", func(line string) []byte {
		var e event.Entry
		s.Parse(line, &e)
		return e.AppendJSON(nil)
	})
}

// session returns one that knows nothing but this format.
func session(rules []nftext.Rule) *parse.Session {
	return parse.NewSession(parse.Table{Kinds: []parse.Kind{Kind(rules)}}, event.FormatUnknown, "")
}
