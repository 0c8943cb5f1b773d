// Package ebtables reads the lines of ebtables --log: the bridge's own logger, whose text is like netfilter's at its begin
// and then another, with blanks in its keys and commas behind its values.
//
// Source: Linux, net/bridge/netfilter/ebt_log.c.
package ebtables

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
		Format: event.Ebtables,
		Anchor: "IN=… OUT=… MAC source = … MAC dest = … proto = 0x…",
		New:    func() parse.Parser { return &parser{verdicts: nftext.NewVerdicts(compiled)} },
		Doc:    doc,
	}
}

type parser struct{ verdicts nftext.Verdicts }

var (
	errWord = errors.New("text that ebtables does not write")
	errMAC  = errors.New("a MAC address is not one")
)

// Match looks for the interfaces and the first MAC address behind them.
func (p *parser) Match(body string, r *parse.Record) bool {
	if !strings.Contains(body, " MAC source = ") {
		return false
	}
	return nftext.WriterOf(nftext.TrimStamp(body), r.Program, &p.verdicts) == nftext.ByEbtables
}

// Parse reads one line.
func (p *parser) Parse(body string, r *parse.Record) error {
	body = nftext.TrimStamp(body)
	start := nftext.Start(body)
	e := r.Entry
	l := line{rest: body[start:], f: scan.Fill{Entry: e}}
	l.link()
	e.Direction = nftext.Direction(e.IfaceIn, e.IfaceOut)
	if err := nftext.Tangled(body[:start]); err != nil {
		return err
	}
	// ebtables adds a blank to the prefix.
	v := p.verdicts.Of(strings.TrimSuffix(body[:start], " "))
	v.Apply(e)
	if v.Direction != event.DirectionUnknown {
		e.Direction = v.Direction
	}
	return l.f.Err
}

// A line is read from its begin to its end.
type line struct {
	rest string
	f    scan.Fill
}

// take steps over a key. False means that something else stands there, which is an error.
func (l *line) take(key string) bool {
	rest, ok := strings.CutPrefix(l.rest, key)
	if ok {
		l.rest = rest
		return true
	}
	if strings.HasPrefix(key, strings.TrimRight(l.rest, " ")) {
		l.f.Fail(parse.ErrTruncated)
	} else {
		l.f.Fail(errWord)
	}
	return false
}

// value returns the text up to a blank, without the comma before it. It is whole if anything follows it.
func (l *line) value() (s string, whole bool) {
	i := strings.IndexByte(l.rest, ' ')
	if i < 0 {
		s, l.rest = l.rest, ""
		return s, false
	}
	s, l.rest = l.rest[:i], l.rest[i:]
	return strings.TrimSuffix(s, ","), true
}

// inner returns a value that is never the last one. False means that it is cut.
func (l *line) inner() (string, bool) {
	s, whole := l.value()
	if !whole {
		l.f.Fail(parse.ErrTruncated)
	}
	return s, whole
}

// link reads the interfaces, the MAC addresses and the protocol, and what follows for each protocol. Without the options
// --log-ip, --log-ip6 and --log-arp nothing does.
func (l *line) link() {
	e := l.f.Entry
	l.take("IN=")
	e.IfaceIn, _ = l.inner()
	l.take(" OUT=")
	e.IfaceOut, _ = l.inner()
	if !l.take(" MAC source = ") || !l.mac() || !l.take(" MAC dest = ") || !l.mac() || !l.take(" proto = 0x") {
		return
	}
	proto, whole := l.value()
	if n, end := nftext.Hex(proto, 0); end != 4 || n > 0xffff || len(proto) != 4 {
		if l.f.Fail(scan.ErrNumber); !whole && len(proto) < 4 {
			l.f.Err = parse.ErrTruncated
		}
		return
	}
	switch rest := strings.TrimRight(l.rest, " "); {
	case rest == "":
	case strings.HasPrefix(rest, " INCOMPLETE "):
	case strings.HasPrefix(rest, " IPv6 "):
		l.ip6()
	case strings.HasPrefix(rest, " IP "):
		l.ip4()
	case strings.HasPrefix(rest, " ARP "):
		l.arp()
	case strings.HasPrefix(" IPv6 ", rest), strings.HasPrefix(" ARP ", rest), strings.HasPrefix(" INCOMPLETE ", rest):
		l.f.Fail(parse.ErrTruncated)
	default:
		l.f.Fail(errWord)
	}
}

