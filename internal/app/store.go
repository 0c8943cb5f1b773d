package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mailstop/event"
	"mailstop/internal/chdb"
	"mailstop/internal/config"
	"mailstop/internal/term"
	"mailstop/sinks"
	"mailstop/sinks/clickhouse"
	"mailstop/sinks/report"
)

// What commands need of the store and of the report.
type (
	// Store is the place where results are kept.
	Store = clickhouse.Sink
	// Filter says which findings are asked for.
	Filter = clickhouse.Filter
	// Report is the result of a replay.
	Report = report.Report
	// TextOptions say where a text goes.
	TextOptions = report.Options
)

// ErrNoFinding says that the store has no finding of an id.
var ErrNoFinding = clickhouse.ErrNoFinding

// WriteFinding writes one finding for people.
func WriteFinding(w io.Writer, f event.Finding, o TextOptions) error { return report.Finding(w, f, o) }

// NoLibrary is what LibraryVersion says where libchdb is not installed.
const NoLibrary = "not installed"

// LibraryVersion returns the path of libchdb and the version Mailstop is tested with, or NoLibrary.
func LibraryVersion() string {
	path, err := chdb.Find()
	if err != nil {
		return NoLibrary
	}
	return chdb.Version + " expected, " + path
}

// OpenStore opens the store that where names, a folder or a DSN; empty means the configuration's. A folder is made if
// need be.
func OpenStore(ctx context.Context, cfg config.Config, where string) (*Store, error) {
	if scheme, _, ok := strings.Cut(where, "://"); ok && !slices.Contains([]string{"clickhouse", "http", "https", "tcp"}, scheme) {
		return nil, fmt.Errorf("store %s://…: not a ClickHouse address\nhint: clickhouse://user:password@host:9000/mailstop, or a folder", scheme)
	}
	c := storeConfig(cfg, where)
	if c.ClickHouse.DSN.IsZero() {
		if err := emptyOrStore(c.Embedded.Path); err != nil {
			return nil, err
		}
	}
	s := clickhouse.New(c)
	err := s.Open(ctx)
	var file *fs.PathError
	var network *net.OpError
	switch {
	case err == nil:
		return s, nil
	case errors.As(err, &file) && !noLibrary(err):
		return nil, fmt.Errorf("store %s: %w\nhint: name a folder that can be made and written, with --store or in the configuration", storeName(c), err)
	case errors.As(err, &network):
		return nil, fmt.Errorf("%w\nhint: does the server of %s run, and may this machine reach it?", err, storeName(c))
	}
	return nil, err
}

// engineFolders are what the engine makes in its folder, some of them before it has made all; lost+found is an empty
// volume's.
var engineFolders = []string{"data", "metadata", "metadata_dropped", "store", "tmp", "status", "uuid", "flags", "user_files", "lost+found"}

// emptyOrStore refuses a folder that holds something else: the engine would put its files among it.
func emptyOrStore(dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil // what cannot be read or is not there is the engine's to complain of
	}
	if _, err := os.Stat(filepath.Join(dir, "metadata")); err == nil {
		return nil
	}
	for _, f := range files {
		if !slices.Contains(engineFolders, f.Name()) {
			return fmt.Errorf("store %s: the folder holds other files, such as %s\nhint: name a new or an empty folder, such as %s",
				dir, f.Name(), filepath.Join(dir, "mailstop-store"))
		}
	}
	return nil
}

// ReadStore opens a store as OpenStore does, but only one that is there already.
func ReadStore(ctx context.Context, cfg config.Config, where string) (*Store, error) {
	if c := storeConfig(cfg, where); c.ClickHouse.DSN.IsZero() {
		// The engine makes this folder when it first starts.
		if _, err := os.Stat(filepath.Join(c.Embedded.Path, "metadata")); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no store in %s\nhint: name another one with --store or -c, or make one: mailstop replay --store %[1]s LOGS…", c.Embedded.Path)
		}
	}
	return OpenStore(ctx, cfg, where)
}

func storeConfig(cfg config.Config, where string) clickhouse.Config {
	out := clickhouse.Default()
	out.Keep, out.MailPorts = cfg.Store.Keep, cfg.Mail.Ports
	ttl := cfg.Store.TTL
	out.TTL = clickhouse.TTL{
		Entries: time.Duration(ttl.Entries), Deliveries: time.Duration(ttl.Entries),
		Rollup1m: time.Duration(ttl.Rollup1m), Rollup1h: time.Duration(ttl.Rollup1h), Findings: time.Duration(ttl.Findings),
	}
	switch {
	case strings.Contains(where, "://"):
		out.ClickHouse.DSN = config.NewSecret(where)
	case where != "":
		out.Embedded.Path = where
	case cfg.Store.ClickHouse != nil:
		out.ClickHouse.DSN = cfg.Store.ClickHouse.DSN
		out.ClickHouse.Cluster = cfg.Store.ClickHouse.Cluster
	default:
		out.Embedded.Path = cfg.Store.Embedded.Path
	}
	return out
}

// storeName is how a store is called in messages: its folder, or its address without the password.
func storeName(c clickhouse.Config) string {
	if c.ClickHouse.DSN.IsZero() {
		return c.Embedded.Path
	}
	u, err := url.Parse(c.ClickHouse.DSN.Reveal())
	if err != nil {
		return "ClickHouse"
	}
	return u.Host + u.Path
}

// A tallied store counts what it stores.
type tallied struct {
	*clickhouse.Sink
	name          string
	stored, known uint64 // entries, and of them those the store had already
	deliveries    uint64
	partial       bool // only a range of times was asked for: its findings would replace those of the whole
}

// Write implements sinks.Sink.
func (t *tallied) Write(ctx context.Context, b *sinks.Batch) error {
	if t.partial && len(b.Findings) > 0 {
		without := *b // other sinks get b, too
		without.Findings = nil
		b = &without
	}
	rows, deliveries := uint64(0), uint64(0)
	for _, bl := range b.Blocks {
		rows += uint64(bl.(*clickhouse.Block).Rows())
		deliveries += uint64(bl.(*clickhouse.Block).Deliveries())
	}
	if err := t.Sink.Write(ctx, b); err != nil {
		return err
	}
	if b.Extent.Stored {
		t.known += rows + deliveries
	} else {
		t.deliveries += deliveries
		t.stored += rows
	}
	return nil
}

// summary says what was stored, in words.
func (t *tallied) summary(keep string) string {
	what := "entries"
	if t.stored == 1 {
		what = "entry"
	}
	if keep == clickhouse.KeepMail {
		what = "mail " + what
	}
	if t.deliveries == 1 {
		what += " and 1 delivery"
	} else if t.deliveries > 1 {
		what += " and " + term.Number(t.deliveries) + " deliveries"
	}
	s := fmt.Sprintf("stored %s %s in %s, and counts of all", term.Number(t.stored), what, t.name)
	switch t.known {
	case 0:
	case 1:
		s += "; 1 was there already"
	default:
		s += fmt.Sprintf("; %s were there already", term.Number(t.known))
	}
	if t.partial {
		s += "; no findings: those of a part of the time would replace those of the whole"
	}
	return s
}

// noLibrary reports whether a store could not be opened because libchdb is missing.
func noLibrary(err error) bool { return errors.Is(err, chdb.ErrNotFound) }
