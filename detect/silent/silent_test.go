package silent

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"mailstop/detect"
	"mailstop/event"
)

// plot is a story: a watch, and the time.
type plot struct {
	*testing.T
	w     *Watch
	now   time.Time
	look  time.Duration // between two checks
	moves bool          // another watch takes over now and then
}

func begin(t *testing.T) *plot {
	return &plot{T: t, w: &Watch{}, look: 30 * time.Second, now: time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)} // a Monday
}

// pass lets time go by, with a look every half minute; each calls f, if any, every so often. It returns what was found.
func (p *plot) pass(d, every time.Duration, f func()) (found []event.Finding) {
	p.Helper()
	end, next := p.now.Add(d), p.now.Add(every)
	for p.now.Before(end) {
		p.now = p.now.Add(p.look)
		if f != nil && !p.now.Before(next) {
			f()
			next = next.Add(every)
		}
		found = append(found, p.w.Check(p.now)...)
		if p.moves && p.now.Minute()%10 == 0 {
			b, err := p.w.Save(nil)
			if err != nil {
				p.Fatal(err)
			}
			p.w = &Watch{}
			if err := p.w.Load(b); err != nil {
				p.Fatal(err)
			}
		}
	}
	return found
}

func (p *plot) lines(name string, n int) func() {
	return func() { p.w.Observe(name, n, 0, p.now) }
}

func (p *plot) none(found []event.Finding) {
	p.Helper()
	for _, f := range found {
		p.Errorf("at %v: %s %s %s", p.now, f.Severity, f.State, f.Summary)
	}
}

// one wants a single finding and returns it.
func (p *plot) one(found []event.Finding, sev event.Severity, state event.State, words ...string) event.Finding {
	p.Helper()
	if len(found) != 1 {
		p.Fatalf("at %v: %d findings, want one: %+v", p.now, len(found), found)
	}
	f := found[0]
	text := f.Summary + "; " + f.Cause.Text + "; " + strings.Join(f.Cause.Missing, "; ")
	for _, w := range words {
		if !strings.Contains(text, w) {
			p.Errorf("no %q in %q", w, text)
		}
	}
	if f.Kind != detect.SourceSilent || len(f.ID) != 16 || f.Severity != sev || f.State != state || f.Cause.Code == "" || f.Last.Before(f.First) {
		p.Errorf("%+v", f)
	}
	return f
}

const file = "/var/log/ufw.log"

// A busy source falls silent, and comes again.
func TestSilence(t *testing.T) {
	for _, moves := range []bool{false, true} {
		p := begin(t)
		p.moves = moves
		p.none(p.pass(2*time.Hour, time.Minute, p.lines(file, 10)))
		last := p.now
		p.none(p.pass(15*time.Minute, 0, nil))
		open := p.one(p.pass(3*time.Hour, 0, nil), event.Medium, event.Open, file, "2026-01-05 12:00:00 UTC", "its longest usual pause is 60 seconds",
			"permissions", "disk")
		if !open.First.Equal(last) || !open.Last.Equal(last.Add(15*time.Minute+30*time.Second)) {
			t.Errorf("from %v to %v", open.First, open.Last)
		}
		p.w.Observe(file, 1, 0, p.now)
		over := p.one(p.pass(time.Minute, 0, nil), event.Medium, event.Resolved, "lines come again")
		if over.ID != open.ID || !over.First.Equal(open.First) {
			t.Errorf("%+v", over)
		}
		p.none(p.pass(2*time.Hour, time.Minute, p.lines(file, 10)))
		// One that was reported is not usual yet.
		p.one(p.pass(time.Hour, 0, nil), event.Medium, event.Open)
	}
}

// A slow source is given more time, three times its longest pause.
func TestSlowSource(t *testing.T) {
	p := begin(t)
	p.none(p.pass(8*time.Hour, 20*time.Minute, p.lines("kafka:firewall", 10)))
	p.none(p.pass(40*time.Minute, 0, nil))
	p.lines("kafka:firewall", 10)()
	p.none(p.pass(2*time.Hour, 0, nil))
	p.one(p.pass(time.Minute, 0, nil), event.Medium, event.Open, "40 minutes", "2 hours", "shipper", "retention")
}

// An hour and a hundred lines are needed.
func TestNewSource(t *testing.T) {
	p := begin(t)
	p.none(p.pass(50*time.Minute, time.Minute, p.lines("syslog:udp://127.0.0.1:5514", 1000)))
	p.none(p.pass(48*time.Hour, 0, nil))
	p = begin(t)
	p.none(p.pass(90*time.Minute, time.Minute, p.lines(file, 1)))
	p.none(p.pass(48*time.Hour, 0, nil))
}

