package clickhouse

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"mailstop/event"
	"mailstop/sinks"
)

// Write stores a batch exactly once.
//
// A small extent goes into the journal of an embedded store, and with others into the tables within a few seconds. Of
// any other extent, it is noted that it is planned; then the entries and the counts are inserted, each under the
// extent's token. That it is stored is noted in the journal, or in a server's ledger with the next extent or by Close.
// Whatever of that happened before a crash or a lost reply is recognised by its token when the same extent comes again.
// Findings replace what is stored of them.
func (s *Sink) Write(ctx context.Context, b *sinks.Batch) error {
	if s.db == nil { // an engine in this process always answers
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, attempt)
		defer cancel()
	}
	if err := s.store(ctx, b); err != nil {
		return classify(err)
	}
	if err := s.upsert(ctx, b.Findings); err != nil {
		return classify(err)
	}
	s.recycle(b)
	return nil
}

func (s *Sink) store(ctx context.Context, b *sinks.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.db != nil {
		if err := s.unstick(ctx); err != nil {
			return err
		}
	}
	if b.Extent.Stored {
		return nil
	}
	own, mail, rows, err := unpack(b.Blocks)
	if err != nil {
		return err
	}
	token := b.Extent.Token
	if token == "" {
		if rows+len(b.Counts) == 0 {
			return nil
		}
		return s.insertBatch(ctx, s.unnamed.token(b), own, mail, b.Counts)
	}
	if s.db != nil {
		stored, planned, err := s.known(ctx, b.Extent)
		if err != nil || stored {
			return err
		}
		if err := s.rivals(ctx, b.Extent); err != nil {
			return err
		}
		// What was planned may be half stored, under its own token.
		if !planned && rows < largeInsert && len(b.Counts) < largeInsert {
			r, err := encodeRecord(b, own, mail, rows)
			if err != nil {
				return err
			}
			return s.record(r)
		}
	}
	if err := s.plan(ctx, b.Extent); err != nil {
		return err
	}
	// Each of two that cut the same lines otherwise writes its plan before it looks for others: at least one sees both.
	if s.db == nil {
		if err := s.rivals(ctx, b.Extent); err != nil {
			return err
		}
	}
	if err := s.insertBatch(ctx, token, own, mail, b.Counts); err != nil {
		return err
	}
	return s.stored(b.Extent)
}

// unpack returns the blocks that have entries, those that have deliveries, and how many rows they have in all.
func unpack(blocks []sinks.Block) (own, mail []*Block, rows int, err error) {
	for _, x := range blocks {
		b, ok := x.(*Block)
		if !ok {
			return nil, nil, 0, fmt.Errorf("%w: a block of another sink", sinks.ErrPermanent)
		}
		if b.rows > 0 {
			own = append(own, b)
		}
		if len(b.deliveries) > 0 {
			mail = append(mail, b)
		}
		rows += b.rows + len(b.deliveries)
	}
	return own, mail, rows, nil
}

// insertBatch inserts what a batch holds. The inserts know nothing of each other: any of them may be done when the
// process is killed.
func (s *Sink) insertBatch(ctx context.Context, token string, own, mail []*Block, cs []event.Count) error {
	rows := len(cs)
	for _, b := range own {
		rows += b.rows
	}
	if err := s.setPace(ctx, rows); err != nil {
		return err
	}
	var errs [3]error
	var all sync.WaitGroup
	all.Go(func() { errs[1] = s.insertCounts(ctx, token, cs) })
	all.Go(func() { errs[2] = s.insertDeliveries(ctx, token, mail) })
	errs[0] = s.insertEntries(ctx, token, own)
	all.Wait()
	return errors.Join(errs[:]...)
}

// unnamed makes tokens for batches without one: the same for the same batch, so that it may be sent again. Without any
// token the engine would take batches with equal rows for one.
type unnamed struct {
	batch *sinks.Batch
	text  string
}

func (u *unnamed) token(b *sinks.Batch) string {
	if u.batch != b {
		u.batch, u.text = b, "unnamed-"+rand.Text()
	}
	return u.text
}

// settings returns an INSERT's settings. Its one block becomes one part per partition, stored whole or not at all, and
// the views' blocks carry the token too.
func settings(token string) string {
	set := " SETTINGS async_insert = 0, max_partitions_per_insert_block = 0, max_insert_threads = 1, optimize_on_insert = 0," +
		" max_execution_time = " + strconv.Itoa(int(attempt/time.Second)) + ", min_insert_block_size_rows = 0, min_insert_block_size_bytes = " + strconv.Itoa(math.MaxInt32)
	if token != "" {
		set += ", insert_deduplicate = 1, deduplicate_blocks_in_dependent_materialized_views = 1," +
			" insert_deduplication_token = " + quoteText(token)
	}
	return set
}

