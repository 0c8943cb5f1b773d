package clickhouse

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"mailstop/internal/config"
	"mailstop/sinks"
)

// serve puts the embedded engine behind a real listener, so that it is a server to a second store, and returns that
// store's configuration. wrap may change what the server does.
func serve(t *testing.T, engine *Sink, database string, wrap func(http.Handler) http.Handler) Config {
	t.Helper()
	h := engine.db.Handler()
	if wrap != nil {
		h = wrap(h)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	c := embedded("")
	c.ClickHouse.DSN = config.NewSecret("http://user:pa55word@" + strings.TrimPrefix(srv.URL, "http://") + "/" + database)
	return c
}

// TestServerRoadEqualsEmbedded writes the same batches on both roads.
func TestServerRoadEqualsEmbedded(t *testing.T) {
	embedded := open(t, embedded(t.TempDir()))
	for _, compress := range []string{"", "?compress=lz4"} {
		name := "remote"
		if compress != "" {
			name = "remote_lz4"
		}
		c := serve(t, embedded, name, nil)
		c.ClickHouse.DSN = config.NewSecret(c.ClickHouse.DSN.Reveal() + compress)
		server := open(t, c)
		es := append(hostile(), generate(2000, 4)...)
		for i := range es {
			es[i].Pos = int64(i)
		}
		a, b := extent("root", name+"a", 0, 10), extent(name+"a", name+"b", 10, 20)
		for _, s := range []*Sink{embedded, server} {
			if err := s.conn.Exec(t.Context(), "TRUNCATE TABLE entries"); err != nil {
				t.Fatal(err)
			}
			write(t, s, batch(s, a, es[:700], 300))
			write(t, s, batch(s, b, es[700:], 5000))
			write(t, s, batch(s, b, es[700:], 700)) // again, cut otherwise
			write(t, s, &sinks.Batch{Findings: findings()})
		}
		compare(t, table(t, server, allColumns), table(t, embedded, allColumns))
		compare(t, table(t, server, allColumns), storedAll(es))
		expect(t, server, "SELECT (SELECT sum(packets) FROM rollup_1m), (SELECT sum(packets) FROM rollup_1h)",
			table(t, server, "SELECT sum(count), sum(count) FROM entries"))
		after, err := server.After(t.Context(), name+"a")
		if err != nil || len(after) != 1 || !after[0].Stored || after[0].To != 20 {
			t.Errorf("got %+v, %v", after, err)
		}
		if fs, err := server.Findings(t.Context(), Filter{}); err != nil || len(fs) != 3 {
			t.Errorf("got %d findings, %v", len(fs), err)
		}
	}
}

// TestLostReplies lets the server store what it gets but loses the first answer to each kind of INSERT.
func TestLostReplies(t *testing.T) {
	engine := open(t, embedded(t.TempDir()))
	lost := map[string]bool{}
	var mu sync.Mutex
	c := serve(t, engine, "lossy", func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			table, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Query().Get("query"), "INSERT INTO "), " ")
			mu.Lock()
			lose := table != "" && table != "migrations" && !lost[table]
			lost[table] = true
			mu.Unlock()
			if !lose {
				h.ServeHTTP(w, r)
				return
			}
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			if rec.Code != http.StatusOK {
				t.Errorf("%s: %s", table, rec.Body)
			}
			panic(http.ErrAbortHandler)
		})
	})
	s := open(t, c)
	es := generate(1000, 9)
	b := batch(s, extent("p", "t", 0, 1), es, 300)
	b.Findings = findings()
	failures := 0
	for ; ; failures++ {
		err := s.Write(t.Context(), b)
		if err == nil {
			break
		}
		if errors.Is(err, sinks.ErrPermanent) || failures > 10 {
			t.Fatal(err)
		}
	}
	if failures != 3 { // sources; entries and rollup_1m at once; findings
		t.Errorf("%d replies lost", failures)
	}
	expect(t, s, sums, "1000|1000|1000|1000|1000")
	if fs, err := s.Findings(t.Context(), Filter{}); err != nil || len(fs) != 3 {
		t.Errorf("got %d findings, %v", len(fs), err)
	}
}

