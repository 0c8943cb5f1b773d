// Package mailtest holds what the tests of the mail servers' formats share. It is for tests only.
package mailtest

import (
	"errors"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"mailstop/event"
	"mailstop/internal/golden"
	"mailstop/parse"
)

// Session returns a session that knows one format, reads zoneless stamps as UTC, and stands on January 6, 2026.
func Session(k parse.Kind, layers ...parse.Layer) *parse.Session {
	s := parse.NewSession(parse.Table{Layers: layers, Kinds: []parse.Kind{k}}, event.FormatUnknown, "")
	s.Resume(parse.State{Clock: clock()})
	return s
}

func clock() parse.Clock {
	return parse.NewClock(parse.Hints{Reference: time.Date(2026, 1, 6, 0, 0, 0, 0, time.UTC)})
}

// Corpus returns the lines of a file below the corpus' folder mail.
func Corpus(t testing.TB, name string) []string {
	t.Helper()
	return golden.CorpusLines(t, "mail/"+name)
}

// Documented fails if the format does not read an example of its own documentation.
func Documented(t *testing.T, k parse.Kind, layers ...parse.Layer) {
	t.Helper()
	if k.Anchor == "" || k.Doc.Title == "" || len(k.Doc.Accepts) == 0 || len(k.Doc.Examples) < 2 || len(k.Doc.Sources) == 0 {
		t.Errorf("the documentation is not complete: %+v", k.Doc)
	}
	s := Session(k, layers...)
	for _, line := range k.Doc.Examples {
		var e event.Entry
		s.Parse(line, &e)
		if e.Error != "" || e.Note == "" && (e.Format != k.Format || e.TimeQuality == event.TimeNone || e.Delivery == nil) {
			t.Errorf("%s\n%s", line, e.AppendJSON(nil))
		}
	}
}

// Match fails for each body that the format does not claim, or not leave alone, as told. The program stands before the
// body, with a bar behind it.
func Match(t *testing.T, k parse.Kind, bodies map[string]bool) {
	t.Helper()
	for line, want := range bodies {
		program, body, _ := strings.Cut(line, "|")
		r := &parse.Record{Entry: new(event.Entry), Program: program}
		if got := k.New().Match(body, r); got != want {
			t.Errorf("Match(%q) = %t, want %t", line, got, want)
		}
	}
}

// Cut fails if a line that lost its end tells what the whole line does not.
func Cut(t *testing.T, s func() *parse.Session, lines []string) {
	t.Helper()
	for _, line := range lines {
		var whole event.Entry
		s().Parse(line, &whole)
		if whole.Delivery == nil || whole.Error != "" {
			continue
		}
		w := whole.Delivery
		for n := range len(line) {
			var e event.Entry
			s().Parse(line[:n], &e)
			d := e.Delivery
			if d == nil {
				continue
			}
			if d.RemoteIP.IsValid() && d.RemoteIP != w.RemoteIP || d.RcptDomain != "" && d.RcptDomain != w.RcptDomain && !endsIn(line[:n], d.RcptDomain) ||
				d.Status != event.StatusNone && d.Status != w.Status || d.SMTPCode != 0 && d.SMTPCode != w.SMTPCode ||
				d.RemoteHost != "" && d.RemoteHost != w.RemoteHost && !endsIn(line[:n], d.RemoteHost) ||
				d.RemotePort != 0 && d.RemotePort != w.RemotePort && n < len(line) && line[n]-'0' > 9 && !d.PortAssumed {
				t.Errorf("%s\ncut %s\nwhole %s", line[:n], e.AppendJSON(nil), whole.AppendJSON(nil))
				break
			}
		}
	}
}

// endsIn reports whether a line was cut within a name, which nothing tells.
func endsIn(line, name string) bool {
	return strings.HasSuffix(strings.TrimSuffix(strings.ToLower(line), "."), strings.TrimSuffix(strings.ToLower(name), "."))
}