// Nights and weekends become usual; what is longer does not.
func TestNightsAndWeekends(t *testing.T) {
	p := begin(t)
	p.now, p.look = p.now.Truncate(24*time.Hour), 100*time.Second
	told := map[int]int{}
	for d := range 28 {
		found := p.pass(8*time.Hour, 0, nil)
		if d%7 < 5 {
			found = append(found, p.pass(10*time.Hour, time.Minute, p.lines(file, 5))...)
		} else {
			found = append(found, p.pass(10*time.Hour, 0, nil)...)
		}
		found = append(found, p.pass(6*time.Hour, 0, nil)...)
		for _, f := range found {
			if f.State == event.Open {
				told[d]++
			}
		}
	}
	for d, n := range told {
		if n > 1 || d > 14 {
			t.Errorf("day %d: reported %d times", d, n)
		}
	}
	if len(told) == 0 {
		t.Error("the first night was not reported")
	}
	p.pass(12*time.Hour, time.Minute, p.lines(file, 5))
	if len(p.pass(15*24*time.Hour, 0, nil)) != 1 {
		t.Error("an outage of two weeks was not reported")
	}
}

// A limit that was set wins, in both directions.
func TestFixedLimit(t *testing.T) {
	p := begin(t)
	p.w.Expect(Source{Name: file, Host: "web-1", After: 5 * time.Minute}, p.now)
	p.w.Expect(Source{Name: "journald:", After: 6 * time.Hour}, p.now)
	p.lines(file, 1)()
	p.none(p.pass(5*time.Minute, time.Minute, p.lines("journald:", 50)))
	f := p.one(p.pass(time.Minute, time.Second, p.lines("journald:", 50)), event.Medium, event.Open, "its limit is 5 minutes")
	if f.Host != "web-1" {
		t.Errorf("host %q", f.Host)
	}
	p.none(p.pass(2*time.Hour, time.Second, p.lines("journald:", 50)))
	p.none(p.pass(6*time.Hour, 0, nil))
	p.one(p.pass(time.Minute, 0, nil), event.Medium, event.Open, "journald", "its limit is 6 hours", "systemd-journal")
}

// A source that never gave a line is worth a word only if a limit was set.
func TestNeverALine(t *testing.T) {
	p := begin(t)
	p.w.Expect(Source{Name: "/var/log/none.log"}, p.now)
	p.w.Expect(Source{Name: file, After: time.Hour}, p.now)
	p.none(p.pass(30*time.Minute, 0, nil))
	p.w.Expect(Source{Name: file, After: time.Hour}, p.now) // again, as after a reload
	p.none(p.pass(30*time.Minute, 0, nil))
	p.one(p.pass(time.Hour, 0, nil), event.Info, event.Open, "no line yet", "60 minutes")
	p.lines(file, 1)()
	p.one(p.pass(time.Minute, 0, nil), event.Info, event.Resolved)
	p.one(p.pass(2*time.Hour, 0, nil), event.Medium, event.Open)
	p.w.Forget(file)
	p.one(p.pass(time.Minute, 0, nil), event.Medium, event.Resolved, "not watched")
	p.none(p.pass(5*time.Hour, 0, nil))
}

// What Mailstop or the store were away is no silence, told in whatever pieces; nor is a leap of the clock.
func TestPauses(t *testing.T) {
	p := begin(t)
	p.none(p.pass(2*time.Hour, time.Minute, p.lines(file, 10)))
	from := p.now
	for range 240 {
		p.now = p.now.Add(30 * time.Second)
		p.w.Pause(from, p.now)
		p.w.Pause(p.now.Add(-time.Minute), p.now)
		p.none(p.w.Check(p.now))
	}
	p.none(p.pass(14*time.Minute, 0, nil))
	p.one(p.pass(2*time.Minute, 0, nil), event.Medium, event.Open)
	p.lines(file, 10)()
	p.one(p.pass(time.Minute, 0, nil), event.Medium, event.Resolved)

	p.none(p.pass(time.Hour, time.Minute, p.lines(file, 10)))
	p.now = p.now.Add(9 * time.Hour) // stopped, or suspended
	p.none(p.pass(14*time.Minute, 0, nil))
	p.lines(file, 10)()
	p.now = p.now.Add(-24 * time.Hour)     // the clock is set back
	p.none(p.pass(40*time.Minute, 0, nil)) // most of the last 14 minutes was its own pause
	p.one(p.pass(6*time.Minute, 0, nil), event.Medium, event.Open, "13 minutes")
	p.lines(file, 10)()
	p.one(p.pass(time.Minute, 0, nil), event.Medium, event.Resolved)
}

// After a restart the memory goes on, and the time between is nobody's silence.
func TestRestart(t *testing.T) {
	p := begin(t)
	p.w.Expect(Source{Name: file, Host: "web-1"}, p.now)
	p.none(p.pass(2*time.Hour, time.Minute, p.lines(file, 10)))
	b, err := p.w.Save([]byte("x"))
	if err != nil || b[0] != 'x' {
		t.Fatal(err)
	}
	p.now = p.now.Add(5 * time.Hour)
	p.w = &Watch{}
	if err := p.w.Load(b[1:]); err != nil {
		t.Fatal(err)
	}
	p.w.Expect(Source{Name: file, Host: "web-1"}, p.now)
	p.none(p.pass(14*time.Minute, 0, nil))
	p.one(p.pass(2*time.Minute, 0, nil), event.Medium, event.Open, "60 seconds")
	if err := p.w.Load(b); err == nil {
		t.Error("damaged bytes are taken")
	}
}

