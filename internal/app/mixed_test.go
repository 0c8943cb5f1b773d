package app

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailstop/event"
	"mailstop/internal/config"
	"mailstop/internal/golden"
	"mailstop/parse"
)

// A reviewed line is a line of a format's test data, with what its folder's golden file says of it.
type reviewed struct {
	file, line, format string
}

// reviewedLines returns the test lines of all formats but header lines.
func reviewedLines(t *testing.T) []reviewed {
	t.Helper()
	logs, err := filepath.Glob("../../parse/*/testdata/*.log")
	if err != nil {
		t.Fatal(err)
	}
	var out []reviewed
	for _, log := range logs {
		name := filepath.Base(filepath.Dir(filepath.Dir(log))) + "/" + filepath.Base(log)
		if name == "awsvpc/custom.log" || name == "pfirewall/columns.log" {
			continue // columns in an order that only the lines before them tell
		}
		b, err := os.ReadFile(strings.TrimSuffix(log, ".log") + ".golden")
		if err != nil {
			t.Fatal(err)
		}
		results := strings.Split(string(b), "\n")
		i := 0
		for line := range golden.Lines(t, log) {
			var e struct{ Format, Note, Error string }
			if i < len(results) && json.Unmarshal([]byte(results[i]), &e) == nil && e.Note != event.NoteHeader && e.Format != "" {
				out = append(out, reviewed{name, line, e.Format})
			}
			i++
		}
	}
	return out
}

// TestMixedLines reads the test lines of all formats as one file, in several orders: each line is read as the format that
// its own folder reads it as, whatever was read before.
func TestMixedLines(t *testing.T) {
	lines := reviewedLines(t)
	formats := map[string]int{}
	for _, l := range lines {
		formats[l.format]++
	}
	for _, f := range event.Formats()[1:] {
		if formats[f.String()] == 0 {
			t.Errorf("no test line of %s", f)
		}
	}
	wrong := map[string]bool{}
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 7))
		rng.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		s := parse.NewSession(Table(config.Default()), event.FormatUnknown, "")
		s.Resume(parse.State{Clock: parse.NewClock(parse.Hints{Reference: time.Date(2026, 1, 6, 0, 0, 0, 0, time.UTC)})})
		var e event.Entry
		for _, l := range lines {
			s.Parse(l.line, &e)
			if e.Format.String() != l.format && !wrong[l.line] {
				wrong[l.line] = true
				t.Errorf("%s: read as %q, alone as %s:\n%s", l.file, e.Format, l.format, l.line)
			}
		}
	}
	t.Logf("%d lines of %d formats", len(lines), len(formats))
}
