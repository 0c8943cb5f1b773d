package chserver

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"mailstop/internal/chdb"
	"mailstop/internal/golden"
)

func TestMain(m *testing.M) {
	Child()
	os.Exit(m.Run())
}

func client(t *testing.T, s *Server) driver.Conn {
	t.Helper()
	o, err := clickhouse.ParseDSN(s.DSN("default"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := clickhouse.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestServer(t *testing.T) {
	if _, err := chdb.Find(); err != nil {
		golden.Skip(t, err.Error())
	}
	s := Start(t, t.TempDir())
	c := client(t, s)
	exec := func(sql string) error { return c.Exec(t.Context(), sql) }
	count := func(want uint64) {
		t.Helper()
		var n uint64
		if err := c.QueryRow(t.Context(), "SELECT count() FROM d.x").Scan(&n); err != nil || n != want {
			t.Errorf("got %d rows, want %d, %v", n, want, err)
		}
	}
	for _, sql := range []string{"CREATE DATABASE d", "CREATE TABLE d.x (n UInt64) ENGINE = MergeTree ORDER BY n"} {
		if err := exec(sql); err != nil {
			t.Fatal(err)
		}
	}
	const insert = "INSERT INTO d.x SELECT 1"
	if err := exec(insert); err != nil {
		t.Fatal(err)
	}
	count(1)

	addr := s.Addr()
	s.Kill(t)
	if err := exec(insert); err == nil {
		t.Error("a killed server answers")
	}
	s.Restart(t)
	if s.Addr() != addr {
		t.Errorf("listens on %s, before on %s", s.Addr(), addr)
	}
	count(1)
	s.Stop(t)
	s.Restart(t)
	count(1)

	batch := func() error {
		b, err := c.PrepareBatch(t.Context(), "INSERT INTO d.x (n)")
		if err != nil {
			return err
		}
		if err := b.Append(uint64(7)); err != nil {
			return err
		}
		return b.Send()
	}
	const statement = "INSERT INTO d.x"
	s.Fault(t, Fault{Kind: Answer, Status: 500, Code: 252, Match: statement, Times: 1})
	if e := (*clickhouse.Exception)(nil); !errors.As(batch(), &e) || e.Code != 252 {
		t.Error("no exception 252")
	}
	s.Fault(t, Fault{Kind: Answer, Status: 503, Match: statement, Times: 1})
	if e := (*clickhouse.HTTPError)(nil); !errors.As(batch(), &e) || e.StatusCode != 503 {
		t.Error("no 503")
	}
	s.Fault(t, Fault{Kind: CutBefore, Match: statement, Times: 1})
	if batch() == nil {
		t.Error("not cut")
	}
	count(1)
	s.Fault(t, Fault{Kind: CutAfter, Match: statement, Times: 1})
	if batch() == nil {
		t.Error("not cut")
	}
	count(2)
	s.Fault(t, Fault{Kind: Stall, Match: statement})
	done := make(chan error)
	go func() { done <- batch() }()
	select {
	case err := <-done:
		t.Errorf("answered %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	s.Fault(t, Fault{})
	if err := <-done; err == nil {
		t.Error("stored")
	}
	if err := batch(); err != nil {
		t.Error(err)
	}
	count(3)
}