// unread gives batches of which a share cannot be read.
func (p *plot) unread(name string, batches, lines, bad int) []event.Finding {
	var out []event.Finding
	for range batches {
		p.now = p.now.Add(10 * time.Second)
		if bad > 0 {
			p.w.Sample(name, "<134>1 what is this\x1b[31m", "not a firewall entry\x07")
		}
		p.w.Observe(name, lines, bad, p.now)
		out = append(out, p.w.Check(p.now)...)
	}
	return out
}

// A share of unread lines that jumps is reported with a sample, and is over when it falls back.
func TestUnreadShare(t *testing.T) {
	p := begin(t)
	p.none(p.unread(file, 50, 100, 1))
	p.none(p.unread(file, 1, 100, 100)) // half of a window, with what went before
	p.none(p.unread(file, 1, 100, 0))
	f := p.one(p.unread(file, 4, 100, 70), event.Low, event.Open, "140 of 200 lines", "70 %", "not a firewall entry ")
	if len(f.Evidence) != 1 || !strings.HasPrefix(f.Evidence[0], "<134>1") || len(f.Where) != 1 || strings.ContainsAny(f.Cause.Text, "\x07") {
		t.Errorf("%+v", f)
	}
	p.none(p.unread(file, 20, 500, 300))
	p.none(p.unread(file, 20, 500, 150)) // better, but not well
	over := p.one(p.unread(file, 20, 500, 20), event.Low, event.Resolved, "read again")
	if over.ID != f.ID {
		t.Error("another id")
	}
	p.one(p.unread(file, 20, 500, 400), event.Low, event.Open)
}

// A share that was always high, or is new, or is small, is nothing sudden.
func TestUnreadUsual(t *testing.T) {
	p := begin(t)
	p.none(p.unread("a", 100, 300, 90)) // 30 % is usual
	p.none(p.unread("a", 100, 300, 285))
	p.none(p.unread("b", 100, 300, 300)) // from the start
	p.none(p.unread("c", 100, 300, 0))
	p.none(p.unread("c", 100, 300, 147)) // 49 %
	p.none(p.unread("d", 100, 3, 0))
	p.none(p.unread("d", 60, 3, 3)) // fewer than a window
}

// However many sources there are, memory is bounded; what is configured stays, and what was said of one that goes is taken
// back.
func TestManySources(t *testing.T) {
	p := begin(t)
	p.w.Expect(Source{Name: file}, p.now)
	p.none(p.pass(2*time.Hour, time.Minute, p.lines("old", 10)))
	p.one(p.pass(time.Hour, 0, nil), event.Medium, event.Open, "old")
	for i := range 3 * maxSources {
		p.w.Observe(fmt.Sprint("source ", i), 1, 1, p.now)
	}
	if len(p.w.sources) != maxSources || p.w.sources[file] == nil || p.w.sources["old"] != nil {
		t.Errorf("%d sources", len(p.w.sources))
	}
	p.one(p.w.Check(p.now), event.Medium, event.Resolved, "old", "not watched")
	w := &Watch{}
	for i := range 2 * maxSources {
		w.Expect(Source{Name: fmt.Sprint("source ", i)}, p.now)
	}
	w.Observe("one more", 1, 0, p.now)
	if len(w.sources) != maxSources {
		t.Errorf("%d sources", len(w.sources))
	}
}

// Any calls at any times break nothing, and a watch that is saved and loaded says the same.
func TestAnyOrder(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 1))
		now := time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)
		a, b := &Watch{}, &Watch{}
		open := map[string]bool{}
		for range 1000 {
			now = now.Add(time.Duration(r.IntN(100)-1) * time.Duration(r.IntN(2000)) * time.Millisecond)
			name, n, kind := fmt.Sprint("s", r.IntN(5)), r.IntN(300), r.IntN(8)
			for _, w := range []*Watch{a, b} {
				switch kind {
				case 0:
					w.Pause(now.Add(-time.Minute), now)
				case 1:
					w.Sample(name, "line", "problem")
				case 2:
					if n < 10 {
						w.Forget(name)
					}
				case 3, 4:
				default:
					w.Observe(name, n, n*(int(now.Unix()/1000)%2), now)
				}
			}
			got := a.Check(now)
			if again := b.Check(now); !reflect.DeepEqual(again, got) {
				t.Fatalf("%+v\n%+v", got, again)
			}
			for _, f := range got {
				if open[f.ID] == (f.State == event.Open) || f.ID == "" {
					t.Fatalf("seed %d: %s %s, said before", seed, f.State, f.Summary)
				}
				open[f.ID] = f.State == event.Open
			}
			saved, err := b.Save(nil)
			if err != nil {
				t.Fatal(err)
			}
			b = &Watch{}
			if err := b.Load(saved); err != nil {
				t.Fatal(err)
			}
			if again, err := b.Save(nil); err != nil || !bytes.Equal(again, saved) {
				t.Fatal("other bytes", err)
			}
		}
	}
}
