// Package clickhouse is the store: a ClickHouse server, or the same engine in this process. It keeps entries, roll-ups,
// findings and the ledger of what is stored, each exactly once, and answers queries. It never decides what a finding is.
//
// Both places are reached through clickhouse-go. Entries of the embedded store take a shorter road: a block's columns
// are already what the engine reads (FORMAT Native), and are streamed into it. Its small extents are gathered in a
// journal first, because an insert of a few rows costs nearly as much as one of thousands.
package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"mailstop/event"
	"mailstop/internal/chdb"
	"mailstop/sinks"
)

// database is where the embedded store's tables are.
const database = "mailstop"

// Sink is the store. It implements sinks.Sink.
type Sink struct {
	cfg      Config
	database string
	conn     driver.Conn
	db       *chdb.DB // nil for a server

	mu   sync.Mutex // guards free
	free []*Block

	// Of the goroutine that calls Write.
	unnamed  unnamed
	revision uint64
	unnoted  []event.Extent // stored, and a server's ledger does not say so yet
	written  written

	pace   pace
	ledger ledger
	group  grouped

	durable *durable // nil for a server
}

// New returns a store that Open connects.
func New(cfg Config) *Sink { return &Sink{cfg: cfg} }

// Open connects to the store, starts the engine if it is embedded, and brings the schema up to date.
func (s *Sink) Open(ctx context.Context) error {
	if err := s.cfg.Validate(); err != nil {
		return err
	}
	options, err := s.dial(ctx)
	if err != nil {
		return err
	}
	if err := s.connect(ctx, options); err != nil {
		return errors.Join(err, s.Close(ctx))
	}
	return nil
}

// dial starts the engine, or reads the server's address. What another process has is reached through that.
func (s *Sink) dial(ctx context.Context) (*clickhouse.Options, error) {
	if !s.cfg.ClickHouse.DSN.IsZero() {
		options, err := clickhouse.ParseDSN(s.cfg.ClickHouse.DSN.Reveal())
		if err != nil {
			return nil, errors.New("store: clickhouse.dsn not understood")
		}
		// Lines shrink to a quarter, for little processor time.
		if options.Compression == nil && !strings.Contains(s.cfg.ClickHouse.DSN.Reveal(), "compress=") {
			options.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
		}
		if options.DialTimeout == 0 {
			options.DialTimeout = 10 * time.Second
		}
		return options, nil
	}
	db, err := chdb.Open(s.cfg.Embedded.Path, chdb.Options{Args: engineArgs, Connections: connections})
	if held(err) {
		if options, ok := throughDoor(ctx, s.cfg.Embedded.Path); ok {
			return options, nil
		}
	}
	if err != nil {
		return nil, err
	}
	s.db = db
	if s.durable, err = openDurable(db.Dir()); err != nil {
		return nil, errors.Join(err, s.Close(context.Background()))
	}
	return &clickhouse.Options{
		Protocol:    clickhouse.HTTP,
		Addr:        []string{"embedded"},
		Auth:        clickhouse.Auth{Database: database},
		DialContext: db.Dial,
		ReadTimeout: 24 * time.Hour, // the engine is this process: an answer always comes
		// Never a proxy: the environment's is for the network.
		TransportFunc: withoutProxy,
	}, nil
}

// connections is how many statements run at once: three of Write, three of the journal, and questions.
const connections = 10

// engineArgs keep the engine small beside the rest of the process: one merge at a time, small caches.
var engineArgs = []string{
	"--background_pool_size=1",
	"--background_merges_mutations_concurrency_ratio=1",
	"--mark_cache_size=67108864",
	"--uncompressed_cache_size=0",
	"--max_thread_pool_free_size=8",
}

func (s *Sink) connect(ctx context.Context, options *clickhouse.Options) error {
	s.database = options.Auth.Database
	if s.database == "" {
		s.database = "default"
	}
	if err := createDatabase(ctx, *options, s.database, s.cfg.ClickHouse.Cluster); err != nil {
		return err
	}
	var err error
	if s.conn, err = clickhouse.Open(options); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := s.migrate(ctx); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	var last uint64
	if err := s.conn.QueryRow(ctx, "SELECT max(revision) FROM findings").Scan(&last); err != nil {
		return fmt.Errorf("store: read findings: %w", err)
	}
	s.revision = last
	if s.db != nil {
		return s.openGroup(ctx, filepath.Join(s.db.Dir(), "journal"))
	}
	return nil
}

// createDatabase creates the database unless it is the one that always exists.
func createDatabase(ctx context.Context, o clickhouse.Options, name, cluster string) error {
	if name == "default" {
		return nil
	}
	o.Auth.Database = "default"
	conn, err := clickhouse.Open(&o)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer conn.Close()
	// A user without the right to create databases can still use one that exists.
	var n uint64
	if err := conn.QueryRow(ctx, "SELECT count() FROM system.databases WHERE name = ?", name).Scan(&n); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if n > 0 {
		return nil
	}
	if err := conn.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+quoteName(name)+onCluster(cluster)); err != nil {
		return fmt.Errorf("store: create database: %w", err)
	}
	return nil
}

// Close writes down what is stored, ends the connections, and the engine if it is embedded.
func (s *Sink) Close(ctx context.Context) error {
	var errs []error
	if s.conn != nil {
		errs = append(errs, s.closeGroup(ctx), s.noteStored(ctx), s.conn.Close())
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	if s.durable != nil {
		errs = append(errs, s.durable.folder.Close())
	}
	s.conn, s.db, s.durable, s.group.journal = nil, nil, nil, nil
	return errors.Join(errs...)
}

// maxFree bounds how many empty blocks are kept for reuse.
const maxFree = 64

// Block returns an empty block. It may be called concurrently.
func (s *Sink) Block() sinks.Block {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.free); n > 0 {
		b := s.free[n-1]
		s.free = s.free[:n-1]
		return b
	}
	return newBlock(s.cfg)
}

// recycle takes back the blocks of a batch that is written.
func (s *Sink) recycle(b *sinks.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range b.Blocks {
		if x, ok := x.(*Block); ok && len(s.free) < maxFree {
			x.Reset()
			s.free = append(s.free, x)
		}
	}
	b.Blocks = nil
}
