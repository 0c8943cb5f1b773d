package envelope

import (
	"strconv"
	"strings"

	"mailstop/event"
	"mailstop/internal/jsonscan"
	"mailstop/parse"
)

// A moment is a time as a record tells it.
type moment struct {
	ns      int64 // since 1970 UTC, if instant
	stamp   parse.Stamp
	digits  uint8
	instant bool // the record says the zone, or counts seconds
}

// receive makes m the time when the line was received, until something says more of it.
func (m moment) receive(r *parse.Record) {
	r.Received, r.Reference = m.ns, m.ns
	r.Time, r.TimeDigits, r.TimeQuality = m.ns, m.digits, event.TimeReceived
}

// days remembers the date and the zone of the stamp before: a shipper writes the same ones all day.
type days struct {
	date  string // "2026-01-05T"
	zone  string // "Z"
	start int64  // the date's midnight there, nanoseconds since 1970 UTC
}

// when reads a time: RFC 3339 with or without a zone, any stamp of a log line, or a number that counts from 1970.
func (u *unwrapper) when(v jsonscan.Value) (m moment, ok bool) {
	v = v.One() // Kibana's copies of documents have lists of one
	s := v.Raw
	switch {
	case v.Kind != jsonscan.Text && v.Kind != jsonscan.Number || len(s) < 9:
		return m, false
	case len(s) > 10 && s[4] == '-':
		if m, ok = u.days.read(s); ok {
			return m, true
		}
	case s[0]-'0' <= 9:
		if m.ns, m.digits, ok = parse.ScanEpoch(s); ok {
			m.instant = true
			return m, true
		}
		return scientific(s)
	}
	if v.Escaped {
		s = v.String(&u.text)
	}
	if inner, ok := strings.CutPrefix(s, "/Date("); ok { // of .NET's JSON
		if end := strings.IndexAny(inner, ")+-"); end > 0 {
			m.ns, m.digits, m.instant = parse.ScanEpoch(inner[:end])
		}
		return m, m.instant
	}
	var n int
	if m.stamp, n = parse.ScanStamp(s); n != len(s) || n == 0 {
		return m, false
	}
	if m.stamp.Zoned {
		m.ns, m.instant = u.days.turn(s, m.stamp), true
	}
	m.digits = m.stamp.Digits
	return m, true
}

// scientific reads 1.767604272345e9, as some encoders write large numbers.
func scientific(s string) (m moment, ok bool) {
	if strings.IndexByte(s, 'e') < 0 && strings.IndexByte(s, 'E') < 0 {
		return m, false
	}
	seconds, err := strconv.ParseFloat(s, 64)
	if err != nil || seconds < 1e8 || seconds >= 1e11 {
		return m, false
	}
	m.ns, m.digits, ok = parse.ScanEpoch(strconv.FormatFloat(seconds, 'f', 6, 64))
	m.instant = ok
	return m, ok
}

// read reads "2026-01-05T10:11:12.345Z" of the day and the zone that are remembered.
func (d *days) read(s string) (m moment, ok bool) {
	if len(s) < 20 || s[:11] != d.date || s[13] != ':' || s[16] != ':' {
		return m, false
	}
	hour, minute, second := number(s[11:13]), number(s[14:16]), number(s[17:19])
	if hour > 23 || minute > 59 || second > 59 {
		return m, false
	}
	nanos, digits, n := parse.ScanFraction(s[19:])
	if s[19+n:] != d.zone {
		return m, false
	}
	m.ns = d.start + int64(hour*3600+minute*60+second)*1e9 + int64(nanos)
	m.digits, m.instant = digits, true
	return m, true
}

// number returns the value of two digits, more than 99 if they are none.
func number(s string) int {
	a, b := s[0]-'0', s[1]-'0'
	if a > 9 || b > 9 {
		return 100
	}
	return int(a)*10 + int(b)
}

// turn returns the instant of a stamp that says its zone, and remembers its date.
func (d *days) turn(s string, st parse.Stamp) int64 {
	var (
		e event.Entry
		c = parse.NewClock(parse.Hints{})
		r = parse.Record{Entry: &e, Clock: &c}
	)
	r.SetInnerTime(st)
	if len(s) > 19 && s[4] == '-' && s[10] == 'T' {
		_, _, n := parse.ScanFraction(s[19:])
		d.start = e.Time - int64(st.Second)*1e9 - int64(st.Nanos)
		d.date, d.zone = strings.Clone(s[:11]), strings.Clone(s[19+n:])
	}
	return e.Time
}
