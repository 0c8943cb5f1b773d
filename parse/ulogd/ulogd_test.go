package ulogd

import (
	"strings"
	"testing"

	"mailstop/event"
	"mailstop/internal/nftext"
	"mailstop/parse"
	"mailstop/parse/parsetest"
	"mailstop/parse/syslog"
)

func session() *parse.Session { return parsetest.Session(Kind(nil), syslog.Layer()) }

func TestGolden(t *testing.T) { parsetest.Golden(t, Kind(nil), syslog.Layer()) }

func TestDoc(t *testing.T) { parsetest.Documented(t, Kind(nil), syslog.Layer()) }

const rest4 = " DST=192.0.2.25 LEN=60 TOS=00 PREC=0x00 TTL=51 ID=1 PROTO=UDP SPT=1 DPT=2 LEN=40 MARK=0 "

func TestMatch(t *testing.T) {
	kernel4 := strings.Replace(strings.TrimSuffix(rest4, "MARK=0 "), "TOS=00", "TOS=0x00", 1)
	parsetest.Match(t, Kind(nil), map[string]bool{
		"x IN=eth0 OUT= MAC= SRC=203.0.113.9" + rest4:                                   true,
		" IN=eth0 OUT= MAC= SRC=203.0.113.9" + rest4:                                    true,
		"IN=eth0 OUT= MAC= SRC=203.0.113.9" + rest4:                                     true,
		"MAC= SRC=203.0.113.9" + rest4:                                                  true,
		"x IN=eth0 OUT= MAC= SRC=203.0.113.9" + kernel4:                                 false,
		"[WAN_LOCAL-D-10005] DESCR=\"a [b]\" IN=eth0 OUT= MAC= SRC=203.0.113.9" + rest4: false, // UniFi OS
		"[WAN_IN-3010-A] IN=eth0 OUT= MAC= SRC=203.0.113.9" + rest4:                     false, // and its ancestors
		"[UFW BLOCK] IN=eth0 OUT= MAC= SRC=203.0.113.9" + rest4:                         true,
		"101 6 tap101i0-IN 05/Jan/2026:10:11:12 +0100 DROP: IN=a OUT=b SRC=2001:db8::1 DST=2001:db8::2 LEN=40 TC=0 FLOWLBL=1 HOPLIMIT=64 PROTO=TCP SPT=1 DPT=2 SEQ=1 ACK=0 WINDOW=1 SYN ": false,
		"x IN=a OUT= MAC= SRC=2001:db8::1 DST=2001:db8::2 LEN=56 TC=0 HOPLIMIT=64 FLOWLBL=1 PROTO=UDP SPT=1 DPT=2 LEN=16 MARK=0x0 ":                                                       true,
		"x IN=a OUT= MAC= SRC=2001:0db8:0000:0000:0000:0000:0000:0001 DST=2001:0db8:0000:0000:0000:0000:0000:0002 LEN=56 TC=0 HOPLIMIT=64 FLOWLBL=1 PROTO=UDP SPT=1 DPT=2 LEN=16 ":        false,
		"x IN=a OUT= MAC= SRC=2001:db8::1 DST=2001:db8::2 LEN=80 TC=0 HOPLIMIT=64 FLOWLBL=1 PROTO=TCP SPT=1 DPT=2 WINDOW=1 RES=0x00 SYN URGP=0 ":                                          false,
		"x IN=a OUT= ARP HTYPE=1 PTYPE=0x0800 OPCODE=1":                                                                                     false,
		"x IN=a OUT= MAC= SRC=192.0.2.1 DST=192.0.2.2 PROTO=ARP REPLY":                                                                      true,
		"x IN=a OUT=b MAC source = 52:54:00:00:00:01 MAC dest = 52:54:00:00:00:02 proto = 0x86dd IPv6 SRC=2001:db8::1 IPv6 DST=2001:db8::2": false,
		"x IN=a OUT= MAC= MARK=0x0 ":               true,
		"x IN=a OUT= MAC=":                         false,
		`{"oob.prefix":"x"}`:                       true,
		`{"a":1,"oob":{"hook":1}}`:                 true,
		`{"message":"{\"oob.prefix\":\"x\"}"}`:     false,
		`{"dvc":"Netfilter","orig.ip.protocol":6}`: true,
		`{"orig.ip.protocol":6}`:                   false,
		"{":                                        false,
		"[NEW] ORIG: SRC=192.0.2.1":                true,
		"[NEW] tcp 6 src=192.0.2.1":                false,
		"":                                         false,
	})
	// What syslog says was the kernel is the kernel's.
	r := &parse.Record{Entry: new(event.Entry), Program: "kernel"}
	if Kind(nil).New().Match("x IN=eth0 OUT= MAC= SRC=203.0.113.9"+rest4, r) {
		t.Error("claims a line of the kernel")
	}
}

