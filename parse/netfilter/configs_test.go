package netfilter

import (
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"mailstop/event"
	"mailstop/internal/nftext"
)

// The shipped table must load, and so must its examples when somebody takes their comment signs away.
func TestShippedTable(t *testing.T) {
	text, err := os.ReadFile("../../configs/prefixes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	active, examples, ok := strings.Cut(string(text), "# prefixes:\n")
	if !ok {
		t.Fatal("no examples")
	}
	if rules := table(t, active); len(rules) != 0 {
		t.Errorf("%d rules are active, want none", len(rules))
	}
	rules := table(t, "prefixes:\n"+strings.ReplaceAll("\n"+examples, "\n#", "\n"))
	if len(rules) != 4 {
		t.Fatalf("%d examples, want 4", len(rules))
	}
	s := session(rules)
	for prefix, want := range map[string]event.Action{
		"smtp-guard: ":        event.Drop,
		"OUTBOUND CONN TCP: ": event.Observe,
		"drop-exempt in ":     event.Allow,
		"":                    event.Reject,
	} {
		var e event.Entry
		s.Parse(prefix+mailPacket, &e)
		if e.Action != want || e.Verdict != event.VerdictConfig {
			t.Errorf("%q: %v by %v, want %v", prefix, e.Action, e.Verdict, want)
		}
	}
}

// table reads a list of rules as the configuration has it.
func table(t *testing.T, text string) []nftext.Rule {
	t.Helper()
	var file struct {
		Prefixes []struct {
			Match, Action, Rule, Direction string
		}
	}
	d := yaml.NewDecoder(strings.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&file); err != nil {
		t.Fatal(err)
	}
	var rules []nftext.Rule
	for _, p := range file.Prefixes {
		action, known := event.ParseAction(p.Action)
		direction, ok := event.ParseDirection(p.Direction)
		r := nftext.Rule{Match: p.Match, Action: action, Rule: p.Rule, Direction: direction}
		if err := r.Validate(); err != nil || !known || !ok && p.Direction != "" {
			t.Errorf("%+v: %v", p, err)
		}
		rules = append(rules, r)
	}
	return rules
}
