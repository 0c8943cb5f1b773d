package ecs

import (
	"strings"

	"mailstop/event"
	"mailstop/internal/jsonscan"
)

// verdict says what became of the packet: by the word of the action or, where that is another's, such as
// "firewall-rule", by the types of the event.
func (p *parser) verdict(e *event.Entry) {
	a := actionOf(p.word(action))
	if a == event.ActionUnknown {
		a = p.typed()
	}
	if a != event.ActionUnknown {
		e.Action, e.Verdict = a, event.VerdictField
	}
	e.Rule = p.word(ruleID)
	e.Ruleset = p.word(ruleset)
	if e.Rule == "" {
		e.Rule = p.word(ruleName)
	}
	e.Reason = p.word(reason)
}

// actionOf returns what a word means, if it can mean nothing else.
func actionOf(word string) event.Action {
	switch strings.ToLower(word) {
	case "allow", "allowed", "accept", "accepted", "pass", "passed", "permit", "permitted":
		return event.Allow
	case "drop", "dropped":
		return event.Drop
	case "reject", "rejected":
		return event.Reject
	case "deny", "denied", "block", "blocked":
		return event.Deny
	case "nat", "snat", "dnat", "rdr", "binat", "masquerade":
		return event.NAT
	case "log", "logged", "match", "audit", "observe":
		return event.Observe
	case "close", "closed", "teardown", "flow-expiration":
		return event.Close
	}
	return event.ActionUnknown
}

// typed reads event.type: allowed and denied are ECS's own words.
func (p *parser) typed() event.Action {
	allowed, denied := false, false
	note := func(s string) {
		allowed = allowed || s == "allowed"
		denied = denied || s == "denied"
	}
	switch v := p.value(types); v.Kind {
	case jsonscan.List:
		v.Elements(func(v jsonscan.Value) bool {
			note(v.Raw)
			return true
		})
	case jsonscan.Text:
		note(v.Raw)
	}
	switch {
	case allowed && !denied:
		return event.Allow
	case denied && !allowed:
		return event.Deny
	}
	return event.ActionUnknown
}

// path says which way the packet went. ECS's ingress and egress are of the firewall; inbound and outbound are of the
// network, so that a packet that enters by one interface and leaves by another is forwarded; internal and external say
// nothing of the firewall.
func (p *parser) path(e *event.Entry) {
	e.IfaceIn, e.IfaceOut = p.word(ifaceIn), p.word(ifaceOut)
	through := e.IfaceIn != "" && e.IfaceOut != ""
	switch strings.ToLower(p.word(direction)) {
	case "ingress":
		e.Direction = event.In
	case "egress":
		e.Direction = event.Out
	case "forward", "forwarded":
		e.Direction = event.Forward
	case "inbound", "in", "incoming":
		e.Direction = event.In
		if through {
			e.Direction = event.Forward
		}
	case "outbound", "out", "outgoing":
		e.Direction = event.Out
		if through {
			e.Direction = event.Forward
		}
	case "":
		switch {
		case through:
			e.Direction = event.Forward
		case e.IfaceIn != "":
			e.Direction = event.In
		case e.IfaceOut != "":
			e.Direction = event.Out
		}
	}
}
