package parse

import (
	"math/rand/v2"
	"testing"
	"time"

	"mailstop/event"
)

// What a clock remembers of the line before changes nothing but the speed.
func TestLiveClockForgetsNothingItNeeds(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	fast := 0
	for round := range 400 {
		r := rand.New(rand.NewPCG(uint64(round), 7))
		where := []*time.Location{nil, time.UTC, berlin, zone(t, "Pacific/Auckland"), zone(t, "America/Los_Angeles")}[r.IntN(5)]
		c := NewClock(Hints{Zone: where, Live: true})
		now := time.Date(2024+r.IntN(3), time.Month(1+r.IntN(12)), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), 0, time.UTC)
		behind := []time.Duration{time.Second, time.Hour, 24 * time.Hour, 90 * 24 * time.Hour, 200 * 24 * time.Hour, 364 * 24 * time.Hour}[r.IntN(6)]
		for range 60 {
			now = now.Add(time.Duration(r.Int64N(int64([]time.Duration{time.Second, time.Minute, 12 * time.Hour}[r.IntN(3)]))))
			at := now.Add(-time.Duration(r.Int64N(int64(behind))))
			text := at.In(time.FixedZone("", r.IntN(5)*3600)).Format("Jan _2 15:04:05") + " fw kernel:"
			if r.IntN(20) == 0 {
				text = at.Format(time.RFC3339) + " fw kernel:"
			}
			read := func(c *Clock) (event.Entry, bool) {
				e := event.Entry{Received: now.UnixNano()}
				rec := Record{Entry: &e, Clock: c}
				if rec.SetKnownTime(text) > 0 {
					return e, true
				}
				h, _ := ScanHead(text)
				rec.SetTime(h.Stamp, text[h.At:])
				return e, false
			}
			fresh := NewClock(Hints{Zone: where, Live: true})
			got, quick := read(&c)
			want, _ := read(&fresh)
			if quick {
				fast++
			}
			if got.Time != want.Time || got.TimeQuality != want.TimeQuality {
				t.Fatalf("round %d: %s received %s in %v: %s %v, a new clock says %s %v", round, text, now, where,
					event.AppendTime(nil, got.Time, 0), got.TimeQuality, event.AppendTime(nil, want.Time, 0), want.TimeQuality)
			}
		}
	}
	if fast < 2000 {
		t.Errorf("only %d stamps were read the quick way", fast)
	}
}

func BenchmarkLiveStamp(b *testing.B) {
	now := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC).UnixNano()
	c := NewClock(Hints{Live: true})
	const text = "Jan  5 10:11:12 fw kernel:"
	e := event.Entry{Received: now}
	b.ReportAllocs()
	for b.Loop() {
		e.TimeQuality = event.TimeNone
		r := Record{Entry: &e, Clock: &c}
		if r.SetKnownTime(text) == 0 {
			h, _ := ScanHead(text)
			r.SetTime(h.Stamp, text[h.At:])
		}
	}
}