func insertEntriesSQL(database, token string) string {
	return "INSERT INTO " + quoteName(database) + ".entries (" + columnNames + ")" + settings(token)
}

// insertEntries inserts the entries of blocks as one insert. Two inserts of half the rows at once were measured: they take
// as long where parsing has the other core, and a fifth more processor time.
func (s *Sink) insertEntries(ctx context.Context, token string, own []*Block) error {
	rows := 0
	for _, b := range own {
		rows += b.rows
	}
	var err error
	switch {
	case rows == 0:
		return nil
	case s.db != nil:
		err = s.stream(ctx, insertEntriesSQL(s.database, token), func(e *encoder) error { return e.blocks(own) })
	default:
		err = s.insert(ctx, "entries", token, gather(own))
	}
	if err != nil {
		return fmt.Errorf("insert %d entries: %w", rows, err)
	}
	return nil
}

// stream sends what encode writes to the embedded engine, as one insert.
func (s *Sink) stream(ctx context.Context, into string, encode func(*encoder) error) error {
	ins, err := s.db.Insert(ctx, into, "Native")
	if err != nil {
		return err
	}
	enc := encoder{send: func(b []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return ins.Append(b)
	}}
	if err := encode(&enc); err != nil {
		ins.Cancel()
		return err
	}
	_, err = ins.Done()
	return err
}

// An insertColumn is a column on its way through clickhouse-go: slices of a Go type that the client knows.
type insertColumn struct {
	name, kind string
	parts      []any
}

func values(name, kind string, rows any) insertColumn { return insertColumn{name, kind, []any{rows}} }

// gather returns the columns of all blocks as clickhouse-go takes them.
func gather(blocks []*Block) []insertColumn {
	out := make([]insertColumn, len(columns))
	for i, c := range columns {
		out[i] = insertColumn{name: c.name, kind: c.kind}
		for _, b := range blocks {
			out[i].parts = append(out[i].parts, c.values(b))
		}
	}
	return out
}

// insert inserts columns through clickhouse-go, as one block.
func (s *Sink) insert(ctx context.Context, table, token string, cols []insertColumn) error {
	names := make([]string, len(cols))
	types := make([]clickhouse.ColumnNameAndType, len(cols))
	for i, c := range cols {
		names[i] = "`" + c.name + "`"
		types[i] = clickhouse.ColumnNameAndType{Name: c.name, Type: c.kind}
	}
	// With the types given, the client does not ask the server for them each time.
	ctx = clickhouse.Context(ctx, clickhouse.WithColumnNamesAndTypes(types))
	batch, err := s.conn.PrepareBatch(ctx, "INSERT INTO "+table+" ("+strings.Join(names, ", ")+")"+settings(token))
	if err != nil {
		return err
	}
	defer batch.Close()
	for i, c := range cols {
		for _, part := range c.parts {
			if err := batch.Column(i).Append(part); err != nil {
				return fmt.Errorf("%w: column %s: %w", sinks.ErrPermanent, c.name, err)
			}
		}
	}
	return batch.Send()
}

// pace holds merges back while old logs pour in: merging rows costs as much again as inserting them, and can wait. The
// engine forgets that merges are stopped when it ends.
type pace struct {
	mu      sync.Mutex
	large   int       // inserts of many rows so far
	last    time.Time // when the last of them was
	stopped bool
}

// lull is how long no large insert has come when merges are no longer held back.
const lull = 10 * time.Second

const (
	largeInsert = 8192 // rows
	// maxUnmerged is how many large inserts may pile up. Parts cost memory and slow queries down; the engine itself
	// refuses inserts at 3000 parts.
	maxUnmerged = 400
)

// setPace is called before so many rows are inserted. A server minds its own pace.
func (s *Sink) setPace(ctx context.Context, rows int) error {
	p := &s.pace
	if s.db == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	stop := p.stopped && time.Since(p.last) < lull
	if rows >= largeInsert {
		p.large++
		p.last = time.Now()
		stop = p.large < maxUnmerged
	}
	if stop == p.stopped {
		return nil
	}
	verb := "START"
	if stop {
		verb = "STOP"
	}
	for _, table := range []string{"entries", "deliveries", "rollup_1m", "rollup_1h", "sources"} {
		if err := s.conn.Exec(ctx, "SYSTEM "+verb+" MERGES "+table); err != nil {
			return fmt.Errorf("%s merges: %w", strings.ToLower(verb), err)
		}
	}
	p.stopped = stop
	return nil
}
