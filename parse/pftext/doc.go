package pftext

import "mailstop/parse"

var doc = parse.Doc{
	Title: "pf: tcpdump's text of pflog",
	Accepts: []string{
		"tcpdump -e of OpenBSD and of tcpdump.org (FreeBSD, macOS, NetBSD, Linux), from their beginnings on",
		"the options -n, -t to -ttttt, -v to -vvv; lines that -v splits are joined if the file starts with such",
		"IPv4 and IPv6 with extension headers and fragments; TCP, UDP whatever it carries, ICMP, ICMPv6 and others",
		"names instead of addresses, which stay absent; the names of mail's ports are read as these",
		"the time where the line tells a date or the seconds since 1970; a time of day alone, or a difference to another packet, is none",
	},
	Examples: []string{
		"Jan 05 10:11:12.345678 rule 4/(match) block in on em0: 203.0.113.9.51234 > 192.0.2.25.25: S 305419896:305419896(0) win 64240 <mss 1460,nop,nop," +
			"sackOK,nop,wscale 7> (DF)",
		"2026-01-05 10:11:12.345678 rule 4/0(match): block in on em0: 203.0.113.9.51234 > 192.0.2.25.25: Flags [S], seq 305419896, win 64240, " +
			"options [mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7], length 0",
		"1767604272.345678 rule 12.relayd/mail.0/0(match) [uid 0] [ridentifier 1000000103]: pass out on igb1: 2001:db8::25.40112 > 2001:db8:2::19.25: " +
			"Flags [S], seq 1, win 65535, length 0",
	},
	Sources: []string{"OpenBSD, usr.sbin/tcpdump/print-pflog.c and others", "tcpdump, print-pflog.c and others"},
}
