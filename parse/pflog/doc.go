package pflog

import "mailstop/parse"

var doc = parse.Doc{
	Title: "pf: binary pflog",
	Accepts: []string{
		"records of link type 117 of OpenBSD, FreeBSD, pfSense, OPNsense, NetBSD, DragonFly and macOS, and of type 17 of OpenBSD before 3.4: " +
			"headers of 28, 45, 61, 64, 69, 72 and 100 bytes, in either byte order",
		"IPv4 and IPv6 with extension headers and fragments; TCP, UDP, SCTP, ICMP and ICMPv6; packets that the capture cut: what there is of them",
		"packets whose addresses were rewritten or translated from one IP version to the other: the addresses of the packet that was logged",
	},
	Examples: []string{
		"pflog 1767604272.345678 117 le 104 3d020100656e30000000000000000000000000000000000000000000000000000000000000000004ffffffffffffff7fffffffff" +
			"000000000000000001000000450000289d1d40003306ac8fcb007109c0000219c822001912345678000000005002faf085e60000",
	},
	Sources: []string{
		"OpenBSD, sys/net/if_pflog.h and sys/net/pfvar.h",
		"FreeBSD, sys/net/if_pflog.h and sys/netpfil/pf/pf.h",
		"libpcap, pflog.h; Wireshark, packet-pflog.c",
	},
}

var containerDoc = parse.Doc{
	Title: "pcap and pcapng files",
	Accepts: []string{
		"pcap with microseconds and nanoseconds, pcapng with several interfaces and sections, in either byte order",
		"each record becomes a line: pflog, time, link type, byte order, length, bytes in hexadecimal digits",
		"records of link types other than 117 and 17: a line without the bytes, which is noted and not read",
		"files that end early or are damaged: all records before that, and where it is",
	},
	Sources: []string{"pcap-savefile(5)", "draft-ietf-opsawg-pcapng"},
}
