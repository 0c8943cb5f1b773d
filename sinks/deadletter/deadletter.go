// Package deadletter keeps what a store refuses for good: it puts a sink before which nothing is lost, by writing the
// refused lines into a folder, one file per extent, from which they can be replayed. It never decides what is refused,
// and never reads what it wrote.
package deadletter

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/zeebo/xxh3"

	"mailstop/event"
	"mailstop/sinks"
)

// Sink writes to another sink, and keeps what that refuses for good. It implements sinks.Sink and sinks.Syncer.
type Sink struct {
	sink sinks.Sink
	dir  string
	log  *slog.Logger
	now  func() time.Time

	lines, batches atomic.Int64
}

// Wrap returns s with a folder for what it refuses, which is made when it is needed.
func Wrap(s sinks.Sink, dir string, log *slog.Logger) *Sink {
	return &Sink{sink: s, dir: dir, log: log, now: time.Now}
}

// A refuser is a sink that may find out later that something it took is refused for good. Refused calls keep with each
// such extent and forgets it when keep returns nil.
type refuser interface {
	Refused(ctx context.Context, keep func(e event.Extent, reason error, lines func(yield func(line string) bool)) error) error
}

// Count returns how many lines and batches were refused since the start. It may be called from any goroutine.
func (s *Sink) Count() (lines, batches int64) { return s.lines.Load(), s.batches.Load() }

// Block returns a block of the sink behind.
func (s *Sink) Block() sinks.Block { return s.sink.Block() }

// Write writes b to the sink behind. What that refuses for good is kept in a file, and the error is nil; if the file cannot
// be written, the error is temporary.
func (s *Sink) Write(ctx context.Context, b *sinks.Batch) error {
	if err := s.collect(ctx); err != nil {
		return err
	}
	err := s.sink.Write(ctx, b)
	if !errors.Is(err, sinks.ErrPermanent) {
		return err
	}
	l := letter{extent: b.Extent, reason: err, lines: b.Lines, findings: b.Findings}
	// Findings do not suffer for the lines they came with.
	if len(l.findings) > 0 && len(b.Blocks)+len(b.Counts) > 0 {
		switch err := s.sink.Write(ctx, &sinks.Batch{Source: b.Source, Findings: l.findings}); {
		case err == nil:
			l.findings = nil
		case !errors.Is(err, sinks.ErrPermanent):
			return err
		}
	}
	return s.keep(l)
}

// Sync makes what was written survive a power failure. Dead letters do without.
func (s *Sink) Sync(ctx context.Context) error {
	if err := s.collect(ctx); err != nil {
		return err
	}
	if x, ok := s.sink.(sinks.Syncer); ok {
		return x.Sync(ctx)
	}
	return nil
}

// Close closes the sink behind.
func (s *Sink) Close(ctx context.Context) error {
	return errors.Join(s.collect(ctx), s.sink.Close(ctx))
}

// collect keeps what the sink behind took and refused later.
func (s *Sink) collect(ctx context.Context) error {
	x, ok := s.sink.(refuser)
	if !ok {
		return nil
	}
	return x.Refused(ctx, func(e event.Extent, reason error, lines func(yield func(line string) bool)) error {
		return s.keep(letter{extent: e, reason: reason, lines: lines})
	})
}

// A letter is what is kept of a refused batch.
type letter struct {
	extent   event.Extent
	reason   error
	lines    func(yield func(line string) bool)
	findings []event.Finding
}

// head is the first line of a file.
type head struct {
	What     string          `json:"mailstop"`
	Hint     string          `json:"hint"`
	Time     time.Time       `json:"time"`
	Reason   string          `json:"reason"`
	Source   string          `json:"source"`
	Part     string          `json:"part,omitempty"`
	From     int64           `json:"from"`
	To       int64           `json:"to"`
	Parent   string          `json:"parent,omitempty"`
	Token    string          `json:"token,omitempty"`
	Findings []event.Finding `json:"findings,omitempty"`
}

// refused says what a file is.
const (
	refused = "dead letter: the store refused the lines below for good"
	hint    = "mend the reason, bring the lines back with: mailstop replay FILE, then delete the file"
)

// keep writes a letter, unless it is there already: a batch that is sent again after a crash is refused again.
func (s *Sink) keep(l letter) error {
	path := filepath.Join(s.dir, l.name())
	if _, err := os.Lstat(path); err == nil {
		s.log.Debug("refused again", "path", path)
		return nil
	}
	n, err := s.write(path, &l)
	if err != nil {
		// Not permanent: the sink's refusal is not wrapped.
		return fmt.Errorf("dead letter: %w (to be kept because: %s)", err, l.reason.Error())
	}
	s.lines.Add(n)
	s.batches.Add(1)
	s.log.Error("refused for good", "lines", n, "source", l.extent.Source, "reason", l.reason.Error(), "kept", path)
	return nil
}

// name returns the file's name: the extent's token, or a digest of what is refused if it has none.
func (l *letter) name() string {
	token := l.extent.Token
	if token == "" || strings.ContainsFunc(token, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-' && r != '_'
	}) || len(token) > 128 {
		var h xxh3.Hasher
		_, _ = fmt.Fprintf(&h, "%q %q %q %d %d\n", token, l.extent.Source, l.extent.Part, l.extent.From, l.extent.To)
		if l.lines != nil {
			l.lines(func(line string) bool {
				_, _ = h.WriteString(line + "\n")
				return true
			})
		}
		for i := range l.findings {
			_, _ = h.WriteString(l.findings[i].ID + "\n")
		}
		sum := h.Sum128().Bytes()
		token = fmt.Sprintf("unnamed-%x", sum)
	}
	return token + ".jsonl"
}

// write writes a letter so that it is there whole or not at all, also after a power failure.
func (s *Sink) write(path string, l *letter) (n int64, err error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return 0, err
	}
	f, err := os.CreateTemp(s.dir, ".letter-*") // mode 0600
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreMissing(os.Remove(f.Name())))
		}
	}()
	n, err = l.encode(f, s.now())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return 0, err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return 0, err
	}
	return n, syncFolder(s.dir)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// encode writes the head and then each line as an object that a replay reads as the line itself. A line that is an
// object already is written as it is.
func (l *letter) encode(f *os.File, now time.Time) (int64, error) {
	out := bufio.NewWriterSize(f, 64<<10)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	e := &l.extent
	err := enc.Encode(head{
		What: refused, Hint: hint, Time: now.UTC(), Reason: l.reason.Error(), Source: e.Source, Part: e.Part,
		From: e.From, To: e.To, Parent: e.Parent, Token: e.Token, Findings: l.findings,
	})
	var n int64
	if l.lines != nil {
		l.lines(func(line string) bool {
			if err == nil {
				n++
				err = encodeLine(enc, out, line)
			}
			return err == nil
		})
	}
	return n, errors.Join(err, out.Flush())
}

func encodeLine(enc *json.Encoder, out *bufio.Writer, line string) error {
	if strings.HasPrefix(line, "{") && !strings.ContainsAny(line, "\r\n") && json.Valid([]byte(line)) {
		_, err := out.WriteString(line + "\n")
		return err
	}
	type object struct {
		Message string `json:"message"`
		Bytes   []byte `json:"bytes,omitempty"` // the line itself, where JSON cannot hold it
	}
	o := object{Message: line}
	if !utf8.ValidString(line) {
		o.Bytes = []byte(line)
	}
	return enc.Encode(o)
}
