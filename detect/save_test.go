package detect_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"mailstop/detect"
	"mailstop/detect/story"
	"mailstop/event"
	"mailstop/internal/bench"
	"mailstop/internal/state"
	"mailstop/parse"
	"mailstop/parse/netfilter"
	"mailstop/parse/syslog"
)

// said is what a group hands out after a few entries.
type said struct {
	findings []event.Finding
	counts   []event.Count
}

// run is a log that a group reads step by step.
type run struct {
	site    detect.Site
	entries []event.Entry
	step    int // entries between two questions
}

func (r *run) steps() int { return (len(r.entries) + r.step - 1) / r.step }

func (r *run) group() *detect.Group { return detect.NewGroup(0, all(r.site), r.site, true) }

// take reads step i and returns what is said. Roll-ups are taken at every other step, so that some are pending.
func (r *run) take(g *detect.Group, i int) said {
	part := slices.Clone(r.entries[i*r.step : min((i+1)*r.step, len(r.entries))])
	g.Observe(part)
	clear(part) // whoever keeps views into a batch is found out
	s := said{findings: g.Findings(nil, false)}
	if i%2 == 0 {
		s.counts = g.TakeCounts()
	}
	return s
}

// end returns what is said at last.
func (r *run) end(g *detect.Group) said { return said{g.Findings(nil, true), g.TakeCounts()} }

// moved returns a new group with the memory of g.
func (r *run) moved(t *testing.T, g *detect.Group) *detect.Group {
	t.Helper()
	b, err := g.Save([]byte("x"))
	if err != nil || b[0] != 'x' {
		t.Fatal(err)
	}
	src := bytes.Clone(b[1:])
	next := r.group()
	if err := next.Load(src); err != nil {
		t.Fatal(err)
	}
	clear(src)
	if again, err := next.Save(nil); err != nil || !bytes.Equal(again, b[1:]) {
		t.Fatalf("the loaded group saves other bytes (%v)", err)
	}
	return next
}

// check cuts the run at many places, and goes on with another group each time.
func (r *run) check(t *testing.T, cuts []int, moves map[int]bool) {
	t.Helper()
	n := r.steps()
	want := make([]said, n+1)
	var saved [][]byte
	g := r.group()
	for i := range n {
		if len(saved) < len(cuts) && cuts[len(saved)] == i {
			b, err := g.Save(nil)
			if err != nil {
				t.Fatal(err)
			}
			saved = append(saved, b)
		}
		want[i] = r.take(g, i)
	}
	want[n] = r.end(g)
	compare := func(what string, i int, got said) bool {
		if !reflect.DeepEqual(got, want[i]) {
			t.Errorf("%s, step %d of %d: %s", what, i, n, differ(got, want[i]))
			return false
		}
		return true
	}
	for k, b := range saved {
		g := r.group()
		if err := g.Load(b); err != nil {
			t.Fatal(err)
		}
		good := true
		for i := cuts[k]; i < n && good; i++ {
			good = compare(fmt.Sprint("cut at ", cuts[k]), i, r.take(g, i))
		}
		if !good || !compare(fmt.Sprint("cut at ", cuts[k]), n, r.end(g)) {
			return
		}
	}
	g = r.group()
	for i := range n {
		if moves[i] {
			g = r.moved(t, g)
		}
		if !compare("moved again and again", i, r.take(g, i)) {
			return
		}
	}
	compare("moved again and again", n, r.end(r.moved(t, g)))
}

// differ says in what two sayings differ.
func differ(got, want said) string {
	if len(got.findings) == len(want.findings) {
		for i := range got.findings {
			if !reflect.DeepEqual(got.findings[i], want.findings[i]) {
				return fmt.Sprintf("finding %d\n got %+v\nwant %+v", i, got.findings[i], want.findings[i])
			}
		}
	}
	return fmt.Sprintf("%d findings and %d counts, want %d and %d", len(got.findings), len(got.counts), len(want.findings), len(want.counts))
}

// cuts returns every step of a short run, and some of a long one.
func (r *run) cuts(most int) ([]int, map[int]bool) {
	n := r.steps()
	var at []int
	for i := range n {
		at = append(at, i)
	}
	rnd := rand.New(rand.NewPCG(uint64(n), 1))
	some := func(most int) []int {
		rnd.Shuffle(n, func(i, j int) { at[i], at[j] = at[j], at[i] })
		out := slices.Clone(at[:min(n, most)])
		slices.Sort(out)
		return out
	}
	moves := map[int]bool{}
	for _, i := range some(2 * most) {
		moves[i] = true
	}
	return some(most), moves
}

// A group that is saved and loaded at any line goes on as if nothing had happened.
func TestStoriesResumed(t *testing.T) {
	files, err := filepath.Glob("testdata/*.story")
	if err != nil || len(files) == 0 {
		t.Fatal("no stories", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".story"), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			s, err := story.Parse(string(text))
			if err != nil {
				t.Fatal(err)
			}
			r := run{site: s.Site, entries: s.Entries, step: max(1, len(s.Entries)/200)}
			most := 4
			if testing.Short() {
				most = 1
			}
			cuts, moves := r.cuts(most)
			r.check(t, cuts, moves)
		})
	}
}

// generated returns the entries of the benchmark's log.
func generated(t testing.TB, lines int) []event.Entry {
	t.Helper()
	var log bytes.Buffer
	if err := bench.Generate(&log, lines); err != nil {
		t.Fatal(err)
	}
	session := parse.NewSession(parse.Table{
		Layers: []parse.Layer{syslog.Layer()}, Kinds: []parse.Kind{netfilter.Kind(nil)},
	}, event.FormatUnknown, "")
	session.Resume(parse.State{Clock: parse.NewClock(parse.Hints{Zone: time.UTC, Year: 2026})})
	es := make([]event.Entry, 0, lines)
	for line := range strings.Lines(log.String()) {
		var e event.Entry
		session.Parse(strings.TrimSuffix(line, "\n"), &e)
		e.Source = "/var/log/generated.log"
		es = append(es, e)
	}
	return es
}

