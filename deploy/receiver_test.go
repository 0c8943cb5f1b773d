package deploy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A listener takes syslog with octet counting (RFC 6587, 3.4.1) over TCP, and can go away and come back.
type listener struct {
	addr string
	wg   sync.WaitGroup

	mu       sync.Mutex
	l        net.Listener
	conns    map[net.Conn]bool
	messages []string
	problem  error
}

func newListener(t *testing.T) *listener {
	l := &listener{addr: "127.0.0.1:0"}
	l.open(t)
	t.Cleanup(l.close)
	return l
}

// open listens at the same address as before.
func (l *listener) open(t *testing.T) {
	t.Helper()
	in, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", l.addr)
	if err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	l.addr, l.l, l.conns = in.Addr().String(), in, map[net.Conn]bool{}
	l.mu.Unlock()
	l.wg.Go(func() {
		for {
			conn, err := in.Accept()
			if err != nil {
				return
			}
			l.mu.Lock()
			if l.l != in {
				conn.Close()
			} else {
				l.conns[conn] = true
				l.wg.Go(func() { l.read(conn) })
			}
			l.mu.Unlock()
		}
	})
}

func (l *listener) read(conn net.Conn) {
	in := bufio.NewReader(conn)
	for {
		head, err := in.ReadString(' ')
		if err != nil {
			return
		}
		n, err := strconv.Atoi(strings.TrimSuffix(head, " "))
		if err != nil || n <= 0 || n > 64<<10 {
			l.mu.Lock()
			l.problem = fmt.Errorf("no octet count: %q", head)
			l.mu.Unlock()
			return
		}
		message := make([]byte, n)
		if _, err := io.ReadFull(in, message); err != nil {
			return
		}
		l.mu.Lock()
		l.messages = append(l.messages, string(message))
		l.mu.Unlock()
	}
}

// close ends the connections and listens no more.
func (l *listener) close() {
	l.mu.Lock()
	if l.l != nil {
		l.l.Close()
		l.l = nil
	}
	for conn := range l.conns {
		conn.Close()
	}
	l.mu.Unlock()
	l.wg.Wait()
}

// arrived returns what has come so far.
func (l *listener) arrived(t *testing.T) []string {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.problem != nil {
		t.Fatal(l.problem)
	}
	return l.messages[:len(l.messages):len(l.messages)]
}

// A broker is a Kafka broker in this process, which can go away and come back with what it had.
type broker struct {
	addr     string
	dir      string
	cluster  *kfake.Cluster
	consumer *kgo.Client
	messages []string
	keys     map[string]map[int32]bool // the partitions that a key went to
}

const topic = "firewall"

func newBroker(t *testing.T) *broker {
	b := &broker{addr: "127.0.0.1:" + strconv.Itoa(freePort(t)), dir: t.TempDir(), keys: map[string]map[int32]bool{}}
	b.open(t)
	t.Cleanup(b.close)
	return b
}

func (b *broker) open(t *testing.T) {
	t.Helper()
	_, port, _ := strings.Cut(b.addr, ":")
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	if b.cluster, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(n), kfake.SeedTopics(3, topic), kfake.DataDir(b.dir)); err != nil {
		t.Fatal(err)
	}
}

func (b *broker) close() {
	if b.consumer != nil {
		b.consumer.Close()
		b.consumer = nil
	}
	if b.cluster != nil {
		b.cluster.Close()
		b.cluster = nil
	}
}

// arrived returns what the topic holds so far, each partition in its order.
func (b *broker) arrived(t *testing.T) []string {
	t.Helper()
	if b.consumer == nil {
		b.messages = nil
		clear(b.keys)
		var err error
		if b.consumer, err = kgo.NewClient(kgo.SeedBrokers(b.addr), kgo.ConsumeTopics(topic),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	b.consumer.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
		b.messages = append(b.messages, string(r.Value))
		if b.keys[string(r.Key)] == nil {
			b.keys[string(r.Key)] = map[int32]bool{}
		}
		b.keys[string(r.Key)][r.Partition] = true
	})
	return b.messages
}
