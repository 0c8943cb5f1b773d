// Package silent finds log sources that fall silent, and those whose lines can suddenly not be read any more. That no line
// comes is the one thing that no line tells, so that, unlike a detector, it lives in the time of the clock. It reads none:
// the time is passed in.
package silent

import (
	"slices"
	"strings"
	"sync"
	"time"

	"mailstop/event"
	"mailstop/internal/state"
)

// A Watch follows sources. Its zero value is ready for use, and it may be used from several goroutines. It follows at most
// maxSources; the ones that are quiet for longest make room for new ones.
//
// A source is silent when no line has come for three times its longest usual pause, and for a quarter of an hour at least.
// Pauses of the last two weeks are usual, so that a source that is quiet every night or every weekend is left alone; one
// that was reported is usual from the second time on. Judging takes an hour and a hundred lines of a source; a limit that
// was set (Source.After) takes the place of all that.
type Watch struct {
	mu      sync.Mutex `state:"-"`
	sources map[string]*source
	seen    int64 // the latest time that was passed in, nanoseconds since 1970
	paused  int64 // until when pauses are counted
	gone    []event.Finding
}

// A Source is one that is configured.
type Source struct {
	Name  string // as Observe is told: a path, "kafka:topic", "syslog:…", "journald:…"
	Host  string // the firewall whose log it is; empty if it has several, or the lines tell
	After time.Duration
}

const (
	maxSources = 1024
	maxLine    = 2048 // bytes of a sample

	minSpan  = time.Hour // of history
	minLines = 100
	minLimit = 15 * time.Minute
	factor   = 3

	// maxBreak is the longest time between two calls that counts as watching. What is longer was no silence of a source: the
	// program was stopped or suspended, or the clock was set.
	maxBreak = 2 * time.Minute
)

// source is what is known of one source. What is tagged comes from Expect, and is said again after a restart.
type source struct {
	name     string
	host     string        `state:"-"`
	after    time.Duration `state:"-"`
	expected bool          `state:"-"`
	since    int64         `state:"-"` // when it was first expected

	lines       uint64
	first, last int64 // when lines came
	paused      int64 // of the time since last, or since: not the source's silence
	usual       pauses
	limit       int64 // that was passed when the silence was found
	silent      bool
	again       bool // lines came after a silence that was reported
	ended       int64
	told        event.Finding // of the silence

	share share
}

// Expect tells of a configured source, at the start and whenever the configuration changes. With a limit (After) it is
// reported even if it has never given a line.
func (w *Watch) Expect(c Source, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.tick(now)
	s := w.of(c.Name)
	if s == nil {
		return
	}
	if !s.expected {
		s.since = t
	}
	s.expected, s.host, s.after = true, strings.Clone(c.Host), c.After
}

// Forget ends the watch over a source that is not configured any more, or that has ended.
func (w *Watch) Forget(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.sources[name]; s != nil {
		w.drop(s)
	}
}

// Observe tells that lines came, of which some could not be read. A note or header counts as read.
func (w *Watch) Observe(name string, lines, unread int, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.tick(now)
	if lines <= 0 {
		return
	}
	s := w.of(name)
	if s == nil {
		return
	}
	s.came(t, uint64(lines))
	s.share.add(uint64(lines), uint64(min(max(unread, 0), lines)), t)
}

// Sample gives a line of a source that could not be read, and why. It belongs to the next Observe.
func (w *Watch) Sample(name, line, problem string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.of(name); s != nil {
		s.share.line, s.share.problem = strings.Clone(line[:min(len(line), maxLine)]), strings.Clone(problem[:min(len(problem), maxLine)])
	}
}

// Pause tells that no line could come from any source between two times, because nothing was read: while the store was away,
// for example. It is called before the Check that is to know; parts that were told before count once.
func (w *Watch) Pause(from, to time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pause(from.UnixNano(), to.UnixNano())
}

// Check returns the findings that changed. It is called every few seconds: after two minutes without a call, the time
// between counts as a pause.
func (w *Watch) Check(now time.Time) []event.Finding {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.tick(now)
	out := w.gone
	w.gone = nil
	names := make([]string, 0, len(w.sources))
	for name := range w.sources {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		s := w.sources[name]
		out = s.silence(out, t)
		out = s.share.check(out, s, t)
	}
	return out
}

// Save appends what the watch remembers, and returns the extended slice.
func (w *Watch) Save(dst []byte) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return state.Save(dst, w)
}

// Load replaces what the watch remembers by what Save wrote. Expect is called after it; the time between is nobody's
// silence. On an error nothing has changed.
func (w *Watch) Load(src []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return state.Load(src, w)
}

// CheckState implements state.Checker.
func (w *Watch) CheckState() error {
	for name, s := range w.sources {
		if s == nil || s.name != name {
			return state.ErrDamaged
		}
	}
	return nil
}

// tick follows the clock. Where it leaps, nothing was watched meanwhile.
func (w *Watch) tick(now time.Time) int64 {
	t := now.UnixNano()
	switch {
	case w.seen != 0 && t-w.seen > int64(maxBreak):
		w.pause(w.seen, t)
	case t < w.seen: // set back: times before it are those of the clock as it is now
		by := w.seen - t
		for _, s := range w.sources {
			s.first, s.last, s.since = s.first-by, s.last-by, s.since-by
		}
		w.paused -= by
	}
	w.seen = t
	return t
}

func (w *Watch) pause(from, to int64) {
	from = max(from, w.paused)
	if to <= from {
		return
	}
	w.paused = to
	for _, s := range w.sources {
		if begin := max(from, s.begin()); begin < to {
			s.paused += to - begin
		}
	}
}

// of returns what is known of a source, which is followed from now on if there is room.
func (w *Watch) of(name string) *source {
	s := w.sources[name]
	if s != nil {
		return s
	}
	if w.sources == nil {
		w.sources = map[string]*source{}
	}
	if len(w.sources) >= maxSources && !w.evict() {
		return nil
	}
	s = &source{name: strings.Clone(name)}
	w.sources[s.name] = s
	return s
}

// evict makes room: the source goes that is not configured and quiet for longest.
func (w *Watch) evict() bool {
	var worst *source
	for _, s := range w.sources {
		if !s.expected && (worst == nil || s.last < worst.last || s.last == worst.last && s.name < worst.name) {
			worst = s
		}
	}
	if worst != nil {
		w.drop(worst)
	}
	return worst != nil
}

// drop forgets a source; what was said of it is taken back at the next Check.
func (w *Watch) drop(s *source) {
	delete(w.sources, s.name)
	if s.silent {
		w.gone = append(w.gone, s.end(w.seen, "it is not watched any more"))
	}
	if s.share.open != s.share.changed { // that is what was said
		w.gone = append(w.gone, s.share.end(w.seen, "it is not watched any more"))
	}
}
