package clickhouse

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"
)

//go:embed migrations/*.sql
var migrations embed.FS

// A migration is one numbered SQL file. Its statements may be run again and by several instances at once.
type migration struct {
	number     uint32
	name       string
	statements []string
}

func loadMigrations(dir fs.FS, cluster string) ([]migration, error) {
	names, err := fs.Glob(dir, "migrations/*.sql") // sorted
	if err != nil {
		return nil, err
	}
	var out []migration
	for _, path := range names {
		text, err := fs.ReadFile(dir, path)
		if err != nil {
			return nil, err
		}
		name := strings.TrimPrefix(path, "migrations/")
		number, _, _ := strings.Cut(name, "_")
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%s: not a migration's name", path)
		}
		m := migration{number: uint32(n), name: name}
		for _, st := range strings.Split(expand(string(text), cluster), ";\n") {
			if strings.TrimSpace(st) != "" {
				m.statements = append(m.statements, st)
			}
		}
		out = append(out, m)
	}
	return out, nil
}

// expand fills in what depends on whether the store is a cluster.
func expand(sql, cluster string) string {
	replicated := ""
	if cluster != "" {
		replicated = "Replicated"
	}
	return strings.NewReplacer(" {on_cluster}", onCluster(cluster), "{replicated}", replicated).Replace(sql)
}

func onCluster(cluster string) string {
	if cluster == "" {
		return ""
	}
	return " ON CLUSTER " + quoteName(cluster)
}

const migrationsTable = `CREATE TABLE IF NOT EXISTS migrations {on_cluster}
(number UInt32, name String, applied_at DateTime('UTC') DEFAULT now())
ENGINE = {replicated}ReplacingMergeTree ORDER BY number`

// migrate applies the migrations that the store has not seen. Two instances may do so at once: every statement is
// harmless when repeated.
func (s *Sink) migrate(ctx context.Context) error {
	list, err := loadMigrations(migrations, s.cfg.ClickHouse.Cluster)
	if err != nil {
		return err
	}
	if err := s.conn.Exec(ctx, expand(migrationsTable, s.cfg.ClickHouse.Cluster)); err != nil {
		return fmt.Errorf("create table migrations: %w", err)
	}
	done, err := s.applied(ctx)
	if err != nil {
		return err
	}
	newest := list[len(list)-1].number
	for n, name := range done {
		if n > newest {
			return fmt.Errorf("the schema has %s, which this version does not know; hint: run a newer mailstop", name)
		}
	}
	for _, m := range list {
		if _, ok := done[m.number]; ok {
			continue
		}
		for _, st := range m.statements {
			if err := s.conn.Exec(ctx, st); err != nil {
				return fmt.Errorf("migration %s: %w", m.name, err)
			}
		}
		err := s.insert(ctx, "migrations", "", []insertColumn{
			values("number", "UInt32", []uint32{m.number}),
			values("name", "String", []string{m.name}),
		})
		if err != nil {
			return fmt.Errorf("migration %s: %w", m.name, err)
		}
	}
	return s.setTTL(ctx)
}

func (s *Sink) applied(ctx context.Context) (map[uint32]string, error) {
	rows, err := s.conn.Query(ctx, "SELECT number, name FROM migrations")
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	defer rows.Close()
	done := map[uint32]string{}
	for rows.Next() {
		var n uint32
		var name string
		if err := rows.Scan(&n, &name); err != nil {
			return nil, fmt.Errorf("read migrations: %w", err)
		}
		done[n] = name
	}
	return done, rows.Err()
}

// setTTL brings the tables' expiry in line with the configuration.
func (s *Sink) setTTL(ctx context.Context) error {
	for _, t := range s.cfg.TTL.tables() {
		var create string
		q := "SELECT create_table_query FROM system.tables WHERE database = ? AND name = ?"
		if err := s.conn.QueryRow(ctx, q, s.database, t.name).Scan(&create); err != nil {
			return fmt.Errorf("read table %s: %w", t.name, err)
		}
		ttl := fmt.Sprintf("stored_at + toIntervalSecond(%d)", t.age/time.Second)
		has := strings.Contains(create, " TTL ")
		if t.age == 0 && !has || t.age != 0 && strings.Contains(create, " TTL "+ttl+" ") {
			continue
		}
		alter := "ALTER TABLE " + t.name + onCluster(s.cfg.ClickHouse.Cluster) + " MODIFY TTL " + ttl
		if t.age == 0 {
			alter = "ALTER TABLE " + t.name + onCluster(s.cfg.ClickHouse.Cluster) + " REMOVE TTL"
		}
		// Without the setting all parts would be rewritten at once; merges do it anyway.
		if err := s.conn.Exec(ctx, alter+" SETTINGS materialize_ttl_after_modify = 0"); err != nil {
			return fmt.Errorf("set expiry of %s: %w", t.name, err)
		}
	}
	return nil
}

func withoutProxy(t *http.Transport) (http.RoundTripper, error) {
	t.Proxy = nil
	return t, nil
}

// quoteName quotes an identifier.
func quoteName(s string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(s) + "`"
}

// quoteText quotes a string.
func quoteText(s string) string {
	return "'" + strings.NewReplacer("\\", "\\\\", "'", "\\'").Replace(s) + "'"
}
