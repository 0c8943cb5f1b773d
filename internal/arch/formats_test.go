package arch_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every log format, and every container, brings golden files, a fuzz target and a benchmark.
func TestFormatsAreComplete(t *testing.T) {
	dirs, err := os.ReadDir("../../parse")
	if err != nil {
		t.Fatal(err)
	}
	formats := 0
	for _, d := range dirs {
		dir := filepath.Join("../../parse", d.Name())
		if !d.IsDir() {
			continue
		}
		kind, container := declares(t, dir, "Kind"), declares(t, dir, "Container")
		if !kind && !container {
			continue
		}
		if kind {
			formats++
		}
		t.Run(d.Name(), func(t *testing.T) { checkFormat(t, dir, kind) })
	}
	if formats == 0 {
		t.Error("no folder of parse/ declares a Kind")
	}
}

func checkFormat(t *testing.T, dir string, kind bool) {
	logs, err := filepath.Glob(filepath.Join(dir, "testdata", "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	if kind && len(logs) == 0 {
		t.Error("no testdata/*.log")
	}
	goldens, err := filepath.Glob(filepath.Join(dir, "testdata", "*.golden"))
	if err != nil {
		t.Fatal(err)
	}
	if len(goldens) == 0 {
		t.Error("no testdata/*.golden")
	}
	for _, log := range logs {
		if _, err := os.Stat(strings.TrimSuffix(log, ".log") + ".golden"); err != nil {
			t.Errorf("no golden file: %v", err)
		}
	}
	var fuzz, benchmark bool
	for _, f := range files(t, dir, "*_test.go") {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				fuzz = fuzz || strings.HasPrefix(fn.Name.Name, "Fuzz")
				benchmark = benchmark || strings.HasPrefix(fn.Name.Name, "Benchmark")
			}
		}
	}
	if !fuzz || !benchmark {
		t.Errorf("has a fuzz target: %t, a benchmark: %t", fuzz, benchmark)
	}
}

// declares reports whether the package has an exported variable or function of that name: Kind, as formats do, or
// Container.
func declares(t *testing.T, dir, name string) bool {
	t.Helper()
	for _, f := range files(t, dir, "*.go") {
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == name {
					return true
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if v, ok := s.(*ast.ValueSpec); ok && v.Names[0].Name == name {
						return true
					}
				}
			}
		}
	}
	return false
}

func files(t *testing.T, dir, pattern string) []*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	var out []*ast.File
	for _, n := range names {
		f, err := parser.ParseFile(token.NewFileSet(), n, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f)
	}
	return out
}
