package kafka

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
)

// churn lets members come and go while messages are written, and counts.
func churn(t *testing.T, o Options, total, partitions int, end func(*engine), writeSome func(from, to int)) {
	st := newStore()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; i < total; i += 200 {
			writeSome(i, i+200)
			time.Sleep(20 * time.Millisecond)
		}
	}()
	rng := rand.New(rand.NewPCG(7, 7))
	members := []*engine{member(t, o, st, nil, false)}
	for range 8 {
		time.Sleep(time.Duration(200+rng.IntN(500)) * time.Millisecond)
		if len(members) > 1 && rng.IntN(2) == 0 {
			i := rng.IntN(len(members))
			end(members[i])
			members = slices.Delete(members, i, i+1)
		} else if len(members) < 3 {
			members = append(members, member(t, o, st, nil, false))
		}
	}
	<-done
	st.want(t, total)
	for _, m := range members {
		m.leave()
	}
	for source, lines := range st.order {
		last := -1
		for _, l := range lines {
			var n int
			if _, err := fmt.Sscanf(l, "line %d", &n); err != nil || n <= last {
				t.Fatalf("%s: %q after line %d", source, l, last)
			}
			last = n
		}
	}
}

func TestMembersComeAndGo(t *testing.T) {
	c, addrs := cluster(t, kfake.SeedTopics(6, "logs"))
	forward(t, c)
	churn(t, options(addrs, "logs"), 20000, 6, func(e *engine) { e.leave() },
		func(from, to int) { write(t, addrs, "logs", kafka.Lz4, numbered(from, to, 6)...) })
	sum := int64(0)
	for _, n := range committedOffsets(t, addrs, "logs", 6) {
		sum += n
	}
	if sum != 20000 {
		t.Errorf("%d messages committed, want 20000", sum)
	}
}

func TestMembersCrash(t *testing.T) {
	c, addrs := cluster(t, kfake.SeedTopics(6, "logs"), kfake.GroupMinSessionTimeout(100*time.Millisecond))
	forward(t, c)
	o := options(addrs, "logs")
	o.Session, o.Rebalance, o.Drain = 1500*time.Millisecond, 1500*time.Millisecond, 700*time.Millisecond
	churn(t, o, 10000, 6, func(e *engine) { e.crash() },
		func(from, to int) { write(t, addrs, "logs", kafka.Zstd, numbered(from, to, 6)...) })
}

// A rebalance while the store is down gives the partitions back at the drain's deadline, and commits nothing. The extent
// that was planned by then is cut again by the next owner.
func TestDrainIsBounded(t *testing.T) {
	c, addrs := cluster(t, kfake.SeedTopics(2, "logs"))
	forward(t, c)
	st := newStore()
	st.setDown(true)
	o := options(addrs, "logs")
	o.Drain = time.Second
	write(t, addrs, "logs", 0, numbered(0, 100, 1)...)
	a := member(t, o, st, nil, false)
	wait(t, "an extent is planned", func() bool { st.mu.Lock(); defer st.mu.Unlock(); return len(st.extents) > 0 })
	b := member(t, o, st, nil, false)
	wait(t, "the second member has a partition", func() bool { return len(b.src.Status(nil)) == 1 && len(a.src.Status(nil)) == 1 })
	if got := committedOffsets(t, addrs, "logs", 2); max(got[0], got[1]) > 0 {
		t.Errorf("committed %v while nothing is stored", got)
	}
	write(t, addrs, "logs", 0, numbered(100, 200, 2)...)
	st.setDown(false)
	st.want(t, 200)
	a.leave()
	b.leave()
}

func TestPartitionsAreAdded(t *testing.T) {
	_, addrs := cluster(t, kfake.SeedTopics(1, "logs"))
	st := newStore()
	o := options(addrs, "logs")
	o.Start = Last // a new partition is read from its first message all the same
	e := member(t, o, st, nil, false)
	wait(t, "joined", func() bool { return len(e.src.Status(nil)) == 1 })
	wait(t, "begun", func() bool { return committedOffsets(t, addrs, "logs", 1)[0] == 0 })
	write(t, addrs, "logs", 0, numbered(0, 10, 1)...)
	st.want(t, 10)
	admin(t, addrs, func(c *kafka.Client) error {
		r, err := c.CreatePartitions(t.Context(), &kafka.CreatePartitionsRequest{Topics: []kafka.TopicPartitionsConfig{{Name: "logs", Count: 3}}})
		if err != nil {
			return err
		}
		return r.Errors["logs"]
	})
	write(t, addrs, "logs", 0, numbered(10, 40, 3)...)
	st.want(t, 40)
	e.leave()
}

func admin(t testing.TB, addrs []string, f func(*kafka.Client) error) {
	t.Helper()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	if err := f(&kafka.Client{Addr: kafka.TCP(addrs...), Timeout: 10 * time.Second, Transport: transport}); err != nil {
		t.Fatal(err)
	}
}

func create(t testing.TB, addrs []string, topic string, partitions int) {
	t.Helper()
	admin(t, addrs, func(c *kafka.Client) error {
		r, err := c.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1}}})
		if err != nil {
			return err
		}
		return r.Errors[topic]
	})
}

func remove(t testing.TB, addrs []string, topic string) {
	t.Helper()
	admin(t, addrs, func(c *kafka.Client) error {
		r, err := c.DeleteTopics(t.Context(), &kafka.DeleteTopicsRequest{Topics: []string{topic}})
		if err != nil {
			return err
		}
		return r.Errors[topic]
	})
}

