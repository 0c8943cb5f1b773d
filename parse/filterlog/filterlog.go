// Package filterlog reads the lines that filterlog of pfSense and OPNsense writes to syslog: fields between commas, without
// quotes. It never guesses: a value that may be cut or damaged stays absent, and the entry says so.
//
// The two programs go by one name and share a common part; behind the addresses they differ. They are told apart field by
// field, never by a guess at the system.
//
// Sources: sysutils/filterlog of pfsense/FreeBSD-ports, opnsense/filterlog of opnsense/ports.
package filterlog

import (
	"errors"
	"net/netip"
	"strings"

	"mailstop/event"
	"mailstop/internal/pf"
	"mailstop/parse"
)

// Kind returns the format.
func Kind() parse.Kind {
	return parse.Kind{
		Format: event.Filterlog,
		Anchor: "program filterlog, or 4,,,1000000103,em0,match,block,in,4,…",
		New:    func() parse.Parser { return new(parser) },
		Doc:    doc,
	}
}

// What can be wrong with a line, apart from parse.ErrTruncated. The text names the field, never a guess at it.
var (
	errShape   = errors.New("not the fields of filterlog")
	errAction  = errors.New("action is not one of pf's")
	errDir     = errors.New("direction is not one of pf's")
	errVersion = errors.New("IP version is not 4 or 6")
	errDamaged = errors.New("filterlog says that the packet is damaged")
	errTCP     = errors.New("filterlog says that the TCP header is damaged")
	errNumber  = errors.New("a value is not a number, or out of range")
	errSrc     = errors.New("source is not an address")
	errDst     = errors.New("destination is not an address")
	errPort    = errors.New("port is not a port")
	errFlags   = errors.New("TCP flags are not of FSRPAUEC")
	errICMP    = errors.New("ICMP message is not one that filterlog writes")
)

const noteMessage = "message of filterlog itself"

// A line is read twice at most: first by a straight-line reader for what nearly all lines have (fast.go), then, if anything
// differs, field by field (packet.go), which defines the meaning.
type parser struct{ heads heads }

// Match takes what filterlog wrote, and lines of its shape whose program is not known.
func (*parser) Match(body string, r *parse.Record) bool {
	if r != nil && r.Program == program {
		return true
	}
	return shaped(trimTag(body))
}

const program = "filterlog"

// trimTag removes "filterlog[123]: ", which stays where no header came before it.
func trimTag(s string) string {
	if s == "" || s[0] != 'f' || !strings.HasPrefix(s, program) {
		return s
	}
	rest := s[len(program):]
	if rest != "" && rest[0] == '[' {
		end := strings.IndexByte(rest, ']')
		if end < 0 {
			return s
		}
		rest = rest[end+1:]
	}
	if rest == "" || rest[0] != ':' {
		return s
	}
	return strings.TrimLeft(rest[1:], " ")
}

// shaped reports whether s has the common part: numbers first, action, direction and IP version as the 7th to 9th field.
func shaped(s string) bool {
	if s == "" || s[0] != ',' && s[0]-'0' > 9 {
		return false
	}
	for n := 1; n <= 8; n++ {
		end := comma(s, 0)
		if end < 0 {
			return false
		}
		f := s[:end]
		switch n {
		case 1, 2:
			if _, ok := pf.Number(f); !ok && f != "" {
				return false
			}
		case 5, 6:
			if f == "" {
				return false
			}
		case 7:
			if _, ok := action(f); !ok {
				return false
			}
		case 8:
			if !isDirection(f) {
				return false
			}
		}
		s = s[end+1:]
	}
	return len(s) >= 2 && (s[0] == '4' || s[0] == '6') && s[1] == ','
}

// Parse reads one line.
func (p *parser) Parse(body string, rec *parse.Record) error {
	s := strings.TrimLeft(trimTag(body), " ")
	h := p.heads.find(s)
	if h == nil {
		var err error
		var read head
		if read, err = readHead(s); err != nil {
			return incomplete(s, &read, err, rec)
		}
		h = p.heads.add(s, &read)
	}
	if fast(s, int(h.size), h.v6, rec.Entry) {
		h.apply(s, rec.Entry)
		return nil
	}
	return careful(s, h, rec.Entry)
}