// mac steps over a MAC address.
func (l *line) mac() bool {
	s, whole := l.inner()
	if !whole {
		return false
	}
	ok := len(s) == 17
	for i := 0; ok && i < len(s); i++ {
		ok = i%3 == 2 && s[i] == ':' || i%3 != 2 && nftext.HexValue[s[i]] < 16
	}
	if !ok {
		l.f.Fail(errMAC)
	}
	return ok
}

// addresses reads both, with the name of the protocol before each.
func (l *line) addresses(src, dst string) bool {
	if !l.take(src) {
		return false
	}
	s, whole := l.inner()
	if !whole {
		return false
	}
	l.f.Src(s)
	if !l.take(dst) {
		return false
	}
	if s, whole = l.inner(); whole {
		l.f.Dst(s)
	}
	return whole
}

func (l *line) ip4() {
	if !l.addresses(" IP SRC=", " IP DST=") || !l.take(" IP tos=0x") {
		return
	}
	if _, whole := l.inner(); !whole || !l.take(" IP proto=") {
		return
	}
	l.transport(false)
}

func (l *line) ip6() {
	if !l.addresses(" IPv6 SRC=", " IPv6 DST=") || !l.take(" IPv6 priority=0x") {
		return
	}
	if _, whole := l.inner(); !whole || !l.take(" Next Header=") {
		return
	}
	l.transport(true)
}

// transport reads the protocol's number and, of those that have them, the ports. Behind an extension header of IPv6 stand
// the ports of a protocol that the line does not name.
func (l *line) transport(v6 bool) {
	number, whole := l.value()
	n, ok := scan.Uint(number, 255)
	if !ok {
		if l.f.Fail(scan.ErrNumber); !whole {
			l.f.Err = parse.ErrTruncated
		}
		return
	}
	e := l.f.Entry
	extension := v6 && (n == 0 || n == 43 || n == 44 || n == 60 || n == 135)
	if !extension {
		e.Proto = uint8(n)
		e.Has |= event.HasProto
	}
	rest := strings.TrimRight(l.rest, " ")
	switch {
	case strings.HasPrefix(rest, " INCOMPLETE "):
	case strings.HasPrefix(rest, " SPT="):
		l.readPorts()
	case rest != "":
		l.take(" SPT=")
	case scan.HasPorts(uint8(n)) || n == 136:
		l.f.Fail(parse.ErrTruncated)
		if !whole { // 17 can be what is left of 170
			e.Proto, e.Has = 0, e.Has&^event.HasProto
		}
	}
}

func (l *line) readPorts() {
	l.take(" SPT=")
	port, whole := l.inner()
	if !whole {
		return
	}
	l.f.SrcPort(port)
	if l.take(" DPT=") {
		port, _ = l.value() // the last one
		if port == "" {
			l.f.Fail(parse.ErrTruncated)
			return
		}
		l.f.DstPort(port)
		if strings.TrimRight(l.rest, " ") != "" {
			l.f.Fail(errWord)
		}
	}
}

// arp reads what can be ARP of other links than Ethernet, too, whose addresses are not shown.
func (l *line) arp() {
	for _, key := range [...]string{" ARP HTYPE=", " PTYPE=0x"} {
		if !l.take(key) {
			return
		}
		if _, whole := l.inner(); !whole {
			return
		}
	}
	if !l.take(" OPCODE=") {
		return
	}
	code, _ := l.value()
	if _, ok := scan.Uint(code, 65535); !ok {
		l.f.Fail(scan.ErrNumber)
		return
	}
	rest := strings.TrimRight(l.rest, " ")
	if rest == "" || strings.HasPrefix(rest, " INCOMPLETE ") {
		return
	}
	if !l.take(" ARP MAC SRC=") || !l.mac() || !l.take(" ARP IP SRC=") {
		return
	}
	s, whole := l.inner()
	if !whole {
		return
	}
	l.f.Src(s)
	if !l.take(" ARP MAC DST=") || !l.mac() || !l.take(" ARP IP DST=") {
		return
	}
	if s, _ = l.value(); s == "" {
		l.f.Fail(parse.ErrTruncated)
	}
	l.f.Dst(s)
}
