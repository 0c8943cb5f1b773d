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
	under  chan error // of a call that nobody waited for to its end; nil if there is none
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
	if err := s.durable.sync(ctx); err != nil {
		return fmt.Errorf("store: sync %s: %w", s.durable.folder.Name(), err)
	}
	return nil
}

// sync waits until what was changed before the call is on the disk, or ctx ends: where others write much, too, that may take
// long.
func (d *durable) sync(ctx context.Context) error {
	if d.under != nil { // it may have begun before the last changes
		select {
		case err := <-d.under:
			d.under = nil
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	done := make(chan error, 1)
	go func() { done <- d.syncfs(int(d.folder.Fd())) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		d.under = done
		return ctx.Err()
	}
}
