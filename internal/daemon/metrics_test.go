package daemon

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var update = flag.Bool("update", false, "rewrite the golden files and the table in docs/metrics.md")

// scrape returns the lines of Mailstop's own metrics.
func scrape(t *testing.T, g prometheus.Gatherer) string {
	t.Helper()
	s := Server{Metrics: g}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	if !strings.Contains(w.Body.String(), "go_goroutines ") {
		t.Error("no metrics of the Go runtime")
	}
	return regexp.MustCompile(`(?m)^(# (HELP|TYPE) )?(go|process|promhttp)_.*\n`).ReplaceAllString(w.Body.String(), "")
}

func full(now time.Time) Snapshot {
	return Snapshot{
		Sources: []Source{
			{Name: "kafka firewall", Lines: 2_000_000, Entries: 1_999_000, Unparsed: 1000, Bytes: 400_000_000, Parts: []Part{
				{Name: "firewall/0", Lag: 1200, Messages: true, Behind: now.Add(-3 * time.Second)}, {Name: "firewall/1", Messages: true},
			}},
			{Name: "/var/log/ufw.log", Lines: 10, Entries: 9, Bytes: 2000, Problem: true, Parts: []Part{
				{Name: "/var/log/ufw.log", Lag: 4096, Behind: now.Add(time.Hour)}, // by a clock that is wrong
			}},
			{Name: "syslog udp", Dropped: 17},
			{Name: "kafka firewall", Lines: 1}, // the same name again
			{Name: "/logs/a\"b\\c\nd\xff", Lines: 3, Parts: []Part{{Name: strings.Repeat("é", 300), Lag: -1}}},
		},
		Batches: 500, Extents: 40, StoreRetries: 2, DeadLetters: 1,
		Changes: []Change{{"mail-out-blocked", "high", 3}, {"mail-out-blocked", "info", 1}, {"mail-out-blocked", "high", 1}},
		Open:    []Open{{"mail-out-blocked", 2}}, DetectorBytes: 1 << 20,
		Checkpoint: now, CheckpointErrors: 4, HasStore: true, StoreUp: true,
	}
}

var ages = regexp.MustCompile(`(?m)^(mailstop_(?:checkpoint_age_seconds|source_lag_seconds\{.*\})) ([1-9][0-9.e-]*|0\.[0-9]+)$`)

func TestMetrics(t *testing.T) {
	now := time.Now()
	s := full(now)
	got := scrape(t, NewRegistry(func() Snapshot { return s }, Build{"1.2.3", "abc", "go1.26"}))
	for _, m := range metrics {
		if !strings.Contains(got, "\n"+m.name) {
			t.Errorf("%s is missing", m.name)
		}
	}
	got = ages.ReplaceAllString(got, "$1 AGE")
	const path = "testdata/metrics.golden"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("run with -update and review the diff\n%s", got)
	}
}

func TestNoStoreNoCheckpoint(t *testing.T) {
	got := scrape(t, NewRegistry(func() Snapshot { return Snapshot{} }, Build{}))
	for _, absent := range []string{"mailstop_store_up", "mailstop_checkpoint_age_seconds", "mailstop_lines_total"} {
		if strings.Contains(got, absent) {
			t.Errorf("%s is there", absent)
		}
	}
	if !strings.Contains(got, "mailstop_batches_total 0\n") {
		t.Error(got)
	}
}