func TestMigrations(t *testing.T) {
	engine := open(t, embedded(t.TempDir()))
	c := serve(t, engine, "many", nil)
	var wg sync.WaitGroup
	stores := make([]*Sink, 3)
	for i := range stores { // several instances start at once
		stores[i] = New(c)
		wg.Go(func() {
			if err := stores[i].Open(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, s := range stores {
		write(t, s, batch(s, extent("p", "same", 0, 1), generate(10, 1), 10)) // and store the same extent
	}
	s := stores[0]
	expect(t, s, sums, "10|10|10|10|10")
	expect(t, s, "SELECT number FROM migrations FINAL ORDER BY number", "1\n2\n3\n4\n5")
	for _, s := range stores {
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}

	ttl := "SELECT extract(create_table_query, 'TTL [^\\n]*toIntervalSecond.[0-9]+.') FROM system.tables WHERE database = 'many' AND name IN ('entries', 'findings') ORDER BY name"
	s = open(t, c)
	expect(t, s, ttl, "TTL stored_at + toIntervalSecond(2592000)\nTTL stored_at + toIntervalSecond(34560000)")
	c.TTL.Entries, c.TTL.Findings = 0, 10*day
	s = open(t, c)
	expect(t, s, ttl, "\nTTL stored_at + toIntervalSecond(864000)")
	expect(t, s, sums, "10|10|10|10|10")

	if err := s.conn.Exec(t.Context(), "INSERT INTO migrations (number, name) SELECT 99, '0099_future.sql'"); err != nil {
		t.Fatal(err)
	}
	if err := New(c).Open(t.Context()); err == nil || !strings.Contains(err.Error(), "0099_future.sql") {
		t.Errorf("a newer schema: got %v", err)
	}
}

// TestOldLogsStay: expiry counts from when rows were stored.
func TestOldLogsStay(t *testing.T) {
	s := open(t, embedded(t.TempDir()))
	es := generate(100, 1)
	for i := range es {
		es[i].Time = 946684800e9 + int64(i)*30*86400e9 // from 2000 on, a month each
	}
	write(t, s, batch(s, extent("p", "t", 0, 1), es, 100))
	for _, tb := range []string{"entries", "rollup_1m", "rollup_1h"} {
		if err := s.conn.Exec(t.Context(), "OPTIMIZE TABLE "+tb+" FINAL"); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, s, sums, "100|100|100|100|100")
	expect(t, s, "SELECT uniqExact(partition) FROM system.parts WHERE active AND database = 'mailstop' AND table = 'entries' AND partition = '0'", "1")
}

func TestConfig(t *testing.T) {
	good := Default()
	good.Embedded.Path = "x"
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Config){
		"neither":    func(c *Config) { c.Embedded.Path = "" },
		"keep":       func(c *Config) { c.Keep = "some" },
		"mail ports": func(c *Config) { c.MailPorts = nil },
		"ttl":        func(c *Config) { c.TTL.Entries = -1 },
		"cluster":    func(c *Config) { c.ClickHouse.Cluster = "main" },
		"dsn": func(c *Config) {
			c.ClickHouse.DSN = config.NewSecret("clickhouse://user:pa55word@host:port:port/x?y=%zz")
		},
	} {
		c := good
		change(&c)
		err := c.Validate()
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "pa55word") {
			t.Errorf("%s: the error shows the password", name)
		}
	}
}

func TestClusterSQL(t *testing.T) {
	ms, err := loadMigrations(migrations, "main")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range ms {
		for _, st := range m.statements {
			if !strings.Contains(st, " ON CLUSTER `main`") || strings.ContainsAny(st, "{}") {
				t.Errorf("%s: %s", m.name, st)
			}
			if strings.Contains(st, "ENGINE") && !strings.Contains(st, "ENGINE = Replicated") {
				t.Errorf("%s: %s", m.name, st)
			}
			if !strings.Contains(st, "IF NOT EXISTS") {
				t.Errorf("%s: cannot be run twice: %s", m.name, st)
			}
		}
	}
}
