package chdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"go.uber.org/goleak"
)

// holdDir, in the environment, makes the test binary open that folder, say so, and keep it until its input ends.
const holdDir = "CHDB_TEST_HOLD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holdDir); dir != "" {
		db, err := Open(dir, Options{})
		fmt.Println("opened", err)
		if err == nil {
			_, _ = os.Stdin.Read(make([]byte, 1))
			_ = db.Close()
		}
		os.Exit(0)
	}
	if _, err := Find(); err != nil && os.Getenv("CI") == "true" {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func open(t *testing.T, dir string) *DB {
	t.Helper()
	if _, err := Find(); err != nil {
		t.Skip(err)
	}
	db, err := Open(dir, Options{Connections: 3})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := db.Exec(t.Context(), "CREATE DATABASE IF NOT EXISTS d"); err != nil {
		t.Fatal(err)
	}
	return db
}

func client(t *testing.T, db *DB, change func(*clickhouse.Options)) driver.Conn {
	t.Helper()
	o := &clickhouse.Options{
		Protocol: clickhouse.HTTP, Addr: []string{"memory"}, Auth: clickhouse.Auth{Database: "d"}, DialContext: db.Dial,
	}
	if change != nil {
		change(o)
	}
	c, err := clickhouse.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func code(err error) int32 {
	if e := (*clickhouse.Exception)(nil); errors.As(err, &e) {
		return e.Code
	}
	return 0
}

func TestFind(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none.so")
	t.Setenv(EnvLibrary, missing)
	if _, err := Find(); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), missing) {
		t.Errorf("got %v", err)
	}
	t.Setenv(EnvLibrary, t.TempDir())
	if _, err := Find(); !errors.Is(err, ErrNotFound) {
		t.Errorf("a folder: got %v", err)
	}
	t.Setenv(EnvLibrary, "")
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	dir := filepath.Join(cache, "mailstop", "libchdb-"+Version)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	lib := filepath.Join(dir, "libchdb.so")
	if err := os.WriteFile(lib, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	exe, _ := os.Executable()
	if _, err := os.Stat(filepath.Join(filepath.Dir(exe), libName)); err == nil {
		t.Skip("a library lies beside the test binary")
	}
	if got, err := Find(); err != nil || got != lib {
		t.Errorf("got %q, %v", got, err)
	}
	if err := os.Remove(lib); err != nil {
		t.Fatal(err)
	}
	if got, err := Find(); err == nil && strings.HasPrefix(got, cache) || err != nil && !strings.Contains(err.Error(), "make libchdb") {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestWrongLibrary runs first in its own process: a library that is loaded already is not loaded again.
func TestWrongLibrary(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.so")
	if err := os.WriteFile(bad, []byte("not a library"), 0o600); err != nil {
		t.Fatal(err)
	}
	libc, _ := filepath.Glob("/lib/*/libc.so.6")
	for _, path := range append(libc, bad) {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), EnvLibrary+"="+path, holdDir+"="+t.TempDir())
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "opened load "+path) || strings.Contains(string(out), "panic") {
			t.Errorf("%s: %v: %s", path, err, out)
		}
	}
}

func TestHeldByAnotherProcess(t *testing.T) {
	if _, err := Find(); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holdDir+"="+dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 64)
	n, _ := out.Read(line)
	if got := string(line[:n]); got != "opened <nil>\n" {
		t.Fatalf("the other process says %q", got)
	}
	_, err = Open(dir, Options{})
	if !errors.Is(err, ErrHeld) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), fmt.Sprint("pid ", cmd.Process.Pid)) ||
		!strings.Contains(err.Error(), "hint") {
		t.Errorf("got %v", err)
	}
	_ = in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	open(t, dir) // it is free again
}

func TestOneEnginePerProcess(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	db := open(t, first)
	if _, err := Open(second, Options{}); err == nil || !strings.Contains(err.Error(), first) {
		t.Errorf("got %v", err)
	}
	if err := db.Exec(t.Context(), "CREATE TABLE d.t (a UInt8) ENGINE = MergeTree ORDER BY a AS SELECT 7"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	if err := db.Exec(t.Context(), "SELECT 1"); err == nil {
		t.Error("a closed store answers")
	}
	if _, err := db.Dial(t.Context(), ""); err == nil {
		t.Error("a closed store is dialled")
	}
	other := open(t, second)
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, first)
	var got bytes.Buffer
	if err := again.Query(t.Context(), "SELECT a FROM d.t", "TSV", func(b []byte) error { got.Write(b); return nil }); err != nil || got.String() != "7\n" {
		t.Errorf("got %q, %v", &got, err)
	}
}

