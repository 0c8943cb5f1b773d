package arch_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "mailstop"

// below says which layers a layer may import, besides itself. See docs/design.md.
var below = map[string][]string{
	"event":    {},
	"helper":   {"event"}, // internal/* but internal/app
	"ingest":   {"event", "helper"},
	"parse":    {"event", "helper"},
	"detect":   {"event", "helper"},
	"sinks":    {"event", "helper"},
	"diagnose": {"event", "helper"},
	"console":  {"event", "helper"},
	"pipeline": {"event", "helper", "ingest", "parse", "detect", "sinks", "diagnose"},
	"app":      {"event", "helper", "ingest", "parse", "detect", "sinks", "diagnose", "console", "pipeline"},
	"cmd":      {"event", "helper", "app"},
}

// The test reads the files itself: the go tool would cache one that asks "go list".
func TestImportsPointOneWay(t *testing.T) {
	seen := map[string]bool{}
	for file, imports := range sources(t) {
		from := path.Dir(file)
		layer, _ := place(from)
		if _, ok := below[layer]; !ok {
			t.Errorf("%s: the folder %s is not in the design", file, layer)
		}
		seen[layer] = true
		for _, imp := range imports {
			if why := forbidden(from, imp); why != "" {
				t.Errorf("%s must not import %s: %s", file, imp, why)
			}
		}
	}
	for _, layer := range []string{"event", "ingest", "parse", "detect", "sinks"} {
		if !seen[layer] {
			t.Errorf("no file of %s was looked at", layer)
		}
	}
}

func TestForbidden(t *testing.T) {
	for _, c := range []struct {
		from, imp string
		forbidden bool
	}{
		{"event", "time", false},
		{"event", "golang.org/x/sys/unix", true},
		{"event", "mailstop/parse", true},
		{"event", "mailstop/internal/term", true},
		{"parse/netfilter", "mailstop/parse", false},
		{"parse/netfilter", "mailstop/event", false},
		{"parse/netfilter", "mailstop/internal/scan", false},
		{"parse/netfilter", "mailstop/parse/netfilter/prefix", false},
		{"parse/netfilter", "mailstop/parse/pf", true},
		{"parse/netfilter", "mailstop/detect", true},
		{"parse/netfilter", "mailstop/internal/app", true},
		{"parse", "mailstop/parse/netfilter", true},
		{"parse", "mailstop/pipeline", true},
		{"detect/blocked", "mailstop/ingest", true},
		{"pipeline", "mailstop/sinks", false},
		{"pipeline", "mailstop/sinks/report", true},
		{"internal/term", "mailstop/event", false},
		{"internal/term", "mailstop/internal/config", true},
		{"internal/term", "mailstop/parse", true},
		{"internal/lab/record", "mailstop/internal/lab", false},
		{"internal/app", "mailstop/parse/netfilter", false},
		{"internal/app", "mailstop/internal/term", false},
		{"internal/app", "mailstop/cmd/mailstop", true},
		{"cmd/mailstop", "mailstop/internal/app", false},
		{"cmd/mailstop", "mailstop/parse/netfilter", true},
		{"cmd/mailstop", "mailstop/pipeline", true},
	} {
		if why := forbidden(c.from, c.imp); (why != "") != c.forbidden {
			t.Errorf("%s importing %s: forbidden %t (%s)", c.from, c.imp, !c.forbidden, why)
		}
	}
}

// forbidden says why the package in folder from must not import imp; empty if it may.
func forbidden(from, imp string) string {
	layer, kind := place(from)
	to, ours := strings.CutPrefix(imp, module+"/")
	if !ours {
		if first, _, _ := strings.Cut(imp, "/"); layer == "event" && strings.Contains(first, ".") {
			return "event imports the standard library only"
		}
		return ""
	}
	toLayer, toKind := place(to)
	switch {
	case layer == toLayer && layer == "helper":
		if kind != toKind && toKind != "golden" { // which is for tests, as the helpers are that use it
			return "helpers stand alone"
		}
	case layer == toLayer:
		if toKind != "" && toKind != kind {
			return "a kind imports its root, never a sibling; a root imports no kind"
		}
	case !slices.Contains(below[layer], toLayer):
		return layer + " is below, or beside, " + toLayer
	case toKind != "" && toLayer != "helper" && layer != "app":
		return "only internal/app imports kinds"
	}
	return ""
}

// place returns a folder's layer, and the kind it belongs to: parse/netfilter/prefix is of the kind netfilter.
func place(dir string) (layer, kind string) {
	parts := strings.Split(dir, "/")
	switch {
	case parts[0] == "internal" && len(parts) > 1 && parts[1] == "app":
		return "app", ""
	case parts[0] == "internal" && len(parts) > 1:
		return "helper", parts[1]
	case parts[0] == "cmd":
		return "cmd", ""
	case len(parts) > 1:
		return parts[0], parts[1]
	}
	return parts[0], ""
}

// sources returns what each of the project's files imports, tests left out.
func sources(t *testing.T) map[string][]string {
	t.Helper()
	root := os.DirFS("../..")
	found := map[string][]string{}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if d.IsDir() {
			if name != "." && (base[0] == '.' || base == "testdata" || base == "bin" || base == "tools") {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		found[name] = nil
		for _, spec := range f.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			found[name] = append(found[name], imp)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
