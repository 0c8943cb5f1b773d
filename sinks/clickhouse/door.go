package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"mailstop/internal/chdb"
)

// One process at a time can have an embedded store. While a daemon has it, others ask through a Unix socket in the store's
// folder, which only the daemon's user can open.

// door returns the path of the socket.
func door(dir string) string { return filepath.Join(dir, "mailstop.sock") }

// Serve answers other processes of the same user until ctx ends. It does nothing for a server.
func (s *Sink) Serve(ctx context.Context) error {
	if s.db == nil {
		<-ctx.Done()
		return nil
	}
	path := door(s.db.Dir())
	// The folder is ours alone, so what is there is of a process that was killed.
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("store: %w", err)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return errors.Join(fmt.Errorf("store: %w", err), l.Close())
	}
	srv := http.Server{
		Handler: s.db.Handler(), ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // what clients do wrong
	}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// throughDoor returns how to reach a store that another process has; false if that process does not serve it.
func throughDoor(ctx context.Context, dir string) (*clickhouse.Options, bool) {
	dial := func(ctx context.Context, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", door(dir))
	}
	c, err := dial(ctx, "")
	if err != nil {
		return nil, false
	}
	_ = c.Close()
	return &clickhouse.Options{
		Protocol: clickhouse.HTTP, Addr: []string{"embedded"}, Auth: clickhouse.Auth{Database: database}, DialContext: dial,
		ReadTimeout: time.Hour, TransportFunc: withoutProxy,
	}, true
}

// held reports whether another process has the store's folder.
func held(err error) bool { return errors.Is(err, chdb.ErrHeld) }
