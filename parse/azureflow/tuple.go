package azureflow

import (
	"strings"

	"mailstop/event"
	"mailstop/internal/scan"
	"mailstop/parse"
)

// A line is one flow while it is read.
type line struct {
	scan.Fill
	resource, mac string
}

// The fields of a tuple. Those of a network security group's end with decision in version 1.
const (
	when = iota
	source
	destination
	sourcePort
	destPort
	protocol
	direction
	decision // of a security group: A or D; of a virtual network: B, C, E or D
	state    // of a security group, version 2: B, C or E; of a virtual network: encryption
	packets
	fields
)

// tuple reads "1767604272,203.0.113.9,192.0.2.25,51234,25,T,I,D,B,,,,": of a security group in seconds, with a letter for
// the protocol; of a virtual network in milliseconds, with its number.
func (l *line) tuple(s string, r *parse.Record) {
	var f [fields]string
	n := 0
	for ; n < fields; n++ {
		var more bool
		f[n], s, more = strings.Cut(s, ",")
		if !more {
			n++
			break
		}
	}
	if n <= decision {
		l.Fail(errTuple)
		return
	}
	if ns, digits, ok := parse.ScanEpoch(f[when]); ok {
		r.SetInstant(ns, digits)
	} else {
		l.Fail(scan.ErrTime)
	}
	l.Src(f[source])
	l.Dst(f[destination])
	l.SrcPort(f[sourcePort])
	l.DstPort(f[destPort])
	e := l.Entry
	switch f[direction] {
	case "I":
		e.Direction, e.IfaceIn = event.In, l.mac
	case "O":
		e.Direction, e.IfaceOut = event.Out, l.mac
	default:
		l.Fail(errTuple)
	}
	// Packets from source to destination, since the update before; a flow that begins has none yet.
	l.Packets(f[packets])
	switch f[protocol] {
	case "T":
		l.Proto("tcp")
	case "U":
		l.Proto("udp")
	default:
		l.Proto(f[protocol])
		l.network(f[decision])
		return
	}
	l.group(f[decision])
}

// group reads the decision of a security group.
func (l *line) group(s string) {
	switch s {
	case "A":
		l.Verdict(event.Allow, event.VerdictField)
	case "D":
		l.Verdict(event.Deny, event.VerdictField)
	default:
		l.Fail(errState)
	}
}

// network reads the state of a virtual network's flow: begun, continued and ended ones were allowed.
func (l *line) network(s string) {
	switch s {
	case "B", "C", "E":
		l.Verdict(event.Allow, event.VerdictField)
	case "D":
		l.Verdict(event.Deny, event.VerdictField)
	default:
		l.Fail(errState)
	}
}
