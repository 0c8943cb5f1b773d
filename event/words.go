package event

// A word is a small number with a fixed spelling, which is what JSON and the store show.

// Action is what the firewall did with the packet.
type Action uint8

// The actions. Deny means blocked, but the log does not say whether silently (Drop) or with an answer (Reject).
const (
	ActionUnknown Action = iota
	Allow
	Drop
	Reject
	Deny
	Observe // logged, no verdict
	NAT
	Close
)

var actionNames = [...]string{"unknown", "allow", "drop", "reject", "deny", "observe", "nat", "close"}

func (a Action) String() string { return actionNames[a] }

// Blocked reports whether a means that the packet was stopped.
func (a Action) Blocked() bool { return a >= Drop && a <= Deny }

// ParseAction returns the action spelled s.
func ParseAction(s string) (Action, bool) {
	i, ok := lookup(actionNames[:], s)
	return Action(i), ok
}

// Actions returns every action, in order.
func Actions() []Action { return words[Action](len(actionNames)) }

// VerdictSource says how an action is known.
type VerdictSource uint8

// The verdict sources.
const (
	VerdictNone VerdictSource = iota
	VerdictField
	VerdictPrefix
	VerdictEventID
	VerdictConfig
)

var verdictNames = [...]string{"none", "field", "prefix", "event_id", "config"}

func (v VerdictSource) String() string { return verdictNames[v] }

// VerdictSources returns every verdict source, in order.
func VerdictSources() []VerdictSource { return words[VerdictSource](len(verdictNames)) }

// Direction is what the log itself says of the firewall host.
type Direction uint8

// The directions.
const (
	DirectionUnknown Direction = iota
	In
	Out
	Forward
)

var directionNames = [...]string{"unknown", "in", "out", "forward"}

func (d Direction) String() string { return directionNames[d] }

// ParseDirection returns the direction spelled s.
func ParseDirection(s string) (Direction, bool) {
	i, ok := lookup(directionNames[:], s)
	return Direction(i), ok
}

// Directions returns every direction, in order.
func Directions() []Direction { return words[Direction](len(directionNames)) }

// TimeQuality says how an entry's time is known.
type TimeQuality uint8

// The time qualities, best first after TimeNone, which means that the entry has no time.
const (
	TimeNone TimeQuality = iota
	TimeExact
	TimeInferredYear
	TimeAssumedZone
	TimeEstimated
	TimeReceived
)

var timeQualityNames = [...]string{"", "exact", "inferred_year", "assumed_zone", "estimated", "received"}

func (q TimeQuality) String() string { return timeQualityNames[q] }

// TimeQualities returns every time quality, in order; the first is empty.
func TimeQualities() []TimeQuality { return words[TimeQuality](len(timeQualityNames)) }

// Format is a log format, or FormatUnknown for a line that none of them claims.
type Format uint8

// The formats.
const (
	FormatUnknown Format = iota
	Netfilter
	Ulogd
	Proxmox
	MikroTik
	Ebtables
	Filterlog
	PFText
	PFLog
	PFirewall
	WFP
	AWSVPC
	CiscoASA
	FortiGate
	PANOS
	AzureFlow
	GCPFirewall
	CEF
	ECS
	Postfix // the first of the mail servers
	Exim
	Sendmail
	Exchange
	OpenSMTPD
)

var formatNames = [...]string{
	"", "netfilter", "ulogd", "proxmox", "mikrotik", "ebtables", "filterlog", "pf_text", "pflog", "pfirewall", "wfp",
	"aws_vpc", "cisco_asa", "fortigate", "panos", "azure_flow", "gcp_firewall", "cef", "ecs",
	"postfix", "exim", "sendmail", "exchange", "opensmtpd",
}

func (f Format) String() string { return formatNames[f] }

// Mail reports whether f is the log of a mail server.
func (f Format) Mail() bool { return f >= Postfix }

// ParseFormat returns the format spelled s.
func ParseFormat(s string) (Format, bool) {
	i, ok := lookup(formatNames[:], s)
	return Format(i), ok && i > 0
}

// Formats returns every format, in order; the first is FormatUnknown, spelled as the empty text.
func Formats() []Format { return words[Format](len(formatNames)) }

func lookup(names []string, s string) (int, bool) {
	for i, n := range names {
		if n == s {
			return i, true
		}
	}
	return 0, false
}

func words[W ~uint8](n int) []W {
	out := make([]W, n)
	for i := range out {
		out[i] = W(i)
	}
	return out
}

// ProtoName returns the lower-case name of an IP protocol number, or "" if it has no common one.
// Source: IANA Assigned Internet Protocol Numbers.
func ProtoName(n uint8) string { return protoNames[n] }

// ProtoNumber returns the IP protocol number of a lower-case name.
func ProtoNumber(name string) (uint8, bool) {
	for i, n := range protoNames {
		if n == name && n != "" {
			return uint8(i), true
		}
	}
	return 0, false
}

// The protocol numbers that code asks for.
const (
	ICMP   = 1
	TCP    = 6
	UDP    = 17
	ICMPv6 = 58
)

var protoNames = [256]string{
	0: "hopopt", 1: "icmp", 2: "igmp", 3: "ggp", 4: "ipip", 5: "st", 6: "tcp", 8: "egp", 9: "igp", 12: "pup", 17: "udp",
	20: "hmp", 22: "xns-idp", 27: "rdp", 29: "iso-tp4", 33: "dccp", 36: "xtp", 37: "ddp", 41: "ipv6", 43: "ipv6-route",
	44: "ipv6-frag", 45: "idrp", 46: "rsvp", 47: "gre", 50: "esp", 51: "ah", 57: "skip", 58: "ipv6-icmp", 59: "ipv6-nonxt",
	60: "ipv6-opts", 73: "rspf", 81: "vmtp", 88: "eigrp", 89: "ospf", 93: "ax.25", 97: "etherip", 98: "encap",
	103: "pim", 108: "ipcomp", 112: "vrrp", 115: "l2tp", 124: "isis", 132: "sctp", 133: "fc", 135: "mobility-header",
	136: "udplite", 137: "mpls-in-ip", 138: "manet", 139: "hip", 140: "shim6", 141: "wesp", 142: "rohc", 143: "ethernet",
}
