package ciscoasa

import (
	"mailstop/event"
	"mailstop/parse"
)

// A message is what is known of a message number.
type message struct {
	read      func(*line, *parse.Record) // nil: it is of no packet
	action    event.Action
	proto     uint8           // if all messages of the number have it
	direction event.Direction // as the number or its words say
	reason    string
	// follows says that something always follows the receiver: a line that ends with it is cut.
	follows bool
	// onInterface says that the interface follows the receiver.
	onInterface bool
	// why are the words that the reason stands behind.
	why string
	// first says that the protocol is the message's first word; otherwise it is looked for before the addresses.
	first bool
}

// messages holds the numbers that tell of a packet or a connection.
var messages = map[uint32]message{
	106001: {read: fromTo, action: event.Deny, proto: event.TCP, direction: event.In, follows: true, onInterface: true},
	106002: {read: srcDst, action: event.Deny, first: true, reason: "outbound list"},
	106006: {read: fromTo, action: event.Deny, proto: event.UDP, direction: event.In, follows: true, onInterface: true},
	106007: {read: fromTo, action: event.Deny, proto: event.UDP, direction: event.In, follows: true, why: "due to "},
	106010: {read: srcDst, action: event.Deny},
	106011: {read: srcDst, action: event.Deny, reason: "no xlate"},
	106012: {read: fromTo, action: event.Deny, reason: "IP options", follows: true},
	106013: {read: fromTo, action: event.Drop, proto: event.ICMP, reason: "echo request to PAT address"},
	106014: {read: srcDst, action: event.Deny, proto: event.ICMP, follows: true},
	106015: {read: fromTo, action: event.Deny, proto: event.TCP, reason: "no connection", follows: true, onInterface: true},
	106016: {read: fromTo, action: event.Deny, reason: "IP spoof", follows: true, onInterface: true},
	106017: {read: fromTo, action: event.Deny, reason: "Land Attack"},
	106018: {read: srcDst, action: event.Deny, first: true, reason: "outbound list"},
	106020: {read: fromTo, action: event.Deny, reason: "teardrop fragment"},
	106021: {read: fromTo, action: event.Deny, reason: "reverse path check", follows: true, onInterface: true},
	106022: {read: fromTo, action: event.Deny, reason: "connection spoof", follows: true, onInterface: true},
	106023: {read: srcDst, action: event.Deny, follows: true},
	106100: {read: accessList},
	106102: {read: accessList},
	106103: {read: accessList},

	108003: {read: fromTo, action: event.Deny, proto: event.TCP, reason: "malicious pattern in a mail address", follows: true},
	108004: {read: esmtp, proto: event.TCP, follows: true, why: ";"},
	110002: {read: flow, action: event.Drop, reason: "no egress interface"},
	110003: {read: flow, action: event.Drop, reason: "no next hop"},

	202010: {read: flow, action: event.Deny, reason: "PAT pool exhausted"},

	302013: {read: built, action: event.Allow, proto: event.TCP, follows: true},
	302014: {read: teardown, action: event.Close, proto: event.TCP, follows: true},
	302015: {read: built, action: event.Allow, proto: event.UDP, follows: true},
	302016: {read: teardown, action: event.Close, proto: event.UDP, follows: true},
	302017: {read: built, action: event.Allow, proto: gre, follows: true},
	302018: {read: teardown, action: event.Close, proto: gre, follows: true},
	302020: {read: icmpConnection, action: event.Allow, proto: event.ICMP},
	302021: {read: icmpConnection, action: event.Close, proto: event.ICMP},
	302035: {read: built, action: event.Allow, proto: sctp, follows: true},
	302036: {read: teardown, action: event.Close, proto: sctp, follows: true},
	302303: {read: built, action: event.Allow, proto: event.TCP, follows: true},
	302304: {read: teardown, action: event.Close, proto: event.TCP, follows: true},

	305005: {read: srcDst, action: event.Deny, reason: "no translation group"},
	305006: {read: srcDst, action: event.Deny, reason: "translation creation failed"},
	305009: {action: event.NAT},
	305010: {action: event.NAT},
	305011: {action: event.NAT},
	305012: {action: event.NAT},
	305013: {read: srcDst, action: event.Deny, reason: "NAT reverse path failure", follows: true},

	313001: {read: deniedICMP, action: event.Deny, proto: event.ICMP, direction: event.In},
	313004: {read: deniedICMP, action: event.Deny, proto: event.ICMP, reason: "no matching session"},
	313005: {read: srcDst, action: event.Deny, proto: event.ICMP, reason: "no matching connection", follows: true},
	313008: {read: deniedICMP, action: event.Deny, proto: event.ICMPv6, direction: event.In},
	313009: {read: invalidICMP, action: event.Deny, proto: event.ICMP, reason: "invalid ICMP code", follows: true},

	338005: {read: flow, action: event.Drop, reason: "dynamic filter", follows: true},
	338006: {read: flow, action: event.Drop, reason: "dynamic filter", follows: true},
	338007: {read: flow, action: event.Drop, reason: "dynamic filter", follows: true},
	338008: {read: flow, action: event.Drop, reason: "dynamic filter", follows: true},
	338203: {read: flow, action: event.Drop, reason: "dynamic filter", follows: true},
	338204: {read: flow, action: event.Drop, reason: "dynamic filter", follows: true},

	401004: {read: shunned, action: event.Drop, reason: "shunned", follows: true, onInterface: true},
	410001: {read: fromTo, action: event.Drop, proto: event.UDP, reason: "DNS inspection", follows: true, why: ";"},
	418001: {read: srcDst, action: event.Deny, reason: "management-only network"},
	419001: {read: flow, action: event.Drop, follows: true, why: "reason: "},
	420002: {read: flow, action: event.Drop, reason: "dropped by IPS"},
	420003: {read: flow, action: event.Reject, reason: "reset by IPS"},

	430001: {read: intrusion},
	430002: {read: connectionEvent},
	430003: {read: connectionEvent},

	434002: {read: flow, action: event.Drop, reason: "dropped by SFR"},
	434003: {read: flow, action: event.Reject, reason: "reset by SFR"},
	507003: {read: flow, action: event.Deny, follows: true, why: "reason - "},

	710002: {read: fromTo, action: event.Allow, direction: event.In, first: true},
	710003: {read: fromTo, action: event.Deny, direction: event.In, first: true},
	710004: {read: fromTo, action: event.Deny, direction: event.In, first: true, reason: "connection limit exceeded"},
	710005: {read: fromTo, action: event.Drop, direction: event.In, first: true, reason: "request discarded"},
	710006: {read: fromTo, action: event.Drop, direction: event.In, first: true, reason: "request discarded"},
}

