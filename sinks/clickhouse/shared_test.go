package clickhouse

import (
	"errors"
	"testing"

	"mailstop/sinks"
)

// What two have cut otherwise is stored as the first of them has cut it, on either road.
func TestOfTwoWhoCutTheSameLines(t *testing.T) {
	engine := open(t, embedded(t.TempDir()))
	a, b := open(t, serve(t, engine, "shared", nil)), open(t, serve(t, engine, "shared", nil))
	for name, pair := range map[string][2]*Sink{"server": {a, b}, "embedded": {engine, engine}} {
		es := generate(100, 1)
		first, second := extent("from "+name, "to 100 "+name, 0, 100), extent("from "+name, "to 80 "+name, 0, 80)
		first.Shared, second.Shared = true, true
		write(t, pair[0], batch(pair[0], first, es, 1000))
		if err := pair[1].Write(t.Context(), batch(pair[1], second, es[:80], 1000)); !errors.Is(err, sinks.ErrConflict) {
			t.Errorf("%s: the second got %v", name, err)
		}
		expect(t, pair[1], "SELECT count() FROM entries", "100")
		// Another log of that name was there before: its extents were known when this one was cut.
		second.Known = first.Token + " "
		write(t, pair[1], batch(pair[1], second, es[:80], 1000))
		expect(t, pair[1], "SELECT count() FROM entries", "180")
		// Sent again after a lost reply, the first sees what came between. Nothing is stored in any case.
		if err := pair[0].Write(t.Context(), batch(pair[0], first, es, 1000)); err != nil && !errors.Is(err, sinks.ErrConflict) {
			t.Errorf("%s: the first, again, got %v", name, err)
		}
		expect(t, pair[0], "SELECT count() FROM entries", "180")
	}
}
