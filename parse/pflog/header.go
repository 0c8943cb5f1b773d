package pflog

import (
	"bytes"
	"encoding/binary"
	"strconv"

	"mailstop/event"
	"mailstop/internal/pf"
	"mailstop/parse"
)

// The header's lengths. Its first byte says which; padding is not counted.
const (
	minHeader = 45 // OpenBSD 3.4 to 3.9
	maxHeader = 128
	lenID     = 69  // FreeBSD, pfSense and OPNsense with ridentifier
	lenOpen   = 100 // OpenBSD since 4.9: with the addresses before they were rewritten
)

// record reads a pflog header and the packet behind it. Numbers are big endian but for those that the host's own order has.
func (p *parser) record(b []byte, big bool, e *event.Entry) error {
	if len(b) == 0 {
		return parse.ErrTruncated
	}
	size := int(b[0])
	if size < minHeader || size > maxHeader {
		return errHeader
	}
	if len(b) < size {
		return parse.ErrTruncated
	}
	h := header{b: b[:size], host: binary.ByteOrder(binary.LittleEndian)}
	if big {
		h.host = binary.BigEndian
	}
	err := p.rule(&h, e)
	if more := packetAt(b, size, e); err == nil {
		err = more
	}
	return err
}

// A header is the bytes of one, padding left out.
type header struct {
	b    []byte
	host binary.ByteOrder
}

func (h *header) has(offset, size int) bool { return offset+size <= len(h.b) }

// rule reads who decided what.
func (p *parser) rule(h *header, e *event.Entry) (err error) {
	e.Ruleset = p.names.text(h.b[20:36])
	e.Rule = p.names.rule(h)
	e.Reason = p.names.reason(h.b[3], h.b[1], len(h.b))
	if action := actionOf(h.b[2], h.b[1]); action != event.ActionUnknown {
		e.Action, e.Verdict = action, event.VerdictField
	} else {
		err = errAction
	}
	dir := h.b[44]
	if h.has(60, 1) {
		dir = h.b[60]
		h.owner(e)
	}
	if !pf.SetDirection(e, directions[min(dir, unknownDir)], p.names.text(h.b[4:20])) && err == nil {
		err = errDir
	}
	return err
}

const unknownDir = 4

var directions = [unknownDir + 1]string{"in/out", "in", "out", "fwd", ""}

// owner reads the user and the process that the packet's socket belongs to. Systems have different values for none.
func (h *header) owner(e *event.Entry) {
	uid, pid := h.host.Uint32(h.b[44:]), h.host.Uint32(h.b[48:])
	if uid == 0xffffffff || uid == 0x7fffffff {
		return
	}
	e.UID, e.Has = uid, e.Has|event.HasUID
	switch pid {
	case 0, 32767, 99999 + 1, 0x7fffffff, 0xffffffff:
	default:
		e.PID, e.Has = pid, e.Has|event.HasPID
	}
}

// actionOf returns what a code means. The codes from 11 on differ between systems, and none of them is a verdict, but that
// Darwin's nat64 can be told by its address family.
func actionOf(code, family uint8) event.Action {
	switch code {
	case 0:
		return event.Allow
	case 1: // also of rules with "return"
		return event.Deny
	case 4, 6, 8: // nat, binat, rdr
		return event.NAT
	case 10: // synproxy-drop
		return event.Drop
	case 13: // divert of OpenBSD, nat64 of Darwin
		if family == familyDarwin {
			return event.NAT
		}
		return event.Observe
	case 2, 3, 5, 7, 9, 11, 12, 14, 15: // scrub, no-*, defer, match, rt, afrt
		return event.Observe
	}
	return event.ActionUnknown
}

// The numbers of IPv6 as an address family tell systems apart.
const (
	familyNetBSD  = 24 // and OpenBSD
	familyFreeBSD = 28
	familyDarwin  = 30
)

// names keeps the few texts that a log is full of: interfaces, rule sets, rules.
type names map[string]string

// maxNames bounds what hostile records can make a parser keep.
const maxNames = 1024

// intern returns b as a string, of which there is one.
func (n names) intern(b []byte) string {
	if s, ok := n[string(b)]; ok {
		return s
	}
	if len(n) >= maxNames {
		clear(n)
	}
	s := string(b)
	n[s] = s
	return s
}

