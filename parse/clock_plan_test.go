package parse

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestPlanScansOnlyIfNeeded(t *testing.T) {
	day := func(d int) string { return time.Date(2023, 1, 1+d, 10, 0, 0, 0, time.UTC).Format(time.Stamp) + " fw x" }
	var years []string
	for d := range 1000 {
		years = append(years, day(d))
	}
	reference := time.Date(2025, 9, 27, 12, 0, 0, 0, time.UTC) // the day after the last line
	long := strings.Join(years, "\n")
	for _, tt := range []struct {
		name   string
		hints  Hints
		sample Sample
		calls  int
		first  string
	}{
		{"three years, plain", Hints{Reference: reference}, Sample{Head: long[:1000], Size: int64(len(long)), Consumed: 1000}, 1, "2023-01-01"},
		{"three years, packed", Hints{Reference: reference}, Sample{Head: long[:1000], Size: 1e6, Consumed: 1e4, Compressed: true}, 1, "2023-01-01"},
		{"a few days, packed", Hints{Reference: reference}, Sample{Head: long[:400], Size: 2e4, Consumed: 1e4, Compressed: true}, 0, "2025-01-01"},
		{"a burst, packed", Hints{Reference: reference}, Sample{Head: strings.Repeat(day(0)+"\n", 50), Size: 1e8, Consumed: 1e4, Compressed: true}, 1, "2023-01-01"},
		{"read once", Hints{Reference: reference}, Sample{Head: long[:1000]}, 0, "2025-01-01"},
		{"all of it seen", Hints{Reference: reference}, Sample{Head: long, Size: 10, Consumed: 10}, 0, "2023-01-01"},
		{"year given", Hints{Reference: reference, Year: 2001}, Sample{Head: long[:1000], Size: 1e6, Consumed: 1000}, 0, "2001-01-01"},
		{"no reference", Hints{}, Sample{Head: long[:1000], Size: 1e6, Consumed: 1000}, 1, "none"},
		{"live", Hints{Reference: reference, Live: true}, Sample{Head: long[:1000], Size: 1e6, Consumed: 1000}, 0, "2025-01-01"},
		{"no stamps", Hints{Reference: reference}, Sample{Head: "a\nb\n", Size: 1e6, Consumed: 1000}, 0, "2025-01-01"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			calls := 0
			if !strings.HasPrefix(tt.name, "read once") && !strings.HasPrefix(tt.name, "all of it") {
				tt.sample.Scan = scanOf(years, &calls)
			}
			c, err := Plan(t.Context(), tt.hints, tt.sample)
			if err != nil {
				t.Fatal(err)
			}
			if got := stampLine(&c, years[0]); !strings.HasPrefix(got, tt.first) || calls != tt.calls {
				t.Errorf("got %s after %d scans, want %s after %d", got, calls, tt.first, tt.calls)
			}
		})
	}
}

// A damaged part is planned as far as it can be read; only the caller's wish to stop is an error.
func TestPlanOfDamagedPart(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	head := "Dec 31 10:00:00 fw x\n"
	sample := Sample{
		Head: head, Size: 100, Consumed: 10,
		Scan: func(_ context.Context, _ int64, f func([]byte) bool) error {
			f([]byte(head + "Jan  1 10:00:00 fw x\n"))
			return errors.New("offset 10: unexpected EOF")
		},
	}
	c, err := Plan(ctx, Hints{Reference: at(t, "2026-01-02T00:00:00Z")}, sample)
	if err != nil {
		t.Fatal(err)
	}
	if got := stampLine(&c, head); !strings.HasPrefix(got, "2025-12-31") {
		t.Error(got)
	}
	cancel()
	if _, err := Plan(ctx, Hints{Reference: at(t, "2026-01-02T00:00:00Z")}, sample); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
