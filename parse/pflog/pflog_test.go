package pflog

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"mailstop/event"
	"mailstop/internal/golden"
	"mailstop/parse"
	"mailstop/parse/syslog"
)

func session() *parse.Session {
	return parse.NewSession(parse.Table{Layers: []parse.Layer{syslog.Layer()}, Kinds: []parse.Kind{Kind()}}, event.FormatUnknown, "")
}

func TestGolden(t *testing.T) {
	s := session()
	golden.Files(t, "testdata/*.log", func(line string) []byte {
		var e event.Entry
		s.Parse(line, &e)
		return e.AppendJSON(nil)
	})
}

func read(line string) (event.Entry, error) {
	var e event.Entry
	err := newParser().Parse(line, &parse.Record{Entry: &e})
	return e, err
}

// The vectors of the three headers, each before the same packet.
const (
	packetHex = "450000289d1d40003306ac8fcb007109c0000219c822001912345678000000005002faf085e60000"
	header61  = "3d020100656e30000000000000000000000000000000000000000000000000000000000000000004ffffffffffffff7fffffffff000000000000000001000000"
	header69  = "45020100656d30000000000000000000000000000000000000000000000000000000000000000004ffffffffffffffffa08601000000000041010000010000003b9aca6700000000"
	header100 = "6402010076696f300000000000000000000000007370616d6400000000000000000000000000000200000001ffffffffa0860100000000007b00000001010200cb007109000000000000000000000000c6336419000000000000000000000000c8220019"
)

func TestVectors(t *testing.T) {
	for _, tt := range []struct{ header, iface, rule, set string }{
		{header61, "en0", "4", ""},
		{header69, "em0", "1000000103", ""},
		{header100, "vio0", "2.spamd.1", "spamd"},
	} {
		e, err := read("pflog 1767604272.345678 117 le 104 " + tt.header + packetHex)
		if err != nil || e.IfaceIn != tt.iface || e.Rule != tt.rule || e.Ruleset != tt.set || e.Action != event.Deny ||
			e.Verdict != event.VerdictField || e.Direction != event.In || e.Reason != "match" || e.Is(event.HasUID) || e.Is(event.HasPID) ||
			e.Src.String() != "203.0.113.9" || e.Dst.String() != "192.0.2.25" || e.SrcPort != 51234 || e.DstPort != 25 ||
			e.TCPFlags != event.SYN || e.TTL != 51 || e.Length != 40 ||
			string(event.AppendTime(nil, e.Time, e.TimeDigits)) != "2026-01-05T09:11:12.345678Z" || e.TimeQuality != event.TimeExact {
			t.Errorf("%+v, %v", e, err)
		}
	}
}

// Any capture of these frames, whatever file it is in, must read like this.
func TestHeaders(t *testing.T) {
	packet := unhex(t, packetHex)
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, size := range []int{45, 61, 64, 69, 72, 100} {
			h := pfHeader{
				size: size, family: 2, action: 0, iface: "vtnet1.20", set: "relayd/mail", rule: 12, sub: 3, dir: 2, uid: 89, pid: 4711,
			}
			if size == 69 || size == 72 {
				h.id = 1456347399
			}
			line := fmt.Sprintf("pflog 1.5 117 %s %d %s", order.String()[:1]+"e", 200, hex.EncodeToString(h.frame(order, packet)))
			line = strings.Replace(strings.Replace(line, " Le ", " le ", 1), " Be ", " be ", 1)
			e, err := read(line)
			rule := "12.relayd/mail.3"
			if h.id > 0 {
				rule = "1456347399"
			}
			owner := size > 45
			if err != nil || e.Rule != rule || e.Ruleset != "relayd/mail" || e.IfaceOut != "vtnet1.20" || e.Direction != event.Out ||
				e.Action != event.Allow || e.DstPort != 25 || e.Is(event.HasUID) != owner || e.Is(event.HasPID) != owner ||
				owner && (e.UID != 89 || e.PID != 4711) {
				t.Errorf("%d bytes, %v: %+v, %v", size, order, e, err)
			}
		}
	}
}

