package kafka

import (
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// failing lets requests of a kind fail n times: the connection is closed, or the code is answered.
func failing(c *kfake.Cluster, key kmsg.Key, n int32, code *kerr.Error) *atomic.Int32 {
	var left atomic.Int32
	left.Store(n)
	c.ControlKey(int16(key), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if left.Add(-1) < 0 {
			return nil, nil, false
		}
		if code == nil {
			return nil, errors.New("connection is cut"), true
		}
		return answer(req, code.Code), nil, true
	})
	return &left
}

func answer(req kmsg.Request, code int16) kmsg.Response {
	resp := req.ResponseKind()
	switch r := resp.(type) {
	case *kmsg.JoinGroupResponse:
		r.ErrorCode = code
	case *kmsg.SyncGroupResponse:
		r.ErrorCode = code
	case *kmsg.HeartbeatResponse:
		r.ErrorCode = code
	case *kmsg.OffsetCommitResponse:
		for _, t := range req.(*kmsg.OffsetCommitRequest).Topics {
			rt := kmsg.NewOffsetCommitResponseTopic()
			rt.Topic = t.Topic
			for _, p := range t.Partitions {
				rp := kmsg.NewOffsetCommitResponseTopicPartition()
				rp.Partition, rp.ErrorCode = p.Partition, code
				rt.Partitions = append(rt.Partitions, rp)
			}
			r.Topics = append(r.Topics, rt)
		}
	case *kmsg.FetchResponse:
		for _, t := range req.(*kmsg.FetchRequest).Topics {
			rt := kmsg.NewFetchResponseTopic()
			rt.Topic = t.Topic
			for _, p := range t.Partitions {
				rp := kmsg.NewFetchResponseTopicPartition()
				rp.Partition, rp.ErrorCode, rp.HighWatermark = p.Partition, code, 100
				rt.Partitions = append(rt.Partitions, rp)
			}
			r.Topics = append(r.Topics, rt)
		}
	}
	return resp
}

func TestFaultsPass(t *testing.T) {
	for _, f := range []struct {
		name string
		key  kmsg.Key
		code *kerr.Error
	}{
		{"fetch cut", kmsg.Fetch, nil},
		{"fetch not leader", kmsg.Fetch, kerr.NotLeaderForPartition},
		{"fetch unknown", kmsg.Fetch, kerr.UnknownServerError},
		{"join cut", kmsg.JoinGroup, nil},
		{"join loading", kmsg.JoinGroup, kerr.CoordinatorLoadInProgress},
		{"sync", kmsg.SyncGroup, kerr.RebalanceInProgress},
		{"heartbeat", kmsg.Heartbeat, kerr.UnknownMemberID},
		{"heartbeat cut", kmsg.Heartbeat, nil},
		{"commit", kmsg.OffsetCommit, kerr.CoordinatorNotAvailable},
		{"commit rebalance", kmsg.OffsetCommit, kerr.RebalanceInProgress},
		{"commit cut", kmsg.OffsetCommit, nil},
		{"metadata cut", kmsg.Metadata, nil},
		{"offsets cut", kmsg.ListOffsets, nil},
		{"committed offsets cut", kmsg.OffsetFetch, nil},
	} {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			c, addrs := cluster(t, kfake.SeedTopics(2, "logs"))
			write(t, addrs, "logs", 0, numbered(0, 500, 2)...)
			left := failing(c, f.key, 3, f.code)
			st := newStore()
			e := member(t, options(addrs, "logs"), st, nil, false)
			st.want(t, 500)
			wait(t, "all faults to be met", func() bool { return left.Load() <= 0 })
			write(t, addrs, "logs", 0, numbered(500, 1000, 2)...)
			st.want(t, 1000)
			wait(t, "commits", func() bool { o := committedOffsets(t, addrs, "logs", 2); return o[0] == 500 && o[1] == 500 })
			e.leave()
		})
	}
}

