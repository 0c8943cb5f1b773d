// Package parsetest holds what the tests of small formats share. It is for tests only.
package parsetest

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

// Golden holds what a session makes of each file in testdata against the golden file beside it.
func Golden(t *testing.T, k parse.Kind, layers ...parse.Layer) {
	t.Helper()
	for _, log := range logs(t) {
		s := Session(k, layers...)
		golden.Files(t, log, func(line string) []byte {
			var e event.Entry
			s.Parse(line, &e)
			return e.AppendJSON(nil)
		})
	}
}

func logs(t testing.TB) []string {
	t.Helper()
	logs, err := filepath.Glob("testdata/*.log")
	if err != nil || len(logs) == 0 {
		t.Fatal("no test data", err)
	}
	return logs
}

// Lines returns the lines of the files in testdata.
func Lines(t testing.TB) []string {
	t.Helper()
	var lines []string
	for _, log := range logs(t) {
		for line := range golden.Lines(t, log) {
			lines = append(lines, line)
		}
	}
	return lines
}

// Read has a parser read one body, and reports whether the parser claims it.
func Read(p parse.Parser, body string) (e event.Entry, matched bool, err error) {
	c := clock()
	e.Count = 1
	r := &parse.Record{Entry: &e, Clock: &c}
	if !p.Match(body, r) {
		return event.Entry{}, false, nil
	}
	err = p.Parse(body, r)
	return e, true, err
}

// Match fails for each body that the format does not claim, or not leave alone, as told.
func Match(t *testing.T, k parse.Kind, bodies map[string]bool) {
	t.Helper()
	for body, want := range bodies {
		if got := k.New().Match(body, &parse.Record{Entry: new(event.Entry)}); got != want {
			t.Errorf("Match(%q) = %t, want %t", body, got, want)
		}
	}
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
		if e.Error != "" || e.Note == "" && (e.Format != k.Format || e.TimeQuality == event.TimeNone || !e.Src.IsValid()) {
			t.Errorf("%s\n%s", line, e.AppendJSON(nil))
		}
	}
}

// Cut fails if a line that lost its end has an address, a port, a protocol or a verdict that the whole line has not.
func Cut(t *testing.T, k parse.Kind, s func() *parse.Session, lines []string) {
	t.Helper()
	for _, line := range lines {
		var whole event.Entry
		s().Parse(line, &whole)
		for n := range len(line) {
			var e event.Entry
			s().Parse(line[:n], &e)
			if e.Format != k.Format {
				continue
			}
			if e.Src.IsValid() && e.Src != whole.Src || e.Dst.IsValid() && e.Dst != whole.Dst ||
				e.Is(event.HasSrcPort) && (!whole.Is(event.HasSrcPort) || e.SrcPort != whole.SrcPort) ||
				e.Is(event.HasDstPort) && (!whole.Is(event.HasDstPort) || e.DstPort != whole.DstPort) ||
				e.Is(event.HasProto) && (!whole.Is(event.HasProto) || e.Proto != whole.Proto) ||
				e.Is(event.HasTCPFlags) && e.TCPFlags != whole.TCPFlags ||
				e.Is(event.HasICMPType) && e.ICMPType != whole.ICMPType ||
				e.Action != event.ActionUnknown && e.Action != whole.Action {
				t.Errorf("%s\ncut %s\nwhole %s", line[:n], e.AppendJSON(nil), whole.AppendJSON(nil))
				break
			}
		}
	}
}

// NoAllocations fails if reading lines that were seen before needs memory.
func NoAllocations(t *testing.T, s *parse.Session, lines []string) {
	t.Helper()
	e := new(event.Entry)
	pass := func(line string) float64 {
		s.Parse(line, e)
		return testing.AllocsPerRun(10, func() { s.Parse(line, e) })
	}
	for _, line := range lines {
		if n := pass(line); n != 0 {
			t.Errorf("%v allocations: %s", n, line)
		}
	}
}

// Fuzz looks for lines that are read differently the second time, that change the raw text, or that need more memory than
// some multiple of their length; and for entries that contradict themselves.
func Fuzz(f *testing.F, k parse.Kind, layers ...parse.Layer) {
	for _, line := range append(Lines(f), k.Doc.Examples...) {
		f.Add(line)
	}
	used := k.New()
	session := Session(k, layers...)
	f.Fuzz(func(t *testing.T, line string) {
		first, matched, err := Read(k.New(), line)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		again, matched2, err2 := Read(used, line)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<17+uint64(len(line))*64 {
			t.Fatalf("%d bytes allocated for %d", n, len(line))
		}
		if matched != matched2 || first != again || !errors.Is(err2, err) {
			t.Fatalf("%q is read differently the second time:\n%+v, %v\n%+v, %v", line, first, err, again, err2)
		}
		if err != nil && first.Note != "" || (first.Action == event.ActionUnknown) != (first.Verdict == event.VerdictNone) {
			t.Fatalf("%q: %+v, %v", line, first, err)
		}
		var e event.Entry
		session.Parse(line, &e)
		if len(line) <= event.MaxRaw && e.Raw != line {
			t.Fatalf("raw is %q, want %q", e.Raw, line)
		}
		if e.Count == 0 || strings.Contains(e.Error, "\n") {
			t.Fatalf("%q: %+v", line, e)
		}
	})
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
