// Package mikrotik reads the packets that the firewall of MikroTik's RouterOS logs, of all versions. What became of a packet
// stands nowhere in the line: only the prefix that the administrator gave the rule can tell.
//
// Source: RouterOS' manual says what is in a line, not how it is written; that is known from lines of routers.
package mikrotik

import (
	"errors"
	"strings"

	"mailstop/event"
	"mailstop/internal/nftext"
	"mailstop/internal/scan"
	"mailstop/parse"
)

// Kind returns the format. The user's rules for prefixes come before all that is known of them; they must be valid: Kind
// panics on one that Validate refuses.
func Kind(rules []nftext.Rule) parse.Kind {
	compiled := nftext.Compile(rules)
	return parse.Kind{
		Format: event.MikroTik,
		Anchor: "CHAIN: in:IF out:IF, … proto PROTO, ADDR:PORT->ADDR:PORT",
		New:    func() parse.Parser { return &parser{verdicts: nftext.NewVerdicts(compiled)} },
		Doc:    doc,
	}
}

type parser struct{ verdicts nftext.Verdicts }

var errFlags = errors.New("a flag that TCP does not have")

// Match looks for the interfaces, and for what must follow or precede them.
func (p *parser) Match(body string, _ *parse.Record) bool {
	in, out := interfaces(body)
	if in < 0 {
		return false
	}
	rest := body[out:]
	return strings.Contains(rest, "proto ") && strings.Contains(rest, "->") || strings.Contains(body[:in], "firewall")
}

// interfaces returns where " in:" and " out:" are, or -1. A prefix can hold such words, too, so that the last ones count.
func interfaces(s string) (in, out int) {
	in, out = -1, -1
	for from := 0; ; {
		i := strings.Index(s[from:], " in:")
		if i < 0 {
			return in, out
		}
		from += i + len(" in:")
		o := strings.Index(s[from:], " out:")
		if o < 0 {
			return in, out
		}
		in, out = from-len(" in:"), from+o
	}
}

// Parse reads one line.
func (p *parser) Parse(body string, r *parse.Record) error {
	in, out := interfaces(body)
	f := scan.Fill{Entry: r.Entry}
	head := strings.TrimLeft(uncover(body[:in], r), " ") // a relay can leave one
	if n := scanTime(head, r); n > 0 {
		head = strings.TrimLeft(head[n:], " ")
	}
	prefix, chain := splitHead(head)
	e := r.Entry
	e.IfaceIn = iface(body[in+len(" in:") : out])
	rest := body[out+len(" out:"):]
	name, rest, whole := outside(rest)
	if whole {
		e.IfaceOut = iface(name)
		e.Direction = direction(chain, e.IfaceIn, e.IfaceOut)
		parts(rest, &f)
	} else {
		e.Direction = direction(chain, "", "")
		f.Fail(parse.ErrTruncated)
	}
	p.judge(prefix, chain, &f)
	if e.Proto == event.ICMP { // one name for two protocols
		switch {
		case e.Src.Is6():
			e.Proto = event.ICMPv6
		case !e.Src.IsValid():
			e.Proto, e.ICMPType, e.ICMPCode = 0, 0, 0
			e.Has &^= event.HasProto | event.HasICMPType | event.HasICMPCode
		}
	}
	return f.Err
}

// uncover takes the header off that RouterOS 7.18 and later can write, and the keys before the message:
// "CEF:0|MikroTik|CHR|7.19.4 (stable)|44|firewall,info|Low|dvchost=rtr dvc=192.0.2.1 msg=input:".
func uncover(head string, r *parse.Record) string {
	keys, message, ok := strings.Cut(head, " msg=")
	if !ok || !strings.Contains(keys, "CEF:") {
		return head
	}
	if _, name, ok := strings.Cut(keys, "|dvchost="); ok {
		r.Host, _, _ = strings.Cut(name, " ")
	}
	return message
}

// outside takes the interface off s that the packet leaves by. Some versions write no blank behind its comma.
func outside(s string) (name, rest string, whole bool) {
	name, rest, whole = strings.Cut(s, ", ")
	for _, next := range [...]string{",connection-", ",src-mac "} {
		if i := strings.Index(name, next); i >= 0 {
			return s[:i], s[i+1:], true
		}
	}
	return name, rest, whole
}

// judge stores what the prefix says.
func (p *parser) judge(prefix, chain string, f *scan.Fill) {
	e := f.Entry
	if len(prefix) > nftext.MaxPrefix {
		f.Fail(nftext.Tangled(prefix))
	} else {
		v := p.verdicts.Of(prefix)
		v.Apply(e)
		if v.Direction != event.DirectionUnknown {
			e.Direction = v.Direction
		}
	}
	if e.Verdict != event.VerdictConfig || e.Ruleset == "" {
		e.Ruleset = chain
	}
}

// chains are RouterOS' own. Others have the names that administrators gave them.
var chains = [...]string{"input", "forward", "output", "prerouting", "postrouting", "srcnat", "dstnat"}

// splitHead divides what stands before the interfaces: "firewall,info PREFIX input:". Old versions leave the colon out,
// new ones can write the prefix twice, with a colon behind the first: "PREFIX: PREFIX input:".
func splitHead(head string) (prefix, chain string) {
	word, rest, _ := strings.Cut(head, " ")
	if isTopics(word) {
		head = strings.TrimLeft(rest, " ")
	}
	head = strings.TrimSuffix(strings.TrimRight(head, " "), ":")
	at := strings.LastIndexByte(head, ' ') + 1
	prefix, chain = strings.TrimRight(head[:at], " "), head[at:]
	for _, own := range chains { // a prefix without a blank at its end
		if glued, ok := strings.CutSuffix(chain, own); ok && glued != "" && isGlue(glued[len(glued)-1]) {
			prefix, chain = head[:at+len(glued)], own
		}
	}
	if n := len(prefix); n > 4 && n%2 == 0 && prefix[n/2-1:n/2+1] == ": " && prefix[:n/2-1] == prefix[n/2+1:] {
		prefix = prefix[:n/2-1]
	}
	return prefix, chain
}

// isTopics reports whether a word is a list of topics: "firewall,info", also with a colon behind it.
func isTopics(s string) bool {
	if !strings.Contains(s, "firewall") {
		return false
	}
	for _, c := range []byte(strings.TrimSuffix(s, ":")) {
		if c != ',' && c-'a' > 25 {
			return false
		}
	}
	return strings.IndexByte(s, ',') > 0 || s == "firewall" || s == "firewall:"
}

// isGlue reports whether a byte is not one of a chain's name.
func isGlue(c byte) bool {
	return c != '-' && c != '_' && c != '.' && c-'0' > 9 && c|0x20-'a' > 25 && c < 0x80
}

// iface returns the interface of "bridge1(ether2)" and of "ether1"; "(unknown 0)", "(none)" and "(local)" are none.
func iface(s string) string {
	if i := strings.IndexByte(s, '('); i >= 0 && strings.HasSuffix(s, ")") {
		s = strings.TrimRight(s[:i], " ")
	}
	return strings.TrimSuffix(s, ",")
}

// direction returns that of the chain; of one with a name of its own, the interfaces tell.
func direction(chain, in, out string) event.Direction {
	switch chain {
	case "input":
		return event.In
	case "output":
		return event.Out
	case "forward":
		return event.Forward
	}
	return nftext.Direction(in, out)
}
