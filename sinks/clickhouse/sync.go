package clickhouse

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// durable writes a file system's changes to its disk.
type durable struct {
	folder *os.File
	syncfs func(fd int) error
}

// openDurable holds the folder open: the kernel reports an error of writing back only to those who had the file system
// open when it happened (syncfs(2), since Linux 5.8).
func openDurable(dir string) (*durable, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return &durable{folder: f, syncfs: unix.Syncfs}, nil
}

// Sync implements sinks.Syncer. The embedded engine writes its files without fsync, which would cost more than the
// insert; this makes up for all of them at once. A server's durability is its own affair.
func (s *Sink) Sync(ctx context.Context) error {
	if s.durable == nil {
		return ctx.Err()
	}
	if err := s.durable.syncfs(int(s.durable.folder.Fd())); err != nil {
		return fmt.Errorf("store: sync %s: %w", s.durable.folder.Name(), err)
	}
	return nil
}