// The same rules hold for both outputs, and for what they call the prefix: what the administrator wrote.
func TestUserRules(t *testing.T) {
	rules := []nftext.Rule{{Match: "^guard: $", Action: event.Drop, Rule: "7", Direction: event.Forward}, {Match: "^$", Action: event.Reject}}
	s := parsetest.Session(Kind(rules), syslog.Layer())
	for line, want := range map[string]event.Action{
		"Jan  5 10:11:12 fw guard:  IN=eth0 OUT= MAC= SRC=203.0.113.9" + rest4:                                       event.Drop,
		"Jan  5 10:11:12 fw guard:  IN=eth0 OUT= MAC= SRC=203.0.113.9" + strings.Replace(rest4, "TTL", "X=1 TTL", 1): event.Drop,
		"Jan  5 10:11:12 fw  IN=eth0 OUT= MAC= SRC=203.0.113.9" + rest4:                                              event.Reject,
		`{"oob.prefix":"guard: ","oob.family":2,"src_ip":"203.0.113.9","dest_ip":"192.0.2.25","action":"allowed"}`:   event.Drop,
		`{"oob.prefix":"","oob.family":2,"src_ip":"203.0.113.9","dest_ip":"192.0.2.25","action":"allowed"}`:          event.Reject,
	} {
		var e event.Entry
		s.Parse(line, &e)
		if e.Error != "" || e.Action != want || e.Verdict != event.VerdictConfig {
			t.Errorf("%s\n%s", line, e.AppendJSON(nil))
		}
		if want == event.Drop && (e.Rule != "7" || e.Direction != event.Forward) {
			t.Errorf("%s\nrule %q, direction %v", line, e.Rule, e.Direction)
		}
	}
}

func TestCutLine(t *testing.T) {
	var lines []string
	for _, line := range parsetest.Lines(t) {
		// A frame that ulogd does not look into can be cut to be another one; what is cut before the packet has its prefix.
		if !strings.Contains(line, " PROTO=35020") && !strings.Contains(line, " IN=x OUT=y ") {
			lines = append(lines, line)
		}
	}
	parsetest.Cut(t, Kind(nil), session, lines)
}

func TestParseDoesNotAllocate(t *testing.T) {
	var lines []string
	for _, line := range parsetest.Lines(t) {
		if !strings.Contains(line, ".999") && !strings.Contains(line, `\"`) { // netip's errors, text with escapes
			lines = append(lines, line)
		}
	}
	parsetest.NoAllocations(t, session(), lines)
}

// What the fast reader accepts it must read as the careful one does.
func checkReaders(t *testing.T, line string) {
	t.Helper()
	p := newParser(nil)
	line = nftext.TrimStamp(line)
	h := p.heads.Learn(line, nftext.Ulogd, &p.verdicts)
	if h == nil {
		return
	}
	var quick, slow event.Entry
	if !fast(line, h, &quick) {
		return
	}
	if err := p.careful(line, &parse.Record{Entry: &slow}); err != nil {
		t.Fatalf("%q\nfast accepts it, careful says %v", line, err)
	}
	if quick != slow {
		t.Fatalf("%q\n   fast %+v\ncareful %+v", line, quick, slow)
	}
}

func bodies(t testing.TB) []string {
	var out []string
	for _, line := range parsetest.Lines(t) {
		if body, ok := strings.CutPrefix(line, "Jan  5 10:11:"); ok {
			out = append(out, body[len("12 fw "):])
		}
	}
	return out
}

func TestReadersAgree(t *testing.T) {
	quick := 0
	lines := bodies(t)
	for _, line := range lines {
		checkReaders(t, line)
		for n := 0; n < len(line); n += 3 {
			checkReaders(t, line[:n])
			checkReaders(t, line[:n]+"x"+line[n:])
			checkReaders(t, line[:n]+" "+line[n+1:])
		}
		p := newParser(nil)
		var e event.Entry
		if h := p.heads.Learn(nftext.TrimStamp(line), nftext.Ulogd, &p.verdicts); h != nil && fast(nftext.TrimStamp(line), h, &e) {
			quick++
		}
	}
	if quick < len(lines)/3 {
		t.Errorf("the fast reader takes %d of %d lines", quick, len(lines))
	}
}

func FuzzReadersAgree(f *testing.F) {
	for _, line := range bodies(f) {
		f.Add(line)
	}
	f.Fuzz(checkReaders)
}

func FuzzParse(f *testing.F) { parsetest.Fuzz(f, Kind(nil), syslog.Layer()) }

func BenchmarkText(b *testing.B) { parsetest.Bench(b, session(), Kind(nil).Doc.Examples[0]) }

func BenchmarkTextIPv6(b *testing.B) { parsetest.Bench(b, session(), Kind(nil).Doc.Examples[1]) }

func BenchmarkJSON(b *testing.B) { parsetest.Bench(b, session(), Kind(nil).Doc.Examples[2]) }

// BenchmarkCareful is for lines that the fast reader leaves.
func BenchmarkCareful(b *testing.B) {
	parsetest.Bench(b, session(), strings.Replace(Kind(nil).Doc.Examples[0], " DF ", " CE DF ", 1))
}
