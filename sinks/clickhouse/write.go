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

	"github.com/ClickHouse/clickhouse-go/v2"

	"mailstop/internal/chdb"
	"mailstop/sinks"
)

// Write stores a batch exactly once.
//
// If the batch has an extent with a token, the extent is noted as planned, then the entries and the counts are
// inserted, each under the extent's token. That it is stored is noted with the next extent, or by Close. Whatever of
// that happened before a crash or a lost reply is recognised by its token when the same extent comes again. Findings
// replace what is stored of them.
func (s *Sink) Write(ctx context.Context, b *sinks.Batch) error {
	if !b.Extent.Stored {
		if err := s.store(ctx, b); err != nil {
			return classify(err)
		}
	}
	if err := s.upsert(ctx, b.Findings); err != nil {
		return classify(err)
	}
	s.recycle(b)
	return nil
}

func (s *Sink) store(ctx context.Context, b *sinks.Batch) error {
	rows := len(b.Counts)
	for _, x := range b.Blocks {
		if x, ok := x.(*Block); ok {
			rows += x.rows + len(x.deliveries)
		}
	}
	if err := s.setPace(ctx, rows); err != nil {
		return err
	}
	token := b.Extent.Token
	if token == "" {
		token = s.unnamed.token(b)
	} else if err := s.plan(ctx, b.Extent); err != nil {
		return err
	}
	// The two inserts know nothing of each other: either may be done when the process is killed.
	var counts error
	var both sync.WaitGroup
	both.Go(func() { counts = s.insertCounts(ctx, token, b.Counts) })
	err := s.insertEntries(ctx, token, b.Blocks)
	both.Wait()
	if err = errors.Join(err, counts); err != nil || b.Extent.Token == "" {
		return err
	}
	s.stored(b.Extent)
	return nil
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
		" min_insert_block_size_rows = 0, min_insert_block_size_bytes = " + strconv.Itoa(math.MaxInt32)
	if token != "" {
		set += ", insert_deduplicate = 1, deduplicate_blocks_in_dependent_materialized_views = 1," +
			" insert_deduplication_token = " + quoteText(token)
	}
	return set
}

func (s *Sink) insertEntries(ctx context.Context, token string, blocks []sinks.Block) error {
	var rows, deliveries int
	var own, mail []*Block
	for _, x := range blocks {
		b, ok := x.(*Block)
		if !ok {
			return fmt.Errorf("%w: a block of another sink", sinks.ErrPermanent)
		}
		if b.rows > 0 {
			own = append(own, b)
			rows += b.rows
		}
		if len(b.deliveries) > 0 {
			mail = append(mail, b)
			deliveries += len(b.deliveries)
		}
	}
	if err := s.insertDeliveries(ctx, token, mail); err != nil {
		return fmt.Errorf("insert %d deliveries: %w", deliveries, err)
	}
	if rows == 0 {
		return nil
	}
	var err error
	if s.db != nil {
		into := "INSERT INTO " + quoteName(s.database) + ".entries (" + columnNames + ")" + settings(token)
		err = s.stream(ctx, into, func(e *encoder) error { return e.blocks(own) })
	} else {
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
	large   int // inserts of many rows so far
	stopped bool
}

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
	if rows >= largeInsert {
		p.large++
	}
	stop := rows >= largeInsert && p.large < maxUnmerged
	if stop == p.stopped {
		return nil
	}
	verb := "START"
	if stop {
		verb = "STOP"
	}
	for _, table := range []string{"entries", "rollup_1m", "rollup_1h", "sources"} {
		if err := s.conn.Exec(ctx, "SYSTEM "+verb+" MERGES "+table); err != nil {
			return fmt.Errorf("%s merges: %w", strings.ToLower(verb), err)
		}
	}
	p.stopped = stop
	return nil
}

// permanent lists the exceptions that tell of the rows, not of the store's condition (ErrorCodes.cpp).
var permanent = map[int]bool{
	6: true, 7: true, 8: true, 10: true, 16: true, 20: true, 26: true, 27: true, 38: true, 41: true, 43: true, 47: true,
	50: true, 53: true, 62: true, 69: true, 70: true, 72: true, 117: true, 131: true, 321: true, 349: true, 469: true,
}

// classify marks what will be refused however often it is sent. Everything else, such as a full disk (243), too many
// parts (252), too little memory (241) or a lost connection, passes.
func classify(err error) error {
	code := 0
	if e := (*clickhouse.Exception)(nil); errors.As(err, &e) {
		code = int(e.Code)
	}
	if e := (*chdb.Error)(nil); errors.As(err, &e) {
		code = e.Code
	}
	if permanent[code] {
		return fmt.Errorf("%w: %w", sinks.ErrPermanent, err)
	}
	return err
}
