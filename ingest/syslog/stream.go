package syslog

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"mailstop/internal/spool"
)

// The buffer of a stream grows with what comes, from firstBuffer to the longest message and some room beside it.
const (
	firstBuffer = 8 << 10
	beside      = 64 << 10
)

// A deadliner is a stream whose reading can be interrupted.
type deadliner interface{ SetReadDeadline(time.Time) error }

// stream reads messages until the stream ends, or is silent for too long, or the program stops and nothing more comes. A piece
// of a message at the end is a record like any other.
func (v *server) stream(ctx context.Context, in io.Reader, from []byte, counted bool) {
	f := framer{max: v.options.MaxMessage, counted: counted}
	buf := make([]byte, firstBuffer)
	held := 0
	var rs []spool.Record
	p := patience{idle: v.options.Idle, stop: ctx.Done(), over: v.over}
	if d, ok := in.(deadliner); ok && d.SetReadDeadline(time.Time{}) == nil {
		p.stream = d
		stop := context.AfterFunc(ctx, func() { _ = d.SetReadDeadline(time.Now()) })
		defer stop()
	}
	for end := false; !end; {
		p.begin()
		n, err := in.Read(buf[held:])
		held += n
		end = p.ends(n, err)
		received := time.Now().UnixNano()
		rs = rs[:0]
		used := f.take(buf[:held], end, func(m []byte) {
			if m = oneLine(m); len(m) > 0 {
				rs = append(rs, spool.Record{Received: received, Sender: from, Data: m})
			}
		})
		v.put(rs, true)
		if used == 0 && held == len(buf) || n == len(buf)-(held-n) && len(buf) < beside {
			buf = grow(buf, v.options.MaxMessage+beside)
		}
		held = copy(buf, buf[used:held])
	}
}

func grow(buf []byte, limit int) []byte {
	out := make([]byte, min(4*len(buf), limit))
	copy(out, buf)
	return out
}

// patience decides how long a stream is waited for.
type patience struct {
	idle     time.Duration
	stop     <-chan struct{}
	over     <-chan struct{}
	stream   deadliner // nil: it cannot be interrupted
	stopping bool
}

func (p *patience) begin() {
	if p.stream == nil {
		return
	}
	if !p.stopping {
		_ = p.stream.SetReadDeadline(time.Now().Add(p.idle))
		p.stopping = closed(p.stop) // or else the stop itself cuts the reading short
	}
	if p.stopping {
		_ = p.stream.SetReadDeadline(time.Now().Add(stopQuiet))
	}
}

// ends reports whether the stream is at its end.
func (p *patience) ends(n int, err error) bool {
	if closed(p.over) {
		return true
	}
	if err == nil {
		return false
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && !p.stopping && closed(p.stop) {
		p.stopping = true
		return false
	}
	return !p.stopping || n == 0
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// stdin reads lines until there are no more. Where reading cannot be interrupted, the reader is left to end by itself.
func (v *server) stdin(ctx context.Context, in io.Reader) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		v.stream(ctx, in, nil, false)
	}()
	v.all.Go(func() {
		select {
		case <-done:
			v.log.Info("standard input has ended", "source", v.part.Source)
			if o := &v.options; o.UDP == "" && o.TCP == "" && o.TLS.Listen == "" && o.Unix == "" && o.UnixStream == "" {
				close(v.ended)
			}
		case <-ctx.Done():
			select {
			case <-done:
			case <-v.over:
			}
		}
	})
}
