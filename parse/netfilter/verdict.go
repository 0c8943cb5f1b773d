package netfilter

import (
	"strings"

	"mailstop/event"
)

// A LOG rule only logs: the packet goes on to the next rule, and nothing but the prefix tells what becomes of it.
// A verdict is what a prefix says: by the user's table, else by the generator that writes such prefixes
// (generators.go), else by its words (words.go).
type verdict struct {
	action    event.Action
	source    event.VerdictSource
	direction event.Direction // from the user's table only
	rule      string          // what an operator would look for: a rule number, or the trimmed prefix
	ruleset   string          // chain, zone or zone pair
	reason    string          // free text of the generator: a rule's description, conntrack's complaint
	known     bool            // a generator writes this, not only a person
}

var noVerdict verdict

func (v *verdict) apply(e *event.Entry) {
	e.Action, e.Verdict = v.action, v.source
	e.Rule, e.Ruleset, e.Reason = v.rule, v.ruleset, v.reason
}

// maxVerdicts bounds the table of a parser: firewalls have tens of prefixes, hostile lines any number.
const maxVerdicts = 512

// verdicts remembers what prefixes say.
type verdicts struct {
	rules []compiledRule
	table map[string]*verdict
}

// of returns the verdict of a raw prefix: all text before IN=. The result must not be changed, and stays good when the
// prefix's memory does not.
func (vs *verdicts) of(prefix string) *verdict {
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
		vs.table = make(map[string]*verdict)
	}
	vs.table[prefix] = &v
	return &v
}

// judge says what a prefix means, apart from the user's table.
func judge(raw string) verdict {
	p := strings.Trim(raw, " ")
	v := verdict{rule: strings.TrimRight(p, ": ")}
	cut := isCut(raw)
	for _, g := range generators {
		if g(p, cut, &v) {
			v.known = true
			if v.action != event.ActionUnknown {
				v.source = event.VerdictPrefix
			}
			return v
		}
	}
	if v.action = wordVerdict(p); v.action != event.ActionUnknown {
		v.source = event.VerdictPrefix
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
