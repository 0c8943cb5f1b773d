package wfp

import (
	"errors"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"mailstop/event"
	"mailstop/parse"
)

var (
	errNoID      = errors.New("event without its number")
	errDamaged   = errors.New("event log record that cannot be read")
	errMany      = errors.New("more than one event on the line")
	errPlaces    = errors.New("values are not where they should be")
	errAddress   = errors.New("no address")
	errNumber    = errors.New("no number, or out of range")
	errDirection = errors.New("unknown direction")
	errLacks     = errors.New("event lacks addresses or the direction")
)

// A field is a value of an event that tells of the packet.
type field uint8

const (
	fNone field = iota
	fProcess
	fApplication
	fDirection
	fSource
	fSourcePort
	fDest
	fDestPort
	fProtocol
	fInterface
	fOrigin
	fFilter
	fLayer
	fields
)

// maxList is how many values by position an event can have: the longest has 19.
const maxList = 32

// A record is an event as far as it is read: text, whatever it came in.
type record struct {
	id                              int  // 0 if unknown
	zero                            bool // the number is 0, as that of many programs' events
	provider, guid, channel         string
	computer, agent, time, received string
	timeUTC                         bool // time without a zone is in UTC
	paired                          bool // list is of a text, which may have been cut
	values                          [fields]string
	list                            [maxList]string // values without names, in order
	listed                          int
	err                             error // the first of finish
}

func (x *record) fail(err error) {
	if x.err == nil {
		x.err = err
	}
}

// set stores the value of a field unless it has one; "-" stands for none.
func (x *record) set(f field, s string) {
	if x.values[f] == "" && s != "-" {
		x.values[f] = s
	}
}

// add stores the next value without a name.
func (x *record) add(s string) {
	if x.listed < maxList {
		x.list[x.listed] = s
		x.listed++
	}
}

// fieldOf returns the field of a name in an event's data. Documents and versions differ in how they spell ProcessID.
func fieldOf(name string) field {
	switch name {
	case "ProcessID", "ProcessId", "processID", "processId":
		return fProcess
	case "Application", "application":
		return fApplication
	case "Direction", "direction":
		return fDirection
	case "SourceAddress", "sourceAddress":
		return fSource
	case "SourcePort", "sourcePort":
		return fSourcePort
	case "DestAddress", "destAddress":
		return fDest
	case "DestPort", "destPort":
		return fDestPort
	case "Protocol", "protocol":
		return fProtocol
	case "InterfaceIndex", "interfaceIndex":
		return fInterface
	case "FilterOrigin", "filterOrigin":
		return fOrigin
	case "FilterRTID", "filterRTID":
		return fFilter
	case "LayerName", "layerName":
		return fLayer
	}
	return fNone
}

// A kind is what an event tells of.
type kind uint8

const (
	kindOther kind = iota
	kindPacket
	kindListen
	kindBind
	kindLayer2
	kindApplication
)

func kindOf(id int) kind {
	switch id {
	case 5152, 5153, 5156, 5157:
		return kindPacket
	case 5154, 5155:
		return kindListen
	case 5158, 5159:
		return kindBind
	case 5150, 5151:
		return kindLayer2
	case 5031:
		return kindApplication
	}
	return kindOther
}

func permits(id int) bool { return id == 5154 || id == 5156 || id == 5158 }

// isAudit reports whether the event is of the provider whose numbers these are.
func (x *record) isAudit() bool {
	const guid = "54849625-5478-4994-a5ba-3e3b0328c30d"
	return x.provider == "" || strings.Contains(x.provider, "ecurity-Auditing") ||
		strings.EqualFold(strings.TrimSuffix(x.provider, "."), "Microsoft Windows security auditing") ||
		strings.EqualFold(strings.Trim(x.guid, "{}"), guid) || strings.EqualFold(x.channel, "Security")
}

