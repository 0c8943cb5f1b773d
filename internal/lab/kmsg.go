package lab

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Line is one record of the kernel's log.
type Line struct {
	Uptime time.Duration // when the kernel wrote it, since it started
	Text   string        // the message, as dmesg shows it behind the time stamp
}

// kernelLog reads /dev/kmsg from the moment it was opened.
type kernelLog struct {
	fd    int
	lines []Line
}

func openKernelLog() (*kernelLog, error) {
	fd, err := unix.Open("/dev/kmsg", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open the kernel log: %w", err)
	}
	if _, err := unix.Seek(fd, 0, unix.SEEK_END); err != nil {
		return nil, errors.Join(fmt.Errorf("seek in the kernel log: %w", err), unix.Close(fd))
	}
	return &kernelLog{fd: fd}, nil
}

func (k *kernelLog) close() error { return os.NewSyscallError("close", unix.Close(k.fd)) }

func (k *kernelLog) wait(tag string, n int) ([]Line, error) {
	const quiet = 200 * time.Millisecond
	last := time.Now()
	for end := last.Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		seen := len(k.lines)
		if err := k.read(); err != nil {
			return nil, err
		}
		now := time.Now()
		if len(k.lines) > seen {
			last = now
		}
		var found []Line
		for _, l := range k.lines {
			if strings.Contains(l.Text, tag) {
				found = append(found, l)
			}
		}
		if now.After(end) || len(found) >= n && now.Sub(last) > quiet {
			return found, nil
		}
	}
}

// read takes what is there, without waiting. One read returns one record.
func (k *kernelLog) read() error {
	buf := make([]byte, 8192) // the kernel's CONSOLE_EXT_LOG_MAX
	for {
		n, err := unix.Read(k.fd, buf)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return nil
		case errors.Is(err, unix.EPIPE):
			return errors.New("the kernel log overflowed: records were lost")
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("read the kernel log: %w", err)
		}
		if l, ok := parseRecord(string(buf[:n])); ok {
			k.lines = append(k.lines, l)
		}
	}
}

// parseRecord reads "priority,sequence,microseconds,flags;message\n KEY=value\n…"
// (Documentation/ABI/testing/dev-kmsg).
func parseRecord(s string) (Line, bool) {
	head, text, ok := strings.Cut(s, ";")
	fields := strings.Split(head, ",")
	if !ok || len(fields) < 3 {
		return Line{}, false
	}
	us, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil {
		return Line{}, false
	}
	text, _, _ = strings.Cut(text, "\n")
	return Line{Uptime: time.Duration(us) * time.Microsecond, Text: text}, true
}
