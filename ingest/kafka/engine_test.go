package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"mailstop/event"
	"mailstop/ingest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A store keeps rows by extent, as the real one does: it drops an insert whose token it has.
type store struct {
	mu      sync.Mutex
	extents map[string]map[string]event.Extent // by parent and token
	rows    map[string]int
	order   map[string][]string // rows by extents' source
	hosts   map[string]string
	down    bool
	known   int // inserts that were known to be stored
}

func newStore() *store {
	return &store{extents: map[string]map[string]event.Extent{}, rows: map[string]int{}, order: map[string][]string{}, hosts: map[string]string{}}
}

func (s *store) ledger(_ context.Context, parent string) ([]event.Extent, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []event.Extent
	for _, e := range s.extents[parent] {
		out = append(out, e)
	}
	return out, nil
}

func (s *store) plan(e event.Extent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.extents[e.Parent] == nil {
		s.extents[e.Parent] = map[string]event.Extent{}
	}
	if _, ok := s.extents[e.Parent][e.Token]; !ok {
		s.extents[e.Parent][e.Token] = e
	}
}

var errDown = errors.New("store is down")

func (s *store) insert(e event.Extent, lines, hosts []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return errDown
	}
	if s.extents[e.Parent][e.Token].Stored {
		s.known++
		return nil
	}
	e.Stored = true
	s.extents[e.Parent][e.Token] = e
	for i, l := range lines {
		s.rows[l]++
		s.hosts[l] = hosts[i]
	}
	s.order[e.Source] = append(s.order[e.Source], lines...)
	return nil
}

func (s *store) setDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

func (s *store) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.rows)
}

// twice returns how many rows are there more than once.
func (s *store) twice() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.rows {
		n += c - 1
	}
	return n
}

// An engine drives one source as the pipeline does, and checks the contract.
type engine struct {
	t       testing.TB
	src     *Source
	store   *store
	want    chan struct{} // a checkpoint is asked for
	stop    context.CancelFunc
	kill    atomic.Bool
	ended   chan struct{}
	mu      sync.Mutex
	saved   []byte // the checkpoint file
	seen    []string
	pass    int         // lines that only the detectors got
	manual  atomic.Bool // no checkpoint but those that are asked for
	commits atomic.Int64
}

func options(addrs []string, topics ...string) Options {
	o := Default()
	o.Brokers, o.Topics, o.Group = addrs, topics, "g"
	o.Heartbeat, o.Session, o.Rebalance, o.Drain = 200*time.Millisecond, 6*time.Second, 6*time.Second, 3*time.Second
	o.Backoff, o.FetchWait, o.Age, o.Watch = 50*time.Millisecond, 50*time.Millisecond, 150*time.Millisecond, 300*time.Millisecond
	o.Timeout = 3 * time.Second
	return o
}

// member starts one. Its checkpoint is restored from saved, nil for none.
func member(t testing.TB, o Options, st *store, saved []byte, reread bool) *engine {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	e := &engine{t: t, store: st, want: make(chan struct{}, 1), stop: stop, ended: make(chan struct{}), saved: saved}
	o.Checkpoint = func() {
		select {
		case e.want <- struct{}{}:
		default:
		}
	}
	if st != nil {
		o.Ledger = st.ledger
	}
	if testing.Verbose() {
		o.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
	}
	src, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	e.src = src
	if err := src.Restore(saved, reread); err != nil {
		t.Fatal(err)
	}
	go e.run(ctx)
	return e
}

func (e *engine) run(ctx context.Context) {
	defer close(e.ended)
	in := make(chan *ingest.Batch, 8)
	go func() {
		defer close(in)
		for {
			b, err := e.src.Next(ctx)
			if err != nil {
				if !errors.Is(err, context.Canceled) {
					e.t.Errorf("next: %v", err)
				}
				return
			}
			in <- b
		}
	}()
	var extent []*ingest.Batch
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case b, ok := <-in:
			if !ok {
				if !e.kill.Load() {
					e.checkpoint()
				}
				return
			}
			if e.check(b, extent); e.kill.Load() {
				continue
			}
			if extent = append(extent, b); b.Extent != nil || e.store == nil {
				e.flush(ctx, extent)
				extent = nil
			}
		case <-e.want:
			e.checkpoint()
		case <-tick.C:
			if !e.manual.Load() {
				e.checkpoint()
			}
		}
	}
}

func (e *engine) check(b *ingest.Batch, before []*ingest.Batch) {
	if len(b.Data) == 0 || b.Data[len(b.Data)-1] != '\n' || len(b.Marks) == 0 || b.Marks[0].At != 0 || b.From != b.Marks[0].Pos || b.To <= b.Marks[len(b.Marks)-1].Pos {
		e.t.Errorf("batch of %d bytes, %d marks, from %d to %d", len(b.Data), len(b.Marks), b.From, b.To)
	}
	if len(before) > 0 && before[0].Part != b.Part {
		e.t.Error("an extent is interrupted by another part")
	}
	for i := 1; i < len(b.Marks); i++ {
		if b.Marks[i].Pos <= b.Marks[i-1].Pos || b.Data[b.Marks[i].At-1] != '\n' {
			e.t.Errorf("mark %d: %+v after %+v", i, b.Marks[i], b.Marks[i-1])
		}
	}
}

