package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"mailstop/internal/checkpoint"
	"mailstop/sinks/clickhouse"
)

// The states in a checkpoint.
const (
	engineState  = "engine"
	silenceState = "silence"
)

// lockState makes the state folder and locks it: two daemons would write one another's checkpoint.
func lockState(dir string) (unlock func(), err error) {
	hint := "\nhint: name a folder that can be made and written as state_dir in the configuration"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("state_dir: %w%s", err, hint)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("state_dir: %w%s", err, hint)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("state_dir %s: another mailstop run uses it\nhint: stop that one, or give this one a state_dir of its own", dir)
		}
		return nil, fmt.Errorf("state_dir %s: lock: %w", dir, err)
	}
	return func() { _ = f.Close() }, nil
}

func (g *generation) checkpointPath() string { return filepath.Join(g.config.StateDir, "checkpoint") }

// load reads the checkpoint. One that is damaged is set aside: what the store has is known to it, so that reading from
// the start loses nothing and stores nothing twice.
func (g *generation) load() (*checkpoint.Checkpoint, error) {
	path := g.checkpointPath()
	c, err := checkpoint.Load(path)
	switch {
	case err == nil && c == nil:
		slog.Info("no checkpoint yet: the first start", "path", path)
	case err == nil:
		slog.Info("going on from the last checkpoint", "time", c.Time.UTC().Format(time.RFC3339))
	case !errors.Is(err, checkpoint.ErrDamaged):
		return nil, fmt.Errorf("%w\nhint: make it readable, or move it away: then everything is read from the start, and nothing is stored twice", err)
	default:
		aside, asideErr := checkpoint.SetAside(path, time.Now())
		if asideErr != nil {
			return nil, fmt.Errorf("%w; it cannot be moved away either: %w", err, asideErr)
		}
		next := "everything is read from the start"
		if c != nil {
			next = "going on from the one before, of " + c.Time.UTC().Format(time.RFC3339)
		}
		slog.Error("the checkpoint is damaged; what is stored is not stored again", "error", err, "next", next, "kept", aside)
	}
	return c, nil
}

// save writes a checkpoint. Positions of sources that are not configured now are kept, for when they are again.
func (g *generation) save(_ context.Context, positions map[string][]byte, state []byte) error {
	c := checkpoint.Checkpoint{
		Time: time.Now(), Version: Version, Positions: map[string]json.RawMessage{}, States: map[string][]byte{engineState: state},
	}
	if g.saved != nil {
		for name, p := range g.saved.Positions {
			c.Positions[name] = p
		}
	}
	for name, p := range positions {
		c.Positions[name] = p
	}
	silent, err := g.silence.save()
	if err != nil {
		return err
	}
	c.States[silenceState] = silent
	if err := checkpoint.Save(g.checkpointPath(), c); err != nil {
		return err
	}
	g.status.saved(c.Time, len(state))
	return nil
}

// committed says whether checkpoints can be written.
func (g *generation) committed(err error) {
	g.status.committed(err)
	if err != nil {
		g.voice.Problem("checkpoint", "no checkpoint: what is read is stored, but after a crash more is read again", err,
			"hint", "is there room and permission in "+g.config.StateDir+"?")
		return
	}
	g.voice.Over("checkpoint")
}

// openStore waits for the store until it is there. Only what waiting cannot mend is an error.
func (g *generation) openStore(ctx context.Context) error {
	if g.options.Store == "none" {
		slog.Warn("nothing is stored: findings are only printed, and forgotten with the checkpoint")
		return nil
	}
	for wait := time.Second; ; wait = min(2*wait, 10*time.Second) {
		store, err := OpenStore(ctx, g.config, g.options.Store)
		if err == nil {
			g.store = store
			g.voice.Over("store")
			return nil
		}
		if noLibrary(err) {
			return fmt.Errorf("%w\nhint: or run with --store none --print, which keeps nothing", err)
		}
		if !clickhouse.Temporary(err) {
			return err
		}
		g.voice.Problem("store", "the store is not there; waiting", err)
		g.status.starting("waiting for the store: " + err.Error())
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (g *generation) storeName() string {
	if g.store == nil {
		return "none"
	}
	return storeName(storeConfig(g.config, g.options.Store))
}

// retried says whether the store takes what it is sent.
func (g *generation) retried(err error, wait time.Duration) {
	g.status.retried(err)
	g.silence.retried(err, time.Now())
	if err != nil {
		g.voice.Problem("store", "not stored yet, trying again until it is", err, "wait", wait.Round(time.Millisecond))
		return
	}
	g.voice.Over("store")
}
