// Package ecs reads JSON records whose shipper has parsed the line already and does not keep it: the Elastic Common
// Schema's fields, and the names that users of Vector and Logstash give theirs. It takes words for verdicts only if they
// can mean nothing else.
//
// https://www.elastic.co/docs/reference/ecs/ecs-field-reference
package ecs

import (
	"errors"
	"math"
	"net/netip"
	"strings"

	"mailstop/event"
	"mailstop/internal/jsonscan"
	"mailstop/parse"
)

// Kind returns the format for a session's table.
func Kind() parse.Kind {
	return parse.Kind{
		Format: event.ECS,
		Anchor: "a JSON record with the addresses of a packet: source.ip and destination.ip, src_ip and dst_ip, SRC and DST",
		New:    func() parse.Parser { return &parser{doc: jsonscan.Doc{Class: classify}} },
		Doc: parse.Doc{
			Title: "Records that a shipper has parsed (ECS and alike)",
			Accepts: []string{
				"one JSON object with the fields of the Elastic Common Schema, nested or dotted: source, destination, network, observer, rule, event",
				"src_ip, dst_ip, src_port, dst_port, proto, action and alike, as pipelines of Vector and Logstash name them",
				"the kernel's own names: SRC, DST, SPT, DPT, PROTO, IN, OUT",
				"verdicts of event.action, else of event.type, where the word is clear",
			},
			Examples: []string{
				`{"@timestamp":"2026-01-05T09:11:12.345Z","event":{"action":"drop","category":["network"],"type":["denied","connection"]},"source":{"ip":"203.0.113.9","port":51234},"destination":{"ip":"192.0.2.25","port":25},"network":{"transport":"tcp","direction":"inbound"},"observer":{"name":"fw1","ingress":{"interface":{"name":"eth0"}}},"rule":{"id":"17","name":"smtp-in"}}`,
				`{"timestamp":"2026-01-05T09:11:12Z","host":"fw1","action":"blocked","src_ip":"192.0.2.25","src_port":40112,"dst_ip":"203.0.113.19","dst_port":25,"proto":"TCP","direction":"out"}`,
			},
			Sources: []string{"https://www.elastic.co/docs/reference/ecs/ecs-field-reference"},
		},
	}
}

// Errors of this format.
var (
	errSource      = errors.New("source is not an address")
	errDestination = errors.New("destination is not an address")
	errNumber      = errors.New("number out of range")
	errProtocol    = errors.New("protocol is not known")
)

type parser struct {
	doc  jsonscan.Doc
	text jsonscan.Arena
	seen uint64
	at   [classes]uint16
	body string // what doc was made of
	err  error
}

// Match implements parse.Parser.
func (p *parser) Match(body string, _ *parse.Record) bool {
	return len(body) > 20 && body[0] == '{' && p.read(body)
}

// read lays a record out, and reports whether it is one of a packet.
func (p *parser) read(body string) bool {
	p.body = ""
	if !p.doc.Parse(body) {
		return false
	}
	p.seen = 0
	for i, f := range p.doc.Fields() {
		c := f.Class % uint8(classes)
		if bit := uint64(1) << c; p.seen&bit == 0 && isValue(f.Value) {
			p.seen |= bit
			p.at[c] = uint16(i)
		}
	}
	if !p.has(srcIP) || !p.has(dstIP) || p.has(foreign) ||
		!p.has(action) && !p.has(ruleID) && !p.has(ruleName) && !p.has(protoName) && !p.has(protoNumber) && !p.has(types) {
		return false
	}
	p.body = body
	return true
}

// isValue reports whether a value says something.
func isValue(v jsonscan.Value) bool {
	return v.Kind != jsonscan.Null && (v.Kind != jsonscan.Text || v.Raw != "")
}

func (p *parser) has(c class) bool { return p.seen>>c&1 != 0 }

func (p *parser) value(c class) jsonscan.Value {
	if !p.has(c) {
		return jsonscan.Value{}
	}
	return p.doc.Fields()[p.at[c]].Value
}

func (p *parser) word(c class) string {
	if !p.has(c) {
		return ""
	}
	if s := p.value(c).One().String(&p.text); s != "-" {
		return s
	}
	return ""
}

// Parse implements parse.Parser.
func (p *parser) Parse(body string, r *parse.Record) error {
	if p.body != body && !p.read(body) {
		return parse.ErrNoFormat
	}
	p.err = nil
	p.tuple(r.Entry)
	p.packet(r.Entry)
	p.verdict(r.Entry)
	p.path(r.Entry)
	p.origin(r)
	p.body = ""
	return p.err
}

func (p *parser) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

func (p *parser) tuple(e *event.Entry) {
	e.Src = p.address(srcIP, errSource)
	e.Dst = p.address(dstIP, errDestination)
	p.protocol(e)
	if n, ok := p.number(srcPort, math.MaxUint16); ok {
		e.SrcPort = uint16(n)
		e.Has |= event.HasSrcPort
	}
	if n, ok := p.number(dstPort, math.MaxUint16); ok {
		e.DstPort = uint16(n)
		e.Has |= event.HasDstPort
	}
}

