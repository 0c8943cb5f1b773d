// Package netfilter reads the text that Linux' netfilter LOG targets write: iptables -j LOG, nftables log, TRACE and
// conntrack's notes of invalid packets, and what UniFi OS writes in ulogd's spelling of it. It never guesses: a value
// that may be cut or damaged stays absent, and the entry says so.
//
// A line is read twice at most: first by a straight-line reader for what the kernel writes in nearly all lines
// (fast.go), then, if anything at all differs, by the tolerant state machine of nftext, which defines the meaning.
//
// Source: net/netfilter/nf_log_syslog.c, and ipt_LOG.c and ip6t_LOG.c before it.
package netfilter

import (
	"strings"
	"unsafe"

	"mailstop/event"
	"mailstop/internal/nftext"
	"mailstop/parse"
)

// Kind returns the format. The user's rules come before all that is known of prefixes; they must be valid: Kind panics
// on one that Validate refuses.
func Kind(rules []nftext.Rule) parse.Kind {
	compiled := nftext.Compile(rules)
	return parse.Kind{
		Format: event.Netfilter,
		Anchor: "IN=… OUT=… SRC=… (or MAC=, ARP HTYPE=)",
		New:    func() parse.Parser { return newParser(compiled) },
		Doc:    doc,
	}
}

type parser struct {
	heads    nftext.Heads
	verdicts nftext.Verdicts
	// What Match has found, for Parse: the head of this body.
	found *nftext.Head
	of    string
}

func newParser(rules nftext.Rules) *parser {
	p := &parser{verdicts: nftext.NewVerdicts(rules)}
	p.heads.Init()
	return p
}

// Match looks for IN= and OUT= and an address, a MAC or an ARP token behind them, in the kernel's spelling or UniFi's. A
// damaged line of a generator that is known by its prefix is claimed too, to be reported as what it is.
func (p *parser) Match(body string, r *parse.Record) bool {
	program := ""
	if r != nil {
		program = r.Program
	}
	body = nftext.TrimStamp(body)
	if h := p.heads.Find(body); h != nil {
		p.found, p.of = h, body
		if program == "kernel" || !h.SpelledByUlogd(body) {
			return true
		}
	}
	switch nftext.WriterOf(body, program, &p.verdicts) {
	case nftext.ByKernel:
		return true
	case nftext.ByNobody:
	default:
		return false
	}
	in := nftext.IndexIn(body)
	if in < 0 {
		return strings.HasPrefix(body, "[UFW ")
	}
	if out := strings.Index(body[in:], " OUT="); out >= 0 && tellsPacket(body[in+out:]) {
		return true
	}
	return in <= nftext.MaxPrefix && p.verdicts.Of(body[:in]).Known
}

func tellsPacket(s string) bool {
	return strings.Contains(s, "SRC=") || strings.Contains(s, "MAC=") || strings.Contains(s, "ARP HTYPE=")
}

// Parse reads one line.
func (p *parser) Parse(body string, r *parse.Record) error {
	e := r.Entry
	body = nftext.TrimStamp(body)
	h := p.found
	if len(p.of) != len(body) || unsafe.StringData(p.of) != unsafe.StringData(body) {
		h = p.heads.Find(body)
	}
	p.found, p.of = nil, ""
	if h == nil {
		h = p.heads.Learn(body, nftext.Kernel, &p.verdicts)
	}
	if h != nil && fast(body, h, e) {
		return nil
	}
	return p.careful(body, e)
}

// careful reads any line that netfilter may have written, whole or damaged.
func (p *parser) careful(line string, e *event.Entry) error {
	i := nftext.Start(line)
	if i < 0 {
		if i = nftext.IndexIn(line); i < 0 {
			return parse.ErrTruncated
		}
	}
	tangled := nftext.Tangled(line[:i])
	v := &nftext.NoVerdict
	if tangled == nil {
		v = p.verdicts.Of(line[:i])
	}
	dialect := nftext.Kernel
	if v.UniFi() && nftext.SpelledByUlogd(line[i:]) {
		dialect = nftext.Ulogd
	}
	err := nftext.Read(line, i, dialect, e)
	if v.Direction != event.DirectionUnknown {
		e.Direction = v.Direction
	}
	v.Apply(e)
	if tangled != nil {
		return tangled
	}
	return err
}
