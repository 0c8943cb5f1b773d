package filterlog

import (
	"mailstop/event"
	"mailstop/internal/pf"
	"mailstop/parse"
)

// Most lines of a firewall begin with one of few heads, "4,,,1000000103,em0,match,block,in,4,": what the rule is. A parser
// keeps the latest it has seen, with what they mean, and finds them by comparing strings. The texts are copied into the
// parser's own memory, so that hostile lines, which never repeat, cost neither allocations nor growth.

const (
	maxHeads = 16
	maxHead  = 160 // bytes; rule ids have 36, interfaces and anchors 15
)

// A head is the first nine fields, the IP version included. Its spans are parts of the line that starts with it.
type head struct {
	size                     uint8 // bytes, with the last comma; 0: the line is no more than a part of one
	rule, set, reason, iface span
	action                   event.Action
	verdict                  event.VerdictSource
	dir                      event.Direction
	v6                       bool
	text                     [maxHead]byte
}

type span struct{ from, to uint8 }

func (s span) of(line string) string { return line[s.from:s.to] }

func (h *head) apply(line string, e *event.Entry) {
	e.Rule, e.Ruleset, e.Reason = h.rule.of(line), h.set.of(line), h.reason.of(line)
	e.Action, e.Verdict, e.Direction = h.action, h.verdict, h.dir
	switch h.dir {
	case event.In:
		e.IfaceIn = h.iface.of(line)
	case event.Out:
		e.IfaceOut = h.iface.of(line)
	}
}

type heads struct {
	order [maxHeads]uint8 // indices of slots, most recently used first, and one more: 0 is none
	slots [maxHeads]head
}

// find returns the head that line begins with, or nil.
func (hs *heads) find(line string) *head {
	for i, k := range &hs.order {
		if k == 0 {
			return nil
		}
		h := &hs.slots[(k-1)%maxHeads]
		n := int(h.size)
		if len(line) >= n && line[:n] == string(h.text[:n]) {
			if i > 0 {
				copy(hs.order[1:i+1], hs.order[:i])
				hs.order[0] = k
			}
			return h
		}
	}
	return nil
}

// add keeps a head that line begins with, instead of the one that was not used for longest.
func (hs *heads) add(line string, h *head) *head {
	k := hs.order[maxHeads-1]
	if k == 0 { // not all are in use yet
		for _, used := range hs.order {
			k = max(k, used)
		}
		k++
	}
	copy(hs.order[1:], hs.order[:maxHeads-1])
	hs.order[0] = k
	slot := &hs.slots[k-1]
	*slot = *h
	copy(slot.text[:], line[:h.size])
	return slot
}

// readHead reads the fields of the rule and the IP version. With an error, the head has what could be read, and its size
// only if the packet can be read all the same.
func readHead(s string) (h head, err error) {
	var f [9]span // the fields
	at := 0
	for n := range f {
		end := comma(s[:min(len(s), maxHead)], at)
		if end < 0 {
			err = parse.ErrTruncated
			if len(s) > maxHead {
				err = errShape
			}
			_ = h.fields(s, &f, n) // that the line ends early is the first thing wrong
			return h, err
		}
		f[n] = span{uint8(at), uint8(end)}
		at = end + 1
	}
	if rulenr := f[0].of(s); rulenr != "" {
		if _, ok := pf.Number(rulenr); !ok {
			return head{}, errShape
		}
	}
	err = h.fields(s, &f, len(f))
	switch f[8].of(s) {
	case "4":
	case "6":
		h.v6 = true
	default:
		if err == nil {
			err = errVersion
		}
		return h, err
	}
	h.size = uint8(at)
	return h, err
}

// fields takes the meaning of the first n fields.
func (h *head) fields(s string, f *[9]span, n int) (err error) {
	if n > 2 {
		h.set = f[2]
	}
	if n > 3 {
		// Rules are renumbered whenever they are loaded; the tracker, or OPNsense's rule id, stays.
		switch tracker := f[3].of(s); {
		case tracker != "" && tracker != "0":
			h.rule = f[3]
		case f[0].of(s) != pf.NoRule:
			h.rule = f[0]
		}
	}
	if n > 5 {
		h.reason = f[5]
	}
	if n > 6 {
		if a, ok := action(f[6].of(s)); ok {
			h.action, h.verdict = a, event.VerdictField
		} else {
			err = errAction
		}
	}
	if n > 7 {
		h.iface = f[4]
		switch dir := f[7].of(s); {
		case dir == "in":
			h.dir = event.In
		case dir == "out":
			h.dir = event.Out
		case !isDirection(dir) && err == nil:
			err = errDir
		}
	}
	return err
}
