package nftext

import (
	"strings"

	"mailstop/event"
)

// A LOG rule only logs: the packet goes on to the next rule, and nothing but the prefix tells what becomes of it.

// A Verdict is what a prefix says: by the user's table, else by the generator that writes such prefixes
// (generators.go), else by its words (words.go).
type Verdict struct {
	Action    event.Action
	Source    event.VerdictSource
	Direction event.Direction // from the user's table only
	Rule      string          // what an operator would look for: a rule number, or the trimmed prefix
	Ruleset   string          // chain, zone or zone pair
	Reason    string          // free text of the generator: a rule's description, conntrack's complaint
	Known     bool            // a generator writes this, not only a person
	unifi     bool
}

// NoVerdict is that of a text that is no prefix.
var NoVerdict Verdict

// UniFi reports whether the prefix is of UniFi OS or its ancestors, whose lines are in ulogd's spelling and yet theirs.
func (v *Verdict) UniFi() bool { return v.unifi }

// Apply stores what the verdict says in e, but for the direction.
func (v *Verdict) Apply(e *event.Entry) {
	e.Action, e.Verdict = v.Action, v.Source
	e.Rule, e.Ruleset, e.Reason = v.Rule, v.Ruleset, v.Reason
}

// maxVerdicts bounds the table of a parser: firewalls have tens of prefixes, hostile lines any number.
const maxVerdicts = 512

// Verdicts remembers what prefixes say. Each parser has its own.
type Verdicts struct {
	rules Rules
	table map[string]*Verdict
}

// NewVerdicts returns an empty memory. The user's rules come before all that is known of prefixes.
func NewVerdicts(rules Rules) Verdicts { return Verdicts{rules: rules} }

// Of returns the verdict of a raw prefix: all text before the packet. The result must not be changed, and stays good when
// the prefix's memory does not.
func (vs *Verdicts) Of(prefix string) *Verdict {
	if v, ok := vs.table[prefix]; ok {
		return v
	}
	prefix = strings.Clone(prefix)
	v := judge(prefix)
	for i := range vs.rules {
		if vs.rules[i].match.MatchString(prefix) {
			vs.rules[i].apply(&v)
			break
		}
	}
	if vs.table == nil || len(vs.table) >= maxVerdicts {
		vs.table = make(map[string]*Verdict)
	}
	vs.table[prefix] = &v
	return &v
}

// judge says what a prefix means, apart from the user's table.
func judge(raw string) Verdict {
	p := strings.Trim(raw, " ")
	v := Verdict{Rule: strings.TrimRight(p, ": ")}
	cut := isCut(raw)
	for _, g := range generators {
		if g(p, cut, &v) {
			v.Known = true
			if v.Action != event.ActionUnknown {
				v.Source = event.VerdictPrefix
			}
			return v
		}
	}
	if v.Action = wordVerdict(p); v.Action != event.ActionUnknown {
		v.Source = event.VerdictPrefix
	}
	return v
}

// isCut reports whether a prefix is as long as iptables (29 bytes) or nftables (127) allow, so that its end may be
// missing.
func isCut(raw string) bool { return len(raw) == 28 || len(raw) == 29 || len(raw) == 127 }

// A disposition is a word that a generator writes for an outcome.
type disposition struct {
	word   string
	action event.Action
}

// disposed returns the action of a word. Of a cut prefix the beginning of a word is enough, if only one word of the
// generator begins so.
func disposed(words []disposition, w string, cut bool) (event.Action, bool) {
	for _, d := range words {
		if d.word == w {
			return d.action, true
		}
	}
	if !cut || len(w) < 2 {
		return event.ActionUnknown, false
	}
	action, n := event.ActionUnknown, 0
	for _, d := range words {
		if strings.HasPrefix(d.word, w) {
			action = d.action
			n++
		}
	}
	if n != 1 {
		return event.ActionUnknown, false
	}
	return action, true
}
