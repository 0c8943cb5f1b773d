package netfilter

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"mailstop/event"
	"mailstop/internal/golden"
	"mailstop/internal/nftext"
	"mailstop/parse"
)

func read(p *parser, line string) (event.Entry, error) {
	var e event.Entry
	err := p.Parse(line, &parse.Record{Entry: &e})
	return e, err
}

// testLines returns all lines of the test data, and what formats.md lists as traps of prefixes.
func testLines(t testing.TB) []string {
	t.Helper()
	logs, err := filepath.Glob("testdata/*.log")
	if err != nil || len(logs) == 0 {
		t.Fatal("no test data", err)
	}
	var lines []string
	for _, log := range logs {
		for line := range golden.Lines(t, log) {
			lines = append(lines, line)
		}
	}
	return lines
}

// A line that lost its end may lose values, but never gets other ones.
func TestCutLine(t *testing.T) {
	p := newParser(nil)
	for _, line := range testLines(t) {
		whole, _ := read(p, line)
		arp := strings.Contains(line, " ARP HTYPE=")
		for n := range len(line) {
			cut, err := read(p, line[:n])
			if err == nil && cut.Proto == event.TCP && !cut.Is(event.HasPorts) && whole.Is(event.HasPorts) {
				t.Errorf("%q: a TCP packet without ports, and no error", line[:n])
			}
			if cut.Is(event.HasSrcPort) && (cut.SrcPort != whole.SrcPort || !whole.Is(event.HasSrcPort)) ||
				cut.Is(event.HasDstPort) && (cut.DstPort != whole.DstPort || !whole.Is(event.HasDstPort)) {
				// A line with a token twice loses it when it is read for the second time.
				if !strings.Contains(line, "DPT=25 DPT=587") {
					t.Errorf("%q: ports %d, %d, want none or %d, %d", line[:n], cut.SrcPort, cut.DstPort, whole.SrcPort, whole.DstPort)
				}
			}
			if cut.Src.IsValid() && cut.Src != whole.Src && whole.Src.IsValid() {
				t.Errorf("%q: source %v, want none or %v", line[:n], cut.Src, whole.Src)
			}
			// The kernel ends ARP lines with the address and no blank: a shorter one can be whole.
			if cut.Dst.IsValid() && cut.Dst != whole.Dst && whole.Dst.IsValid() && !arp {
				t.Errorf("%q: destination %v, want none or %v", line[:n], cut.Dst, whole.Dst)
			}
			if cut.Is(event.HasTCPFlags) && cut.TCPFlags != whole.TCPFlags {
				t.Errorf("%q: flags %v, want none or %v", line[:n], cut.TCPFlags, whole.TCPFlags)
			}
		}
	}
}

// An embedded packet must not say anything of the outer one.
func TestEmbeddedPacket(t *testing.T) {
	const outer = "drop IN=eth0 OUT= MAC= SRC=203.0.113.1 DST=192.0.2.25 LEN=88 TOS=0x00 PREC=0xC0 TTL=64 ID=5120 PROTO=ICMP TYPE=3 CODE=3 "
	p := newParser(nil)
	for _, inner := range []string{
		"[SRC=192.0.2.25 DST=198.51.100.1 LEN=60 TOS=0x00 PREC=0x00 TTL=1 ID=7 DF PROTO=TCP SPT=1 DPT=25 WINDOW=1 RES=0x00 SYN URGP=0 ] ",
		"[SRC=192.0.2.25 DST=198.51.100.1 LEN=60 TOS=0x00 PREC=0x00 TTL=1 ID=7 PROTO=UDP SPT=1 DPT=2 LEN=9 ] MTU=5 ",
		"[SRC=192.0.2.25 DST=198.51.100.1 LEN=60 TOS=0x00 PREC=0x00 TTL=1 ID=7 PROTO=ICMP TYPE=8 CODE=0 ID=1 SEQ=1 ] ",
		"[SRC=192.0.2.25 DST=198.51.100.1 LEN=60 TOS=0x00 PREC=0x00 TTL=1 ID=7 PROTO=TCP INCOMPLETE [8 bytes] ] ",
		"[SRC=192.0.2.25 DST=198.51.100.1 IN=x OUT=y PROTO=UDP SPT=1 DPT=2 LEN=9 ] ",
	} {
		e, err := read(p, outer+inner)
		if err != nil || e.Src.String() != "203.0.113.1" || e.Dst.String() != "192.0.2.25" || e.Proto != event.ICMP ||
			e.ICMPType != 3 || e.ICMPCode != 3 || e.Length != 88 || e.TTL != 64 || e.Is(event.HasSrcPort) || e.Is(event.HasDstPort) ||
			e.IfaceIn != "eth0" || e.IfaceOut != "" {
			t.Errorf("%s\n got %+v, %v", inner, e, err)
		}
	}
}

