// Package mailout finds mail that cannot leave: connections of ours to mail ports outside that a firewall stops.
package mailout

import (
	"strconv"
	"strings"

	"mailstop/detect"
	"mailstop/event"
)

// Detector finds mail-out-blocked. It keeps at most maxFlows findings; those beyond are merged by port and direction
// under the host detect.Other, with the right totals.
type Detector struct {
	scope *detect.Scope
	rules *detect.RuleBook
	pairs detect.Sources // who scans whom

	flows []*flow
	index map[key]*flow
	lanes map[lane]*passed
	heard map[string]bool // hosts whose log shows allowed mail connections at all
}

const (
	maxFlows = 1024
	maxHosts = 4096
)

// key is what one finding is about.
type key struct {
	host, rule string
	direction  event.Direction
	port       uint16
	internal   bool
}

// lane is a key without the rule: the way that mail takes, whichever rule it meets.
type lane struct {
	host      string
	direction event.Direction
	port      uint16
	internal  bool
}

// flow is what was blocked.
type flow struct {
	key
	tally          detect.Tally
	dests, clients detect.Top
	way            *passed
	ruleset        string
	loopback       bool
	v4, v6         bool
	scans          uint64 // attempts that were part of a port scan
	recent         int64  // event time of the latest blocked packet whose clock can be believed
	since          uint64 // blocked attempts since the way last let something through
	changed        bool
	told           uint8 // what the last finding said of things beside the flow
}

// passed is what a lane let through.
type passed struct {
	attempts    uint64
	first, last int64
	dests       detect.Top
	run         uint64 // allowed attempts since the last blocked one
	tried       bool   // anything, allowed or not, went this way
	flows       []*flow
}

// New returns a detector for site.
func New(site detect.Site) *Detector {
	scope := detect.NewScope(site)
	return &Detector{
		scope: scope, rules: detect.NewRuleBook(&scope.Site),
		index: map[key]*flow{}, lanes: map[lane]*passed{}, heard: map[string]bool{},
	}
}

// Observe implements detect.Detector.
func (d *Detector) Observe(es []*event.Entry) {
	for _, e := range es {
		if e.Direction == event.In && len(d.scope.Networks) == 0 || !e.Is(event.HasPorts) {
			continue
		}
		path := d.scope.Path(e)
		if path != detect.Outbound && path != detect.Internal {
			continue
		}
		scan := false
		if e.Blocked() {
			d.rules.Observe(e)
			scan = e.Opening && d.pairs.Scan(e)
		}
		if e.Proto != event.TCP || !detect.Unicast(e.Dst) || !d.scope.MailPort(e.DstPort) {
			continue
		}
		switch {
		case e.Blocked() && e.Opening:
			d.block(e, path == detect.Internal, scan)
		case e.Action == event.Allow:
			d.allow(e, path == detect.Internal)
		}
	}
}

func (d *Detector) block(e *event.Entry, internal, scan bool) {
	k := key{e.Host, e.Rule, e.Direction, e.DstPort, internal}
	f := d.index[k]
	if f == nil {
		f = d.add(k)
	}
	f.tally.Add(e)
	n := detect.Attempt(e)
	f.dests.Add(e.Dst, n, e.Time)
	if e.Direction != event.Out {
		f.clients.Add(e.Src, n, e.Time)
	}
	if f.ruleset == "" && e.Ruleset != "" {
		f.ruleset = strings.Clone(e.Ruleset)
	}
	f.loopback = f.loopback || e.Dst.IsLoopback()
	f.v4, f.v6 = f.v4 || e.Dst.Unmap().Is4(), f.v6 || !e.Dst.Unmap().Is4()
	f.way.run = 0
	f.since += n
	if scan {
		f.scans += n
	}
	if f.recent == 0 || detect.After(f.recent, e.Time) {
		f.recent = e.Time
	}
	f.changed = true
}

// add makes the flow of a new key, or returns the one that stands for those beyond the bound.
func (d *Detector) add(k key) *flow {
	if len(d.flows) >= maxFlows {
		k = key{host: detect.Other, direction: k.direction, port: k.port, internal: k.internal}
		if f := d.index[k]; f != nil {
			return f
		}
	}
	k.host, k.rule = strings.Clone(k.host), strings.Clone(k.rule)
	f := &flow{key: k, way: d.way(k.lane())}
	f.way.flows = append(f.way.flows, f)
	d.index[k] = f
	d.flows = append(d.flows, f)
	return f
}

func (k key) id() string {
	return detect.ID(detect.MailOutBlocked, k.host, k.rule, k.direction.String(), strconv.Itoa(int(k.port)), strconv.FormatBool(k.internal))
}

func (k key) lane() lane { return lane{k.host, k.direction, k.port, k.internal} }

// way returns what is known of a lane, which is remembered from now on if there is room.
func (d *Detector) way(l lane) *passed {
	w := d.lanes[l]
	if w == nil {
		w = &passed{}
		if len(d.lanes) < 4*maxFlows {
			l.host = strings.Clone(l.host)
			d.lanes[l] = w
		}
	}
	w.tried = true
	return w
}