func TestCodes(t *testing.T) {
	packet := unhex(t, packetHex)
	parse := func(h pfHeader) (event.Entry, error) {
		if h.size == 0 {
			h.size = 61
		}
		h.iface, h.sub = "em0", none
		return read("pflog - 117 le 104 " + hex.EncodeToString(h.frame(binary.LittleEndian, packet)))
	}
	for code, want := range []event.Action{
		event.Allow, event.Deny, event.Observe, event.Observe, event.NAT, event.Observe, event.NAT, event.Observe, event.NAT,
		event.Observe, event.Drop, event.Observe, event.Observe, event.Observe, event.Observe, event.Observe, event.ActionUnknown,
	} {
		e, err := parse(pfHeader{action: byte(code), dir: 1})
		if e.Action != want || (err == nil) != (want != event.ActionUnknown) || (e.Verdict == event.VerdictField) != (err == nil) {
			t.Errorf("action %d: %v, %v, want %v", code, e.Action, err, want)
		}
	}
	if e, err := parse(pfHeader{action: 13, dir: 1, family: familyDarwin}); e.Action != event.NAT || err != nil {
		t.Errorf("nat64 of Darwin: %v, %v", e.Action, err)
	}
	for code, want := range []struct {
		dir     event.Direction
		in, out string
	}{{}, {event.In, "em0", ""}, {event.Out, "", "em0"}, {event.Forward, "", "em0"}, {}} {
		e, err := parse(pfHeader{dir: byte(code)})
		if e.Direction != want.dir || e.IfaceIn != want.in || e.IfaceOut != want.out || (err == nil) != (code < 4) {
			t.Errorf("direction %d: %+v, %v", code, e, err)
		}
	}
	for _, tt := range []struct {
		code, family byte
		size         int
		want         string
	}{
		{0, 2, 61, "match"},
		{1, 2, 61, "bad-offset"},
		{14, 2, 61, "synproxy"},
		{15, 2, 61, "unkn(15)"},
		{15, 2, 100, "translate"},
		{15, 2, 69, "map-failed"},
		{15, familyFreeBSD, 61, "map-failed"},
		{15, familyDarwin, 61, "dummynet"},
		{15, familyNetBSD, 61, "state-locked"},
		{16, 2, 100, "no-route"},
		{16, familyDarwin, 61, "invalid-port"},
		{16, 2, 61, "unkn(16)"},
		{200, 2, 61, "unkn(200)"},
	} {
		if e, err := parse(pfHeader{reason: tt.code, family: tt.family, size: tt.size, dir: 1}); e.Reason != tt.want || err != nil {
			t.Errorf("reason %d: %q, %v, want %q", tt.code, e.Reason, err, tt.want)
		}
	}
}