// careful reads any packet that filterlog may have written, whole or damaged.
func careful(s string, h *head, e *event.Entry) error {
	reset(e)
	h.apply(s, e)
	r := reader{s: s, i: int(h.size), e: e}
	r.packet(h.v6)
	return r.err
}

// incomplete reads a line whose head is not one.
func incomplete(s string, h *head, err error, rec *parse.Record) error {
	if isMessage(s) {
		rec.Note = noteMessage
		return nil
	}
	if strings.HasPrefix(s, "[") { // [|pflog], [pflog: invalid header length!]
		return errDamaged
	}
	h.apply(s, rec.Entry)
	if h.size > 0 {
		r := reader{s: s, i: int(h.size), e: rec.Entry}
		r.packet(h.v6)
	}
	return err
}

// reset takes back what the fast reader may have set.
func reset(e *event.Entry) {
	const set = event.HasProto | event.HasPorts | event.HasTCPFlags | event.HasLength | event.HasTTL
	e.Has &^= set
	e.Src, e.Dst, e.SrcPort, e.DstPort, e.TCPFlags = netip.Addr{}, netip.Addr{}, 0, 0, 0
	e.Proto, e.TTL, e.Length = 0, 0, 0
}

// isMessage reports whether s is a sentence of the daemon: words, and not fields that lost their head.
func isMessage(s string) bool {
	if s == "" || s[0]|0x20-'a' > 25 {
		return false
	}
	first := comma(s, 0)
	return first < 0 || strings.IndexByte(s[:first], ' ') >= 0 && strings.Count(s, ",") < 6
}

// comma returns the index of the comma at or behind i, or -1.
func comma(s string, i int) int {
	for ; i < len(s); i++ {
		if s[i] == ',' {
			return i
		}
	}
	return -1
}

// A reader reads the fields one after another.
type reader struct {
	s   string
	i   int // where the next field starts
	e   *event.Entry
	err error // the first thing found wrong
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// next returns the next field. False means that no comma ends it: the line does, so that the field may be cut.
func (r *reader) next() (string, bool) {
	from := r.i
	end := comma(r.s, from)
	if end < 0 {
		r.i = len(r.s)
		r.fail(parse.ErrTruncated)
		return "", false
	}
	r.i = end + 1
	return r.s[from:end], true
}

// skip passes over n fields.
func (r *reader) skip(n int) bool {
	for range n {
		end := comma(r.s, r.i)
		if end < 0 {
			r.i = len(r.s)
			r.fail(parse.ErrTruncated)
			return false
		}
		r.i = end + 1
	}
	return true
}

// number reads the next field as a number up to limit. Where it is none the field is passed over, and has is false.
func (r *reader) number(limit uint32) (v uint32, has, more bool) {
	f, more := r.next()
	if !more {
		return 0, false, false
	}
	v, ok := pf.Number(f)
	if !ok || v > limit {
		r.fail(errNumber)
		return 0, false, true
	}
	return v, true, true
}

// action reads pf's words. Codes that filterlog has no word for, "unkn(%u)" literally or "unknown(12)", are those of match
// and its like: all verdicts have words.
func action(word string) (event.Action, bool) {
	if a, ok := pf.Action(word); ok {
		return a, true
	}
	switch word {
	case "unkn(%u)", "unknown(3)", "unknown(11)", "unknown(12)", "unknown(13)", "unknown(14)", "unknown(15)":
		return event.Observe, true
	}
	return event.ActionUnknown, false
}

func isDirection(word string) bool {
	return word == "in" || word == "out" || word == "in/out" || isUnknown(word)
}

// isUnknown reports whether a word stands for a code that has none.
func isUnknown(word string) bool {
	return word == "unkn(%u)" || strings.HasPrefix(word, "unknown(") && word[len(word)-1] == ')'
}
