package nftext

import "testing"

func TestWriterOf(t *testing.T) {
	const (
		kernel4  = "SRC=192.0.2.1 DST=192.0.2.2 LEN=60 TOS=0x00 PREC=0x00 TTL=51 ID=1 PROTO=UDP SPT=1 DPT=2 LEN=40 "
		ulogd4   = "SRC=192.0.2.1 DST=192.0.2.2 LEN=60 TOS=00 PREC=0x00 TTL=51 ID=1 PROTO=UDP SPT=1 DPT=2 LEN=40 MARK=0 "
		kernel6  = "SRC=2001:0db8:0000:0000:0000:0000:0000:0001 DST=2001:0db8:0000:0000:0000:0000:0000:0002 LEN=56 "
		ulogd6   = "SRC=2001:db8::1 DST=2001:db8::2 LEN=56 "
		full6    = "SRC=2001:1db8:1111:1111:1111:1111:1111:1111 DST=2001:1db8:1111:1111:1111:1111:1111:1112 LEN=56 TC=0 HOPLIMIT=64 FLOWLBL=7 "
		proxmox  = "101 6 tap101i0-IN 05/Jan/2026:10:11:12 +0100 policy DROP: "
		ebtables = "IN=a OUT=b MAC source = 52:54:00:00:00:01 MAC dest = 52:54:00:00:00:02 proto = 0x86dd IPv6 SRC=2001:db8::1 IPv6 DST=2001:db8::2, "
	)
	vs := NewVerdicts(nil)
	for _, c := range []struct {
		body, program string
		want          Writer
	}{
		{"x IN=a OUT= MAC= " + kernel4, "", ByKernel},
		{"x IN=a OUT= MAC= " + ulogd4, "", ByUlogd},
		{"x IN=a OUT= MAC= " + ulogd4, "ulogd", ByUlogd},
		{"x IN=a OUT= MAC= " + ulogd4, "kernel", ByKernel},
		{`[WAN-D-1] DESCR="x" IN=a OUT= MAC= ` + ulogd4, "", ByKernel},
		{"[WAN-default-D] IN=a OUT= MAC= " + ulogd4, "", ByKernel},
		{"[WAN] IN=a OUT= MAC= " + ulogd4, "", ByUlogd},
		{"x IN=a OUT= MAC= " + kernel6, "", ByKernel},
		{"x IN=a OUT= MAC= " + ulogd6, "", ByUlogd},
		{"x IN=a OUT= MAC= " + ulogd6, "kernel", ByKernel},
		{"x IN=a OUT= MAC= " + full6 + "PROTO=UDP SPT=1 DPT=2 LEN=16 ", "", ByKernel},
		{"x IN=a OUT= MAC= " + full6 + "PROTO=UDP SPT=1 DPT=2 LEN=16 MARK=0x2a ", "", ByKernel},
		{"x IN=a OUT= MAC= " + full6 + "PROTO=UDP SPT=1 DPT=2 LEN=16 MARK=0x0 ", "", ByUlogd},
		{"x IN=a OUT= MAC= " + full6 + "PROTO=UDP SPT=1 DPT=2 LEN=16 MARK=2a ", "", ByUlogd},
		{"x IN=a OUT= MAC= " + full6 + "PROTO=TCP SPT=1 DPT=2 SEQ=1 ACK=0 WINDOW=1 SYN URGP=0 MARK=0x2a ", "", ByUlogd},
		{"x IN=a OUT= MAC= " + full6 + "PROTO=TCP SPT=1 DPT=2 SEQ=1 ACK=0 WINDOW=1 RES=0x00 SYN URGP=0 ", "", ByKernel},
		{"x IN=a OUT= MAC= SRC=192.0.2.1 DST=192.0.2.2 PROTO=ARP REQUEST ", "", ByUlogd},
		{"x IN=a OUT= ARP HTYPE=1", "", ByKernel},
		{"x IN=a OUT= MAC=52:54", "", ByKernel},
		{"x IN=a OUT=", "", ByNobody},
		{"drop IN=x OUT=y SRC=1 IN=a OUT= MAC= " + ulogd4, "", ByKernel}, // two lines in one
		{"drop IN=x OUT=y IN=a OUT= MAC= " + ulogd4, "", ByUlogd},
		{"drop IN=x OUT=y " + ebtables, "", ByEbtables},
		{"x IN=a OUT= MAC= MARK=0x0", "", ByUlogd},
		{"x IN=a OUT= MAC= PROTO=35020 MARK=0x0", "", ByUlogd},
		{"x IN=a OUT= MAC= SRC=192.0.2.1 DST=192.0.2.2 LEN=6", "", ByKernel}, // cut before they differ
		{"x MAC= " + ulogd4, "", ByUlogd},
		{"x MAC= " + kernel4, "", ByNobody},
		{proxmox + "IN=a OUT=b " + ulogd6, "", ByProxmox},
		{proxmox + "IN=a OUT=b " + kernel4, "", ByProxmox},
		{"101 drop IN=a OUT=b " + kernel4, "", ByKernel},
		{"x " + ebtables, "", ByEbtables},
		{ebtables, "kernel", ByEbtables},
		{"[NEW] tcp 6 120 SYN_SENT src=192.0.2.1 dst=192.0.2.2", "", ByProxmox},
		{"", "", ByNobody},
		{"IN=a", "", ByNobody},
	} {
		if got := WriterOf(c.body, c.program, &vs); got != c.want {
			t.Errorf("%q of %q: %d, want %d", c.body, c.program, got, c.want)
		}
	}
}
