package mailreturn

import (
	"fmt"

	"mailstop/detect"
	"mailstop/event"
	"mailstop/internal/fix"
)

// Judging thresholds where no outgoing connection is in the log to show that the answers were asked for. A flood in
// our name has random ports: half of them are below 32768, so that four above it are chance once in 16 floods, and
// eight once in 256. It also comes from many servers, or each answer once.
const (
	someAnswers = 4
	manyAnswers = 8
	fewServers  = 4
	minStrays   = 3 // fewer are not worth a line
	busyMinutes = 3
)

// verdict is what a flow amounts to.
type verdict struct {
	severity   event.Severity
	confidence event.Confidence
	why        string
	strays     bool // it is about strays, not answers
	silent     bool // nothing to say
}

func (f *flow) judge() verdict {
	v := f.assess()
	if v.severity < f.adopted && !v.strays {
		return verdict{
			severity: f.adopted, confidence: event.Likely,
			why: "the answers were dropped before, and lines that are not at hand any more showed that they were asked for",
		}
	}
	return v
}

func (f *flow) assess() verdict {
	n := f.answers.Attempts
	servers, _ := f.servers.Distinct.Count()
	size := event.Medium
	if n >= 3 {
		size = event.High
	}
	switch {
	case n == 0:
		return f.judgeStrays()
	case f.host == detect.Other:
		return verdict{confidence: event.Possible, why: "several hosts and rules are counted together"}
	case n == 1 && f.repeated == 0:
		return verdict{confidence: event.Possible, why: "a single answer, not repeated: most likely a late one", silent: true}
	case f.ours:
		return verdict{severity: size, confidence: event.Certain, why: "our server answers connections that were let in, and its answers are dropped"}
	case f.known > 0 && 2*n < f.asks:
		return verdict{confidence: event.Likely, why: "most connections to these servers go out without a dropped answer: these are late ones"}
	case f.known > 0:
		return verdict{severity: size, confidence: event.Certain, why: "connections to these servers were seen to go out, and their answers are dropped"}
	case f.low == 0 && servers <= fewServers && n >= manyAnswers && 2*f.repeated >= n:
		return verdict{severity: event.High, confidence: event.Likely, why: "the same servers answer again and again, always to ports that clients choose"}
	case f.low == 0 && servers <= fewServers && n >= someAnswers && f.repeated >= n:
		return verdict{severity: event.Medium, confidence: event.Possible, why: "the same servers repeat their answers, to ports that clients choose"}
	}
	return verdict{confidence: event.Possible, why: "answers that nobody here is seen to have asked for: most likely to a flood sent in your name", silent: n < minStrays}
}

const busyStrays = "so many connections a minute lose their packets that these are hardly late ones"

func (f *flow) judgeStrays() verdict {
	v := verdict{strays: true, confidence: event.Likely, why: "late packets of connections that the firewall has already forgotten"}
	v.silent = f.strays.Attempts < minStrays
	if f.busy >= busyMinutes && f.host != detect.Other {
		v.severity, v.confidence = event.Medium, event.Possible
		v.why = busyStrays
	}
	return v
}

func (f *flow) append(out []event.Finding, prefix detect.Prefix) []event.Finding {
	v := f.judge()
	if v.silent {
		return out
	}
	g := event.Finding{
		ID:   f.id(),
		Kind: detect.MailReturnDropped, Severity: v.severity, Host: f.host, Direction: f.direction, Proto: "tcp",
		Port: f.port, Service: detect.Service(f.port), Rule: f.rule,
	}
	tally := &f.answers
	if v.strays {
		tally = &f.strays
	}
	tally.Fill(&g)
	if detect.After(f.answers.Last, f.passed) && !v.strays {
		g.State = event.Resolved
	}
	for _, b := range f.servers.Best(event.MaxDestinations) {
		g.Destinations = append(g.Destinations, b.Addr.String())
	}
	if n, _ := f.servers.Distinct.Count(); n > uint64(len(g.Destinations)) {
		g.MoreTargets = int(n) - len(g.Destinations)
	}
	g.LowerBound = f.limited
	g.Summary = f.summary(v, g.State)
	g.Cause = f.cause(v)
	if v.severity > event.Info && g.State == event.Open {
		g.Fix = prefix.Fixes(f.what())
	}
	return append(out, g)
}

func (f *flow) what() fix.What {
	w := fix.What{Direction: f.direction, Port: f.port, Return: true, V4: f.v4, V6: f.v6, Rule: f.rule}
	if best := f.servers.Best(1); len(best) > 0 {
		w.Host = best[0].Addr
	}
	return w
}

func (f *flow) summary(v verdict, s event.State) string {
	host := detect.Clean(f.host)
	if host == "" {
		host = "the firewall"
	}
	if v.strays {
		return fmt.Sprintf("%s dropped packets of %s from TCP %s, stopped by %s: %s", host,
			detect.Plural(f.strays.Attempts, "connection"), detect.Port(f.port), detect.Rule(f.rule), v.why)
	}
	were := "are"
	if s == event.Resolved {
		were = "were"
	}
	who := "the answers of mail servers"
	if f.ours {
		who = "the answers of your own mail server"
	}
	if v.severity == event.Info {
		who = "unasked answers"
	}
	return fmt.Sprintf("%s %s dropped at %s: TCP from port %s of %s, stopped by %s; %s (%s)", who, were, host,
		detect.Port(f.port), f.servers.AndMore(), detect.Rule(f.rule), detect.Plural(f.answers.Attempts, "connection"),
		detect.Plural(f.answers.Packets, "packet"))
}

func (f *flow) cause(v verdict) event.Cause {
	if v.severity == event.Info {
		return event.Cause{Code: event.CauseUnknown, Confidence: v.confidence, Text: v.why}
	}
	c := event.Cause{
		Code: event.CauseStatelessReturn, Confidence: v.confidence,
		Text: v.why + ": no rule lets the answers to open connections pass, or the firewall has lost their state",
	}
	if f.known == 0 && !f.ours {
		c.Missing = append(c.Missing, "the connections themselves: none is seen to go out, perhaps because allowed traffic is not logged")
	}
	c.Missing = append(c.Missing, "whether packets leave and return by different ways (asymmetric routing)")
	return c
}
