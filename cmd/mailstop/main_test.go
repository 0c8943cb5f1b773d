package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"mailstop/internal/app"
	"mailstop/internal/chdb/chserver"
	"mailstop/internal/golden"
)

// asMailstop makes the test binary behave as mailstop, for tests that need it as a process of its own.
const asMailstop = "MAILSTOP_TEST_RUN_MAIN"

// asMeter makes the test binary run its arguments as a command, and write that command's peak memory, in bytes, into the
// file that the variable names.
const asMeter = "MAILSTOP_TEST_METER"

func TestMain(m *testing.M) {
	chserver.Child()
	if os.Getenv(asMailstop) != "" {
		os.Exit(run(os.Args[1:]))
	}
	if file := os.Getenv(asMeter); file != "" {
		os.Exit(meter(file, os.Args[1:]))
	}
	testscript.Main(m, map[string]func(){"mailstop": main})
}

// mailstop returns a command that runs mailstop.
func mailstop(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asMailstop+"=1")
	return cmd
}

// A measured command is the real program, built without the test's instruments, and its peak memory.
type measured struct {
	*exec.Cmd
	file string
}

// program builds the real program, without the test's instruments, and returns its path.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mailstop")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// measure returns a command that runs the real program.
func measure(t *testing.T, args ...string) measured {
	t.Helper()
	file := filepath.Join(t.TempDir(), "peak")
	cmd := exec.CommandContext(t.Context(), os.Args[0], append([]string{program(t)}, args...)...)
	cmd.Env = append(os.Environ(), asMeter+"="+file)
	return measured{cmd, file}
}

// peak returns the peak memory of the command, which has ended, in bytes.
func (m measured) peak(t *testing.T) int64 {
	t.Helper()
	b, err := os.ReadFile(m.file)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// meter runs a command. It is a process of its own because Linux counts the memory of whoever starts a process as that
// process's: the test's own would be counted.
func meter(file string, args []string) int {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	if end := (*exec.ExitError)(nil); err != nil && !errors.As(err, &end) {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	kib := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
	if err := os.WriteFile(file, fmt.Appendf(nil, "%d\n", kib<<10), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return cmd.ProcessState.ExitCode()
}

// needLibrary skips a test, or fails it with CI=true, where libchdb is not installed.
func needLibrary(t *testing.T) {
	t.Helper()
	if app.LibraryVersion() == app.NoLibrary {
		golden.Skip(t, "libchdb is not installed: run make libchdb")
	}
}

// outcome is what a command printed and how it ended.
type outcome struct {
	stdout, stderr string
	code           int
}

// do runs a command to its end.
func do(t *testing.T, cmd *exec.Cmd) outcome {
	t.Helper()
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if end := (*exec.ExitError)(nil); err != nil && !errors.As(err, &end) {
		t.Fatal(err)
	}
	return outcome{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// shell returns a command that runs the system's shell.
func shell(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	return exec.CommandContext(t.Context(), "/bin/sh", args...)
}
