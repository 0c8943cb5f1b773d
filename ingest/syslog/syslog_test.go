package syslog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func dial(t testing.TB, network, address string) net.Conn {
	t.Helper()
	c, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func send(t testing.TB, c net.Conn, text string) {
	t.Helper()
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func TestUDP(t *testing.T) {
	o := options(t)
	o.UDP = "127.0.0.1:0"
	r := start(t, newStore(), o, never)
	c := dial(t, "udp", r.address("udp"))
	for _, m := range []string{"<13>one", "<13>two\n", "<13>three\x00", "<13>a\nb\n\n", "", "\n", strings.Repeat("x", 60000)} {
		send(t, c, m)
	}
	r.expect("<13>one", "<13>two", "<13>three", "<13>a#012b", strings.Repeat("x", 60000))
	if h := r.store.hosts["<13>one"]; h != "127.0.0.1" {
		t.Errorf("sender %q", h)
	}
	st := r.Status(nil)
	if len(st) != 1 || st[0].Dropped != 0 || st[0].Lag != 0 || st[0].Problem != "" || st[0].Source != "syslog:udp://127.0.0.1:0" {
		t.Errorf("%+v", st)
	}
}

// On a socket of both families, a sender has the address it is known by.
func TestMappedAddress(t *testing.T) {
	o := options(t)
	o.UDP, o.TCP = ":0", ":0"
	r := start(t, newStore(), o, never)
	for _, network := range []string{"udp", "tcp"} {
		_, port, _ := net.SplitHostPort(r.address(network))
		c := dial(t, network, net.JoinHostPort("127.0.0.1", port))
		send(t, c, "<13>"+network+"\n")
	}
	r.expect("<13>udp", "<13>tcp")
	for line, host := range r.store.hosts {
		if host != "127.0.0.1" {
			t.Errorf("%s is from %q", line, host)
		}
	}
}

func TestHostOfConfiguration(t *testing.T) {
	o := options(t)
	o.TCP, o.Host, o.Name = "127.0.0.1:0", "fw1", "edge"
	r := start(t, newStore(), o, never)
	send(t, dial(t, "tcp", r.address("tcp")), "x\n")
	r.expect("x")
	if r.part.Host != "fw1" || r.part.Source != "edge" || !r.part.Live || r.store.hosts["x"] != "" {
		t.Errorf("%+v, mark %q", r.part, r.store.hosts["x"])
	}
}

func TestTCP(t *testing.T) {
	o := options(t)
	o.TCP = "127.0.0.1:0"
	o.MaxMessage = 1000
	r := start(t, newStore(), o, never)
	long := strings.Repeat("z", 5000)
	c := dial(t, "tcp", r.address("tcp"))
	send(t, c, "<13>line\n7 <13>one<13>nul\x00\n13 <13>two\nlines\n2026-01-05 a raw line\n2001:db8::1 no count\n99 bottles\n")
	send(t, c, fmt.Sprintf("%d <13>%s<13>after\n%s\n", len(long)+4, long, long))
	send(t, c, "10 <13>in t")
	time.Sleep(20 * time.Millisecond)
	send(t, c, "wo<13>cut in the mid")
	c.Close()
	r.expect("<13>line", "<13>one", "<13>nul", "<13>two#012lines", "2026-01-05 a raw line", "2001:db8::1 no count", "99 bottles",
		"<13>"+long[:997], "<13>after", long[:1001], "<13>in two", "<13>cut in the mid")

	c = dial(t, "tcp", r.address("tcp"))
	send(t, c, "50 <13>less than it says")
	c.Close()
	eventually(t, "the piece", func() bool { return r.store.count() == 13 })
	if r.store.hosts["<13>less than it says"] == "" {
		t.Error("a message cut off with its connection is not there")
	}
}

func TestByteByByte(t *testing.T) {
	o := options(t)
	o.TCP = "127.0.0.1:0"
	r := start(t, newStore(), o, never)
	c := dial(t, "tcp", r.address("tcp"))
	for _, b := range []byte("7 <13>one8 <13>\ntwo<13>three\n") {
		send(t, c, string(b))
	}
	r.expect("<13>one", "<13>#012two", "<13>three")
}

func TestUnix(t *testing.T) {
	o := options(t)
	o.Unix, o.UnixStream = short(t, "log"), short(t, "stream")
	o.UnixMode = 0o600
	for path, network := range map[string]string{o.Unix: "unixgram", o.UnixStream: "unix"} { // stale ones
		if network == "unixgram" {
			c, err := net.ListenPacket(network, path)
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
		} else {
			l, err := net.Listen(network, path)
			if err != nil {
				t.Fatal(err)
			}
			l.(*net.UnixListener).SetUnlinkOnClose(false)
			l.Close()
		}
	}
	r := start(t, newStore(), o, never)
	a, b := dial(t, "unixgram", r.address("unix")), dial(t, "unix", r.address("unix-stream"))
	send(t, a, "<13>gram\n")
	send(t, b, "<13>stream\n10 <13>second")
	r.expect("<13>gram", "<13>stream", "<13>second")
	if r.store.hosts["<13>gram"] != "" {
		t.Error("a host without a name has one")
	}
	for _, path := range []string{o.Unix, o.UnixStream} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Error(info, err)
		}
	}
	for _, network := range []string{"unixgram", "unix"} {
		path := map[string]string{"unixgram": o.Unix, "unix": o.UnixStream}[network]
		if err := vacate(network, path); err == nil {
			t.Error("a socket in use was taken")
		}
	}
	r.stop()
	for _, path := range []string{o.Unix, o.UnixStream} {
		if _, err := os.Lstat(path); err == nil {
			t.Error(path, "is left")
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := vacate("unix", file); err == nil {
		t.Error("a file was taken for a socket")
	}
}

func TestStdin(t *testing.T) {
	o := options(t)
	o.Stdin = strings.NewReader("one\n12 <13>no count\n\nlast")
	r := start(t, newStore(), o, never)
	r.expect("one", "12 <13>no count", "last")
	r.stop()

	o = options(t)
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer out.Close()
	o.Stdin = in
	r = start(t, newStore(), o, never)
	if _, err := out.WriteString("piped\nhalf"); err != nil {
		t.Fatal(err)
	}
	r.expect("piped")
	r.stop() // though nobody closes the pipe
}

func TestAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := options(t)
	o.UDP, o.TCP = "127.0.0.1:0", l.Addr().String()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Restore(nil, false); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil {
		t.Error("runs without its address")
	}
}

func TestConnectionLimit(t *testing.T) {
	o := options(t)
	o.TCP, o.MaxConnections = "127.0.0.1:0", 3
	r := start(t, newStore(), o, never)
	var cs []net.Conn
	for i := range 6 {
		c := dial(t, "tcp", r.address("tcp"))
		send(t, c, fmt.Sprintf("<13>%d\n", i))
		cs = append(cs, c)
	}
	r.expect("<13>0", "<13>1", "<13>2")
	eventually(t, "the problem is told", func() bool { return strings.Contains(r.Status(nil)[0].Problem, "3 connections") })
	cs[0].Close()
	cs[1].Close()
	cs[2].Close()
	r.expect("<13>0", "<13>1", "<13>2", "<13>3", "<13>4", "<13>5") // they waited
}

// What finds no room: over UDP it is dropped and counted, over TCP it waits.
func TestFullSpool(t *testing.T) {
	o := options(t)
	o.UDP, o.TCP, o.SpoolLimit = "127.0.0.1:0", "127.0.0.1:0", 8<<20
	asked := make(chan struct{}, 1)
	o.Checkpoint = func() {
		select {
		case asked <- struct{}{}:
		default:
		}
	}
	st := newStore()
	r := start(t, st, o, nil)
	tcp := dial(t, "tcp", r.address("tcp"))
	const lines, length = 1500, 10_000
	sent := make(chan error, 1)
	want := map[string]bool{}
	var text bytes.Buffer
	for i := range lines {
		line := fmt.Sprintf("<13>tcp %d %s", i, strings.Repeat("x", length))
		want[line] = true
		text.WriteString(line + "\n")
	}
	go func() {
		_, err := tcp.Write(text.Bytes())
		sent <- err
	}()
	eventually(t, "the spool is full", func() bool { return strings.Contains(r.Status(nil)[0].Problem, "full") })
	select {
	case err := <-sent:
		t.Error("the sender was not held up", err)
	default:
	}
	udp := dial(t, "udp", r.address("udp"))
	for i := range 20 {
		send(t, udp, fmt.Sprintf("<13>udp %d %s", i, strings.Repeat("x", 60000)))
	}
	eventually(t, "what is dropped is counted", func() bool { return r.Status(nil)[0].Dropped >= 15 }) // some may just fit
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- st.consume(ctx, r.Source, never) }()
	var answering sync.WaitGroup
	answering.Go(func() {
		for {
			select {
			case <-asked: // over and over, as long as there is no room
				if err := st.checkpoint(ctx, r.Source, never); err != nil {
					t.Error(err)
				}
			case <-ctx.Done():
				return
			}
		}
	})
	if err := <-sent; err != nil {
		t.Error(err)
	}
	eventually(t, "all lines", func() bool { return int64(st.count())+r.Status(nil)[0].Dropped == lines+20 })
	cancel()
	answering.Wait()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	same(t, slices.DeleteFunc(st.all(), func(l string) bool { return strings.HasPrefix(l, "<13>udp") }), want)
	if p := r.Status(nil)[0].Problem; p != "" {
		t.Errorf("still a problem: %s", p)
	}
}