// However many parts there are, there is a bounded number of series, and none is missing in the sum.
func TestPartsAreBounded(t *testing.T) {
	var s Snapshot
	reg := NewRegistry(func() Snapshot { return s }, Build{})
	parts := func(from, to int) []Part {
		var out []Part
		for i := from; i < to; i++ {
			out = append(out, Part{Name: fmt.Sprint("p", i), Lag: 1, Behind: time.Now().Add(-time.Minute)})
		}
		return out
	}
	s.Sources = []Source{{Name: "a", Parts: parts(0, 100)}, {Name: "b", Parts: parts(0, 2000)}}
	got := scrape(t, reg)
	if n := strings.Count(got, "\nmailstop_source_lag_bytes{"); n != maxParts+1 {
		t.Errorf("%d series", n)
	}
	if !strings.Contains(got, `mailstop_source_lag_bytes{part="(other)",source="(other)"} 1600`+"\n") {
		t.Error("the sum of the others is wrong")
	}
	// Parts go; the next ones that come have room.
	s.Sources = []Source{{Name: "b", Parts: append(parts(3000, 3010), parts(0, 400)...)}}
	got = scrape(t, reg)
	if n := strings.Count(got, "\nmailstop_source_lag_bytes{"); n != 410 || strings.Contains(got, "(other)") {
		t.Errorf("%d series\n", n)
	}
}

// The sum of sources without a label of their own never falls, and no source changes its label.
func TestSourcesAreBounded(t *testing.T) {
	var s Snapshot
	reg := NewRegistry(func() Snapshot { return s }, Build{})
	expect := func(want string) {
		t.Helper()
		if got := scrape(t, reg); !strings.Contains(got, want+"\n") {
			t.Errorf("no %s", want)
		}
	}
	for i := range maxSources + 10 {
		s.Sources = append(s.Sources, Source{Name: fmt.Sprint("s", i), Lines: 100})
	}
	expect(`mailstop_lines_total{source="(other)"} 1000`)
	if n := strings.Count(scrape(t, reg), "\nmailstop_lines_total{"); n != maxSources+1 {
		t.Errorf("%d series", n)
	}
	s.Sources[maxSources+3].Lines += 5
	s.Sources[maxSources+3].Problem = true
	expect(`mailstop_lines_total{source="(other)"} 1005`)
	expect(`mailstop_source_problem{source="(other)"} 1`)
	s.Sources = s.Sources[10 : maxSources+2] // ten with labels and eight of the others go
	expect(`mailstop_lines_total{source="(other)"} 1005`)
	s.Sources = append(s.Sources, Source{Name: "new", Lines: 1})
	expect(`mailstop_lines_total{source="new"} 1`)
	expect(fmt.Sprintf(`mailstop_lines_total{source="s%d"} 100`, maxSources-1))
	expect(`mailstop_lines_total{source="(other)"} 1005`)
	expect(`mailstop_source_problem{source="(other)"} 0`)
}

// docs/metrics.md has a row for each metric, as the code has it.
func TestDocumentation(t *testing.T) {
	var b strings.Builder
	b.WriteString("| name | type | labels | meaning |\n|---|---|---|---|\n")
	for _, m := range metrics {
		kind := "gauge"
		if m.kind == prometheus.CounterValue {
			kind = "counter"
		}
		labels := ""
		if len(m.labels) > 0 {
			labels = "`" + strings.Join(m.labels, "` `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.name, kind, labels, m.help)
		if m.kind == prometheus.CounterValue != strings.HasSuffix(m.name, "_total") {
			t.Errorf("%s: counters, and only they, end in _total", m.name)
		}
	}
	const path = "../../docs/metrics.md"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	table := regexp.MustCompile(`(?m)^\| name \|.*\n(\|.*\n)+`)
	found := table.Find(page)
	if found == nil {
		t.Fatal("docs/metrics.md has no table")
	}
	if *update {
		if err := os.WriteFile(path, []byte(table.ReplaceAllLiteralString(string(page), b.String())), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(found) != b.String() {
		t.Errorf("docs/metrics.md is not what the code has: run with -update\n%s", b.String())
	}
	for _, m := range regexp.MustCompile(`\bmailstop_[a-z_]+[a-z]\b`).FindAllString(string(page), -1) {
		if !strings.Contains(b.String(), "`"+m+"`") {
			t.Errorf("docs/metrics.md names %s, which does not exist", m)
		}
	}
}

var errStore = errors.New("the store refuses:\n<b>disk full</b>")
