// Package mailreturn finds mail connections that fail because a firewall drops the answers to them: return traffic is
// not let in, or the firewall keeps no state. Late FIN and RST packets, and answers to floods that somebody sent in
// our name, are told apart.
package mailreturn

import (
	"net/netip"
	"strconv"
	"strings"

	"mailstop/detect"
	"mailstop/event"
)

// Detector finds mail-return-dropped. It keeps at most maxFlows findings; those beyond are merged by port and
// direction under the host detect.Other, and only inform.
type Detector struct {
	scope *detect.Scope
	rules *detect.RuleBook

	flows []*flow
	index map[key]*flow
	asked asked
}

const maxFlows = 512

// key is what one finding is about.
type key struct {
	host, rule string
	direction  event.Direction
	port       uint16
	ours       bool // the answers are our server's, on their way out
}

// flow is what was dropped.
type flow struct {
	key
	answers detect.Tally // SYN+ACK
	strays  detect.Tally // ACK without SYN, FIN, RST
	servers detect.Top   // that answered
	clients detect.Top

	low      uint64 // answers to ports that no client of ours would choose
	repeated uint64 // answer packets beyond the first of their attempt
	known    uint64 // answers from servers to which a connection of ours was seen
	asks     uint64 // connections of ours to these servers since their answers were first dropped
	passed   int64  // event time of the latest answer that passed
	minute   int64
	inMinute uint64 // stray connections in that minute
	busy     uint64 // minutes with many stray connections
	ruleset  string
	v4, v6   bool
	changed  bool
	limited  bool           // the log is cut by a limit
	adopted  event.Severity // of what is known from before memory was lost; else info
}

func (k key) id() string {
	return detect.ID(detect.MailReturnDropped, k.host, k.rule, k.direction.String(), strconv.Itoa(int(k.port)), strconv.FormatBool(k.ours))
}

// ephemeral is the lowest port that Linux and Windows choose for connections of their own (ip_local_port_range; RFC 6335
// says 49152).
const ephemeral = 32768

// manyStrays is how many connections within a minute, without an answer, say that data does not get through.
const manyStrays = 30

// New returns a detector for site.
func New(site detect.Site) *Detector {
	scope := detect.NewScope(site)
	return &Detector{scope: scope, rules: detect.NewRuleBook(&scope.Site), index: map[key]*flow{}}
}

// Observe implements detect.Detector.
func (d *Detector) Observe(es []*event.Entry) {
	for _, e := range es {
		if e.Proto != event.TCP || !e.Is(event.HasPorts|event.HasTCPFlags) {
			continue
		}
		switch {
		case d.scope.MailPort(e.SrcPort) && e.DstPort >= 1024 && !d.scope.MailPort(e.DstPort):
			d.answer(e)
		case e.Opening && !e.Blocked() && d.scope.MailPort(e.DstPort):
			d.ask(e)
		}
	}
}

// ask notes that a connection of ours goes out.
func (d *Detector) ask(e *event.Entry) {
	if e.Direction == event.In {
		return
	}
	d.asked.add(e)
	for _, f := range d.flows {
		if f.host == e.Host && f.port == e.DstPort && !f.ours {
			if _, ok := f.servers.Get(e.Dst); ok {
				f.asks += detect.Attempt(e)
				f.changed = true
			}
		}
	}
}

func (d *Detector) answer(e *event.Entry) {
	const flags = event.SYN | event.ACK | event.FIN | event.RST
	handshake := detect.Answer(e)
	if !handshake && e.TCPFlags&flags != event.ACK || e.IfaceOut == "lo" || e.IfaceIn == "lo" {
		return
	}
	path := d.scope.Path(e)
	if e.Direction != event.In && e.Direction != event.Out && path == detect.Strangers || !detect.Unicast(e.Dst) {
		return
	}
	// In and Out tell by themselves whose answer it is; on the way through the firewall, addresses do.
	ours := e.Direction == event.Out || e.Direction != event.In && path == detect.Outbound
	k := key{e.Host, e.Rule, e.Direction, e.SrcPort, ours}
	if !e.Blocked() {
		if handshake && e.Action == event.Allow {
			d.pass(e, ours)
		}
		return
	}
	f := d.index[k]
	if f == nil {
		f = d.add(k)
	}
	d.rules.Observe(e)
	f.observe(e, handshake, d.asked.has(e))
}

