package syslog

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"mailstop/internal/spool"
)

// A packetConn is a UDP or a Unix datagram socket.
type packetConn interface {
	net.PacketConn
	SetReadBuffer(bytes int) error
	SyscallConn() (syscall.RawConn, error)
}

// datagrams reads messages from a socket, one each. Nobody waits for room: what finds none is dropped and counted.
func (v *server) datagrams(ctx context.Context, c packetConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		_ = c.Close()
		return err
	}
	if err := receiveBuffer(raw, v.options.ReceiveBuffer); err != nil {
		_ = c.SetReadBuffer(v.options.ReceiveBuffer) // as much as is allowed
	}
	_, fromNetwork := c.(*net.UDPConn)
	size := v.options.MaxMessage + 1
	if fromNetwork {
		size = min(size, 65507)
		v.sockets.add(raw)
	}
	in := newReceiver(raw, size)
	v.all.Go(func() {
		defer c.Close()
		if fromNetwork {
			defer v.sockets.remove(raw)
		}
		stop := context.AfterFunc(ctx, func() { _ = c.SetReadDeadline(time.Now()) })
		defer stop()
		var rs []spool.Record
		for stopping := false; ; {
			err := in.receive()
			received := time.Now().UnixNano()
			rs = rs[:0]
			for i := range in.count() {
				data, from := in.message(i)
				for data := range messages(data) {
					if data = oneLine(data); len(data) > 0 {
						rs = append(rs, spool.Record{Received: received, Sender: from, Data: data})
					}
				}
			}
			v.put(rs, !fromNetwork)
			switch {
			case err == nil && (!stopping || !closed(v.over)):
			case errors.Is(err, os.ErrDeadlineExceeded) && !stopping:
				stopping = true // what is there is still read
				_ = c.SetReadDeadline(time.Now().Add(stopQuiet))
			case stopping || ctx.Err() != nil:
				return
			default:
				v.sayOnce("datagrams cannot be received", err)
				sleep(ctx, retryAfter)
			}
		}
	})
	return nil
}

// kernelDrops counts what the kernel dropped because a receive buffer was full.
type kernelDrops struct {
	mu   sync.Mutex
	open []syscall.RawConn
	past int64
}

func (k *kernelDrops) add(c syscall.RawConn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.open = append(k.open, c)
}

// remove is called before c is closed.
func (k *kernelDrops) remove(c syscall.RawConn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.past += socketDrops(c)
	for i := range k.open {
		if k.open[i] == c {
			k.open = append(k.open[:i], k.open[i+1:]...)
			return
		}
	}
}

func (k *kernelDrops) sum() int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := k.past
	for _, c := range k.open {
		n += socketDrops(c)
	}
	return n
}
