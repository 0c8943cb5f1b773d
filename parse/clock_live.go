package parse

import (
	"time"

	"mailstop/event"
)

// dayNanos is a day in nanoseconds.
const dayNanos = secondsPerDay * int64(time.Second)

// holds reports whether the date that text starts with was the last one too, on the day of receipt that hold has seen, so that
// base tells its time.
func (c *Clock) holds(text string, received int64) bool {
	return received != 0 && int32(received/dayNanos)+1 == c.heldFor && load64(text)&stampKey == c.key
}

// hold remembers the day of a stamp without a year that near has dated, if all times of that day would be dated alike: the
// day is not near the half year where another year would be nearer, and its clocks do not change.
func (c *Clock) hold(st Stamp, text string, ns int64, q event.TimeQuality, received int64) {
	const sure = 100 * dayNanos
	if st.Year != 0 || q != event.TimeInferredYear || len(text) < 15 || distance(ns, received) > sure || received < dayNanos || ns > received {
		return
	}
	plain, n := scanMonthDay(text)
	if n != 7 || plain.Month != st.Month || plain.Day != st.Day {
		return
	}
	for _, year := range [...]int{time.Unix(0, received).UTC().Year(), time.Unix(0, ns).UTC().Year(), time.Unix(0, ns).UTC().Year() + 1} {
		day := dayNumber(year, st.Month, st.Day)
		z := dayIn(c.zone, day)
		base := (int64(day)*secondsPerDay - int64(z.before)) * 1e9
		if z.changes || base+int64(st.Second)*1e9+int64(st.Nanos) != ns {
			continue
		}
		c.turn(day)
		c.key, c.quality, c.heldFor = load64(text)&stampKey, q, int32(received/dayNanos)+1
		return
	}
}
