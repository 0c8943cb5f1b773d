package clickhouse

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"mailstop/event"
)

// ledger holds the table sources in memory, so that following a chain of thousands of extents does not take as many
// queries. Only the embedded store has it: a server's ledger may be written by others at any time.
type ledger struct {
	mu     sync.Mutex
	state  ledgerState
	after  map[string][]event.Extent // by parent
	length int
}

type ledgerState uint8

const (
	ledgerUnread ledgerState = iota
	ledgerHeld
	ledgerTooLong // every question goes to the store
)

// maxHeld bounds the ledger's memory to some 100 MiB.
const maxHeld = 400_000

// plan writes down that an extent is about to be sent, and that those before it are stored. One row would cost as much
// as both: what costs is the insert.
func (s *Sink) plan(ctx context.Context, e event.Extent) error {
	e.Stored = false
	if err := s.note(ctx, append(slices.Clone(s.unnoted), e)); err != nil {
		return err
	}
	s.unnoted = s.unnoted[:0]
	s.remember(e)
	return nil
}

// stored marks an extent as stored. The table learns it with the next plan; until then, the extent would be sent again
// after a crash, and recognised by its token.
func (s *Sink) stored(e event.Extent) {
	e.Stored = true
	s.unnoted = append(s.unnoted, e)
	s.remember(e)
}

// noteStored writes down what plan has not written yet.
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

func (s *Sink) remember(e event.Extent) {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	if s.ledger.state == ledgerHeld {
		s.ledger.put(e)
	}
}

// put adds e, or says that it is stored by now. Lists are short but for the first extents of all sources, so the
// latest are looked at first.
func (l *ledger) put(e event.Extent) {
	list := l.after[e.Parent]
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].Token == e.Token {
			if e.Stored || !list[i].Stored {
				list[i] = e
			}
			return
		}
	}
	if l.length++; l.length > maxHeld {
		l.state, l.after = ledgerTooLong, nil
		return
	}
	l.after[e.Parent] = append(list, e)
}

// After returns the extents whose parent is the given token, planned or stored, by where they end. It may be called
// while Write runs.
func (s *Sink) After(ctx context.Context, parentToken string) ([]event.Extent, error) {
	l := &s.ledger
	if s.db != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.state == ledgerUnread {
			if err := s.readLedger(ctx); err != nil {
				return nil, err
			}
		}
		if l.state == ledgerHeld {
			out := slices.Clone(l.after[parentToken])
			slices.SortFunc(out, byEnd)
			return out, nil
		}
	}
	return s.extents(ctx, "WHERE parent = ?", parentToken)
}

func byEnd(a, b event.Extent) int {
	return cmp.Or(cmp.Compare(a.To, b.To), cmp.Compare(a.Token, b.Token))
}

func (s *Sink) readLedger(ctx context.Context) error {
	var n uint64
	if err := s.conn.QueryRow(ctx, "SELECT count() FROM sources").Scan(&n); err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	if n > 2*maxHeld { // planned and stored rows
		s.ledger.state = ledgerTooLong
		return nil
	}
	es, err := s.extents(ctx, "")
	if err != nil {
		return err
	}
	s.ledger.after, s.ledger.length = map[string][]event.Extent{}, len(es)
	for _, e := range es {
		s.ledger.after[e.Parent] = append(s.ledger.after[e.Parent], e)
	}
	s.ledger.state = ledgerHeld
	return nil
}

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
