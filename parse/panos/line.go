package panos

import (
	"strings"

	"mailstop/event"
	"mailstop/internal/scan"
	"mailstop/parse"
)

// The fields of a traffic log, counted from 0. Behind sessionEnd their places differ between versions.
const (
	received   = 1
	kindField  = 3
	generated  = 6
	source     = 7
	dest       = 8
	rule       = 11
	fromZone   = 16
	toZone     = 17
	ifaceIn    = 18
	ifaceOut   = 19
	repeat     = 23
	sourcePort = 24
	destPort   = 25
	protocol   = 29
	action     = 30
	sent       = 44
	sessionEnd = 46
	deviceName = 52
	kept       = deviceName + 1

	// oldestFields is how many fields the lines of the oldest versions have.
	oldestFields = 39
)

// A line is one while it is read.
type line struct {
	scan.Fill
	fields  [kept]string
	zones   string // both, as they stand in the line
	precise string // the high resolution timestamp
}

// cells hands out the fields of a CSV line.
type cells struct{ rest string }

// next returns the next field without its quotes, and whether another follows it.
func (c *cells) next() (value string, more bool) {
	if strings.HasPrefix(c.rest, `"`) {
		return c.quoted()
	}
	value, c.rest, more = strings.Cut(c.rest, ",")
	return value, more
}

// quoted reads a field in quotes. One that is not closed is empty, and the last.
func (c *cells) quoted() (value string, more bool) {
	s, doubled := c.rest[1:], false
	for i := 0; i < len(s); i++ {
		if s[i] != '"' {
			continue
		}
		if i+1 < len(s) && s[i+1] == '"' {
			doubled = true
			i++
			continue
		}
		if value = s[:i]; doubled {
			value = strings.ReplaceAll(value, `""`, `"`)
		}
		_, c.rest, more = strings.Cut(s[i+1:], ",")
		return value, more
	}
	c.rest = ""
	return "", false
}

// split takes a line apart and returns how many fields it has.
func (l *line) split(s string) int {
	c := cells{rest: s}
	before := s
	for i := 0; ; i++ {
		at := c.rest
		if i == fromZone {
			before = at
		}
		value, more := c.next()
		switch {
		case i < kept:
			l.fields[i] = value
			if i == toZone && more {
				l.zones = before[:len(before)-len(c.rest)-1]
			}
		case len(value) >= len("2026-01-05T10:11:12.345Z") && value[10] == 'T':
			l.precise = value
		}
		if !more {
			return i + 1
		}
	}
}

// time stores when the firewall made the log: precisely, if the line has that, else in its local time.
func (l *line) time(r *parse.Record) {
	if l.precise != "" {
		if st, n := parse.ScanDateTime(l.precise); n == len(l.precise) && st.Zoned {
			r.SetInnerTime(st)
			return
		}
	}
	stamp := l.fields[generated]
	if stamp == "" {
		stamp = l.fields[received]
	}
	if stamp == "" {
		return
	}
	st, n := parse.ScanDateTime(stamp)
	if n != len(stamp) || n == 0 {
		l.Fail(scan.ErrTime)
		return
	}
	r.SetInnerTime(st)
}

// store fills the entry.
func (l *line) store() {
	e, f := l.Entry, &l.fields
	l.Src(f[source])
	l.Dst(f[dest])
	l.Proto(f[protocol])
	l.SrcPort(f[sourcePort])
	l.DstPort(f[destPort])
	// One line stands for several sessions alike within five seconds, or for the packets of one.
	l.Packets(f[repeat])
	if n, ok := scan.Uint(f[sent], 1<<32); ok && n > uint64(e.Count) {
		l.Packets(f[sent])
	}
	e.IfaceIn, e.IfaceOut = f[ifaceIn], f[ifaceOut]
	e.Rule = f[rule]
	if e.Ruleset = strings.Trim(l.zones, ","); strings.IndexByte(e.Ruleset, '"') >= 0 {
		e.Ruleset = f[fromZone] + "," + f[toZone]
	}
	if e.Reason = f[sessionEnd]; e.Reason == "n/a" {
		e.Reason = ""
	}
	if f[fromZone] != "" && f[toZone] != "" {
		e.Direction = event.Forward // traffic of the firewall's own is in its zones, too
	}
	if f[deviceName] != "" {
		e.Host = f[deviceName]
	}
	l.Verdict(actionOf(f[action]), event.VerdictField)
	if e.Action == event.ActionUnknown && f[action] != "" && e.Reason == "" {
		e.Reason = f[action]
	}
}

func actionOf(word string) event.Action {
	switch word {
	case "allow":
		return event.Allow
	case "deny":
		return event.Deny
	case "drop", "drop-all", "drop-all-packets":
		return event.Drop
	case "drop-icmp", "drop ICMP", "reset-client", "reset client", "reset-server", "reset server", "reset-both", "reset both":
		return event.Reject
	}
	return event.ActionUnknown
}
