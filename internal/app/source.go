package app

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mailstop/event"
	"mailstop/ingest"
	"mailstop/ingest/replay"
	"mailstop/internal/config"
)

// Options say what a command reads and how. They are already validated.
type Options struct {
	Config config.Config
	Paths  []string // none: the configuration's file sources
	Stdin  io.Reader
	Stdout io.Writer // for EntriesOut "-"

	Format event.Format
	Host   string
	Zone   *time.Location
	Year   int

	From, To   time.Time // event times kept: From ≤ time < To
	Store      string    // none, a folder or a DSN; empty: what the configuration says
	EntriesOut string
	Now        time.Time // reference for lines that nothing else dates

	blockSize int
}

type ledger = func(ctx context.Context, parent string) ([]event.Extent, error)

// A logs source reads one group of files after another; each group has its own settings.
type logs struct {
	groups  []*replay.Source
	current int
	files   []replay.File
	skipped []replay.Skip
}

// openLogs finds the files that o names. All arguments are checked before anything is read.
func openLogs(o Options, known ledger) (*logs, error) {
	l := &logs{}
	var errs []error
	kinds := containers(o.Config)
	for _, g := range groups(o) {
		in, err := replay.Find(g.paths, o.Stdin, kinds...)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		opt := replay.Default()
		opt.Host, opt.Format, opt.Zone, opt.Year = g.host, g.format, g.zone, o.Year
		opt.Ledger, opt.Containers = known, kinds
		if o.blockSize > 0 {
			opt.BlockSize = o.blockSize
		}
		src, err := replay.New(in, opt)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		l.groups = append(l.groups, src)
		l.files = append(l.files, in.Files...)
		l.skipped = append(l.skipped, in.Skipped...)
	}
	return l, errors.Join(errs...)
}

// containers says to a source what the table says of files whose records are not lines.
func containers(cfg config.Config) []ingest.Container {
	var out []ingest.Container
	for _, c := range Table(cfg).Containers {
		out = append(out, ingest.Container{Name: c.Name, Match: c.Match, Lines: c.Lines})
	}
	return out
}

// A fileGroup is files that share settings.
type fileGroup struct {
	paths  []string
	host   string
	format event.Format
	zone   *time.Location
}

// groups joins the paths of the command line with what the configuration says of them. Flags win.
func groups(o Options) []fileGroup {
	var out []fileGroup
	add := func(f *config.File, paths []string) {
		g := fileGroup{paths: paths, host: o.Host, format: o.Format, zone: o.Zone}
		if f != nil {
			if g.host == "" {
				g.host = f.Host
			}
			if g.format == event.FormatUnknown {
				g.format, _ = event.ParseFormat(f.Format)
			}
			if g.zone == nil {
				g.zone = f.Timezone.Location
			}
		}
		out = append(out, g)
	}
	if len(o.Paths) == 0 {
		for _, s := range o.Config.Sources {
			if s.File != nil {
				add(s.File, s.File.Paths)
			}
		}
		return out
	}
	rest := o.Paths
	for _, s := range o.Config.Sources {
		if s.File == nil {
			continue
		}
		var mine, others []string
		for _, p := range rest {
			if covers(s.File.Paths, p) {
				mine = append(mine, p)
			} else {
				others = append(others, p)
			}
		}
		if rest = others; len(mine) > 0 {
			add(s.File, mine)
		}
	}
	if len(rest) > 0 {
		add(nil, rest)
	}
	return out
}

// covers reports whether one of the configured files, folders and patterns names path.
func covers(patterns []string, path string) bool {
	abs, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	for _, p := range patterns {
		if p, err = filepath.Abs(p); err != nil {
			continue
		}
		if ok, err := filepath.Match(p, abs); ok && err == nil || abs == p || strings.HasPrefix(abs, p+"/") {
			return true
		}
	}
	return false
}

// Next implements ingest.Source.
func (l *logs) Next(ctx context.Context) (*ingest.Batch, error) {
	for l.current < len(l.groups) {
		b, err := l.groups[l.current].Next(ctx)
		if !errors.Is(err, io.EOF) {
			return b, err
		}
		l.current++
	}
	return nil, io.EOF
}

// Close implements ingest.Source.
func (l *logs) Close() error {
	var errs []error
	for _, g := range l.groups {
		errs = append(errs, g.Close())
	}
	return errors.Join(errs...)
}

// reads reports whether path is one of the files to be read.
func (l *logs) reads(path string) bool {
	out, err := os.Stat(path)
	if err != nil || !out.Mode().IsRegular() {
		return false
	}
	return slices.ContainsFunc(l.files, func(f replay.File) bool {
		in, err := os.Stat(f.Path)
		return err == nil && os.SameFile(in, out)
	})
}

// progress sums what the groups have read.
func (l *logs) progress() (done, total int64, file string) {
	for _, g := range l.groups {
		d, t, f := g.Progress()
		done, total = done+d, total+t
		if f != "" {
			file = f
		}
	}
	return done, total, file
}
