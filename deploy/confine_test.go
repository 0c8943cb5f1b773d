package deploy_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"mailstop/internal/golden"
)

// confineVar, in the environment, makes the test binary put itself under the system calls whose numbers it names, as
// systemd does for the unit, and then become the command that its arguments name.
const confineVar = "MAILSTOP_TEST_CONFINE"

func confined(numbers string) {
	err := confine(strings.Fields(numbers))
	if err == nil {
		err = syscall.Exec(os.Args[1], os.Args[1:], slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, confineVar+"=") }))
	}
	fmt.Fprintln(os.Stderr, "confine:", err)
	os.Exit(99)
}

// confine lets this process make these system calls; all others end with EPERM.
func confine(numbers []string) error {
	program := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}} // seccomp_data.nr
	for _, s := range numbers {
		n, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			return err
		}
		program = append(program,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(n), Jf: 1},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	}
	program = append(program, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)})
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if _, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&filter))); e != 0 {
		return fmt.Errorf("seccomp: %w", e)
	}
	runtime.KeepAlive(program)
	// Anybody may set his priority to what it is. The unit's filter forbids it: it is in force.
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, 0); !errors.Is(err, unix.EPERM) {
		return errors.New("the filter does not hold")
	}
	return nil
}

// allowedCalls returns the numbers of the system calls that the unit allows.
func allowedCalls(t *testing.T, unit string) string {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		t.Skip("system calls are numbered as on amd64")
	}
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", "syscall-filter", "--no-pager").Output()
	if err != nil {
		golden.Skip(t, "systemd-analyze is missing (Debian, Ubuntu: apt-get install systemd)")
	}
	sets := map[string][]string{}
	name := ""
	for line := range strings.Lines(string(out)) {
		word := strings.TrimSpace(line)
		switch {
		case word == "" || strings.HasPrefix(word, "#"):
		case !strings.HasPrefix(line, " "):
			name = word
		default:
			sets[name] = append(sets[name], word)
		}
	}
	var expand func(word string) []string
	expand = func(word string) []string {
		if !strings.HasPrefix(word, "@") {
			return []string{word}
		}
		var calls []string
		for _, w := range sets[word] {
			calls = append(calls, expand(w)...)
		}
		return calls
	}
	allowed := map[string]bool{}
	for _, line := range regexp.MustCompile(`(?m)^SystemCallFilter=(.*)$`).FindAllStringSubmatch(unit, -1) {
		words, forbid := strings.CutPrefix(line[1], "~")
		for _, word := range strings.Fields(words) {
			calls := expand(word)
			if len(calls) == 0 {
				t.Errorf("systemd has no set %s", word)
			}
			for _, call := range calls {
				allowed[call] = !forbid
			}
		}
	}
	for _, call := range expand("@default") { // systemd always allows these
		allowed[call] = true
	}
	return numbers(t, allowed)
}

// numbers returns the numbers of system calls, from the kernel's header.
func numbers(t *testing.T, allowed map[string]bool) string {
	t.Helper()
	headers, _ := filepath.Glob("/usr/include/*/asm/unistd_64.h")
	if len(headers) == 0 {
		golden.Skip(t, "the kernel's headers are missing (Debian, Ubuntu: apt-get install libc6-dev)")
	}
	b, err := os.ReadFile(headers[0])
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for in := bufio.NewScanner(bytes.NewReader(b)); in.Scan(); {
		if f := strings.Fields(in.Text()); len(f) == 3 && f[0] == "#define" && allowed[strings.TrimPrefix(f[1], "__NR_")] {
			found = append(found, f[2])
		}
	}
	if len(found) < 150 {
		t.Fatalf("only %d system calls", len(found))
	}
	return strings.Join(found, " ")
}

// The program and the store's engine work with the system calls that the unit allows.
func TestUnitAllowsWhatIsNeeded(t *testing.T) {
	calls := allowedCalls(t, readFile(t, "systemd/mailstop.service"))
	if out, err := exec.CommandContext(t.Context(), "../scripts/libchdb.sh").CombinedOutput(); err != nil {
		golden.Skip(t, fmt.Sprintf("no libchdb: %s", out))
	}
	store, program := filepath.Join(t.TempDir(), "store"), mailstop(t)
	for _, args := range [][]string{
		{"replay", "--store", store, "--year", "2026", "--tz", "UTC", "../testdata/sample/mx-1.kern.log", "../testdata/sample/web-1.ufw.log"},
		{"query", "--store", store, "-o", "csv", "SELECT host, count() > 100 FROM entries GROUP BY host ORDER BY host"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, os.Args[0], append([]string{program}, args...)...)
		cmd.Env = append(os.Environ(), confineVar+"="+calls)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("mailstop %s: %v\n%s", args[0], err, out)
		}
		if args[0] == "query" && !strings.Contains(string(out), "mx-1,1\n") {
			t.Errorf("%s", out)
		}
	}
}

// So does the daemon, which follows files and writes checkpoints, too.
func TestUnitAllowsTheDaemon(t *testing.T) {
	calls, dir := allowedCalls(t, readFile(t, "systemd/mailstop.service")), t.TempDir()
	file := writeFile(t, filepath.Join(dir, "kern.log"), "")
	port := strconv.Itoa(freePort(t))
	again := func() *daemon {
		return startMailstopUnder(t, calls, dir, `  - file: {paths: ["`+file+`"]}
  - syslog: {udp: "127.0.0.1:`+port+`", tcp: "127.0.0.1:`+port+`"}`)
	}
	d := again()
	appender(t, file)(makeLines())
	d.storedAll(t, lineCount, false, again)
}
