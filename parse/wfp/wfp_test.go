package wfp

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"mailstop/event"
	"mailstop/internal/golden"
	"mailstop/parse"
	"mailstop/parse/syslog"
)

func session() *parse.Session {
	return parse.NewSession(parse.Table{
		Layers: []parse.Layer{syslog.Layer()},
		Kinds:  []parse.Kind{Kind()},
	}, event.FormatUnknown, "")
}

func TestGolden(t *testing.T) {
	s := session()
	golden.Files(t, "testdata/*.log", func(line string) []byte {
		var e event.Entry
		s.Parse(line, &e)
		return e.AppendJSON(nil)
	})
}

// testLines returns the lines of the test data.
func testLines(t testing.TB) (lines []string) {
	t.Helper()
	logs, err := filepath.Glob("testdata/*.log")
	if err != nil || len(logs) == 0 {
		t.Fatal("no test data", err)
	}
	for _, log := range logs {
		for line := range golden.Lines(t, log) {
			lines = append(lines, line)
		}
	}
	return lines
}

func read(p parse.Parser, line string) (event.Entry, error) {
	var e event.Entry
	clock := parse.NewClock(parse.Hints{})
	err := p.Parse(line, &parse.Record{Entry: &e, Clock: &clock})
	return e, err
}

func TestMatch(t *testing.T) {
	const system = `<System><Provider Name="x"/>`
	p := Kind().New()
	for body, want := range map[string]bool{
		`<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event">`:                        true,
		`<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><Sys`:                    true,
		`<?xml version="1.0"?> <Events><Event xmlns="http://schemas.microsoft.com/win/x">`:             true,
		`<a:Event xmlns:a="http://schemas.microsoft.com/win/2004/08/events/event">`:                    true,
		`- <Event>` + system + `<EventID>5157</EventID>`:                                               true,
		`<Event name="click" at="2026-01-05T10:11:12Z"><Target>x</Target></Event>`:                     false,
		`<Events><Thing>about http://example.com/win/ and other things</Thing></Events>`:               false,
		`<13>Jan  5 10:11:12 host app: ` + system + `                                                `: false,
		`- a list of things that somebody has written down, with a dash before each`:                   false,
		`{"winlog":{"event_id":5157},"message":"                                    "}`:                true,
		`{"winlog.event_id":"5157","message":"                                      "}`:                true,
		`{"computer_name":"mx1","event_id":5157,"log_name":"Security"               }`:                 true,
		`{"EventID":5157,"Channel":"Security","Hostname":"mx1","EventTime":"2026"   }`:                 true,
		`{"win":{"system":{"eventID":"5157","computer":"mx1.example.net"}           }}`:                true,
		`{"data.win.system.eventID":"5157","data.win.system.computer":"mx1.example.net"}`:              true,
		`{"event_id":"abc","message":"something that happened to somebody else"     }`:                 false,
		`{"eventID":"0c1d","awsRegion":"eu-central-1","eventName":"DescribeFlowLogs"}`:                 false,
		`{"src_ip":"203.0.113.9","dest_ip":"192.0.2.25","dest_port":25,"proto":"TCP"}`:                 false,
		"The Windows Filtering Platform has blocked a packet.  Application":                            true,
		"x: The Windows Firewall Service blocked an application from accepting":                        true,
		"MSWinEventLog\t1\tSecurity\t4711\tMon Jan 05 10:11:12 2026\t5157\tx":                          true,
		"mx1\tMSWinEventLog\t1\tSecurity\t4711\tMon Jan 05 10:11:12 2026\t5157":                        true,
		"WinEvtLog: Security: AUDIT_FAILURE(4625): Microsoft-Windows-Security":                         true,
		"Event[12]:    Log Name: Security    Source: Microsoft-Windows-Security":                       true,
		"Windows Filters and Windows Fire are things that are not an event here":                       false,
		"IN=eth0 OUT= MAC= SRC=203.0.113.9 DST=192.0.2.25 LEN=60 TOS=0x00 PROTO=TCP":                   false,
		"Message : something that a person has written about a ProviderName, perhaps":                  true,
		"":  false,
		"<": false,
	} {
		if got := p.Match(body, nil); got != want {
			t.Errorf("Match(%q) = %t, want %t", body, got, want)
		}
	}
}

