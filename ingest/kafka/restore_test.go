package kafka

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"mailstop/event"
)

// dated makes messages from..to-1 of partition 0, the last one now and each one a minute after the one before it.
func dated(from, to int) []kafka.Message {
	ms := numbered(from, to, 1)
	now := time.Now()
	for i := range ms {
		ms[i].Time = now.Add(-time.Duration(len(ms)-1-i) * time.Minute)
	}
	return ms
}

// first returns the first line that a member's detectors got, and how many came as stored.
func (e *engine) first() (string, int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.seen) == 0 {
		return "", 0
	}
	return e.seen[0], e.pass
}

func TestRestore(t *testing.T) {
	for _, c := range []struct {
		name       string
		position   int // of the checkpoint; -1: none
		reread     bool
		set        func(*Options)
		begin      int // the first line that is given
		storedUpTo int
	}{
		{"the position is what is committed", 200, false, nil, 200, 200},
		{"the position lies before", 150, false, nil, 150, 200},
		{"the position lies behind: the commit was lost", 230, false, nil, 230, 230},
		{"the position lies too far before", 10, false, func(o *Options) { o.MaxBehind = 100 }, 140, 200},
		{"no position: an hour", -1, false, nil, 140, 200},
		{"no position: not too many", -1, false, func(o *Options) { o.Reread = 20 }, 180, 200},
		{"no position: not wanted", -1, false, func(o *Options) { o.RereadAge = 0 }, 200, 200},
		{"the detectors forgot", 200, true, nil, 140, 200},
		{"the detectors forgot, and the commit was lost", 230, true, nil, 170, 230},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, addrs := cluster(t, kfake.SeedTopics(1, "logs"))
			ms := dated(0, 300)
			write(t, addrs, "logs", 0, ms...)
			o := options(addrs, "logs")
			if c.set != nil {
				c.set(&o)
			}
			admin(t, addrs, func(cl *kafka.Client) error {
				_, err := cl.OffsetCommit(t.Context(), &kafka.OffsetCommitRequest{
					GroupID: "g", GenerationID: -1,
					Topics: map[string][]kafka.OffsetCommit{"logs": {{Partition: 0, Offset: 200}}},
				})
				return err
			})
			var saved []byte
			if c.position >= 0 {
				saved = fmt.Appendf(nil, `{"topics":{"logs":{"0":{"next":%d,"at":%d,"time":%d}},"gone":{}}}`, c.position, c.position-1, ms[c.position-1].Time.UnixMilli())
			}
			st := newStore()
			e := member(t, o, st, saved, c.reread)
			st.want(t, 300-c.storedUpTo)
			wait(t, "commit", func() bool { return committedOffsets(t, addrs, "logs", 1)[0] == 300 })
			first, passed := e.first()
			if want := fmt.Sprint("line ", c.begin); first != want || passed != c.storedUpTo-c.begin {
				t.Errorf("begins at %q, %d stored; want %q, %d", first, passed, want, c.storedUpTo-c.begin)
			}
			if saved := e.leave(); !strings.Contains(string(saved), `"next":300,"at":299`) {
				t.Errorf("position %s", saved)
			}
		})
	}
}

