// Package event holds the words every stage shares: what a firewall log line says (Entry) and what is concluded
// from many of them (Finding). It imports only the standard library, and never does I/O or reads a clock.
package event

import (
	"net/netip"
	"time"
)

// An Entry is one firewall log line that describes a packet or a connection, or a line that could not be read.
//
// Its strings are views into the block the line was read from: whoever keeps an Entry, or a string of it, longer
// than the call it was given in must clone what it keeps (strings.Clone).
//
// Optional numbers are present only if their bit is set in Has; addresses are present if they are valid.
type Entry struct {
	Time     int64 // event time, nanoseconds since 1970 UTC; meaningful only if TimeQuality is not TimeNone
	Received int64 // when Mailstop or an envelope got it, same unit; 0 if unknown
	Pos      int64 // position in Source: byte offset of the line, or the message's offset
	Line     int64 // 1-based line number in Source; 0 if it has none

	Src, Dst netip.Addr // sender and receiver of the logged packet, zone removed

	Host, Agent       string // the firewall's name; the shipper's machine
	Process           string // program that owns the packet
	IfaceIn, IfaceOut string
	Rule              string // rule id, tracker or log prefix (trimmed)
	Ruleset           string // anchor, chain or zone pair
	Reason            string // pf reason, WFP layer
	Source            string // where the line came from: path, topic
	Raw               string // the untouched line, cut at MaxRaw
	Error             string // why it is not, or not fully, parsed
	Note              string // why the line is read and yet tells of no packet and no delivery: "header"

	// Delivery is set on lines of a mail server. They tell of no packet: of the fields here they have the time, the host,
	// the process, the format and where they came from. Local parts of addresses are taken out of Raw.
	Delivery *Delivery

	Has    Has
	Count  uint32 // packets this line stands for: 1, or more for "message repeated n times"
	Length uint32 // bytes of the IP packet
	Mark   uint32
	UID    uint32
	PID    uint32

	SrcPort, DstPort uint16

	TimeQuality  TimeQuality
	TimeDigits   uint8 // decimal digits of the second that the source wrote: 0 to 9
	Format       Format
	Action       Action
	Verdict      VerdictSource
	Direction    Direction
	Proto        uint8 // IP protocol number
	TCPFlags     TCPFlags
	ICMPType     uint8
	ICMPCode     uint8
	TTL          uint8
	Shard        uint8 // set by the engine: which detector shard owns Host
	Outside      bool  // set by the engine: not in the range of times that was asked for, so only the store counts it
	Opening      bool  // set by detect: the packet tries to open a connection, as opposed to continuing one
	FirstAttempt bool  // set by detect: the first packet of an attempt, of mail and of what is blocked on its way out
}

// The notes of lines that belong to no format.
const (
	NoteEmpty  = "empty line"
	NoteHeader = "header"
)

// MaxRaw is the longest raw text an entry keeps, in bytes; longer lines are cut there and marked in Error.
const MaxRaw = 64 << 10

// Has is the set of optional numbers that an entry carries.
type Has uint16

// The optional numbers of an Entry.
const (
	HasProto Has = 1 << iota
	HasSrcPort
	HasDstPort
	HasTCPFlags
	HasICMPType
	HasICMPCode
	HasLength
	HasTTL
	HasMark
	HasUID
	HasPID
)

// HasPorts says that both ports are present.
const HasPorts = HasSrcPort | HasDstPort

// Is reports whether every number of h is present.
func (e *Entry) Is(h Has) bool { return e.Has&h == h }

// Blocked reports whether the firewall stopped the packet: drop, reject or deny.
func (e *Entry) Blocked() bool { return e.Action.Blocked() }

// When returns the event time, or the zero time if the entry has none.
func (e *Entry) When() time.Time {
	if e.TimeQuality == TimeNone {
		return time.Time{}
	}
	return time.Unix(0, e.Time).UTC()
}

// TCPFlags is the TCP flag byte as on the wire.
type TCPFlags uint8

// The flags of a TCP header.
const (
	FIN TCPFlags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE
	CWR
)

// Names appends the flags' names in the order of design.md: SYN ACK FIN RST PSH URG ECE CWR.
func (f TCPFlags) Names(dst []string) []string {
	for _, n := range flagNames {
		if f&n.flag != 0 {
			dst = append(dst, n.name)
		}
	}
	return dst
}

var flagNames = [...]struct {
	flag TCPFlags
	name string
}{{SYN, "SYN"}, {ACK, "ACK"}, {FIN, "FIN"}, {RST, "RST"}, {PSH, "PSH"}, {URG, "URG"}, {ECE, "ECE"}, {CWR, "CWR"}}

// An Extent is a run of a source's bytes that is stored as one: all of it or nothing.
type Extent struct {
	Source string // the path or topic at the time, for people
	Part   string
	From   int64  // first byte, or first offset
	To     int64  // the byte, or offset, behind the last
	Parent string // token of the extent before it; of the source's settings for the first
	Token  string // made from Parent and the content: equal tokens mean equal rows
	Stored bool   // the store already has it: do not send it again
	// Shared says that another process may read the same lines, as members of a Kafka group may. Known are then the tokens,
	// each with a space behind it, of the extents that were known to begin at the same place when this one was cut: one
	// more means that somebody else has cut the same lines otherwise.
	Shared bool
	Known  string
}

// A Count is one row of the one-minute roll-up: how many packets and attempts of one kind a minute saw.
type Count struct {
	Minute    int64 // seconds since 1970 UTC, a multiple of 60
	Host      string
	Port      uint16 // mail port: the destination's, for answers the source's; 0 for what is not mail
	Action    Action
	Direction Direction
	Proto     uint8
	Packets   uint64
	Attempts  uint64 // of mail; 0 for what is not
}
