// Package chdb runs the ClickHouse engine inside this process by way of libchdb.so, without cgo: it finds and loads the
// library, keeps a pool of connections, streams inserts in and results out, and serves as much of ClickHouse's HTTP
// interface over in-memory connections as clickhouse-go needs. It never opens a port, and knows nothing of tables.
package chdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// Options say how to run the engine. The zero value takes the library that Find returns and 4 connections.
type Options struct {
	Library     string   // path of libchdb.so; empty means Find
	Connections int      // how many statements may run at once
	Args        []string // settings of the engine as on clickhouse's command line: "--background_pool_size=2"
}

// ErrHeld says that another process has the directory open.
var ErrHeld = errors.New("in use by another process")

// A DB is one engine on one directory. Its methods may be called concurrently.
type DB struct {
	lib   *library
	dir   string
	args  []string
	keep  *conn         // keeps the engine running while the pool replaces its connections
	slots chan struct{} // one token per connection that may be in use

	ended chan struct{} // closed by Close

	mu     sync.Mutex
	idle   []*conn
	closed bool

	web server
}

// engine is the one DB of this process: libchdb runs one engine per process.
var engine struct {
	sync.Mutex
	dir string
}

// Open starts the engine on dir, which it creates if need be. A process has at most one DB open.
func Open(dir string, o Options) (*DB, error) {
	path := o.Library
	if path == "" {
		var err error
		if path, err = Find(); err != nil {
			return nil, err
		}
	}
	lib, err := load(path)
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	if err := claim(dir); err != nil {
		return nil, err
	}
	if err := writable(dir); err != nil {
		release()
		return nil, fmt.Errorf("store %s: %w", dir, err)
	}
	if err := forgetLost(dir); err != nil {
		release()
		return nil, explain(dir, err)
	}
	n := o.Connections
	if n <= 0 {
		n = 4
	}
	db := &DB{lib: lib, dir: dir, slots: make(chan struct{}, n), ended: make(chan struct{})}
	db.args = append([]string{"clickhouse", "--path=" + dir}, o.Args...)
	if db.keep, err = lib.begin(db.args); err != nil {
		release()
		return nil, explain(dir, err)
	}
	db.web.start(db)
	return db, nil
}

func claim(dir string) error {
	engine.Lock()
	defer engine.Unlock()
	if engine.dir != "" {
		return fmt.Errorf("store %s: this process already has %s open, and libchdb runs one engine per process", dir, engine.dir)
	}
	// libchdb prints why it cannot start to stderr and returns nothing, so the usual reason is looked for beforehand.
	// StatusFile.cpp holds an exclusive flock on this file while the engine runs.
	if held(filepath.Join(dir, "status")) {
		return explain(dir, ErrHeld)
	}
	engine.dir = dir
	return nil
}

// writable makes a file in dir and removes it: where that fails, the engine does not start either, and would not say why.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, "tmp*")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 4096))
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

func release() {
	engine.Lock()
	defer engine.Unlock()
	engine.dir = ""
}

func held(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	return errors.Is(err, syscall.EWOULDBLOCK)
}

func explain(dir string, err error) error {
	if errors.Is(err, ErrHeld) || held(filepath.Join(dir, "status")) {
		return fmt.Errorf(`store %s: %w%s; hint: end the other one ("mailstop run" holds its store while it runs), or choose another folder`,
			dir, ErrHeld, holder(dir))
	}
	return fmt.Errorf("store %s: %w; hint: the lines of the engine above say why; is the folder writable, and of this version?", dir, err)
}

// holder says which process has the directory, as far as the status file tells.
func holder(dir string) string {
	b, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(b), "\n")
	if pid, ok := strings.CutPrefix(line, "PID: "); ok {
		return " (pid " + strings.TrimSpace(pid) + ")"
	}
	return ""
}

// Dir returns the engine's directory.
func (db *DB) Dir() string { return db.dir }

// LibVersion returns what the library calls itself, for example "26.7.3".
func (db *DB) LibVersion() string { return db.lib.version() }

// Close ends the connections of Dial and stops the engine. Statements still running end first.
func (db *DB) Close() error {
	db.mu.Lock()
	if db.closed {
		db.mu.Unlock()
		return nil
	}
	db.closed = true
	close(db.ended)
	db.mu.Unlock()
	db.web.stop()
	for range cap(db.slots) { // waits for those in use
		db.slots <- struct{}{}
	}
	for _, c := range db.idle {
		c.close()
	}
	db.idle = nil
	db.keep.close()
	release()
	return nil
}

var errClosed = errors.New("the store is closed")

// take returns a connection of the pool, waiting for one if all are busy.
func (db *DB) take(ctx context.Context) (*conn, error) {
	select {
	case db.slots <- struct{}{}:
	case <-db.ended:
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	db.mu.Lock()
	if db.closed {
		db.mu.Unlock()
		<-db.slots
		return nil, errClosed
	}
	if n := len(db.idle); n > 0 {
		c := db.idle[n-1]
		db.idle = db.idle[:n-1]
		db.mu.Unlock()
		return c, nil
	}
	db.mu.Unlock()
	c, err := db.lib.dial(db.args)
	if err != nil {
		<-db.slots
		return nil, fmt.Errorf("store %s: %w", db.dir, err)
	}
	return c, nil
}

func (db *DB) give(c *conn) {
	if c.tainted {
		c.close()
	} else {
		db.mu.Lock()
		db.idle = append(db.idle, c)
		db.mu.Unlock()
	}
	<-db.slots
}

// Exec runs one statement and drops its result.
func (db *DB) Exec(ctx context.Context, sql string) error {
	c, err := db.take(ctx)
	if err != nil {
		return err
	}
	defer db.give(c)
	return c.exec(sql)
}

// Query runs one SELECT and calls f with its result in the given format, chunk by chunk, as the engine produces it. A
// chunk is valid only during the call. Name tables with their database.
func (db *DB) Query(ctx context.Context, sql, format string, f func(chunk []byte) error) error {
	c, err := db.take(ctx)
	if err != nil {
		return err
	}
	defer db.give(c)
	return c.stream(ctx, sql, format, f)
}

// An Insert is a running INSERT. It belongs to one goroutine, and ends with Done or Cancel.
type Insert struct {
	db     *DB
	conn   *conn
	stream *insertStream
}

// Insert starts "INSERT INTO …", a statement without its FORMAT clause, whose data follows in the given format.
func (db *DB) Insert(ctx context.Context, sql, format string) (*Insert, error) {
	c, err := db.take(ctx)
	if err != nil {
		return nil, err
	}
	s, err := c.insert(sql, format)
	if err != nil {
		db.give(c)
		return nil, err
	}
	return &Insert{db, c, s}, nil
}

// Append hands over a piece of the data, cut anywhere. The engine has read b when it returns.
func (i *Insert) Append(b []byte) error { return i.stream.append(b) }

// Done ends the data. It returns nil only when the engine has stored all of it, and the number of rows written, those
// of materialized views included.
func (i *Insert) Done() (uint64, error) {
	defer i.db.give(i.conn)
	return i.stream.done()
}

// Cancel ends the insert without storing what is not stored yet.
func (i *Insert) Cancel() {
	defer i.db.give(i.conn)
	i.stream.cancel()
}
