package clickhouse

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"mailstop/event"
	"mailstop/sinks"
)

// sums are what every way of storing the same entries must agree on.
const sums = `SELECT (SELECT count() FROM entries), (SELECT sum(count) FROM entries), (SELECT sum(packets) FROM rollup_1m),
	(SELECT sum(packets) FROM rollup_1h), (SELECT sum(attempts) FROM rollup_1h)`

func TestSameBatchTwice(t *testing.T) {
	dir := t.TempDir()
	s := open(t, embedded(dir))
	es := generate(3000, 1)
	x := extent("p", "t1", 0, 100)
	write(t, s, batch(s, x, es, 1000))
	const once = "3000|3000|3000|3000|3000"
	expect(t, s, sums, once)
	write(t, s, batch(s, x, es, 1000))
	expect(t, s, sums, once)
	write(t, s, batch(s, x, es, 17)) // cut otherwise
	expect(t, s, sums, once)

	s = reopen(t, s)
	write(t, s, batch(s, x, es, 900))
	expect(t, s, sums, once)
	known := x
	known.Stored = true
	write(t, s, batch(s, known, es, 900))
	expect(t, s, sums, once)
	for range 3 { // merging must not bring anything back, nor make it come again
		if err := s.conn.Exec(t.Context(), "OPTIMIZE TABLE entries FINAL"); err != nil {
			t.Fatal(err)
		}
		write(t, s, batch(s, x, es, 3000))
	}
	expect(t, s, sums, once)

	// Equal rows of another extent are other rows.
	write(t, s, batch(s, extent("t1", "t2", 100, 200), es, 1000))
	expect(t, s, sums, "6000|6000|6000|6000|6000")
}

func reopen(t testing.TB, s *Sink) *Sink {
	t.Helper()
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	return open(t, s.cfg)
}

// TestCrash ends a write after each of its steps and then writes the same extent again, cut otherwise, in a new process'
// place.
func TestCrash(t *testing.T) {
	steps := []func(s *Sink, b *sinks.Batch) error{
		func(s *Sink, b *sinks.Batch) error { return s.plan(t.Context(), b.Extent) },
		func(s *Sink, b *sinks.Batch) error {
			own, _, _, err := unpack(b.Blocks)
			return errors.Join(err, s.insertEntries(t.Context(), b.Extent.Token, own))
		},
		func(s *Sink, b *sinks.Batch) error { return s.insertCounts(t.Context(), b.Extent.Token, b.Counts) },
		func(s *Sink, b *sinks.Batch) error { return s.stored(b.Extent) },
	}
	s := open(t, embedded(t.TempDir()))
	parent := "root"
	for n := range len(steps) + 1 {
		token := "token" + string(rune('0'+n))
		es := generate(500, uint64(n))
		b := batch(s, extent(parent, token, int64(n), int64(n+1)), es, 200)
		for _, step := range steps[:n] {
			if err := step(s, b); err != nil {
				t.Fatal(err)
			}
		}
		s = reopen(t, s)
		after, err := s.After(t.Context(), parent)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 && len(after) != 0 || n > 0 && (len(after) != 1 || after[0].Stored != (n == len(steps))) {
			t.Errorf("after %d steps the ledger has %+v", n, after)
		}
		write(t, s, batch(s, b.Extent, es, 333))
		parent = token
	}
	expect(t, s, sums, "2500|2500|2500|2500|2500")
	expect(t, s, "SELECT count(), uniqExact(token) FROM sources FINAL WHERE stored = 1", "5|5")
}

// TestNoToken: batches without an extent's token are stored each time, but not twice when sent again after an error.
func TestNoToken(t *testing.T) {
	s := open(t, embedded(t.TempDir()))
	es := generate(100, 1)
	one := batch(s, event.Extent{}, es, 50)
	if err := s.store(t.Context(), one); err != nil { // stored, but the reply is lost
		t.Fatal(err)
	}
	write(t, s, one)
	expect(t, s, sums, "100|100|100|100|100")
	write(t, s, batch(s, event.Extent{}, es, 50))
	expect(t, s, sums, "200|200|200|200|200")
	expect(t, s, "SELECT count() FROM sources", "0")
}

func TestStoppedWrite(t *testing.T) {
	s := open(t, embedded(t.TempDir()))
	es := generate(200, 1)
	b := batch(s, extent("p", "t", 0, 1), es, 10)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Write(ctx, b); !errors.Is(err, context.Canceled) || errors.Is(err, sinks.ErrPermanent) {
		t.Fatalf("got %v", err)
	}
	write(t, s, b)
	expect(t, s, sums, "200|200|200|200|200")
}

func TestLedger(t *testing.T) {
	s := open(t, embedded(t.TempDir()))
	a, b, c := extent("root", "a", 0, 50), extent("root", "b", 0, 20), extent("a", "c'\\\n\n", 50, 90)
	a.Part = "topic/3"
	for _, x := range []event.Extent{a, b, c} {
		write(t, s, batch(s, x, nil, 1))
	}
	d := extent("root", "d", 0, 70)
	if err := s.plan(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	a.Stored, b.Stored, c.Stored = true, true, true
	check := func(parent string, want ...event.Extent) {
		t.Helper()
		for range 2 {
			got, err := s.After(t.Context(), parent)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want) {
				t.Errorf("after %q:\n got %+v\nwant %+v", parent, got, want)
			}
		}
	}
	check("root", b, a, d)
	check("a", c)
	check("c'\\\n\n")
	write(t, s, batch(s, d, nil, 1)) // changes what is in memory
	d.Stored = true
	check("root", b, a, d)
	s.ledger.lengthen()
	check("root", b, a, d)
	check("a", c)
	s = reopen(t, s)
	check("root", b, a, d)
	check("nobody")

	var wg sync.WaitGroup // sources ask while the engine writes
	for range 4 {
		wg.Go(func() {
			for range 20 {
				if _, err := s.After(context.Background(), "root"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 5 {
		write(t, s, batch(s, extent("z", string(rune('a'+i)), 0, 1), nil, 1))
	}
	wg.Wait()
}

func TestBadRowsArePermanent(t *testing.T) {
	s := open(t, embedded(t.TempDir()))
	if err := s.conn.Exec(t.Context(), "ALTER TABLE entries DROP COLUMN reason"); err != nil {
		t.Fatal(err)
	}
	b := batch(s, extent("p", "t", 0, 1), generate(largeInsert, 1), 5000)
	if err := s.Write(t.Context(), b); !errors.Is(err, sinks.ErrPermanent) {
		t.Fatalf("got %v", err)
	}
	if err := s.conn.Exec(t.Context(), "DROP TABLE rollup_1m"); err != nil {
		t.Fatal(err)
	}
	b = batch(s, extent("p", "t2", 0, 1), generate(largeInsert, 1), 5000)
	for _, x := range b.Blocks {
		x.(*Block).Reset()
	}
	b.Blocks, b.Extent.Token = nil, ""
	b.Counts = count(generate(10, 1))
	if err := s.Write(t.Context(), b); err == nil || errors.Is(err, sinks.ErrPermanent) {
		t.Fatalf("a missing table can come back, got %v", err)
	}
}
