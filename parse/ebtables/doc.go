package ebtables

import "mailstop/parse"

var doc = parse.Doc{
	Title: "ebtables: the bridge's own log",
	Accepts: []string{
		"ebtables --log with --log-ip, --log-ip6 and --log-arp, or none of them, of all kernels",
		"IPv4 and IPv6 with the ports of TCP, UDP, UDP-Lite, SCTP and DCCP, ARP and RARP",
		"verdicts from what is known of netfilter's prefixes, and from rules of the configuration",
	},
	Examples: []string{
		"Jan  5 10:11:12 br kernel: [ 8123.456789] DROP-SMTP IN=eth0 OUT=eth1 MAC source = 52:54:00:aa:bb:fe MAC dest = 52:54:00:aa:bb:01 " +
			"proto = 0x0800 IP SRC=203.0.113.9 IP DST=192.0.2.25, IP tos=0x00, IP proto=6 SPT=51234 DPT=25",
		"Jan  5 10:11:13 br kernel: reject6 IN=eth0 OUT=eth1 MAC source = 52:54:00:aa:bb:fe MAC dest = 52:54:00:aa:bb:01 proto = 0x86dd " +
			"IPv6 SRC=2001:0db8:0000:0000:0000:0000:0000:0009 IPv6 DST=2001:0db8:0000:0000:0000:0000:0000:0025, IPv6 priority=0x0, " +
			"Next Header=17 SPT=5353 DPT=53",
	},
	Sources: []string{"Linux, net/bridge/netfilter/ebt_log.c"},
}
