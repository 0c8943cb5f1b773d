// Package live is the sink behind "mailstop run --print": it shows mail entries, failed deliveries and findings as they
// happen, to a person at a terminal or, as JSON, to a program. It never holds up the pipeline and never fails it: what
// an output cannot take in time is counted, and the count is shown.
package live

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"mailstop/event"
	"mailstop/internal/term"
	"mailstop/sinks"
)

// Options say what is shown, and how.
type Options struct {
	JSON  bool // one JSON object a line, instead of text
	Color bool
	Width int      // columns of the screen; sentences are broken at them
	Ports []uint16 // the mail ports
	// Limit is how many lines of mail, and how many findings, are shown in a second; 0 shows all.
	Limit int
	// Gone is called once, from another goroutine, when nothing can be written any more; nil: nobody wants to know.
	Gone func(error)
}

// Default returns what suits a terminal.
func Default() Options {
	return Options{Width: term.DefaultWidth, Ports: []uint16{25, 465, 587, 2525}, Limit: 20}
}

// Validate says what is wrong with o.
func (o Options) Validate() error {
	switch {
	case o.Width < 1:
		return fmt.Errorf("width %d: at least 1 column", o.Width)
	case len(o.Ports) == 0:
		return errors.New("no mail ports")
	case o.Limit < 0:
		return fmt.Errorf("limit %d: 0 or more lines a second", o.Limit)
	}
	return nil
}

// A Sink shows what it is given on one output.
type Sink struct {
	o     Options
	style term.Style
	mail  [1 << 16 / 64]uint64 // a bit for each mail port
	out   *output
	known known
}

// New returns a sink that writes to w, which may be slow. The output's goroutine is started by the first Write, and ended
// by Close.
func New(w io.Writer, o Options) *Sink {
	s := &Sink{o: o, style: term.Style(o.Color && !o.JSON)}
	for _, p := range o.Ports {
		s.mail[p/64] |= 1 << (p % 64)
	}
	s.out = newOutput(w, o.Limit, s.more, o.Gone)
	return s
}

// more is the line in place of n entries or findings that were left out.
func (s *Sink) more(n int, what string) []byte {
	if s.o.JSON {
		return fmt.Appendf(nil, `{"more":{%q:%d}}`+"\n", what, n)
	}
	noun := map[string][2]string{entries: {"mail entry", "mail entries"}, findings: {"finding", "findings"}}[what][min(n, 2)-1]
	return []byte(s.style.Dim(fmt.Sprintf("… %s more %s", term.Number(n), noun)) + "\n")
}

// maxBlock is how many lines a block keeps: a screen shows the last ones only, and a program that reads JSON gets them
// all unless it is slower than the log.
func (s *Sink) maxBlock() int {
	if s.o.Limit > 0 {
		return s.o.Limit
	}
	return maxUnwritten / 64
}

// A block holds the lines of one batch.
type block struct {
	s     *Sink
	text  []byte
	ends  []int // of each line, in text
	count int   // of lines, those that were left out included
}

var blocks = sync.Pool{New: func() any { return new(block) }}

// Block returns an empty block. It may be called concurrently.
func (s *Sink) Block() sinks.Block {
	b := blocks.Get().(*block)
	b.s = s
	return b
}

// Append writes the lines of those entries that are to be shown.
func (b *block) Append(es []event.Entry) {
	for i := range es {
		e := &es[i]
		if !b.s.shows(e) {
			continue
		}
		b.count++
		if len(b.ends) >= b.s.maxBlock() || len(b.text) >= maxUnwritten {
			continue
		}
		if b.s.o.JSON {
			b.text = appendJSON(b.text, e)
		} else {
			b.text = b.s.appendLine(b.text, e)
		}
		b.ends = append(b.ends, len(b.text))
	}
}

// shows reports whether e is of mail: a packet to or from a mail port, or a delivery that failed.
func (s *Sink) shows(e *event.Entry) bool {
	if e.Outside || e.Error != "" || e.Note != "" {
		return false
	}
	if d := e.Delivery; d != nil {
		return d.Status == event.Deferred || d.Status == event.Bounced
	}
	if e.Is(event.HasProto) && e.Proto != event.TCP {
		return false
	}
	return s.toMail(e) || s.fromMail(e)
}

func (s *Sink) isMail(port uint16) bool { return s.mail[port/64]>>(port%64)&1 != 0 }

func (s *Sink) toMail(e *event.Entry) bool { return e.Is(event.HasDstPort) && s.isMail(e.DstPort) }

// fromMail reports whether e is what a mail server sent. What opens a connection is not: scanners like to send from port
// 25, and a client's port is any.
func (s *Sink) fromMail(e *event.Entry) bool {
	const shake = event.SYN | event.ACK
	return e.Is(event.HasSrcPort) && s.isMail(e.SrcPort) && (!e.Is(event.HasTCPFlags) || e.TCPFlags&shake != event.SYN)
}

// Write hands the batch's lines and findings to the output, and always returns nil. What an extent holds that the store
// already had was shown before a restart, and is not shown again; its findings are.
func (s *Sink) Write(_ context.Context, b *sinks.Batch) error {
	s.out.start()
	for _, sb := range b.Blocks {
		bl, ok := sb.(*block)
		if !ok || bl.s == nil {
			continue // of another sink, or written before
		}
		if !b.Extent.Stored && bl.count > 0 {
			s.out.lines(bl.text, bl.ends, bl.count)
		}
		*bl = block{text: bl.text[:0], ends: bl.ends[:0]}
		if cap(bl.text) <= 1<<16 {
			blocks.Put(bl)
		}
	}
	for i := range b.Findings {
		f := &b.Findings[i]
		change, was := s.known.see(f)
		if change == unchanged {
			continue
		}
		if s.o.JSON {
			s.out.finding(findingJSON(f, change))
		} else {
			s.out.finding(s.findingText(f, change, was))
		}
	}
	return nil
}

// closeTimeout is how long Close waits for an output that takes nothing.
const closeTimeout = time.Second

// Close writes what is left, as far as the output takes it within a second.
func (s *Sink) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	s.out.close(ctx)
	return nil
}