func TestMatch(t *testing.T) {
	for body, want := range map[string]bool{
		"IN=eth0 OUT= MAC= SRC=192.0.2.1 DST=192.0.2.2 LEN=1":          true,
		"IN= OUT=eth0 SRC=192.0.2.1 DST=192.0.2.2 LEN=1":               true,
		"x IN=br0 OUT= ARP HTYPE=1 PTYPE=0x0800 OPCODE=1":              true,
		"x IN=br0 OUT=br1 MACSRC=52:54:00:00:00:07 MACPROTO=88cc ":     true,
		"[UFW BLOCK] IN=eth0 OU":                                       true,
		"[UFW BL":                                                      true,
		"Shorewall:net-fw:DROP:IN=eth":                                 true,
		"[WAN_IN-default-D]IN=eth0":                                    true,
		"[ 8123.456789] filter_IN_public_DROP: IN=eth0":                true,
		"XX=enp1s0 OUT= MAC=00 SRC=192.0.2.1 DST=192.0.2.2 LEN=40":     false,
		"PHYSIN=enp1s0 OUT= MAC=00 SRC=192.0.2.1 DST=192.0.2.2 LEN=40": false,
		"IN=eth0":                            false,
		"device eth0 entered promiscuous":    false,
		"Accepted publickey for root":        false,
		"forward: in:ether1 out:ether2, len": false,
		"drop IN THE BUCKET=1 OUT=2":         false,
		"":                                   false,
	} {
		if got := newParser(nil).Match(body, nil); got != want {
			t.Errorf("Match(%q) = %t, want %t", body, got, want)
		}
	}
}

// The same parser must read a line alike whatever came before it.
func TestHostilePrefixes(t *testing.T) {
	const packet = "IN=eth0 OUT= MAC= SRC=203.0.113.9 DST=192.0.2.25 LEN=60 TOS=0x00 PREC=0x00 TTL=51 ID=4242 PROTO=UDP SPT=1 DPT=2 LEN=40 "
	p := newParser(nil)
	for i := range 5000 { // more than are remembered
		e, err := read(p, fmt.Sprintf("drop %d ", i)+packet)
		if err != nil || e.Action != event.Drop || e.Rule != fmt.Sprintf("drop %d", i) || e.IfaceIn != "eth0" {
			t.Fatalf("line %d: %+v, %v", i, e, err)
		}
	}
	e, err := read(p, strings.Repeat("x", 300)+" drop "+packet)
	if err == nil || e.Rule != "" || e.Action != event.ActionUnknown || e.DstPort != 2 {
		t.Errorf("overlong prefix: %+v, %v", e, err)
	}
}

// Strings that a parser remembers must survive the buffer in which it has seen them.
func TestRememberedStringsAreCloned(t *testing.T) {
	const line = "[mail-10-D]IN=eth0 OUT= MAC= SRC=203.0.113.9 DST=192.0.2.25 LEN=60 TOS=0x00 PREC=0x00 TTL=51 ID=4242 PROTO=UDP SPT=1 DPT=2 LEN=40 "
	p := newParser(nil)
	buf := []byte(line)
	first, _ := read(p, unsafeString(buf))
	rule, ruleset := first.Rule, first.Ruleset
	for i := range buf {
		buf[i] = '#'
	}
	if rule != "10" || ruleset != "mail" {
		t.Errorf("rule %q, ruleset %q follow the buffer", rule, ruleset)
	}
	if e, err := read(p, line); err != nil || e.Rule != "10" || e.Ruleset != "mail" || e.Action != event.Drop || e.IfaceIn != "eth0" {
		t.Errorf("second line: %+v, %v", e, err)
	}
}

