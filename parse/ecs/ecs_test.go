package ecs

import (
	"strings"
	"testing"

	"mailstop/event"
	"mailstop/internal/golden"
	"mailstop/parse"
	"mailstop/parse/envelope"
)

func session() *parse.Session {
	return parse.NewSession(parse.Table{Layers: []parse.Layer{envelope.Layer()}, Kinds: []parse.Kind{Kind()}}, event.FormatUnknown, "")
}

func TestGolden(t *testing.T) {
	s := session()
	golden.Files(t, "testdata/*.log", func(line string) []byte {
		var e event.Entry
		s.Parse(line, &e)
		return e.AppendJSON(nil)
	})
}

// A word that can mean more than one thing means nothing.
func TestActions(t *testing.T) {
	for word, want := range map[string]event.Action{
		"": event.ActionUnknown, "allow": event.Allow, "Allowed": event.Allow, "ACCEPT": event.Allow, "pass": event.Allow,
		"permitted": event.Allow, "DROP": event.Drop, "dropped": event.Drop, "reject": event.Reject, "Denied": event.Deny,
		"block": event.Deny, "blocked": event.Deny, "SNAT": event.NAT, "log": event.Observe, "teardown": event.Close,
		"firewall-rule": event.ActionUnknown, "success": event.ActionUnknown, "failure": event.ActionUnknown,
		"connection-started": event.ActionUnknown, "drop_input": event.ActionUnknown, "unblocked": event.ActionUnknown,
		"not allowed": event.ActionUnknown, "1": event.ActionUnknown,
	} {
		if got := actionOf(word); got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
	}
}

// The record that Match has laid out is not another one's.
func TestParseWithoutMatch(t *testing.T) {
	p := Kind().New()
	const a = `{"src_ip":"203.0.113.9","dst_ip":"192.0.2.25","proto":"tcp"}`
	if !p.Match(a, nil) {
		t.Fatal("refused")
	}
	b := strings.Replace(a, "203.0.113.9", "203.0.113.8", 1)
	var e event.Entry
	if err := p.Parse(b, &parse.Record{Entry: &e}); err != nil || e.Src.String() != "203.0.113.8" {
		t.Errorf("%v %s", err, e.Src)
	}
	if err := p.Parse(`{"a":1}`, &parse.Record{Entry: &e}); err == nil {
		t.Error("no error for a record of something else")
	}
}

func FuzzParse(f *testing.F) {
	for line := range golden.Lines(f, "testdata/ecs.log") {
		f.Add(line)
	}
	for _, x := range Kind().Doc.Examples {
		f.Add(x)
	}
	f.Fuzz(func(t *testing.T, body string) {
		p := Kind().New()
		if !p.Match(body, nil) {
			return
		}
		var e, again event.Entry
		clock := parse.NewClock(parse.Hints{})
		err := p.Parse(body, &parse.Record{Entry: &e, Clock: &clock})
		err2 := p.Parse(body, &parse.Record{Entry: &again, Clock: &clock})
		if e != again || err != err2 { //nolint:errorlint // the same value
			t.Fatalf("%q is read in two ways", body)
		}
		if err == nil && (!e.Src.IsValid() || !e.Dst.IsValid()) {
			t.Fatalf("%q: no addresses and no error", body)
		}
		if e.Raw != "" {
			t.Fatalf("%q: raw text was touched", body)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for _, bb := range []struct{ name, line string }{
		{"ecs", Kind().Doc.Examples[0]}, {"flat", Kind().Doc.Examples[1]},
	} {
		b.Run(bb.name, func(b *testing.B) {
			p := Kind().New()
			var e event.Entry
			r := parse.Record{Entry: &e, Clock: new(parse.Clock)}
			b.SetBytes(int64(len(bb.line)))
			b.ReportAllocs()
			for b.Loop() {
				e = event.Entry{Count: 1}
				if p.Match(bb.line, nil) {
					_ = p.Parse(bb.line, &r)
				}
			}
		})
		b.Run(bb.name+" session", func(b *testing.B) {
			s := session()
			var e event.Entry
			b.SetBytes(int64(len(bb.line)))
			b.ReportAllocs()
			for b.Loop() {
				s.Parse(bb.line, &e)
			}
		})
	}
}
