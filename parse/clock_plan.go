package parse

import (
	"context"
	"strings"
	"time"
)

// A Sample is what Plan may look at.
type Sample struct {
	Head     string // whole lines, from the part's start
	Size     int64  // the part's length as stored, compressed if it is; 0 if unknown
	Consumed int64  // bytes of Size that gave Head
	// Scan reads the part from its start a second time and calls f with runs of whole lines, in order, until f returns
	// false. With a stride it may leave out bytes, and gives at least one line of each stride bytes. Nil if the part
	// can be read only once.
	Scan       func(ctx context.Context, stride int64, f func(lines []byte) bool) error
	Compressed bool // Scan costs as much as reading the part
}

const (
	scanWhole = 8 << 20   // parts up to this many bytes are scanned without gaps
	minStride = 256 << 10 // bytes
	strides   = 1024      // lines that are looked at in a larger part, at least
	// caution widens the time that a compressed part is thought to span, since the head need not be typical.
	caution = 3
)

// Plan returns the clock for a part of which the head is known, before any of it is parsed. It finds the order of the
// lines and the year of the first one: the year the user gave; else the one that fits a date in full; else the one that
// makes the last line the latest possible, not more than a day ahead of the reference. For that the stamps of the whole
// part are followed, unless the head shows that it cannot span half a year. The error is that of ctx: one of Scan is met
// again by whoever reads the part.
func Plan(ctx context.Context, h Hints, s Sample) (Clock, error) {
	c := NewClock(h)
	if h.Live {
		return c, nil
	}
	t := newTrail(c)
	t.read(s.Head)
	if t.falls > t.rises {
		c.newest = true
		t = newTrail(c)
		t.read(s.Head)
	}
	whole := s.Size > 0 && s.Consumed >= s.Size
	switch {
	case c.year != 0 || !t.seen || t.fixed:
		t.settle(&c, false)
		return c, nil
	case c.newest || whole || s.Scan == nil || s.Compressed && t.spansLess(s):
		t.settle(&c, whole && !c.newest)
		return c, nil
	}
	stride := int64(0)
	if !s.Compressed && s.Size > scanWhole {
		stride = max(minStride, s.Size/strides)
	}
	full := newTrail(c)
	_ = s.Scan(ctx, stride, func(lines []byte) bool {
		full.read(string(lines))
		return !full.fixed && ctx.Err() == nil
	})
	// A part that breaks off is parsed only as far as it was scanned: that counts as its end.
	full.settle(&c, true)
	return c, ctx.Err()
}

// trailYear is the year that a trail gives its first stamp: far from the bounds, and a leap year.
const trailYear = 2000

// A trail follows the stamps of a part whose years are not known yet. It counts years from trailYear.
type trail struct {
	clock               Clock
	reference           int64
	first, last         Stamp // without a year
	firstYear, lastYear int
	low, high           int64 // the earliest and the latest second
	before, datedBefore int64 // second of the line before, without and with a year
	rises, falls        int   // how often a line is later, or earlier, than the line before
	offset              int   // what to add to trail years, if fixed
	leaps               [4]bool
	seen                bool // first is set
	fixed               bool // a date in full came after a stamp without a year
	started             bool // a date in full came first
}

func newTrail(c Clock) trail {
	t := trail{clock: NewClock(Hints{Year: trailYear}), reference: c.reference}
	t.clock.newest = c.newest
	return t
}

func (t *trail) read(lines string) {
	for lines != "" && !t.fixed {
		line, rest, _ := strings.Cut(lines, "\n")
		lines = rest
		h, _ := ScanHead(trimEnd(line))
		switch {
		case !h.Stamped:
		case h.Stamp.Year != 0:
			t.anchor(h.Stamp)
		case !t.started:
			t.step(h.Stamp)
		}
	}
}

func (t *trail) step(st Stamp) {
	plain := st
	if st.Month == 2 && st.Day == 29 {
		plain.Day = 28 // the clock would move it to a leap year; here it tells which years are leap years
	}
	day, _ := t.clock.infer(plain)
	year := yearOf(day)
	if plain != st {
		t.leaps[(year-trailYear)&3] = true
		day++
	}
	second := int64(day)*secondsPerDay + int64(st.Second)
	if !t.seen {
		t.seen = true
		t.first, t.firstYear = st, year
		t.low, t.high, t.before = second, second, second
	}
	t.order(&t.before, second)
	t.last, t.lastYear = st, year
	t.low, t.high = min(t.low, second), max(t.high, second)
}

func (t *trail) order(before *int64, second int64) {
	switch {
	case *before == 0 || second == *before:
	case second > *before:
		t.rises++
	default:
		t.falls++
	}
	*before = second
}

// anchor takes the years from a date in full.
func (t *trail) anchor(st Stamp) {
	second := st.utc() / 1e9
	t.order(&t.datedBefore, second)
	switch {
	case st.Year < 1980 || t.reference != 0 && second > t.reference+2*tolerance:
		return // a clock that was never set
	case !t.seen:
		t.started = true // the clock that parses takes the year from this line as well
		return
	}
	day, _ := t.clock.infer(Stamp{Month: st.Month, Day: min(st.Day, 28)})
	t.fixed, t.offset = true, st.Year-yearOf(day)
}

// yearOf returns the year of a day.
func yearOf(day int32) int { return time.Unix(int64(day)*secondsPerDay, 0).UTC().Year() }

// spansLess reports whether the part the head is from covers less than half a year, judged by the head.
func (t *trail) spansLess(s Sample) bool {
	if s.Consumed <= 0 || s.Size <= 0 {
		return false
	}
	covered := float64(max(t.high-t.low, 3600)) // a burst in the head says little
	return covered*float64(s.Size)/float64(s.Consumed)*caution < halfYear*secondsPerDay
}

// settle sets the year of c's first stamp. With whole, t has followed the part to its end, and the last line is the
// latest one possible; otherwise the first one is, which is what c does by itself.
func (t *trail) settle(c *Clock, whole bool) {
	if c.year != 0 || !t.seen {
		return
	}
	if t.fixed {
		c.year = int32(t.firstYear + t.offset)
		return
	}
	if c.reference == 0 {
		return
	}
	st, offset := t.first, t.firstYear
	if whole {
		st, offset = t.last, t.lastYear
	}
	plain := st
	if plain.Month == 2 && plain.Day == 29 {
		plain = Stamp{Month: 2, Day: 28, Second: st.Second}
	}
	year := c.latestYear(plain, c.reference+tolerance)
	for back := range 9 {
		if t.leapsFit(year - back - offset) {
			c.doubtful = back > 0
			year -= back
			break
		}
	}
	c.year = int32(year - offset + t.firstYear)
}

// leapsFit reports whether every February 29 of the trail falls into a leap year if offset is added to its years.
func (t *trail) leapsFit(offset int) bool {
	for i, is := range t.leaps {
		if is && !isLeap(trailYear+i+offset) {
			return false
		}
	}
	return true
}
