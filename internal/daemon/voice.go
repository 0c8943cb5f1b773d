package daemon

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"
)

// A Voice logs problems that come again and again, such as a store that is down: when one begins, when its text changes,
// after 1 min, 10 min, 1 h and then every hour with how often it came, and when it is over. One that comes and goes is not
// told each time either. Its methods may be called from any goroutine, as often as one likes.
type Voice struct {
	log *slog.Logger

	mu   sync.Mutex
	open map[string]*problem
}

// NewVoice returns a voice that speaks through log.
func NewVoice(log *slog.Logger) *Voice { return &Voice{log: log, open: make(map[string]*problem)} }

// A problem is one that lasts, or was over lately.
type problem struct {
	message string
	since   time.Time       // when it began
	times   int             // how often it came since
	texts   map[string]bool // told since then, or in the episodes before that were told as one with it
	last    time.Time       // when it was told last
	step    int             // how many intervals have passed
	over    bool
	ended   time.Time
	told    bool // its beginning was told, so its end will be
}

const (
	maxTexts    = 8           // told of one problem; others come with the intervals
	maxProblems = 1000        // remembered at once; others are told as one
	recurs      = time.Minute // what comes again within that is the same problem
	anyOther    = "other problems"
)

var intervals = [...]time.Duration{time.Minute, 10 * time.Minute, time.Hour}

// Problem says that something does not work at the moment. Key tells problems apart, such as "store" or a source's name;
// message is constant, err says more and is part of the text, args are pairs of keys and values for the log.
func (v *Voice) Problem(key, message string, err error, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now, text := time.Now(), ""
	if err != nil {
		text = err.Error()
	}
	p := v.open[key]
	if p == nil {
		if len(v.open) >= maxProblems {
			v.forget(now)
		}
		if len(v.open) >= maxProblems {
			key = anyOther
			p = v.open[key]
		}
	}
	if p == nil || p.over && now.Sub(p.ended) >= recurs {
		p = &problem{message: message, since: now, times: 1, texts: map[string]bool{text: true}, last: now, told: true}
		v.open[key] = p
		v.say(slog.LevelWarn, message, err, args)
		return
	}
	p.over = false
	p.times++
	if now.Sub(p.last) >= intervals[min(p.step, len(intervals)-1)] {
		p.step++
		p.last, p.told = now, true
		p.remember(text)
		args = append(args[:len(args):len(args)], "times", p.times, "for", now.Sub(p.since).Round(time.Second))
		v.say(slog.LevelWarn, "still: "+p.message, err, args)
		return
	}
	if !p.texts[text] && len(p.texts) < maxTexts {
		p.last, p.told = now, true
		p.remember(text)
		v.say(slog.LevelWarn, message, err, args)
	}
}

func (p *problem) remember(text string) {
	if len(p.texts) < maxTexts {
		p.texts[text] = true
	}
}

// Over says that a problem is gone. It may be called whether there was one or not.
func (v *Voice) Over(key string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	p := v.open[key]
	if p == nil || p.over {
		return
	}
	p.over, p.ended = true, time.Now()
	if !p.told {
		return // the last that was told is that it was over
	}
	p.told = false
	v.say(slog.LevelInfo, "over: "+p.message, nil, []any{"times", p.times, "after", p.ended.Sub(p.since).Round(time.Second)})
}

// forget drops what has been over for some time.
func (v *Voice) forget(now time.Time) {
	maps.DeleteFunc(v.open, func(_ string, p *problem) bool { return p.over && now.Sub(p.ended) >= recurs })
}

// say hands a message to the handler itself: it is the caller's constant.
func (v *Voice) say(level slog.Level, message string, err error, args []any) {
	h := v.log.Handler()
	if !h.Enabled(context.Background(), level) {
		return
	}
	r := slog.NewRecord(time.Now(), level, message, 0)
	r.Add(args...)
	if err != nil {
		r.AddAttrs(slog.Any("error", err))
	}
	// There is nowhere to say that the log cannot be written.
	_ = h.Handle(context.Background(), r)
}
