package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mailstop/event"
	"mailstop/internal/checkpoint"
	"mailstop/internal/config"
	"mailstop/internal/daemon"
	"mailstop/internal/term"
	"mailstop/pipeline"
	"mailstop/sinks"
	"mailstop/sinks/clickhouse"
	"mailstop/sinks/deadletter"
	"mailstop/sinks/live"
)

// RunOptions say how the daemon runs.
type RunOptions struct {
	Config config.Config
	// Load reads the configuration anew. It is called for each value that comes from Reload; an error keeps the old one.
	Load   func() (config.Config, error)
	Reload <-chan os.Signal
	Store  string // none, a folder or a DSN; empty: what the configuration says
	Print  string // findings and mail entries as they happen: text, json, or empty for none
	Stdin  io.Reader
	Stdout io.Writer
}

const (
	// memoryLimit is what the collector keeps the heap below where it can: while a store is away, about half of that is in
	// use. The embedded engine's own memory is not part of it.
	memoryLimit = 320 << 20
	// liveShards is how many detector groups share the hosts. It is fixed, so that a checkpoint fits any machine.
	liveShards = 2
	// drain is how long a stop may take to store what was read. What is not stored then is read again.
	drain = 8 * time.Second
)

// Run reads live sources until ctx ends.
func Run(ctx context.Context, o RunOptions) (err error) {
	d := &service{options: o, config: o.Config, voice: daemon.NewVoice(slog.Default()), status: newStatus()}
	if d.notify, err = daemon.NewNotifier(os.Getenv); err != nil {
		return err
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	unlock, err := lockState(o.Config.StateDir)
	if err != nil {
		return err
	}
	defer unlock()
	return d.run(ctx)
}

// A service is the daemon.
type service struct {
	options RunOptions
	config  config.Config
	voice   *daemon.Voice
	notify  *daemon.Notifier
	status  *status
	silence silence
}

// run serves HTTP and runs one generation after another: each reload begins one.
func (d *service) run(ctx context.Context) error {
	metrics := daemon.NewRegistry(d.status.snapshot, daemon.Build{Version: Version, Commit: Commit, Go: runtime.Version()})
	var beside sync.WaitGroup
	defer beside.Wait()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	serve, stopServing := context.WithCancel(context.WithoutCancel(ctx)) // until the last line is stored
	defer stopServing()
	if err := d.serve(serve, metrics, &beside, cancel); err != nil {
		return err
	}
	beside.Go(func() { d.notify.Watch(serve, d.status.healthy, d.voice) })
	for {
		again, err := d.generation(ctx)
		if cause := context.Cause(ctx); err == nil && cause != nil && !errors.Is(cause, context.Canceled) {
			err = cause
		}
		if err != nil || !again {
			return err
		}
	}
}

// serve answers over HTTP.
func (d *service) serve(ctx context.Context, metrics prometheus.Gatherer, beside *sync.WaitGroup, fail context.CancelCauseFunc) error {
	server := &daemon.Server{
		Address: d.config.HTTP.Listen, Metrics: metrics, Healthy: d.status.healthy, Ready: d.status.ready, Version: Version,
	}
	if err := server.Listen(ctx); err != nil {
		return err
	}
	if addr := server.Addr(); addr != "" {
		slog.Info("metrics and health", "address", "http://"+addr)
	}
	beside.Go(func() {
		if err := server.Run(ctx); err != nil {
			fail(err)
		}
	})
	return nil
}

// tell says something to the service manager, if there is one.
func (d *service) tell(what func() error) {
	if err := what(); err != nil {
		d.voice.Problem("notify", "the service manager cannot be told", err)
	}
}

// generation runs with one configuration, until ctx ends or another configuration is there.
func (d *service) generation(ctx context.Context) (again bool, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var reloads sync.WaitGroup
	defer reloads.Wait()
	defer stop()
	next := make(chan config.Config, 1)
	reloads.Go(func() { d.awaitReload(ctx, next, stop) })

	g := &generation{service: d, config: d.config}
	err = g.run(ctx)
	if errors.Is(err, sinks.ErrConflict) && ctx.Err() == nil {
		slog.Warn("another member of the group has taken over some lines; going back to the last checkpoint", "error", err)
		return true, nil
	}
	select {
	case d.config = <-next:
		slog.Info("configuration read anew")
		return true, err
	default:
		d.tell(d.notify.Stopping)
		return false, err
	}
}

// awaitReload waits for a configuration that is valid and another one, then calls stop.
func (d *service) awaitReload(ctx context.Context, next chan<- config.Config, stop func()) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.options.Reload:
		}
		d.tell(d.notify.Reloading)
		cfg, err := d.options.Load()
		var changed []string
		if err == nil {
			changed = config.Changed(d.config, cfg)
			err = fixed(d.config, cfg)
		}
		switch {
		case err != nil:
			slog.Error("the configuration is not valid; the one that runs stays", "error", err)
		case len(changed) == 0:
			slog.Info("the configuration has not changed")
		default:
			slog.Info("reload", "changed", changed)
			next <- cfg
			stop()
			return
		}
		d.tell(d.notify.Ready)
	}
}

