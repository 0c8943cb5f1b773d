package netfilter

import "mailstop/parse"

var doc = parse.Doc{
	Title: "Linux' netfilter LOG text",
	Accepts: []string{
		"iptables and ip6tables -j LOG, nftables log, TRACE, and conntrack's notes of invalid packets, from kernel 2.6 on",
		"IPv4 and IPv6 with TCP, UDP, UDP-Lite, ICMP (with the packet it answers), ICMPv6, AH, ESP and any other protocol; fragments; ARP and RARP",
		"all options: IP and TCP options, TCP sequence numbers, user and group, decoded MAC addresses with VLAN tags, packet marks, bridge ports, tunnels",
		"the prefixes of ufw, firewalld (both backends), Shorewall (both styles), OpenWrt (firewall3 and firewall4), EdgeOS, UniFi OS, VyOS, CSF " +
			"and IPFire, each with its verdict; of other prefixes, words such as DROP or ACCEPT; and rules of the configuration",
		"lines that end early or are damaged: what is certain of them, with the reason",
	},
	Examples: []string{
		"Jan  5 10:11:12 mx1 kernel: [ 8123.456789] [UFW BLOCK] IN=eth0 OUT= MAC=52:54:00:aa:bb:01:52:54:00:aa:bb:fe:08:00 SRC=203.0.113.9 " +
			"DST=192.0.2.25 LEN=60 TOS=0x00 PREC=0x00 TTL=51 ID=40221 DF PROTO=TCP SPT=51234 DPT=25 WINDOW=64240 RES=0x00 SYN URGP=0 ",
		"2026-01-05T10:11:14.012345+01:00 mx1 kernel: egress-deny: IN= OUT=eth0 SRC=2001:0db8:0000:0001:0000:0000:0000:0025 " +
			"DST=2001:0db8:0000:0002:0000:0000:0000:0019 LEN=80 TC=0 HOPLIMIT=64 FLOWLBL=123456 PROTO=TCP SPT=40112 DPT=25 WINDOW=64800 " +
			"RES=0x00 SYN URGP=0 UID=89 GID=89 MARK=0x1 ",
		"Jan  5 10:11:15 fw kernel: FINAL_REJECT: IN=eth0 OUT= MAC=52:54:00:aa:bb:01:52:54:00:aa:bb:fe:08:00 SRC=203.0.113.1 DST=192.0.2.25 LEN=88 " +
			"TOS=0x00 PREC=0xC0 TTL=64 ID=5120 PROTO=ICMP TYPE=3 CODE=3 [SRC=192.0.2.25 DST=203.0.113.53 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=777 " +
			"DF PROTO=UDP SPT=43210 DPT=53 LEN=40 ] ",
	},
	Sources: []string{"Linux, net/netfilter/nf_log_syslog.c", "the manuals and sources of the programs named above"},
}
