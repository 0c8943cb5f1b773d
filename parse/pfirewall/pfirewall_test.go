package pfirewall

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailstop/event"
	"mailstop/internal/golden"
	"mailstop/parse"
	"mailstop/parse/syslog"
)

// session returns one that reads this format and, as files have them, stamps that a syslog header could start with.
func session() *parse.Session {
	return parse.NewSession(parse.Table{
		Layers: []parse.Layer{syslog.Layer()},
		Kinds:  []parse.Kind{Kind()},
	}, event.FormatUnknown, "")
}

func TestGolden(t *testing.T) {
	logs, err := filepath.Glob("testdata/*.log")
	if err != nil || len(logs) == 0 {
		t.Fatal("no test data", err)
	}
	for _, log := range logs { // each file has headers of its own
		s := session()
		golden.Files(t, log, func(line string) []byte {
			var e event.Entry
			s.Parse(line, &e)
			return e.AppendJSON(nil)
		})
	}
}

const (
	fields17 = "#Fields: date time action protocol src-ip dst-ip src-port dst-port size tcpflags tcpsyn tcpack tcpwin icmptype icmpcode info path"
	opening  = "2026-01-05 10:11:12 DROP TCP 203.0.113.9 192.0.2.25 51234 25 52 S 305419896 0 8192 - - - RECEIVE 4"
	pre      = "2026-01-05 10:11:13 DROP TCP 192.0.2.25 2001:db8::19 61005 587 0 - 0 0 0 - - - SEND 11188"
	echo     = "2026-01-05 10:11:15 DROP ICMP 198.51.100.4 192.0.2.25 - - 60 - - - - 8 0 - RECEIVE 0"
	lost     = "2026-01-05 10:11:16 INFO-EVENTS-LOST - - - - - - - - - - - - 12 - -"
)

// The file is extended in advance with NUL bytes, and comes with CRLF.
func TestDamagedEnds(t *testing.T) {
	s := session()
	for _, tt := range []struct{ line, note, err string }{
		{"\uFEFF#Version: 1.5\r", event.NoteHeader, ""},
		{"\x00\x00\x00" + fields17 + " pid\r", event.NoteHeader, ""},
		{strings.Repeat("\x00", 4000), event.NoteEmpty, ""},
		{"\r", event.NoteEmpty, ""},
		{opening + "\r", "", ""},
		{strings.Repeat("\x00", 4000) + opening + "\r\x00\x00", "", ""},
		{opening + "\x00\x00\x00" + echo, "", errNUL.Error()},
		{opening[:58] + "\x00\x00\x00", "", parse.ErrTruncated.Error()},
	} {
		var e event.Entry
		s.Parse(tt.line, &e)
		if e.Note != tt.note || e.Error != tt.err || e.Raw != tt.line {
			t.Errorf("%.40q: note %q, error %q, want %q, %q", tt.line, e.Note, e.Error, tt.note, tt.err)
		}
		if tt.note == "" && (e.Src.String() != "203.0.113.9" || e.Action != event.Drop || e.When().IsZero()) {
			t.Errorf("%.40q: %+v", tt.line, e)
		}
	}
}

// Local times go through the part's zone; those of a file in UTC do not.
func TestTime(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ format, line, want, quality string }{
		{"Local", opening, "2026-01-05T09:11:12Z", "exact"},
		{"UTC", opening, "2026-01-05T10:11:12Z", "exact"},
		{"utc", strings.Replace(opening, "2026-01-05 10", "2026-07-05 10", 1), "2026-07-05T10:11:12Z", "exact"},
		{"Local", strings.Replace(opening, "2026-01-05 10", "2026-07-05 10", 1), "2026-07-05T08:11:12Z", "exact"},
	} {
		s := session()
		s.Resume(parse.State{Clock: parse.NewClock(parse.Hints{Zone: zone})})
		var e event.Entry
		s.Parse("#Time Format: "+tt.format, &e)
		s.Parse(tt.line, &e)
		if got := e.When().Format(time.RFC3339); got != tt.want || e.TimeQuality.String() != tt.quality {
			t.Errorf("%s %s: %s %s, want %s %s", tt.format, tt.line, got, e.TimeQuality, tt.want, tt.quality)
		}
	}
}

// At the end of summer time an hour comes twice: the order of the lines tells which.
func TestHourThatComesTwice(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	s := session()
	s.Resume(parse.State{Clock: parse.NewClock(parse.Hints{Zone: zone})})
	for _, tt := range [][2]string{
		{"2026-10-25 01:59:59", "2026-10-24T23:59:59Z"},
		{"2026-10-25 02:30:00", "2026-10-25T00:30:00Z"},
		{"2026-10-25 02:59:59", "2026-10-25T00:59:59Z"},
		{"2026-10-25 02:00:01", "2026-10-25T01:00:01Z"},
		{"2026-10-25 02:30:00", "2026-10-25T01:30:00Z"},
		{"2026-10-25 03:00:00", "2026-10-25T02:00:00Z"},
	} {
		var e event.Entry
		s.Parse(tt[0]+opening[19:], &e)
		if got := e.When().Format(time.RFC3339); got != tt[1] {
			t.Errorf("%s: %s, want %s", tt[0], got, tt[1])
		}
	}
}

