// Package mailin finds mail for our servers that a firewall stops at the door, and tells it from the noise of
// scanners, which knock at mail ports all day.
package mailin

import (
	"net/netip"
	"strings"

	"mailstop/detect"
	"mailstop/event"
)

// Detector finds mail-in-blocked. Beyond its bounds packets count as probes, with the right totals: it judges at most
// maxTargets pairs of server and rule, and keeps apart the probes of at most maxHosts firewalls.
type Detector struct {
	scope   *detect.Scope
	rules   *detect.RuleBook
	sources detect.Sources
	keys    [128]uint64 `state:"-"` // of the senders of the entries at hand

	targets []*target
	index   map[key]*target
	alive   map[server]*service
	last    *target

	hosts  []*probes
	byHost map[string]*probes
	hot    *probes
}

const (
	maxTargets  = 1024
	maxReserved = 1024 // further ones, for servers that are known to be ours
	maxServers  = 4096
	maxHosts    = 512
)

// key is what one finding is about.
type key struct {
	server
	rule      string
	port      uint16
	direction event.Direction
}

// server is an address behind, or of, a firewall.
type server struct {
	host string
	addr netip.Addr
}

// service is what is known of a server that was seen alive.
type service struct {
	ports map[uint16]*allowed // what it was seen to accept, by mail port
}

// allowed is what a mail port of a server accepted.
type allowed struct {
	attempts uint64
	last     int64 // event time
}

// target is what was blocked for one server, by one rule.
type target struct {
	key
	tally   detect.Tally
	senders senders
	ruleset string
	changed bool
	limited bool           // the log is cut by a limit
	shown   bool           // a finding above info was made of it
	adopted event.Severity // of what is known from before memory was lost; else info
	ended   bool           // what is known from before is over
	before  uint64         // attempts that it was made of: as many again make it a matter of the past
}

// New returns a detector for site.
func New(site detect.Site) *Detector {
	scope := detect.NewScope(site)
	return &Detector{
		scope: scope, rules: detect.NewRuleBook(&scope.Site),
		index: map[key]*target{}, alive: map[server]*service{}, byHost: map[string]*probes{},
	}
}

// Observe implements detect.Detector.
func (d *Detector) Observe(es []*event.Entry) {
	for len(es) > 0 {
		n := min(len(es), len(d.keys))
		for i, e := range es[:n] {
			if e.Direction != event.Out && e.Opening && e.Blocked() {
				d.keys[i] = d.sources.Prepare(e)
			}
		}
		d.observe(es[:n])
		es = es[n:]
	}
}

// observe takes entries whose keys are prepared.
func (d *Detector) observe(es []*event.Entry) {
	for i, e := range es {
		if !e.Is(event.HasPorts) {
			continue
		}
		if detect.Answer(e) {
			d.answered(e)
			continue
		}
		if e.Direction == event.Out {
			continue
		}
		if e.Blocked() {
			d.blocked(e, d.keys[i])
		} else {
			d.passed(e)
		}
	}
}

// answered learns a mail server from the answers it sends.
func (d *Detector) answered(e *event.Entry) {
	if !d.scope.MailPort(e.SrcPort) || e.DstPort < 1024 || e.Direction == event.In {
		return
	}
	if e.Direction == event.Out || d.scope.Path(e) == detect.Outbound {
		d.serve(e.Host, e.Src, e.SrcPort)
	}
}

// passed learns a mail server from the connections it gets.
func (d *Detector) passed(e *event.Entry) {
	if e.Action != event.Allow || e.Proto != event.TCP || !e.Opening || !d.scope.MailPort(e.DstPort) {
		return
	}
	if p := d.scope.Path(e); p != detect.Inbound && p != detect.Internal {
		return
	}
	a := d.serve(e.Host, e.Dst, e.DstPort)
	if a == nil {
		return
	}
	a.attempts += detect.Attempt(e)
	a.last = max(a.last, e.Time)
	for _, t := range d.targets {
		if t.addr == e.Dst && t.port == e.DstPort && t.host == e.Host {
			t.senders.allowed(e)
			d.change(t)
		}
	}
}

