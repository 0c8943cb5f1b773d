package golden

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	if err := os.WriteFile(path, []byte("# a group\none\n\n#two\n# \n three \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := slices.Collect(Lines(t, path))
	if want := []string{"one", "#two", " three "}; !slices.Equal(got, want) {
		t.Errorf("lines %q, want %q", got, want)
	}
}

func TestFilesWritesAndCompares(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x.log"), []byte("a\nb\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	double := func(line string) []byte { return []byte(line + line) }
	*update = true
	Files(t, filepath.Join(dir, "*.log"), double)
	*update = false
	Files(t, filepath.Join(dir, "*.log"), double)
	b, err := os.ReadFile(filepath.Join(dir, "x.golden"))
	if err != nil || string(b) != "aa\nbb\n" {
		t.Errorf("golden file %q, %v", b, err)
	}
}
