package bench

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// pinVariable tells a child which cores it may use.
const pinVariable = "MAILSTOP_BENCH_CPUS"

// Pin restricts the process to the cores its parent chose. A process that is already running has threads that would
// not follow, so it starts itself anew: what exec leaves is one thread, which every later one inherits from.
func Pin() error {
	cpus := os.Getenv(pinVariable)
	if cpus == "" {
		return nil
	}
	var set unix.CPUSet
	for s := range strings.SplitSeq(cpus, ",") {
		var n int
		if _, err := fmt.Sscan(s, &n); err != nil {
			return fmt.Errorf("%s=%s: %w", pinVariable, cpus, err)
		}
		set.Set(n)
	}
	runtime.LockOSThread()
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("use cores %s only: %w", cpus, err)
	}
	if err := os.Unsetenv(pinVariable); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(self, os.Args, os.Environ())
}
