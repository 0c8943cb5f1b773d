package clickhouse

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"

	"mailstop/internal/chdb"
	"mailstop/internal/config"
	"mailstop/sinks"
)

func TestTemporary(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{&clickhouse.Exception{Code: 241}, true}, // memory
		{&clickhouse.Exception{Code: 252}, true}, // too many parts
		{&chdb.Error{Code: 243}, true},           // no space
		{&chdb.Error{Code: 0, Message: "?"}, false},
		{&clickhouse.Exception{Code: 242}, true},  // read only: a table without its Keeper
		{&clickhouse.Exception{Code: 164}, false}, // the user may only read
		{&clickhouse.Exception{Code: 516}, false}, // password
		{&clickhouse.Exception{Code: 497}, false}, // right
		{&clickhouse.Exception{Code: 53}, false},  // type
		{&clickhouse.HTTPError{StatusCode: 503, Err: io.EOF}, true},
		{&clickhouse.HTTPError{StatusCode: 500, Err: &clickhouse.Exception{Code: 516}}, false},
		{&clickhouse.HTTPError{StatusCode: 404, Err: errors.New("no such page")}, false},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, true},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, true},
		{&net.DNSError{Name: "ch1", IsNotFound: true}, true}, // resolvers come up late
		{io.ErrUnexpectedEOF, true},
		{context.DeadlineExceeded, true},
		{context.Canceled, false}, // we end
		{clickhouse.ErrAcquireConnTimeout, true},
		{chdb.ErrHeld, true},
		{chdb.ErrNotFound, false},
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, true},
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.EDQUOT}, true},
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, false},
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.ENOTDIR}, false},
		{x509.UnknownAuthorityError{}, false},
		{sinks.ErrPermanent, false},
		{stuckError{errors.New("full")}, true},
		{errors.New("clickhouse.dsn: not understood"), false},
	} {
		for _, err := range []error{c.err, fmt.Errorf("store: %w", c.err)} {
			if c.err != nil && Temporary(err) != c.want {
				t.Errorf("%T %v: %v", c.err, err, !c.want)
			}
		}
	}
	if Temporary(nil) {
		t.Error("nil")
	}
}

// TestOpenFails: which of the ways in which a store cannot be opened pass by themselves.
func TestOpenFails(t *testing.T) {
	needEngine(t)
	fails := func(name string, c Config, temporary bool) {
		t.Helper()
		s := New(c)
		err := s.Open(t.Context())
		if err == nil {
			t.Errorf("%s: opened", name)
			_ = s.Close(t.Context())
			return
		}
		if Temporary(err) != temporary {
			t.Errorf("%s: temporary %v: %v", name, !temporary, err)
		}
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	fails("a file in the way", embedded(filepath.Join(file, "store")), false)

	held := filepath.Join(dir, "held")
	if err := os.Mkdir(held, 0o700); err != nil {
		t.Fatal(err)
	}
	lock, err := os.Create(filepath.Join(held, "status"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	fails("held", embedded(held), true)

	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-ClickHouse-Exception-Code", "516")
		http.Error(w, "Code: 516. DB::Exception: user: Authentication failed. (AUTHENTICATION_FAILED)", http.StatusForbidden)
	}))
	c := embedded("")
	c.ClickHouse.DSN = config.NewSecret("http://user:wrong@" + strings.TrimPrefix(srv.URL, "http://") + "/x")
	fails("password", c, false)
	srv.Close()
	fails("down", c, true)
	c.ClickHouse.DSN = config.NewSecret("clickhouse://" + strings.TrimPrefix(srv.URL, "http://") + "/x")
	fails("down, the other protocol", c, true)
}

// TestStoreOnFullDisk: a full disk stops the store, which goes on by itself when there is room, with each row once.
func TestStoreOnFullDisk(t *testing.T) {
	dir := t.TempDir()
	mount(t, dir, "size=40m")
	filler := filepath.Join(dir, "filler")
	fill := func() {
		t.Helper()
		f, err := os.Create(filler)
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = f.Write(make([]byte, 4096))
		}
		if err := f.Close(); err != nil && !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
	room := func() {
		t.Helper()
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
	}
	c := embedded(filepath.Join(dir, "store"))
	fill()
	if err := New(c).Open(t.Context()); !Temporary(err) {
		t.Errorf("open: got %v", err)
	}
	room()
	s := open(t, c)
	n := 0
	for i, rows := range []int{100, largeInsert, 2 * largeInsert} {
		x := extent(fmt.Sprint("x", i), fmt.Sprint("x", i+1), int64(i), int64(i+1))
		es := generate(rows, uint64(i))
		n += rows
		fill()
		b := batch(s, x, es, 1000)
		for range 3 {
			if err := s.Write(t.Context(), b); !Temporary(err) {
				t.Fatalf("%d rows: got %v", rows, err)
			}
		}
		room()
		write(t, s, b)
	}
	expect(t, s, sums, fmt.Sprintf("%d|%[1]d|%[1]d|%[1]d|%[1]d", n))

	if err := s.Write(t.Context(), batch(s, extent("x3", "x4", 3, 4), generate(500, 9), 500)); err != nil {
		t.Fatal(err)
	}
	fill() // with something in the journal
	if err := s.flush(t.Context()); err == nil {
		t.Error("no error")
	}
	room()
	write(t, s, batch(s, extent("x4", "x5", 4, 5), nil, 1))
	n += 500
	expect(t, s, sums, fmt.Sprintf("%d|%[1]d|%[1]d|%[1]d|%[1]d", n))
}
