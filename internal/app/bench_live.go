package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"mailstop/internal/bench"
	"mailstop/internal/config"
	"mailstop/internal/daemon"
)

// A LiveRate is how fast the daemon takes lines that are there already, from the first to the last that is acknowledged.
type LiveRate struct {
	Name    string  `json:"name"`
	Lines   int64   `json:"lines"`
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu_seconds"`
	Rate    float64 `json:"lines_per_second"`
}

// LiveBench says what to measure of the daemon.
type LiveBench struct {
	Config config.Config // mail and prefixes; sources and store are the bench's own
	Log    string        // a file of lines
	Lines  int64         // of it
	Dir    string        // for state and stores
	Broker string        // of Kafka; empty: none
	Store  bool          // also into an embedded store
}

// Run measures one way after another, and gives each result to show.
func (b LiveBench) Run(ctx context.Context, show func(LiveRate) error) error {
	follow := config.Source{File: &config.File{Paths: []string{b.Log}, Start: "beginning"}}
	if err := b.measure(ctx, "follow a file", follow, false, show); err != nil {
		return err
	}
	if b.Store {
		if err := b.measure(ctx, "follow a file, every line into the embedded store", follow, true, show); err != nil {
			return err
		}
	}
	for _, n := range []int{100, 1} {
		if b.Broker == "" {
			break
		}
		if err := b.kafka(ctx, n, show); err != nil {
			return err
		}
	}
	return nil
}

func (b LiveBench) kafka(ctx context.Context, perMessage int, show func(LiveRate) error) (err error) {
	topic, err := bench.NewTopic(ctx, b.Broker, b.Log, perMessage)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, topic.Delete(context.WithoutCancel(ctx))) }()
	src := config.Source{Kafka: &config.Kafka{
		Brokers: []string{b.Broker}, Topics: []string{topic.Name}, Group: topic.Name, ClientID: "mailstop-bench", Start: "first", OutOfRange: "earliest",
	}}
	name := fmt.Sprintf("Kafka, %d lines a message", perMessage)
	if perMessage == 1 {
		name = "Kafka, one line a message"
	}
	return b.measure(ctx, name, src, false, show)
}

// measure runs the daemon until it has taken all lines.
func (b LiveBench) measure(ctx context.Context, name string, src config.Source, store bool, show func(LiveRate) error) error {
	dir, err := os.MkdirTemp(b.Dir, "live-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cfg := b.Config
	cfg.StateDir, cfg.Sources, cfg.HTTP.Listen = dir, []config.Source{src}, ""
	cfg.Store.Keep = "all"
	o := RunOptions{Config: cfg, Store: "none", Stdout: io.Discard}
	if store {
		o.Store = filepath.Join(dir, "store")
	}
	quiet := slog.New(slog.DiscardHandler)
	d := &service{options: o, config: cfg, voice: daemon.NewVoice(quiet), status: newStatus(), notify: &daemon.Notifier{}}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	before := slog.Default()
	slog.SetDefault(quiet)
	defer slog.SetDefault(before)
	ended := make(chan error, 1)
	go func() { ended <- d.run(ctx) }()
	r, err := d.watch(ended, b.Lines)
	stop()
	if err == nil {
		err = <-ended
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	r.Name = name
	r.Rate = float64(r.Lines) / r.Seconds
	return show(r)
}

// watch waits until so many lines were taken, and returns how long that took since the first were, and for how many lines.
func (d *service) watch(ended <-chan error, lines int64) (LiveRate, error) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	var start time.Time
	var cpu float64
	var first int64
	for {
		select {
		case err := <-ended:
			if err == nil {
				err = errors.New("ended early")
			}
			return LiveRate{}, err
		case <-tick.C:
		}
		n := int64(0)
		for _, s := range d.status.snapshot().Sources {
			n += int64(s.Lines)
		}
		if start.IsZero() && n > 0 {
			start, cpu, first = time.Now(), cpuSeconds(), n
		}
		if n >= lines {
			return LiveRate{Lines: lines - first, Seconds: time.Since(start).Seconds(), CPU: cpuSeconds() - cpu}, nil
		}
	}
}

// cpuSeconds returns the processor time of this process so far.
func cpuSeconds() float64 {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()).Seconds()
}