// Rules: none, in an anchor with and without a number, the bogus number of old FreeBSD.
func TestRules(t *testing.T) {
	packet := unhex(t, packetHex)
	for _, tt := range []struct {
		rule, sub uint32
		set       string
		want      string
	}{
		{4, none, "", "4"},
		{none, none, "", ""},
		{2, 1, "spamd", "2.spamd.1"},
		{2, none, "spamd", "2.spamd"},
		{1, 16777216, "", "1"},
		{0, none, "", "0"},
	} {
		h := pfHeader{size: 61, rule: tt.rule, sub: tt.sub, set: tt.set, dir: 1}
		e, err := read("pflog - 117 le 104 " + hex.EncodeToString(h.frame(binary.LittleEndian, packet)))
		if e.Rule != tt.want || e.Ruleset != tt.set || err != nil {
			t.Errorf("%+v: rule %q, rule set %q, %v", tt, e.Rule, e.Ruleset, err)
		}
	}
	for _, tt := range []struct {
		id   []byte
		big  bool
		want string
	}{
		{[]byte{0x3b, 0x9a, 0xca, 0x67}, false, "1000000103"},
		{[]byte{0x67, 0xca, 0x9a, 0x3b}, false, "1000000103"},
		{[]byte{0x56, 0xce, 0x1c, 0x07}, false, "1456348167"},
		{[]byte{0x07, 0x1c, 0xce, 0x56}, false, "1456348167"},
		{[]byte{0, 0, 0x03, 0xe9}, false, "1001"},
		{[]byte{0xe9, 0x03, 0, 0}, false, "1001"},
		{[]byte{0xe9, 0x03, 0, 0}, true, "3909287936"},
		{[]byte{0, 0, 0, 0}, false, "7"},
	} {
		h := pfHeader{size: 69, rule: 7, sub: none, dir: 1}
		order := binary.ByteOrder(binary.LittleEndian)
		word := "le"
		if tt.big {
			order, word = binary.BigEndian, "be"
		}
		frame := h.frame(order, packet)
		copy(frame[64:], tt.id)
		if e, err := read("pflog - 117 " + word + " 104 " + hex.EncodeToString(frame)); e.Rule != tt.want || err != nil {
			t.Errorf("%x: rule %q, %v, want %s", tt.id, e.Rule, err, tt.want)
		}
	}
}

