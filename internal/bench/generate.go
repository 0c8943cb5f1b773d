package bench

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// Generate writes n lines of a firewall log: a month of three hosts with different rule prefixes, about as real logs
// mix them. The same n gives the same bytes.
func Generate(w io.Writer, n int) error {
	b := bufio.NewWriterSize(w, 1<<20)
	r := rand.New(rand.NewPCG(1, 2))
	start := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		at := start.Add(time.Duration(float64(i) / float64(n) * float64(30*24*time.Hour)))
		up := 1000 + at.Sub(start).Seconds()
		fmt.Fprintf(b, "%s %s kernel: ", at.Format(time.Stamp), hosts[i%len(hosts)])
		if i%3 != 2 {
			fmt.Fprintf(b, "[%12.6f] ", up)
		}
		g := generators[r.IntN(len(generators))]
		g(b, r)
		b.WriteByte('\n')
	}
	return b.Flush()
}

var hosts = [...]string{"web-1", "mx-1", "bridge"}

var generators = [...]func(*bufio.Writer, *rand.Rand){scan, scan, scan, forward, forward, udp, mailOut, inbound6}

var scanned = [...]int{22, 23, 80, 443, 445, 3389, 5060, 8080, 25, 587, 110, 1433, 6379, 8443}

func scan(b *bufio.Writer, r *rand.Rand) {
	fmt.Fprintf(b, "[UFW BLOCK] IN=ens3 OUT= MAC=56:00:03:85:82:df:fe:00:03:85:82:df:08:00 SRC=%s DST=192.0.2.25 LEN=%d TOS=0x00 PREC=0x00 "+
		"TTL=%d ID=%d PROTO=TCP SPT=%d DPT=%d WINDOW=1024 RES=0x00 SYN URGP=0 ",
		public(r), 40+4*r.IntN(6), 40+r.IntN(200), r.IntN(65536), 1024+r.IntN(64000), scanned[r.IntN(len(scanned))])
}

func forward(b *bufio.Writer, r *rand.Rand) {
	fmt.Fprintf(b, "INBOUND TCP: IN=br0 PHYSIN=eth0 OUT=br0 PHYSOUT=eth1 SRC=%s DST=198.51.100.%d LEN=48 TOS=0x00 PREC=0x00 TTL=%d ID=%d DF "+
		"PROTO=TCP SPT=%d DPT=%d WINDOW=64240 RES=0x00 SYN URGP=0  ", public(r), 64+r.IntN(64), 100+r.IntN(20), r.IntN(65536),
		1024+r.IntN(4000), scanned[r.IntN(len(scanned))])
}

func udp(b *bufio.Writer, r *rand.Rand) {
	n := 60 + r.IntN(400)
	fmt.Fprintf(b, "[UFW BLOCK] IN=ens3 OUT=ens3 MAC=56:00:03:85:82:df:fe:00:03:85:82:df:08:00 SRC=%s DST=203.0.113.34 LEN=%d TOS=0x00 PREC=0x00 "+
		"TTL=244 ID=54321 PROTO=UDP SPT=%d DPT=123 LEN=%d ", public(r), n, 1024+r.IntN(64000), n-20)
}

func mailOut(b *bufio.Writer, r *rand.Rand) {
	fmt.Fprintf(b, "[UFW BLOCK] IN= OUT=ens3 SRC=192.0.2.25 DST=203.0.113.%d LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=%d DF PROTO=TCP SPT=%d DPT=587 "+
		"WINDOW=64240 RES=0x00 SYN URGP=0 ", 1+r.IntN(8), r.IntN(65536), 32768+r.IntN(28000))
}

func inbound6(b *bufio.Writer, r *rand.Rand) {
	fmt.Fprintf(b, "DROP: IN=ens3 OUT= MAC=56:00:03:85:82:df:fe:00:03:85:82:df:86:dd SRC=2001:0db8:0000:0000:0000:0000:%04x:%04x "+
		"DST=2001:0db8:0000:0000:0000:0000:0000:0025 LEN=80 TC=0 HOPLIMIT=57 FLOWLBL=%d PROTO=TCP SPT=%d DPT=%d WINDOW=64800 RES=0x00 SYN URGP=0 ",
		r.IntN(65536), r.IntN(65536), r.IntN(1<<20), 32768+r.IntN(28000), scanned[r.IntN(len(scanned))])
}

// public returns one of about 60,000 source addresses of the benchmarking range 198.18.0.0/15 (RFC 2544).
func public(r *rand.Rand) string {
	return fmt.Sprintf("198.%d.%d.%d", 18+r.IntN(2), r.IntN(256), 1+r.IntN(120))
}
