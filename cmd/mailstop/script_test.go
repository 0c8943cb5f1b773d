package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"mailstop/internal/app"
)

// The scripts in testdata/script are the manual of each command, run.
//
//	exits N COMMAND…   runs a command, which must end with exit code N
//	mtime TIME FILE…   sets when files were last changed
//	$SAMPLE            the folder of the sample logs
//	[libchdb]          the engine of the embedded store is installed
//	[system-libchdb]   it is where every process finds it
func TestScripts(t *testing.T) {
	sample, err := filepath.Abs("../../testdata/sample")
	if err != nil {
		t.Fatal(err)
	}
	library := libraryPath()
	testscript.Run(t, testscript.Params{
		Dir:             "testdata/script",
		ContinueOnError: true,
		UpdateScripts:   os.Getenv("UPDATE") != "", // what cmp compares with
		Setup: func(e *testscript.Env) error {
			e.Setenv("SAMPLE", sample)
			e.Setenv("TZ", "UTC")
			if library != "" {
				e.Setenv("MAILSTOP_LIBCHDB", library)
			}
			return nil
		},
		Condition: func(name string) (bool, error) {
			switch {
			case name == "system-libchdb":
				return systemLibrary(), nil
			case name != "libchdb":
				return false, errors.New("no such condition: " + name)
			case library == "" && os.Getenv("CI") == "true":
				return false, errors.New("libchdb is not installed: run make libchdb")
			}
			return library != "", nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "mtime": mtime},
	})
}

// systemLibrary reports whether libchdb is where every process finds it.
func systemLibrary() bool {
	for _, pattern := range []string{"/usr/lib*/libchdb.so", "/usr/lib/*/libchdb.so", "/usr/local/lib*/libchdb.so"} {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return true
		}
	}
	return false
}

// libraryPath returns where libchdb is, or nothing.
func libraryPath() string {
	if app.LibraryVersion() == app.NoLibrary {
		return ""
	}
	_, path, _ := strings.Cut(app.LibraryVersion(), "expected, ")
	return path
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if end := (*exec.ExitError)(nil); errors.As(err, &end) {
		got = end.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func mtime(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: mtime TIME FILE…")
	}
	at, err := time.Parse(time.RFC3339, args[0])
	ts.Check(err)
	for _, f := range args[1:] {
		ts.Check(os.Chtimes(ts.MkAbs(f), at, at))
	}
}

// Every command has a script, and a help text that explains and gives examples.
func TestEveryCommandTeaches(t *testing.T) {
	var check func(*cobra.Command)
	check = func(c *cobra.Command) {
		if !c.IsAvailableCommand() || c.Name() == "help" || c.Name() == "completion" {
			return
		}
		if c.Short == "" || c.Example == "" || c.Long == "" {
			t.Errorf("%s: short %q, long %q, example %q", c.CommandPath(), c.Short, c.Long, c.Example)
		}
		for line := range strings.Lines(c.Example) {
			if !strings.HasPrefix(line, "  ") || !strings.Contains(line, c.CommandPath()) {
				t.Errorf("%s: the example %q is not indented or of another command", c.CommandPath(), line)
			}
		}
		for _, sub := range c.Commands() {
			check(sub)
		}
	}
	for _, c := range newRoot(&global{}).Commands() {
		check(c)
		if _, err := os.Stat("testdata/script/" + c.Name() + ".txtar"); err != nil && c.IsAvailableCommand() {
			t.Error(err)
		}
	}
}
