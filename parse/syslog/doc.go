package syslog

import "mailstop/parse"

var doc = parse.Doc{
	Title: "what syslog daemons, journalctl and dmesg put before a message",
	Accepts: []string{
		"RFC 3164 in files and on the wire, with or without a priority, a host and a program; Cisco's with a year; FreeBSD's with facility and level",
		"RFC 5424, its structured data skipped; both with RFC 6587's octet count",
		"ISO 8601 stamps (rsyslog's file format, syslog-ng, journalctl -o short-iso), with a fraction of up to nine digits and any offset",
		"journalctl -o short, short-precise, short-full, short-monotonic, short-unix; dmesg plain, -T, -x, --time-format iso; /dev/kmsg",
		"busybox and OpenWrt logread, with facility and level as words",
		"the kernel's seconds since boot, with or without the caller; several headers one after another",
		"\"last message repeated 3 times\" and \"message repeated 3 times: [ … ]\", which count",
	},
	Examples: []string{
		"Jan  5 10:11:12 mx1 kernel: [ 8123.456789] …",
		"<4>1 2026-01-05T10:11:12.345678+01:00 mx1 kernel - - - …",
		"Mon Jan  5 10:11:12 2026 kern.warn kernel: [12345.678901] …",
	},
	Sources: []string{"RFC 3164", "RFC 5424", "RFC 6587", "journalctl(1), dmesg(1), syslogd(8) and rsyslogd's templates"},
}
