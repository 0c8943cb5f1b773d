package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// manager is the service manager's side of the socket.
func manager(t *testing.T, name string) *net.UnixConn {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func receive(t *testing.T, c *net.UnixConn) string {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestNotify(t *testing.T) {
	for _, socket := range []string{filepath.Join(t.TempDir(), "notify"), "@mailstop-test-" + strconv.Itoa(os.Getpid())} {
		c := manager(t, socket)
		n, err := NewNotifier(env("NOTIFY_SOCKET", socket))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []struct {
			send func() error
			want string
		}{
			{n.Ready, `^READY=1$`},
			{n.Reloading, `^RELOADING=1\nMONOTONIC_USEC=[1-9][0-9]+$`},
			{n.Stopping, `^STOPPING=1$`},
			{func() error { return n.Status("store down:\nREADY=1 \xff") }, "^STATUS=store down: READY=1 \ufffd$"},
		} {
			if err := s.send(); err != nil {
				t.Errorf("%s: %v", socket, err)
				continue
			}
			if got := receive(t, c); !regexp.MustCompile(s.want).MatchString(got) {
				t.Errorf("%s: got %q, want %s", socket, got, s.want)
			}
		}
		n.Watch(t.Context(), func() error { t.Error("asked without a watchdog"); return nil }, quiet())
	}
}

func TestWithoutServiceManager(t *testing.T) {
	n, err := NewNotifier(env())
	if err != nil {
		t.Fatal(err)
	}
	for _, send := range []func() error{n.Ready, n.Reloading, n.Stopping, func() error { return n.Status("x") }} {
		if err := send(); err != nil {
			t.Error(err)
		}
	}
	if n.Watchdog() != 0 {
		t.Error("there is a watchdog")
	}
}

func TestNotifierEnvironment(t *testing.T) {
	pid := strconv.Itoa(os.Getpid())
	for _, tt := range []struct {
		env  []string
		want time.Duration
		err  string
	}{
		{[]string{"NOTIFY_SOCKET", "/s", "WATCHDOG_USEC", "30000000"}, 30 * time.Second, ""},
		{[]string{"NOTIFY_SOCKET", "/s", "WATCHDOG_USEC", "30000000", "WATCHDOG_PID", pid}, 30 * time.Second, ""},
		{[]string{"NOTIFY_SOCKET", "/s", "WATCHDOG_USEC", "30000000", "WATCHDOG_PID", pid + "1"}, 0, ""},
		{[]string{"WATCHDOG_USEC", "30000000"}, 0, ""},
		{[]string{"NOTIFY_SOCKET", "vsock:2:1234"}, 0, "neither a path nor an abstract socket"},
		{[]string{"NOTIFY_SOCKET", "/s", "WATCHDOG_USEC", "0"}, 0, "not a number of microseconds"},
		{[]string{"NOTIFY_SOCKET", "/s", "WATCHDOG_USEC", "99999999999999999"}, 0, "not a number of microseconds"},
	} {
		n, err := NewNotifier(env(tt.env...))
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%q: %v", tt.env, err)
			}
			continue
		}
		if err != nil || n.Watchdog() != tt.want {
			t.Errorf("%q: %v, %v", tt.env, n, err)
		}
	}
}

// The watchdog is fed only while the engine moves.
func TestWatch(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	c := manager(t, socket)
	n, err := NewNotifier(env("NOTIFY_SOCKET", socket, "WATCHDOG_USEC", "2000"))
	if err != nil {
		t.Fatal(err)
	}
	var stuck atomic.Bool
	var asked atomic.Int64
	alive := func() error {
		asked.Add(1)
		if stuck.Load() {
			return errors.New("no batch for 5 min")
		}
		return nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); n.Watch(ctx, alive, quiet()) }()
	for range 3 {
		if got := receive(t, c); got != "WATCHDOG=1" {
			t.Errorf("got %q", got)
		}
	}
	stuck.Store(true)
	for before := asked.Load(); asked.Load() < before+2; { // the one that was under way is through
		time.Sleep(time.Millisecond)
	}
	drain(t, c)
	for before := asked.Load(); asked.Load() < before+5; {
		time.Sleep(time.Millisecond)
	}
	if n := drain(t, c); n > 0 {
		t.Errorf("fed %d times while nothing moved", n)
	}
	stuck.Store(false)
	if got := receive(t, c); got != "WATCHDOG=1" {
		t.Errorf("got %q", got)
	}
	cancel()
	<-done
}

// drain takes what is in the socket.
func drain(t *testing.T, c *net.UnixConn) int {
	t.Helper()
	for n := 0; ; n++ {
		if err := c.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 64)); err != nil {
			return n
		}
	}
}

func TestServiceManagerIsGone(t *testing.T) {
	n, err := NewNotifier(env("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "none"), "WATCHDOG_USEC", "1000000"))
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Ready(); err == nil || !strings.Contains(err.Error(), "notify the service manager") {
		t.Error(err)
	}
	log := newBook()
	ctx, cancel := context.WithCancel(t.Context())
	n.Watch(ctx, func() error { cancel(); return nil }, NewVoice(slog.New(log)))
	if got := log.take(); len(got) != 1 || !strings.Contains(got[0], "cannot be told") {
		t.Errorf("%q", got)
	}
}

func quiet() *Voice { return NewVoice(slog.New(slog.DiscardHandler)) }