// pass notes that an answer got through: whatever was dropped before is over.
func (d *Detector) pass(e *event.Entry, ours bool) {
	for _, f := range d.flows {
		if f.host == e.Host && f.port == e.SrcPort && f.direction == e.Direction && f.ours == ours {
			if s, ok := f.servers.Get(e.Src); ok && e.Time > s.Last {
				f.passed = max(f.passed, e.Time)
				f.changed = true
			}
		}
	}
}

func (d *Detector) add(k key) *flow {
	if len(d.flows) >= maxFlows {
		k = key{host: detect.Other, direction: k.direction, port: k.port, ours: k.ours}
		if f := d.index[k]; f != nil {
			return f
		}
	}
	k.host, k.rule = strings.Clone(k.host), strings.Clone(k.rule)
	f := &flow{key: k}
	d.index[k] = f
	d.flows = append(d.flows, f)
	return f
}

func (f *flow) observe(e *event.Entry, handshake, asked bool) {
	f.changed = true
	if f.ruleset == "" && e.Ruleset != "" {
		f.ruleset = strings.Clone(e.Ruleset)
	}
	f.v4, f.v6 = f.v4 || e.Src.Unmap().Is4(), f.v6 || !e.Src.Unmap().Is4()
	n := detect.Attempt(e)
	if !handshake {
		f.strays.Add(e)
		f.stray(e.Time, n)
		return
	}
	f.answers.Add(e)
	f.servers.Add(e.Src, n, e.Time)
	f.clients.Add(e.Dst, n, e.Time)
	if n == 0 {
		f.repeated += detect.Packets(e)
		return
	}
	f.repeated += detect.Packets(e) - 1
	if asked {
		f.known++
	}
	if e.DstPort < ephemeral {
		f.low++
	}
}

// stray counts connections per minute of the log.
func (f *flow) stray(ns int64, n uint64) {
	if m := ns / 60e9; m != f.minute {
		f.minute, f.inMinute = m, 0
	}
	f.inMinute += n
	if n > 0 && f.inMinute == manyStrays {
		f.busy++
	}
}

// Findings implements detect.Detector.
func (d *Detector) Findings(out []event.Finding) []event.Finding {
	for _, f := range d.flows {
		prefix := detect.ReadPrefix(f.rule, f.ruleset)
		limited := prefix.Platform == detect.UFW && d.rules.Of(f.host, f.rule, f.direction).Limited()
		if f.changed || limited != f.limited {
			f.changed, f.limited = false, limited
			out = f.append(out, prefix)
		}
	}
	return out
}

// asked remembers to which servers connections of ours were seen to go out: the latest 8,192 to 16,384 of them.
type asked struct {
	young, old map[question]struct{}
}

type question struct {
	host uint64
	addr netip.Addr
	port uint16
}

const maxAsked = 8192

func (a *asked) add(e *event.Entry) {
	q := question{detect.HashAddr(e.Host, netip.Addr{}), e.Dst, e.DstPort}
	if _, ok := a.young[q]; ok {
		return
	}
	if len(a.young) >= maxAsked || a.young == nil {
		a.old, a.young = a.young, make(map[question]struct{}, 64)
	}
	a.young[q] = struct{}{}
}

func (a *asked) has(answer *event.Entry) bool {
	if len(a.young) == 0 {
		return false
	}
	q := question{detect.HashAddr(answer.Host, netip.Addr{}), answer.Src, answer.SrcPort}
	_, young := a.young[q]
	_, old := a.old[q]
	return young || old
}
