package awsvpc

import (
	"strings"

	"mailstop/internal/scan"
)

// A column is what a field of a line is.
type column uint8

const (
	other column = iota // nothing that an entry has a place for
	interfaceID
	instanceID
	srcAddr
	dstAddr
	srcPort
	dstPort
	packetSrcAddr
	packetDstAddr
	protocol
	packets
	start
	action
	logStatus
	tcpFlags
	addressType
	flowDirection
	rejectReason
	number // one that an entry has no place for
)

// columnNames are the fields that say something, as ${...} names them. Parquet files and Athena write them with underscores.
var columnNames = map[string]column{
	"interface-id": interfaceID, "instance-id": instanceID, "srcaddr": srcAddr, "dstaddr": dstAddr, "srcport": srcPort,
	"dstport": dstPort, "pkt-srcaddr": packetSrcAddr, "pkt-dstaddr": packetDstAddr, "protocol": protocol, "packets": packets,
	"start": start, "action": action, "log-status": logStatus, "tcp-flags": tcpFlags, "type": addressType,
	"flow-direction": flowDirection, "reject-reason": rejectReason,
	"version": number, "bytes": number, "end": number, "traffic-path": number,
}

// defaultColumns is how many fields version 2 has.
const defaultColumns = 14

// fullColumns is how many fields versions 3, 4 and 5 have if none is left out.
var fullColumns = [...]int{21, 25, 29}

// standardColumns is the order of the user guide, which begins with the default one.
var standardColumns = [...]column{
	number, other, interfaceID, srcAddr, dstAddr, srcPort, dstPort, protocol, packets, number, start, number, action, logStatus,
	other, other, instanceID, tcpFlags, addressType, packetSrcAddr, packetDstAddr,
	other, other, other, other,
	other, other, flowDirection, number,
}

// columnsOf reads a header line. It returns nil if the line names no column that is known.
func columnsOf(header string) []column {
	var out []column
	known := false
	for name := range strings.FieldsSeq(header) {
		c := columnNames[strings.ReplaceAll(name, "_", "-")]
		known = known || c != other
		out = append(out, c)
	}
	if !known {
		return nil
	}
	return out
}

// hasType reports whether a line has the type of its addresses where the user guide puts it.
func hasType(line string) bool {
	for i, c := range standardColumns {
		var value string
		value, line, _ = strings.Cut(line, " ")
		if c == addressType {
			return couldBe(c, value) && i > 0
		}
	}
	return false
}

// fits reports whether a line has no more fields than there are columns, and in each what could be its value. Of a line
// that is cut, the last field is not looked at.
func fits(columns []column, line string) bool {
	checked := 0
	for _, c := range columns {
		value, rest, more := strings.Cut(line, " ")
		switch {
		case !more && value == "":
			return false
		case c == other:
		case !more:
			return checked >= 2
		case !couldBe(c, value):
			return false
		default:
			checked++
		}
		if line = rest; !more {
			return checked >= 2
		}
	}
	return strings.Trim(line, " ") == ""
}

// couldBe reports whether a value is of the kind that a column has.
func couldBe(c column, value string) bool {
	if value == "-" {
		return true
	}
	switch c {
	case srcAddr, dstAddr, packetSrcAddr, packetDstAddr:
		_, ok := scan.Addr(value)
		return ok
	case srcPort, dstPort, protocol, packets, start, tcpFlags, number:
		return value != "" && scan.Digits(value) == len(value)
	case addressType:
		return value == "IPv4" || value == "IPv6" || value == "EFA"
	case action:
		return value == accept || value == reject
	case logStatus:
		return value == statusOK || value == statusNoData || value == statusSkipped
	case flowDirection:
		return value == ingress || value == egress
	case interfaceID, instanceID, rejectReason, other:
	}
	return true
}
