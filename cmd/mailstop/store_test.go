package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mailstop/internal/golden"
)

// count returns how many entries a store has, and how many of them are different.
func count(t *testing.T, store string) string {
	t.Helper()
	got := do(t, mailstop(t, "query", "--store", store, "-o", "csv", "SELECT count(), uniqExact(source, pos) FROM entries"))
	if got.code != 0 {
		t.Fatal(got.stderr)
	}
	_, row, _ := strings.Cut(strings.TrimSpace(got.stdout), "\n")
	return row
}

// mailLog writes a log of n stopped mail connections.
func mailLog(t *testing.T, n int) string {
	t.Helper()
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, stopped, i*60/n, 1024+i*7919%60000)
	}
	return writeFile(t, "kern.log", b.String())
}

// mount mounts an empty file system in memory, until the test ends.
func mount(t *testing.T, dir, options string, flags uintptr) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, options); err != nil {
		golden.Skip(t, "a file system cannot be mounted here (needs root): "+err.Error())
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
}

// A store that another process holds is not touched: the second one says who has it, and stores all once it is free.
func TestStoreHeldByAnother(t *testing.T) {
	needLibrary(t)
	store := filepath.Join(t.TempDir(), "store")
	log := mailLog(t, 100)
	holder := mailstop(t, "replay", "--store", store, "-")
	in, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	status := filepath.Join(store, "status")
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if b, err := os.ReadFile(status); err == nil && strings.Contains(string(b), fmt.Sprintf("PID: %d\n", holder.Process.Pid)) {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the first replay does not open its store")
		}
	}
	for _, args := range [][]string{{"replay", log}, {"findings"}, {"query", "SELECT 1"}} {
		got := do(t, mailstop(t, append(args, "--store", store)...))
		want := fmt.Sprintf("in use by another process (pid %d); hint: ", holder.Process.Pid)
		if got.code != 1 || got.stdout != "" || !strings.Contains(got.stderr, want) || !strings.Contains(got.stderr, store) {
			t.Errorf("%v: exit code %d: %s%s", args, got.code, got.stdout, got.stderr)
		}
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := holder.Wait(); err != nil {
		t.Fatal(err)
	}
	finish(t, mailstop(t, "replay", "--store", store, log))
	if got := count(t, store); got != "100,100" {
		t.Errorf("the store has %s entries", got)
	}
}

// A full disk stops nothing for good: it is said, what does not fit is tried again until it does, and is stored once.
func TestStoreDiskFull(t *testing.T) {
	needLibrary(t)
	const lines = 30_000
	disk := t.TempDir()
	mount(t, disk, "size=3m", 0)
	log := mailLog(t, lines)
	replay := mailstop(t, "replay", "--store", filepath.Join(disk, "store"), log)
	messages, err := replay.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	var report strings.Builder
	replay.Stdout = &report
	if err := replay.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(messages).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(line, "mailstop: warning: not stored yet, trying again until it is") || !strings.Contains(line, "space") {
		t.Errorf("stderr: %s", line)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, "size=256m"); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, messages) }()
	if err := replay.Wait(); err != nil {
		t.Fatal(err)
	}
	if want := "stored 30,000 mail entries in "; !strings.Contains(report.String(), want) {
		t.Errorf("the report lacks %q:\n%s", want, report.String())
	}
	finish(t, mailstop(t, "replay", "--store", filepath.Join(disk, "store"), log))
	if got := count(t, filepath.Join(disk, "store")); got != "30000,30000" {
		t.Errorf("the store has %s entries", got)
	}
}

// A place where nothing can be written is said before anything is read. Once that is mended, all is stored once.
func TestStoreUnwritable(t *testing.T) {
	needLibrary(t)
	disk := t.TempDir()
	mount(t, disk, "size=256m", syscall.MS_RDONLY)
	store, log := filepath.Join(disk, "new", "store"), mailLog(t, 100)
	got := do(t, mailstop(t, "replay", "--store", store, log))
	if got.code != 1 || got.stdout != "" || !strings.Contains(got.stderr, store) ||
		!strings.Contains(got.stderr, "read-only file system") || !strings.Contains(got.stderr, "hint: ") {
		t.Errorf("exit code %d: %s%s", got.code, got.stdout, got.stderr)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	finish(t, mailstop(t, "replay", "--store", store, log))

	// The same with a store that is there, and cannot be written any more.
	if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if got := do(t, mailstop(t, "replay", "--store", store, log)); got.code != 1 || got.stdout != "" || !strings.Contains(got.stderr, store) {
		t.Errorf("exit code %d: %s%s", got.code, got.stdout, got.stderr)
	} else {
		t.Log(got.stderr)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	finish(t, mailstop(t, "replay", "--store", store, log))
	if got := count(t, store); got != "100,100" {
		t.Errorf("the store has %s entries", got)
	}
}
