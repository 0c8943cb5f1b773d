package filterlog

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unsafe"

	"mailstop/event"
	"mailstop/internal/golden"
	"mailstop/parse"
	"mailstop/parse/syslog"
)

// session returns one with the headers that these lines come under.
func session() *parse.Session {
	s := parse.NewSession(parse.Table{
		Layers: []parse.Layer{syslog.Layer()},
		Kinds:  []parse.Kind{Kind()},
	}, event.FormatUnknown, "")
	s.Resume(parse.State{Clock: parse.NewClock(parse.Hints{Reference: time.Date(2026, 1, 6, 0, 0, 0, 0, time.UTC)})})
	return s
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
	err := new(parser).Parse(line, &parse.Record{Entry: &e})
	return e, err
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

// bodies returns the test lines that have no header.
func bodies(t testing.TB) []string {
	t.Helper()
	var out []string
	for _, line := range testLines(t) {
		if new(parser).Match(line, nil) {
			out = append(out, line)
		}
	}
	if len(out) < 100 {
		t.Fatalf("only %d lines without a header", len(out))
	}
	return out
}

func TestMatch(t *testing.T) {
	for body, want := range map[string]bool{
		"4,,,1000000103,em0,match,block,in,4,0x0":                          true,
		",,,0,em0,match,pass,out,6,":                                       true,
		"4,1,a/b c,0,em0,match,unkn(%u),in,4,":                             true,
		"4,1,a,0,em0,unknown(15),unknown(12),unknown(3),4,":                true,
		"filterlog: 4,,,1000000103,em0,match,block,in,4,0x0":               true,
		"filterlog[7]: 4,,,1000000103,em0,match,block,in,4,0x0":            true,
		"filterlog[7: 4,,,1000000103,em0,match,block,in,4,0x0":             false,
		"4,,,1000000103,em0,match,block,in,5,0x0":                          false,
		"4,,,1000000103,em0,match,drop,in,4,0x0":                           false,
		"4,,,1000000103,em0,match,block,north,4,0x0":                       false,
		"4,,,1000000103,,match,block,in,4,0x0":                             false,
		"x,,,1000000103,em0,match,block,in,4,0x0":                          false,
		"4,x,,1000000103,em0,match,block,in,4,0x0":                         false,
		"4,,,1000000103,em0,match,block,in":                                false,
		"1,2026/01/05 10:11:12,012345678901,TRAFFIC,drop,1,2,3,4,5":        false,
		"2 123456789012 eni-1 192.0.2.1 192.0.2.2 1 2 6 1 1 1 1 REJECT OK": false,
		"IN=eth0 OUT= SRC=192.0.2.1":                                       false,
		"Failed to initialize":                                             false,
		"":                                                                 false,
	} {
		if got := new(parser).Match(body, nil); got != want {
			t.Errorf("Match(%q) = %t, want %t", body, got, want)
		}
		if !new(parser).Match(body, &parse.Record{Program: "filterlog"}) {
			t.Errorf("%q of filterlog is not taken", body)
		}
		if got := new(parser).Match(body, &parse.Record{Program: "kernel"}); got != want {
			t.Errorf("Match(%q) = %t for another program, want %t", body, got, want)
		}
	}
}

// A line that lost its end may lose values, but never gets other ones.
func TestCutLine(t *testing.T) {
	for _, line := range bodies(t) {
		whole, wrong := read(line)
		line = trimTag(line)
		for n := range len(line) {
			cut, err := read(line[:n])
			checkCut(t, line[:n], &cut, &whole)
			if err == nil && cut.Note == "" && cut.Proto == event.TCP && !cut.Is(event.HasTCPFlags) && whole.Is(event.HasTCPFlags) {
				t.Errorf("%q: a TCP packet without flags, and no error", line[:n])
			}
			if err == nil && wrong == nil && (!cut.Src.IsValid() || !cut.Dst.IsValid()) {
				t.Errorf("%q: no addresses, and no error", line[:n])
			}
		}
	}
}

// checkCut fails if cut has a value that whole has not. A rule's number is no other value than its tracker: the line has
// not come to the tracker yet.
func checkCut(t *testing.T, line string, cut, whole *event.Entry) {
	t.Helper()
	const has = event.HasProto | event.HasPorts | event.HasTCPFlags | event.HasICMPType | event.HasICMPCode | event.HasLength | event.HasTTL
	if cut.Has&has&^whole.Has != 0 {
		t.Errorf("%q: has %b, whole it has %b", line, cut.Has, whole.Has)
	}
	for _, v := range []struct {
		name      string
		has       event.Has
		got, want any
	}{
		{"source port", event.HasSrcPort, cut.SrcPort, whole.SrcPort},
		{"destination port", event.HasDstPort, cut.DstPort, whole.DstPort},
		{"flags", event.HasTCPFlags, cut.TCPFlags, whole.TCPFlags},
		{"protocol", event.HasProto, cut.Proto, whole.Proto},
		{"type", event.HasICMPType, cut.ICMPType, whole.ICMPType},
		{"code", event.HasICMPCode, cut.ICMPCode, whole.ICMPCode},
		{"length", event.HasLength, cut.Length, whole.Length},
		{"ttl", event.HasTTL, cut.TTL, whole.TTL},
	} {
		if cut.Is(v.has) && v.got != v.want {
			t.Errorf("%q: %s %v, want none or %v", line, v.name, v.got, v.want)
		}
	}
	for _, v := range []struct{ name, got, want string }{
		{"interface", cut.IfaceIn + cut.IfaceOut, whole.IfaceIn + whole.IfaceOut},
		{"rule", cut.Rule, whole.Rule},
		{"rule set", cut.Ruleset, whole.Ruleset},
		{"reason", cut.Reason, whole.Reason},
	} {
		if v.got != "" && v.got != v.want {
			t.Errorf("%q: %s %q, want none or %q", line, v.name, v.got, v.want)
		}
	}
	if cut.Action != event.ActionUnknown && cut.Action != whole.Action {
		t.Errorf("%q: %v, want %v", line, cut.Action, whole.Action)
	}
	if cut.Src.IsValid() && cut.Src != whole.Src || cut.Dst.IsValid() && cut.Dst != whole.Dst {
		t.Errorf("%q: %v to %v, want none or %v to %v", line, cut.Src, cut.Dst, whole.Src, whole.Dst)
	}
}

// The glued length must be IP's; a longer number that ends in it is told from one that does not.
func TestUnglue(t *testing.T) {
	for _, tt := range []struct {
		length uint32
		text   string
		want   string
		ok     bool
	}{
		{84, "666" + "64", "666", true},
		{84, "64", "", true},
		{84, "unreachable36", "", false},
		{84, "", "", false},
		{84, "4", "", false},
		{120, "x100", "x", true},
		{120, "x00", "", false},
		{20, "x0", "x", true},
		{19, "x0", "", false},
	} {
		r := reader{e: &event.Entry{Length: tt.length, Has: event.HasLength}}
		if got, ok := r.unglue(tt.text); ok != tt.ok || ok && got != tt.want {
			t.Errorf("length %d, %q: %q, %t", tt.length, tt.text, got, ok)
		}
	}
}

func TestParseDoesNotAllocate(t *testing.T) {
	lines, p := bodies(t), new(parser)
	var e event.Entry
	pass := func() {
		for _, line := range lines {
			e = event.Entry{}
			_ = p.Parse(line, &parse.Record{Entry: &e})
		}
	}
	pass()
	if n := testing.AllocsPerRun(10, pass); n != 0 {
		t.Errorf("%v allocations for %d lines", n, len(lines))
	}
}

// What the fast reader accepts it must read as the careful one does.
func checkReaders(t *testing.T, line string) (quick bool) {
	t.Helper()
	line = trimTag(line)
	h, err := readHead(line)
	if err != nil {
		return false
	}
	var one, two event.Entry
	if !fast(line, int(h.size), h.v6, &one) {
		// The careful reader must not see what it has set.
		if _ = careful(line, &h, &one); careful(line, &h, &two) == nil && one != two {
			t.Fatalf("%q\n behind fast %+v\n      alone %+v", line, one, two)
		}
		return false
	}
	h.apply(line, &one)
	if err := careful(line, &h, &two); err != nil || one != two {
		t.Fatalf("%q\n   fast %+v\ncareful %+v, %v", line, one, two, err)
	}
	return true
}

func TestReadersAgree(t *testing.T) {
	lines := bodies(t)
	quick := 0
	for _, line := range lines {
		if checkReaders(t, line) {
			quick++
		}
		for n := range len(line) {
			checkReaders(t, line[:n])
			checkReaders(t, line[:n]+"x"+line[n:])
			checkReaders(t, line[:n]+","+line[n+1:])
			checkReaders(t, line[:n]+"9"+line[n:])
		}
	}
	if quick < len(lines)/4 {
		t.Errorf("the fast reader takes %d of %d lines", quick, len(lines))
	}
}

func FuzzReadersAgree(f *testing.F) {
	for _, line := range testLines(f) {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) { checkReaders(t, line) })
}

