package parse

import (
	"context"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"mailstop/event"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	if name == "" {
		return nil
	}
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func at(t testing.TB, s string) time.Time {
	t.Helper()
	if s == "" {
		return time.Time{}
	}
	when, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

// scanOf gives lines to Plan, a few at a time, and counts how often it is asked.
func scanOf(lines []string, calls *int) func(context.Context, int64, func([]byte) bool) error {
	return func(_ context.Context, _ int64, f func([]byte) bool) error {
		*calls++
		for i := 0; i < len(lines); i += 3 {
			if !f([]byte(strings.Join(lines[i:min(i+3, len(lines))], "\n") + "\n")) {
				break
			}
		}
		return nil
	}
}

// stampLine reads a line's stamp the way the syslog layer does.
func stampLine(c *Clock, line string) string {
	e := event.Entry{}
	r := Record{Entry: &e, Clock: c}
	if r.SetKnownTime(line) == 0 {
		if h, _ := ScanHead(line); h.Stamped {
			r.SetTime(h.Stamp, line[h.At:])
		}
	}
	if e.TimeQuality == event.TimeNone {
		return "none"
	}
	return string(event.AppendTime(nil, e.Time, e.TimeDigits)) + " " + e.TimeQuality.String()
}

// The rules of time: each case is one part, read in order, and the time and quality that each line gets.
func TestTimeRules(t *testing.T) {
	const (
		berlin = "Europe/Berlin"
		york   = "America/New_York"
	)
	for _, tt := range []struct {
		name      string
		zone      string
		year      int
		reference string
		lines     []string // "stamp => time quality"
	}{
		// The year, from the reference, which is the time of the last line.
		{"one year", "UTC", 0, "2026-01-05T12:00:00Z", []string{
			"Jan  4 10:11:12 => 2026-01-04T10:11:12Z inferred_year",
			"Jan  5 10:11:12 => 2026-01-05T10:11:12Z inferred_year",
		}},
		{"December to January", "UTC", 0, "2026-01-05T12:00:00Z", []string{
			"Dec 31 23:59:59 => 2025-12-31T23:59:59Z inferred_year",
			"Jan  1 00:00:00 => 2026-01-01T00:00:00Z inferred_year",
			"Jan  5 11:00:00 => 2026-01-05T11:00:00Z inferred_year",
		}},
		{"old lines mixed in after New Year", "UTC", 0, "2026-01-05T12:00:00Z", []string{
			"Dec 31 23:59:58 => 2025-12-31T23:59:58Z inferred_year",
			"Jan  1 00:00:00 => 2026-01-01T00:00:00Z inferred_year",
			"Dec 31 23:59:59 => 2025-12-31T23:59:59Z inferred_year",
			"Dec 20 10:00:00 => 2025-12-20T10:00:00Z inferred_year",
			"Jan  1 00:00:01 => 2026-01-01T00:00:01Z inferred_year",
		}},
		{"reordered at the start of the year", "UTC", 0, "2026-01-05T12:00:00Z", []string{
			"Jan  1 00:00:00 => 2026-01-01T00:00:00Z inferred_year",
			"Dec 31 23:59:59 => 2025-12-31T23:59:59Z inferred_year",
			"Jan  1 00:00:01 => 2026-01-01T00:00:01Z inferred_year",
		}},
		{"small steps back", "UTC", 0, "2026-01-05T12:00:00Z", []string{
			"Jan  5 10:11:12 => 2026-01-05T10:11:12Z inferred_year",
			"Jan  5 10:11:10 => 2026-01-05T10:11:10Z inferred_year",
			"Jan  4 23:11:10 => 2026-01-04T23:11:10Z inferred_year",
		}},
		{"several years", "UTC", 0, "2026-02-01T00:00:00Z", []string{
			"Nov 30 10:00:00 => 2023-11-30T10:00:00Z inferred_year",
			"Feb 29 10:00:00 => 2024-02-29T10:00:00Z inferred_year",
			"Jul 30 10:00:00 => 2024-07-30T10:00:00Z inferred_year",
			"Jan  2 10:00:00 => 2025-01-02T10:00:00Z inferred_year",
			"May  2 10:00:00 => 2025-05-02T10:00:00Z inferred_year",
			"Sep  2 10:00:00 => 2025-09-02T10:00:00Z inferred_year",
			"Jan 31 10:00:00 => 2026-01-31T10:00:00Z inferred_year",
		}},
		{"a day ahead of the reference", "UTC", 0, "2026-01-05T12:00:00Z", []string{
			"Jan  6 11:59:59 => 2026-01-06T11:59:59Z inferred_year",
		}},
		{"more than a day ahead", "UTC", 0, "2026-01-05T12:00:00Z", []string{
			"Jan  6 12:00:01 => 2025-01-06T12:00:01Z inferred_year",
		}},
		{"a clock that starts in January", "UTC", 0, "2025-10-18T00:00:00Z", []string{
			"Oct 17 10:00:00 => 2025-10-17T10:00:00Z inferred_year",
			"Jan  1 00:00:08 => 2025-01-01T00:00:08Z estimated",
			"Oct 17 10:05:00 => 2025-10-17T10:05:00Z inferred_year",
			"Oct 17 10:06:00 => 2025-10-17T10:06:00Z inferred_year",
		}},
		{"the user's year wins", "UTC", 2019, "2026-01-05T12:00:00Z", []string{
			"Dec 31 23:59:59 => 2019-12-31T23:59:59Z inferred_year",
			"Jan  1 00:00:00 => 2020-01-01T00:00:00Z inferred_year",
		}},
		{"no reference", "UTC", 0, "", []string{
			"Jan  1 00:00:00 => none",
		}},

		// The year, from a date in full in the same part, before and after.
		{"date in full later", "UTC", 0, "2026-03-05T12:00:00Z", []string{
			"Dec 30 10:00:00 => 2021-12-30T10:00:00Z inferred_year",
			"Jan  2 10:00:00 => 2022-01-02T10:00:00Z inferred_year",
			"2022-01-03T10:00:00Z => 2022-01-03T10:00:00Z exact",
			"Jan  4 10:00:00 => 2022-01-04T10:00:00Z inferred_year",
		}},
		{"date in full first, no reference", "UTC", 0, "", []string{
			"2022-12-31T10:00:00Z => 2022-12-31T10:00:00Z exact",
			"Jan  4 10:00:00 => 2023-01-04T10:00:00Z inferred_year",
		}},
		{"dates of clocks that were never set", "UTC", 0, "2026-01-05T12:00:00Z", []string{
			"1970-01-01T00:00:09Z => 1970-01-01T00:00:09Z exact",
			"2099-01-01T00:00:09Z => 2099-01-01T00:00:09Z exact",
			"Jan  4 10:00:00 => 2026-01-04T10:00:00Z inferred_year",
		}},

		// February 29.
		{"leap day in a leap year", "UTC", 0, "2024-03-02T00:00:00Z", []string{
			"Feb 28 10:00:00 => 2024-02-28T10:00:00Z inferred_year",
			"Feb 29 10:00:00 => 2024-02-29T10:00:00Z inferred_year",
			"Mar  1 10:00:00 => 2024-03-01T10:00:00Z inferred_year",
		}},
		{"leap day, reference two years late", "UTC", 0, "2026-03-02T00:00:00Z", []string{
			"Feb 28 10:00:00 => 2024-02-28T10:00:00Z estimated",
			"Feb 29 10:00:00 => 2024-02-29T10:00:00Z estimated",
			"Mar  1 10:00:00 => 2024-03-01T10:00:00Z estimated",
		}},
		{"leap day in the year the user gave", "UTC", 2025, "2026-03-02T00:00:00Z", []string{
			"Feb 28 10:00:00 => 2025-02-28T10:00:00Z inferred_year",
			"Feb 29 10:00:00 => 2024-02-29T10:00:00Z estimated",
			"Feb 29 10:00:01 => 2024-02-29T10:00:01Z estimated",
			"Mar  1 10:00:00 => 2025-03-01T10:00:00Z inferred_year",
		}},

		// Newest first.
		{"newest first", "UTC", 0, "2026-01-05T12:00:00Z", []string{
			"Jan  2 10:00:00 => 2026-01-02T10:00:00Z inferred_year",
			"Jan  1 00:00:00 => 2026-01-01T00:00:00Z inferred_year",
			"Dec 31 23:59:59 => 2025-12-31T23:59:59Z inferred_year",
			"Dec 31 23:59:58 => 2025-12-31T23:59:58Z inferred_year",
			"Aug  1 10:00:00 => 2025-08-01T10:00:00Z inferred_year",
			"Mar  1 10:00:00 => 2025-03-01T10:00:00Z inferred_year",
			"Nov  1 10:00:00 => 2024-11-01T10:00:00Z inferred_year",
		}},
		{"newest first, end of summer time", berlin, 0, "2025-10-27T12:00:00Z", []string{
			"Oct 26 03:00:00 => 2025-10-26T02:00:00Z inferred_year",
			"Oct 26 02:59:00 => 2025-10-26T01:59:00Z inferred_year",
			"Oct 26 02:30:00 => 2025-10-26T01:30:00Z inferred_year",
			"Oct 26 02:10:00 => 2025-10-26T01:10:00Z inferred_year",
			"Oct 26 02:55:00 => 2025-10-26T00:55:00Z inferred_year",
			"Oct 26 02:00:00 => 2025-10-26T00:00:00Z inferred_year",
			"Oct 26 01:59:00 => 2025-10-25T23:59:00Z inferred_year",
		}},

		// The end of summer time: an hour comes twice, and the order tells which is which.
		{"end of summer time, Berlin", berlin, 0, "2025-10-27T12:00:00Z", []string{
			"Oct 26 01:59:59 => 2025-10-25T23:59:59Z inferred_year",
			"Oct 26 02:10:00 => 2025-10-26T00:10:00Z inferred_year",
			"Oct 26 02:09:59 => 2025-10-26T00:09:59Z inferred_year",
			"Oct 26 02:39:59 => 2025-10-26T00:39:59Z inferred_year",
			"Oct 26 02:00:01 => 2025-10-26T01:00:01Z inferred_year",
			"Oct 26 02:59:58 => 2025-10-26T00:59:58Z inferred_year",
			"Oct 26 02:58:59 => 2025-10-26T01:58:59Z inferred_year",
			"Oct 26 03:00:00 => 2025-10-26T02:00:00Z inferred_year",
			"Oct 26 02:59:59 => 2025-10-26T01:59:59Z inferred_year",
			"Oct 27 02:00:00 => 2025-10-27T01:00:00Z inferred_year",
		}},
		{"end of summer time, New York", york, 0, "2025-11-05T12:00:00Z", []string{
			"Nov  2 00:59:59 => 2025-11-02T04:59:59Z inferred_year",
			"Nov  2 01:29:00 => 2025-11-02T05:29:00Z inferred_year",
			"Nov  2 01:10:00 => 2025-11-02T06:10:00Z inferred_year",
			"Nov  2 02:00:00 => 2025-11-02T07:00:00Z inferred_year",
		}},
		{"one line in the double hour", berlin, 0, "2025-10-27T12:00:00Z", []string{
			"Oct 25 10:00:00 => 2025-10-25T08:00:00Z inferred_year",
			"Oct 26 02:30:00 => 2025-10-26T00:30:00Z estimated",
			"Oct 26 10:00:00 => 2025-10-26T09:00:00Z inferred_year",
		}},
		{"the double hour with a year", berlin, 0, "", []string{
			"Sun Oct 26 02:30:00 2025 => 2025-10-26T00:30:00Z estimated",
			"Sun Oct 26 02:40:00 2025 => 2025-10-26T00:40:00Z exact",
			"Sun Oct 26 02:20:00 2025 => 2025-10-26T01:20:00Z exact",
		}},

		// The start of summer time: an hour that does not exist.
		{"start of summer time, Berlin", berlin, 0, "2025-03-31T12:00:00Z", []string{
			"Mar 30 01:59:59 => 2025-03-30T00:59:59Z inferred_year",
			"Mar 30 02:30:00 => 2025-03-30T01:30:00Z estimated",
			"Mar 30 03:00:00 => 2025-03-30T01:00:00Z inferred_year",
		}},
		{"start of summer time, New York", york, 0, "2025-03-10T12:00:00Z", []string{
			"Mar  9 01:59:59 => 2025-03-09T06:59:59Z inferred_year",
			"Mar  9 02:00:00 => 2025-03-09T07:00:00Z estimated",
			"Mar  9 03:00:00 => 2025-03-09T07:00:00Z inferred_year",
		}},

		// Qualities, fractions, leap seconds.
		{"zone assumed", "", 0, "2026-01-05T12:00:00Z", []string{
			"Jan  5 10:11:12 => 2026-01-05T10:11:12Z inferred_year",
			"Mon Jan  5 10:11:12 2026 => 2026-01-05T10:11:12Z assumed_zone",
			"2026-01-05T10:11:12 => 2026-01-05T10:11:12Z assumed_zone",
			"2026-01-05T10:11:12+01:00 => 2026-01-05T09:11:12Z exact",
		}},
		{"zone known", berlin, 0, "2026-01-05T12:00:00Z", []string{
			"Mon Jan  5 10:11:12 2026 => 2026-01-05T09:11:12Z exact",
			"Jan  5 2026 10:11:12 => 2026-01-05T09:11:12Z exact",
			"[Mon Jan  5 10:11:12 2026] => 2026-01-05T09:11:12Z estimated",
			"Mon 2026-01-05 10:11:12 CET => 2026-01-05T09:11:12Z exact",
			"Mon 2026-01-05 10:11:12 UTC => 2026-01-05T10:11:12Z exact",
			"2026-01-05 10:11:12 => 2026-01-05T09:11:12Z exact", "2026-01-05 10:11:12,25 +0100 => 2026-01-05T09:11:12.25Z exact",
			"2026/01/05 10:11:12 => 2026-01-05T09:11:12Z exact", "2026-01-05 10:11:12Z => 2026-01-05T10:11:12Z exact",
			"1767604272.345678 => 2026-01-05T09:11:12.345678Z exact",
		}},
		{"fractions", "UTC", 0, "2026-01-05T12:00:00Z", []string{
			"2026-01-05T10:11:12,345678+01:00 => 2026-01-05T09:11:12.345678Z exact",
			"2026-01-05T10:11:12.123456789123Z => 2026-01-05T10:11:12.123456789Z exact",
			"2026-01-05T10:11:12.5-0330 => 2026-01-05T13:41:12.5Z exact",
			"2026-01-05T10:11:12.50+05 => 2026-01-05T05:11:12.50Z exact",
			"Jan 05 10:11:12.345678 => 2026-01-05T10:11:12.345678Z inferred_year",
			"Jan  5 10:11:12,3 => 2026-01-05T10:11:12.3Z inferred_year",
			"Jan 5 10:11:12 => 2026-01-05T10:11:12Z inferred_year",
		}},
		{"leap second", "UTC", 0, "2017-01-02T12:00:00Z", []string{
			"Dec 31 23:59:60 => 2016-12-31T23:59:59Z inferred_year",
			"2016-12-31T23:59:60Z => 2016-12-31T23:59:59Z exact",
		}},
		{"not stamps", "UTC", 0, "2026-01-05T12:00:00Z", []string{
			"Jan 32 10:11:12 => none", "Jan  0 10:11:12 => none", "Apr 31 10:11:12 => none", "Jam  5 10:11:12 => none",
			"Jan  5 24:11:12 => none", "Jan  5 10:60:12 => none", "Jan  5 10:11:61 => none", "Jan  5 10:11;12 => none",
			"Jan  5 10:11:1a => none", "2026-02-29T10:11:12Z => none", "2026-13-01T10:11:12Z => none", "Jan  5 10:11:123 => none",
			"0001-01-01T10:11:12Z => none", "9999999999.345678 => none", "Jan  5 10:11:12x => none",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var lines, want []string
			for _, l := range tt.lines {
				line, w, _ := strings.Cut(l, " => ")
				lines, want = append(lines, line+" fw"), append(want, w)
			}
			text := strings.Join(lines, "\n") + "\n"
			h := Hints{Zone: zone(t, tt.zone), Year: tt.year, Reference: at(t, tt.reference)}
			calls := 0
			clock, err := Plan(t.Context(), h, Sample{
				Head: text[:min(len(text), 200)], Size: int64(len(text)), Consumed: 100, Scan: scanOf(lines, &calls),
			})
			if err != nil {
				t.Fatal(err)
			}
			for i, line := range lines {
				if got := stampLine(&clock, line); got != want[i] {
					t.Errorf("%s\n got %s\nwant %s", line, got, want[i])
				}
			}
		})
	}
}

func TestNearReference(t *testing.T) {
	for _, tt := range []struct {
		zone, line, reference, received string
		live                            bool
		want                            string
	}{
		// Live: the year nearest to the time of receipt, not more than a day ahead of it.
		{"UTC", "Dec 31 23:59:59 fw", "", "2026-01-01T00:00:01Z", true, "2025-12-31T23:59:59Z inferred_year"},
		{"UTC", "Jan  1 00:00:01 fw", "", "2025-12-31T23:59:59Z", true, "2026-01-01T00:00:01Z inferred_year"},
		{"UTC", "Jan  3 00:00:01 fw", "", "2025-12-31T23:59:59Z", true, "2025-01-03T00:00:01Z inferred_year"},
		{"UTC", "Feb 29 10:00:00 fw", "", "2024-02-29T10:00:01Z", true, "2024-02-29T10:00:00Z inferred_year"},
		{"UTC", "Feb 29 10:00:00 fw", "", "2027-02-28T10:00:01Z", true, "2024-02-29T10:00:00Z estimated"},
		{"UTC", "Feb 29 10:00:00 fw", "", "2025-03-01T10:00:01Z", true, "2024-02-29T10:00:00Z estimated"},
		{"UTC", "Feb 29 10:00:00 fw", "", "2025-01-01T10:00:01Z", true, "2024-02-29T10:00:00Z inferred_year"},
		// The double hour: the pass nearer to the time of receipt.
		{"Europe/Berlin", "Oct 26 02:30:00 fw", "", "2025-10-26T00:30:01Z", true, "2025-10-26T00:30:00Z inferred_year"},
		{"Europe/Berlin", "Oct 26 02:30:00 fw", "", "2025-10-26T01:30:01Z", true, "2025-10-26T01:30:00Z inferred_year"},
		{"Europe/Berlin", "Mar 30 02:30:00 fw", "", "2025-03-30T01:30:01Z", true, "2025-03-30T01:30:00Z estimated"},
		// An envelope wins, also in replay, and supplies the zone if none is set.
		{"UTC", "Dec 31 23:59:59 fw", "2020-01-01T00:00:01Z", "", false, "2019-12-31T23:59:59Z inferred_year"},
		{"", "Jan  5 10:11:12 fw", "2026-01-05T09:11:13Z", "", false, "2026-01-05T09:11:12Z estimated"},
		{"", "Jan  5 03:41:12 fw", "2026-01-05T09:11:13Z", "", false, "2026-01-05T09:11:12Z estimated"},
		{"", "Jan  5 14:56:14 fw", "2026-01-05T09:11:13Z", "", false, "2026-01-05T09:11:14Z estimated"},
		{"", "Jan  5 09:11:12 fw", "2026-01-05T09:11:13Z", "", false, "2026-01-05T09:11:12Z inferred_year"},
		{"", "Jan  5 08:03:12 fw", "2026-01-05T09:11:13Z", "", false, "2026-01-05T08:03:12Z inferred_year"},
		{"Asia/Tokyo", "Jan  5 10:11:12 fw", "2026-01-05T09:11:13Z", "", false, "2026-01-05T01:11:12Z inferred_year"},
	} {
		c := NewClock(Hints{Zone: zone(t, tt.zone), Live: tt.live})
		e := event.Entry{}
		r := Record{Entry: &e, Clock: &c}
		if tt.reference != "" {
			r.Reference = at(t, tt.reference).UnixNano()
		}
		if tt.received != "" {
			e.Received = at(t, tt.received).UnixNano()
		}
		if n := r.SetKnownTime(tt.line); n != 0 {
			t.Errorf("%s: the quick way must leave this stamp alone", tt.line)
		}
		h, _ := ScanHead(tt.line)
		r.SetTime(h.Stamp, tt.line[h.At:])
		if got := string(event.AppendTime(nil, e.Time, e.TimeDigits)) + " " + e.TimeQuality.String(); got != tt.want {
			t.Errorf("%s near %s%s\n got %s\nwant %s", tt.line, tt.reference, tt.received, got, tt.want)
		}
	}
}

func TestStampChecksItsParts(t *testing.T) {
	c := NewClock(Hints{Zone: time.UTC})
	if ns, q := c.Stamp(2026, 1, 5, 10, 11, 60, 5); ns != at(t, "2026-01-05T10:11:59Z").UnixNano()+5 || q != event.TimeExact {
		t.Error(ns, q)
	}
	for _, p := range [][7]int{
		{2026, 0, 5},
		{2026, 13, 5},
		{2026, 1, 0},
		{2026, 1, 32},
		{2026, 2, 29},
		{1500, 1, 1},
		{2300, 1, 1},
		{2026, 1, 1, 24},
		{2026, 1, 1, 0, 60},
		{2026, 1, 1, 0, 0, 61},
		{2026, 1, 1, 0, 0, 0, 1_000_000_000},
		{2026, 1, 1, -1},
	} {
		if _, q := c.Stamp(p[0], p[1], p[2], p[3], p[4], p[5], p[6]); q != event.TimeNone {
			t.Error(p, q)
		}
	}
}

// An envelope's zone is for stamps without one, where the user has said none, and where it makes no line of the future.
func TestRecordZone(t *testing.T) {
	var (
		ref   = time.Date(2026, 1, 5, 9, 11, 13, 0, time.UTC)
		told  = time.FixedZone("+01:00", 3600)
		users = time.FixedZone("+02:00", 7200)
		stamp = Stamp{Year: 2026, Month: 1, Day: 5, Second: 10*3600 + 11*60 + 12}
		short = Stamp{Month: 1, Day: 5, Second: 10*3600 + 11*60 + 12}
		zoned = Stamp{Year: 2026, Month: 1, Day: 5, Second: 10*3600 + 11*60 + 12, Zoned: true}
	)
	for _, tt := range []struct {
		name       string
		st         Stamp
		zone, user *time.Location
		ref        time.Time
		want       string
	}{
		{"date", stamp, told, nil, time.Time{}, "2026-01-05T09:11:12Z exact"},
		{"date, reference", stamp, told, nil, ref, "2026-01-05T09:11:12Z exact"},
		{"no year", short, told, nil, ref, "2026-01-05T09:11:12Z inferred_year"},
		{"no year, long under way", short, told, nil, ref.Add(12 * 24 * time.Hour), "2026-01-05T09:11:12Z inferred_year"},
		{"of the future", short, time.UTC, nil, ref, "2026-01-05T09:11:12Z estimated"},
		{"the user's", short, told, users, ref, "2026-01-05T08:11:12Z inferred_year"},
		{"its own", zoned, told, nil, ref, "2026-01-05T10:11:12Z exact"},
		{"none", stamp, nil, nil, time.Time{}, "2026-01-05T10:11:12Z assumed_zone"},
	} {
		var e event.Entry
		c := NewClock(Hints{Zone: tt.user})
		r := Record{Entry: &e, Clock: &c, Zone: tt.zone}
		if !tt.ref.IsZero() {
			r.Reference = tt.ref.UnixNano()
		}
		r.SetInnerTime(tt.st)
		if got := e.When().Format(time.RFC3339) + " " + e.TimeQuality.String(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