// A block that is only skimmed leaves the columns and the clock as reading it does.
func TestSkim(t *testing.T) {
	block := fields17 + " pid\r\n" + opening + "\n" + lost + "\n"
	read, skimmed := session(), parse.State{}
	for line := range strings.SplitSeq(strings.TrimSuffix(block, "\n"), "\n") {
		var e event.Entry
		read.Parse(line, &e)
	}
	skimmed.Skim(block)
	if a, b := read.State(), skimmed; a.Clock != b.Clock || a.Line != b.Line || len(a.Headers) != 1 || len(b.Headers) != 1 || a.Headers[0] != b.Headers[0] {
		t.Errorf("read:    %+v\nskimmed: %+v", a, b)
	}
}

func TestMatch(t *testing.T) {
	p := Kind().New()
	for body, want := range map[string]bool{
		opening:                                true,
		lost:                                   true,
		"2026-01-05 10:11:16 INFO-EVENTS-LOST": true,
		"2026-01-05 10:11:12 DROP":             true,
		"2026-01-05 10:11:12 DROP TCP":         true,
		"2026-01-05 10:11:12 OPEN-INBOUND TCP 192.0.2.1": true,
		"":                             false,
		"2026-01-05 10:11:12 DRO":      false,
		"2026-01-05 10:11:12 DROP tcp": false,
		"2026-01-05 10:11:12 DROP IN=eth0 OUT= SRC=192.0.2.1 DST=192.0.2.2": false,
		"2026-01-05 10:11:12 1abcde-000000-00 <= a@example.com":             false,
		"2026-01-05 10:11:12 Start queue run: pid=12":                       false,
		"2026-01-05 10:11:12 ALLOWED TCP 192.0.2.1":                         false,
		"2026-01-05T10:11:12 DROP TCP 203.0.113.9 192.0.2.25":               false,
		"DROP TCP 203.0.113.9 192.0.2.25 51234 25":                          false,
	} {
		if got := p.Match(body, nil); got != want {
			t.Errorf("Match(%q) = %t, want %t", body, got, want)
		}
	}
}

// A line that lost its end may lose values, but never gets other ones, and is never taken for whole.
func TestCutLine(t *testing.T) {
	for _, header := range []string{"", fields17, fields17 + " pid"} {
		for _, line := range []string{opening, pre, echo, "2026-01-05 10:11:13 CLOSE TCP 192.0.2.25 203.0.113.19 61005 587 - - - - - - - - -"} {
			whole := read(header, line)
			for n := len("2026-01-05 10:11:12 DROP "); n < len(line); n++ {
				cut := read(header, line[:n])
				values := strings.Count(strings.TrimRight(line[:n], " "), " ") + 1
				if least := len(strings.Fields(header)) - 1; cut.Error == "" && (header != "" && values < least || values < withoutPath) {
					t.Errorf("%q: no error", line[:n])
				}
				if cut.Is(event.HasSrcPort) && cut.SrcPort != whole.SrcPort || cut.Is(event.HasDstPort) && cut.DstPort != whole.DstPort ||
					cut.Is(event.HasLength) && cut.Length != whole.Length || cut.Is(event.HasICMPType) && cut.ICMPType != whole.ICMPType ||
					cut.Src.IsValid() && cut.Src != whole.Src || cut.Dst.IsValid() && cut.Dst != whole.Dst ||
					cut.Direction != event.DirectionUnknown && cut.Direction != whole.Direction || cut.Action != whole.Action && n > 26 {
					t.Errorf("%q: %+v", line[:n], cut)
				}
			}
		}
	}
}

func read(header, line string) (e event.Entry) {
	s := session()
	if header != "" {
		s.Parse(header, &e)
	}
	s.Parse(line, &e)
	return e
}

func TestParseDoesNotAllocate(t *testing.T) {
	s := session()
	lines := []string{opening, strings.Replace(opening, "05 10:11:12", "06 00:00:00", 1), pre, echo, strings.ReplaceAll(opening, "203.0.113.9", "fe80::1%12")}
	var e event.Entry
	s.Parse(fields17+" pid", &e)
	pass := func() {
		for _, line := range lines {
			s.Parse(line, &e)
			if e.Error != "" {
				t.Fatal(e.Error)
			}
		}
	}
	pass()
	if n := testing.AllocsPerRun(100, pass); n != 0 {
		t.Errorf("%v allocations for %d lines", n, len(lines))
	}
}