const (
	gre  = 47
	sctp = 132
)

// servicePort returns the number of a port that a firewall writes by name.
// Source: Cisco ASA Series CLI Configuration Guide, "TCP and UDP Ports"; kerberos differs between versions.
func servicePort(name string) (uint16, bool) {
	if number(name) != "" {
		return 0, false
	}
	for _, s := range services {
		if s.name == name {
			return s.port, true
		}
	}
	return 0, false
}

var services = [...]struct {
	name string
	port uint16
}{
	{"smtp", 25},
	{"ssh", 22},
	{"https", 443},
	{"http", 80},
	{"www", 80},
	{"telnet", 23},
	{"snmp", 161},
	{"snmptrap", 162},
	{"domain", 53},
	{"ntp", 123},
	{"syslog", 514},
	{"isakmp", 500},
	{"imap4", 143},
	{"pop2", 109},
	{"pop3", 110},
	{"aol", 5190},
	{"bgp", 179},
	{"biff", 512},
	{"bootpc", 68},
	{"bootps", 67},
	{"chargen", 19},
	{"cifs", 3020},
	{"citrix-ica", 1494},
	{"cmd", 514},
	{"ctiqbe", 2748},
	{"daytime", 13},
	{"discard", 9},
	{"dnsix", 195},
	{"echo", 7},
	{"exec", 512},
	{"finger", 79},
	{"ftp", 21},
	{"ftp-data", 20},
	{"gopher", 70},
	{"h323", 1720},
	{"hostname", 101},
	{"ident", 113},
	{"irc", 194},
	{"klogin", 543},
	{"kshell", 544},
	{"ldap", 389},
	{"ldaps", 636},
	{"login", 513},
	{"lotusnotes", 1352},
	{"lpd", 515},
	{"mobile-ip", 434},
	{"nameserver", 42},
	{"netbios-dgm", 138},
	{"netbios-ns", 137},
	{"netbios-ssn", 139},
	{"nfs", 2049},
	{"nntp", 119},
	{"pcanywhere-data", 5631},
	{"pcanywhere-status", 5632},
	{"pim-auto-rp", 496},
	{"pptp", 1723},
	{"radius", 1645},
	{"radius-acct", 1646},
	{"rip", 520},
	{"rsh", 514},
	{"rtsp", 554},
	{"secureid-udp", 5510},
	{"sip", 5060},
	{"sqlnet", 1521},
	{"sunrpc", 111},
	{"tacacs", 49},
	{"talk", 517},
	{"tftp", 69},
	{"time", 37},
	{"uucp", 540},
	{"vxlan", 4789},
	{"who", 513},
	{"whois", 43},
	{"xdmcp", 177},
}
