package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"mailstop/detect/silent"
	"mailstop/event"
	"mailstop/internal/config"
	"mailstop/pipeline"
)

// silence watches for sources that fall silent, as long as the daemon runs.
type silence struct {
	watch  silent.Watch
	mu     sync.Mutex
	names  map[string]bool // that are watched
	waited time.Time       // since when the store takes nothing; zero if it does
}

// checkSilence is how often it is asked whether a source is silent.
const checkSilence = 5 * time.Second

// begin takes over what a checkpoint knows, and which sources the configuration has.
func (s *silence) begin(saved []byte, configured []config.Source, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names == nil && len(saved) > 0 {
		if err := s.watch.Load(saved); err != nil {
			slog.Warn("what is usual of the sources is forgotten, and learned anew", "error", err)
		}
	}
	before := s.names
	s.names = map[string]bool{}
	for _, c := range configured {
		name := sourceName(c)
		limit, host, never := silentAfter(c)
		if never {
			continue
		}
		s.names[name] = true
		s.watch.Expect(silent.Source{Name: name, Host: host, After: limit}, now)
	}
	for name := range before {
		if !s.names[name] {
			s.watch.Forget(name)
		}
	}
}

// stored notes that lines came.
func (s *silence) stored(p *pipeline.Progress) {
	s.mu.Lock()
	watched := s.names[p.Origin]
	s.mu.Unlock()
	if !watched {
		return
	}
	if p.Unread > 0 {
		s.watch.Sample(p.Origin, p.Sample, p.Error)
	}
	s.watch.Observe(p.Origin, p.Lines, p.Unread, time.Now())
}

// retried notes when the store takes nothing: then nothing is read either.
func (s *silence) retried(err error, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused(now)
	if err == nil {
		s.waited = time.Time{}
	} else if s.waited.IsZero() {
		s.waited = now
	}
}

// paused tells the watch of the time since the store has taken nothing. The caller holds mu.
func (s *silence) paused(now time.Time) {
	if !s.waited.IsZero() {
		s.watch.Pause(s.waited, now)
	}
}

func (s *silence) check(now time.Time) []event.Finding {
	s.mu.Lock()
	s.paused(now)
	s.mu.Unlock()
	return s.watch.Check(now)
}

func (s *silence) save() ([]byte, error) { return s.watch.Save(nil) }

// watchSilence passes the findings on until ctx ends.
func (g *generation) watchSilence(ctx context.Context, to chan<- []event.Finding) {
	tick := time.NewTicker(checkSilence)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			found := g.silence.check(now)
			if len(found) == 0 {
				continue
			}
			for i := range found {
				slog.Warn("a source is silent, or was", "summary", found[i].Summary, "state", found[i].State.String())
			}
			g.status.changed(found)
			select {
			case to <- found:
			case <-ctx.Done():
				return
			}
		}
	}
}