// Datagrams that find the kernel's buffer full are counted.
func TestKernelDrops(t *testing.T) {
	o := options(t)
	o.UDP, o.TCP, o.ReceiveBuffer, o.SpoolLimit = "127.0.0.1:0", "127.0.0.1:0", 4096, 8<<20
	r := start(t, newStore(), o, never)
	udp := dial(t, "udp", r.address("udp"))
	sent := 0
	eventually(t, "drops", func() bool {
		for range 2000 {
			_, _ = udp.Write(bytes.Repeat([]byte("y"), 1000))
			sent++
		}
		return r.Status(nil)[0].Dropped > 0
	})
	eventually(t, "what was not dropped is there", func() bool {
		return int64(r.store.count())+r.Status(nil)[0].Dropped == int64(sent)
	})
}

func TestNothingLostNothingTwice(t *testing.T) {
	const rounds, conns, perConn = 10, 20, 500 // 100,000 lines
	o := options(t)
	o.TCP = "127.0.0.1:0"
	o.ExtentSize = 100 << 10
	st := newStore()
	want := map[string]bool{}
	for round := range rounds {
		var budget atomic.Int64
		budget.Store(rand.Int64N(40))
		r := start(t, st, o, func() bool { return round < rounds-1 && budget.Add(-1) < 0 })
		before := r.spool.Next()
		address := r.address("tcp")
		var all sync.WaitGroup
		for c := range conns {
			for i := range perConn {
				want[fmt.Sprintf("<13>round %d conn %d line %d", round, c, i)] = true
			}
			all.Go(func() {
				conn := dial(t, "tcp", address)
				defer conn.Close()
				var b bytes.Buffer
				for i := range perConn {
					line := fmt.Sprintf("<13>round %d conn %d line %d", round, c, i)
					if i%2 == 0 {
						b.WriteString(line + "\n")
					} else {
						fmt.Fprintf(&b, "%d %s", len(line), line)
					}
				}
				if _, err := b.WriteTo(conn); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		eventually(t, "the spool has them", func() bool { return r.spool.Next() == before+conns*perConn })
		if round == rounds-1 {
			eventually(t, "the store has them", func() bool { return st.count() >= len(want) })
		}
		r.stop()
	}
	same(t, st.all(), want)
}

// A checkpoint that is lost, and a memory that is: nothing is stored twice, and with reread the detectors see what lies
// before the position again.
func TestLostCheckpointAndReread(t *testing.T) {
	o := options(t)
	o.TCP = "127.0.0.1:0"
	st := newStore()
	want := map[string]bool{}
	step := func(name string, reread bool) {
		r := startAs(t, st, o, never, reread)
		c := dial(t, "tcp", r.address("tcp"))
		for i := range 100 {
			line := fmt.Sprintf("%s %d", name, i)
			want[line] = true
			send(t, c, line+"\n")
			time.Sleep(time.Millisecond)
		}
		eventually(t, "stored", func() bool { return st.count() >= len(want) })
		r.stop()
		s, err := New(r.options)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
	}
	step("first", false)
	if st.position == nil {
		t.Fatal("no checkpoint")
	}
	step("second", false)
	st.position = nil
	step("third", false)
	if len(st.replayed) > 0 && st.position == nil {
		t.Error("read again without need")
	}
	st.replayed = nil
	step("fourth", true)
	if len(st.replayed) < 290 {
		t.Errorf("%d lines were given again", len(st.replayed))
	}
	same(t, st.all(), want)
	slices.Sort(st.replayed)
	if n := len(st.replayed); n != len(slices.Compact(st.replayed)) {
		t.Error("lines were given again more than once")
	}
}

func TestPositionOfAnotherSpool(t *testing.T) {
	o := options(t)
	o.TCP = "127.0.0.1:0"
	st := newStore()
	st.position = []byte(`{"spool":"0011","next":777}`)
	r := start(t, st, o, never)
	send(t, dial(t, "tcp", r.address("tcp")), "x\n")
	r.expect("x")
	r.stop()
	st.position = []byte(fmt.Sprintf(`{"spool":%q,"next":1000}`, r.spool.Identity())) // the machine's end lost the records up to it
	r = start(t, st, o, never)
	send(t, dial(t, "tcp", r.address("tcp")), "y\n")
	r.expect("x", "y")
	r.stop()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Restore([]byte("{"), false); err == nil {
		t.Error("restored from half a position")
	}
}

func TestStoreDoesNotAnswer(t *testing.T) {
	o := options(t)
	o.TCP = "127.0.0.1:0"
	st := newStore()
	r := start(t, st, o, nil)
	send(t, dial(t, "tcp", r.address("tcp")), "x\n")
	eventually(t, "spooled", func() bool { return r.spool.Next() == 2 })
	r.stop()
	st.refuse = errors.New("connection refused")
	r = start(t, st, o, never)
	eventually(t, "said", func() bool { return strings.Contains(r.Status(nil)[0].Problem, "connection refused") })
	st.mu.Lock()
	st.refuse = nil
	st.mu.Unlock()
	r.expect("x")
}

func TestCheckpointBeforeAnything(t *testing.T) {
	o := options(t)
	o.UDP = "127.0.0.1:0"
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Status(nil); len(got) != 1 {
		t.Error(got)
	}
	position, committed, err := s.Checkpoint()
	if err != nil || committed != nil || !strings.Contains(string(position), `"next":1}`) {
		t.Errorf("%s %v", position, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestValidate(t *testing.T) {
	good := options(t)
	good.UDP = ":514"
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Options){
		"no way in":     func(o *Options) { o.UDP = "" },
		"no port":       func(o *Options) { o.TCP = "127.0.0.1" },
		"no key":        func(o *Options) { o.TLS = TLS{Listen: ":6514", Cert: "x"} },
		"no listener":   func(o *Options) { o.TLS = TLS{Cert: "x"} },
		"no spool":      func(o *Options) { o.SpoolDir = "" },
		"small spool":   func(o *Options) { o.SpoolLimit = 1 },
		"connections":   func(o *Options) { o.MaxConnections = 0 },
		"message":       func(o *Options) { o.MaxMessage = 10 },
		"idle":          func(o *Options) { o.Idle = 0 },
		"both the same": func(o *Options) { o.Unix, o.UnixStream = "a", "a" },
		"buffer":        func(o *Options) { o.ReceiveBuffer = 0 },
		"extent":        func(o *Options) { o.ExtentSize = 0 },
	} {
		o := good
		change(&o)
		if _, err := New(o); err == nil {
			t.Error(name, "is accepted")
		}
	}
}
