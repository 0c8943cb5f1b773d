package ulogd

import "mailstop/parse"

var doc = parse.Doc{
	Title: "ulogd2: LOGEMU, SYSLOG and JSON",
	Accepts: []string{
		"the text of the outputs LOGEMU and SYSLOG, of all versions, for IPv4, IPv6, ARP and frames of bridges; also without the interfaces",
		"TCP, UDP, SCTP, ICMP and ICMPv6, AH, ESP and any other protocol; fragments, whose ports ulogd makes up, without ports",
		"the objects of the output JSON, with dotted or nested keys, with timestamp or @timestamp, with a zone or without",
		"the hook, where JSON has it, for the direction; the boolean label for the verdict; of prefixes, what is known of netfilter's, and rules of " +
			"the configuration",
		"events of connection tracking, which tell of no packet",
	},
	Examples: []string{
		"Jan  5 10:11:12 fw smtp-in-drop IN=eth0 OUT= MAC=52:54:00:aa:bb:01:52:54:00:aa:bb:fe:08:00 SRC=203.0.113.9 DST=192.0.2.25 LEN=60 TOS=00 " +
			"PREC=0x00 TTL=51 ID=40221 DF PROTO=TCP SPT=51234 DPT=25 SEQ=305419896 ACK=0 WINDOW=64240 SYN URGP=0 MARK=0 ",
		"Jan  5 10:11:13 fw egress-reject IN= OUT=eth0 MAC= SRC=2001:db8::25 DST=2001:db8:2::19 LEN=80 TC=0 HOPLIMIT=64 FLOWLBL=545684 PROTO=TCP " +
			"SPT=40112 DPT=587 SEQ=987597136 ACK=0 WINDOW=64800 SYN URGP=0 UID=89 GID=89 MARK=0x2a ",
		`{"timestamp":"2026-01-05T10:11:12.345678+0100","dvc":"Netfilter","oob.prefix":"smtp-in-drop","oob.in":"eth0","oob.out":"","oob.hook":1,` +
			`"oob.family":2,"ip.protocol":6,"ip.ttl":51,"ip.totlen":60,"src_ip":"203.0.113.9","dest_ip":"192.0.2.25","src_port":51234,` +
			`"dest_port":25,"tcp.syn":1,"tcp.ack":0,"raw.label":0,"action":"blocked"}`,
	},
	Sources: []string{"ulogd2, util/printpkt.c, output/ulogd_output_LOGEMU.c, output/ulogd_output_JSON.c, filter/ulogd_filter_IP2STR.c"},
}
