package clickhouse

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"mailstop/event"
	"mailstop/internal/chdb/chserver"
	"mailstop/internal/config"
	"mailstop/sinks"
)

// writerEnv, in the environment, makes the test binary a writer: its value is the store's folder or DSN, the source's name,
// and how many extents there are.
const writerEnv = "CLICKHOUSE_TEST_WRITER"

// runWriter writes extents as a source does that begins again at its start: those that the store knows to be stored are
// left out. It prints the number of each that is acknowledged.
func runWriter(value string) error {
	where, rest, _ := strings.Cut(value, "\n")
	var name string
	var extents int
	if _, err := fmt.Sscan(rest, &name, &extents); err != nil {
		return err
	}
	c := embedded(where)
	if strings.Contains(where, "://") {
		c = embedded("")
		c.ClickHouse.DSN = config.NewSecret(where)
	}
	ctx := context.Background()
	s := New(c)
	try := func(what string, f func() error) error {
		for {
			err := f()
			if err == nil || !Temporary(err) {
				return err
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	if err := try("open", func() error { return s.Open(ctx) }); err != nil {
		return err
	}
	for i := range extents {
		x, es := writerExtent(name, i)
		err := try("write", func() error {
			after, err := s.After(ctx, x.Parent)
			if err != nil {
				return err
			}
			for _, k := range after {
				x.Stored = x.Stored || k.Token == x.Token && k.Stored
			}
			return s.Write(ctx, batch(s, x, es, 5000))
		})
		if err != nil {
			return fmt.Errorf("extent %d: %w", i, err)
		}
		fmt.Println(i)
	}
	return s.Close(ctx)
}

// writerExtent returns an extent of a writer: most are small, some are empty, some are large.
func writerExtent(name string, i int) (event.Extent, []event.Entry) {
	n := i % 5 * 10
	if i%9 == 8 {
		n = 2*largeInsert + i
	}
	es := generate(n, uint64(i))
	for k := range es {
		es[k].Source, es[k].Pos = name, int64(i)<<32+int64(k)
	}
	x := extent(fmt.Sprintf("%s-%d", name, i), fmt.Sprintf("%s-%d", name, i+1), int64(i)<<32, int64(i+1)<<32)
	x.Source = name
	return x, es
}

func writerRows(extents int) (n int) {
	for i := range extents {
		_, es := writerExtent("", i)
		n += len(es)
	}
	return n
}

func writer(t *testing.T, where, name string, extents int) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s\n%s %d", writerEnv, where, name, extents))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewReader(out)
}

const once = "SELECT (SELECT count() FROM entries), (SELECT uniqExact(source, pos) FROM entries), (SELECT sum(packets) FROM rollup_1m), (SELECT sum(packets) FROM rollup_1h)"

// TestServerKilled lets two processes write to a server that is killed and comes back.
func TestServerKilled(t *testing.T) {
	needEngine(t)
	const extents, kills = 40, 4
	srv := chserver.Start(t, t.TempDir())
	srv.Fault(t, chserver.Fault{})
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	var cmds []*exec.Cmd
	progress := make(chan struct{}, 2*extents)
	ended := make(chan struct{}, 2)
	for _, name := range []string{"a.log", "b.log"} {
		cmd, out := writer(t, srv.DSN("two"), name, extents)
		cmds = append(cmds, cmd)
		go func() {
			for {
				if _, err := out.ReadString('\n'); err != nil {
					ended <- struct{}{}
					return
				}
				progress <- struct{}{}
			}
		}()
	}
	for range kills {
		for range extents / kills {
			<-progress
		}
		time.Sleep(time.Duration(r.IntN(80)) * time.Millisecond) // into some statement
		srv.Kill(t)
		time.Sleep(50 * time.Millisecond)
		srv.Restart(t)
	}
	<-ended
	<-ended
	for _, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	c := embedded("")
	c.ClickHouse.DSN = config.NewSecret(srv.DSN("two"))
	n := 2 * writerRows(extents)
	s := open(t, c)
	expect(t, s, once, fmt.Sprintf("%d|%[1]d|%[1]d|%[1]d", n))
	expect(t, s, "SELECT count(), countIf(stored = 0) FROM sources FINAL", fmt.Sprintf("%d|0", 2*extents))
}

// TestWriterKilled kills a process with an embedded store again and again, until it has written all.
func TestWriterKilled(t *testing.T) {
	needEngine(t)
	extents, kills := 120, 12
	if testing.Short() {
		extents, kills = 30, 3
	}
	dir := t.TempDir()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range kills {
		cmd, out := writer(t, dir, "c.log", extents)
		for range 1 + r.IntN(2*extents/3) {
			if _, err := out.ReadString('\n'); err != nil {
				break
			}
		}
		time.Sleep(time.Duration(r.IntN(30)) * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
	}
	cmd, out := writer(t, dir, "c.log", extents)
	_, _ = io.Copy(io.Discard, out)
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	s := open(t, embedded(dir))
	expect(t, s, once, fmt.Sprintf("%d|%[1]d|%[1]d|%[1]d", writerRows(extents)))
	expect(t, s, "SELECT count(), countIf(stored = 0) FROM sources FINAL", fmt.Sprintf("%d|0", extents))
}

// TestOutages writes the same batch into every kind of outage, and then once without.
func TestOutages(t *testing.T) {
	needEngine(t)
	srv := chserver.Start(t, t.TempDir())
	c := embedded("")
	c.ClickHouse.DSN = config.NewSecret(srv.DSN("out") + "?read_timeout=1s&dial_timeout=1s")
	s := open(t, c)
	rows, n := 0, 0
	fails := func(name string, b *sinks.Batch) {
		t.Helper()
		if err := s.Write(t.Context(), b); err == nil || !Temporary(err) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	next := func() *sinks.Batch {
		es := generate(3000, uint64(n))
		b := batch(s, extent(fmt.Sprint("x", n), fmt.Sprint("x", n+1), int64(n), int64(n+1)), es, 1000)
		n++
		rows += len(es)
		return b
	}
	for _, table := range []string{"INSERT INTO sources", "INSERT INTO entries", "INSERT INTO rollup_1m"} {
		for _, f := range []chserver.Fault{
			{Kind: chserver.Answer, Status: 503},
			{Kind: chserver.Answer, Status: 502},
			{Kind: chserver.Answer, Status: 500, Code: 241},
			{Kind: chserver.Answer, Status: 500, Code: 252},
			{Kind: chserver.Answer, Status: 500, Code: 243},
			{Kind: chserver.Answer, Status: 500, Code: 159},
			{Kind: chserver.Answer, Status: 500, Code: 242},
			{Kind: chserver.CutBefore},
			{Kind: chserver.CutAfter},
			{Kind: chserver.Stall},
		} {
			f.Match = table
			b := next()
			srv.Fault(t, f)
			fails(fmt.Sprint(f), b)
			srv.Fault(t, chserver.Fault{})
			write(t, s, b)
		}
	}
	b := next()
	srv.Kill(t)
	for range 20 { // more than the pool has connections
		fails("killed", b)
	}
	if err := New(c).Open(t.Context()); !Temporary(err) {
		t.Errorf("open: got %v", err)
	}
	srv.Restart(t)
	write(t, s, b)
	expect(t, s, sums, fmt.Sprintf("%d|%[1]d|%[1]d|%[1]d|%[1]d", rows))
}
