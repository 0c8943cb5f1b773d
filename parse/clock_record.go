package parse

import (
	"time"

	"mailstop/event"
)

// SetTime makes st, the stamp that text starts with, the event time of r. text is the line's head, or what a layer left. A
// stamp that lacks a year or a zone is the one nearest to the time that an envelope or an outer header gives, in live
// mode to the time of receipt; otherwise the clock's.
func (r *Record) SetTime(st Stamp, text string) {
	var (
		ns int64
		q  event.TimeQuality
	)
	switch {
	case st.Zoned:
		ns, q = r.Clock.follow(st, text)
	case r.Zone != nil && r.Clock.zone == nil && (st.Year != 0 || r.Reference != 0):
		ns, q = r.Clock.nearIn(st, r.Zone, r.Reference)
	case r.Reference != 0:
		ns, q = r.Clock.near(st, r.Reference, true)
	case r.Clock.live && r.Received != 0:
		ns, q = r.Clock.near(st, r.Received, false)
		r.Clock.hold(st, text, ns, q, r.Received)
	case r.TimeQuality != event.TimeNone:
		ns, q = r.Clock.near(st, r.Time, r.TimeQuality == event.TimeExact)
	default:
		ns, q = r.Clock.follow(st, text)
	}
	if q == event.TimeNone {
		return // what an outer layer said stays
	}
	r.Time, r.TimeDigits, r.TimeQuality = ns, st.Digits, q
}

// SetInnerTime makes st the event time of r, where st stands elsewhere than at the line's head. It does not move the
// clock, so that only what is known of the part dates it.
func (r *Record) SetInnerTime(st Stamp) {
	inner := r.Clock.inner
	r.Clock.inner = true
	r.SetTime(st, "")
	r.Clock.inner = inner
}

// SetInstant makes ns, nanoseconds since 1970 UTC, the event time of r; digits is how many decimals of the second it has.
func (r *Record) SetInstant(ns int64, digits uint8) {
	r.Time, r.TimeDigits, r.TimeQuality = ns, digits, event.TimeExact
}

// SetKnownTime does the same for the two stamps that files are full of, "Jan  5 10:11:12" and
// "2026-01-05T10:11:12.345678+01:00", quickly since the date mostly is that of the line before. It returns the stamp's
// length, or 0 if it is for ScanHead and SetTime to say what text starts with.
func (r *Record) SetKnownTime(text string) int {
	if len(text) < 20 {
		return 0
	}
	if text[0]-'0' <= 9 {
		ns, digits, n := r.Clock.dated(text)
		if n > 0 {
			r.Time, r.TimeDigits, r.TimeQuality = ns, digits, event.TimeExact
		}
		return n
	}
	if r.Reference != 0 || r.Zone != nil || r.TimeQuality != event.TimeNone || r.Clock.live && !r.Clock.holds(text, r.Received) {
		return 0
	}
	n, nanos, digits := 15, 0, uint8(0)
	if text[15] != ' ' {
		nanos, digits, n = ScanFraction(text[15:])
		n += 15
		if n == 15 || n < len(text) && text[n] != ' ' {
			return 0
		}
	}
	ns, q, ok := r.Clock.Syslog(text)
	if !ok {
		return 0
	}
	if q != event.TimeNone {
		r.Time, r.TimeDigits, r.TimeQuality = ns+int64(nanos), digits, q
	}
	return n
}

// near returns the time of a stamp that is nearest to ref, in nanoseconds since 1970, and not more than a day ahead of
// it. The clock stays as it is. With adopt, ref is exact and supplies the zone, too, if the part has none.
func (c *Clock) near(st Stamp, ref int64, adopt bool) (int64, event.TimeQuality) {
	q := c.zoneQuality()
	years := [...]int{st.Year}
	candidates := years[:]
	if st.Year == 0 {
		q = event.TimeInferredYear
		year := time.Unix(0, ref).UTC().Year()
		if st.Month == 2 && st.Day == 29 {
			leap := c.latestYear(st, ref/1e9+tolerance)
			if ref-st.in(c.zone, leap) > 366*secondsPerDay*int64(time.Second)-1 {
				q = event.TimeEstimated
			}
			candidates = []int{leap}
		} else {
			candidates = []int{year - 1, year, year + 1}
		}
	}
	best, found, marked := int64(0), false, false
	for _, year := range candidates {
		if year < minYear || year > maxYear {
			continue
		}
		day := dayNumber(year, st.Month, st.Day)
		z := dayIn(c.zone, day)
		first, second, skipped := z.utc(int64(day)*secondsPerDay + int64(st.Second))
		for _, at := range [...]int64{first, second} {
			ns := at*1e9 + int64(st.Nanos)
			if found && (ns > ref+tolerance*1e9 || distance(ns, ref) >= distance(best, ref)) {
				continue
			}
			best, found, marked = ns, true, skipped
		}
	}
	if !found {
		return 0, event.TimeNone
	}
	if c.zone == nil && adopt {
		if offset := zoneBetween(best, ref); offset != 0 {
			return best - offset, event.TimeEstimated
		}
	}
	if marked {
		q = event.TimeEstimated
	}
	return best, st.quality(q)
}

// nearIn returns the time of a stamp in a zone that an envelope tells, which is nearest to ref, if ref is known. A shipper
// tells its own zone, whatever the line's was: a line that would have been written after ref is of another.
func (c *Clock) nearIn(st Stamp, zone *time.Location, ref int64) (int64, event.TimeQuality) {
	told := *c
	told.zone = zone
	ns, q := told.near(st, ref, false)
	if ref != 0 && ns > ref+int64(time.Minute) {
		return c.near(st, ref, true)
	}
	return ns, q
}

// zoneBetween returns, in nanoseconds, by how much a local time read as UTC is ahead of the time its envelope was made,
// if that is a zone's offset: a multiple of a quarter of an hour but for the moment the line was under way.
func zoneBetween(local, ref int64) int64 {
	const quarter, under, early = 15 * 60 * int64(1e9), 60 * int64(1e9), 5 * int64(1e9)
	ahead := local - ref + under
	offset := ahead / quarter * quarter
	if ahead < 0 && ahead%quarter != 0 {
		offset -= quarter
	}
	if ahead-offset > under+early || offset < -12*4*quarter || offset > 14*4*quarter {
		return 0
	}
	return offset
}

func distance(a, b int64) int64 {
	if a > b {
		return a - b
	}
	return b - a
}