func TestParseDoesNotAllocate(t *testing.T) {
	p := newParser(nil)
	lines := testLines(t)
	var e event.Entry
	pass := func() {
		for _, line := range lines {
			// An address that is not in the kernel's form goes through netip, which allocates its errors.
			if strings.Contains(line, "xxxx") {
				continue
			}
			e = event.Entry{}
			_ = p.Parse(line, &parse.Record{Entry: &e})
		}
	}
	pass()
	if n := testing.AllocsPerRun(10, pass); n != 0 {
		t.Errorf("%v allocations for %d lines that were seen before", n, len(lines))
	}
}

// What the fast reader accepts it must read as the careful one does.
func checkReaders(t *testing.T, line string) {
	t.Helper()
	p := newParser(nil)
	line = nftext.TrimStamp(line)
	h := p.heads.Learn(line, nftext.Kernel, &p.verdicts)
	if h == nil {
		return
	}
	for _, known := range []bool{false, true} { // just learnt, and found again
		if known {
			if h = p.heads.Find(line); h == nil {
				t.Fatalf("head of %q is not found again", line)
			}
		}
		var quick, slow event.Entry
		if !fast(line, h, &quick) {
			return
		}
		if err := p.careful(line, &slow); err != nil {
			t.Fatalf("%q\nfast accepts it, careful says %v", line, err)
		}
		if quick != slow {
			t.Fatalf("%q\n   fast %+v\ncareful %+v", line, quick, slow)
		}
	}
}

func TestReadersAgree(t *testing.T) {
	lines := testLines(t)
	quick := 0
	for _, line := range lines {
		checkReaders(t, line)
		for n := 0; n < len(line); n += 3 {
			checkReaders(t, line[:n])
			checkReaders(t, line[:n]+"x"+line[n:])
			checkReaders(t, line[:n]+" "+line[n+1:])
		}
		p := newParser(nil)
		var e event.Entry
		if h := p.heads.Learn(nftext.TrimStamp(line), nftext.Kernel, &p.verdicts); h != nil && fast(nftext.TrimStamp(line), h, &e) {
			quick++
		}
	}
	if quick < len(lines)/3 {
		t.Errorf("the fast reader takes %d of %d lines", quick, len(lines))
	}
}

func FuzzReadersAgree(f *testing.F) {
	for _, line := range testLines(f) {
		f.Add(line)
	}
	f.Fuzz(checkReaders)
}

func FuzzParse(f *testing.F) {
	for _, line := range testLines(f) {
		f.Add(line)
	}
	p := newParser(nil)
	s := session(nil)
	f.Fuzz(func(t *testing.T, line string) {
		matched := p.Match(line, nil)
		first, err := read(p, line)
		again, err2 := read(newParser(nil), line)
		if first != again || !errors.Is(err2, err) {
			t.Fatalf("%q is read differently by a new parser:\n%+v, %v\n%+v, %v", line, first, err, again, err2)
		}
		if matched != newParser(nil).Match(line, nil) {
			t.Fatalf("%q: Match depends on what came before", line)
		}
		var e event.Entry
		s.Parse(line, &e)
		if len(line) <= event.MaxRaw && e.Raw != line {
			t.Fatalf("raw is %q, want %q", e.Raw, line)
		}
		if e.Note == event.NoteHeader { // "#…" never gets here
			return
		}
		if want := ""; matched && line != "" && len(line) <= event.MaxRaw && !strings.ContainsAny(line, "\x00\r") {
			if err != nil {
				want = err.Error()
			}
			if e.Error != want || e.Format != event.Netfilter {
				t.Fatalf("%q: a session has error %q, format %q, want %q", line, e.Error, e.Format, want)
			}
		}
	})
}
