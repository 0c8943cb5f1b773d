package torture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A daemon is one "mailstop run" process.
type daemon struct {
	pid   int
	log   string // file
	from  int64  // where in log its words begin
	ended chan struct{}
	err   error // how it ended; valid when ended is closed
	addr  string
}

var listening = regexp.MustCompile(`address=http://([0-9.:]+)`)

// launch starts the program. The process ends with the test process, whatever becomes of that.
func launch(log string, args ...string) (*daemon, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	from, err := out.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	d := &daemon{log: log, from: from, ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The signal comes when the thread ends that started the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer out.Close()
		cmd := exec.Command(program, args...)
		cmd.Stderr, cmd.SysProcAttr = out, &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		d.pid = cmd.Process.Pid
		started <- nil
		d.err = cmd.Wait()
		close(d.ended)
	}()
	return d, <-started
}

// said is what the daemon has written to standard error.
func (d *daemon) said() string {
	b, err := os.ReadFile(d.log)
	if err != nil || int64(len(b)) < d.from {
		return ""
	}
	return string(b[d.from:])
}

func (d *daemon) gone() bool {
	select {
	case <-d.ended:
		return true
	default:
		return false
	}
}

// signal sends a signal, unless the process has ended.
func (d *daemon) signal(s syscall.Signal) {
	if !d.gone() {
		_ = syscall.Kill(d.pid, s)
	}
}

// kill ends the daemon as a crash would.
func (d *daemon) kill() {
	d.signal(syscall.SIGKILL)
	<-d.ended
}

// running waits until the daemon has said what matches.
func (d *daemon) saying(what string) error {
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if strings.Contains(d.said(), what) {
			return nil
		}
		if d.gone() {
			return fmt.Errorf("the daemon ended: %w", d.err)
		}
		if time.Now().After(end) {
			return fmt.Errorf("the daemon has not said %q within two minutes", what)
		}
	}
}

// get asks the daemon over HTTP. A daemon that does not answer has the status 0.
func (d *daemon) get(path string) (status int, body string) {
	if d.addr == "" {
		m := listening.FindStringSubmatch(d.said())
		if m == nil {
			return 0, "it does not listen yet"
		}
		d.addr = m[1]
	}
	client := http.Client{Timeout: 20 * time.Second}
	resp, err := client.Get("http://" + d.addr + path)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(b)
}

// metric returns the sum of the samples of a metric.
func (d *daemon) metric(name string) float64 {
	_, body := d.get("/metrics")
	sum := 0.0
	for line := range strings.Lines(body) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || rest == "" || rest[0] != ' ' && rest[0] != '{' {
			continue
		}
		fields := strings.Fields(line)
		v, err := strconv.ParseFloat(fields[len(fields)-1], 64)
		if err == nil {
			sum += v
		}
	}
	return sum
}

// rss is the memory that the daemon has in use, in bytes; 0 if it is gone.
func (d *daemon) rss() int64 {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(d.pid), "statm"))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// A peak watches the memory of whatever daemon runs.
type peak struct {
	stop chan struct{}
	done sync.WaitGroup
	max  int64
}

func watchMemory(current func() *daemon) *peak {
	p := &peak{stop: make(chan struct{})}
	p.done.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-p.stop:
				return
			case <-tick.C:
				if d := current(); d != nil {
					p.max = max(p.max, d.rss())
				}
			}
		}
	})
	return p
}

// end returns the most that was seen.
func (p *peak) end() int64 {
	close(p.stop)
	p.done.Wait()
	return p.max
}

// mailstop runs the program to its end and returns what it prints.
func mailstop(t testing.TB, args ...string) []byte {
	t.Helper()
	out, err := try(args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func try(args ...string) ([]byte, error) {
	cmd := exec.Command(program, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		if end := (*exec.ExitError)(nil); errors.As(err, &end) {
			err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(stderr.Bytes()))
		}
		return nil, fmt.Errorf("mailstop %s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}
