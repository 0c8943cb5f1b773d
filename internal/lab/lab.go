// Package lab makes two hosts out of network namespaces, joined by one cable, in which real firewalls drop and log real
// packets. Nothing leaves the two namespaces. It is for tests and for recording samples; it needs root, and it never
// touches the machine's own firewall.
package lab

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	logSwitch   = "/proc/sys/net/netfilter/nf_log_all_netns"
	namePrefix  = "mailstop-lab-"
	lockTimeout = 2 * time.Minute
	runTimeout  = 30 * time.Second
)

// A Lab is a pair of hosts and the kernel's log of what their firewalls saw. Only one exists on a machine at a time.
type Lab struct {
	// Tag is unique to this laboratory. A rule whose log prefix holds it can be told from everything else that is
	// logged at the same time.
	Tag string
	// Inner is the host whose firewall matters; Outer stands for the rest of the world and routes everything.
	Inner, Outer *Host

	kmsg  *kernelLog
	lock  *os.File
	clean []func() error
}

// New returns a laboratory for a test, and takes it down with the test. Where the machine cannot run one the test is
// skipped with the reason; with CI=true it fails instead.
func New(t testing.TB) *Lab {
	t.Helper()
	l, err := Open()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("laboratory: %v", err)
		}
		t.Skipf("no laboratory here: %v", err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("taking the laboratory down: %v", err)
		}
	})
	return l
}

// Open sets a laboratory up; the caller closes it. It waits up to two minutes for another one to end, and removes what
// a killed one left behind.
func Open() (_ *Lab, err error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("needs root")
	}
	for _, tool := range []string{"ip", "nft", "iptables"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, fmt.Errorf("needs the command %s", tool)
		}
	}
	l := &Lab{Tag: newTag()}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	if err := l.takeLock(); err != nil {
		return nil, err
	}
	if err := removeStale(); err != nil {
		return nil, err
	}
	if err := l.logNamespaces(); err != nil {
		return nil, err
	}
	if l.kmsg, err = openKernelLog(); err != nil {
		return nil, err
	}
	l.clean = append(l.clean, l.kmsg.close)
	return l, l.connect()
}

// Close removes the hosts, restores the machine's settings and lets the next laboratory in.
func (l *Lab) Close() error {
	var errs []error
	for i := len(l.clean) - 1; i >= 0; i-- {
		errs = append(errs, l.clean[i]())
	}
	l.clean = nil
	return errors.Join(errs...)
}

// KernelLog returns what the kernel logged since the laboratory was opened in lines that contain tag, in order. It
// waits up to ten seconds until there are at least n of them, and then until no more come for a moment.
func (l *Lab) KernelLog(tag string, n int) ([]Line, error) { return l.kmsg.wait(tag, n) }

func newTag() string {
	var b [3]byte
	_, _ = rand.Read(b[:]) // never fails, says its documentation
	return "lab" + hex.EncodeToString(b[:])
}

// takeLock keeps other laboratories out for as long as this process lives. The file also remembers the machine's own
// logging switch, for a successor in case this process is killed.
func (l *Lab) takeLock() error {
	f, err := os.OpenFile("/run/mailstop-lab.lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	for end := time.Now().Add(lockTimeout); ; time.Sleep(100 * time.Millisecond) {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			l.lock = f
			l.clean = append(l.clean, f.Close)
			return nil
		}
		if time.Now().After(end) {
			return errors.Join(fmt.Errorf("another laboratory is running: %w", err), f.Close())
		}
	}
}

// logNamespaces makes the kernel log for namespaces other than the first, and undoes that in Close.
func (l *Lab) logNamespaces() error {
	was, err := os.ReadFile(logSwitch)
	if err != nil {
		return fmt.Errorf("the kernel cannot log for namespaces: %w", err)
	}
	if kept, err := io.ReadAll(l.lock); err == nil && len(kept) > 0 {
		was = kept // a killed laboratory did not restore it
	} else if _, err := l.lock.WriteAt(was, 0); err != nil {
		return err
	}
	if err := os.WriteFile(logSwitch, []byte("1"), 0); err != nil {
		return fmt.Errorf("the kernel cannot log for namespaces: %w", err)
	}
	l.clean = append(l.clean, func() error {
		return errors.Join(os.WriteFile(logSwitch, was, 0), l.lock.Truncate(0))
	})
	return nil
}

// removeStale deletes namespaces of killed laboratories. The lock is held, so none of them is in use.
func removeStale() error {
	names, err := filepath.Glob("/run/netns/" + namePrefix + "*")
	if err != nil {
		return err
	}
	for _, n := range names {
		if _, err := run("ip", "netns", "del", filepath.Base(n)); err != nil {
			return err
		}
	}
	return nil
}

// connect makes the two hosts and the cable between them.
func (l *Lab) connect() error {
	l.Inner = &Host{
		Netns: namePrefix + l.Tag + "-inner", Dev: "eth0",
		IPv4: netip.MustParseAddr("192.0.2.10"), IPv6: netip.MustParseAddr("2001:db8::10"),
	}
	l.Outer = &Host{
		Netns: namePrefix + l.Tag + "-outer", Dev: "eth0",
		IPv4: netip.MustParseAddr("192.0.2.1"), IPv6: netip.MustParseAddr("2001:db8::1"),
	}
	for _, h := range []*Host{l.Inner, l.Outer} {
		if _, err := run("ip", "netns", "add", h.Netns); err != nil {
			return err
		}
		l.clean = append(l.clean, func() error {
			_, err := run("ip", "netns", "del", h.Netns)
			return err
		})
	}
	// Made inside the namespaces, so that the machine's own network never sees the cable.
	if _, err := run("ip", "link", "add", "eth0", "netns", l.Inner.Netns, "type", "veth",
		"peer", "name", "eth0", "netns", l.Outer.Netns); err != nil {
		return err
	}
	for _, h := range []*Host{l.Inner, l.Outer} {
		for _, args := range [][]string{
			{"link", "set", "lo", "up"},
			{"link", "set", "eth0", "up"},
			{"addr", "add", h.IPv4.String() + "/24", "dev", "eth0"},
			{"addr", "add", h.IPv6.String() + "/64", "dev", "eth0", "nodad"},
		} {
			if _, err := run("ip", append([]string{"-n", h.Netns}, args...)...); err != nil {
				return err
			}
		}
	}
	for _, args := range [][]string{
		{"route", "add", "default", "via", l.Outer.IPv4.String()},
		{"-6", "route", "add", "default", "via", l.Outer.IPv6.String()},
	} {
		if _, err := run("ip", append([]string{"-n", l.Inner.Netns}, args...)...); err != nil {
			return err
		}
	}
	return nil
}

// run runs a command to its end and returns what it printed.
func run(name string, args ...string) (string, error) { return runInput("", name, args...) }

func runInput(stdin, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), runTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return string(out), nil
}
