// Package torture runs the built program as an operator would, and does to it, to its logs, its disk and its store what
// happens to them in the field. It knows nothing of the program's insides: it writes numbered lines, asks the store what
// it has, and compares.
//
// They take minutes, and run with "make torture" only; MAILSTOP_TORTURE=long makes them as large as they should be once before a release.
package torture

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"mailstop/internal/chdb"
	"mailstop/internal/chdb/chserver"
	"mailstop/internal/golden"
)

// program is the built mailstop. It is the real one, without the test's instruments.
var program string

// long makes the stories large.
var long = os.Getenv("MAILSTOP_TORTURE") == "long"

func TestMain(m *testing.M) {
	chserver.Child()
	if os.Getenv("MAILSTOP_TORTURE") == "" {
		fmt.Println("skipped: \"make torture\" runs these, with MAILSTOP_TORTURE=short or long")
		os.Exit(0)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "torture")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "mailstop")
	build := exec.Command("go", "build", "-o", program, "mailstop/cmd/mailstop")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	// The stories wait more than they work: for what is looked at now and then, for sessions of dead group members.
	flag.Parse()
	if err := flag.Set("test.parallel", "4"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// needStore skips where the engine of the store is missing, and with -short.
func needStore(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs the whole program under load")
	}
	if _, err := chdb.Find(); err != nil {
		golden.Skip(t, err.Error())
	}
}

// size is a figure of a story: as small as will do, or as large as it should be.
func size[T any](quick, large T) T {
	if long {
		return large
	}
	return quick
}

// eventually waits until ok. It fails the test if that does not come true within what a loaded machine could need.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within two minutes: %s", what)
		}
	}
}
