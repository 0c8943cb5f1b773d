// Package golden compares what a parser makes of test lines with files that people have reviewed. It is for tests only.
package golden

import (
	"compress/gzip"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// Files runs each line of the files that pattern names through read and compares the results, one per line, with the
// file of the same name that ends in .golden; with -update it writes that file. Empty lines and lines that begin with
// "# " group the others and are left out. It fails if pattern names no file.
func Files(t *testing.T, pattern string, read func(line string) []byte) {
	t.Helper()
	logs, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	if len(logs) == 0 {
		t.Fatalf("no file %s", pattern)
	}
	for _, log := range logs {
		t.Run(filepath.Base(log), func(t *testing.T) { file(t, log, read) })
	}
}

func file(t *testing.T, log string, read func(line string) []byte) {
	t.Helper()
	var lines []string
	var got strings.Builder
	for line := range Lines(t, log) {
		lines = append(lines, line)
		got.Write(read(line))
		got.WriteByte('\n')
	}
	path := strings.TrimSuffix(log, filepath.Ext(log)) + ".golden"
	if *update {
		if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v\nhint: run the test with -update and review the file", err)
	}
	g, w := strings.Split(got.String(), "\n"), strings.Split(string(want), "\n")
	if len(g) != len(w) {
		t.Errorf("%s has %d entries, want %d", log, len(g)-1, len(w)-1)
	}
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			t.Errorf("entry %d\nline %s\n got %s\nwant %s", i+1, lines[min(i, len(lines)-1)], g[i], w[i])
		}
	}
}

// Lines yields the test lines of a file, without comments and empty lines.
func Lines(t testing.TB, path string) func(yield func(string) bool) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return func(yield func(string) bool) {
		for line := range strings.SplitSeq(strings.TrimSuffix(string(b), "\n"), "\n") {
			if line == "" || strings.HasPrefix(line, "# ") {
				continue
			}
			if !yield(line) {
				return
			}
		}
	}
}

// Corpus returns the path of the reference corpus, beside the project's folder. Where it is missing the test is
// skipped; under continuous integration (CI=true) that is a failure.
func Corpus(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the test's folder")
		}
		dir = parent
	}
	path := filepath.Join(dir, "..", "shared", "corpus")
	if _, err := os.Stat(path); err != nil {
		Skip(t, "the corpus of foreign logs is not beside the project: "+err.Error())
	}
	return path
}

// CorpusLines returns the lines of a file of the corpus, unpacked if its name ends in .gz.
func CorpusLines(t testing.TB, name string) []string {
	t.Helper()
	f, err := os.Open(filepath.Join(Corpus(t), filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	b, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

// Skip skips the test, or fails it if CI=true.
func Skip(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}