// finish makes the entry of an event. err says what reading it came to: then values can be missing.
func (x *record) finish(k kind, e *event.Entry, err error) error {
	if x.listed > 0 && x.values[fProtocol] == "" && x.values[fApplication] == "" && !x.byPosition(k) {
		x.fail(errPlaces)
	}
	x.err = firstError(err, x.err)
	e.Verdict = event.VerdictEventID
	x.about(e)
	layer := x.layer()
	e.Ruleset, e.Reason = layer, layer
	if k == kindPacket || k == kindLayer2 {
		e.Direction = x.direction()
	}
	switch {
	case permits(x.id):
		e.Action = event.Allow
	case e.Direction == event.In:
		e.Action = event.Drop // Windows never answers what it stops on its way in
	default:
		e.Action = event.Deny
	}
	switch k {
	case kindListen:
		e.Note = "a listening port, no packet"
		x.endpoints(e, false)
	case kindBind:
		e.Note = "a bound port, no packet"
		x.endpoints(e, false)
	case kindApplication:
		e.Note = "an application, no packet"
	case kindPacket:
		x.endpoints(e, true)
		x.interfaces(e)
		x.orient(e, layer)
	case kindLayer2:
		x.interfaces(e)
	}
	return x.err
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// about fills in whose packet it was and what rule decided.
func (x *record) about(e *event.Entry) {
	e.Process = x.values[fApplication]
	if s := x.values[fProcess]; s != "" {
		if n, ok := x.number(s, math.MaxUint32); ok && n != 0 {
			e.PID = n
			e.Has |= event.HasPID
		}
	}
	// "Unknown" names no rule. The number of a filter is good until the next start or change of policy.
	e.Rule = x.values[fOrigin]
	if (e.Rule == "" || e.Rule == "Unknown") && x.values[fFilter] != "0" {
		e.Rule = x.values[fFilter]
	}
}

// endpoints fills in the protocol, the addresses and, where they are ports, the ports. SourcePort and DestPort are type
// and code for ICMP (fwpmu.h: FWPM_CONDITION_ICMP_TYPE is that of the local port).
func (x *record) endpoints(e *event.Entry, both bool) {
	e.Src = x.address(fSource)
	if both {
		e.Dst = x.address(fDest)
		if x.err == nil && (!e.Src.IsValid() || !e.Dst.IsValid() || x.values[fDirection] == "") {
			x.fail(errLacks)
		}
	}
	s := x.values[fProtocol]
	if s == "" {
		return
	}
	n, ok := protocolNumber(s)
	if !ok {
		x.fail(errNumber)
		return
	}
	e.Proto = n
	e.Has |= event.HasProto
	if n != event.TCP && n != event.UDP && n != protoSCTP {
		return
	}
	if port, ok := x.port(fSourcePort); ok {
		e.SrcPort = port
		e.Has |= event.HasSrcPort
	}
	if port, ok := x.port(fDestPort); ok && both {
		e.DstPort = port
		e.Has |= event.HasDstPort
	}
}

const protoSCTP = 132

// interfaces fills in the interface on the side that the direction says.
func (x *record) interfaces(e *event.Entry) {
	s := x.values[fInterface]
	if s == "" || s == "0" {
		return
	}
	switch e.Direction {
	case event.In:
		e.IfaceIn = s
	case event.Out:
		e.IfaceOut = s
	}
}

func (x *record) port(f field) (uint16, bool) {
	if x.values[f] == "" {
		return 0, false
	}
	n, ok := x.number(x.values[f], math.MaxUint16)
	return uint16(n), ok
}

// number reads a decimal number, or a hexadecimal one behind 0x.
func (x *record) number(s string, most uint64) (uint32, bool) {
	n, ok := number(s)
	if !ok || n > most {
		x.fail(errNumber)
		return 0, false
	}
	return uint32(n), true
}

func number(s string) (uint64, bool) {
	base := 10
	if len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'x' {
		base, s = 16, s[2:]
	}
	if s == "" || len(s) > 16 || s[0] == '-' || s[0] == '+' {
		return 0, false
	}
	for i := range len(s) { // strconv would allocate its error
		if c := s[i]; c-'0' > 9 && (base == 10 || c|0x20-'a' > 5) {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(s, base, 64)
	return n, err == nil
}

func protocolNumber(s string) (uint8, bool) {
	if n, ok := number(s); ok {
		return uint8(n), n <= math.MaxUint8
	}
	for _, p := range [...]struct {
		name   string
		number uint8
	}{{"TCP", event.TCP}, {"UDP", event.UDP}, {"ICMP", event.ICMP}, {"ICMPv6", event.ICMPv6}, {"IPv6-ICMP", event.ICMPv6}} {
		if strings.EqualFold(s, p.name) {
			return p.number, true
		}
	}
	return 0, false
}

func (x *record) address(f field) netip.Addr {
	s := x.values[f]
	if s == "" {
		return netip.Addr{}
	}
	a, ok := parseAddress(s)
	if !ok {
		x.fail(errAddress)
	}
	return a
}

// parseAddress reads an address without its zone.
func parseAddress(s string) (netip.Addr, bool) {
	if i := strings.IndexByte(s, '%'); i >= 0 {
		s = s[:i]
	}
	if len(s) < 2 || len(s) > 45 || strings.IndexByte(s, ':') < 0 && (s[0]-'0' > 9 || s[len(s)-1]-'0' > 9) {
		return netip.Addr{}, false // netip would allocate its error
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap(), err == nil
}

// setTime makes the event's time the record's. A stamp without a zone is local; when the shipper got it may tell which zone
// that is.
func (x *record) setTime(r *parse.Record) {
	at, digits, q, reference := r.Time, r.TimeDigits, r.TimeQuality, r.Reference
	if st, n := parse.ScanDateTime(x.received); n > 0 && st.Zoned && x.received != x.time {
		r.SetInnerTime(st)
		if r.Received == 0 {
			r.Received = r.Time
		}
		r.Reference = r.Time
		if x.time == "" && q != event.TimeNone { // what an envelope said is as good
			r.Time, r.TimeDigits, r.TimeQuality = at, digits, q
		}
	}
	if x.time != "" && !x.ownTime(r) && q != event.TimeNone {
		r.Time, r.TimeDigits, r.TimeQuality = at, digits, q
	}
	r.Reference = reference
}

// ownTime makes the event's own time the record's. False means that it cannot be read.
func (x *record) ownTime(r *parse.Record) bool {
	if ns, digits, ok := epochOf(x.time); ok {
		r.SetInstant(ns, digits)
		return true
	}
	st, ok := stampOf(x.time)
	sure := true
	if !ok {
		if st, sure, ok = scanLocalDate(x.time); !ok {
			return false
		}
	}
	if x.timeUTC && !st.Zoned {
		st.Zoned, st.Offset = true, 0
	}
	r.SetInnerTime(st)
	if !sure && r.TimeQuality != event.TimeNone {
		r.TimeQuality = event.TimeEstimated // day and month may be the other way round
	}
	return true
}