// Fuzz looks for lines that are read differently the second time, or that need more memory than some multiple of their
// length; and for entries that contradict themselves.
func Fuzz(f *testing.F, k parse.Kind, layers ...parse.Layer) {
	logs, err := filepath.Glob("testdata/*.log")
	if err != nil || len(logs) == 0 {
		f.Fatal("no test data", err)
	}
	for _, log := range logs {
		for line := range golden.Lines(f, log) {
			f.Add(line)
		}
	}
	used := k.New()
	session := Session(k, layers...)
	f.Fuzz(func(t *testing.T, line string) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		first, matched, err := read(used, line)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<18+uint64(len(line))*16 {
			t.Fatalf("%d bytes allocated for %d", n, len(line))
		}
		again, matched2, err2 := read(used, line)
		if matched != matched2 || !errors.Is(err2, err) || string(first.AppendJSON(nil)) != string(again.AppendJSON(nil)) {
			t.Fatalf("%q is read differently the second time:\n%s\n%s", line, first.AppendJSON(nil), again.AppendJSON(nil))
		}
		if matched {
			consistent(t, line, &first, err)
		}
		var e event.Entry
		session.Parse(line, &e)
		if e.Count == 0 || strings.Contains(e.Error, "\n") {
			t.Fatalf("%q: %+v", line, e)
		}
	})
}

func consistent(t *testing.T, line string, e *event.Entry, err error) {
	t.Helper()
	switch d := e.Delivery; {
	case d == nil && e.Note == "" && err == nil, err != nil && e.Note != "":
		t.Fatalf("%q is neither a delivery nor a note nor wrong, or two of them: %+v, %v", line, e, err)
	case len(e.Raw) > len(line):
		t.Fatalf("raw is %q of %q", e.Raw, line)
	case d == nil:
	case d.PortAssumed && d.RemotePort == 0, d.HasDelay && d.Delay < 0, d.Before < 0, strings.Contains(d.RcptDomain, "@"), len(d.Reason) > len(line),
		d.RemoteIP.Zone() != "", d.RemoteIP.Is4In6():
		t.Fatalf("%q: %+v", line, d)
	}
}

// read has a parser read one body, and reports whether the parser claims it.
func read(p parse.Parser, body string) (e event.Entry, matched bool, err error) {
	c := clock()
	e = event.Entry{Count: 1, Raw: body}
	r := &parse.Record{Entry: &e, Clock: &c}
	if !p.Match(body, r) {
		return event.Entry{}, false, nil
	}
	err = p.Parse(body, r)
	return e, true, err
}

// NoAllocations fails if reading a line needs memory for itself alone, beyond the chunks that many lines share.
func NoAllocations(t *testing.T, s *parse.Session, lines []string) {
	t.Helper()
	e := new(event.Entry)
	for _, line := range lines {
		if n := testing.AllocsPerRun(200, func() { s.Parse(line, e) }); n >= 1 {
			t.Errorf("%v allocations: %s", n, line)
		}
	}
}

// Bench measures reading lines as a session does.
func Bench(b *testing.B, s *parse.Session, lines ...string) {
	b.Helper()
	size := 0
	for _, line := range lines {
		size += len(line) + 1
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	e := new(event.Entry)
	for b.Loop() {
		for _, line := range lines {
			s.Parse(line, e)
		}
	}
	if e.Error != "" {
		b.Fatal(e.Error)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(lines)), "ns/line")
}

// NoMatch measures what a line of another format costs.
func NoMatch(b *testing.B, k parse.Kind, body string) {
	b.Helper()
	p, r := k.New(), &parse.Record{Entry: new(event.Entry), Program: "kernel"}
	for b.Loop() {
		if p.Match(body, r) {
			b.Fatal("claimed")
		}
	}
}

// Netfilter is a body of another format, for NoMatch.
const Netfilter = "[UFW BLOCK] IN= OUT=eth0 SRC=192.0.2.10 DST=203.0.113.19 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=54321 DF " +
	"PROTO=TCP SPT=40000 DPT=25 WINDOW=64240 RES=0x00 SYN URGP=0 "