func (p *parser) address(c class, err error) netip.Addr {
	a, failed := netip.ParseAddr(p.word(c))
	if failed != nil {
		p.fail(err)
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

// number returns a field that is a whole number from 0 to limit.
func (p *parser) number(c class, limit int64) (int64, bool) {
	if !p.has(c) {
		return 0, false
	}
	n, ok := p.value(c).One().Int()
	if !ok || n < 0 || n > limit {
		p.fail(errNumber)
		return 0, false
	}
	return n, true
}

func (p *parser) protocol(e *event.Entry) {
	if p.has(protoNumber) {
		if n, ok := p.number(protoNumber, math.MaxUint8); ok {
			e.Proto = uint8(n)
			e.Has |= event.HasProto
			return
		}
	}
	if !p.has(protoName) {
		return
	}
	if n, ok := p.value(protoName).One().Int(); ok && n >= 0 && n <= math.MaxUint8 {
		e.Proto = uint8(n)
		e.Has |= event.HasProto
		return
	}
	n, ok := protocolOf(p.word(protoName))
	if !ok {
		p.fail(errProtocol)
		return
	}
	e.Proto = n
	e.Has |= event.HasProto
}

// protocolOf returns the number of a protocol's name, in any case.
func protocolOf(name string) (uint8, bool) {
	switch name {
	case "tcp", "TCP":
		return event.TCP, true
	case "udp", "UDP":
		return event.UDP, true
	case "icmp", "ICMP":
		return event.ICMP, true
	}
	switch name = strings.ToLower(name); name {
	case "icmpv6", "icmp6":
		return event.ICMPv6, true
	}
	return event.ProtoNumber(name)
}

// packet reads what else is said of the packet, and of the program that has to do with it.
func (p *parser) packet(e *event.Entry) {
	if n, ok := p.number(length, math.MaxUint32); ok {
		e.Length = uint32(n)
		e.Has |= event.HasLength
	}
	if n, ok := p.number(ttl, math.MaxUint8); ok {
		e.TTL = uint8(n)
		e.Has |= event.HasTTL
	}
	if n, ok := p.number(mark, math.MaxUint32); ok {
		e.Mark = uint32(n)
		e.Has |= event.HasMark
	}
	if e.Is(event.HasProto) && (e.Proto == event.ICMP || e.Proto == event.ICMPv6) {
		if n, ok := p.number(icmpType, math.MaxUint8); ok {
			e.ICMPType = uint8(n)
			e.Has |= event.HasICMPType
		}
		if n, ok := p.number(icmpCode, math.MaxUint8); ok {
			e.ICMPCode = uint8(n)
			e.Has |= event.HasICMPCode
		}
	}
	if e.Is(event.HasProto) && e.Proto == event.TCP && p.has(flags) {
		p.tcpFlags(e)
	}
	// The user of a domain has a name or a SID for an id.
	if n, ok := p.value(uid).One().Int(); ok && n >= 0 && n <= math.MaxUint32 {
		e.UID = uint32(n)
		e.Has |= event.HasUID
	}
	if e.Process = p.word(processPath); e.Process != "" {
		if n, ok := p.number(pid, math.MaxUint32); ok {
			e.PID = uint32(n)
			e.Has |= event.HasPID
		}
	}
}

// tcpFlags reads a list of names, names in one text, or pf's letters.
func (p *parser) tcpFlags(e *event.Entry) {
	v := p.value(flags)
	set, known := event.TCPFlags(0), true
	add := func(s string) {
		f, ok := flagsOf(s)
		set, known = set|f, known && ok
	}
	switch v.Kind {
	case jsonscan.List:
		v.Elements(func(v jsonscan.Value) bool {
			add(v.String(&p.text))
			return true
		})
	case jsonscan.Text:
		for s := range strings.FieldsFuncSeq(v.String(&p.text), func(c rune) bool { return c == ' ' || c == ',' || c == '|' }) {
			add(s)
		}
	default:
		return // a number, of which nobody knows the base
	}
	if known {
		e.TCPFlags = set
		e.Has |= event.HasTCPFlags
	}
}

// flagsOf returns the flags of a name, "SYN", or of letters, "SA".
func flagsOf(s string) (event.TCPFlags, bool) {
	switch strings.ToUpper(s) {
	case "SYN":
		return event.SYN, true
	case "ACK":
		return event.ACK, true
	case "FIN":
		return event.FIN, true
	case "RST":
		return event.RST, true
	case "PSH":
		return event.PSH, true
	case "URG":
		return event.URG, true
	case "ECE":
		return event.ECE, true
	case "CWR":
		return event.CWR, true
	}
	var set event.TCPFlags
	for _, c := range []byte(s) {
		i := strings.IndexByte("FSRPAUEC", c)
		if i < 0 {
			return 0, false
		}
		set |= 1 << i
	}
	return set, s != ""
}

// origin reads whose record it is, if no envelope has told.
func (p *parser) origin(r *parse.Record) {
	if r.Host == "" {
		if r.Host = p.word(host); r.Host == "" {
			r.Host = p.word(named)
		}
	}
	if r.TimeQuality != event.TimeNone || !p.has(stamp) {
		return
	}
	text := p.word(stamp)
	if ns, digits, ok := parse.ScanEpoch(text); ok {
		r.SetInstant(ns, digits)
	} else if st, n := parse.ScanStamp(text); n > 0 && n == len(text) {
		r.SetInnerTime(st)
	}
}
