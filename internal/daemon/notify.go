package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// A Notifier tells the service manager how the daemon does. All its methods do nothing where there is none.
// Source: sd_notify(3) and sd_watchdog_enabled(3).
type Notifier struct {
	socket   string        // empty: there is no service manager
	watchdog time.Duration // within which it wants to hear of us; 0: it does not
}

// NewNotifier reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID through env, usually os.Getenv.
func NewNotifier(env func(string) string) (*Notifier, error) {
	n := &Notifier{socket: env("NOTIFY_SOCKET")}
	if n.socket == "" {
		return n, nil
	}
	if n.socket[0] != '/' && n.socket[0] != '@' {
		return nil, fmt.Errorf("NOTIFY_SOCKET %q is neither a path nor an abstract socket", n.socket)
	}
	usec := env("WATCHDOG_USEC")
	if pid := env("WATCHDOG_PID"); usec == "" || pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return n, nil // meant for another process, or for nobody
	}
	v, err := strconv.ParseInt(usec, 10, 64)
	if err != nil || v <= 0 || v > int64(maxWatchdog/time.Microsecond) {
		return nil, fmt.Errorf("WATCHDOG_USEC %q is not a number of microseconds", usec)
	}
	n.watchdog = time.Duration(v) * time.Microsecond
	return n, nil
}

const maxWatchdog = 365 * 24 * time.Hour

// Ready says that the start, or a reload, is over.
func (n *Notifier) Ready() error { return n.send("READY=1") }

// Reloading says that the configuration is being read again; Ready ends it. Services of Type=notify-reload must give the
// time.
func (n *Notifier) Reloading() error {
	state := "RELOADING=1"
	if usec, ok := monotonic(); ok {
		state += "\nMONOTONIC_USEC=" + strconv.FormatInt(usec, 10)
	}
	return n.send(state)
}

// Stopping says that the daemon is ending.
func (n *Notifier) Stopping() error { return n.send("STOPPING=1") }

// Status gives one line for people, as shown by systemctl status.
func (n *Notifier) Status(text string) error {
	return n.send("STATUS=" + strings.Join(strings.Fields(strings.ToValidUTF8(text, "\ufffd")), " "))
}

// Watchdog returns within which time the service manager wants to hear of the daemon; 0 if it does not.
func (n *Notifier) Watchdog() time.Duration { return n.watchdog }

// Watch tells the service manager, at half the watchdog's time, that the daemon is alive, as long as alive returns nil:
// without that, it ends and restarts the process. Watch returns when ctx ends, at once if there is no watchdog. What goes
// wrong is told to voice.
func (n *Notifier) Watch(ctx context.Context, alive func() error, voice *Voice) {
	if n.watchdog <= 0 {
		return
	}
	tick := time.NewTicker(max(n.watchdog/2, time.Millisecond))
	defer tick.Stop()
	for {
		err := alive()
		if err == nil {
			voice.Over("watchdog")
			if err := n.send("WATCHDOG=1"); err != nil {
				voice.Problem("watchdog socket", "the service manager cannot be told that all is well", err)
			} else {
				voice.Over("watchdog socket")
			}
		} else {
			voice.Problem("watchdog", "nothing moves; the watchdog will restart the daemon", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// sendTimeout bounds waiting for a service manager that does not read.
const sendTimeout = time.Second

func (n *Notifier) send(state string) (err error) {
	if n.socket == "" {
		return nil
	}
	// A name that begins with @ is taken as abstract by package net, too.
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.socket, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("notify the service manager: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := conn.SetWriteDeadline(time.Now().Add(sendTimeout)); err != nil {
		return fmt.Errorf("notify the service manager: %w", err)
	}
	if _, err := conn.Write([]byte(state)); err != nil {
		return fmt.Errorf("notify the service manager: %w", err)
	}
	return nil
}
