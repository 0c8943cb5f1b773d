package envelope

import (
	"strings"
	"testing"

	"mailstop/event"
	"mailstop/internal/golden"
	"mailstop/parse"
	"mailstop/parse/syslog"
)

// body is a format that takes every line, and says in Reason what the layers left, and in Process whose it is.
type body struct{}

func (body) Match(string, *parse.Record) bool { return true }

func (body) Parse(text string, r *parse.Record) error {
	r.Reason, r.Process = text, r.Program
	return nil
}

// session returns one that shows what the layers do.
func session() *parse.Session {
	s := parse.NewSession(parse.Table{
		Layers: []parse.Layer{Layer(), syslog.Layer()},
		Kinds:  []parse.Kind{{Format: event.ECS, New: func() parse.Parser { return body{} }}},
	}, event.FormatUnknown, "")
	return s
}

// show writes what a line's envelope says; the line itself is beside it in the test data.
func show(s *parse.Session, line string) []byte {
	var e event.Entry
	s.Parse(line, &e)
	if e.Raw != line {
		return []byte("raw text was touched")
	}
	e.Raw = ""
	if e.Reason == line {
		e.Reason = "(the whole record)"
	}
	out := strings.NewReplacer(`,"format":"ecs","action":"unknown","verdict_source":"none","direction":"unknown"`, "",
		`"format":"ecs","action":"unknown","verdict_source":"none","direction":"unknown",`, "", `,"pos":0,"raw":""`, "").Replace(string(e.AppendJSON(nil)))
	return []byte(out)
}

func TestGolden(t *testing.T) {
	s := session()
	golden.Files(t, "testdata/*.log", func(line string) []byte { return show(s, line) })
}