// An event that lost its end may lose values, but never gets other ones; and if it lost any, it says so.
func TestCutEvent(t *testing.T) {
	for _, line := range testLines(t) {
		if strings.HasPrefix(line, "<14>") {
			continue
		}
		p := &parser{}
		if !p.Match(line, nil) {
			continue
		}
		whole, err := read(p, line)
		if err != nil || strings.Contains(line, "CDATA") || strings.Contains(line, "&amp;") {
			continue
		}
		step := 1 + len(line)/700
		for n := 40; n < len(line); n += step {
			if !p.Match(line[:n], nil) {
				continue
			}
			cut, err := read(p, line[:n])
			if cut.Is(event.HasSrcPort) && cut.Is(event.HasDstPort) && whole.Is(event.HasPorts) && cut.Direction == event.In &&
				cut.SrcPort == whole.DstPort && cut.DstPort == whole.SrcPort {
				continue // without its layer, the event does not show which side is local
			}
			if cut.Is(event.HasSrcPort) && cut.SrcPort != whole.SrcPort && cut.SrcPort != whole.DstPort ||
				cut.Is(event.HasDstPort) && cut.DstPort != whole.DstPort && cut.DstPort != whole.SrcPort ||
				cut.Src.IsValid() && cut.Src != whole.Src && cut.Src != whole.Dst || cut.Dst.IsValid() && cut.Dst != whole.Dst && cut.Dst != whole.Src ||
				cut.Is(event.HasPID) && cut.PID != whole.PID || cut.Is(event.HasProto) && cut.Proto != whole.Proto {
				t.Fatalf("%q:\n got %+v, %v\nwant none or %+v", line[:n], cut, err, whole)
			}
			if err == nil && cut.Note == "" && (cut.Src != whole.Src || cut.Dst != whole.Dst || cut.SrcPort != whole.SrcPort ||
				cut.DstPort != whole.DstPort || cut.Proto != whole.Proto || cut.Rule != whole.Rule) {
				t.Fatalf("%q: no error, %+v", line[:n], cut)
			}
		}
	}
}

// The same parser reads an event alike whatever came before it.
func TestParserHasNoMemory(t *testing.T) {
	p := &parser{}
	for _, line := range testLines(t) {
		if !p.Match(line, nil) {
			continue
		}
		one, err := read(p, line)
		two, err2 := read(&parser{}, line)
		if one != two || !errors.Is(err2, err) {
			t.Errorf("%q\n%+v, %v\n%+v, %v", line, one, err, two, err2)
		}
	}
}

