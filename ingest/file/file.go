// Package file follows log files while they are written, whatever is done to rotate them. It never changes a file, never
// looks at what a line means, and never gives a line twice unless it says so by the line's extent.
//
// A file is known by its device and inode as long as its bytes are the ones that were read, never by its name. Each life
// of a file, from its beginning to where it was rotated away or truncated, is an incarnation: a part of its own, a chain of
// extents of its own. Looks at folders find out what became of files; reads verify, each by itself, that the bytes before
// theirs are still the ones given before.
package file

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"mailstop/event"
	"mailstop/ingest"
	"mailstop/internal/extent"
	"mailstop/internal/rotated"
)

// Start is where files are read from that are found when nothing is known of them, at the very first start.
type Start string

// Where to start. Files that appear later are always read from their beginning.
const (
	Beginning Start = "beginning"
	End       Start = "end"
)

// Options say what to follow. Default gives a value to start from.
type Options struct {
	// Paths are files, folders with all below, and patterns of filepath.Match, in which ** stands for any number of folders.
	// They need not be there yet.
	Paths []string

	// What the configuration says of all lines; empty where it says nothing.
	Host   string
	Format event.Format
	Zone   *time.Location
	// Settings stands for everything else that makes the same bytes mean other entries, as in ingest/replay.
	Settings string

	Start Start
	// Poll does without notices of the kernel. Network file systems are always polled.
	Poll bool
	// Ledger returns the extents that are planned or stored behind a parent; nil if there is no store: batches then name no
	// extents.
	Ledger extent.Ledger
	// Checkpoint asks for a checkpoint. It never blocks. Nil: checkpoints come by themselves.
	Checkpoint func()
	// Log gets what operators should know; nil: nothing.
	Log *slog.Logger

	BlockSize  int           // about how many bytes a batch has at most, 256 KiB by default
	ExtentSize int64         // bytes that are stored as one at most, 16 MiB by default
	Look       time.Duration // how often folders and quiet files are looked at, 1 s by default
	Linger     time.Duration // how long lines wait for more of their extent, 1 s by default
	Quiet      time.Duration // how long a file that was rotated away must be quiet to be finished, 5 min by default
	Patience   time.Duration // how long the rest of a file that is gone is looked for, 10 s by default
	MaxOpen    int           // files held open at a time, 512 by default
}

// Default returns the options that the daemon uses unless told otherwise.
func Default() Options {
	return Options{
		Start: Beginning, BlockSize: 256 << 10, ExtentSize: 16 << 20, Look: time.Second, Linger: time.Second,
		Quiet: 5 * time.Minute, Patience: 10 * time.Second, MaxOpen: 512,
	}
}

// Validate says what is wrong with o.
func (o Options) Validate() error {
	if len(o.Paths) == 0 {
		return errors.New("no path is named\nhint: name log files, folders or patterns, such as /var/log/kern.log")
	}
	for _, p := range o.Paths {
		if _, err := filepath.Match(p, ""); p == "" || err != nil {
			return fmt.Errorf("%q: not a valid pattern\nhint: * and ? match within a name, [a-z] a range, ** any folders; a backslash takes a sign as it is", p)
		}
	}
	switch {
	case o.Start != Beginning && o.Start != End:
		return fmt.Errorf("start %q: neither %s nor %s", o.Start, Beginning, End)
	case o.BlockSize < extent.MinBlock || o.BlockSize > 64<<20:
		return fmt.Errorf("block size %d: not between %d and %d bytes", o.BlockSize, extent.MinBlock, 64<<20)
	case o.ExtentSize < 1:
		return fmt.Errorf("extent size %d: not positive", o.ExtentSize)
	case o.Look <= 0 || o.Linger < 0 || o.Quiet <= 0 || o.Patience <= 0:
		return errors.New("look, quiet and patience must be positive, linger not negative")
	case o.MaxOpen < 4:
		return fmt.Errorf("%d open files: fewer than 4", o.MaxOpen)
	}
	return nil
}

// A Source follows files. Its methods may be called as ingest.Live says.
type Source struct {
	o     Options
	log   *slog.Logger
	root  string
	pools []extent.Pool
	sizes []int

	// Of the goroutine that calls Next:
	finder  finder
	notices notices
	session session
	refused map[identity]refusal
	dirty   map[string]bool // sets whose folders are to be looked through
	redo    map[string]bool // and those in which something changed meanwhile
	names   map[string]bool // that are followed
	looked  time.Time
	active  time.Time // when active files were looked at
	first   bool      // nothing was looked at yet
	fresh   bool      // there was no position
	lost    bool      // there was one, which could not be read
	open    int
	turn    int // whose turn it is
	asked   time.Time
	failure string

	wake chan struct{}

	mu    sync.Mutex
	files []*incarnation // oldest first in each set; changed by Next's goroutine, with mu held
	ill   []ingest.Status
}

var (
	_ ingest.Live     = (*Source)(nil)
	_ ingest.Reporter = (*Source)(nil)
)

// New returns a source. It opens nothing yet.
func New(o Options) (*Source, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	s := &Source{
		o: o, log: o.Log, root: extent.Root(o.Host, o.Settings), wake: make(chan struct{}, 1), first: true, fresh: true,
		refused: map[identity]refusal{}, dirty: map[string]bool{}, redo: map[string]bool{},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.o.Checkpoint == nil {
		s.o.Checkpoint = func() {}
	}
	for _, size := range []int{16 << 10, 64 << 10, o.BlockSize} {
		s.sizes = append(s.sizes, size)
		s.pools = append(s.pools, extent.NewPool(size))
	}
	s.finder.dirs, s.finder.members = map[string]*listing{}, map[string]rotated.Member{}
	s.notices.wake = s.poke
	return s, nil
}

// poke ends the waiting of Next.
func (s *Source) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Close closes all files.
func (s *Source) Close() error {
	s.endSession()
	for _, inc := range s.files {
		s.close(inc)
	}
	s.notices.close()
	return nil
}

// Status says how far behind each file is, and what keeps files from being read.
func (s *Source) Status(out []ingest.Status) []ingest.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, inc := range s.files {
		if inc.ended && inc.lag == 0 {
			continue
		}
		st := ingest.Status{Source: inc.Path, Part: inc.Salt, Lag: inc.lag, Problem: inc.problem}
		if inc.lag > 0 {
			st.Behind = inc.behind
		}
		out = append(out, st)
	}
	return append(out, s.ill...)
}