// One topic that is not there keeps the others neither from being read nor from being kept.
func TestUnknownTopic(t *testing.T) {
	_, addrs := cluster(t, kfake.SeedTopics(2, "logs"))
	write(t, addrs, "logs", 0, numbered(0, 10, 2)...)
	st := newStore()
	e := member(t, options(addrs, "logs", "later"), st, nil, false)
	st.want(t, 10)
	wait(t, "the problem is told", func() bool {
		for _, s := range e.src.Status(nil) {
			if s.Source == "kafka:later" && strings.Contains(s.Problem, "hint: create the topic") {
				return true
			}
		}
		return false
	})
	create(t, addrs, "later", 1)
	write(t, addrs, "later", 0, numbered(10, 20, 1)...)
	st.want(t, 20)
	wait(t, "the problem is gone", func() bool {
		for _, s := range e.src.Status(nil) {
			if s.Problem != "" {
				return false
			}
		}
		return true
	})
	e.leave()
}

func TestRecreatedTopic(t *testing.T) {
	_, addrs := cluster(t, kfake.SeedTopics(1, "logs"))
	st := newStore()
	e := member(t, options(addrs, "logs"), st, nil, false)
	write(t, addrs, "logs", 0, numbered(0, 300, 1)...)
	st.want(t, 300)
	remove(t, addrs, "logs")
	time.Sleep(600 * time.Millisecond)
	create(t, addrs, "logs", 1)
	// More messages than the old topic had: the old offset is in range, and would skip the first ones.
	write(t, addrs, "logs", 0, numbered(1000, 1500, 1)...)
	st.want(t, 800)
	wait(t, "commit", func() bool { return committedOffsets(t, addrs, "logs", 1)[0] == 500 })
	saved := e.leave()
	// And while nobody looks.
	remove(t, addrs, "logs")
	create(t, addrs, "logs", 1)
	write(t, addrs, "logs", 0, numbered(2000, 2600, 1)...)
	e = member(t, options(addrs, "logs"), st, saved, false)
	st.want(t, 1400)
	e.leave()
}

func TestOutOfRange(t *testing.T) {
	for _, policy := range []string{Earliest, Latest, Stop} {
		t.Run(policy, func(t *testing.T) {
			_, addrs := cluster(t, kfake.SeedTopics(1, "logs"))
			o := options(addrs, "logs")
			o.OutOfRange = policy
			st := newStore()
			e := member(t, o, st, nil, false)
			write(t, addrs, "logs", 0, numbered(0, 100, 1)...)
			st.want(t, 100)
			wait(t, "commit", func() bool { return committedOffsets(t, addrs, "logs", 1)[0] == 100 })
			saved := e.leave()
			write(t, addrs, "logs", 0, numbered(100, 500, 1)...)
			deleteRecords(t, addrs, "logs", 300)
			e = member(t, o, st, saved, false)
			switch policy {
			case Earliest:
				st.want(t, 300)
			case Latest:
				wait(t, "the end", func() bool { s := e.src.Status(nil); return len(s) == 1 && s[0].Lag == 0 && s[0].Problem == "" })
				wait(t, "it begins", func() bool {
					e.src.mu.Lock()
					defer e.src.mu.Unlock()
					return e.src.partition("logs", 0).given.Next == 500
				})
				write(t, addrs, "logs", 0, numbered(500, 510, 1)...)
				st.want(t, 110)
			case Stop:
				wait(t, "the problem", func() bool {
					s := e.src.Status(nil)
					return len(s) == 1 && strings.Contains(s[0].Problem, "200 messages are missing")
				})
				st.want(t, 100)
			}
			e.leave()
		})
	}
}

func TestShare(t *testing.T) {
	topics := []string{"a", "b"}
	with := func(id, had string) kafka.GroupMember {
		return kafka.GroupMember{ID: id, Topics: topics, UserData: []byte(had)}
	}
	all := map[string][]int{"a": {0, 1, 2, 3, 4, 5}, "b": {0}}
	got := share([]kafka.GroupMember{with("y", `{"a":[0,1,2,3,4,5],"b":[0]}`), with("x", "null"), with("z", "not ours")}, all)
	count := map[string]int{}
	seen := map[string]bool{}
	for id, ts := range got {
		for topic, ps := range ts {
			for _, p := range ps {
				count[id]++
				key := fmt.Sprint(topic, p)
				if seen[key] {
					t.Errorf("%s is given twice", key)
				}
				seen[key] = true
			}
		}
	}
	if len(seen) != 7 || count["x"] < 2 || count["y"] < 2 || count["z"] < 2 || !reflect.DeepEqual(got["y"]["a"], []int{0, 1}) {
		t.Errorf("%v", got)
	}
	again := share([]kafka.GroupMember{with("y", `{"a":[0,1]}`), with("w", ""), with("x", `{"a":[2,3]}`)}, map[string][]int{"a": {0, 1, 2, 3, 4, 5}})
	if !reflect.DeepEqual(again["y"]["a"], []int{0, 1}) || !reflect.DeepEqual(again["x"]["a"], []int{2, 3}) || !reflect.DeepEqual(again["w"]["a"], []int{4, 5}) {
		t.Errorf("%v", again)
	}
}