func TestPackets(t *testing.T) {
	src4, dst4 := [4]byte{203, 0, 113, 9}, [4]byte{192, 0, 2, 25}
	src6, dst6 := [16]byte{0x20, 1, 0xd, 0xb8, 15: 9}, [16]byte{0x20, 1, 0xd, 0xb8, 15: 25}
	mapped := [16]byte{10: 0xff, 11: 0xff, 12: 203, 14: 113, 15: 9}
	tcp, udp := tcpSegment(51234, 25, 0x12, 0), datagram(43210, 53, 4)
	for name, tt := range map[string]struct {
		packet []byte
		want   string
		err    error
	}{
		"tcp":           {ip4(6, src4, dst4, 0x4000, 64, tcp), "203.0.113.9 51234 192.0.2.25 25 proto 6 flags 12 length 40 ttl 64", nil},
		"options":       {append(append([]byte{0x46, 0, 0, 44, 0, 0, 0, 0, 1, 6, 0, 0, 203, 0, 113, 9, 192, 0, 2, 25}, 0x94, 4, 0, 0), tcp...), "203.0.113.9 51234 192.0.2.25 25 proto 6 flags 12 length 44 ttl 1", nil},
		"udp":           {ip4(17, src4, dst4, 0, 64, udp), "203.0.113.9 43210 192.0.2.25 53 proto 17 length 32 ttl 64", nil},
		"first":         {ip4(17, src4, dst4, 0x2000, 64, udp), "203.0.113.9 43210 192.0.2.25 53 proto 17 length 32 ttl 64", nil},
		"fragment":      {ip4(17, src4, dst4, 185, 64, udp), "203.0.113.9 192.0.2.25 proto 17 length 32 ttl 64", nil},
		"icmp":          {ip4(1, src4, dst4, 0, 64, icmpMessage(3, 10, tcp)), "203.0.113.9 192.0.2.25 proto 1 type 3 code 10 length 48 ttl 64", nil},
		"sctp":          {ip4(132, src4, dst4, 0, 64, udp), "203.0.113.9 43210 192.0.2.25 53 proto 132 length 32 ttl 64", nil},
		"esp":           {ip4(50, src4, dst4, 0, 64, udp), "203.0.113.9 192.0.2.25 proto 50 length 32 ttl 64", nil},
		"tcp6":          {ip6(6, src6, dst6, 57, tcp), "2001:db8::9 51234 2001:db8::19 25 proto 6 flags 12 length 60 ttl 57", nil},
		"mapped":        {ip6(6, mapped, dst6, 57, tcp), "203.0.113.9 51234 2001:db8::19 25 proto 6 flags 12 length 60 ttl 57", nil},
		"icmp6":         {ip6(58, src6, dst6, 255, icmpMessage(135, 0, nil)), "2001:db8::9 2001:db8::19 proto 58 type 135 code 0 length 48 ttl 255", nil},
		"hop by hop":    {ip6(0, src6, dst6, 1, append(extension(58, 0, 5, 2), icmpMessage(143, 0, nil)...)), "2001:db8::9 2001:db8::19 proto 58 type 143 code 0 length 56 ttl 1", nil},
		"three headers": {ip6(0, src6, dst6, 1, bytes.Join([][]byte{extension(43, 0), extension(60, 0), extension(17, 0), udp}, nil)), "2001:db8::9 43210 2001:db8::19 53 proto 17 length 76 ttl 1", nil},
		"first6":        {ip6(44, src6, dst6, 64, append(extension(6, 0, 0, 1), tcp...)), "2001:db8::9 51234 2001:db8::19 25 proto 6 flags 12 length 68 ttl 64", nil},
		"fragment6":     {ip6(44, src6, dst6, 64, append(extension(6, 0, 5, 0xa8), tcp...)), "2001:db8::9 2001:db8::19 proto 6 length 68 ttl 64", nil},
		"ah":            {ip6(51, src6, dst6, 64, append(append(extension(6, 1), 0, 0, 0, 0), tcp...)), "2001:db8::9 51234 2001:db8::19 25 proto 6 flags 12 length 72 ttl 64", nil},
		"endless":       {ip6(0, src6, dst6, 1, bytes.Repeat(extension(0, 0), 200)), "2001:db8::9 2001:db8::19 length 1640 ttl 1", errCut},
		"cut ports":     {ip4(6, src4, dst4, 0, 64, tcp)[:23], "203.0.113.9 192.0.2.25 proto 6 length 40 ttl 64", errCut},
		"cut flags":     {ip4(6, src4, dst4, 0, 64, tcp)[:30], "203.0.113.9 51234 192.0.2.25 25 proto 6 length 40 ttl 64", errCut},
		"cut type":      {ip4(1, src4, dst4, 0, 64, icmpMessage(8, 0, nil))[:21], "203.0.113.9 192.0.2.25 proto 1 length 28 ttl 64", errCut},
		"cut extension": {ip6(0, src6, dst6, 1, extension(6, 0))[:41], "2001:db8::9 2001:db8::19 length 48 ttl 1", errCut},
		"cut header":    {ip4(6, src4, dst4, 0, 64, tcp)[:19], "", parse.ErrTruncated},
		"cut header6":   {ip6(6, src6, dst6, 64, tcp)[:39], "", parse.ErrTruncated},
		"short header":  {append([]byte{0x44}, ip4(6, src4, dst4, 0, 64, tcp)[1:]...), "", errIP},
		"version":       {append([]byte{0x55}, ip4(6, src4, dst4, 0, 64, tcp)[1:]...), "", errVersion},
	} {
		h := pfHeader{size: 61, family: 2, iface: "em0", rule: 4, sub: none, dir: 1}
		e, err := read("pflog - 117 le 500 " + hex.EncodeToString(h.frame(binary.LittleEndian, tt.packet)))
		if got := packetText(&e); got != tt.want || err != tt.err { //nolint:errorlint // errors of this package are values
			t.Errorf("%s: %q, %v\nwant %q, %v", name, got, err, tt.want, tt.err)
		}
	}
}

