package journald

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// pipeSize is what the kernel holds between journalctl and its reader, in bytes.
const pipeSize = 1 << 20

// A child is a running journalctl.
type child struct {
	cmd    *exec.Cmd
	pipe   *os.File
	lines  *lines
	stderr tail
}

// spawn starts a process in a group of its own.
func spawn(command string, args []string) (*child, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if raw, err := r.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize) }) // or less
	}
	c := &child{cmd: exec.Command(command, args...), pipe: r, lines: newLines(r)}
	c.cmd.Stdout, c.cmd.Stderr = w, &c.stderr
	c.cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	c.cmd.WaitDelay = time.Second // for who else holds its standard error
	if err := c.cmd.Start(); err != nil {
		_ = r.Close()
		return nil, err
	}
	return c, nil
}

// next returns the next record, or an error that is os.ErrDeadlineExceeded when none came in time or ctx has ended. A
// negative wait is without end.
func (c *child) next(ctx context.Context, wait time.Duration) (record, error) {
	deadline := time.Time{}
	if wait >= 0 {
		deadline = time.Now().Add(wait)
	}
	_ = c.pipe.SetReadDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { _ = c.pipe.SetReadDeadline(time.Now()) })
	defer stop()
	return c.lines.next()
}

// ended waits for the process, whose output has ended, and returns nil if all is well with it.
func (c *child) ended() error {
	_ = c.pipe.Close()
	kill := time.AfterFunc(5*time.Second, c.signal) // it closed its output, and goes on
	defer kill.Stop()
	err := c.cmd.Wait()
	if said := c.stderr.text(); err != nil && said != "" {
		err = fmt.Errorf("%w: %s", err, said)
	}
	if c.lines.w > c.lines.r && err == nil {
		err = errors.New("its last line is cut off")
	}
	return err
}

// kill ends the process and its group.
func (c *child) kill() {
	c.signal()
	_ = c.pipe.Close()
	_ = c.cmd.Wait()
}

func (c *child) signal() { _ = unix.Kill(-c.cmd.Process.Pid, unix.SIGKILL) }

// waiting returns how many bytes were written and not read yet.
func (c *child) waiting() int64 {
	raw, err := c.pipe.SyscallConn()
	if err != nil {
		return 0
	}
	n := 0
	_ = raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	return int64(n)
}

// A tail keeps the last of what a process says.
type tail struct {
	mu   sync.Mutex
	last []byte
}

const maxSaid = 1 << 10

// Write takes everything.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, b[max(len(b)-maxSaid, 0):]...)
	t.last = t.last[max(len(t.last)-maxSaid, 0):]
	return len(b), nil
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.ToValidUTF8(string(bytes.Join(bytes.Fields(t.last), []byte(" "))), "?")
}
