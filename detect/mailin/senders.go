package mailin

import (
	"net/netip"

	"mailstop/detect"
	"mailstop/event"
)

// maxSenders is how many senders are followed per target; the rest are only counted.
const maxSenders = 64

// senders follows who was stopped on the way to one server.
type senders struct {
	list     []sender
	tags     [maxSenders]uint32 // of the addresses in list, hashed
	hand     int
	distinct detect.Distinct
	all      uint64 // attempts, of senders that are not in the list, too
}

// sender is one address that tried.
type sender struct {
	addr        netip.Addr
	attempts    uint64
	first, last int64
	scanner     bool
	allowed     int64 // event time at which a connection of it passed; 0 if none did
}

// Retry thresholds. MTAs retry after 1 to 15 minutes at first; whoever knocks more than six times a minute does
// something else.
const (
	retries     = 3
	retrySpan   = 4 * 60e9
	retryPerMin = 6
	comeback    = 60e9
)

// add counts an attempt. The first maxSenders are followed, and then whoever comes in the place of one that turned out
// to be a scanner or never came back.
func (s *senders) add(e *event.Entry, scanner bool) {
	n := detect.Attempt(e)
	s.all += n
	hash := detect.HashAddr("", e.Src)
	for i, tag := range s.tags[:len(s.list)] {
		if tag == uint32(hash>>32) && s.list[i].addr == e.Src {
			v := &s.list[i]
			v.attempts += n
			v.first, v.last = min(v.first, e.Time), max(v.last, e.Time)
			v.scanner = v.scanner || scanner
			return
		}
	}
	s.distinct.Add(hash)
	if place := s.place(); place >= 0 {
		s.tags[place] = uint32(hash >> 32)
		s.list[place] = sender{addr: e.Src, attempts: n, first: e.Time, last: e.Time, scanner: scanner}
	}
}

// place returns where a new sender goes, or -1. When every place is taken, a hand goes round and takes that of a scanner or a
// one-time visitor.
func (s *senders) place() int {
	if len(s.list) < maxSenders {
		s.list = append(s.list, sender{})
		return len(s.list) - 1
	}
	for range maxSenders {
		s.hand = (s.hand + 1) % maxSenders
		if v := &s.list[s.hand]; v.scanner || v.attempts <= 1 {
			return s.hand
		}
	}
	return -1
}

// allowed notes that a connection of a sender passed.
func (s *senders) allowed(e *event.Entry) {
	for i := range s.list {
		if s.list[i].addr == e.Src {
			s.list[i].allowed = max(s.list[i].allowed, e.Time)
		}
	}
}

// census is what the senders look like.
type census struct {
	clean, scanners int // senders that may be mail servers, and those that are not
	back            int // clean ones that came again after a minute
	retrying        int // clean ones that behave as a retrying MTA does
	recovered       int // retrying ones that got through later
	best            netip.Addr
	times           uint64 // attempts of best
}

func (s *senders) census() census {
	var c census
	for i := range s.list {
		v := &s.list[i]
		if v.scanner {
			c.scanners++
			continue
		}
		c.clean++
		span := v.last - v.first
		if !detect.After(v.first, v.last) {
			span = 0
		}
		if v.attempts >= 2 && span >= comeback {
			c.back++
		}
		if v.attempts >= retries && span >= retrySpan && int64(v.attempts)*60e9 <= retryPerMin*span {
			c.retrying++
			if detect.After(v.last, v.allowed) {
				c.recovered++
			}
		}
		if v.attempts > c.times || v.attempts == c.times && v.addr.Less(c.best) {
			c.best, c.times = v.addr, v.attempts
		}
	}
	return c
}

// verdict is what a target amounts to.
type verdict struct {
	severity event.Severity
	state    event.State
	census   census
	others   *allowed // what the port accepted from others; nil if nothing
	known    bool
	prefix   detect.Prefix
}

// Judging thresholds for a configured server of which nothing is seen to be let in: different senders that touch
// nothing but its mail ports. Five may be chance, ten are not.
const (
	someSenders = 5
	manySenders = 10

	floodSenders = 500
	relayPort    = 25 // where mail servers meet
)

// judge tells mail from noise. An address that is not known as a mail server of ours is never more than noise, and
// neither is what a list of banned addresses stops: that is its purpose.
func (d *Detector) judge(t *target) verdict {
	v := d.assess(t)
	if v.severity >= t.adopted || t.senders.all >= t.before {
		return v
	}
	// Who tried is not known any more: what the port accepts from anybody since shows that it is over.
	v.severity, v.state = t.adopted, event.Open
	if t.ended || v.others != nil && detect.After(t.tally.Last, v.others.last) {
		v.state = event.Resolved
	}
	return v
}

func (d *Detector) assess(t *target) verdict {
	v := verdict{census: t.senders.census(), prefix: detect.ReadPrefix(t.rule, t.ruleset)}
	configured, alive := d.scope.Server(t.addr), d.alive[t.server]
	v.known = configured || alive != nil
	if alive != nil {
		if a := alive.ports[t.port]; a != nil && a.attempts > 0 {
			v.others = a
		}
	}
	if !v.known || v.prefix.BanList || v.prefix.Limit {
		return v
	}
	c := v.census
	closed := v.others == nil
	distinct, _ := t.senders.distinct.Count()
	// Thousands of which none comes back are a flood from forged addresses.
	mostlyClean := c.clean >= c.scanners && (c.back > 0 || distinct < floodSenders)
	strangers := configured && closed && mostlyClean // may stand for mail although none of them retries for long
	switch {
	case t.port != relayPort:
		// Strangers have no business at submission ports. Bots that guess passwords come back, too, but alone.
		if c.retrying >= 2 {
			v.severity = event.Medium
		}
	case closed && c.retrying >= 2, strangers && (c.clean >= manySenders || c.clean >= someSenders && c.back >= 2):
		v.severity = event.High
	case c.retrying >= 1, strangers && c.clean >= someSenders:
		v.severity = event.Medium
	}
	if v.others != nil && (c.retrying > 0 && c.recovered == c.retrying || v.severity > event.Info && c.retrying == 0) {
		v.state = event.Resolved
	}
	return v
}
