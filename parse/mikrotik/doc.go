package mikrotik

import "mailstop/parse"

var doc = parse.Doc{
	Title: "MikroTik RouterOS: firewall",
	Accepts: []string{
		"lines of remote logging (syslog and BSD syslog) and of RouterOS' own files, with any of its times, with topics or without",
		"the same in the CEF that RouterOS 7.18 and later can write",
		"old versions without the colon after the chain, prefixes with a blank, glued or written twice, chains of one's own",
		"IPv4 and IPv6 endpoints, TCP flags, types and codes of ICMP, protocols by name or number, translated addresses, bridge ports",
		"verdicts from the words of the prefix alone, and from rules of the configuration",
	},
	Examples: []string{
		"Jan  5 10:11:12 rtr firewall,info DROP-IN input: in:ether1 out:(unknown 0), connection-state:new src-mac 52:54:00:aa:bb:fe, proto TCP (SYN), " +
			"203.0.113.9:51234->192.0.2.1:25, len 52",
		"Jan  5 10:11:13 rtr firewall,info reject-smtp forward: in:bridge1(ether2) out:ether1, connection-state:new,snat proto TCP (ACK,FIN), " +
			"192.168.88.7:40112->203.0.113.19:25, NAT (192.168.88.7:40112->198.51.100.4:40112)->203.0.113.19:25, len 40",
		"2026-01-05T10:11:14+01:00 gw firewall,info forward: in:WAN out:LAN, connection-state:new src-mac 52:54:00:aa:bb:fe, proto UDP, " +
			"[2001:db8::9]:17850->[2001:db8:1::2]:51413, len 112",
	},
	Sources: []string{"MikroTik, RouterOS manual: Log; IP/Firewall/Filter", "lines of routers"},
}
