package parse

import (
	"time"

	"mailstop/event"
)

// A Clock turns the stamps of one part (a file, a partition) into UTC: it supplies the zone that stamps lack, and the
// year, which it infers by following the stamps in order. It is a small value: a copy is a snapshot.
//
// The year goes up where the month goes from 12 to 1, or the date falls by more than 180 days against the latest one;
// after that, a date more than 180 days ahead is an old line mixed in, of the year before. A part that is sorted newest
// first is followed the other way round. Stamps with a date in full set the year anew. Only the stamp that a line
// starts with moves the clock; those inside envelopes and behind other headers are the ones nearest to the time outside.
// All of it goes by whole days, so that lines of one date cannot disagree.
type Clock struct {
	zone *time.Location
	zoneDay
	base      int64  // UTC, nanoseconds, of the local midnight of the day that key names
	key       uint64 // "Jan  5 " of the line before; 0 if such a line needs more than base
	same      uint64 // the same, but also on days near a change of the clocks
	date      uint64 // "2026-01-" of the line before; 0 unless its stamp said the zone
	dateDay   uint16 // "05"
	local     uint64 // the same of a stamp without a zone, "2026-01-05 10:11:12"; 0 if such a line needs more than base
	localDay  uint16
	dateBase  int64 // UTC, nanoseconds, of that date's midnight in UTC
	reference int64 // seconds since 1970, 0 if unknown
	latest    int64 // UTC seconds of the latest stamp near a change of the clocks (the earliest, if newest first)
	day       int32 // the day that key names, in days since 1970
	heldFor   int32 // in live mode: key and base hold for lines that are received on this day, in days since 1970, plus one
	last      int32 // the latest day (the earliest, if newest first)
	year      int32 // of last; before the first stamp, its year or 0

	quality  event.TimeQuality // of stamps without a year that key names
	started  bool              // last is set
	wrapped  bool              // a year has gone by
	newest   bool              // newest first
	live     bool
	inner    bool // the line's own head has been read
	doubtful bool // the years are a second choice
	told     bool // the user said the year
}

// Hints are what is known of a part before its lines are read.
type Hints struct {
	Zone *time.Location // nil: UTC is assumed, and said so
	Year int            // year of the first line, if the user gave it; else 0
	// Reference is the latest time the last line can have: the date in the file's name, the time it was last
	// changed, or now. Zero if unknown: then stamps without a year have no time until a line says the year.
	Reference time.Time
	Live      bool // lines are read as they are written: each is the one nearest to its time of receipt
}

const (
	halfYear  = 180           // days
	tolerance = secondsPerDay // seconds a line may lie ahead of its reference: clocks and zones differ
	// reordering is how far, in seconds, a line may lie behind another without the hour being a second pass.
	reordering = 60
	// gap is the longest silence, in seconds, across which the order of lines tells the passes apart.
	gap = 30 * 60
)

// NewClock returns the clock for a part. It takes the first stamp for the latest one possible; see Plan for parts that
// can be read twice.
func NewClock(h Hints) Clock {
	c := Clock{zone: h.Zone, live: h.Live}
	if h.Year >= minYear && h.Year <= maxYear {
		c.year, c.told = int32(h.Year), true
	}
	if !h.Reference.IsZero() {
		c.reference = h.Reference.Unix()
	}
	return c
}

// Stamp returns the UTC time, nanoseconds since 1970, of local date and time parts; year 0 means that the stamp has
// none.
func (c *Clock) Stamp(year, month, day, hour, minute, second, nanos int) (int64, event.TimeQuality) {
	if month < 1 || month > 12 || day < 1 || day > daysIn(month) || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
		second < 0 || second > 60 || nanos < 0 || nanos > 999_999_999 {
		return 0, event.TimeNone
	}
	if year != 0 && (year < minYear || year > maxYear || month == 2 && day == 29 && !isLeap(year)) {
		return 0, event.TimeNone
	}
	return c.Follow(Stamp{
		Year: year, Month: month, Day: day, Second: hour*3600 + minute*60 + min(second, 59), Nanos: nanos,
	})
}

// Syslog reads the first 15 bytes of text, "Jan  5 10:11:12", as Stamp does. False means that they are no such stamp.
func (c *Clock) Syslog(text string) (int64, event.TimeQuality, bool) {
	if len(text) < 15 {
		return 0, event.TimeNone, false
	}
	second, ok := secondOfDay(load64(text[7:]))
	if !ok {
		return 0, event.TimeNone, false
	}
	if key := load64(text) & stampKey; key == c.key {
		return c.base + int64(second)*1e9, c.quality, true
	}
	return c.syslog(text, second)
}

// stampKey selects the bytes of "Jan  5 " from the first eight of a stamp.
const stampKey = 1<<56 - 1

func (c *Clock) syslog(text string, second int) (int64, event.TimeQuality, bool) {
	st, n := scanMonthDay(text)
	if n != 7 {
		return 0, event.TimeNone, false
	}
	st.Second = second
	key := load64(text) & stampKey
	if c.inner || key != c.same {
		ns, q := c.follow(st, text)
		return ns, q, true
	}
	ns, q := c.inOrder(int64(c.day)*secondsPerDay+int64(second), c.quality)
	return ns, q, true
}