func TestRestoreRefusesNonsense(t *testing.T) {
	for _, bad := range []string{`{`, `{"topics":{"logs":{"x":{"next":1,"at":0}}}}`, `{"topics":{"logs":{"0":{"next":-5,"at":-6}}}}`, `{"topics":{"logs":{"0":{"next":5,"at":7}}}}`} {
		s, err := New(options([]string{"127.0.0.1:9092"}, "logs"))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Restore([]byte(bad), false); err == nil {
			t.Errorf("%s is taken", bad)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Messages without lines are passed by, also at the end, and an extent begins at its first line wherever reading began.
func TestExtentsBeginAtLines(t *testing.T) {
	_, addrs := cluster(t, kfake.SeedTopics(1, "logs"))
	blank := func(n int) (ms []kafka.Message) {
		for range n {
			ms = append(ms, kafka.Message{Key: []byte("k"), WriterData: 0})
		}
		return ms
	}
	write(t, addrs, "logs", 0, slices.Concat(numbered(0, 5, 1), blank(5))...)
	st := newStore()
	o := options(addrs, "logs")
	e := member(t, o, st, nil, false)
	st.want(t, 5)
	wait(t, "the empty messages are committed", func() bool { return committedOffsets(t, addrs, "logs", 1)[0] == 10 })
	e.manual.Store(true) // what comes now is stored, not committed
	time.Sleep(200 * time.Millisecond)
	write(t, addrs, "logs", 0, slices.Concat(blank(3), numbered(5, 9, 1))...)
	st.want(t, 9)
	saved := e.crash()
	e = member(t, o, st, saved, false)
	wait(t, "commit", func() bool { return committedOffsets(t, addrs, "logs", 1)[0] == 17 })
	e.leave()
	st.want(t, 9)
}

// A planned extent that ends in the middle of what is read is met; what lies behind it is another extent.
func TestKnownExtentsAreMet(t *testing.T) {
	_, addrs := cluster(t, kfake.SeedTopics(1, "logs"))
	write(t, addrs, "logs", 0, numbered(0, 1000, 1)...)
	// One store sees extents of at most 100 bytes of lines, but they are only planned.
	o := options(addrs, "logs")
	o.BatchBytes, o.ExtentBytes = 64, 100
	planned := newStore()
	e := member(t, o, planned, nil, false)
	planned.want(t, 1000)
	e.crash()
	var ends []int64
	st := newStore()
	for parent, es := range planned.extents {
		st.extents[parent] = map[string]event.Extent{}
		for token, x := range es {
			x.Stored = false
			st.extents[parent][token] = x
			ends = append(ends, x.To)
		}
	}
	o = options(addrs, "logs")
	o.Group = "other"
	e = member(t, o, st, nil, false)
	st.want(t, 1000)
	e.leave()
	for _, es := range st.extents {
		for _, x := range es {
			if !slices.Contains(ends, x.To) {
				t.Errorf("extent %d to %d was not planned", x.From, x.To)
			}
		}
	}
}

// While the ledger does not answer nothing is given, since nobody knows what is stored.
func TestLedgerAway(t *testing.T) {
	_, addrs := cluster(t, kfake.SeedTopics(1, "logs"))
	write(t, addrs, "logs", 0, numbered(0, 10, 1)...)
	o := options(addrs, "logs")
	st := newStore()
	up := make(chan struct{})
	o.Ledger = func(ctx context.Context, parent string) ([]event.Extent, error) {
		select {
		case <-up:
			return st.ledger(ctx, parent)
		default:
			return nil, errDown
		}
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer cancel()
	if b, err := s.Next(ctx); err == nil {
		t.Errorf("%d bytes are given", len(b.Data))
	}
	if ss := s.Status(nil); len(ss) != 1 || !strings.Contains(ss[0].Problem, "store is down") {
		t.Errorf("status %+v", ss)
	}
	close(up)
	if b, err := s.Next(t.Context()); err != nil || b.Extent == nil || b.Extent.To != 10 {
		t.Errorf("%+v, %v", b, err)
	}
}

func TestValidate(t *testing.T) {
	good := options([]string{"127.0.0.1:9092"}, "logs")
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		hint string
		set  func(*Options)
	}{
		{"brokers: none", func(o *Options) { o.Brokers = nil }},
		{"not host:port", func(o *Options) { o.Brokers = []string{"kafka"} }},
		{"topics: none", func(o *Options) { o.Topics = nil }},
		{"topics: \"a b\"", func(o *Options) { o.Topics = []string{"a b"} }},
		{"given twice", func(o *Options) { o.Topics = []string{"a", "a"} }},
		{"group:", func(o *Options) { o.Group = "" }},
		{"start:", func(o *Options) { o.Start = "middle" }},
		{"out_of_range:", func(o *Options) { o.OutOfRange = "" }},
		{"sasl: mechanism", func(o *Options) { o.SASL = SASL{"GSSAPI", "u", "p"} }},
		{"sasl: user", func(o *Options) { o.SASL = SASL{"PLAIN", "u", ""} }},
		{"tls: settings", func(o *Options) { o.TLS.CA = "ca.pem" }},
		{"cert and key", func(o *Options) { o.TLS = TLS{Enabled: true, Cert: "c"} }},
		{"drain:", func(o *Options) { o.Drain = o.Session }},
		{"heartbeat:", func(o *Options) { o.Heartbeat = o.Session }},
		{"sizes", func(o *Options) { o.ExtentBytes = 1 }},
		{"times", func(o *Options) { o.Age = 0 }},
		{"read again", func(o *Options) { o.Reread = -1 }},
	} {
		o := good
		c.set(&o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), c.hint) {
			t.Errorf("%s: %v", c.hint, err)
		}
	}
	if err := Default().Validate(); err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("the defaults lack brokers and topics only: %v", err)
	}
}
