package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// An instruction is one of a Dockerfile, its lines joined.
type instruction struct{ name, rest string }

// A stage is what lies between one FROM and the next.
type stage struct {
	base, name   string
	instructions []instruction
}

// dockerfile reads the stages of the Dockerfile.
func dockerfile(t *testing.T) []stage {
	t.Helper()
	var stages []stage
	var joined string
	for line := range strings.Lines(readFile(t, "docker/Dockerfile")) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if more, ok := strings.CutSuffix(line, `\`); ok {
			joined += more + " "
			continue
		}
		name, rest, _ := strings.Cut(joined+line, " ")
		joined = ""
		if name == "FROM" {
			words := strings.Fields(rest)
			s := stage{base: words[0]}
			if len(words) == 3 && words[1] == "AS" {
				s.name = words[2]
			}
			stages = append(stages, s)
			continue
		}
		if len(stages) == 0 || name != strings.ToUpper(name) {
			t.Fatalf("unexpected %s", line)
		}
		last := &stages[len(stages)-1]
		last.instructions = append(last.instructions, instruction{name, strings.TrimSpace(rest)})
	}
	return stages
}

func (s stage) all(name string) []string {
	var found []string
	for _, i := range s.instructions {
		if i.name == name {
			found = append(found, i.rest)
		}
	}
	return found
}

// The image is built of pinned bases, has no shell, and does not run as root.
func TestDockerfile(t *testing.T) {
	stages := dockerfile(t)
	names := map[string]bool{}
	for _, s := range stages {
		if _, tag, ok := strings.Cut(s.base, ":"); !ok || tag == "latest" {
			t.Errorf("%s is not pinned", s.base)
		}
		for _, c := range s.all("COPY") {
			checkCopy(t, c, names)
		}
		names[s.name] = true
	}
	module := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(readFile(t, "../go.mod"))
	if !strings.HasPrefix(stages[0].base, "golang:"+module[1]+".") {
		t.Errorf("go.mod wants Go %s, the image is built with %s", module[1], stages[0].base)
	}
	final := stages[len(stages)-1]
	if !strings.HasPrefix(final.base, "gcr.io/distroless/") || len(final.all("RUN")) > 0 {
		t.Errorf("the final stage has a shell: %+v", final)
	}
	if got := final.all("USER"); !slices.Equal(got, []string{"65532:65532"}) {
		t.Errorf("user %q", got)
	}
	if got := final.all("ENTRYPOINT"); !slices.Equal(got, []string{`["/usr/bin/mailstop"]`}) {
		t.Errorf("entry point %q", got)
	}
}

// checkCopy checks that what is copied is there: in an earlier stage, or in the project's folder and not ignored.
func checkCopy(t *testing.T, rest string, stages map[string]bool) {
	t.Helper()
	words := strings.Fields(rest)
	fromStage := false
	for len(words) > 0 && strings.HasPrefix(words[0], "--") {
		if name, ok := strings.CutPrefix(words[0], "--from="); ok {
			fromStage = true
			if !stages[name] {
				t.Errorf("COPY %s: no stage %s before", rest, name)
			}
		}
		words = words[1:]
	}
	if fromStage {
		return
	}
	allowed := strings.Fields(readFile(t, "docker/Dockerfile.dockerignore"))
	for _, source := range words[:len(words)-1] {
		if !exists(filepath.Join("..", source)) {
			t.Errorf("COPY %s: %s is not there", rest, source)
		}
		if source != "." && !slices.Contains(allowed, "!"+source) {
			t.Errorf("COPY %s: %s is ignored", rest, source)
		}
	}
	for _, word := range allowed {
		if name, ok := strings.CutPrefix(word, "!"); ok && !exists(filepath.Join("..", name)) {
			t.Errorf("Dockerfile.dockerignore lets in %s, which is not there", name)
		}
	}
}

// What the RUN lines do works, from a folder with what Dockerfile.dockerignore lets in and nothing else.
func TestDockerfileBuilds(t *testing.T) {
	context, out := t.TempDir(), t.TempDir()
	copyContext(t, context)
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, s := range dockerfile(t) {
		for _, run := range s.all("RUN") {
			run = strings.ReplaceAll(strings.ReplaceAll(run, "/out", out), "/src/", context+"/")
			if s.name == "libchdb" { // 178 MB that are here already are not fetched once more
				kept := filepath.Join(cache, "mailstop")
				if found, _ := filepath.Glob(filepath.Join(kept, "libchdb-*", "libchdb.so")); len(found) == 0 {
					t.Log("libchdb is not here")
					continue
				}
				linkLibrary(t, kept, filepath.Join(out, "cache", "mailstop"))
			}
			cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", run)
			cmd.Dir, cmd.Env = context, append(os.Environ(), "COMMIT=0123456789ab")
			if text, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("RUN %s: %v\n%s", run, err, text)
			}
			ran++
		}
	}
	if ran < 3 {
		t.Errorf("only %d RUN lines were tried", ran)
	}
	version, err := exec.CommandContext(t.Context(), filepath.Join(out, "bin/mailstop"), "version").CombinedOutput()
	if err != nil || !strings.Contains(string(version), "0123456789ab") {
		t.Errorf("version: %v\n%s", err, version)
	}
}

// linkLibrary puts links to the library where the script looks for it.
func linkLibrary(t *testing.T, from, to string) {
	t.Helper()
	found, _ := filepath.Glob(filepath.Join(from, "libchdb-*", "libchdb.so"))
	for _, library := range found {
		dir := filepath.Join(to, filepath.Base(filepath.Dir(library)))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(library, filepath.Join(dir, "libchdb.so")); err != nil {
			t.Fatal(err)
		}
	}
}

// copyContext copies what Dockerfile.dockerignore lets in.
func copyContext(t *testing.T, to string) {
	t.Helper()
	for _, word := range strings.Fields(readFile(t, "docker/Dockerfile.dockerignore")) {
		name, ok := strings.CutPrefix(word, "!")
		if !ok {
			continue
		}
		source, target := filepath.Join("..", name), filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := copyTree(source, target); err != nil {
			t.Fatal(err)
		}
	}
}

// copyTree copies a file or a folder, without tests and what belongs to them.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case d.Name() == "testdata":
			return filepath.SkipDir
		case d.IsDir():
			return os.MkdirAll(target, 0o755)
		case strings.HasSuffix(d.Name(), "_test.go"):
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		return os.WriteFile(target, b, st.Mode().Perm())
	})
}