// remember makes key name the day that Follow has just turned to.
func (c *Clock) remember(key uint64) {
	c.same, c.key = key, key
	if c.changes {
		c.key = 0
	}
}

// Follow returns the UTC time of a stamp and moves the clock, unless the line's own stamp has done so.
func (c *Clock) Follow(st Stamp) (int64, event.TimeQuality) {
	if c.inner {
		snapshot := *c
		snapshot.inner = false
		return snapshot.Follow(st)
	}
	if st.Zoned {
		c.key, c.same, c.date, c.local = 0, 0, 0, 0
		c.anchor(st)
		return st.utc(), st.quality(event.TimeExact)
	}
	if st.Year != 0 {
		c.anchor(st)
		c.turn(dayNumber(st.Year, st.Month, st.Day))
		return c.finish(st, c.zoneQuality())
	}
	day, q := c.infer(st)
	if q == event.TimeNone {
		return 0, event.TimeNone
	}
	// No line lies ahead of the reference: one that seems to is out of order.
	if c.reference != 0 && !c.live && !c.told && int64(day-1)*secondsPerDay > c.reference+tolerance {
		day, q = dayNumber(c.latestYear(st, c.reference+tolerance), st.Month, st.Day), event.TimeEstimated
	}
	c.turn(day)
	c.quality = q
	return c.finish(st, q)
}

// Latest returns the start of the latest day seen (the earliest, if newest first), or the zero time before the first.
func (c *Clock) Latest() time.Time {
	if !c.started {
		return time.Time{}
	}
	return time.Unix(int64(c.last)*secondsPerDay, 0).UTC()
}

func (c *Clock) finish(st Stamp, q event.TimeQuality) (int64, event.TimeQuality) {
	ns, q := c.inOrder(int64(c.day)*secondsPerDay+int64(st.Second), q)
	return ns + int64(st.Nanos), st.quality(q)
}

// turn makes day the day of the stamps to come.
func (c *Clock) turn(day int32) {
	c.key, c.same, c.date, c.local, c.heldFor = 0, 0, 0, 0, 0
	if day != c.day || c.base == 0 {
		c.day = day
		c.zoneDay = dayIn(c.zone, day)
		c.base = (int64(day)*secondsPerDay - int64(c.before)) * 1e9
	}
}

// inOrder turns a local time of the current day into UTC; where it can mean two instants, the order of lines decides.
func (c *Clock) inOrder(local int64, q event.TimeQuality) (int64, event.TimeQuality) {
	first, second, skipped := c.utc(local)
	if !c.changes {
		return first * 1e9, q
	}
	at := first
	switch {
	case skipped:
		q = event.TimeEstimated
	case first == second:
	case c.latest == 0 || c.latest < first-2*secondsPerDay || c.latest > second+2*secondsPerDay:
		if c.newest {
			at = second
		}
		q = event.TimeEstimated
	case c.newest:
		if second <= c.latest+reordering {
			at = second
		}
		if at == second && c.latest-second > gap {
			q = event.TimeEstimated
		}
	default:
		if first < c.latest-reordering {
			at = second
		}
		if at == first && first-c.latest > gap {
			q = event.TimeEstimated
		}
	}
	if c.latest == 0 || at > c.latest != c.newest {
		c.latest = at
	}
	return at * 1e9, q
}

// anchor takes the year from a date in full, unless the date is that of a clock that was never set.
func (c *Clock) anchor(st Stamp) {
	if st.Year < 1980 || c.reference != 0 && !c.live && st.utc()/1e9 > c.reference+2*tolerance {
		return
	}
	c.started, c.wrapped, c.doubtful = true, false, false
	c.year, c.last = int32(st.Year), dayNumber(st.Year, st.Month, st.Day)
}

// infer returns the day of a stamp that does not say its year.
func (c *Clock) infer(st Stamp) (int32, event.TimeQuality) {
	if !c.started && !c.start(st) {
		return 0, event.TimeNone
	}
	year, step := int(c.year), 1
	ahead := dayNumber(year, st.Month, st.Day) - c.last
	if c.newest {
		step, ahead = -1, -ahead
	}
	if ahead < -halfYear {
		year += step
		c.wrapped = true
	} else if ahead > halfYear {
		before := dayNumber(year-step, st.Month, st.Day)
		if c.wrapped || before-c.last <= 1 && c.last-before <= 1 {
			year -= step
		}
	}
	if year < minYear || year > maxYear {
		return 0, event.TimeNone
	}
	q := event.TimeInferredYear
	if c.doubtful {
		q = event.TimeEstimated
	}
	day := dayNumber(year, st.Month, st.Day)
	if day != c.last && day > c.last != c.newest {
		c.last, c.year = day, int32(year)
	}
	if st.Month == 2 && st.Day == 29 && !isLeap(year) {
		return dayNumber(c.nearestLeap(year), 2, 29), event.TimeEstimated
	}
	return day, q
}

