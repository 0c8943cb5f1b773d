package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailstop/internal/bench"
)

// Killed at any moment and started again, a replay into a store must leave what one undisturbed run leaves: each entry
// once, the same roll-ups, the same findings.
func TestKilledReplayStoresEverythingOnce(t *testing.T) {
	needLibrary(t)
	if testing.Short() {
		t.Skip("takes about a minute")
	}
	const kills = 30
	dir := t.TempDir()
	files := writeLogs(t, dir, 20, 10_000)
	settings := filepath.Join(dir, "all.yaml")
	if err := os.WriteFile(settings, []byte("store: {keep: all}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := program(t) // with the race detector's instruments it would take ten times as long
	mailstop := func(args ...string) *exec.Cmd { return exec.CommandContext(t.Context(), path, args...) }
	replay := func(store string) *exec.Cmd {
		return mailstop(append([]string{"replay", "-c", settings, "--store", filepath.Join(dir, store)}, files...)...)
	}

	start := time.Now()
	finish(t, replay("clean"))
	typical := time.Since(start)
	want := storeState(t, mailstop, filepath.Join(dir, "clean"))

	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, an undisturbed run takes %v", seed, typical)
	r := rand.New(rand.NewPCG(seed, 0))
	for killed, round := 0, 0; killed < kills; round++ {
		store := fmt.Sprintf("killed-%d", round)
		before := killed
		for {
			cmd := replay(store)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			timer := time.AfterFunc(time.Duration(r.Int64N(int64(typical))), func() { _ = cmd.Process.Kill() })
			err := cmd.Wait()
			timer.Stop()
			if err == nil {
				break
			}
			killed++
		}
		if got := storeState(t, mailstop, filepath.Join(dir, store)); got != want {
			t.Fatalf("after %d kills the store holds\n%s\nan undisturbed run leaves\n%s", killed-before, got, want)
		}
		if err := os.RemoveAll(filepath.Join(dir, store)); err != nil {
			t.Fatal(err)
		}
	}
	finish(t, replay("clean"))
	if got := storeState(t, mailstop, filepath.Join(dir, "clean")); got != want {
		t.Errorf("after one more replay the store holds\n%s\nwant\n%s", got, want)
	}
}

// writeLogs writes a generated log of n files with so many lines each.
func writeLogs(t *testing.T, dir string, n, lines int) []string {
	t.Helper()
	var text bytes.Buffer
	if err := bench.Generate(&text, n*lines); err != nil {
		t.Fatal(err)
	}
	var files []string
	for i := range n {
		var part bytes.Buffer
		for range lines {
			line, err := text.ReadBytes('\n')
			if err != nil {
				t.Fatal(err)
			}
			part.Write(line)
		}
		path := filepath.Join(dir, fmt.Sprintf("kern.log.%d", n-i))
		if err := os.WriteFile(path, part.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	return files
}

func finish(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// storeState describes everything that must be the same, in a few lines.
func storeState(t *testing.T, mailstop func(...string) *exec.Cmd, store string) string {
	t.Helper()
	var b strings.Builder
	for _, sql := range []string{
		"SELECT 'entries', count(), uniqExact(source, pos), sum(cityHash64(time, host, action, src_ip, dst_ip, dst_port, source, pos, raw)) FROM entries",
		"SELECT 'rollup_1m', sum(packets), sum(attempts), sum(packets * cityHash64(minute, host, action, direction, proto, port)), sum(attempts * cityHash64(minute, host, action, direction, proto, port)) FROM rollup_1m",
		"SELECT 'rollup_1h', sum(packets), sum(attempts), sum(packets * cityHash64(hour, host, action, direction, proto, port)), sum(attempts * cityHash64(hour, host, action, direction, proto, port)) FROM rollup_1h",
		"SELECT 'sources', count(), sum(pos_to - pos_from), countIf(stored = 0) FROM sources FINAL",
	} {
		out, err := mailstop("query", "--store", store, "-o", "csv", sql).Output()
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		_, row, _ := strings.Cut(string(out), "\n")
		b.WriteString(row)
	}
	out, err := mailstop("findings", "--store", store, "-o", "json").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), "mail-out-blocked") {
		t.Errorf("the log makes no finding: %s", out)
	}
	b.Write(out)
	return b.String()
}