func (d *Detector) allow(e *event.Entry, internal bool) {
	const ends = event.RST | event.FIN
	if e.Is(event.HasTCPFlags) && e.TCPFlags&ends != 0 {
		return
	}
	if !d.heard[e.Host] && len(d.heard) < maxHosts {
		d.heard[strings.Clone(e.Host)] = true
	}
	w := d.way(lane{e.Host, e.Direction, e.DstPort, internal})
	if w.attempts == 0 && w.last == 0 {
		w.first, w.last = e.Time, e.Time
	}
	w.first, w.last = min(w.first, e.Time), max(w.last, e.Time)
	n := detect.Attempt(e)
	w.attempts += n
	w.run += n
	w.dests.Add(e.Dst, n, e.Time)
	for _, f := range w.flows {
		f.since = 0
		f.changed = true
	}
}

// Findings implements detect.Detector.
func (d *Detector) Findings(out []event.Finding) []event.Finding {
	for _, f := range d.flows {
		if told := d.around(f); f.changed || told != f.told {
			f.changed, f.told = false, told
			out = append(out, d.finding(f))
		}
	}
	return out
}

// around sums up what a finding says of things beside its flow: a change of them changes the finding.
func (d *Detector) around(f *flow) uint8 {
	var told uint8
	blocks := d.rules.Of(f.host, f.rule, f.direction)
	for i, yes := range [...]bool{
		blocks.Others > 0, blocks.Mail >= onlyMail, blocks.Limited(), d.heard[f.host], d.tried(f, 465), d.tried(f, 587),
	} {
		if yes {
			told |= 1 << i
		}
	}
	return told
}

// tried reports whether anything, allowed or not, went the flow's way to another port.
func (d *Detector) tried(f *flow, port uint16) bool {
	w := d.lanes[lane{f.host, f.direction, port, f.internal}]
	return w != nil && w.tried
}

func (d *Detector) finding(f *flow) event.Finding {
	out := event.Finding{
		ID:   f.id(),
		Kind: detect.MailOutBlocked, Host: f.host, Direction: f.direction, Proto: "tcp", Port: f.port,
		Service: detect.Service(f.port), Rule: f.rule,
	}
	f.tally.Fill(&out)
	best := f.dests.Best(event.MaxDestinations)
	for _, b := range best {
		out.Destinations = append(out.Destinations, b.Addr.String())
	}
	if n, _ := f.dests.Distinct.Count(); n > uint64(len(best)) {
		out.MoreTargets = int(n) - len(best)
	}
	passing := f.passing()
	out.Severity = f.severity(passing)
	if passing == ended {
		out.State = event.Resolved
	}
	blocks := d.rules.Of(f.host, f.rule, f.direction)
	prefix := detect.ReadPrefix(f.rule, f.ruleset)
	out.LowerBound = prefix.Platform == detect.UFW && blocks.Limited()
	out.Summary = f.summary(passing)
	out.Cause = d.cause(f, prefix, blocks)
	if out.State == event.Open && f.host != detect.Other {
		out.Fix = f.fixes(prefix, out.Cause.Code == event.CauseExplicitRule)
	}
	return out
}

// passing says what a lane let through beside what it blocked.
type passing uint8

const (
	none   passing = iota // nothing that the log shows
	before                // connections passed, but none since the first was blocked
	some                  // connections pass while others are blocked
	ended                 // what was blocked passes now
)

// recovered is how many connections to other addresses must pass in a row before a block counts as ended: a single
// one may be another exception.
const recovered = 3

func (f *flow) passing() passing {
	w := f.way
	if w.last == 0 {
		return none
	}
	if detect.After(f.recent, w.last) {
		if w.run >= recovered {
			return ended
		}
		for _, b := range f.dests.Best(topAll) {
			if v, ok := w.dests.Get(b.Addr); ok && detect.After(f.recent, v.Last) {
				return ended
			}
		}
	}
	switch {
	case f.since >= total && detect.After(w.last, f.recent) && f.recent-w.last >= lasting, detect.After(w.last, f.tally.First):
		return before
	case detect.After(f.tally.First-1, w.last):
		return some
	}
	return none // a clock that cannot be believed
}

// total is how many blocked attempts in a row, over a lasting time, mean that nothing passes any more.
const total = 10

// topAll is more than any detect.Top keeps.
const topAll = 1 << 10

// lasting is how long a block must hold to count as lasting: an MTA's first retry comes within 5 to 10 minutes.
const lasting = 10 * 60e9

func (f *flow) severity(p passing) event.Severity {
	a := f.tally.Attempts
	long := a >= 2 && f.tally.Lasting(lasting)
	switch {
	case f.scan():
		return event.Low
	case f.internal, f.host == detect.Other, p == some, a < 3 && !long:
		return event.Medium
	}
	return event.High
}

// scan reports whether most of the attempts belong to port scans: somebody tries whatever ports there are, and wants no
// mail sent.
func (f *flow) scan() bool { return 2*f.scans >= f.tally.Attempts && f.scans > 0 }
