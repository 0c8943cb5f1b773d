package clickhouse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"go.uber.org/goleak"

	"mailstop/event"
	"mailstop/internal/chdb"
	"mailstop/internal/chdb/chserver"
	"mailstop/internal/config"
	"mailstop/sinks"
)

var libErr error

func TestMain(m *testing.M) {
	chserver.Child()
	if value := os.Getenv(writerEnv); value != "" {
		if err := runWriter(value); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	_, libErr = chdb.Find()
	if libErr != nil && os.Getenv("CI") == "true" {
		fmt.Fprintln(os.Stderr, libErr)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func needEngine(t testing.TB) {
	t.Helper()
	if libErr != nil {
		t.Skip(libErr)
	}
}

func embedded(dir string) Config {
	c := Default()
	c.Embedded.Path = dir
	c.Keep = KeepAll
	return c
}

// open returns an embedded store on dir, which is closed at the end of the test unless the test does so.
func open(t testing.TB, c Config) *Sink {
	t.Helper()
	needEngine(t)
	s := New(c)
	if err := s.Open(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func write(t testing.TB, s *Sink, b *sinks.Batch) {
	t.Helper()
	if err := s.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	settle(t, s)
}

// settle moves into the tables now what would be there soon, or after the next extent, for those who look.
func settle(t testing.TB, s *Sink) {
	t.Helper()
	if err := errors.Join(s.flush(context.Background()), s.noteStored(context.Background())); err != nil {
		t.Fatal(err)
	}
}

// batch makes a batch of entries, in blocks of the given number of rows, with their counts.
func batch(s *Sink, x event.Extent, es []event.Entry, per int) *sinks.Batch {
	b := &sinks.Batch{Source: x.Source, Extent: x, Counts: count(es)}
	for part := range slices.Chunk(es, per) {
		block := s.Block()
		block.Append(part)
		b.Blocks = append(b.Blocks, block)
	}
	return b
}

func count(es []event.Entry) []event.Count {
	type key struct {
		minute int64
		host   string
		port   uint16
		action event.Action
		dir    event.Direction
		proto  uint8
	}
	sums := map[key]uint64{}
	var order []key
	for _, e := range es {
		k := key{e.Time / 1e9 / 60 * 60, e.Host, e.DstPort, e.Action, e.Direction, e.Proto}
		if _, ok := sums[k]; !ok {
			order = append(order, k)
		}
		sums[k] += uint64(e.Count)
	}
	var out []event.Count
	for _, k := range order {
		out = append(out, event.Count{
			Minute: k.minute, Host: k.host, Port: k.port, Action: k.action, Direction: k.dir, Proto: k.proto,
			Packets: sums[k], Attempts: sums[k],
		})
	}
	return out
}

func extent(parent, token string, from, to int64) event.Extent {
	return event.Extent{Source: "/var/log/ufw.log", From: from, To: to, Parent: parent, Token: token}
}

// table returns what a query yields, one line per row.
func table(t testing.TB, s *Sink, sql string) string {
	t.Helper()
	var out []string
	err := s.Query(t.Context(), sql, func(_ []string, row []any) error {
		var cells []string
		for _, v := range row {
			cells = append(cells, fmt.Sprint(v))
		}
		out = append(out, strings.Join(cells, "|"))
		return nil
	})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return strings.Join(out, "\n")
}

func expect(t testing.TB, s *Sink, sql, want string) {
	t.Helper()
	if got := table(t, s, sql); got != want {
		t.Errorf("%s\n got %s\nwant %s", sql, got, want)
	}
}

func TestClassify(t *testing.T) {
	for err, want := range map[error]bool{
		&clickhouse.Exception{Code: 53}:                            true,  // type mismatch
		&clickhouse.Exception{Code: 16}:                            true,  // no such column
		&chdb.Error{Code: 117}:                                     true,  // incorrect data
		&clickhouse.Exception{Code: 241}:                           false, // memory
		&clickhouse.Exception{Code: 252}:                           false, // too many parts
		&chdb.Error{Code: 243}:                                     false, // not enough space
		&chdb.Error{Code: 76, Message: "No space left on device"}:  false,
		&clickhouse.Exception{Code: 60}:                            false, // unknown table: it may come back
		fmt.Errorf("read: %w", io.ErrUnexpectedEOF):                false,
		fmt.Errorf("%w: of another sink", sinks.ErrPermanent):      true,
		fmt.Errorf("insert: %w", &clickhouse.Exception{Code: 349}): true,
		fmt.Errorf("insert: %w", &clickhouse.OpError{Err: io.EOF}): false,
		fmt.Errorf("insert: %w", &net.OpError{Err: net.ErrClosed}): false,
		fmt.Errorf("insert: %w", context.DeadlineExceeded):         false,
	} {
		if got := errors.Is(classify(err), sinks.ErrPermanent); got != want {
			t.Errorf("%v: permanent %v", err, got)
		}
		if !errors.Is(classify(err), err) {
			t.Errorf("%v: the cause is lost", err)
		}
	}
}

func TestNoLeak(t *testing.T) {
	needEngine(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s := New(embedded(t.TempDir()))
	if err := s.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, s, batch(s, extent("p", "t", 0, 1), generate(100, 1), 30))
	expect(t, s, sums, "100|100|100|100|100")
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

// TestSecretIsHidden prints a configuration in every way.
func TestSecretIsHidden(t *testing.T) {
	c := embedded("x")
	c.ClickHouse.DSN = config.NewSecret("clickhouse://user:pa55word@127.0.0.1:1/x")
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "dsn", c.ClickHouse.DSN, "config", c)
	err = New(c).Open(t.Context()) // nobody listens there
	if err == nil {
		t.Fatal("no error")
	}
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s", c, c, c, c.ClickHouse.DSN), string(b), log.String(), err.Error()} {
		if strings.Contains(text, "pa55word") {
			t.Errorf("shown in %s", text)
		}
	}
}