// The same parser must read a line alike whatever came before it.
func TestHeads(t *testing.T) {
	lines, p := bodies(t), new(parser)
	for range 3 {
		for i, line := range lines {
			want, wrong := read(line)
			for _, again := range []string{line, lines[(i*7)%len(lines)], line} {
				var e event.Entry
				err := p.Parse(again, &parse.Record{Entry: &e})
				if again == line && (e != want || !errors.Is(err, wrong)) {
					t.Fatalf("%q\n got %+v, %v\nwant %+v, %v", line, e, err, want, wrong)
				}
			}
		}
	}
	// What a parser remembers must survive the buffer in which it has seen it.
	const line = "4,,,1000000103,em0,match,block,in,4,0x0,,51,1,0,DF,17,udp,60,203.0.113.9,192.0.2.25,51234,25,40"
	buf := []byte(line)
	p = new(parser)
	if err := p.Parse(unsafe.String(&buf[0], len(buf)), &parse.Record{Entry: new(event.Entry)}); err != nil {
		t.Fatal(err)
	}
	clear(buf)
	if h := p.heads.find(line); h == nil || h.rule.of(line) != "1000000103" || h.iface.of(line) != "em0" {
		t.Errorf("head %+v", h)
	}
}

func FuzzParse(f *testing.F) {
	for _, line := range testLines(f) {
		f.Add(line)
	}
	s := session()
	f.Fuzz(func(t *testing.T, line string) {
		matched := new(parser).Match(line, nil)
		first, err := read(line)
		if err == nil && first.Note == "" && (!first.Src.IsValid() || !first.Dst.IsValid() || !first.Is(event.HasProto)) {
			t.Fatalf("%q: fields are missing, and no error: %+v", line, first)
		}
		if first.Is(event.HasTCPFlags) && first.Proto != event.TCP || first.Is(event.HasICMPCode) && !first.Is(event.HasICMPType) {
			t.Fatalf("%q: fields that do not belong together: %+v", line, first)
		}
		var e event.Entry
		s.Parse(line, &e)
		if len(line) <= event.MaxRaw && e.Raw != line {
			t.Fatalf("raw is %q, want %q", e.Raw, line)
		}
		if matched && len(line) <= event.MaxRaw && !strings.ContainsAny(line, "\x00\r;") && e.Format != event.Filterlog {
			t.Fatalf("%q: matches, but a session has format %q", line, e.Format)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	const body = "4,,,1000000103,em0,match,block,in,4,0x0,,51,40221,0,DF,6,tcp,60,203.0.113.9,192.0.2.25,51234,25,0,S,305419896,,64240,,mss;sackOK;TS;nop;wscale"
	const body6 = "77,,,02f4bab031b57d1e30553ce08e0ec131,vtnet0,match,block,in,6,0x00,0x12345,57,tcp,6,40,2001:db8:2::9,2001:db8::25,51234,25,0,S,305419896,,64800,,mss;sackOK;TS;nop;wscale"
	b.Run("match", func(b *testing.B) { // of a line of another format
		b.ReportAllocs()
		p := new(parser)
		for b.Loop() {
			if p.Match("[UFW BLOCK] IN=eth0 OUT= MAC= SRC=203.0.113.9", nil) {
				b.Fatal("matches")
			}
		}
	})
	for name, line := range map[string]string{"tcp4": body, "tcp6": body6} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			e := new(event.Entry)
			r := &parse.Record{Entry: e}
			p := new(parser)
			for b.Loop() {
				*e = event.Entry{Count: 1}
				if err := p.Parse(line, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for name, line := range map[string]string{
		"session-wire": "<134>Jan  5 10:11:12 filterlog[40123]: " + body,
		"session-file": "Jan  5 10:11:12 pfs filterlog[40123]: " + body,
		"session-5424": "<134>1 2026-01-05T10:11:15+01:00 fw1.example.net filterlog 40123 - [meta sequenceId=\"7\"] " + body6,
	} {
		b.Run(name, func(b *testing.B) {
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
	}
}