// change marks a target as changed, and the probes that it may be taken out of.
func (d *Detector) change(t *target) {
	t.changed = true
	if p := d.byHost[t.host]; p != nil {
		p.changed = true
	}
}

// serve returns the record of a mail port that was seen alive, or nil beyond the bound.
func (d *Detector) serve(host string, addr netip.Addr, port uint16) *allowed {
	s := d.alive[server{host, addr}]
	if s == nil {
		if len(d.alive) >= maxServers {
			return nil
		}
		s = &service{ports: map[uint16]*allowed{}}
		d.alive[server{strings.Clone(host), addr}] = s
		d.touch(host, addr)
	}
	a := s.ports[port]
	if a == nil {
		a = &allowed{}
		s.ports[port] = a
		d.touch(host, addr)
	}
	return a
}

// touch marks what is known of a server's blocked mail as changed.
func (d *Detector) touch(host string, addr netip.Addr) {
	for _, t := range d.targets {
		if t.addr == addr && t.host == host {
			d.change(t)
		}
	}
}

func (d *Detector) blocked(e *event.Entry, source uint64) {
	if !e.Opening {
		return
	}
	path := d.scope.Path(e)
	if path == detect.Outbound || path == detect.Internal {
		return
	}
	mail := e.Proto == event.TCP && d.scope.MailPort(e.DstPort)
	scanner := d.sources.Observe(e, source, mail)
	d.rules.Observe(e)
	if !mail || !detect.Unicast(e.Dst) {
		return
	}
	p := d.probesOf(e.Host)
	p.add(e, path == detect.Strangers)
	if path == detect.Strangers {
		return
	}
	if t := d.target(e); t != nil {
		t.tally.Add(e)
		t.senders.add(e, scanner)
		if t.ruleset == "" && e.Ruleset != "" {
			t.ruleset = strings.Clone(e.Ruleset)
		}
		t.changed = true
	}
}

// target returns the record for e's server and rule; nil beyond the bound.
func (d *Detector) target(e *event.Entry) *target {
	k := key{server{e.Host, e.Dst}, e.Rule, e.DstPort, e.Direction}
	if d.last != nil && d.last.key == k {
		return d.last
	}
	t := d.add(k)
	if t != nil {
		d.last = t
	}
	return t
}

// add returns the record of a server and rule, a new one if there is none; nil beyond the bound.
func (d *Detector) add(k key) *target {
	t := d.index[k]
	if t == nil {
		room := maxTargets
		if d.known(k.server) {
			room += maxReserved
		}
		if len(d.targets) >= room {
			return nil
		}
		k.host, k.rule = strings.Clone(k.host), strings.Clone(k.rule)
		t = &target{key: k}
		d.index[k] = t
		d.targets = append(d.targets, t)
	}
	return t
}

// known reports whether a server is ours for sure: configured, or seen alive.
func (d *Detector) known(s server) bool { return d.scope.Server(s.addr) || d.alive[s] != nil }

// Findings implements detect.Detector. What is mail is taken out of the probes.
func (d *Detector) Findings(out []event.Finding) []event.Finding {
	mail := map[string]*share{}
	for _, t := range d.targets {
		v := d.judge(t)
		if v.severity > event.Info {
			s := mail[t.host]
			if s == nil {
				s = &share{}
				mail[t.host] = s
			}
			s.add(t)
		}
		t.ended = t.ended || t.adopted > event.Info && v.state == event.Resolved
		limited := v.prefix.Platform == detect.UFW && d.rules.Of(t.host, t.rule, t.direction).Limited()
		if !t.changed && limited == t.limited {
			continue
		}
		t.changed, t.limited = false, limited
		if v.severity > event.Info || t.shown {
			out = append(out, t.finding(v))
		}
		t.shown = v.severity > event.Info
	}
	for _, p := range d.hosts {
		out = p.append(out, d, mail[p.host])
	}
	return out
}