// start sets the year of the first stamp.
func (c *Clock) start(st Stamp) bool {
	if c.year == 0 {
		if c.reference == 0 {
			return false
		}
		year := c.latestYear(st, c.reference+tolerance)
		c.year = int32(year)
	}
	c.started = true
	c.last = dayNumber(int(c.year), st.Month, st.Day)
	return true
}

// latestYear returns the last year in which the stamp is not behind limit, in seconds since 1970, and exists.
func (c *Clock) latestYear(st Stamp, limit int64) int {
	year := min(max(time.Unix(limit, 0).UTC().Year()+1, minYear+8), maxYear)
	for range 10 { // leap years can be eight years apart
		if st.Month != 2 || st.Day != 29 || isLeap(year) {
			if st.in(c.zone, year)/1e9 <= limit {
				break
			}
		}
		year--
	}
	return year
}

// nearestLeap returns the leap year nearest to year whose February 29 is not ahead of the reference.
func (c *Clock) nearestLeap(year int) int {
	for distance := 1; distance <= 8; distance++ {
		if y := year - distance; isLeap(y) {
			return y
		}
		y := year + distance
		if isLeap(y) && (c.reference == 0 || int64(dayNumber(y, 2, 29))*secondsPerDay <= c.reference+tolerance) {
			return y
		}
	}
	return year - year%4
}

func (c *Clock) zoneQuality() event.TimeQuality {
	if c.zone == nil {
		return event.TimeAssumedZone
	}
	return event.TimeExact
}

// utc returns the stamp's instant in nanoseconds since 1970, taking a local time for UTC.
func (st *Stamp) utc() int64 {
	local := int64(dayNumber(st.Year, st.Month, st.Day))*secondsPerDay + int64(st.Second)
	return (local-int64(st.Offset))*1e9 + int64(st.Nanos)
}

// in returns the first instant, in nanoseconds since 1970, that the stamp can mean in a year and a zone.
func (st *Stamp) in(zone *time.Location, year int) int64 {
	day := dayNumber(year, st.Month, st.Day)
	z := dayIn(zone, day)
	first, _, _ := z.utc(int64(day)*secondsPerDay + int64(st.Second))
	return first*1e9 + int64(st.Nanos)
}

func (st *Stamp) quality(q event.TimeQuality) event.TimeQuality {
	if st.Derived {
		return event.TimeEstimated
	}
	return q
}

// knows reports whether a line of at least 11 bytes starts with the date of the line before, so that it cannot move the
// clock.
func (c *Clock) knows(line string) bool {
	v := load64(line)
	return v&stampKey == c.key && c.key != 0 ||
		v == c.local && c.local != 0 && uint16(line[8])|uint16(line[9])<<8 == c.localDay && line[10] == ' ' ||
		v == c.date && c.date != 0 && uint16(line[8])|uint16(line[9])<<8 == c.dateDay && line[10]|0x20 == 't'
}

func (c *Clock) skimLine(line string) {
	line = trimEnd(line[:min(len(line), event.MaxRaw)])
	if _, n := ScanPriority(line); n > 0 && len(line) >= n+15 && c.knows(line[n:]) {
		return
	}
	if h, _ := ScanHead(line); h.Stamped {
		c.follow(h.Stamp, line[h.At:])
	}
}

// follow moves the clock to the stamp that text starts with, and remembers its date if it is one of those that files
// are full of.
func (c *Clock) follow(st Stamp, text string) (int64, event.TimeQuality) {
	if st.Spaced && !st.Zoned && c.local != 0 && len(text) > 10 && c.knows(text) {
		return c.base + int64(st.Second)*1e9 + int64(st.Nanos), st.quality(c.zoneQuality())
	}
	ns, q := c.Follow(st)
	switch {
	case c.inner:
	case st.Spaced && !st.Zoned && q != event.TimeNone && text[4] == '-' && !c.changes && c.started && c.last == c.day:
		c.local, c.localDay = load64(text), uint16(text[8])|uint16(text[9])<<8
	case st.Year == 0 && q != event.TimeNone && text[6] == ' ':
		c.remember(load64(text) & stampKey)
	case st.Zoned && text[4] == '-':
		c.date, c.dateDay = load64(text), uint16(text[8])|uint16(text[9])<<8
		c.dateBase = int64(dayNumber(st.Year, st.Month, st.Day)) * secondsPerDay * 1e9
	}
	return ns, q
}

// dated reads "2026-01-05T10:11:12.345678+01:00" if the date is that of the line before, and returns its length: 0 if it
// is not.
func (c *Clock) dated(text string) (ns int64, digits uint8, n int) {
	if c.date == 0 || !c.knows(text) || text[10] != 'T' || text[19] == ',' { // dmesg writes the comma
		return 0, 0, 0
	}
	second, ok := secondOfDay(load64(text[11:]))
	if !ok {
		return 0, 0, 0
	}
	nanos, digits, n := ScanFraction(text[19:])
	n += 19
	offset, m := scanOffset(text[n:])
	if n += m; m == 0 || n < len(text) && text[n] != ' ' {
		return 0, 0, 0
	}
	return c.dateBase + int64(second-offset)*1e9 + int64(nanos), digits, n
}
