package app

import (
	"slices"
	"strings"

	"mailstop/event"
	"mailstop/parse"
)

// An Explanation is how one line is read, and what the detectors make of it alone.
type Explanation struct {
	Steps    []parse.Step
	Entry    event.Entry
	Findings []event.Finding
	Verdict  string // why there are findings or none, in words
}

// Explain reads one line as a replay with the same options would.
func Explain(o Options, line string) Explanation {
	var x Explanation
	s := parse.NewSession(Table(o.Config), o.Format, o.Host)
	s.Resume(parse.State{Clock: parse.NewClock(parse.Hints{Zone: o.Zone, Year: o.Year, Reference: o.Now})})
	s.Trace(func(step parse.Step) { x.Steps = append(x.Steps, step) })
	s.Parse(strings.TrimRight(line, "\n"), &x.Entry)
	x.Entry.Source = "line"
	site := Site(o.Config)
	g := Group(site)(0, false)
	es := []event.Entry{x.Entry}
	g.Observe(es)
	x.Findings = g.Findings(nil, true)
	x.Entry = es[0]
	x.Verdict = judge(&x.Entry, site.Ports, len(x.Findings))
	return x
}

// judge says in words why an entry does or does not make a finding.
func judge(e *event.Entry, ports []uint16, findings int) string {
	mail := slices.Contains(ports, e.DstPort) || slices.Contains(ports, e.SrcPort)
	switch {
	case findings > 0:
		return "this line alone makes a finding"
	case e.Error != "":
		return "not fully read, so no detector sees it: " + e.Error
	case e.Delivery != nil && e.Delivery.Status == event.StatusNone:
		return "a mail server's line that tells of no delivery: kept out of the counts of deliveries"
	case e.Delivery != nil:
		return "a delivery: it is stored, and makes no finding by itself"
	case e.Note != "":
		return "tells of no packet, so no detector sees it"
	case e.TimeQuality == event.TimeNone:
		return "has no time, so no detector sees it"
	case e.Action == event.Allow && mail:
		return "allowed mail: no finding, but it shows that this path works"
	case e.Action == event.Allow:
		return "allowed, and no mail: counted only"
	case e.Action == event.Observe:
		return "logged before any decision: never makes a finding"
	case !e.Blocked():
		return "the line does not say what happened to the packet, so it never makes a finding; " +
			"if the rule drops, say so under prefixes: in the configuration"
	case !mail && e.Direction == event.Out:
		return "blocked, no mail port: counts towards a rule that blocks everything outbound"
	case !mail:
		return "blocked, no mail port: counted only"
	case e.Is(event.HasTCPFlags) && !e.Opening:
		return "blocked mail, but not a connection try: an answer or a late packet counts only with others of its kind"
	}
	return "blocked mail: one line alone is not enough for a finding"
}
