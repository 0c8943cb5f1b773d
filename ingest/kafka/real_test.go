package kafka

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"mailstop/internal/kafkatest"
)

// real runs a test with each version of the real broker.
func real(t *testing.T, f func(t *testing.T, b *kafkatest.Broker)) {
	if testing.Short() {
		t.Skip("a real broker takes its time")
	}
	for _, v := range kafkatest.Versions {
		t.Run(v, func(t *testing.T) { f(t, kafkatest.Start(t, v)) })
	}
}

func TestRealBroker(t *testing.T) {
	real(t, func(t *testing.T, b *kafkatest.Broker) {
		addrs := []string{b.Addr}
		create(t, addrs, "logs", 6)
		create(t, addrs, "codecs", 1)
		t.Run("members come and go, the broker too", func(t *testing.T) { realChurn(t, b) })
		t.Run("codecs", func(t *testing.T) {
			st := newStore()
			e := member(t, options(addrs, "codecs"), st, nil, false)
			huge := strings.Repeat("y", 12<<20)
			for i, codec := range []kafka.Compression{0, kafka.Gzip, kafka.Snappy, kafka.Lz4, kafka.Zstd} {
				write(t, addrs, "codecs", codec, numbered(i*100, i*100+100, 1)...)
			}
			write(t, addrs, "codecs", 0, kafka.Message{Value: []byte(huge), WriterData: 0})
			write(t, addrs, "codecs", 0, kafka.Message{Value: []byte("after"), WriterData: 0})
			st.want(t, 502)
			e.leave()
		})
		t.Run("transactions", func(t *testing.T) { realTransactions(t, b) })
		t.Run("records deleted", func(t *testing.T) {
			create(t, addrs, "old", 1)
			write(t, addrs, "old", 0, numbered(0, 100, 1)...)
			deleteRecords(t, addrs, "old", 40)
			st := newStore()
			e := member(t, options(addrs, "old"), st, []byte(`{"topics":{"old":{"0":{"next":10,"at":9,"time":1}}}}`), false)
			st.want(t, 60)
			e.leave()
		})
		t.Run("recreated", func(t *testing.T) {
			create(t, addrs, "again", 1)
			st := newStore()
			e := member(t, options(addrs, "again"), st, nil, false)
			write(t, addrs, "again", 0, numbered(0, 100, 1)...)
			st.want(t, 100)
			remove(t, addrs, "again")
			time.Sleep(time.Second)
			create(t, addrs, "again", 1)
			write(t, addrs, "again", 0, numbered(100, 400, 1)...)
			st.want(t, 400)
			e.leave()
		})
		for _, m := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
			t.Run(m, func(t *testing.T) { realLogin(t, b, m) })
		}
	})
}

func realLogin(t *testing.T, b *kafkatest.Broker, mechanism string) {
	st := newStore()
	o := options([]string{b.SASL}, "codecs")
	o.SASL = SASL{mechanism, kafkatest.User, kafkatest.Password}
	if mechanism == "SCRAM-SHA-512" {
		o.Brokers, o.TLS = []string{b.TLS}, TLS{Enabled: true, CA: b.CA}
	}
	o.Group = "login " + mechanism
	e := member(t, o, st, nil, false)
	st.want(t, 502)
	e.leave()
	o.SASL.Password = "wrong"
	e = member(t, o, st, nil, false)
	wait(t, "the hint", func() bool {
		s := e.src.Status(nil)
		return len(s) == 1 && strings.Contains(s[0].Problem, "sasl.password")
	})
	if text := fmt.Sprintf("%+v %#v %v", o, o, e.src.Status(nil)); strings.Contains(text, "wrong") {
		t.Error("the password is told")
	}
	e.leave()
}

// The marks that transactions leave in a partition are no lines.
func realTransactions(t *testing.T, b *kafkatest.Broker) {
	create(t, []string{b.Addr}, "atomic", 1)
	c, err := kgo.NewClient(kgo.SeedBrokers(b.Addr), kgo.TransactionalID("writer"), kgo.DefaultProduceTopic("atomic"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range 5 {
		if err := c.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := c.ProduceSync(t.Context(), kgo.StringRecord(fmt.Sprint("line ", i))).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := c.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
	}
	st := newStore()
	e := member(t, options([]string{b.Addr}, "atomic"), st, nil, false)
	st.want(t, 5)
	wait(t, "commit", func() bool { return committedOffsets(t, []string{b.Addr}, "atomic", 1)[0] == 10 })
	e.leave()
	st.want(t, 5)
}

func realChurn(t *testing.T, b *kafkatest.Broker) {
	const total, partitions = 120000, 6
	addrs := []string{b.Addr}
	o := options(addrs, "logs")
	st := newStore()
	var writing sync.Mutex // not while the broker is away: what is written is to be there once
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; i < total && !t.Failed(); i += 2000 {
			writing.Lock()
			write(t, addrs, "logs", kafka.Lz4, numbered(i, i+2000, partitions)...)
			writing.Unlock()
			time.Sleep(20 * time.Millisecond)
		}
	}()
	lowest := make([]int64, partitions) // what is committed never gets less
	forward := func() {
		now := committedOffsets(t, addrs, "logs", partitions)
		for i := range now {
			if now[i] < lowest[i] {
				t.Errorf("partition %d: %d is committed after %d", i, now[i], lowest[i])
			}
		}
		lowest = now
	}
	reach := func(n int) { wait(t, fmt.Sprint(n, " rows"), func() bool { return st.count() >= n }) }
	restart := func(stop func()) {
		writing.Lock()
		defer writing.Unlock()
		stop()
		b.Start()
		wait(t, "leaders", func() bool { return led(addrs[0], "logs") == partitions })
	}
	first := member(t, o, st, nil, false)
	reach(10000)
	second := member(t, o, st, nil, false)
	reach(30000)
	forward()
	first.leave()
	third := member(t, o, st, nil, false)
	reach(50000)
	forward()
	restart(b.Stop)
	reach(70000)
	forward()
	restart(b.Kill)
	reach(90000)
	forward()
	saved := third.crash()
	fourth := member(t, o, st, saved, false)
	<-done
	reach(total)
	st.want(t, total)
	wait(t, "all is committed", func() bool {
		forward()
		return slices.Equal(lowest, []int64{20000, 20000, 20000, 20000, 20000, 20000})
	})
	second.leave()
	fourth.leave()
}

// led returns how many partitions of a topic have a leader.
func led(addr, topic string) (n int) {
	c, err := kafka.Dial("tcp", addr)
	if err != nil {
		return 0
	}
	defer c.Close()
	ps, err := c.ReadPartitions(topic)
	if err != nil {
		return 0
	}
	for _, p := range ps {
		if p.Leader.Host != "" {
			n++
		}
	}
	return n
}