func TestClient(t *testing.T) {
	db := open(t, t.TempDir())
	srv := httptest.NewServer(db.Handler())
	defer srv.Close()
	for name, change := range map[string]func(*clickhouse.Options){
		"memory": nil,
		"lz4": func(o *clickhouse.Options) {
			o.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
		},
		"network": func(o *clickhouse.Options) {
			o.DialContext, o.Addr = nil, []string{srv.Listener.Addr().String()}
		},
	} {
		t.Run(name, func(t *testing.T) { exercise(t, client(t, db, change), name) })
	}
}

func exercise(t *testing.T, c driver.Conn, name string) {
	ctx := t.Context()
	if err := c.Ping(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.Exec(ctx, "CREATE TABLE "+name+" (a UInt64, s String) ENGINE = MergeTree ORDER BY a"); err != nil {
		t.Fatal(err)
	}
	b, err := c.PrepareBatch(ctx, "INSERT INTO "+name)
	if err != nil {
		t.Fatal(err)
	}
	hostile := "a\x00'\"\\ \n\n __exception__\r\n \xff"
	for i := range 100_000 {
		if err := b.Append(uint64(i), hostile); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Send(); err != nil {
		t.Fatal(err)
	}
	var n, sum uint64
	if err := c.QueryRow(ctx, "SELECT count(), sum(a) FROM "+name+" WHERE s = ?", hostile).Scan(&n, &sum); err != nil || n != 100_000 || sum != 4999950000 {
		t.Errorf("got %d, %d, %v", n, sum, err)
	}
	params := clickhouse.Context(ctx, clickhouse.WithParameters(clickhouse.Parameters{"p": "5", "q": "it's"}))
	var text string
	if err := c.QueryRow(params, "SELECT {p:UInt64}, {q:String}").Scan(&n, &text); err != nil || n != 5 || text != "it's" {
		t.Errorf("parameters: %d, %q, %v", n, text, err)
	}
	if err := c.QueryRow(ctx, "SELECT {p:UInt64}").Scan(&n); err == nil {
		t.Error("a parameter leaked to the next statement")
	}
	if err := c.Exec(ctx, "SELECT nosuch"); code(err) != 47 {
		t.Errorf("got %v", err)
	}
	if err := c.Exec(ctx, "SELECT 1 SETTINGS nosuch = 1"); code(err) != 115 {
		t.Errorf("got %v", err)
	}
	rows, err := c.Query(ctx, "SELECT number, toString(number) FROM numbers(300000) ORDER BY number")
	if err != nil {
		t.Fatal(err)
	}
	for n = 0; rows.Next(); n++ {
		var x uint64
		if err := rows.Scan(&x, &text); err != nil || x != n || text != fmt.Sprint(n) {
			t.Fatalf("row %d: %d, %q, %v", n, x, text, err)
		}
	}
	if n != 300_000 || rows.Err() != nil {
		t.Errorf("%d rows, %v", n, rows.Err())
	}
	late, err := c.Query(ctx, "SELECT throwIf(number = 290000) FROM numbers(300000) SETTINGS max_threads = 1")
	if err == nil { // the exception comes behind rows
		for late.Next() {
		}
		err = late.Err()
	}
	if code(err) != 395 {
		t.Errorf("a late exception: got %v", err)
	}
	empty, err := c.Query(ctx, "SELECT 1 WHERE 0")
	if err != nil || empty.Next() {
		t.Errorf("an empty result: %v", err)
	}
}

// TestSettingsStayWithTheirStatement: connections are pooled, settings are not.
func TestSettingsStayWithTheirStatement(t *testing.T) {
	db := open(t, t.TempDir())
	c := client(t, db, nil)
	ctx := t.Context()
	set := clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"max_threads": 1, "max_block_size": 77, "readonly": 1}))
	const sql = "SELECT toUInt64(getSetting('max_block_size')), toUInt64(getSetting('readonly'))"
	for range 6 {
		var size, readonly uint64
		if err := c.QueryRow(set, sql).Scan(&size, &readonly); err != nil || size != 77 || readonly != 1 {
			t.Fatalf("got %d, %d, %v", size, readonly, err)
		}
		if err := c.Exec(set, "CREATE TABLE x (a UInt8) ENGINE = Memory"); code(err) != 164 {
			t.Fatalf("readonly: got %v", err)
		}
		if err := c.QueryRow(ctx, sql).Scan(&size, &readonly); err != nil || size == 77 || readonly != 0 {
			t.Fatalf("leaked: %d, %d, %v", size, readonly, err)
		}
	}
	bad := clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"a = 1; DROP DATABASE d; --": 1}))
	if err := c.Exec(bad, "SELECT 1"); code(err) != 115 {
		t.Errorf("got %v", err)
	}
	other := client(t, db, func(o *clickhouse.Options) { o.Auth.Database = "system" })
	for range 3 { // the database too belongs to the statement
		for want, c := range map[string]driver.Conn{"d": c, "system": other} {
			var got string
			if err := c.QueryRow(ctx, "SELECT currentDatabase()").Scan(&got); err != nil || got != want {
				t.Fatalf("got %q, %v", got, err)
			}
		}
	}
}

