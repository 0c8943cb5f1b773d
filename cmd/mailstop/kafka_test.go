package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"mailstop/internal/chdb/chserver"
	"mailstop/internal/kafkatest"
)

// Members of a group that come, go and are killed, a broker that is restarted and killed, and a store that is away for some
// time: each line is stored once, and committed offsets never go back. With MAILSTOP_TORTURE=long it is two million
// lines and a store that is away for a minute.
func TestKafkaMembers(t *testing.T) {
	needLibrary(t)
	if testing.Short() {
		t.Skip("takes a minute or two")
	}
	lines, away, rounds := 60_000, 5*time.Second, 4
	if os.Getenv("MAILSTOP_TORTURE") == "long" {
		lines, away, rounds = 2_000_000, time.Minute, 12
	}
	g := newKafkaGroup(t, os.Getenv("MAILSTOP_KAFKA"))
	var producing sync.WaitGroup
	defer producing.Wait()
	defer g.produced.Wait()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	g.produced.Go(func() { g.produce(ctx, lines) })
	producing.Go(func() { g.watch(ctx) })

	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	g.join()
	g.join()
	for round := range rounds {
		time.Sleep(time.Duration(2000+r.IntN(2000)) * time.Millisecond)
		switch {
		case round == 1:
			t.Log("the store is killed, and away")
			g.store.Kill(t)
			time.Sleep(away)
			g.store.Restart(t)
		case round == 2:
			t.Log("the broker is restarted")
			g.broker.Stop()
			g.broker.Start()
		case round == 3:
			t.Log("the broker is killed")
			g.broker.Kill()
			g.broker.Start()
		case len(g.members) < 2 || len(g.members) < 4 && r.IntN(2) == 0:
			g.join()
		case r.IntN(2) == 0:
			g.leave(r.IntN(len(g.members)), syscall.SIGTERM)
		default:
			g.leave(r.IntN(len(g.members)), syscall.SIGKILL)
		}
	}
	g.leave(0, syscall.SIGKILL)
	if len(g.members) == 0 {
		g.join()
	}
	g.produced.Wait()
	g.expect(lines)
	stop()
	for len(g.members) > 0 {
		g.leave(0, syscall.SIGTERM)
	}
	producing.Wait()
	g.expect(lines)
}

// A kafkaGroup is a broker, a store, and the members that read the one into the other.
type kafkaGroup struct {
	t       *testing.T
	broker  *kafkatest.Broker
	store   *chserver.Server
	path    string
	dir     string
	members []*exec.Cmd
	started int

	produced sync.WaitGroup
}

const (
	testTopic      = "firewall"
	testPartitions = 12
)

func newKafkaGroup(t *testing.T, version string) *kafkaGroup {
	if version == "" {
		version = "4.4.0"
	}
	g := &kafkaGroup{t: t, dir: t.TempDir(), broker: kafkatest.Start(t, version)}
	g.store = chserver.Start(t, filepath.Join(g.dir, "store"))
	g.path = program(t)
	c, err := kafka.Dial("tcp", g.broker.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.CreateTopics(kafka.TopicConfig{Topic: testTopic, NumPartitions: testPartitions, ReplicationFactor: 1}); err != nil {
		t.Fatal(err)
	}
	return g
}

// produce writes numbered lines, one to five a message, until all are acknowledged.
func (g *kafkaGroup) produce(ctx context.Context, lines int) {
	at := time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)
	for n := 0; n < lines && ctx.Err() == nil; {
		var ms []kafka.Message
		for len(ms) < 2000 && n < lines {
			var v strings.Builder
			for range 1 + n%5 {
				if n == lines {
					break
				}
				fmt.Fprintf(&v, "%s fw-%d kernel: [UFW BLOCK] IN= OUT=eth0 SRC=10.0.0.%d DST=198.51.100.%d LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=%d DF "+
					"PROTO=TCP SPT=%d DPT=587 WINDOW=64240 RES=0x00 SYN URGP=0 MARK=0x%x\n",
					at.Add(time.Duration(n)*time.Millisecond).Format(time.RFC3339), n%7, n%250, n%200, n%65536, 32768+n%28000, n+1)
				n++
			}
			ms = append(ms, kafka.Message{Key: []byte(strconv.Itoa(len(ms) % testPartitions)), Value: []byte(v.String())})
		}
		for { // the broker may be away; what it took and did not acknowledge is in the topic twice
			fresh := &kafka.Transport{}
			w := kafka.Writer{
				Addr: kafka.TCP(g.broker.Addr), Topic: testTopic, Transport: fresh, RequiredAcks: kafka.RequireAll, BatchSize: 500,
				BatchTimeout: 5 * time.Millisecond, MaxAttempts: 1, Compression: kafka.Lz4,
			}
			err := w.WriteMessages(ctx, ms...)
			_ = w.Close()
			fresh.CloseIdleConnections()
			if err == nil || ctx.Err() != nil {
				break
			}
			time.Sleep(200 * time.Millisecond)
		}
	}
}