// flush stores an extent, retrying while the store is down.
func (e *engine) flush(ctx context.Context, bs []*ingest.Batch) {
	var lines, hosts []string
	for _, b := range bs {
		for i, m := range b.Marks {
			end := len(b.Data)
			if i+1 < len(b.Marks) {
				end = b.Marks[i+1].At
			}
			for l := range strings.Lines(string(b.Data[m.At:end])) {
				lines, hosts = append(lines, strings.TrimSuffix(l, "\n")), append(hosts, m.Host)
			}
		}
	}
	if x := bs[len(bs)-1].Extent; x != nil && !x.Stored {
		e.store.plan(*x)
		for e.store.insert(*x, lines, hosts) != nil {
			if ctx.Err() != nil || e.kill.Load() {
				return
			}
			select { // barriers do not overtake; they are answered with what is done
			case <-e.want:
				e.checkpoint()
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
	e.mu.Lock()
	if x := bs[len(bs)-1].Extent; x != nil && x.Stored {
		e.pass += len(lines)
	}
	e.seen = append(e.seen, lines...)
	e.mu.Unlock()
	if e.kill.Load() {
		return
	}
	for _, b := range bs {
		b.Done()
	}
}

func (e *engine) checkpoint() {
	position, committed, err := e.src.Checkpoint()
	if err != nil {
		e.t.Error(err)
		return
	}
	e.mu.Lock()
	e.saved = position
	e.mu.Unlock()
	if committed != nil {
		if err := committed(context.Background()); err != nil {
			e.t.Errorf("committed: %v", err)
		}
	}
	e.commits.Add(1)
}

func (e *engine) passed() (seen, onlyDetectors int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.seen), e.pass
}

// leave stops the member as the daemon does, and returns its checkpoint.
func (e *engine) leave() []byte {
	e.stop()
	<-e.ended
	if err := e.src.Close(); err != nil {
		e.t.Error(err)
	}
	return e.saved
}

// crash ends the member as SIGKILL does: nothing more is stored, committed or said.
func (e *engine) crash() []byte {
	e.kill.Store(true)
	e.src.net.cut()
	return e.leave()
}

// wait waits until the condition holds.
func wait(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !f(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func (s *store) want(t testing.TB, n int) {
	t.Helper()
	wait(t, fmt.Sprintf("%d rows", n), func() bool { return s.count() >= n })
	if s.count() != n || s.twice() != 0 {
		t.Errorf("%d rows, want %d; %d twice", s.count(), n, s.twice())
	}
}

func cluster(t testing.TB, opts ...kfake.Opt) (*kfake.Cluster, []string) {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, c.ListenAddrs()
}

// write produces messages, each to the partition that it names.
func write(t testing.TB, addrs []string, topic string, compression kafka.Compression, ms ...kafka.Message) {
	t.Helper()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	w := &kafka.Writer{
		Addr: kafka.TCP(addrs...), Topic: topic, RequiredAcks: kafka.RequireAll, BatchTimeout: 2 * time.Millisecond, BatchSize: 500, BatchBytes: 32 << 20,
		Compression: compression, Transport: transport, MaxAttempts: 30,
		Balancer: kafka.BalancerFunc(func(m kafka.Message, _ ...int) int { return m.WriterData.(int) }),
	}
	defer w.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := w.WriteMessages(ctx, ms...); err != nil {
		t.Fatal(err)
	}
}

// numbered makes messages from..to-1, whose values are their numbers, round over the partitions.
func numbered(from, to, partitions int) []kafka.Message {
	ms := make([]kafka.Message, 0, to-from)
	for i := from; i < to; i++ {
		ms = append(ms, kafka.Message{Value: fmt.Appendf(nil, "line %d", i), WriterData: i % partitions})
	}
	return ms
}

// committedOffsets asks the group's coordinator.
func committedOffsets(t testing.TB, addrs []string, topic string, partitions int) []int64 {
	t.Helper()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	c := &kafka.Client{Addr: kafka.TCP(addrs...), Timeout: 5 * time.Second, Transport: transport}
	all := make([]int, partitions)
	for i := range all {
		all[i] = i
	}
	out := make([]int64, partitions)
	var err error
	for range 100 { // the coordinator may be loading
		var r *kafka.OffsetFetchResponse
		r, err = c.OffsetFetch(t.Context(), &kafka.OffsetFetchRequest{GroupID: "g", Topics: map[string][]int{topic: all}})
		if err == nil {
			err = r.Error
		}
		for i := 0; err == nil && i < len(r.Topics[topic]); i++ {
			p := r.Topics[topic][i]
			out[p.Partition], err = p.CommittedOffset, p.Error
		}
		if err == nil && len(r.Topics[topic]) == partitions {
			return out
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("offsets of %s: %v", topic, err)
	return nil
}

// forward fails the test when an offset is committed that is below one committed before.
func forward(t testing.TB, c *kfake.Cluster) *atomic.Int64 {
	var mu sync.Mutex
	var n atomic.Int64
	last := map[string]int64{}
	c.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		mu.Lock()
		defer mu.Unlock()
		n.Add(1)
		for _, topic := range req.(*kmsg.OffsetCommitRequest).Topics {
			for _, p := range topic.Partitions {
				key := fmt.Sprint(topic.Topic, "/", p.Partition)
				if p.Offset < last[key] {
					t.Errorf("%s: %d is committed after %d", key, p.Offset, last[key])
				}
				last[key] = p.Offset
			}
		}
		return nil, nil, false
	})
	return &n
}