// text returns a name that NUL bytes fill up.
func (n names) text(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return n.intern(b)
}

const none = 0xffffffff

// rule names the rule: its identifier, which stays when rules are loaded anew, else its number, and in an anchor the
// anchor's rule, rule set and number, as tcpdump writes them: "2.spamd.1".
func (n names) rule(h *header) string {
	var room [64]byte
	out := room[:0]
	if id := h.identifier(); id != 0 {
		return n.intern(strconv.AppendUint(out, uint64(id), 10))
	}
	number, sub := binary.BigEndian.Uint32(h.b[36:]), binary.BigEndian.Uint32(h.b[40:])
	if number == none {
		return ""
	}
	out = strconv.AppendUint(out, uint64(number), 10)
	// Some FreeBSD write 16777216 for no number in the anchor; without an anchor there is none.
	if set := h.b[20:36]; set[0] != 0 {
		out = append(out, '.')
		if i := bytes.IndexByte(set, 0); i >= 0 {
			set = set[:i]
		}
		out = append(out, set...)
		if sub != none {
			out = append(out, '.')
			out = strconv.AppendUint(out, uint64(sub), 10)
		}
	}
	return n.intern(out)
}

// identifier returns FreeBSD's ridentifier, or 0. It is big endian today and was in the host's order in kernels of pfSense.
// Those that pfSense assigns are of the time the rule was made, or from 1000000000 on for its own; those that people
// assign are small. What neither order makes so is read as today.
func (h *header) identifier() uint32 {
	if len(h.b) == lenOpen || !h.has(64, 4) {
		return 0
	}
	today, host := binary.BigEndian.Uint32(h.b[64:]), h.host.Uint32(h.b[64:])
	const own, span = 1_000_000_000, 1_000_000
	const assigned, latest = 1_000_000_000, 1 << 31
	const small = 1 << 20
	for _, plausible := range [...]func(v uint32) bool{
		func(v uint32) bool { return v >= own && v < own+span },
		func(v uint32) bool { return v < small },
		func(v uint32) bool { return v >= assigned && v < latest },
	} {
		switch {
		case plausible(today):
			return today
		case plausible(host):
			return host
		}
	}
	return today
}

// reason names why the packet was logged. Only "match" says that a rule decided. The codes from 15 on differ between
// systems; the header's length or its address family tells which one wrote it.
func (n names) reason(code, family uint8, size int) string {
	if int(code) < len(pf.Reasons) {
		return pf.Reasons[code]
	}
	open := size == lenOpen
	switch {
	case code == 15 && open:
		return "translate"
	case code == 15 && (size == lenID || family == familyFreeBSD):
		return "map-failed"
	case code == 15 && family == familyDarwin:
		return "dummynet"
	case code == 15 && family == familyNetBSD:
		return "state-locked"
	case code == 16 && open:
		return "no-route"
	case code == 16 && family == familyDarwin:
		return "invalid-port"
	}
	var room [16]byte
	out := append(room[:0], "unkn("...)
	out = strconv.AppendUint(out, uint64(code), 10)
	return n.intern(append(out, ')'))
}

// old reads the header of OpenBSD before 3.4: all big endian, and a direction of its own.
func (p *parser) old(b []byte, e *event.Entry) (err error) {
	const size = 28
	if len(b) < size {
		return parse.ErrTruncated
	}
	if rule := int16(binary.BigEndian.Uint16(b[20:])); rule >= 0 {
		var room [8]byte
		e.Rule = p.names.intern(strconv.AppendInt(room[:0], int64(rule), 10))
	}
	e.Reason = p.names.reason(uint8(min(binary.BigEndian.Uint16(b[22:]), 255)), 0, size)
	if action := actionOf(uint8(min(binary.BigEndian.Uint16(b[24:]), 255)), 0); action != event.ActionUnknown {
		e.Action, e.Verdict = action, event.VerdictField
	} else {
		err = errAction
	}
	dir := "in" // 0 there
	switch binary.BigEndian.Uint16(b[26:]) {
	case 0:
	case 1:
		dir = "out"
	default:
		dir = ""
	}
	if !pf.SetDirection(e, dir, p.names.text(b[4:20])) && err == nil {
		err = errDir
	}
	if more := packet(b[size:], e); err == nil {
		err = more
	}
	return err
}
