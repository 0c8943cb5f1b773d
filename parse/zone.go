package parse

import "time"

const secondsPerDay = 24 * 60 * 60

// A zoneDay is what turns the local times of one day into UTC. Most days need one subtraction; a day near a change of
// the clocks needs to know when it happens.
type zoneDay struct {
	change        int64 // UTC seconds since 1970 of the change of the clocks, if changes
	before, after int32 // seconds east of UTC before and after it; equal on other days
	changes       bool
}

// dayIn returns the rules of a local day, counted in days since 1970. The days beside the change count as near to it,
// since a change at midnight makes local times of two dates ambiguous.
func dayIn(zone *time.Location, day int32) zoneDay {
	if zone == nil || zone == time.UTC {
		return zoneDay{}
	}
	start := time.Unix(int64(day-1)*secondsPerDay, 0).In(zone)
	_, before := start.Zone()
	_, after := time.Unix(int64(day+2)*secondsPerDay, 0).In(zone).Zone()
	z := zoneDay{before: int32(before), after: int32(after)}
	if before == after {
		return z
	}
	z.changes = true
	for range 4 { // a bound may change only the zone's name
		_, end := start.ZoneBounds()
		if end.IsZero() {
			break
		}
		z.change = end.Unix()
		start = end
		if _, now := end.Zone(); now != before {
			break
		}
	}
	return z
}

// utc returns the instants, in seconds since 1970, that the local time can mean: one on most days; two, the earlier
// first, in the hour that the clocks run through twice. In the hour they leave out there is none: skipped is set, and
// the instant is the one as far behind the change as the time is behind the last one that existed.
func (z *zoneDay) utc(local int64) (first, second int64, skipped bool) {
	first = local - int64(z.before)
	if !z.changes {
		return first, first, false
	}
	second = local - int64(z.after)
	early, late := first < z.change, second >= z.change
	switch {
	case early && late:
		return first, second, false
	case early:
		return first, first, false
	case late:
		return second, second, false
	}
	return first, first, true
}

// dayNumber returns the days from 1970-01-01 to a date of the Gregorian calendar. February 29 of a common year is its
// March 1. The arithmetic is that of Howard Hinnant's days_from_civil.
func dayNumber(year, month, day int) int32 {
	if month <= 2 {
		year--
		month += 12
	}
	era := year / 400
	ofEra := year - era*400
	ofYear := (153*(month-3)+2)/5 + day - 1
	return int32(era*146097 + ofEra*365 + ofEra/4 - ofEra/100 + ofYear - 719468)
}

func isLeap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }
