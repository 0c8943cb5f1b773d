package term

import (
	"fmt"
	"strconv"
	"time"
)

// Number writes n with a comma between thousands: 1,234,567.
func Number[N ~int | ~int64 | ~uint16 | ~uint32 | ~uint64](n N) string {
	var digits string
	if n < 0 {
		digits = strconv.FormatUint(-uint64(n), 10)
	} else {
		digits = strconv.FormatUint(uint64(n), 10)
	}
	out := make([]byte, 0, len(digits)+len(digits)/3+1)
	if n < 0 {
		out = append(out, '-')
	}
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			out = append(out, ',')
		}
		out = append(out, digits[i])
	}
	return string(out)
}

// Bytes writes a size in decimal units: 812 B, 4.2 MB, 1.3 GB.
func Bytes(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(max(n, 0), 10) + " B"
	}
	return scaled(float64(n)) + "B"
}

// Rate writes how many things happened per second: Rate(2900000, time.Second, "lines") is "2.9 M lines/s". It is empty
// if no time has passed.
func Rate[N ~int | ~int64 | ~uint64](n N, d time.Duration, unit string) string {
	if d <= 0 || n < 0 {
		return ""
	}
	perSecond := float64(n) / d.Seconds()
	if perSecond < 999.5 {
		return fmt.Sprintf("%.0f %s/s", perSecond, unit)
	}
	return scaled(perSecond) + " " + unit + "/s"
}

// scaled writes v, which is at least about 1000, with two significant digits or more and its decimal unit.
func scaled(v float64) string {
	units := [...]string{"k", "M", "G", "T", "P", "E"}
	i := -1
	for v >= 999.5 && i < len(units)-1 {
		v /= 1000
		i++
	}
	if v < 9.95 {
		return fmt.Sprintf("%.1f %s", v, units[i])
	}
	return fmt.Sprintf("%.0f %s", v, units[i])
}

// Duration writes how long something takes: 0.41 s, 12 s, 3 min 20 s, 2 h 5 min, 3 d 4 h.
func Duration(d time.Duration) string {
	switch {
	case d <= 0:
		return "0 s"
	case d < 9995*time.Microsecond:
		return fmt.Sprintf("%.3g ms", float64(d)/1e6)
	case d < time.Minute && d%time.Second == 0:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < 9950*time.Millisecond:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d < time.Minute-500*time.Millisecond:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour-500*time.Millisecond:
		d = d.Round(time.Second)
		return two(int64(d/time.Minute), "min", int64(d%time.Minute/time.Second), "s")
	case d < 48*time.Hour-30*time.Second:
		d = d.Round(time.Minute)
		return two(int64(d/time.Hour), "h", int64(d%time.Hour/time.Minute), "min")
	}
	d = d.Round(time.Hour)
	return two(int64(d/(24*time.Hour)), "d", int64(d%(24*time.Hour)/time.Hour), "h")
}

func two(a int64, unitA string, b int64, unitB string) string {
	if b == 0 {
		return fmt.Sprintf("%d %s", a, unitA)
	}
	return fmt.Sprintf("%d %s %d %s", a, unitA, b, unitB)
}
