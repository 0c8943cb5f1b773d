package clickhouse

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/zeebo/xxh3"

	"mailstop/event"
	"mailstop/sinks"
)

// ledger answers which extents are known, of an embedded store without asking the engine each time: following a chain
// of thousands of extents would take as many queries, and a daemon asks before every extent it begins. A server's ledger
// may be written by others at any time, and is always asked.
//
// As long as the table is short, all of it is held. Later only a filter is, which says for nearly every parent that
// nobody knows whether the table has it; for the others the table is asked, by its primary key.
type ledger struct {
	mu     sync.Mutex
	state  ledgerState
	after  map[string][]event.Extent // by parent, if held
	length int
	filter *filter // if long
	// pending are the extents that the journal has and the table may not have yet, by parent.
	pending map[string][]event.Extent
}

type ledgerState uint8

const (
	ledgerUnread ledgerState = iota
	ledgerHeld
	ledgerLong // the filter is asked, then the table
)

// maxHeld bounds the memory of what is held to some 32 MiB.
const maxHeld = 100_000

// plan writes down that an extent is about to be sent, and of a server's, that those before it are stored. One row would
// cost as much as both: what costs is the insert.
func (s *Sink) plan(ctx context.Context, e event.Extent) error {
	e.Stored = false
	if s.db != nil {
		return s.record(&record{extent: e})
	}
	if err := s.note(ctx, append(slices.Clone(s.unnoted), e)); err != nil {
		return err
	}
	s.unnoted = s.unnoted[:0]
	return nil
}

// stored marks an extent as stored. A server learns it with the next plan; until then, the extent would be sent again
// after a crash, and recognised by its token.
func (s *Sink) stored(e event.Extent) error {
	e.Stored = true
	if s.db != nil {
		return s.record(&record{extent: e})
	}
	s.unnoted = append(s.unnoted, e)
	return nil
}

// noteStored writes down what plan has not written yet. After an error it can be called again.
func (s *Sink) noteStored(ctx context.Context) error {
	if len(s.unnoted) == 0 {
		return nil
	}
	err := s.note(ctx, s.unnoted)
	if err == nil {
		s.unnoted = nil
	}
	return err
}

// note writes extents into the table.
func (s *Sink) note(ctx context.Context, es []event.Extent) error {
	n := len(es)
	parent, token, source, part := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	from, to, stored := make([]int64, n), make([]int64, n), make([]uint8, n)
	for i, e := range es {
		parent[i], token[i], source[i], part[i], from[i], to[i] = e.Parent, e.Token, e.Source, e.Part, e.From, e.To
		if e.Stored {
			stored[i] = 1
		}
	}
	err := s.insert(ctx, "sources", "", []insertColumn{
		values("parent", "String", parent),
		values("token", "String", token),
		values("source", "String", source),
		values("part", "String", part),
		values("pos_from", "Int64", from),
		values("pos_to", "Int64", to),
		values("stored", "UInt8", stored),
	})
	if err != nil {
		return fmt.Errorf("note extent of %s: %w", es[n-1].Source, err)
	}
	return nil
}

// add takes in an extent that the journal has.
func (l *ledger) add(e event.Extent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pending == nil {
		l.pending = map[string][]event.Extent{}
	}
	put(l.pending, e)
	switch l.state {
	case ledgerHeld:
		l.length += put(l.after, e)
		if l.length > maxHeld {
			l.lengthen()
		}
	case ledgerLong:
		l.filter.add(e.Parent)
	}
}

// settle lets go of pending extents that the table has by now.
func (l *ledger) settle(es []event.Extent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range es {
		list := slices.DeleteFunc(l.pending[e.Parent], func(p event.Extent) bool {
			return p.Token == e.Token && p.Stored == e.Stored
		})
		if len(list) == 0 {
			delete(l.pending, e.Parent)
		} else {
			l.pending[e.Parent] = list
		}
	}
}

// put adds e, or says that it is stored by now, and returns how many extents there are more. Lists are short but for the
// first extents of all sources, so the latest are looked at first.
func put(after map[string][]event.Extent, e event.Extent) int {
	list := after[e.Parent]
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].Token == e.Token {
			if e.Stored || !list[i].Stored {
				list[i] = e
			}
			return 0
		}
	}
	after[e.Parent] = append(list, e)
	return 1
}

// lengthen turns what is held into a filter.
func (l *ledger) lengthen() {
	l.state, l.filter = ledgerLong, new(filter)
	for parent := range l.after {
		l.filter.add(parent)
	}
	for parent := range l.pending {
		l.filter.add(parent)
	}
	l.after, l.length = nil, 0
}

// known says what an embedded store knows of an extent: that it is stored, or that it was planned and may be half stored.
func (s *Sink) known(ctx context.Context, e event.Extent) (stored, planned bool, err error) {
	list, err := s.After(ctx, e.Parent)
	for _, k := range list {
		if k.Token == e.Token {
			return k.Stored, !k.Stored, err
		}
	}
	return false, false, err
}

