package torture

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
)

// A field is a world with a source of each kind.
type field struct {
	*world
	files  []*writer
	topics []*writer // one a partition
	tcp    *writer
	parts  []*partition
	addr   string // of syslog
}

const topic = "firewall"

func newField(t *testing.T) *field {
	f := &field{world: newWorld(t)}
	for i := range 2 {
		x := f.writer("file-"+itoa(i), "logs", "fw-"+itoa(i)+".log")
		f.file(x.path)
		f.files = append(f.files, x)
	}
	const partitions = 2
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, topic))
	f.must(err)
	t.Cleanup(c.Close)
	f.source("kafka: {brokers: [\"" + c.ListenAddrs()[0] + "\"], topics: [" + topic + "], silent_after: never}")
	for i := range partitions {
		conn, err := kafka.DialLeader(t.Context(), "tcp", c.ListenAddrs()[0], topic, i)
		f.must(err)
		t.Cleanup(func() { _ = conn.Close() })
		f.parts = append(f.parts, &partition{conn: conn})
		f.topics = append(f.topics, f.writer("kafka-"+itoa(i)))
	}
	f.addr = freeAddress(t)
	f.source("syslog: {tcp: \"" + f.addr + "\", silent_after: never}")
	f.tcp = f.writer("tcp-0")
	f.tcp.prefix = "<4>"
	return f
}

// freeAddress is an address of the loopback device that nobody uses at the moment.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A partition takes lines as messages.
type partition struct{ conn *kafka.Conn }

func (p *partition) Write(b []byte) (int, error) {
	var ms []kafka.Message
	for line := range bytes.Lines(b) {
		ms = append(ms, kafka.Message{Value: bytes.TrimSuffix(line, []byte("\n"))})
	}
	_ = p.conn.SetDeadline(time.Now().Add(time.Minute))
	_, err := p.conn.WriteMessages(ms...)
	return len(b), err
}

// send writes n lines over a connection of their own, and waits until the daemon has read its end: what came before is
// the daemon's then.
func (f *field) send(n int) error {
	conn, err := (&net.Dialer{Timeout: time.Minute}).DialContext(context.Background(), "tcp", f.addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if err := f.tcp.to(conn, n); err != nil {
		return err
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		if err := tcp.CloseWrite(); err != nil {
			return err
		}
	}
	if _, err := io.Copy(io.Discard, conn); err != nil {
		return fmt.Errorf("the daemon does not end the connection: %w", err)
	}
	return nil
}

// load writes to files and partitions until the returned function is called.
func (f *field) load(perSecond int) (stop func()) {
	var end atomic.Bool
	var running sync.WaitGroup
	run := func(x *writer, to io.Writer) {
		x.rate = perSecond
		running.Go(func() {
			for !end.Load() {
				if err := x.to(to, 600); err != nil {
					f.t.Error(err)
					return
				}
			}
		})
	}
	for _, x := range f.files {
		run(x, x.f)
	}
	for i, x := range f.topics {
		run(x, f.parts[i])
	}
	return func() { end.Store(true); running.Wait() }
}

// again writes what the other field has written.
func (f *field) again(other *field) {
	f.t.Helper()
	f.base = other.base
	for i, x := range f.files {
		x.rate = 1e9
		x.more(int(other.files[i].next))
	}
	for i, x := range f.topics {
		x.rate = 1e9
		f.must(x.to(f.parts[i], int(other.topics[i].next)))
	}
	f.start()
	f.tcp.rate = 1e9
	f.must(f.send(int(other.tcp.next)))
	f.settle()
	f.stop()
	f.verify()
}

// Killed at any moment, again and again, under load from files, Kafka and TCP: every line is stored once, the counts agree,
// and the findings are those of a run that nobody disturbed.
func TestKilledAgainAndAgain(t *testing.T) {
	needStore(t)
	kills := size(8, 200)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	f := newField(t)
	f.configure()
	stop := f.load(size(4000, 3000))
	if err := f.launch(); err != nil {
		t.Error(err)
	}
	for i := range kills {
		if t.Failed() {
			break
		}
		if i%4 != 3 {
			if err := f.daemon().saying("mailstop: running"); err != nil {
				t.Error(err)
			}
			f.must(f.connect())
			f.must(f.send(500))
			time.Sleep(time.Duration(r.Int64N(int64(size(1500*time.Millisecond, 8*time.Second)))))
		} else { // while it starts
			time.Sleep(time.Duration(r.Int64N(int64(time.Second))))
		}
		f.daemon().kill()
		if err := f.spawn(); err != nil {
			t.Error(err)
		}
	}
	stop()
	f.must(f.daemon().saying("mailstop: running"))
	f.settle()
	f.stop()
	f.verify()
	t.Logf("%d lines, %d kills", f.written(), kills)

	undisturbed := newField(t)
	undisturbed.again(f)
	sameFindings(t, f.findings(), undisturbed.findings())
}

// connect waits until syslog is listened for.
func (f *field) connect() error {
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(context.Background(), "tcp", f.addr)
		if err == nil {
			return conn.Close()
		}
		if time.Now().After(end) {
			return err
		}
	}
}
