package ulogd

import (
	"errors"
	"net/netip"
	"strings"

	"mailstop/event"
	"mailstop/internal/jsonscan"
	"mailstop/internal/nftext"
	"mailstop/parse"
)

// What can be wrong with an object. The text names the key, never a guess at its value.
var (
	errObject  = errors.New("the object is not whole")
	errSource  = errors.New("src_ip is not an address")
	errDest    = errors.New("dest_ip is not an address")
	errNumber  = errors.New("a value is not a number, or out of range")
	errTime    = errors.New("timestamp is not one")
	errAction  = errors.New("action is neither allowed nor blocked")
	errAddress = errors.New("the addresses are missing")
)

// isObject reports whether an object is ulogd's: its keys begin with "oob.", or it is a connection's. A quotation mark
// behind a backslash is inside a string, of an object that holds ulogd's as text.
func isObject(s string) bool {
	for _, key := range [...]string{`"oob.`, `"oob":`, `"orig.ip.`, `"orig":`} {
		if i := strings.Index(s, key); i > 0 && s[i-1] != '\\' {
			return key[1] == 'o' && key[2] == 'o' || strings.Contains(s, `"dvc"`)
		}
	}
	return false
}

// The classes of the keys that are read: ulogd's own names, and those of Splunk's common information model that it
// prefers for some.
const (
	keyNone uint8 = iota
	keyTimestamp
	keySec
	keyUsec
	keyDevice
	keyPrefix
	keyIn
	keyOut
	keyHook
	keyFamily
	keyMark
	keyUID
	keyProto
	keyNext
	keySrc
	keyDst
	keySport
	keyDport
	keyTTL
	keyLength
	keyPayload
	keyFragment
	keyFragment6
	keyICMPType
	keyICMPCode
	keyAction
	keyFlow
	keyFlag // and above: the flag's bit, as a number
)

var classes = map[string]uint8{
	"timestamp": keyTimestamp, "@timestamp": keyTimestamp, "oob.time.sec": keySec, "oob.time.usec": keyUsec, "dvc": keyDevice,
	"oob.prefix": keyPrefix, "oob.in": keyIn, "oob.out": keyOut, "oob.hook": keyHook, "oob.family": keyFamily, "oob.mark": keyMark,
	"oob.uid": keyUID, "ip.protocol": keyProto, "ip6.nexthdr": keyNext,
	"src_ip": keySrc, "ip.saddr.str": keySrc, "arp.saddr.str": keySrc, "dest_ip": keyDst, "ip.daddr.str": keyDst, "arp.daddr.str": keyDst,
	"src_port": keySport, "tcp.sport": keySport, "udp.sport": keySport, "sctp.sport": keySport,
	"dest_port": keyDport, "tcp.dport": keyDport, "udp.dport": keyDport, "sctp.dport": keyDport,
	"ip.ttl": keyTTL, "ip6.hoplimit": keyTTL, "ip.totlen": keyLength, "ip6.payloadlen": keyPayload, "ip6.payload_len": keyPayload,
	"ip.fragoff": keyFragment, "ip6.fragoff": keyFragment6,
	"icmp.type": keyICMPType, "icmpv6.type": keyICMPType, "icmp.code": keyICMPCode, "icmpv6.code": keyICMPCode,
	"action":  keyAction,
	"tcp.fin": keyFlag + 0, "tcp.syn": keyFlag + 1, "tcp.rst": keyFlag + 2, "tcp.psh": keyFlag + 3, "tcp.ack": keyFlag + 4,
	"tcp.urg": keyFlag + 5,
}

func classOf(key string) uint8 {
	if strings.HasPrefix(key, "orig.ip.") || strings.HasPrefix(key, "ct.") {
		return keyFlow
	}
	return classes[key]
}

// A packet is what an object says that is not yet an entry's.
type packet struct {
	e   *event.Entry
	err error // the first thing found wrong

	sec, usec       int64
	timestamp       string
	hook            int64
	family          int64
	prefix, action  string
	flags           event.TCPFlags
	next            uint8
	hasSec, hasHook bool
	hasFlags        bool
	hasNext         bool
	fragment        bool
	flow, oob       bool
}

// object reads one of the output JSON's.
func (p *parser) object(body string, r *parse.Record) error {
	if !p.doc.Parse(body) {
		return errObject
	}
	k := packet{e: r.Entry, family: -1}
	for _, f := range p.doc.Fields() {
		switch {
		case f.Class >= keyFlag:
			n, _ := f.Value.Int()
			k.hasFlags = true
			if n != 0 {
				k.flags |= 1 << (f.Class - keyFlag)
			}
		case f.Class != keyNone:
			k.field(f.Class, f.Value, &p.text)
		}
	}
	k.time(r)
	if k.flow && !k.oob {
		r.Note = noteFlow
		return nil
	}
	k.finish()
	k.judge(&p.verdicts)
	return k.err
}

func (k *packet) fail(err error) {
	if k.err == nil {
		k.err = err
	}
}

// number reads a value that must be from 0 to limit.
func (k *packet) number(v jsonscan.Value, limit int64, has event.Has) (int64, bool) {
	n, ok := v.Int()
	if !ok || n < 0 || n > limit {
		if v.Kind != jsonscan.Null {
			k.fail(errNumber)
		}
		return 0, false
	}
	k.e.Has |= has
	return n, true
}

func (k *packet) address(to *netip.Addr, v jsonscan.Value, a *jsonscan.Arena, wrong error) {
	var ok bool
	if *to, ok = nftext.Address(v.String(a)); !ok && v.Kind != jsonscan.Null {
		k.fail(wrong)
	}
}

const max32 = 1<<32 - 1

