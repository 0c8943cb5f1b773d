package detect

import (
	"strings"

	"mailstop/event"
)

// A RuleBook remembers, per host, rule and direction, what else a rule blocks and how fast it logs. It keeps 1,024
// rules; those beyond share one record.
type RuleBook struct {
	site  *Site `state:"-"`
	index map[ruleKey]*Blocks
	cache *Blocks
	rest  Blocks
}

type ruleKey struct {
	host, rule string
	direction  event.Direction
}

const maxRules = 1024

// Blocks is what a rule was seen to block.
type Blocks struct {
	Mail, Others uint64 // attempts to mail ports, and to other services
	Merged       bool   // the record stands for several rules

	key                 ruleKey
	minute              int64
	inMinute            uint32
	full, active, burst uint32 // minutes with three lines, with any line, and with more than the limit lets pass
}

// NewRuleBook returns an empty book.
func NewRuleBook(site *Site) *RuleBook {
	return &RuleBook{site: site, index: map[ruleKey]*Blocks{}, rest: Blocks{Merged: true}}
}

// Observe counts a blocked entry.
func (r *RuleBook) Observe(e *event.Entry) {
	b := r.of(e.Host, e.Rule, e.Direction, true)
	b.rate(e.Time)
	if !e.FirstAttempt || !e.Opening {
		return
	}
	if e.Proto == event.TCP && r.site.MailPort(e.DstPort) {
		b.Mail++
	} else if Unicast(e.Dst) && !Chatter(e.DstPort) {
		b.Others++
	}
}

// Of returns what is known of a rule.
func (r *RuleBook) Of(host, rule string, d event.Direction) *Blocks {
	return r.of(host, rule, d, false)
}

func (r *RuleBook) of(host, rule string, d event.Direction, add bool) *Blocks {
	k := ruleKey{host, rule, d}
	if r.cache != nil && r.cache.key == k {
		return r.cache
	}
	b, ok := r.index[k]
	if !ok {
		if !add || len(r.index) >= maxRules {
			return &r.rest
		}
		b = &Blocks{key: ruleKey{strings.Clone(host), strings.Clone(rule), d}}
		r.index[b.key] = b
	}
	r.cache = b
	return b
}

// rate follows how many lines each minute has.
func (b *Blocks) rate(ns int64) {
	m := ns / 60e9
	if m != b.minute || b.active == 0 {
		b.minute, b.inMinute = m, 0
		b.active++
	}
	b.inMinute++
	switch b.inMinute {
	case ufwPerMinute:
		b.full++
	case ufwPerMinute + 1:
		b.full--
	case ufwPerMinute + ufwBurst + 1:
		b.burst++
	}
}

// ufw writes its LOG rules with "-m limit --limit 3/min --limit-burst 10" (ufw-framework(8), user.rules).
const (
	ufwPerMinute = 3
	ufwBurst     = 10
)

// Limited reports whether the rule's lines look cut by ufw's limit: at least five minutes, and half of those with any
// line, have exactly three, and no minute has more than the limit lets pass.
func (b *Blocks) Limited() bool {
	return !b.Merged && b.burst == 0 && b.full >= 5 && 2*b.full >= b.active
}

// Chatter reports whether a port carries what hosts say on their own to everybody: DHCP, NetBIOS names, service
// discovery. That such packets are blocked says nothing about a rule.
func Chatter(port uint16) bool {
	switch port {
	case 67, 68, 137, 138, 546, 547, 1900, 3702, 5353, 5355:
		return true
	}
	return false
}