var benchSite = detect.Site{Servers: []netip.Addr{netip.MustParseAddr("192.0.2.25")}}

func TestGeneratedResumed(t *testing.T) {
	r := run{site: benchSite, entries: generated(t, 30_000), step: 500}
	cuts, moves := r.cuts(5)
	r.check(t, cuts, moves)
}

func TestCorpusResumed(t *testing.T) {
	for _, c := range []struct {
		file string
		year int
	}{
		{"netfilter/teliten__log.plemma/ufw.log.2.gz", 2022},
		{"netfilter/dunneja__py-fw-log/iptables.log", 2022},
	} {
		es := corpus(t, c.file, c.year)
		r := run{entries: es[:min(len(es), 40_000)], step: 400}
		cuts, moves := r.cuts(4)
		r.check(t, cuts, moves)
	}
}

// Another site changes what is found from then on, and breaks nothing.
func TestResumedElsewhere(t *testing.T) {
	r := run{site: benchSite, entries: generated(t, 4_000), step: 100}
	g := r.group()
	for i := range r.steps() / 2 {
		r.take(g, i)
	}
	b, err := g.Save(nil)
	if err != nil {
		t.Fatal(err)
	}
	r.site = detect.Site{Ports: []uint16{25, 587, 8080}, Networks: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}
	other := r.group()
	if err := other.Load(b); err != nil {
		t.Fatal(err)
	}
	found := map[uint16]bool{}
	for i := r.steps() / 2; i < r.steps(); i++ {
		for _, f := range r.take(other, i).findings {
			found[f.Port] = true
		}
	}
	r.end(other)
	if !found[587] {
		t.Errorf("found at ports %v", found)
	}
}

// A group that counts and one that does not can take each other's memory.
func TestLoadWithoutCounts(t *testing.T) {
	r := run{site: benchSite, entries: generated(t, 2_000), step: 500}
	counting, silent := r.group(), detect.NewGroup(0, all(r.site), r.site, false)
	for _, g := range []*detect.Group{counting, silent} {
		g.Observe(slices.Clone(r.entries))
	}
	for _, from := range []*detect.Group{counting, silent} {
		b, err := from.Save(nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, count := range []bool{true, false} {
			g := detect.NewGroup(0, all(r.site), r.site, count)
			if err := g.Load(b); err != nil {
				t.Fatal(err)
			}
			g.Observe(slices.Clone(r.entries[:10]))
			rows := g.TakeCounts()
			if want := count && from == counting; (len(rows) > 10) != want {
				t.Errorf("counts %t, from one that counts %t: %d rows", count, from == counting, len(rows))
			}
		}
	}
}

// Bytes of other detectors are told apart, and damaged ones change nothing.
func TestLoadRefuses(t *testing.T) {
	r := run{site: benchSite, entries: generated(t, 3_000), step: 1000}
	g := r.group()
	r.take(g, 0)
	b, err := g.Save(nil)
	if err != nil {
		t.Fatal(err)
	}
	target := r.group()
	r.take(target, 1)
	before, err := target.Save(nil)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(g *detect.Group, src []byte, want error) {
		t.Helper()
		if err := g.Load(src); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	two := func(ds []detect.Detector) *detect.Group { return detect.NewGroup(0, ds, r.site, true) }
	refused(two(all(r.site)[:3]), b, state.ErrLayout)
	swapped := all(r.site)
	swapped[0], swapped[1] = swapped[1], swapped[0]
	refused(two(swapped), b, state.ErrLayout)
	refused(two(append(all(r.site), all(r.site)...)), b, state.ErrDamaged)
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		bad := bytes.Clone(b)
		bad[4+rnd.IntN(len(b)-4)] ^= 1 << rnd.IntN(8)
		if err := target.Load(bad); err == nil {
			t.Error("damage is not noticed")
		}
		refused(target, b[:rnd.IntN(len(b))], state.ErrDamaged)
	}
	refused(target, nil, state.ErrDamaged)
	if after, err := target.Save(nil); err != nil || !bytes.Equal(after, before) {
		t.Errorf("a refused state has changed the group (%v)", err)
	}
}

func benchmarkGroup(b *testing.B, name string, g *detect.Group, fresh func() *detect.Group) {
	var out []byte
	b.Run("save/"+name, func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var err error
			if out, err = g.Save(out[:0]); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(out)), "bytes")
	})
	b.Run("load/"+name, func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := fresh().Load(out); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkGroup(b *testing.B) {
	r := run{site: benchSite, entries: generated(b, 100_000), step: 1000}
	idle, busy, full := r.group(), r.group(), r.group()
	idle.Observe(r.entries[:1000])
	busy.Observe(r.entries)
	var f flood
	for f.n < 1_000_000 {
		full.Observe(f.next(func(e *event.Entry, i uint64) {
			switch i % 5 {
			case 1:
				e.Dst = spoofed(i / 5)
			case 2:
				e.Host = fmt.Sprint("host", i%5000)
			case 3:
				e.Rule, e.Direction, e.DstPort = fmt.Sprint("rule", i%5000), event.Out, []uint16{25, 465, 587, 2525}[i/5%4]
				e.Src, e.Dst = e.Dst, spoofed(i)
			}
		}))
	}
	benchmarkGroup(b, "idle", idle, r.group)
	benchmarkGroup(b, "busy", busy, r.group)
	benchmarkGroup(b, "full", full, r.group)
}
