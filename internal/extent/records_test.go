package extent

import (
	"context"
	"strconv"
	"testing"

	"mailstop/event"
)

func TestRecords(t *testing.T) {
	var ledger []event.Extent
	log := Records{Name: "log", Ledger: func(_ context.Context, parent string) ([]event.Extent, error) {
		var out []event.Extent
		for _, e := range ledger {
			if e.Parent == parent {
				out = append(out, e)
			}
		}
		return out, nil
	}}
	// read makes extents of records from..to-1, at most size records each.
	read := func(from, to, size int, text string) []event.Extent {
		var out []event.Extent
		for at := from; at < to; {
			run, err := log.Begin(t.Context(), strconv.Itoa(at))
			if err != nil {
				t.Fatal(err)
			}
			var best *event.Extent
			for i := at; i < to && (run.Open() || best == nil && run.Len() < size); i++ {
				run.Add(int64(i), []byte(text+strconv.Itoa(i)))
				if e, ok := run.Match(strconv.Itoa(i + 1)); ok && (best == nil || e.Stored || !best.Stored) {
					best = &e
				}
			}
			e := run.End(strconv.Itoa(int(run.last) + 1))
			if best != nil {
				e = *best
			}
			out = append(out, e)
			at = int(e.To)
		}
		return out
	}
	first := read(0, 10, 4, "a") // 0-3, 4-7, 8-9
	if len(first) != 3 || first[1].From != 4 || first[1].To != 8 {
		t.Fatalf("extents: %v", first)
	}
	for i := range first[:2] {
		first[i].Stored = true
	}
	ledger = first
	again := read(0, 12, 100, "a")
	if len(again) != 4 || !again[0].Stored || !again[1].Stored || again[2].Stored || again[2].Token != first[2].Token || again[3].From != 10 {
		t.Errorf("read again in larger steps: %+v", again)
	}
	if middle := read(4, 10, 100, "a"); len(middle) != 2 || !middle[0].Stored {
		t.Errorf("from a position between two extents: %+v", middle)
	}
	other := read(0, 10, 4, "b")
	for i, e := range other {
		if e.Stored || e.Token == first[i].Token {
			t.Errorf("another log of the same name is taken for this one: %+v", e)
		}
	}
}
