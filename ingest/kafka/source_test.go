package kafka

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
)

var large = kfake.BrokerConfigs(map[string]string{"message.max.bytes": "33554432"})

func TestOrderCodecsAndLines(t *testing.T) {
	_, addrs := cluster(t, kfake.SeedTopics(1, "logs"), large)
	var want []string
	add := func(lines ...string) { want = append(want, lines...) }
	huge := strings.Repeat("x", 3<<20)
	at := time.UnixMilli(1700000000123)
	for i, codec := range []kafka.Compression{0, kafka.Gzip, kafka.Snappy, kafka.Lz4, kafka.Zstd} {
		m := func(value string, hs ...kafka.Header) kafka.Message {
			return kafka.Message{Value: []byte(value), WriterData: 0, Headers: hs, Time: at}
		}
		n := func(s string) string { return fmt.Sprint(s, " ", i) }
		write(t, addrs, "logs", codec,
			m(n("one")), m(""), kafka.Message{Key: []byte("tombstone"), WriterData: 0},
			m(n("two a")+"\n"+n("two b")), m(n("crlf")+"\r\n"+n("end")+"\r\n"),
			m(n("named"), kafka.Header{Key: "Host", Value: []byte("mx-1")}), m(n("plain")), m(n(huge)), m(n("last")))
		add(n("one"), n("two a"), n("two b"), n("crlf")+"\r", n("end")+"\r", n("named"), n("plain"), n(huge), n("last"))
	}
	st := newStore()
	e := member(t, options(addrs, "logs"), st, nil, false)
	st.want(t, len(want))
	wait(t, "what is read is committed", func() bool { return committedOffsets(t, addrs, "logs", 1)[0] == 45 })
	e.leave()
	if got := st.order["kafka logs/0"]; !slices.Equal(got, want) {
		t.Errorf("%d lines in another order than the %d written", len(got), len(want))
	}
	if st.hosts["named 3"] != "mx-1" || st.hosts["plain 3"] != "" {
		t.Errorf("hosts %q, %q", st.hosts["named 3"], st.hosts["plain 3"])
	}
	if n := e.src.Empty(); n != 10 {
		t.Errorf("%d empty messages, want 10", n)
	}
}

func TestMarksCarryTheTime(t *testing.T) {
	_, addrs := cluster(t, kfake.SeedTopics(1, "logs"))
	write(t, addrs, "logs", 0, kafka.Message{Value: []byte("a\nb"), WriterData: 0, Time: time.UnixMilli(1700000000123)})
	o := options(addrs, "logs")
	o.Host = "fw-1"
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b, err := s.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if string(b.Data) != "a\nb\n" || len(b.Marks) != 1 || b.Marks[0].Received != 1700000000123e6 || b.Extent != nil {
		t.Errorf("%q %+v %v", b.Data, b.Marks, b.Extent)
	}
	if p := b.Part; p.Source != "kafka:logs" || p.Name != "0" || p.Host != "fw-1" || !p.Live {
		t.Errorf("part %+v", p)
	}
}

// A message that is larger than what is asked for at once comes all the same, and what follows it too.
func TestMessageLargerThanAFetch(t *testing.T) {
	_, addrs := cluster(t, kfake.SeedTopics(1, "logs"), large)
	huge := bytes.Repeat([]byte("0123456789abcde\n"), 12<<20/16)
	write(t, addrs, "logs", 0, kafka.Message{Value: []byte("first"), WriterData: 0})
	write(t, addrs, "logs", 0, kafka.Message{Value: huge, WriterData: 0})
	write(t, addrs, "logs", 0, kafka.Message{Value: []byte("last"), WriterData: 0})
	o := options(addrs, "logs")
	o.FetchBytes = 1 << 20
	st := newStore()
	e := member(t, o, st, nil, false)
	wait(t, "the last message", func() bool {
		st.mu.Lock()
		defer st.mu.Unlock()
		return st.rows["last"] == 1
	})
	e.leave()
	if n := st.rows["0123456789abcde"]; n != len(huge)/16 {
		t.Errorf("%d lines of the large message, want %d", n, len(huge)/16)
	}
}