func TestLeaderMoves(t *testing.T) {
	c, addrs := cluster(t, kfake.NumBrokers(3), kfake.SeedTopics(4, "logs"))
	st := newStore()
	e := member(t, options(addrs[:1], "logs"), st, nil, false)
	for i := range 10 {
		write(t, addrs, "logs", 0, numbered(i*100, i*100+100, 4)...)
		c.ShufflePartitionLeaders()
		if i == 5 {
			c.RehashCoordinators()
		}
		time.Sleep(50 * time.Millisecond)
	}
	st.want(t, 1000)
	e.leave()
}

// Nobody answers for a while; what is said of it is short, and gone when it is over.
func TestBrokersAway(t *testing.T) {
	dir := t.TempDir()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "logs"), kfake.DataDir(dir))
	if err != nil {
		t.Fatal(err)
	}
	addrs := c.ListenAddrs()
	_, port, err := net.SplitHostPort(addrs[0])
	if err != nil {
		t.Fatal(err)
	}
	st := newStore()
	e := member(t, options(addrs, "logs"), st, nil, false)
	write(t, addrs, "logs", 0, numbered(0, 500, 2)...)
	st.want(t, 500)
	c.Close()
	wait(t, "the problem is told", func() bool {
		for _, s := range e.src.Status(nil) {
			if strings.Contains(s.Problem, "connection refused") {
				return true
			}
		}
		return false
	})
	var number int
	for _, d := range port {
		number = number*10 + int(d-'0')
	}
	if c, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(number), kfake.DataDir(dir)); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	write(t, addrs, "logs", 0, numbered(500, 1000, 2)...)
	st.want(t, 1000)
	wait(t, "the problem is gone", func() bool {
		ss := e.src.Status(nil)
		return len(ss) == 2 && ss[0].Problem == "" && ss[1].Problem == ""
	})
	e.leave()
}

func TestCloseIsBounded(t *testing.T) {
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0") // accepts, and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, addr := range []string{silent.Addr().String(), "127.0.0.1:1", "192.0.2.1:9092"} {
		for _, s := range []SASL{{}, {"PLAIN", "u", "p"}} {
			o := options([]string{addr}, "logs")
			o.SASL, o.Timeout = s, time.Minute
			e := member(t, o, newStore(), nil, false)
			time.Sleep(100 * time.Millisecond)
			done := make(chan struct{})
			go func() { defer close(done); e.leave() }()
			select {
			case <-done:
			case <-time.After(30 * time.Second):
				t.Fatalf("%s: Close does not end", addr)
			}
		}
	}
}

func TestCloseDuringARebalance(t *testing.T) {
	_, addrs := cluster(t, kfake.SeedTopics(4, "logs"))
	st := newStore()
	st.setDown(true)
	o := options(addrs, "logs")
	write(t, addrs, "logs", 0, numbered(0, 400, 4)...)
	a := member(t, o, st, nil, false)
	wait(t, "partitions", func() bool { return len(a.src.Status(nil)) == 4 })
	b := member(t, o, st, nil, false)
	time.Sleep(300 * time.Millisecond) // a drains, since its store is down
	b.leave()
	a.leave()
	st.setDown(false)
	c := member(t, o, st, nil, false)
	st.want(t, 400)
	c.leave()
}

func TestWatchdog(t *testing.T) {
	_, addrs := cluster(t, kfake.SeedTopics(1, "logs"))
	o := options(addrs, "logs")
	o.Stuck = 300 * time.Millisecond
	st := newStore()
	st.setDown(true)
	e := member(t, o, st, nil, false)
	write(t, addrs, "logs", kafka.Gzip, numbered(0, 10, 1)...)
	wait(t, "it is said", func() bool {
		s := e.src.Status(nil)
		return len(s) == 1 && strings.Contains(s[0].Problem, "is the store well?")
	})
	st.setDown(false)
	st.want(t, 10)
	wait(t, "it is over", func() bool { return e.src.Status(nil)[0].Problem == "" })
	e.leave()
}