func FuzzParse(f *testing.F) {
	headers := []string{"", fields17, fields17 + " pid", "#Fields: action src-ip src-port dst-ip dst-port protocol path date time x"}
	logs, _ := filepath.Glob("testdata/*.log")
	for _, log := range logs {
		for line := range golden.Lines(f, log) {
			for i := range headers {
				f.Add(i, line)
			}
		}
	}
	f.Fuzz(func(t *testing.T, header int, line string) {
		p := &parser{}
		if h := headers[uint(header)%uint(len(headers))]; h != "" {
			p.Headers([]string{h})
		}
		matched := p.Match(line, nil)
		one, err := parseBody(p, line)
		_, _ = parseBody(p, opening) // another date between
		two, err2 := parseBody(p, line)
		if matched != p.Match(line, nil) {
			t.Fatalf("%q: Match depends on what came before", line)
		}
		if one != two || !errors.Is(err2, err) {
			t.Fatalf("%q is read in two ways:\n%+v, %v\n%+v, %v", line, one, err, two, err2)
		}
		if one.Src.Zone() != "" || one.Dst.Is4In6() {
			t.Fatalf("%q: addresses %v, %v", line, one.Src, one.Dst)
		}
		s := session()
		var e event.Entry
		s.Parse(headers[uint(header)%uint(len(headers))], &e)
		s.Parse(line, &e)
		if len(line) <= event.MaxRaw && e.Raw != line {
			t.Fatalf("raw is %q, want %q", e.Raw, line)
		}
		if e.Format == event.PFirewall && e.Action == event.ActionUnknown && e.Error == "" {
			t.Fatalf("%q has neither an action nor an error", line)
		}
	})
}

// What the fast reader takes it reads as the careful one does.
func checkReaders(t *testing.T, columns []column, custom bool, line string) bool {
	t.Helper()
	p := &parser{columns: columns, custom: custom}
	if _, n := parse.ScanStamp(line); n == 0 {
		return false // the fast reader is not asked
	}
	var quick, slow event.Entry
	if !p.fast(line, &quick) {
		if quick != (event.Entry{}) {
			t.Fatalf("%q: refused, and left %+v", line, quick)
		}
		return false
	}
	if err := p.careful(line, &slow, nil); err != nil {
		t.Fatalf("%q: the fast reader takes it, the careful one says %v", line, err)
	}
	if quick != slow {
		t.Fatalf("%q\n   fast %+v\ncareful %+v", line, quick, slow)
	}
	return true
}

func TestReadersAgree(t *testing.T) {
	columns17, _ := readColumns(strings.TrimPrefix(fields17, "#Fields:"))
	columns18, _ := readColumns(strings.TrimPrefix(fields17+" pid", "#Fields:"))
	quick := 0
	logs, _ := filepath.Glob("testdata/*.log")
	for _, log := range logs {
		for line := range golden.Lines(t, log) {
			for _, columns := range [][]column{nil, columns17, columns18} {
				if checkReaders(t, columns, false, line) {
					quick++
				}
				for n := range len(line) {
					checkReaders(t, columns, false, line[:n])
					checkReaders(t, columns, false, line[:n]+"x"+line[n:])
					checkReaders(t, columns, false, line[:n]+" "+line[n+1:])
					checkReaders(t, columns, false, line[:n]+"0"+line[n+1:])
				}
			}
		}
	}
	if quick < 20 {
		t.Errorf("the fast reader takes %d lines", quick)
	}
}

func FuzzReadersAgree(f *testing.F) {
	logs, _ := filepath.Glob("testdata/*.log")
	for _, log := range logs {
		for line := range golden.Lines(f, log) {
			f.Add(17, line)
			f.Add(18, line)
			f.Add(0, line)
		}
	}
	f.Fuzz(func(t *testing.T, n int, line string) {
		columns := newest[:max(withoutPath, min(n, len(newest)))]
		if n == 0 {
			columns = nil
		}
		checkReaders(t, columns, false, line)
	})
}

func parseBody(p *parser, line string) (event.Entry, error) {
	var e event.Entry
	clock := parse.NewClock(parse.Hints{})
	err := p.Parse(line, &parse.Record{Entry: &e, Clock: &clock})
	return e, err
}

func BenchmarkParse(b *testing.B) {
	for _, bb := range []struct{ name, line string }{
		{"opening", opening},
		{"before a packet exists", strings.Replace(pre, "2001:db8::19", "203.0.113.19", 1)},
		{"ipv6", pre},
		{"careful", echo},
		{"session", opening},
	} {
		b.Run(bb.name, func(b *testing.B) {
			p, s := &parser{}, session()
			var e event.Entry
			s.Parse(fields17+" pid", &e)
			p.Headers([]string{fields17 + " pid"})
			clock := parse.NewClock(parse.Hints{})
			r := parse.Record{Entry: &e, Clock: &clock}
			b.SetBytes(int64(len(bb.line)) + 1)
			b.ReportAllocs()
			for b.Loop() {
				if bb.name == "session" {
					s.Parse(bb.line, &e)
					continue
				}
				e = event.Entry{Count: 1}
				if p.Match(bb.line, &r) {
					_ = p.Parse(bb.line, &r)
				}
			}
		})
	}
}
