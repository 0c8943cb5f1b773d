package syslog

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"mailstop/internal/spool"
)

const (
	// stopQuiet is how long a connection must be silent to be left when the program stops; stopGrace is how long that may
	// take, and how long messages may wait for room in the spool then.
	stopQuiet = 100 * time.Millisecond
	stopGrace = 2 * time.Second

	handshake  = 10 * time.Second
	syncEvery  = time.Second
	maxAtOnce  = 4096 // records that are appended at once
	retryAfter = 200 * time.Millisecond
)

// A server is a Run.
type server struct {
	*Source
	over  <-chan struct{} // closed stopGrace after the stop: nothing is waited for any more
	slots chan struct{}
	all   sync.WaitGroup
}

// Run listens until ctx ends, then reads what has arrived by then. It takes nothing before Restore or Next was called.
func (s *Source) Run(ctx context.Context) error {
	select {
	case <-s.ready:
	case <-ctx.Done():
		return nil
	}
	if !s.running.CompareAndSwap(false, true) {
		return errors.New("syslog: runs already")
	}
	defer s.running.Store(false)
	listen, cancel := context.WithCancel(ctx)
	defer cancel()
	over := make(chan struct{})
	stop := context.AfterFunc(listen, func() { time.AfterFunc(stopGrace, func() { close(over) }) })
	defer stop()
	v := &server{Source: s, over: over, slots: make(chan struct{}, s.options.MaxConnections)}
	err := v.listen(listen)
	if err != nil {
		cancel()
	}
	v.sync(listen)
	v.all.Wait()
	return err
}

// sync brings the spool onto the disk about once a second.
func (v *server) sync(ctx context.Context) {
	for {
		ok := sleep(ctx, syncEvery)
		err := v.spool.Sync()
		if v.problems.set("sync", err); err != nil {
			v.sayOnce("the spool cannot be synced", err)
		}
		if !ok {
			return
		}
	}
}

// listen opens all ways in.
func (v *server) listen(ctx context.Context) error {
	o := v.options
	if o.UDP != "" {
		c, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", o.UDP)
		if err != nil {
			return err
		}
		v.listening("udp", c.LocalAddr())
		if err := v.datagrams(ctx, c.(*net.UDPConn)); err != nil {
			return err
		}
	}
	if o.TCP != "" {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.TCP)
		if err != nil {
			return err
		}
		v.listening("tcp", l.Addr())
		v.accept(ctx, l, nil)
	}
	if o.TLS.Listen != "" {
		config, err := o.TLS.config()
		if err != nil {
			return err
		}
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.TLS.Listen)
		if err != nil {
			return err
		}
		v.listening("tls", l.Addr())
		v.accept(ctx, l, config)
	}
	if err := v.listenUnix(ctx); err != nil {
		return err
	}
	if o.Stdin != nil {
		v.stdin(ctx, o.Stdin)
	}
	return nil
}

func (v *server) listenUnix(ctx context.Context) error {
	o := v.options
	if o.Unix != "" {
		if err := vacate("unixgram", o.Unix); err != nil {
			return err
		}
		c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: o.Unix, Net: "unixgram"})
		if err != nil {
			return err
		}
		context.AfterFunc(ctx, func() { _ = os.Remove(o.Unix) })
		if err := os.Chmod(o.Unix, o.UnixMode); err != nil {
			_ = c.Close()
			return err
		}
		v.listening("unix", c.LocalAddr())
		if err := v.datagrams(ctx, c); err != nil {
			return err
		}
	}
	if o.UnixStream != "" {
		if err := vacate("unix", o.UnixStream); err != nil {
			return err
		}
		l, err := (&net.ListenConfig{}).Listen(ctx, "unix", o.UnixStream) // closing it removes the path
		if err != nil {
			return err
		}
		if err := os.Chmod(o.UnixStream, o.UnixMode); err != nil {
			_ = l.Close()
			return err
		}
		v.listening("unix-stream", l.Addr())
		v.accept(ctx, l, nil)
	}
	return nil
}