// packetText writes what an entry has of the packet.
func packetText(e *event.Entry) string {
	var b strings.Builder
	add := func(has bool, format string, v any) {
		if has {
			fmt.Fprintf(&b, format, v)
		}
	}
	add(e.Src.IsValid(), "%v ", e.Src)
	add(e.Is(event.HasSrcPort), "%d ", e.SrcPort)
	add(e.Dst.IsValid(), "%v ", e.Dst)
	add(e.Is(event.HasDstPort), "%d ", e.DstPort)
	add(e.Is(event.HasProto), "proto %d ", e.Proto)
	add(e.Is(event.HasTCPFlags), "flags %x ", uint8(e.TCPFlags))
	add(e.Is(event.HasICMPType), "type %d ", e.ICMPType)
	add(e.Is(event.HasICMPCode), "code %d ", e.ICMPCode)
	add(e.Is(event.HasLength), "length %d ", e.Length)
	add(e.Is(event.HasTTL), "ttl %d ", e.TTL)
	return strings.TrimSuffix(b.String(), " ")
}

// With NAT64 the header has the family of the rule's side; the packet tells its own. Headers that were rounded up to eight
// are found, too.
func TestWhereThePacketIs(t *testing.T) {
	packet := ip6(6, [16]byte{0x20, 1, 0xd, 0xb8, 15: 9}, [16]byte{0x20, 1, 0xd, 0xb8, 15: 25}, 64, tcpSegment(51234, 25, 2, 0))
	h := pfHeader{size: 100, family: 2, rule: 4, sub: none, dir: 1}
	frame := h.frame(binary.LittleEndian, packet)
	wide := append(append(append([]byte{}, frame[:100]...), 0, 0, 0, 0), packet...)
	for name, frame := range map[string][]byte{"4": frame, "8": wide} {
		e, err := read("pflog - 117 le 500 " + hex.EncodeToString(frame))
		if err != nil || e.Src.String() != "2001:db8::9" || e.DstPort != 25 {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
}

// The header of OpenBSD before 3.4, whose directions are others.
func TestOldHeader(t *testing.T) {
	for dir, want := range []event.Direction{event.In, event.Out, event.DirectionUnknown} {
		b := make([]byte, 28)
		b[3] = 2
		copy(b[4:], "fxp0")
		b[21], b[25], b[27] = 7, 1, byte(dir)
		e, err := read("pflog 1.000000 17 be 68 " + hex.EncodeToString(b) + packetHex)
		if e.Direction != want || (err == nil) != (dir < 2) || e.Rule != "7" || e.Action != event.Deny || e.Reason != "match" ||
			e.DstPort != 25 || e.IfaceIn+e.IfaceOut != map[bool]string{true: "fxp0"}[dir < 2] {
			t.Errorf("direction %d: %+v, %v", dir, e, err)
		}
	}
}

// A record that lost its end may lose values, but never gets other ones; garbage for a length is told.
func TestCutRecord(t *testing.T) {
	for _, header := range []string{header61, header69, header100} {
		line := "pflog 1767604272.345678 117 le 104 " + header + packetHex
		whole, _ := read(line)
		for n := range len(line) {
			cut, err := read(line[:n])
			if err == nil && packetText(&cut) != packetText(&whole) {
				t.Errorf("%q: no error", line[:n])
			}
			if cut.Is(event.HasPorts) && cut.DstPort != whole.DstPort || cut.Is(event.HasTCPFlags) && cut.TCPFlags != whole.TCPFlags ||
				cut.Rule != "" && cut.Rule != whole.Rule || cut.Src.IsValid() && cut.Src != whole.Src {
				t.Errorf("%q: %+v", line[:n], cut)
			}
		}
	}
	for _, size := range []int{0, 1, 44, 129, 255} {
		b := unhex(t, header61+packetHex)
		b[0] = byte(size)
		if e, err := read("pflog - 117 le 104 " + hex.EncodeToString(b)); err != errHeader || e.Src.IsValid() { //nolint:errorlint // a value
			t.Errorf("length %d: %+v, %v", size, e, err)
		}
	}
}

func TestMatch(t *testing.T) {
	for body, want := range map[string]bool{
		"pflog 1767604272.345678 117 le 104 3d02": true,
		"pflog 1767604272 117 be 104 -":           true,
		"pflog - 1 le 104 -":                      true,
		"pflog x 117 le 104 -":                    false,
		"pflog 1. 117 le 104 -":                   true,
		"pflog 1.x 117 le 104 -":                  false,
		"pflog 1.0 117 xe 104 -":                  false,
		"pflog 1.0 117 le x -":                    false,
		"pflog 1.0 117 le 104":                    false,
		"pflog0: promiscuous mode enabled":        false,
		"pflogd[1]: pflog 1.0":                    false,
		"rule 4/0(match): block in on pflog0: ":   false,
		"":                                        false,
	} {
		if got := newParser().Match(body, nil); got != want {
			t.Errorf("Match(%q) = %t, want %t", body, got, want)
		}
	}
}

func TestNamesAreBounded(t *testing.T) {
	p := newParser().(*parser)
	packet := unhex(t, packetHex)
	for i := range 5 * maxNames {
		h := pfHeader{size: 61, iface: fmt.Sprint("if", i), rule: uint32(i), sub: none, dir: 1}
		var e event.Entry
		err := p.Parse("pflog - 117 le 104 "+hex.EncodeToString(h.frame(binary.LittleEndian, packet)), &parse.Record{Entry: &e})
		if err != nil || e.IfaceIn != fmt.Sprint("if", i) || e.Rule != fmt.Sprint(i) {
			t.Fatalf("record %d: %+v, %v", i, e, err)
		}
		if len(p.names) > maxNames {
			t.Fatalf("record %d: %d names kept", i, len(p.names))
		}
	}
}

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

func TestParseDoesNotAllocate(t *testing.T) {
	lines, p := testLines(t), newParser()
	var e event.Entry
	pass := func() {
		for _, line := range lines {
			e = event.Entry{}
			_ = p.Parse(line, &parse.Record{Entry: &e})
		}
	}
	pass()
	if n := testing.AllocsPerRun(10, pass); n != 0 {
		t.Errorf("%v allocations for %d lines whose names were seen before", n, len(lines))
	}
}

func FuzzParse(f *testing.F) {
	for _, line := range testLines(f) {
		f.Add(line)
	}
	s, p := session(), newParser()
	f.Fuzz(func(t *testing.T, line string) {
		matched := p.Match(line, nil)
		first, err := read(line)
		if matched != (err != errLine) { //nolint:errorlint // errors of this package are values
			t.Fatalf("%q: matches: %t, but Parse says %v", line, matched, err)
		}
		if err == nil && first.Note == "" && (!first.Src.IsValid() || !first.Is(event.HasProto)) {
			t.Fatalf("%q: fields are missing, and no error: %+v", line, first)
		}
		var again, e event.Entry
		_ = p.Parse(line, &parse.Record{Entry: &again})
		if again != first {
			t.Fatalf("%q depends on what came before: %+v, %+v", line, again, first)
		}
		s.Parse(line, &e)
		if len(line) <= event.MaxRaw && e.Raw != line {
			t.Fatalf("raw is %q, want %q", e.Raw, line)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	line := "pflog 1767604272.345678 117 le 104 " + header61 + packetHex
	b.Run("session", func(b *testing.B) {
		s := session()
		b.SetBytes(int64(len(line)))
		b.ReportAllocs()
		e := new(event.Entry)
		for b.Loop() {
			s.Parse(line, e)
			if e.Error != "" {
				b.Fatal(e.Error)
			}
		}
	})
	b.Run("container", func(b *testing.B) {
		records := make([]record, 1000)
		for i := range records {
			records[i].frame = unhex(b, header61+packetHex)
		}
		file := pcapFile(binary.LittleEndian, magicMicro, linkPFLog, records)
		b.SetBytes(int64(len(file)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := io.Copy(io.Discard, Container().Lines(bytes.NewReader(file))); err != nil {
				b.Fatal(err)
			}
		}
	})
}