// TestStreaming starts on results that would fill any memory.
func TestStreaming(t *testing.T) {
	db := open(t, t.TempDir())
	stop := errors.New("enough")
	n := 0
	err := db.Query(t.Context(), "SELECT number, repeat('x', 1000) FROM numbers(1000000000)", "Native", func(b []byte) error {
		if n += len(b); n > 50<<20 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = db.Query(ctx, "SELECT number FROM numbers(1000000000)", "Native", func([]byte) error {
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	c := client(t, db, nil)
	rows, err := c.Query(t.Context(), "SELECT number FROM numbers(1000000000)")
	if err != nil {
		t.Fatal(err)
	}
	if !rows.Next() {
		t.Error(rows.Err())
	}
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Second) // a connection is still to be had
	defer cancel()
	if err := db.Exec(ctx, "SELECT 1"); err != nil {
		t.Error(err)
	}
}

func TestInsert(t *testing.T) {
	db := open(t, t.TempDir())
	ctx := t.Context()
	if err := db.Exec(ctx, "CREATE TABLE d.t (a UInt64) ENGINE = MergeTree ORDER BY a"); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 6 { // more than there are connections
		wg.Go(func() {
			ins, err := db.Insert(ctx, "INSERT INTO d.t SETTINGS async_insert = 0", "TSV")
			if err != nil {
				t.Error(err)
				return
			}
			for i := range 1000 {
				if err := ins.Append(fmt.Appendf(nil, "%d\n", i)); err != nil {
					t.Error(err)
				}
			}
			if n, err := ins.Done(); err != nil || n != 1000 {
				t.Errorf("%d, %v", n, err)
			}
		})
	}
	wg.Wait()
	ins, err := db.Insert(ctx, "INSERT INTO d.t SETTINGS async_insert = 0", "TSV")
	if err != nil {
		t.Fatal(err)
	}
	if err := ins.Append([]byte("1\n2\n")); err != nil {
		t.Error(err)
	}
	ins.Cancel()
	if _, err := db.Insert(ctx, "INSERT INTO d.nosuch", "TSV"); errorCode(err) != 60 {
		t.Errorf("got %v", err)
	}
	ins, err = db.Insert(ctx, "INSERT INTO d.t SETTINGS async_insert = 0", "Native")
	if err != nil {
		t.Fatal(err)
	}
	err = ins.Append(bytes.Repeat([]byte{0xff}, 1<<16))
	if _, e := ins.Done(); e == nil {
		t.Errorf("garbage was taken, append said %v", err)
	}
	var out bytes.Buffer
	if err := db.Query(ctx, "SELECT count() FROM d.t", "TSV", func(b []byte) error { out.Write(b); return nil }); err != nil || out.String() != "6000\n" {
		t.Errorf("%q, %v", &out, err)
	}
}

func errorCode(err error) int {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e.Code
	}
	return 0
}

func TestNoLeak(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	db := open(t, t.TempDir())
	c := client(t, db, nil)
	for range 5 {
		if err := c.Exec(t.Context(), "SELECT 1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}