// vacate removes a socket that nobody listens on.
func vacate(network, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is there, and is no socket", path)
	}
	if c, err := net.Dial(network, path); err == nil {
		_ = c.Close()
		return fmt.Errorf("%s: another process listens on it", path)
	}
	return os.Remove(path)
}

func (v *server) listening(kind string, a net.Addr) {
	v.log.Info("listening", "source", v.part.Source, "kind", kind, "address", a.String())
	v.mu.Lock()
	v.addresses[kind] = a
	v.mu.Unlock()
}

func (t TLS) config() (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}
	if t.ClientCA != "" {
		pem, err := os.ReadFile(t.ClientCA)
		if err != nil {
			return nil, fmt.Errorf("tls: client CA: %w", err)
		}
		c.ClientCAs, c.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
		if !c.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls: client CA: %s has no certificate", t.ClientCA)
		}
	}
	return c, nil
}

// accept takes connections as long as there are slots; beyond that they wait in the kernel.
func (v *server) accept(ctx context.Context, l net.Listener, config *tls.Config) {
	context.AfterFunc(ctx, func() { _ = l.Close() })
	v.all.Go(func() {
		for {
			select {
			case v.slots <- struct{}{}:
			default:
				v.problems.set("connections", fmt.Errorf("%d connections are open: more must wait", cap(v.slots)))
				select {
				case v.slots <- struct{}{}:
				case <-ctx.Done():
					return
				}
			}
			v.problems.set("connections", nil)
			c, err := l.Accept()
			if err != nil {
				<-v.slots
				if ctx.Err() != nil {
					return
				}
				v.sayOnce("a connection cannot be accepted", err) // too many open files
				sleep(ctx, retryAfter)
				continue
			}
			v.all.Go(func() {
				defer func() { <-v.slots }()
				v.connection(ctx, c, config)
			})
		}
	})
}

// connection reads one to its end.
func (v *server) connection(ctx context.Context, c net.Conn, config *tls.Config) {
	defer c.Close()
	from := sender(c.RemoteAddr())
	if config != nil {
		t := tls.Server(c, config)
		timed, cancel := context.WithTimeout(ctx, handshake)
		err := t.HandshakeContext(timed)
		cancel()
		if err != nil {
			v.sayOnce("a tls connection is refused", fmt.Errorf("%s: %w", from, err))
			return
		}
		defer t.Close()
		c = t
	}
	v.stream(ctx, c, from, true)
}

// sender returns who is at the other end: an address without port, nothing for a Unix socket.
func sender(a net.Addr) []byte {
	var ip netip.Addr
	switch a := a.(type) {
	case *net.TCPAddr:
		ip = a.AddrPort().Addr()
	case *net.UDPAddr:
		ip = a.AddrPort().Addr()
	default:
		return nil
	}
	return ip.Unmap().WithZone("").AppendTo(nil)
}

// put appends records to the spool. If it is full, or its disk, whoever may wait does; the others' records are dropped.
func (v *server) put(rs []spool.Record, mayWait bool) {
	for len(rs) > 0 {
		n := min(len(rs), maxAtOnce)
		err := v.spool.Append(rs[:n])
		v.problems.set("append", err)
		switch {
		case err == nil:
			rs = rs[n:]
			continue
		case errors.Is(err, spool.ErrFull):
			v.sayOnce("the spool is full", err)
			if v.options.Checkpoint != nil {
				v.options.Checkpoint()
			}
		default:
			v.sayOnce("the spool cannot be written", err)
		}
		if !mayWait || !v.waitForRoom() {
			v.dropped.Add(int64(len(rs)))
			return
		}
	}
}

// waitForRoom waits until trying again is worth it. False means that there is no time left.
func (v *server) waitForRoom() bool {
	t := time.NewTimer(retryAfter)
	defer t.Stop()
	select {
	case <-v.spool.Freed():
	case <-t.C:
	case <-v.over:
		return false
	}
	return true
}
