package filterlog

import "mailstop/parse"

var doc = parse.Doc{
	Title: "pf: filterlog of pfSense and OPNsense",
	Accepts: []string{
		"pfSense from 2.2 on and OPNsense; BSD and RFC 5424 headers, with and without a host",
		"IPv4 and IPv6 with TCP, UDP, SCTP, ICMP in both spellings, ICMPv6, CARP, tunnels and any other protocol; fragments; extension headers",
		"the rule as pfSense's tracker, as OPNsense's rule id (32 hexadecimal digits or a UUID), else its number; the anchor as the rule set",
		"packets that filterlog itself calls truncated or damaged: what it says of them, with the reason",
		"the same fields under another program's name, or under none",
	},
	Examples: []string{
		"<134>Jan  5 10:11:12 filterlog[40123]: 4,,,1000000103,em0,match,block,in,4,0x0,,51,40221,0,DF,6,tcp,60,203.0.113.9,192.0.2.25,51234,25,0,S," +
			"305419896,,64240,,mss;sackOK;TS;nop;wscale",
		"Jan  5 10:11:14 pfs filterlog[40123]: 5,,,1000000103,vtnet1,match,block,in,4,0x0,,64,48961,0,DF,1,icmp,84,198.51.100.4,192.0.2.25,request,5113,6664",
		"<134>1 2026-01-05T10:11:15+01:00 fw1.example.net filterlog 40123 - [meta sequenceId=\"7\"] 77,,,02f4bab031b57d1e30553ce08e0ec131,vtnet0,match," +
			"block,in,6,0x00,0x12345,57,tcp,6,40,2001:db8:2::9,2001:db8::25,51234,25,0,S,305419896,,64800,,mss;sackOK;TS;nop;wscale",
	},
	Sources: []string{
		"pfsense/FreeBSD-ports, sysutils/filterlog/files",
		"opnsense/ports, opnsense/filterlog/files",
		"Netgate, Raw Filter Log Format",
	},
}
