// Package netfilter reads the text that Linux' netfilter LOG targets write: iptables -j LOG, nftables log, TRACE and
// conntrack's notes of invalid packets, and bodies in ulogd's spelling of it (UniFi OS). It never guesses: a value
// that may be cut or damaged stays absent, and the entry says so.
//
// A line is read twice at most: first by a straight-line reader for what the kernel writes in nearly all lines
// (fast.go), then, if anything at all differs, by a tolerant state machine (careful.go), which defines the meaning.
//
// Source: net/netfilter/nf_log_syslog.c, and ipt_LOG.c and ip6t_LOG.c before it.
package netfilter

import (
	"strings"

	"mailstop/event"
	"mailstop/parse"
)

// Kind returns the format. The user's rules come before all that is known of prefixes; they must be valid: Kind panics
// on one that Validate refuses.
func Kind(rules []Rule) parse.Kind {
	compiled := compile(rules)
	return parse.Kind{
		Format: event.Netfilter,
		Anchor: "IN=… OUT=… SRC=… (or MAC=, ARP HTYPE=)",
		New:    func() parse.Parser { return newParser(compiled) },
		Doc:    doc,
	}
}

type parser struct {
	heads    heads
	verdicts verdicts
}

func newParser(rules []compiledRule) *parser {
	p := &parser{verdicts: verdicts{rules: rules}}
	p.heads.init()
	return p
}

// Match looks for IN= and OUT= and an address, a MAC or an ARP token behind them. A damaged line of a generator
// that is known by its prefix is claimed too, to be reported as what it is.
func (p *parser) Match(body string, _ *parse.Record) bool {
	body = trimStamp(body)
	if p.heads.find(body) != nil {
		return true
	}
	in := indexIn(body)
	if in < 0 {
		return strings.HasPrefix(body, "[UFW ")
	}
	if out := strings.Index(body[in:], " OUT="); out >= 0 {
		rest := body[in+out:]
		if strings.Contains(rest, "SRC=") || strings.Contains(rest, "MAC=") || strings.Contains(rest, "ARP HTYPE=") {
			return true
		}
	}
	return in <= maxPrefix && p.verdicts.of(body[:in]).known
}

// Parse reads one line.
func (p *parser) Parse(body string, r *parse.Record) error {
	e := r.Entry
	body = trimStamp(body)
	h := p.heads.find(body)
	if h == nil {
		h = p.learn(body)
	}
	if h != nil && fast(body, h, e) {
		return nil
	}
	return p.careful(body, e)
}

// trimStamp removes blanks and a kernel stamp, "[  123.456789] " or "[123.456789][  T42] ", that the layers before
// have left at the head of a body. Digits in brackets alone can be a prefix, so a stamp must have six decimals.
func trimStamp(s string) string {
	for s != "" && s[0] == ' ' {
		s = s[1:]
	}
	if len(s) < 2 || s[0] != '[' || s[1] != ' ' && !isDigit(s[1]) {
		return s
	}
	end := strings.IndexByte(s, ']')
	if end < 0 {
		return s
	}
	sec, frac, ok := strings.Cut(s[1:end], ".")
	if !ok || len(frac) != 6 || !allDigits(frac) || !allDigits(strings.TrimLeft(sec, " ")) {
		return s
	}
	s = s[end+1:]
	if caller := strings.IndexByte(s, ']'); caller > 1 && s[0] == '[' {
		id := strings.TrimLeft(s[1:caller], " ")
		if len(id) > 1 && (id[0] == 'T' || id[0] == 'C') && allDigits(id[1:]) {
			s = s[caller+1:]
		}
	}
	return strings.TrimLeft(s, " ")
}

// indexIn returns the index of the first IN= that is not the end of PHYSIN=, or -1.
func indexIn(s string) int {
	for from := 0; ; {
		i := strings.Index(s[from:], "IN=")
		if i < 0 {
			return -1
		}
		i += from
		if !strings.HasSuffix(s[:i], "PHYS") {
			return i
		}
		from = i + len("IN=")
	}
}

// start returns the index where the packet's text begins, behind the prefix: that of the last IN= that is followed by
// OUT=, because a prefix is free text and can itself contain IN=. What lies inside an embedded packet does not count.
func start(s string) int {
	found := -1
	for from := 0; ; {
		i := strings.Index(s[from:], "IN=")
		if i < 0 {
			return found
		}
		i += from
		from = i + len("IN=")
		if strings.HasSuffix(s[:i], "PHYS") || !followedByOut(s[from:]) {
			continue
		}
		if found >= 0 {
			if inner := embedded(s); inner >= 0 && inner < i {
				return found
			}
		}
		found = i
	}
}

// followedByOut reports whether s, behind an IN=, is a name and OUT=. Kernels before 2.6 wrote PHYSIN= between them.
func followedByOut(s string) bool {
	i := strings.IndexByte(s, ' ')
	if i < 0 {
		return false
	}
	s = s[i:]
	if phys, ok := strings.CutPrefix(s, " PHYSIN="); ok {
		i := strings.IndexByte(phys, ' ')
		if i < 0 {
			return false
		}
		s = phys[i:]
	}
	return strings.HasPrefix(s, " OUT=")
}

// embedded returns the index of the packet inside an ICMP error, the first "[SRC=" behind "CODE=n ", or -1.
func embedded(s string) int {
	for from := 0; ; {
		i := strings.Index(s[from:], " [SRC=")
		if i < 0 {
			return -1
		}
		i += from
		digits := i
		for digits > 0 && isDigit(s[digits-1]) {
			digits--
		}
		if digits < i && strings.HasSuffix(s[:digits], " CODE=") {
			return i + 1
		}
		from = i + 1
	}
}

func direction(in, out string) event.Direction {
	switch {
	case in != "" && out != "":
		return event.Forward
	case in != "":
		return event.In
	case out != "":
		return event.Out
	}
	return event.DirectionUnknown
}