// rivals returns ErrConflict if somebody has planned an extent of the same lines since e was cut.
func (s *Sink) rivals(ctx context.Context, e event.Extent) error {
	if !e.Shared {
		return nil
	}
	list, err := s.After(ctx, e.Parent)
	if err != nil {
		return err
	}
	for _, k := range list {
		if k.Token != e.Token && !strings.Contains(e.Known, k.Token+" ") {
			return fmt.Errorf("%s, %d to %d: %w", e.Source, e.From, e.To-1, sinks.ErrConflict)
		}
	}
	return nil
}

// After returns the extents whose parent is the given token, planned or stored, by where they end. It may be called
// while Write runs.
func (s *Sink) After(ctx context.Context, parentToken string) ([]event.Extent, error) {
	if s.db == nil {
		return s.extents(ctx, "WHERE parent = ?", parentToken)
	}
	known, ask, err := s.recall(ctx, parentToken)
	if err != nil || !ask {
		return known, err
	}
	// What was pending before the question is either still so, and among known, or in the table.
	es, err := s.extents(ctx, "WHERE parent = ?", parentToken)
	if err != nil {
		return nil, err
	}
	all := map[string][]event.Extent{parentToken: es}
	for _, e := range known {
		put(all, e)
	}
	slices.SortFunc(all[parentToken], byEnd)
	return all[parentToken], nil
}

// recall returns what is known of a parent without asking the table, and whether it must be asked, too.
func (s *Sink) recall(ctx context.Context, parent string) (known []event.Extent, ask bool, err error) {
	l := &s.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == ledgerUnread {
		if err := s.readLedger(ctx); err != nil {
			return nil, false, err
		}
	}
	if l.state == ledgerHeld {
		known = slices.Clone(l.after[parent])
	} else {
		known, ask = slices.Clone(l.pending[parent]), l.filter.has(parent)
	}
	slices.SortFunc(known, byEnd)
	return known, ask, nil
}

func byEnd(a, b event.Extent) int {
	return cmp.Or(cmp.Compare(a.To, b.To), cmp.Compare(a.Token, b.Token))
}

func (s *Sink) readLedger(ctx context.Context) error {
	l := &s.ledger
	var n uint64
	if err := s.conn.QueryRow(ctx, "SELECT count() FROM sources").Scan(&n); err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	if n > maxHeld {
		return s.readFilter(ctx)
	}
	es, err := s.extents(ctx, "")
	if err != nil {
		return err
	}
	l.after, l.length, l.state = map[string][]event.Extent{}, 0, ledgerHeld
	source, part := "", "" // most are those of the row before, and need no memory of their own
	for _, e := range es {
		if e.Source == source {
			e.Source = source
		}
		if e.Part == part {
			e.Part = part
		}
		source, part = e.Source, e.Part
		l.length += put(l.after, e)
	}
	for _, list := range l.pending {
		for _, e := range list {
			l.length += put(l.after, e)
		}
	}
	return nil
}

// readFilter fills the filter with the parents of the table, and those pending. The engine's xxh3 is the library's.
func (s *Sink) readFilter(ctx context.Context) error {
	f := new(filter)
	var rest []byte
	err := s.db.Query(ctx, "SELECT xxh3(parent) FROM "+quoteName(s.database)+".sources", "RowBinary", func(b []byte) error {
		b = append(rest, b...)
		for ; len(b) >= 8; b = b[8:] {
			f.set(binary.LittleEndian.Uint64(b))
		}
		rest = slices.Clone(b)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	for parent := range s.ledger.pending {
		f.add(parent)
	}
	s.ledger.filter, s.ledger.state = f, ledgerLong
	return nil
}

// filter is a Bloom filter of 8 MiB: with five million parents it errs once in a hundred times, with forty million
// every other time. Where it errs, the table is asked for nothing.
type filter [1 << 20]uint64

func (f *filter) add(s string) { f.set(xxh3.HashString(s)) }

func (f *filter) set(h uint64) {
	for i := range uint64(filterHashes) {
		bit := f.bit(h, i)
		f[bit/64] |= 1 << (bit % 64)
	}
}

func (f *filter) has(s string) bool {
	h := xxh3.HashString(s)
	for i := range uint64(filterHashes) {
		if bit := f.bit(h, i); f[bit/64]&(1<<(bit%64)) == 0 {
			return false
		}
	}
	return true
}

const filterHashes = 5

// bit is Kirsch and Mitzenmacher's double hashing ("Less hashing, same performance", 2006).
func (f *filter) bit(h, i uint64) uint64 { return (h + i*(h>>32|1)) % uint64(len(f)*64) }

func (s *Sink) extents(ctx context.Context, where string, args ...any) ([]event.Extent, error) {
	rows, err := s.conn.Query(ctx, `SELECT parent, token, argMax(l.source, l.stored), argMax(l.part, l.stored),
		argMax(l.pos_from, l.stored), argMax(l.pos_to, l.stored), max(l.stored)
		FROM sources AS l `+where+` GROUP BY parent, token`, args...)
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	defer rows.Close()
	var out []event.Extent
	for rows.Next() {
		var e event.Extent
		var stored uint8
		if err := rows.Scan(&e.Parent, &e.Token, &e.Source, &e.Part, &e.From, &e.To, &stored); err != nil {
			return nil, fmt.Errorf("read ledger: %w", err)
		}
		e.Stored = stored != 0
		out = append(out, e)
	}
	slices.SortFunc(out, byEnd)
	return out, rows.Err()
}
