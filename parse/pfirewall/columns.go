package pfirewall

import "strings"

// A column is what the values at one place of the lines are.
type column uint8

const (
	colIgnored column = iota
	colDate
	colTime
	colAction
	colProtocol
	colSrcIP
	colDstIP
	colSrcPort
	colDstPort
	colSize
	colFlags
	colICMPType
	colICMPCode
	colPath
	colPID
)

// newest are the columns since Windows 11; older versions have fewer at the end.
var newest = []column{
	colDate, colTime, colAction, colProtocol, colSrcIP, colDstIP, colSrcPort, colDstPort, colSize, colFlags,
	colIgnored, colIgnored, colIgnored, colICMPType, colICMPCode, colIgnored, colPath, colPID,
}

const (
	withoutPath = 16 // columns before XP SP2
	withPath    = 17 // columns since XP SP2
)

// readColumns reads the value of a #Fields line. The list is nil if it is not a firewall's; custom says that it does not
// begin as Windows' own lists do.
func readColumns(value string) (columns []column, custom bool) {
	var has [colPID + 1]bool
	for name := range strings.FieldsSeq(value) {
		c := columnOf(strings.ToLower(name))
		columns = append(columns, c)
		has[c] = true
	}
	if !has[colAction] || !has[colSrcIP] || !has[colDstIP] {
		return nil, false
	}
	for i, c := range newest[:5] {
		if columns[i] != c {
			return columns, true
		}
	}
	return columns, false
}

func columnOf(name string) column {
	switch name {
	case "date":
		return colDate
	case "time":
		return colTime
	case "action":
		return colAction
	case "protocol":
		return colProtocol
	case "src-ip":
		return colSrcIP
	case "dst-ip":
		return colDstIP
	case "src-port":
		return colSrcPort
	case "dst-port":
		return colDstPort
	case "size":
		return colSize
	case "tcpflags":
		return colFlags
	case "icmptype":
		return colICMPType
	case "icmpcode":
		return colICMPCode
	case "path":
		return colPath
	case "pid":
		return colPID
	}
	return colIgnored
}

// A verb is a word of the action column.
type verb uint8

const (
	verbNone verb = iota
	verbDrop
	verbAllow
	verbOpen
	verbOpenInbound
	verbClose
	verbLost
)

const lostWord = "INFO-EVENTS-LOST"

func verbOf(s string) verb {
	switch s {
	case "DROP":
		return verbDrop
	case "ALLOW":
		return verbAllow
	case "OPEN":
		return verbOpen
	case "OPEN-INBOUND":
		return verbOpenInbound
	case "CLOSE":
		return verbClose
	case lostWord:
		return verbLost
	}
	return verbNone
}

// isProtocolStart holds the bytes that names and numbers of protocols start with, and '-'.
var isProtocolStart = set("-0123456789ABCDEGHILMNOPRSTUVW")

// isAddressStart holds the bytes that addresses start with, and '-'.
var isAddressStart = set("-0123456789abcdefABCDEF:")

func set(bytes string) (t [256]bool) {
	for i := range len(bytes) {
		t[bytes[i]] = true
	}
	return t
}
