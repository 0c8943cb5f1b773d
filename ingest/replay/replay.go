// Package replay reads old logs once, from their start to their end: files, folders, globs and standard input, plain
// or compressed, rotated sets in the order of time. It never writes, never follows a file that grows, and never
// looks at what a line means.
//
// Find says what there is to read and checks all of it; New makes the source that reads it.
package replay

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"mailstop/event"
	"mailstop/ingest"
	"mailstop/internal/extent"
)

const (
	maxLine  = extent.MaxLine
	minBlock = extent.MinBlock
)

// Options say how to read. Default gives a value to start from.
type Options struct {
	// What the caller says of all lines; empty where it says nothing.
	Host   string
	Format event.Format
	Zone   *time.Location
	Year   int
	// Settings stands for everything else that makes the same bytes mean other entries. Bytes that were stored under
	// one text are not recognised as stored under another.
	Settings string

	// Containers are the file formats whose records are not lines, in the order in which they are tried.
	Containers []ingest.Container

	// BlockSize is about how many bytes a batch has, 256 KiB by default.
	BlockSize int
	// ExtentSize bounds the bytes, after decompression, that are stored as one, 16 MiB by default. Only a line longer
	// than that makes an extent longer.
	ExtentSize int64
	// Ledger returns the extents that are planned or stored behind the extent with the token parent, in any order.
	// It is called by Next, once for each extent. Nil means that there is no store; batches then name no extents.
	Ledger func(ctx context.Context, parent string) ([]event.Extent, error)
}

// Default returns the options that replay uses unless told otherwise.
func Default() Options { return Options{BlockSize: 256 << 10, ExtentSize: 16 << 20} }

// Validate says what is wrong with o.
func (o Options) Validate() error {
	switch {
	case o.BlockSize < minBlock || o.BlockSize > 64<<20:
		return fmt.Errorf("block size %d: not between %d and %d bytes", o.BlockSize, minBlock, 64<<20)
	case o.ExtentSize < 1:
		return fmt.Errorf("extent size %d: not positive", o.ExtentSize)
	}
	return nil
}

// root returns the parent token of first extents.
func (o Options) root() string { return extent.Root(o.Host, o.Settings) }

// A Source reads its inputs one after another. Only Progress may be called while Next runs.
type Source struct {
	options Options
	files   []File
	next    int // index in files
	open    *reading
	pool    extent.Pool

	total int64 // stored bytes of all files
	past  int64 // of those that are behind us
	done  atomic.Int64
	name  atomic.Pointer[string]
}

var _ ingest.Source = (*Source)(nil)

// New returns a source that reads in. It opens nothing yet.
func New(in Inputs, o Options) (*Source, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	s := &Source{options: o, files: in.Files, pool: extent.NewPool(o.BlockSize)}
	for _, f := range s.files {
		s.total += f.Size
	}
	return s, nil
}

// Progress says how many of the stored bytes are read, how many there are, as far as it is known, and which file is
// being read. It is safe to call from any goroutine at any time.
func (s *Source) Progress() (done, total int64, file string) {
	if p := s.name.Load(); p != nil {
		file = *p
	}
	return s.done.Load(), s.total, file
}

// Next returns the next batch, as ingest.Source says. A file that cannot be read, or not to its end, gives a batch
// that names the problem, and the next file follows.
func (s *Source) Next(ctx context.Context) (*ingest.Batch, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if s.open == nil {
			if s.next == len(s.files) {
				return nil, io.EOF
			}
			f := s.files[s.next]
			s.next++
			s.name.Store(&f.Path)
			r, err := s.begin(f)
			if err != nil {
				return s.unopened(f, err), nil
			}
			s.open = r
		}
		b, err := s.open.batch(ctx)
		if err == nil {
			s.done.Store(s.past + min(b.Read, s.open.part.Size))
			return b, nil
		}
		if !s.open.ended {
			return nil, err
		}
		s.finish()
	}
}

// unopened is the batch for a file that was there when the inputs were checked and cannot be opened now.
func (s *Source) unopened(f File, err error) *ingest.Batch {
	s.past += f.Size
	s.done.Store(s.past)
	part := &ingest.Part{Source: f.Path, Size: f.Size}
	return &ingest.Batch{Part: part, Problem: f.Path + ": offset 0: " + reason(err), Done: func() {}}
}

func (s *Source) finish() {
	s.past += s.open.file.Size
	s.done.Store(s.past)
	s.open.close()
	s.open = nil
}

// Close closes the file being read. A read of standard input that cannot be interrupted is left to end by itself.
func (s *Source) Close() error {
	if s.open != nil {
		s.open.close()
		s.open = nil
	}
	s.next = len(s.files)
	return nil
}
