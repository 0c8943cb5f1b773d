package mailout

import (
	"fmt"
	"net/netip"

	"mailstop/detect"
	"mailstop/event"
	"mailstop/internal/fix"
)

func (f *flow) summary(p passing) string {
	who := detect.Clean(f.host)
	if who == "" {
		who = "the firewall host"
	}
	clients, _ := f.clients.Distinct.Count()
	switch {
	case f.host == detect.Other:
		who = "hosts beyond the first 1,024"
	case clients == 1:
		who = f.clients.AndMore() + ", behind " + who + ","
	case clients > 1:
		who = f.clients.Distinct.String() + " clients behind " + who + " (most: " + f.clients.Best(1)[0].Addr.String() + ")"
	}
	can := "cannot send mail"
	switch {
	case f.scan():
		can = "scans ports of others, mail ports among them"
	case p == ended:
		can = "could not send mail, and can again"
	case p == some && clients > 1:
		can = "cannot send all of their mail"
	case p == some:
		can = "cannot send all of its mail"
	case f.internal && f.loopback:
		can = "cannot hand mail to itself"
	case f.internal:
		can = "cannot send mail to another host of yours"
	}
	return fmt.Sprintf("%s %s: TCP %s to %s, stopped by %s; %s, %s", who, can, detect.Port(f.port), f.dests.AndMore(),
		detect.Rule(f.rule), detect.Plural(f.tally.Attempts, "attempt"), f.allowed(p))
}

func (f *flow) allowed(p passing) string {
	const layout = "2006-01-02 15:04:05 UTC"
	switch p {
	case before:
		return "none allowed since " + detect.UTC(f.way.last).Format(layout)
	case some:
		return detect.Thousands(f.way.attempts) + " others allowed"
	case ended:
		return "allowed again by " + detect.UTC(f.way.last).Format(layout)
	}
	return "none allowed"
}

// cause says why, from the rule's prefix and from what else the rule was seen to block.
func (d *Detector) cause(f *flow, p detect.Prefix, blocks *detect.Blocks) event.Cause {
	c := reason(f, p, blocks)
	for _, other := range [...]uint16{465, 587} {
		// A mail server on 25 has no use for submission ports; a client that uses one of them may use the other.
		if f.port == other || f.port == 25 && other == 465 || !d.scope.MailPort(other) {
			continue
		}
		if !d.tried(f, other) {
			c.Missing = append(c.Missing, fmt.Sprintf("whether %d would pass (never tried)", other))
		}
	}
	if !d.heard[f.host] {
		c.Missing = append(c.Missing, "whether anything got through: this log shows no allowed mail connection at all, "+
			"perhaps because allowed traffic is not logged")
	}
	return c
}

// onlyMail is how many attempts a rule must have stopped before it counts that all of them were mail.
const onlyMail = 3

func reason(f *flow, p detect.Prefix, blocks *detect.Blocks) event.Cause {
	port, rule := detect.Port(f.port), detect.Rule(f.rule)
	others := ""
	if blocks.Others > 0 && !blocks.Merged {
		others = "; the same rule stopped other services as well"
	}
	switch {
	case f.scan():
		return event.Cause{
			Code: event.CauseUnknown, Confidence: event.Likely,
			Text: "the sender tried many other ports of the same address: a port scan, not mail; stopped by " + rule,
		}
	case f.host == detect.Other:
		return event.Cause{Code: event.CauseUnknown, Confidence: event.Possible, Text: "several hosts and rules are counted together"}
	case p.Default && p.Platform != detect.Own:
		c := event.Cause{
			Code: event.CauseDefaultDenyOut, Confidence: event.Likely,
			Text: outgoing(f) + " is denied by default and no rule allows " + port + others,
		}
		if p.Sure {
			c.Confidence = event.Certain
		} else if p.Platform == detect.UFW {
			c.Missing = append(c.Missing, "whether a rule of yours with \"log\" stops it: ufw writes the same words for both")
		}
		return c
	case p.Numbered, p.Limit:
		return event.Cause{Code: event.CauseExplicitRule, Confidence: event.Certain, Text: "the rule that logs as " + rule + " stops it"}
	case p.Default:
		return event.Cause{
			Code: event.CauseDefaultDenyOut, Confidence: event.Likely,
			Text: "the rule's own words (" + rule + ") say that it takes what no other rule allows" + others,
		}
	case p.NamesIt && blocks.Others == 0 && !blocks.Merged:
		return event.Cause{
			Code: event.CauseExplicitRule, Confidence: event.Certain,
			Text: "the rule that logs as " + rule + " names mail and stopped nothing else",
		}
	case p.NamesIt:
		return event.Cause{
			Code: event.CauseExplicitRule, Confidence: event.Likely,
			Text: "the rule that logs as " + rule + " names mail" + others,
		}
	case f.rule != "" && blocks.Others == 0 && !blocks.Merged && blocks.Mail >= onlyMail:
		return event.Cause{
			Code: event.CauseExplicitRule, Confidence: event.Likely,
			Text: "the rule that logs as " + rule + " stopped nothing but mail",
		}
	}
	return event.Cause{
		Code: event.CauseUnknown, Confidence: event.Possible, Text: "stopped by " + rule + others,
		Missing: []string{"the rule set: whether this rule is the default or was made for mail"},
	}
}

func outgoing(f *flow) string {
	if f.direction == event.Forward {
		return "forwarded traffic"
	}
	return "outgoing traffic"
}

func (f *flow) fixes(p detect.Prefix, explicit bool) []event.Fix {
	w := fix.What{
		Direction: f.direction, Port: f.port, V4: f.v4, V6: f.v6, Rule: f.rule, Explicit: explicit, Zone: p.Zone,
	}
	if best := f.dests.Best(1); len(best) > 0 {
		w.Host = best[0].Addr
	}
	w.Client = f.client()
	// What is logged where a client's packet enters is stopped by a rule for forwarding, whose chain the log does not tell.
	if w.Direction == event.In || f.scan() {
		return nil
	}
	return p.Fixes(w)
}

// client returns the one client whose mail is stopped, or no address if there are several.
func (f *flow) client() (one netip.Addr) {
	if n, _ := f.clients.Distinct.Count(); n == 1 {
		one = f.clients.Best(1)[0].Addr
	}
	return one
}