func TestParseDoesNotAllocate(t *testing.T) {
	for name, line := range map[string]string{"xml": benchXML(t), "text": benchText(t), "json": benchJSON(t)} {
		p := &parser{}
		var e event.Entry
		clock := parse.NewClock(parse.Hints{})
		r := parse.Record{Entry: &e, Clock: &clock}
		pass := func() {
			e = event.Entry{}
			if err := p.Parse(line, &r); err != nil {
				t.Fatal(err)
			}
		}
		pass()
		if n := testing.AllocsPerRun(50, pass); n != 0 { // JSON has its paths unescaped in chunks
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, line := range testLines(f) {
		f.Add(line)
	}
	p := &parser{}
	f.Fuzz(func(t *testing.T, line string) {
		matched := p.Match(line, nil)
		if matched != (&parser{}).Match(line, nil) {
			t.Fatalf("%q: Match depends on what came before", line)
		}
		if matched {
			one, err := read(p, line)
			two, err2 := read(&parser{}, line)
			if one != two || !errors.Is(err2, err) {
				t.Fatalf("%q is read in two ways:\n%+v, %v\n%+v, %v", line, one, err, two, err2)
			}
			if one.Src.Zone() != "" || one.Dst.Zone() != "" || one.Src.Is4In6() || one.Dst.Is4In6() {
				t.Fatalf("%q: addresses %v, %v", line, one.Src, one.Dst)
			}
		}
		var e event.Entry
		s := session()
		s.Parse(line, &e)
		if len(line) <= event.MaxRaw && e.Raw != line {
			t.Fatalf("raw is %q, want %q", e.Raw, line)
		}
		if e.Format == event.WFP && e.Error == "" && e.Note == "" && e.Action == event.ActionUnknown {
			t.Fatalf("%q has neither an action nor a reason for that", line)
		}
	})
}

func firstLine(t testing.TB, file, prefix string) string {
	t.Helper()
	for line := range golden.Lines(t, "testdata/"+file) {
		if strings.HasPrefix(line, prefix) {
			return line
		}
	}
	t.Fatal("no such line")
	return ""
}

func benchXML(t testing.TB) string  { return firstLine(t, "xml.log", "<Event") }
func benchText(t testing.TB) string { return firstLine(t, "text.log", "The Windows") }
func benchJSON(t testing.TB) string { return firstLine(t, "json.log", `{"@timestamp"`) }

func BenchmarkParse(b *testing.B) {
	for _, bb := range []struct{ name, line string }{
		{"xml", benchXML(b)},
		{"text", benchText(b)},
		{"json", benchJSON(b)},
		{"snare", firstLine(b, "text.log", "MSWinEventLog")},
		{"localised", firstLine(b, "text.log", "MSWinEventLog\t1\tSecurity\t4711\tMon Jan 05 10:11:12 2026\t5157\tMicrosoft-Windows-Security-Auditing\tN/A\tN/A\tFailure Audit\tmx1.example.net\tFiltering Platform Connection\t\tDie")},
		{"session", benchXML(b)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			p, s := &parser{}, session()
			var e event.Entry
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

// Lines of other formats must cost next to nothing.
func BenchmarkMatch(b *testing.B) {
	for _, bb := range []struct{ name, line string }{
		{"netfilter", `[UFW BLOCK] IN=eth0 OUT= MAC=52:54:00:aa:bb:01:52:54:00:aa:bb:fe:08:00 SRC=203.0.113.9 DST=192.0.2.25 LEN=60 TOS=0x00 PREC=0x00 TTL=51 ID=40221 DF PROTO=TCP SPT=51234 DPT=25 WINDOW=64240 RES=0x00 SYN URGP=0 `},
		{"postfix", `9F8A01C0D3: to=<user@example.com>, relay=mx.example.com[203.0.113.19]:25, delay=30, delays=0.1/0/30/0, dsn=4.4.1, status=deferred (connect to mx.example.com[203.0.113.19]:25: Connection timed out)`},
		{"json", `{"timestamp":"2026-01-05T10:11:12.345678+0100","dvc":"Netfilter","raw.pktlen":60,"oob.prefix":"smtp-in-drop","oob.in":"eth0","src_ip":"203.0.113.9","dest_ip":"192.0.2.25","src_port":51234,"dest_port":25,"ip.protocol":6}`},
	} {
		b.Run(bb.name, func(b *testing.B) {
			p := &parser{}
			for b.Loop() {
				if p.Match(bb.line, nil) {
					b.Fatal("claimed")
				}
			}
		})
	}
}

// However a line is made, reading it takes time and memory in proportion to its length.
func TestHostileLines(t *testing.T) {
	const head = `<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><EventID>5157</EventID></System><EventData>`
	for _, line := range []string{
		head + "<Data Name='Application'>" + strings.Repeat("<![CDATA[x]]>", 4500) + "</Data>",
		head + strings.Repeat("<", 60_000),
		head + strings.Repeat("<a b='c'", 7000),
		head + strings.Repeat("&amp;", 12_000),
		head + "<Data Name='Application'>" + strings.Repeat("&amp;", 12_000) + "</Data>",
		head + strings.Repeat("<Data>&#1;</Data>", 3500),
		"The Windows Filtering Platform has blocked a packet. " + strings.Repeat(" Protocol:", 6000),
		"The Windows Filtering Platform has blocked a packet. " + strings.Repeat("                :", 3500),
		`The Windows Filtering Platform has blocked a packet. :\t` + strings.Repeat(`\t`, 30_000) + "Protocol:",
		"MSWinEventLog\t1\tSecurity\t1\tx\t5157\tx\tx\tx\tx\tx\tx\tx\t" + strings.Repeat("a:  b  ", 9000),
		`{"EventID":5157,"Channel":"Security","EventData":"` + strings.Repeat("<Data>1</Data>", 4000) + `"}`,
	} {
		p := &parser{}
		if !p.Match(line, nil) {
			t.Errorf("%.80s: not claimed", line)
		}
		n := testing.AllocsPerRun(1, func() { _, _ = read(p, line) })
		if n > 4000 {
			t.Errorf("%.80s: %v allocations", line, n)
		}
	}
}
