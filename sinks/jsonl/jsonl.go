// Package jsonl is the sink behind --entries-out: it writes every entry as one line of JSON to a file or to standard
// output. It keeps order, filters nothing, and never appends to a file that was there before: that is replaced.
package jsonl

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"mailstop/event"
	"mailstop/internal/term"
	"mailstop/sinks"
)

// Stdout as a path stands for standard output.
const Stdout = "-"

// bufferSize is how much is written to the file at once, in bytes.
const bufferSize = 256 << 10

// A Sink writes entries to one file.
type Sink struct {
	path   string
	stdout io.Writer

	out    *bufio.Writer  // nil until the file is open
	packer io.WriteCloser // compresses into the file; nil if it is plain
	file   *os.File       // nil if it is standard output
	err    error          // the first error: what follows it would leave a gap
	closed bool

	buffers sync.Pool // of *[]byte, given back by Write
}

// New returns a sink that writes to path, compressed if it ends in .gz or .zst, or to stdout if path is Stdout. The file
// is made by Open, else by the first Write, or by Close if there is none.
func New(path string, stdout io.Writer) *Sink { return &Sink{path: path, stdout: stdout} }

// A block holds the encoded lines of one batch.
type block struct{ lines *[]byte }

// Block returns an empty block. It may be called concurrently.
func (s *Sink) Block() sinks.Block {
	if b, ok := s.buffers.Get().(*[]byte); ok {
		return &block{b}
	}
	return &block{new([]byte)}
}

// Append encodes es but those outside the range of times that was asked for. Characters that a terminal would act on
// are escaped, which changes nothing for a reader of JSON.
func (b *block) Append(es []event.Entry) {
	for i := range es {
		if es[i].Outside {
			continue
		}
		start := len(*b.lines)
		*b.lines = es[i].AppendJSON(*b.lines)
		if line := (*b.lines)[start:]; slices.ContainsFunc(line, func(c byte) bool { return c >= 0x7f }) {
			*b.lines = append((*b.lines)[:start], term.EscapeJSON(line)...)
		}
		*b.lines = append(*b.lines, '\n')
	}
}

// Write writes the batch's lines. They are on disk only after Close. After an error the sink is of no more use: part of
// a batch may be written, so Write returns the same error again, which is permanent.
func (s *Sink) Write(_ context.Context, b *sinks.Batch) error {
	if s.err == nil {
		s.err = s.write(b.Blocks)
	}
	return s.err
}

func (s *Sink) write(blocks []sinks.Block) error {
	if err := s.open(); err != nil {
		return permanent(err)
	}
	for _, sb := range blocks {
		b, ok := sb.(*block)
		if !ok {
			return s.permanent("write", fmt.Errorf("block is a %T", sb))
		}
		if b.lines == nil {
			continue
		}
		if _, err := s.out.Write(*b.lines); err != nil {
			return s.permanent("write", err)
		}
		*b.lines = (*b.lines)[:0]
		s.buffers.Put(b.lines)
		b.lines = nil // a block is written once
	}
	if s.path == Stdout { // somebody may be watching
		if err := s.out.Flush(); err != nil {
			return s.permanent("write", err)
		}
	}
	return nil
}

// Open makes the file, for a caller who wants to know that it can be made before there is anything to write.
func (s *Sink) Open() error {
	if s.err != nil {
		return s.err
	}
	return s.open()
}

// open makes the file.
func (s *Sink) open() error {
	if s.out != nil {
		return nil
	}
	to := s.stdout
	if s.path != Stdout {
		f, err := os.Create(s.path)
		if err != nil {
			return s.name("create", err)
		}
		s.file, to = f, f
	}
	switch {
	case s.path == Stdout:
	case strings.HasSuffix(s.path, ".gz"):
		w, err := gzip.NewWriterLevel(to, gzip.BestSpeed)
		if err != nil {
			return s.name("compress", err)
		}
		s.packer, to = w, w
	case strings.HasSuffix(s.path, ".zst"):
		// Concurrency 1 compresses in Write itself: no goroutine to wait for.
		w, err := zstd.NewWriter(to, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
		if err != nil {
			return s.name("compress", err)
		}
		s.packer, to = w, w
	}
	s.out = bufio.NewWriterSize(to, bufferSize)
	return nil
}

// Close writes out what is buffered, syncs the file and closes it. It reports the first error of the sink.
func (s *Sink) Close(context.Context) error {
	if s.closed {
		return s.err
	}
	s.closed = true
	if s.err == nil {
		if err := s.open(); err != nil {
			s.err = permanent(err)
		}
	}
	if s.err == nil {
		if err := s.finish(); err != nil {
			s.err = s.permanent("write", err)
		}
	}
	if s.file != nil {
		err := s.file.Close()
		if s.err == nil && err != nil {
			s.err = s.permanent("close", err)
		}
		s.file = nil
	}
	return s.err
}

func (s *Sink) finish() error {
	if err := s.out.Flush(); err != nil {
		return err
	}
	if s.packer != nil {
		if err := s.packer.Close(); err != nil {
			return err
		}
	}
	if s.file == nil {
		return nil
	}
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return nil // a pipe or a device cannot be synced
	}
	return s.file.Sync()
}

// permanent names the operation and marks err as one that trying again does not mend.
func (s *Sink) permanent(operation string, err error) error { return permanent(s.name(operation, err)) }

func permanent(err error) error { return fmt.Errorf("%w (%w)", err, sinks.ErrPermanent) }

// name says which operation on what ended with err.
func (s *Sink) name(operation string, err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		err = at.Err // the path is named below
	}
	name := s.path
	if name == Stdout {
		name = "standard output"
	}
	return fmt.Errorf("%s %s: %w", operation, name, err)
}
