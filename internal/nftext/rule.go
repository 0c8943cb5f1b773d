package nftext

import (
	"errors"
	"fmt"
	"regexp"

	"mailstop/event"
)

// A Rule says what log lines with a certain prefix mean. It goes before all that Mailstop knows or infers.
type Rule struct {
	// Match is an RE2 expression, looked for in the raw prefix: all text before "IN=", with the blanks at its end, without
	// a kernel stamp and blanks at its head.
	Match string
	// Action is what the firewall did, also if that is unknown.
	Action event.Action
	// Rule and Ruleset replace what is read from the prefix; empty keeps it.
	Rule    string
	Ruleset string
	// Direction replaces what IN= and OUT= tell; unknown keeps it.
	Direction event.Direction
}

// Validate returns what is wrong with the rule, or nil.
func (r Rule) Validate() error {
	if r.Match == "" {
		return errors.New("prefix rule without an expression to match")
	}
	if _, err := regexp.Compile(r.Match); err != nil {
		return fmt.Errorf("prefix rule: match %q: %w", r.Match, err)
	}
	if int(r.Action) >= len(event.Actions()) {
		return fmt.Errorf("prefix rule %q: there is no action %d", r.Match, uint8(r.Action))
	}
	if int(r.Direction) >= len(event.Directions()) {
		return fmt.Errorf("prefix rule %q: there is no direction %d", r.Match, uint8(r.Direction))
	}
	return nil
}

type compiledRule struct {
	Rule
	match *regexp.Regexp
}

// Rules are rules that are ready to be used, by any number of parsers at once.
type Rules []compiledRule

// Compile panics on a rule that Validate refuses.
func Compile(rules []Rule) Rules {
	out := make(Rules, len(rules))
	for i, r := range rules {
		if err := r.Validate(); err != nil {
			panic("nftext: " + err.Error())
		}
		out[i] = compiledRule{Rule: r, match: regexp.MustCompile(r.Match)}
	}
	return out
}

func (c *compiledRule) apply(v *Verdict) {
	v.Action, v.Source = c.Action, event.VerdictConfig
	if c.Rule.Rule != "" {
		v.Rule = c.Rule.Rule
	}
	if c.Ruleset != "" {
		v.Ruleset = c.Ruleset
	}
	v.Direction = c.Direction
}