// fixed refuses what only a restart can change.
func fixed(before, after config.Config) error {
	switch {
	case before.StateDir != after.StateDir:
		return errors.New("state_dir can only be changed by a restart")
	case before.HTTP.Listen != after.HTTP.Listen:
		return errors.New("http.listen can only be changed by a restart")
	}
	return nil
}

// A generation is one run of the pipeline.
type generation struct {
	*service
	config  config.Config
	store   *clickhouse.Sink
	printer sinks.Sink // nil unless --print was given
	letters *deadletter.Sink
	sources sources
	streams pipeline.Streams
	saved   *checkpoint.Checkpoint
}

func (g *generation) run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, g.close()) }()
	g.status.starting("waiting for the store")
	if err := g.openStore(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // stopped while it waited
		}
		return err
	}
	if g.saved, err = g.load(); err != nil {
		return err
	}
	if g.sources, err = g.openSources(); err != nil {
		return err
	}
	p, err := g.pipeline(ctx)
	if err != nil {
		return err
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var beside sync.WaitGroup
	defer beside.Wait()
	defer fail(nil)
	for name, r := range g.sources.runners() {
		beside.Go(func() {
			if err := r.Run(ctx); err != nil && ctx.Err() == nil {
				fail(fmt.Errorf("%s: %w", name, err))
			}
		})
	}
	if g.store != nil {
		beside.Go(func() {
			if err := g.store.Serve(ctx); err != nil {
				g.voice.Problem("door", "findings and query cannot reach the store while this runs", err)
			}
		})
	}
	var usual []byte
	if g.saved != nil {
		usual = g.saved.States[silenceState]
	}
	g.silence.begin(usual, g.config.Sources, time.Now())
	extra := make(chan []event.Finding)
	p.Extra = extra
	beside.Go(func() { g.watchSilence(ctx, extra) })
	g.status.running(g.sources, &g.streams, g.store != nil)
	g.tell(g.notify.Ready)
	slog.Info("running", "version", Version, "sources", len(g.sources), "store", g.storeName())
	err = p.Run(ctx)
	g.status.starting("stopping")
	if cause := context.Cause(ctx); err == nil && cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	return err
}

// pipeline returns what the sources' lines pass through, with the state of the last checkpoint.
func (g *generation) pipeline(ctx context.Context) (*pipeline.Pipeline, error) {
	g.streams.Sources, g.streams.Extents, g.streams.Save = g.sources, g.store != nil, g.save
	p := &pipeline.Pipeline{
		Source: &g.streams, Table: Table(g.config), Group: Group(Site(g.config)), Now: time.Now(), Shards: liveShards, Grace: drain,
		Sinks: g.sinks(), Count: g.store != nil, Interim: true, Retry: g.retried, Stored: g.stored, Committed: g.committed,
	}
	if g.saved != nil && len(g.saved.States[engineState]) > 0 {
		p.State = g.saved.States[engineState]
		err := p.Prepare()
		if errors.Is(err, pipeline.ErrState) {
			slog.Warn("what was seen before cannot be remembered; the last hour or so is read again", "error", err)
			p.State = nil
		} else if err != nil {
			return nil, err
		}
	}
	if p.State == nil && g.store != nil {
		known, err := g.store.Findings(ctx, Filter{})
		if err != nil {
			return nil, err
		}
		p.Known = known
	}
	if err := p.Prepare(); err != nil {
		return nil, err
	}
	reread := p.State == nil && len(p.Known) > 0
	g.streams.Reread = reread
	for name, s := range g.sources {
		var position []byte
		if g.saved != nil {
			position = g.saved.Positions[name]
		}
		if err := s.Restore(position, reread); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return p, nil
}

// sinks returns where results go.
func (g *generation) sinks() []sinks.Sink {
	var out []sinks.Sink
	if g.options.Print != "" { // first: it never waits, and shows what happens while the store is away
		g.printer = g.newPrinter()
		out = append(out, g.printer)
	}
	if g.store != nil {
		g.letters = deadletter.Wrap(g.store, filepath.Join(g.config.StateDir, "dead-letters"), slog.Default())
		g.status.deadLetters(g.letters.Count)
		out = append(out, g.letters)
	}
	return out
}

// newPrinter returns the sink behind --print.
func (g *generation) newPrinter() sinks.Sink {
	o := live.Default()
	o.JSON, o.Ports = g.options.Print == "json", g.config.Mail.Ports
	f, isFile := g.options.Stdout.(*os.File)
	if isFile && term.IsTerminal(f) && !o.JSON {
		o.Color, o.Width = term.Colored(f, term.Auto), term.Width(f)
	} else {
		o.Limit = 0
	}
	o.Gone = func(err error) { slog.Warn("nothing is printed any more", "error", err) }
	return live.New(g.options.Stdout, o)
}

// stored counts a batch.
func (g *generation) stored(p pipeline.Progress) {
	g.status.stored(&p)
	g.silence.stored(&p)
}

// close ends the sources, then the store.
func (g *generation) close() error {
	errs := []error{g.streams.Close()}
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	if g.printer != nil {
		errs = append(errs, g.printer.Close(ctx))
	}
	if g.store != nil {
		errs = append(errs, g.store.Close(ctx))
	}
	return errors.Join(errs...)
}
