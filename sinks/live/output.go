package live

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// maxUnwritten bounds what waits for a slow output, in bytes.
const maxUnwritten = 1 << 20

// What may be left out.
const (
	entries  = "entries"
	findings = "findings"
)

// An output writes in a goroutine of its own, so that nobody waits for a screen or a pipe.
type output struct {
	w    io.Writer
	pipe chan os.Signal                  // takes SIGPIPE while w is open
	more func(n int, what string) []byte // the line in place of what was left out
	gone func(error)
	wake chan struct{}
	done chan struct{} // closed when the goroutine has ended
	once sync.Once

	mu       sync.Mutex
	waiting  []byte // not written yet
	mail     rate   // of lines
	findings rate
	closed   bool
	started  bool
	dead     bool // nothing can be written any more
}

func newOutput(w io.Writer, limit int, more func(int, string) []byte, gone func(error)) *output {
	return &output{
		w: w, pipe: make(chan os.Signal, 1), more: more, gone: gone, wake: make(chan struct{}, 1), done: make(chan struct{}),
		mail: rate{what: entries, limit: limit}, findings: rate{what: findings, limit: limit},
	}
}

// A rate bounds what is shown in a second, and counts what is left out.
type rate struct {
	what    string
	limit   int       // 0: none
	second  time.Time // when it began: with the first that was shown after the one before was over
	shown   int       // in that second
	skipped int       // since the last that was shown
}

// allows reports whether one more may be shown now.
func (r *rate) allows() bool {
	if now := time.Now(); now.Sub(r.second) >= time.Second {
		r.second, r.shown = now, 0
	}
	return r.limit == 0 || r.shown < r.limit
}

// due reports whether it is time to tell how many were left out.
func (r *rate) due() bool {
	return r.skipped > 0 && (r.limit == 0 || time.Since(r.second) >= time.Second)
}

func (o *output) start() {
	o.once.Do(func() {
		o.mu.Lock()
		o.started = true
		o.mu.Unlock()
		if _, ok := o.w.(*os.File); ok {
			// Without this, a write to a closed standard output ends the whole process (package os/signal).
			signal.Notify(o.pipe, syscall.SIGPIPE)
		}
		go o.run()
	})
}

// lines takes lines as far as there is room for them. count is how many there are, of which text has the first.
func (o *output) lines(text []byte, ends []int, count int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	from := 0
	for _, end := range ends {
		if !o.add(&o.mail, text[from:end], maxUnwritten) {
			break
		}
		from = end
		count--
	}
	o.mail.skipped += count
	o.signal()
}

// finding takes a finding, for which lines leave room.
func (o *output) finding(text []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.add(&o.findings, text, 2*maxUnwritten) {
		o.findings.skipped++
	}
	o.signal()
}

// add appends text if it may be shown, after the number of what was left out before it.
func (o *output) add(r *rate, text []byte, room int) bool {
	if o.dead || len(o.waiting)+len(text) > room || !r.allows() {
		return false
	}
	o.tell(r)
	o.waiting = append(o.waiting, text...)
	r.shown++
	return true
}

// tell says how many were left out, if any were.
func (o *output) tell(r *rate) {
	if r.skipped > 0 {
		o.waiting = append(o.waiting, o.more(r.skipped, r.what)...)
		r.skipped = 0
	}
}

func (o *output) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// run writes what waits until close is called or writing fails.
func (o *output) run() {
	defer close(o.done)
	tick := time.NewTimer(time.Second)
	defer tick.Stop()
	var buf []byte
	for {
		select {
		case <-o.wake:
		case <-tick.C:
		}
		var last, idle bool
		buf, last, idle = o.take(buf[:0])
		if len(buf) > 0 {
			if _, err := o.w.Write(buf); err != nil {
				o.die(err)
				return
			}
		}
		if last {
			return
		}
		tick.Stop()
		if !idle {
			tick.Reset(time.Second)
		}
	}
}

// take moves what waits to buf. last: nothing follows; idle: there is nothing to do until the next wake.
func (o *output) take(buf []byte) (out []byte, last, idle bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range []*rate{&o.mail, &o.findings} {
		if o.closed || r.due() {
			o.tell(r)
		}
	}
	out = append(buf, o.waiting...)
	o.waiting = o.waiting[:0]
	return out, o.closed, o.mail.skipped+o.findings.skipped == 0
}

// die ends showing, and says so once.
func (o *output) die(err error) {
	o.mu.Lock()
	o.dead, o.waiting = true, nil
	o.mu.Unlock()
	if o.gone != nil {
		o.gone(fmt.Errorf("print: %w", err))
	}
}

// close writes what is left and waits for it until ctx ends. What a writer that takes nothing still holds is lost: it is
// on the screen's side.
func (o *output) close(ctx context.Context) {
	o.mu.Lock()
	o.closed = true
	started := o.started
	o.mu.Unlock()
	o.signal()
	if !started {
		return
	}
	select {
	case <-o.done:
		signal.Stop(o.pipe)
	case <-ctx.Done():
	}
}
