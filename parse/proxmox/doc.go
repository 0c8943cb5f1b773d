package proxmox

import "mailstop/parse"

var doc = parse.Doc{
	Title: "Proxmox VE: pve-firewall.log",
	Accepts: []string{
		"packets at the host, at virtual machines and at containers, also in security groups: IPv4, IPv6 with extension headers, ARP",
		"TCP, UDP (also with a mark glued to its length), SCTP, ICMP, ICMPv6 and any other protocol; fragments, whose ports the logger makes up, " +
			"without ports; damaged packets",
		"the messages \"policy DROP\", \"REJECT\", \"ACCEPT\" and so on; of other messages, words; and rules of the configuration",
		"the logger's messages about itself and events of connection tracking, which tell of no packet",
	},
	Examples: []string{
		"101 6 tap101i0-IN 05/Jan/2026:10:11:12 +0100 policy DROP: IN=fwbr101i0 OUT=fwbr101i0 PHYSIN=fwln101i0 PHYSOUT=tap101i0 " +
			"MAC=52:54:00:aa:bb:01:52:54:00:aa:bb:fe:08:00 SRC=203.0.113.9 DST=192.0.2.25 LEN=60 TOS=0x00 PREC=0x00 TTL=51 ID=40221 DF PROTO=TCP " +
			"SPT=51234 DPT=25 SEQ=305419896 ACK=0 WINDOW=64240 SYN ",
		"0 6 PVEFW-HOST-IN 05/Jan/2026:10:11:13 +0100 DROP: IN=vmbr0 MAC=52:54:00:aa:bb:01:52:54:00:aa:bb:fe:08:00 SRC=203.0.113.9 DST=192.0.2.2 " +
			"LEN=72 TOS=0x00 PREC=0x00 TTL=51 ID=7 PROTO=UDP SPT=5353 DPT=161 LEN=52mark=5 ",
		"101 6 tap101i0-OUT 05/Jan/2026:10:11:14 +0100 REJECT: IN=fwbr101i0 OUT=fwbr101i0 PHYSIN=tap101i0 PHYSOUT=fwln101i0 SRC=2001:db8::25 " +
			"DST=2001:db8:2::19 LEN=40 TC=0 FLOWLBL=1193046 HOPLIMIT=64 PROTO=TCP SPT=40112 DPT=25 SEQ=1 ACK=0 WINDOW=64800 SYN ",
	},
	Sources: []string{"pve-firewall, src/pvefw-logger.c and src/PVE/Firewall.pm"},
}
