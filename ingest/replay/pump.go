package replay

import (
	"errors"
	"io"
	"sync"
	"time"
)

// A pump reads what may wait for ever, a pipe or a terminal, in a goroutine of its own, so that the end of a context
// ends the waiting.
type pump struct {
	src    io.Reader
	closer io.Closer // nil if src belongs to somebody else
	chunks chan chunk
	empty  chan []byte
	quit   chan struct{}
	done   chan struct{}
	once   sync.Once

	now     chunk
	started bool
}

type chunk struct {
	whole, rest []byte
	err         error
}

var errStopped = errors.New("reading was stopped")

func newPump(src io.Reader, c io.Closer) *pump {
	return &pump{
		src: src, closer: c, chunks: make(chan chunk), empty: make(chan []byte, 2), quit: make(chan struct{}), done: make(chan struct{}),
	}
}

// Read gives what there is, and waits if there is nothing.
func (p *pump) Read(dst []byte) (int, error) {
	if !p.started {
		p.started = true
		p.empty <- make([]byte, 64<<10)
		p.empty <- make([]byte, 64<<10)
		go p.run()
	}
	for len(p.now.rest) == 0 {
		if p.now.err != nil {
			return 0, p.now.err
		}
		if p.now.whole != nil {
			p.empty <- p.now.whole
			p.now.whole = nil
		}
		select {
		case p.now = <-p.chunks:
		case <-p.quit:
			return 0, errStopped
		}
	}
	n := copy(dst, p.now.rest)
	p.now.rest = p.now.rest[n:]
	return n, nil
}

func (p *pump) run() {
	defer close(p.done)
	for {
		var buf []byte
		select {
		case buf = <-p.empty:
		case <-p.quit:
			return
		}
		n, err := p.src.Read(buf)
		select {
		case p.chunks <- chunk{buf, buf[:n], err}:
		case <-p.quit:
			return
		}
		if err != nil {
			return
		}
	}
}

// stop ends a Read that waits. What was read and not given is lost.
func (p *pump) stop() { p.once.Do(func() { close(p.quit) }) }

// close stops the goroutine and waits for it, unless nothing can end its read: then it ends with the process, or when
// the other side writes or closes.
func (p *pump) close() {
	p.stop()
	interrupted := false
	if p.closer != nil {
		interrupted = p.closer.Close() == nil
	} else if d, ok := p.src.(interface{ SetReadDeadline(time.Time) error }); ok {
		interrupted = d.SetReadDeadline(time.Unix(1, 0)) == nil
	}
	if interrupted && p.started {
		<-p.done
	}
}