func TestNothingIsCommittedThatIsNotStored(t *testing.T) {
	c, addrs := cluster(t, kfake.SeedTopics(2, "logs"))
	commits := forward(t, c)
	write(t, addrs, "logs", kafka.Lz4, numbered(0, 1000, 2)...)
	st := newStore()
	st.setDown(true)
	e := member(t, options(addrs, "logs"), st, nil, false)
	wait(t, "checkpoints", func() bool {
		e.src.mu.Lock()
		defer e.src.mu.Unlock()
		return len(e.src.partition("logs", 0).flight) > 0
	})
	time.Sleep(500 * time.Millisecond)
	if got := committedOffsets(t, addrs, "logs", 2); max(got[0], got[1]) > 0 {
		t.Errorf("committed %v while nothing is stored", got)
	}
	st.setDown(false)
	st.want(t, 1000)
	wait(t, "commits", func() bool { return slices.Equal(committedOffsets(t, addrs, "logs", 2), []int64{500, 500}) })
	e.leave()
	if commits.Load() == 0 {
		t.Error("no commit was seen")
	}
}

// Done alone commits nothing: the position must be written down first.
func TestCommitsOnlyWhenTheCheckpointIsWritten(t *testing.T) {
	_, addrs := cluster(t, kfake.SeedTopics(1, "logs"))
	write(t, addrs, "logs", 0, numbered(0, 10, 1)...)
	s, err := New(options(addrs, "logs"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b, err := s.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	early, committed, err := s.Checkpoint()
	if err != nil || !strings.Contains(string(early), `"next":0,`) {
		t.Fatalf("position %s, %v", early, err)
	}
	b.Done()
	if committed != nil {
		if err := committed(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := committedOffsets(t, addrs, "logs", 1)[0]; got > 0 {
		t.Errorf("a checkpoint from before Done committed %d", got)
	}
	position, committed, err := s.Checkpoint()
	if err != nil || !strings.Contains(string(position), `"next":10,`) {
		t.Fatalf("position %s, %v", position, err)
	}
	if err := committed(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := committedOffsets(t, addrs, "logs", 1)[0]; got != 10 {
		t.Errorf("committed %d, want 10", got)
	}
}

// Stored, not committed: the next owner cuts the same extents again, although it would cut others by itself.
func TestCrashBetweenStoreAndCommit(t *testing.T) {
	c, addrs := cluster(t, kfake.SeedTopics(1, "logs"))
	forward(t, c)
	st := newStore()
	o := options(addrs, "logs")
	o.BatchBytes, o.ExtentBytes = 200, 700
	e := member(t, o, st, nil, false)
	e.manual.Store(true)
	write(t, addrs, "logs", 0, numbered(0, 500, 1)...)
	wait(t, "rows", func() bool { return st.count() > 100 })
	e.crash()
	if st.count() == 0 {
		t.Fatal("nothing stored")
	}
	write(t, addrs, "logs", 0, numbered(500, 700, 1)...)
	o.BatchBytes, o.ExtentBytes = 512<<10, 16<<20
	e = member(t, o, st, nil, false)
	st.want(t, 700)
	if _, only := e.passed(); only < 100 {
		t.Errorf("%d lines were known to be stored", only)
	}
	e.leave()
}

func TestLag(t *testing.T) {
	_, addrs := cluster(t, kfake.SeedTopics(1, "logs"))
	ms := numbered(0, 100, 1)
	for i := range ms {
		ms[i].Time = time.UnixMilli(1700000000000 + int64(i))
	}
	write(t, addrs, "logs", 0, ms...)
	o := options(addrs, "logs")
	o.BatchBytes, o.ExtentBytes, o.Ledger = 80, 80, newStore().ledger // about ten lines
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b, err := s.Next(t.Context())
	for err == nil && b.Extent == nil {
		b, err = s.Next(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	st := s.Status(nil)
	if len(st) != 1 || st[0].Source != "kafka:logs" || st[0].Part != "0" || st[0].Lag != 100-b.To || b.To > 20 || st[0].Behind.Year() != 2023 {
		t.Errorf("status %+v after offset %d", st, b.To)
	}
	for b.To < 100 {
		if b, err = s.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if st := s.Status(nil); st[0].Lag != 0 || !st[0].Behind.IsZero() {
		t.Errorf("status %+v at the end", st)
	}
}
