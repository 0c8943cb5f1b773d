package term

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// redraw is the time between two drawings of the progress line.
const redraw = 200 * time.Millisecond

// eraseLine goes to the start of the line and clears it (ECMA-48 EL).
const eraseLine = "\r\x1b[K"

// A Progress is one line that shows how far a long run is. It draws only on a terminal; elsewhere all its methods do
// nothing but Writer, which passes on. Its methods may be called from any goroutine.
type Progress struct {
	out   io.Writer
	width func() int
	live  bool // out is a terminal

	mu      sync.Mutex
	at      Mark
	started time.Time
	drawn   bool // the line is on the screen
	running bool
}

// A Mark says how far a run is.
type Mark struct {
	File  string // what is being read
	Read  int64  // bytes read of all files
	Total int64  // bytes of all files; 0 if unknown
	Lines int64
}

// NewProgress returns a progress line on f, usually standard error.
func NewProgress(f *os.File) *Progress {
	return &Progress{out: f, live: IsTerminal(f), width: func() int { return Width(f) }}
}

// Update says how far the run is; it is cheap enough for every batch.
func (p *Progress) Update(m Mark) {
	p.mu.Lock()
	p.at = m
	p.mu.Unlock()
}

// Start draws the line, at most five times a second, until the returned function is called. That function waits for the
// drawing to end and erases the line; it may be called more than once.
func (p *Progress) Start() (stop func()) {
	if !p.live {
		return func() {}
	}
	p.mu.Lock()
	p.started, p.running = time.Now(), true
	p.mu.Unlock()
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(redraw)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				p.draw()
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(quit)
		<-done
		p.mu.Lock()
		p.running = false
		p.erase()
		p.mu.Unlock()
	})
}

// Writer returns a writer to the same place for whole lines, such as a logger's: it takes the progress line away before
// it writes, and the next drawing puts it back below.
func (p *Progress) Writer() io.Writer { return lineWriter{p} }

type lineWriter struct{ p *Progress }

func (w lineWriter) Write(b []byte) (int, error) {
	w.p.mu.Lock()
	defer w.p.mu.Unlock()
	w.p.erase()
	return w.p.out.Write(b)
}

// erase is called with the lock held.
func (p *Progress) erase() {
	if p.drawn {
		// A terminal that went away is no reason to fail a run.
		_, _ = io.WriteString(p.out, eraseLine)
		p.drawn = false
	}
}

func (p *Progress) draw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running {
		return
	}
	// The last column stays free: some terminals wrap when it is written.
	line := Clean(p.at.line(time.Since(p.started)), max(p.width()-1, 1))
	_, _ = io.WriteString(p.out, eraseLine+line)
	p.drawn = true
}

// line is what is drawn after the given time, the parts that may be cut last.
func (m Mark) line(elapsed time.Duration) string {
	var parts []string
	read := Bytes(m.Read)
	if m.Total > 0 {
		read += " of " + Bytes(m.Total)
		parts = append(parts, fmt.Sprintf("%3d %%", min(100, int(float64(m.Read)/float64(m.Total)*100))))
	}
	parts = append(parts, read)
	if r := Rate(m.Lines, elapsed, "lines"); r != "" {
		parts = append(parts, r)
	}
	if m.Total > m.Read && m.Read > 0 && elapsed >= time.Second {
		left := float64(elapsed) * (float64(m.Total-m.Read) / float64(m.Read))
		if left < float64(100*24*time.Hour) {
			parts = append(parts, Duration(time.Duration(left).Round(time.Second))+" left")
		}
	}
	if m.File != "" {
		parts = append(parts, m.File)
	}
	return strings.Join(parts, "  ")
}
