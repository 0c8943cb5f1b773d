package mailin

import (
	"fmt"
	"strconv"

	"mailstop/detect"
	"mailstop/event"
	"mailstop/internal/fix"
)

func (t *target) finding(v verdict) event.Finding {
	out := event.Finding{
		ID:   t.id(),
		Kind: detect.MailInBlocked, Severity: v.severity, State: v.state, Host: t.host, Direction: t.direction,
		Proto: "tcp", Port: t.port, Service: detect.Service(t.port), Rule: t.rule, Destinations: []string{t.addr.String()},
	}
	t.tally.Fill(&out)
	out.LowerBound = t.limited
	if v.severity == event.Info {
		out.State = event.Resolved
		out.Summary = fmt.Sprintf("what knocked at TCP %s of %s turned out to be scanners", detect.Port(t.port), t.addr)
		out.Cause = event.Cause{Code: event.CauseUnknown, Confidence: event.Possible, Text: "the senders also touched other ports or hosts"}
		return out
	}
	out.Summary = t.summary(v)
	out.Cause = t.cause(v)
	if v.state == event.Open {
		out.Fix = v.prefix.Fixes(fix.What{
			Direction: t.direction, Port: t.port, Server: t.addr, V4: t.addr.Is4(), V6: !t.addr.Is4(), Rule: t.rule,
			Explicit: out.Cause.Code == event.CauseExplicitRule, Zone: v.prefix.Zone,
		})
	}
	return out
}

func (k key) id() string {
	return detect.ID(detect.MailInBlocked, k.host, k.addr.String(), strconv.Itoa(int(k.port)), k.rule, k.direction.String())
}

func (t *target) summary(v verdict) string {
	c := v.census
	from := t.senders.distinct.String() + " senders"
	if n, _ := t.senders.distinct.Count(); n == 0 {
		from = "senders that are not known any more"
	} else if n == 1 {
		from = c.best.String()
	} else if c.times > 1 {
		from += " (most often " + c.best.String() + ")"
	}
	what := "mail for " + t.addr.String() + " is stopped"
	if v.state == event.Resolved {
		what = "mail for " + t.addr.String() + " was stopped, and comes in again"
	}
	text := fmt.Sprintf("%s at %s: TCP %s from %s, stopped by %s; %s", what, hostName(t.host), detect.Port(t.port), from,
		detect.Rule(t.rule), detect.Plural(t.tally.Attempts, "attempt"))
	if c.retrying > 0 {
		text += ", " + detect.Plural(uint64(c.retrying), "sender") + " retrying as mail servers do"
	}
	if v.others != nil {
		return text + ", " + detect.Thousands(v.others.attempts) + " allowed"
	}
	return text + ", none allowed"
}

func hostName(host string) string {
	if host == "" {
		return "the firewall"
	}
	return detect.Clean(host)
}

func (t *target) cause(v verdict) event.Cause {
	port, rule := detect.Port(t.port), detect.Rule(t.rule)
	c := event.Cause{Code: event.CauseUnknown, Confidence: event.Possible, Text: "stopped by " + rule}
	p := v.prefix
	switch {
	case p.Default:
		c.Confidence = event.Likely
		c.Text = "incoming traffic is denied by default and no rule lets " + port + " in"
		if v.others != nil {
			c.Confidence = event.Possible
			c.Text = "incoming traffic is denied by default, and the rule that lets " + port + " in does not hold for these senders"
		}
	case p.Numbered:
		c.Code, c.Confidence, c.Text = event.CauseExplicitRule, event.Certain, "the rule that logs as "+rule+" stops it"
	case p.NamesIt:
		c.Code, c.Confidence, c.Text = event.CauseExplicitRule, event.Likely, "the rule that logs as "+rule+" names mail"
	default:
		c.Missing = append(c.Missing, "the rule set: whether this rule is the default or was made for mail")
	}
	if v.others == nil {
		c.Missing = append(c.Missing, "whether other senders get through: no allowed connection to this port is in the log, "+
			"perhaps because allowed traffic is not logged")
	}
	if v.census.retrying == 0 {
		c.Missing = append(c.Missing, "whether these senders are mail servers: none was seen to retry for long")
	}
	return c
}