func (k *packet) field(class uint8, v jsonscan.Value, a *jsonscan.Arena) {
	e := k.e
	var n int64
	switch class {
	case keyTimestamp:
		k.timestamp = v.String(a)
	case keySec:
		k.sec, k.hasSec = k.number(v, 1<<33, 0)
	case keyUsec:
		k.usec, _ = k.number(v, 999_999, 0)
	case keyDevice:
		if name := v.String(a); name != "" && name != "Netfilter" { // what it is unless it is configured
			e.Host = name
		}
	case keyPrefix:
		k.prefix, k.oob = v.String(a), true
	case keyIn:
		e.IfaceIn, k.oob = v.String(a), true
	case keyOut:
		e.IfaceOut, k.oob = v.String(a), true
	case keyHook:
		k.hook, k.hasHook = k.number(v, 5, 0)
		k.oob = true
	case keyFamily:
		k.family, _ = k.number(v, 255, 0)
		k.oob = true
	case keyAction:
		k.action = v.String(a)
	case keyFlow:
		k.flow = true
	case keySrc:
		k.address(&e.Src, v, a, errSource)
	case keyDst:
		k.address(&e.Dst, v, a, errDest)
	case keyMark:
		n, _ = k.number(v, max32, event.HasMark)
		e.Mark = uint32(n)
	case keyUID:
		n, _ = k.number(v, max32, event.HasUID)
		e.UID = uint32(n)
	default:
		k.header(class, v)
	}
}

// header reads the values of the packet's own headers.
func (k *packet) header(class uint8, v jsonscan.Value) {
	e := k.e
	var n int64
	switch class {
	case keyProto:
		n, _ = k.number(v, 255, event.HasProto)
		e.Proto = uint8(n)
	case keyNext:
		n, k.hasNext = k.number(v, 255, 0)
		k.next = uint8(n)
	case keySport:
		n, _ = k.number(v, 65535, event.HasSrcPort)
		e.SrcPort = uint16(n)
	case keyDport:
		n, _ = k.number(v, 65535, event.HasDstPort)
		e.DstPort = uint16(n)
	case keyTTL:
		n, _ = k.number(v, 255, event.HasTTL)
		e.TTL = uint8(n)
	case keyLength:
		n, _ = k.number(v, max32, event.HasLength)
		e.Length = uint32(n)
	case keyPayload: // without the header
		if n, ok := k.number(v, max32-40, event.HasLength); ok {
			e.Length = uint32(n) + 40
		}
	case keyFragment: // with the flags in the first three bits
		n, _ = k.number(v, 65535, 0)
		k.fragment = k.fragment || n&0x1fff != 0
	case keyFragment6:
		n, _ = k.number(v, 65535, 0)
		k.fragment = k.fragment || n != 0
	case keyICMPType:
		n, _ = k.number(v, 255, event.HasICMPType)
		e.ICMPType = uint8(n)
	case keyICMPCode:
		n, _ = k.number(v, 255, event.HasICMPCode)
		e.ICMPCode = uint8(n)
	}
}

// time stores when the packet came: netfilter's own time, or the text that ulogd made of it. Old versions write the
// latter without a zone.
func (k *packet) time(r *parse.Record) {
	if k.hasSec && k.sec > 0 {
		r.SetInstant(k.sec*1e9+k.usec*1e3, 6)
		return
	}
	if k.timestamp == "" {
		return
	}
	st, n := parse.ScanDateTime(k.timestamp)
	if n == 0 || n != len(k.timestamp) {
		k.fail(errTime)
		return
	}
	r.SetInnerTime(st)
}

// finish puts together what single values do not say.
func (k *packet) finish() {
	e := k.e
	if k.hasNext && !e.Is(event.HasProto) {
		e.Proto = k.next
		e.Has |= event.HasProto
	}
	if k.hasFlags && e.Proto == event.TCP && e.Is(event.HasProto) {
		e.TCPFlags = k.flags
		e.Has |= event.HasTCPFlags
	}
	if k.fragment { // ulogd reads the middle of a packet as if it were its begin
		e.SrcPort, e.DstPort, e.TCPFlags, e.ICMPType, e.ICMPCode = 0, 0, 0, 0, 0
		e.Has &^= event.HasPorts | event.HasTCPFlags | event.HasICMPType | event.HasICMPCode
	}
	const inet, inet6 = 2, 10
	if (k.family == inet || k.family == inet6) && !e.Src.IsValid() && !e.Dst.IsValid() {
		k.fail(errAddress)
	}
	e.Direction = nftext.Direction(e.IfaceIn, e.IfaceOut)
	if k.hasHook { // says it better than the interfaces
		switch k.hook {
		case 0, 1, 5: // prerouting, input, ingress
			e.Direction = event.In
		case 2:
			e.Direction = event.Forward
		case 3:
			e.Direction = event.Out
		case 4: // postrouting has the packet's first interface in new kernels only
			if e.Direction != event.Forward {
				e.Direction = event.Out
			}
		}
	}
}

// judge stores the verdict: the user's rule for the prefix, the label that the administrator gave the rule, or what the
// prefix says.
func (k *packet) judge(vs *nftext.Verdicts) {
	e := k.e
	if len(k.prefix) > nftext.MaxPrefix {
		k.prefix = k.prefix[:nftext.MaxPrefix]
	}
	v := vs.Of(k.prefix)
	v.Apply(e)
	if v.Direction != event.DirectionUnknown {
		e.Direction = v.Direction
	}
	if v.Source == event.VerdictConfig || k.action == "" {
		return
	}
	switch k.action {
	case "blocked":
		e.Action, e.Verdict = event.Deny, event.VerdictConfig
	case "allowed":
		e.Action, e.Verdict = event.Allow, event.VerdictConfig
	default:
		k.fail(errAction)
	}
}
