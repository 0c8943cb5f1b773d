package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailstop/internal/term"
)

// Ctrl-C ends a replay early: what was read is reported and stored, and the exit code says that it is not all.
func TestInterruptedReplayReports(t *testing.T) {
	out := filepath.Join(t.TempDir(), "entries.jsonl")
	replay := mailstop(t, "replay", "--entries-out", out, "-")
	in, err := replay.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	replay.Stdout, replay.Stderr = &stdout, &stderr
	if err := replay.Start(); err != nil {
		t.Fatal(err)
	}
	// Once this is written, all but what fits into the pipe and the first buffers is on its way.
	const buffers = 512 << 10
	text := strings.Repeat(outage(), 500)
	if _, err := in.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := replay.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := replay.Wait(); err == nil || replay.ProcessState.ExitCode() != 1 {
		t.Errorf("exit code %d", replay.ProcessState.ExitCode())
	}
	if want := "mailstop: stopped before the end: the report covers what was read\n"; stderr.String() != want {
		t.Errorf("stderr: %s", stderr.String())
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	n, least := strings.Count(string(b), "\n"), strings.Count(text[:len(text)-buffers], "\n")-1
	if n < least {
		t.Errorf("%d entries were written, want %d or more", n, least)
	}
	if want := fmt.Sprintf("\n%s lines of standard input", term.Number(n)); !strings.Contains(stdout.String(), want) ||
		!strings.Contains(stdout.String(), "web-1 cannot send mail") {
		t.Errorf("the report lacks %q:\n%s", want, stdout.String())
	}
}
