// Package ulogd reads what ulogd2 writes of the packets that netfilter's NFLOG targets hand to it: the text of its outputs
// LOGEMU and SYSLOG, and the objects of its output JSON. Text is told from the kernel's by its spelling; that of UniFi
// OS, which is the same, is left to netfilter.
//
// Source: ulogd2, util/printpkt.c, util/printflow.c, output/ulogd_output_LOGEMU.c, output/ulogd_output_JSON.c.
package ulogd

import (
	"strings"

	"mailstop/event"
	"mailstop/internal/jsonscan"
	"mailstop/internal/nftext"
	"mailstop/parse"
)

// Kind returns the format. The user's rules for prefixes come before all that is known of them; they must be valid: Kind
// panics on one that Validate refuses.
func Kind(rules []nftext.Rule) parse.Kind {
	compiled := nftext.Compile(rules)
	return parse.Kind{
		Format: event.Ulogd,
		Anchor: `IN=… OUT=… MAC=… SRC=… TOS=00 (text), or "oob.prefix": (JSON)`,
		New:    func() parse.Parser { return newParser(compiled) },
		Doc:    doc,
	}
}

type parser struct {
	heads    nftext.Heads
	verdicts nftext.Verdicts
	doc      jsonscan.Doc
	text     jsonscan.Arena
}

func newParser(rules nftext.Rules) *parser {
	p := &parser{verdicts: nftext.NewVerdicts(rules)}
	p.heads.Init()
	p.doc.Class = classOf
	return p
}

// noteFlow is said of connections that connection tracking knows: they tell nothing of what a firewall did.
const noteFlow = "event of connection tracking"

// Match tells ulogd's spelling from the kernel's, and its objects by their keys.
func (p *parser) Match(body string, r *parse.Record) bool {
	if body == "" {
		return false
	}
	if body[0] == '{' {
		return isObject(body)
	}
	program := r.Program
	body = nftext.TrimStamp(body)
	if h := p.heads.Find(body); h != nil {
		return program != "kernel" && h.SpelledByUlogd(body)
	}
	if writer := nftext.WriterOf(body, program, &p.verdicts); writer != nftext.ByNobody {
		return writer == nftext.ByUlogd
	}
	return isFlow(body)
}

// Parse reads one line.
func (p *parser) Parse(body string, r *parse.Record) error {
	if body[0] == '{' {
		return p.object(body, r)
	}
	e := r.Entry
	body = nftext.TrimStamp(body)
	h := p.heads.Find(body)
	if h == nil {
		h = p.heads.Learn(body, nftext.Ulogd, &p.verdicts)
	}
	if h != nil && fast(body, h, e) {
		return nil
	}
	return p.careful(body, r)
}

// careful reads any line of text, whole or damaged.
func (p *parser) careful(line string, r *parse.Record) error {
	e := r.Entry
	if isFlow(line) {
		e.Note = noteFlow
		return nil
	}
	i := nftext.StartOfUlogd(line)
	if i < 0 { // Match has seen to it
		return parse.ErrTruncated
	}
	tangled := nftext.Tangled(line[:i])
	v := &nftext.NoVerdict
	if tangled == nil {
		v = p.verdicts.Of(nftext.Prefix(line[:i], nftext.Ulogd))
	}
	err := nftext.Read(line, i, nftext.Ulogd, e)
	if v.Direction != event.DirectionUnknown {
		e.Direction = v.Direction
	}
	v.Apply(e)
	if tangled != nil {
		return tangled
	}
	return err
}

// isFlow reports whether a line is printflow.c's: "[NEW] ORIG: SRC=…".
func isFlow(s string) bool {
	if s == "" || s[0] != '[' {
		return false
	}
	end := strings.IndexByte(s[:min(len(s), 12)], ']')
	if end < 0 || !strings.HasPrefix(s[end+1:], " ORIG: ") {
		return false
	}
	switch s[1:end] {
	case "NEW", "UPDATE", "DESTROY":
		return true
	}
	return false
}
