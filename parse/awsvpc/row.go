package awsvpc

import (
	"math"

	"mailstop/event"
	"mailstop/internal/scan"
	"mailstop/parse"
)

// The words of fields.
const (
	accept        = "ACCEPT"
	reject        = "REJECT"
	statusOK      = "OK"
	statusNoData  = "NODATA"
	statusSkipped = "SKIPDATA"
	ingress       = "ingress"
	egress        = "egress"
)

// A row is one line while it is read.
type row struct {
	scan.Fill
	src, dst, packetSrc, packetDst string
	iface, flags, verdict          string
	direct                         bool // nothing has said yet that the row has no data
}

// field stores the value of a column.
func (l *row) field(c column, value string, r *parse.Record) {
	e := l.Entry
	switch c {
	case interfaceID:
		l.iface = value
	case instanceID:
		e.Host = value
	case srcAddr:
		l.src = value
	case dstAddr:
		l.dst = value
	case packetSrcAddr:
		l.packetSrc = value
	case packetDstAddr:
		l.packetDst = value
	case srcPort:
		l.SrcPort(value)
	case dstPort:
		l.DstPort(value)
	case protocol:
		l.Proto(value)
	case packets:
		l.Packets(value)
	case start:
		ns, digits, ok := parse.ScanEpoch(value)
		if !ok {
			l.Fail(scan.ErrTime)
			return
		}
		r.SetInstant(ns, digits)
	case action:
		l.verdict = value
	case logStatus:
		l.status(value)
	case tcpFlags:
		l.flags = value
	case flowDirection:
		switch value {
		case ingress:
			e.Direction = event.In
		case egress:
			e.Direction = event.Out
		}
	case rejectReason:
		e.Reason = value
	case other, number, addressType:
	}
}

// status reads whether there is data: only then the rest says something.
func (l *row) status(value string) {
	switch value {
	case statusOK:
		return
	case statusNoData:
		l.Entry.Note = noteNoData
	case statusSkipped:
		l.Entry.Note = noteSkipped
	default:
		l.Fail(errStatus)
	}
	l.direct = false
}

// finish stores what depends on several fields.
func (l *row) finish() error {
	e := l.Entry
	// srcaddr and dstaddr name the interface's own primary address where it only passes packets on, as a NAT gateway's or a
	// load balancer's does; pkt-srcaddr and pkt-dstaddr are those in the packet.
	if l.packetSrc != "" {
		l.src = l.packetSrc
	}
	if l.packetDst != "" {
		l.dst = l.packetDst
	}
	l.Src(l.src)
	l.Dst(l.dst)
	if e.Direction == event.Out {
		e.IfaceOut = l.iface
	} else { // if the line does not say which way, this is where the packet was seen
		e.IfaceIn = l.iface
	}
	if e.Host == "" { // security groups filter at each interface: that is the firewall
		e.Host = l.iface
	}
	l.readFlags()
	if l.direct {
		switch l.verdict {
		case accept:
			l.Verdict(event.Allow, event.VerdictField)
		case reject:
			l.Verdict(event.Deny, event.VerdictField)
		case "":
		default:
			l.Fail(errAction)
		}
	}
	err := l.Finish()
	if err != nil {
		e.Note = ""
	}
	return err
}

// readFlags reads the flags of all packets in the window, OR-ed. Zero means that there was none of SYN, FIN and RST:
// a bare ACK is not recorded, so that it does not tell of a packet without flags.
func (l *row) readFlags() {
	if l.flags == "" {
		return
	}
	n, ok := scan.Uint(l.flags, math.MaxUint8)
	switch {
	case !ok:
		l.Fail(errFlags)
	case n > 0 && l.Entry.Proto == event.TCP:
		l.Entry.TCPFlags = event.TCPFlags(n)
		l.Entry.Has |= event.HasTCPFlags
	}
}
