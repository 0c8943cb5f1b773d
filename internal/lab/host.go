package lab

import (
	"fmt"
	"net/netip"
	"runtime"

	"golang.org/x/sys/unix"
)

// A Host is one network namespace.
type Host struct {
	Netns string // its name for "ip netns"
	Dev   string // its end of the cable

	IPv4, IPv6 netip.Addr
}

// Run runs a command on the host, to its end but for half a minute at most, and returns what it printed.
func (h *Host) Run(name string, args ...string) (string, error) {
	return run("ip", append([]string{"netns", "exec", h.Netns, name}, args...)...)
}

// NFT loads a rule set of nft's language on the host.
func (h *Host) NFT(ruleset string) error {
	_, err := runInput(ruleset, "ip", "netns", "exec", h.Netns, "nft", "-f", "-")
	return err
}

// AddAddr gives the host one more address of its own.
func (h *Host) AddAddr(a netip.Addr) error {
	args := []string{"-n", h.Netns, "addr", "add", netip.PrefixFrom(a, a.BitLen()).String(), "dev", h.Dev}
	if a.Is6() {
		args = append(args, "nodad")
	}
	_, err := run("ip", args...)
	return err
}

// Do calls f on a thread that is in the host's namespace: sockets that f makes are the host's.
func (h *Host) Do(f func() error) error {
	errs := make(chan error)
	go func() {
		// Never unlocked: the thread ends with the goroutine, so that nothing else runs in this namespace.
		runtime.LockOSThread()
		errs <- h.enter(f)
	}()
	return <-errs
}

func (h *Host) enter(f func() error) error {
	fd, err := unix.Open("/run/netns/"+h.Netns, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open namespace %s: %w", h.Netns, err)
	}
	defer func() { _ = unix.Close(fd) }() // was only read
	if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter namespace %s: %w", h.Netns, err)
	}
	return f()
}