// watch sees to it that committed offsets do not go back.
func (g *kafkaGroup) watch(ctx context.Context) {
	parts := make([]int, testPartitions)
	for i := range parts {
		parts[i] = i
	}
	highest := map[int]int64{}
	for ctx.Err() == nil {
		fresh := &kafka.Transport{}
		c := &kafka.Client{Addr: kafka.TCP(g.broker.Addr), Timeout: 2 * time.Second, Transport: fresh}
		r, err := c.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: "mailstop", Topics: map[string][]int{testTopic: parts}})
		fresh.CloseIdleConnections()
		if err == nil && r.Error == nil {
			for _, p := range r.Topics[testTopic] {
				if p.Error == nil && p.CommittedOffset >= 0 && p.CommittedOffset < highest[p.Partition] {
					g.t.Errorf("partition %d: committed %d after %d", p.Partition, p.CommittedOffset, highest[p.Partition])
				}
				highest[p.Partition] = max(highest[p.Partition], p.CommittedOffset)
			}
		}
		select {
		case <-time.After(300 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

func (g *kafkaGroup) join() {
	g.started++
	state := filepath.Join(g.dir, fmt.Sprintf("member-%d", g.started))
	if err := os.Mkdir(state, 0o700); err != nil {
		g.t.Fatal(err)
	}
	cfg := filepath.Join(state, "mailstop.yaml")
	text := fmt.Sprintf("state_dir: %s\nsources:\n  - kafka: {brokers: [%q], topics: [%s]}\nstore: {keep: all, clickhouse: {dsn: %q}}\nhttp: {listen: \"\"}\n",
		filepath.Join(state, "state"), g.broker.Addr, testTopic, g.store.DSN("mailstop"))
	if err := os.WriteFile(cfg, []byte(text), 0o600); err != nil {
		g.t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(state, "log"))
	if err != nil {
		g.t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.CommandContext(g.t.Context(), g.path, "run", "-c", cfg)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	g.t.Logf("%s: member %d joins", time.Now().Format("15:04:05"), g.started)
	g.members = append(g.members, cmd)
	g.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		if text, err := os.ReadFile(log.Name()); err == nil && g.t.Failed() {
			g.t.Logf("%s:\n%s", filepath.Base(state), text[:min(len(text), 6000)])
		}
	})
}

func (g *kafkaGroup) leave(i int, how syscall.Signal) {
	cmd := g.members[i]
	g.t.Logf("%s: a member leaves by %v", time.Now().Format("15:04:05"), how)
	_ = cmd.Process.Signal(how)
	err := cmd.Wait()
	if how == syscall.SIGTERM && err != nil {
		g.t.Errorf("a member that is told to stop: %v", err)
	}
	g.members = append(g.members[:i], g.members[i+1:]...)
}

// inTopic counts the lines in the topic.
func (g *kafkaGroup) inTopic() int {
	g.t.Helper()
	n := 0
	for p := range testPartitions {
		c, err := kafka.DialLeader(g.t.Context(), "tcp", g.broker.Addr, testTopic, p)
		if err != nil {
			g.t.Fatal(err)
		}
		first, last, err := c.ReadOffsets()
		_ = c.Close()
		if err != nil {
			g.t.Fatal(err)
		}
		r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{g.broker.Addr}, Topic: testTopic, Partition: p, MaxBytes: 8 << 20, MaxWait: 100 * time.Millisecond})
		if err := r.SetOffset(first); err != nil {
			g.t.Fatal(err)
		}
		for at := first; at < last; {
			m, err := r.ReadMessage(g.t.Context())
			if err != nil {
				g.t.Fatal(err)
			}
			n += strings.Count(string(m.Value), "\n")
			at = m.Offset + 1
		}
		_ = r.Close()
	}
	return n
}

// expect waits until all lines of the topic are stored, and looks whether some are twice. least is how many there must be.
func (g *kafkaGroup) expect(least int) {
	g.t.Helper()
	lines := g.inTopic()
	if lines < least {
		g.t.Fatalf("%d lines in the topic, want %d", lines, least)
	}
	g.t.Logf("%d lines in the topic, %d of them because the producer sent them again", lines, lines-least)
	ask := func() string {
		out, err := exec.CommandContext(g.t.Context(), g.path, "query", "--store", g.store.DSN("mailstop"), "-o", "csv",
			"SELECT count(), uniqExact(mark, pos), (SELECT sum(packets) FROM rollup_1m), (SELECT sum(packets) FROM rollup_1h) FROM entries").Output()
		if err != nil {
			return err.Error()
		}
		_, row, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		return row
	}
	want := fmt.Sprintf("%d,%d,%d,%d", lines, lines, lines, lines)
	got, last := ask(), time.Now()
	for got != want && time.Since(last) < 90*time.Second {
		time.Sleep(time.Second)
		if now := ask(); now != got {
			g.t.Logf("%s: %s", time.Now().Format("15:04:05"), now)
			got, last = now, time.Now()
		}
	}
	if got != want {
		g.t.Errorf("rows, different ones, and sums of the roll-ups: %s, want %s", got, want)
	}
}
