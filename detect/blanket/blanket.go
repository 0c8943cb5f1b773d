// Package blanket finds rules that stop all that a host sends, or nearly all: mail is only one of the victims.
package blanket

import (
	"strings"

	"mailstop/detect"
	"mailstop/event"
)

// Detector finds blanket-deny. It watches at most maxRules rules; those beyond are left to the other detectors.
type Detector struct {
	scope *detect.Scope
	book  *detect.RuleBook
	rules []*rule
	index map[key]*rule
	last  *rule
}

const maxRules = 512

// key is what one finding is about.
type key struct {
	host, rule string
	direction  event.Direction
}

// rule is what one rule stopped.
type rule struct {
	key
	all, mail      detect.Tally
	dests, clients detect.Top
	servers        detect.Top // mail servers among dests
	services       []service
	ports          detect.Distinct // destination ports, known services or not
	passed         int64           // event time of the latest mail connection that was let out
	ruleset        string
	v4, v6         bool
	changed        bool
	limited        bool // the log is cut by a limit
	shown          bool
	adopted        bool // it was one before memory was lost
}

func (k key) id() string { return detect.ID(detect.BlanketDeny, k.host, k.rule, k.direction.String()) }

// service is a port that something well known runs on.
type service struct {
	proto    uint8
	port     uint16
	mail     bool
	attempts uint64
}

// Thresholds: three services besides mail at three destinations, or five besides mail anywhere, are more than a rule
// made for mail would stop. A scan of one machine's ports from inside is not a host that wants to work.
const (
	someServices = 3
	someDests    = 3
	manyServices = 5
	maxServices  = 64
	scanPorts    = 50
)

// New returns a detector for site.
func New(site detect.Site) *Detector {
	scope := detect.NewScope(site)
	return &Detector{scope: scope, book: detect.NewRuleBook(&scope.Site), index: map[key]*rule{}}
}

// Observe implements detect.Detector.
func (d *Detector) Observe(es []*event.Entry) {
	for _, e := range es {
		if e.Direction == event.In || !e.Is(event.HasPorts) || e.Proto == event.TCP && !e.Opening {
			continue
		}
		if path := d.scope.Path(e); path != detect.Outbound && path != detect.Internal || e.IfaceOut == "lo" {
			continue
		}
		mail := e.Proto == event.TCP && d.scope.MailPort(e.DstPort)
		switch {
		case e.Blocked():
			d.block(e, mail)
		case mail && e.Action == event.Allow:
			d.pass(e)
		}
	}
}

func (d *Detector) block(e *event.Entry, mail bool) {
	if !detect.Unicast(e.Dst) || detect.Chatter(e.DstPort) || e.Proto == event.UDP && e.SrcPort < 1024 && e.SrcPort != 123 {
		return // what hosts say to everybody, and answers
	}
	d.book.Observe(e)
	r := d.of(e)
	if r == nil {
		return
	}
	r.all.Add(e)
	n := detect.Attempt(e)
	r.dests.Add(e.Dst, n, e.Time)
	if e.Direction != event.Out {
		r.clients.Add(e.Src, n, e.Time)
	}
	r.ports.Add(uint64(e.Proto)<<17 | uint64(e.DstPort)<<1 | 1)
	if mail {
		r.mail.Add(e)
		r.servers.Add(e.Dst, n, e.Time)
		r.v4, r.v6 = r.v4 || e.Dst.Unmap().Is4(), r.v6 || !e.Dst.Unmap().Is4()
	}
	if mail || known(e.DstPort) {
		r.serve(e.Proto, e.DstPort, mail, n)
	}
	if r.ruleset == "" && e.Ruleset != "" {
		r.ruleset = strings.Clone(e.Ruleset)
	}
	r.changed = true
}

// of returns the record of e's rule; nil beyond the bound.
func (d *Detector) of(e *event.Entry) *rule {
	k := key{e.Host, e.Rule, e.Direction}
	if d.last != nil && d.last.key == k {
		return d.last
	}
	r := d.add(k)
	if r != nil {
		d.last = r
	}
	return r
}

// add returns the record of a rule, a new one if there is none; nil beyond the bound.
func (d *Detector) add(k key) *rule {
	r := d.index[k]
	if r == nil {
		if len(d.rules) >= maxRules {
			return nil
		}
		k.host, k.rule = strings.Clone(k.host), strings.Clone(k.rule)
		r = &rule{key: k}
		d.index[k] = r
		d.rules = append(d.rules, r)
	}
	return r
}

func (d *Detector) pass(e *event.Entry) {
	for _, r := range d.rules {
		if r.host == e.Host && r.direction == e.Direction && e.Time > r.passed {
			r.passed = e.Time
			r.changed = true
		}
	}
}

func (r *rule) serve(proto uint8, port uint16, mail bool, n uint64) {
	for i := range r.services {
		if s := &r.services[i]; s.port == port && s.proto == proto {
			s.attempts += n
			return
		}
	}
	if len(r.services) < maxServices {
		r.services = append(r.services, service{proto, port, mail, n})
	}
}

// known reports whether a port is one that services have for themselves.
func known(port uint16) bool {
	switch port {
	case 1194, 1433, 1521, 1883, 3128, 3268, 3306, 3389, 3478, 4500, 5060, 5061, 5222, 5223, 5228, 5432, 5671, 5672, 5900,
		5985, 5986, 6379, 6443, 8000, 8080, 8333, 8443, 8883, 9092, 9200, 9418, 10050, 10051, 11211, 11371, 27017, 51820:
		return true
	}
	return port < 1024
}

// blanket reports whether the rule stops what a host needs to work, mail among it.
func (r *rule) blanket() bool {
	others := 0
	for _, s := range r.services {
		if !s.mail && s.attempts > 0 {
			others++
		}
	}
	dests, _ := r.dests.Distinct.Count()
	if ports, _ := r.ports.Count(); ports >= scanPorts && dests < someDests {
		return false
	}
	return r.adopted || r.mail.Attempts > 0 && (others >= someServices && dests >= someDests || others >= manyServices)
}
