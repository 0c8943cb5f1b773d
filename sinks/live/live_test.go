package live

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"go.uber.org/goleak"

	"mailstop/event"
	"mailstop/sinks"
)

func TestMain(m *testing.M) {
	if os.Getenv(asPrinter) != "" {
		os.Exit(printer())
	}
	goleak.VerifyTestMain(m)
}

// asPrinter makes the test binary a program that prints to a standard output that somebody closes.
const asPrinter = "MAILSTOP_TEST_PRINTER"

func printer() int {
	gone := make(chan error, 1)
	o := Default()
	o.Gone = func(err error) { gone <- err }
	s := New(os.Stdout, o)
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil { // until the other end is closed
		return 3
	}
	if err := s.Write(context.Background(), batch(s, storm(1))); err != nil {
		return 4
	}
	fmt.Fprintln(os.Stderr, <-gone)
	if err := s.Write(context.Background(), batch(s, storm(1))); err != nil {
		return 5
	}
	return 0
}

// mailstop run --print | head must not end the daemon.
func TestTheEndOfStandardOutputIsNotTheEnd(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), asPrinter+"=1")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = w, &said
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	r.Close()
	if _, err := in.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || !strings.HasSuffix(said.String(), "broken pipe\n") {
		t.Errorf("%v, said %q", err, said.String())
	}
}

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with testdata/name, or rewrites that file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs: run with -update and review the diff\n--- got\n%s--- want\n%s", name, got, want)
	}
}

var start = time.Date(2026, 1, 5, 10, 2, 0, 0, time.UTC)

// packet is a SYN of web-1 to a submission port.
func packet(seconds int) event.Entry {
	return event.Entry{
		Time: start.Add(time.Duration(seconds) * time.Second).UnixNano(), TimeQuality: event.TimeExact, Host: "web-1",
		Format: event.Netfilter, Action: event.Drop, Verdict: event.VerdictField, Direction: event.Out,
		Proto: event.TCP, TCPFlags: event.SYN, Has: event.HasProto | event.HasPorts | event.HasTCPFlags,
		Src: netip.MustParseAddr("10.0.4.17"), SrcPort: 40000, Dst: netip.MustParseAddr("198.51.100.7"), DstPort: 587,
		Rule: "[UFW BLOCK]", Source: "ufw.log", Pos: int64(seconds), Raw: "raw", Count: 1,
	}
}

func with(e event.Entry, change func(*event.Entry)) event.Entry {
	change(&e)
	return e
}

func delivery(seconds int, d event.Delivery) event.Entry {
	return event.Entry{
		Time: start.Add(time.Duration(seconds) * time.Second).UnixNano(), TimeQuality: event.TimeInferredYear, Host: "mx-1",
		Format: event.Postfix, Delivery: &d, Source: "mail.log", Raw: "raw",
	}
}

// entriesOfAllKinds has what is shown and, after that, what is not.
func entriesOfAllKinds() []event.Entry {
	return []event.Entry{
		packet(0),
		with(packet(1), func(e *event.Entry) { e.Action, e.DstPort, e.Rule = event.Allow, 465, "" }),
		with(packet(2), func(e *event.Entry) {
			e.Host, e.Direction, e.DstPort, e.Count = "a-firewall-with-a-long-name", event.Forward, 25, 3
			e.Src, e.Dst = netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8:25::25")
		}),
		with(packet(3), func(e *event.Entry) { // the answer of a mail server
			e.Direction, e.TCPFlags, e.Action = event.In, event.SYN|event.ACK, event.Reject
			e.Src, e.Dst, e.SrcPort, e.DstPort = e.Dst, e.Src, 587, 40000
		}),
		with(packet(4), func(e *event.Entry) { // a log that says little
			e.TimeQuality, e.Host, e.Direction, e.Action = event.TimeNone, "", event.DirectionUnknown, event.Observe
			e.Src, e.Has, e.DstPort = netip.Addr{}, event.HasDstPort, 2525
		}),
		with(packet(5), func(e *event.Entry) { // hostile
			e.Host, e.Rule = "web\x1b[2J\u202e1", "\x1b]0;owned\a\r\n[FAKE] \u2066\xff"+strings.Repeat("x", 100)
		}),
		delivery(6, event.Delivery{
			Status: event.Deferred, RemoteHost: "mx.example.net", RemoteIP: netip.MustParseAddr("192.0.2.25"), RemotePort: 25,
			RcptDomain: "example.net", ReasonClass: event.ReasonTimeout, Reason: "connect to mx.example.net[192.0.2.25]:25: Connection timed out",
		}),
		delivery(7, event.Delivery{Status: event.Bounced, RemoteHost: "mx.example.org", RemotePort: 25, ReasonClass: event.ReasonPolicy, Reason: "550 no\x1b[31m"}),
		delivery(8, event.Delivery{Status: event.Deferred, RcptDomain: "example.com", ReasonClass: event.ReasonDNS}),

		with(packet(9), func(e *event.Entry) { e.DstPort = 443 }),
		with(packet(10), func(e *event.Entry) { e.Proto = event.UDP }),
		with(packet(11), func(e *event.Entry) { e.SrcPort, e.DstPort = 25, 443 }), // a scanner
		with(packet(12), func(e *event.Entry) { e.Outside = true }),
		with(packet(13), func(e *event.Entry) { e.Error = "cut" }),
		with(packet(14), func(e *event.Entry) { e.Note = event.NoteHeader }),
		delivery(15, event.Delivery{Status: event.Sent}),
		delivery(16, event.Delivery{}),
	}
}

func finding(id string, s event.Severity) event.Finding {
	return event.Finding{
		ID: id, Kind: "mail-out-blocked", Severity: s, Host: "web-1", Port: 587,
		Summary: "web-1 cannot reach the submission port of Microsoft 365: 132 attempts were stopped and none allowed since this morning.",
		Cause:   event.Cause{Code: event.CauseDefaultDenyOut, Text: "outgoing traffic is denied by default and no rule allows 587", Confidence: event.Likely},
		Fix: []event.Fix{
			{Platform: "ufw", Command: "sudo ufw allow out to any port 587 proto tcp comment 'mail submission'"},
			{Platform: "nft", Command: "sudo nft add rule inet filter output tcp dport 587 accept\nsudo nft list ruleset\x1b[2J"},
		},
	}
}

// batch fills a block of s.
func batch(s *Sink, es []event.Entry, fs ...event.Finding) *sinks.Batch {
	b := s.Block()
	b.Append(es)
	return &sinks.Batch{Source: "ufw.log", Blocks: []sinks.Block{b}, Findings: fs}
}

func write(t *testing.T, s *Sink, batches ...*sinks.Batch) {
	t.Helper()
	for _, b := range batches {
		if err := s.Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
}

func closed(t *testing.T, s *Sink) {
	t.Helper()
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func show(t *testing.T, change func(*Options), f func(s *Sink)) string {
	t.Helper()
	var out bytes.Buffer
	o := Default()
	change(&o)
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	s := New(&out, o)
	f(s)
	closed(t, s)
	return out.String()
}

func TestLines(t *testing.T) {
	all := func(s *Sink) { write(t, s, batch(s, entriesOfAllKinds())) }
	text := show(t, func(*Options) {}, all)
	golden(t, "lines.golden", text)
	golden(t, "lines-color.golden", show(t, func(o *Options) { o.Color = true }, all))
	for _, r := range text {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Errorf("%q is printed", r)
		}
	}
	ports := show(t, func(o *Options) { o.Ports = []uint16{443} }, all)
	if !strings.Contains(ports, "198.51.100.7:443") || strings.Contains(ports, ":587") {
		t.Errorf("other ports: %s", ports)
	}
}

func story(t *testing.T, s *Sink) {
	high, info := finding("1", event.High), finding("2", event.Info)
	info.Summary, info.Host = "7,702 probes of port 25 from 311 addresses\x1b[2J", "mx-1"
	more := high
	more.Attempts = 999
	low := finding("1", event.Low)
	gone := low
	gone.State = event.Resolved
	write(t, s,
		batch(s, nil, high, info), batch(s, nil, more), batch(s, nil, low), batch(s, nil, high), batch(s, nil, gone), batch(s, nil, gone),
		batch(s, nil, high), batch(s, nil, info))
}

func TestFindings(t *testing.T) {
	golden(t, "findings.golden", show(t, func(*Options) {}, func(s *Sink) { story(t, s) }))
	golden(t, "findings-color.golden", show(t, func(o *Options) { o.Color, o.Width = true, 60 }, func(s *Sink) { story(t, s) }))
}

func TestJSON(t *testing.T) {
	text := show(t, func(o *Options) { o.JSON, o.Limit, o.Color = true, 0, true }, func(s *Sink) {
		write(t, s, batch(s, entriesOfAllKinds()))
		story(t, s)
	})
	golden(t, "json.golden", text)
	for l := range strings.Lines(text) {
		if !json.Valid([]byte(l)) {
			t.Errorf("no JSON: %s", l)
		}
	}
}

// What was read again after a restart was shown before; what became of it in the detectors was not.
func TestStoredExtents(t *testing.T) {
	got := show(t, func(*Options) {}, func(s *Sink) {
		again := batch(s, []event.Entry{packet(0)}, finding("1", event.High))
		again.Extent.Stored = true
		write(t, s, again, batch(s, []event.Entry{packet(1)}))
	})
	if strings.Contains(got, "10:02:00Z") || !strings.Contains(got, "10:02:01Z") || !strings.Contains(got, "HIGH open") {
		t.Errorf("got %s", got)
	}
}

func storm(n int) []event.Entry {
	es := make([]event.Entry, n)
	for i := range es {
		es[i] = packet(i)
	}
	return es
}

func TestAStormDoesNotFloodATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out safeBuffer
		o := Default()
		o.Limit = 3
		s := New(&out, o)
		write(t, s, batch(s, storm(1000)), batch(s, storm(238), finding("1", event.High)))
		synctest.Wait()
		if got := out.take(); strings.Count(got, "web-1      drop") != 3 || strings.Contains(got, "more") || !strings.Contains(got, "HIGH open") {
			t.Errorf("at once: %s", got)
		}
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		if got := out.take(); got != "… 1,235 more mail entries\n" {
			t.Errorf("a second later: %q", got)
		}
		write(t, s, batch(s, storm(4)))
		time.Sleep(time.Minute)
		write(t, s, batch(s, storm(1)))
		synctest.Wait()
		if got := out.take(); strings.Count(got, "drop") != 4 || strings.Count(got, "… 1 more mail entry\n") != 1 {
			t.Errorf("later: %s", got)
		}
		// The count comes before the next line, not after it.
		write(t, s, batch(s, storm(9)))
		time.Sleep(time.Second)
		out.take()
		write(t, s, batch(s, storm(1)))
		closed(t, s)
		if got := out.take(); strings.Contains(got, "drop") && strings.Contains(got, "more") && !strings.HasPrefix(got, "… 7 more mail entries\n") {
			t.Errorf("order: %s", got)
		}
	})
}

func TestAStormOfFindings(t *testing.T) {
	got := show(t, func(o *Options) { o.Limit = 2 }, func(s *Sink) {
		var all []event.Finding
		for i := range 100 {
			all = append(all, finding(fmt.Sprint(i), event.High))
		}
		write(t, s, batch(s, nil, all...))
	})
	if strings.Count(got, "HIGH open") != 2 || !strings.HasSuffix(got, "… 98 more findings\n") {
		t.Errorf("got %s", got)
	}
}

// safeBuffer is written and read from different goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.b.Reset()
	return s.b.String()
}

// stuck takes nothing until it is released.
type stuck struct {
	release chan struct{}
	safeBuffer
}

func (s *stuck) Write(p []byte) (int, error) {
	<-s.release
	return s.safeBuffer.Write(p)
}

func TestASlowOutputHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &stuck{release: make(chan struct{})}
		o := Default()
		o.JSON, o.Limit = true, 0
		s := New(out, o)
		const batches, each = 300, 100
		for i := range batches {
			write(t, s, batch(s, storm(each), finding(fmt.Sprint(i), event.High)))
		}
		s.out.mu.Lock()
		if n := len(s.out.waiting); n > 2*maxUnwritten {
			t.Errorf("%d bytes wait", n)
		}
		s.out.mu.Unlock()
		before := time.Now()
		closed(t, s)
		if d := time.Since(before); d != closeTimeout {
			t.Errorf("close took %s", d)
		}
		close(out.release)
		synctest.Wait()
		shown, more, found := 0, 0, 0
		for l := range strings.Lines(out.take()) {
			var o struct {
				Entry   *struct{ Host string }
				Finding *struct{ Host string }
				More    *struct{ Entries, Findings int }
			}
			if err := json.Unmarshal([]byte(l), &o); err != nil {
				t.Fatalf("%v: %s", err, l)
			}
			switch {
			case o.Entry != nil:
				shown++
			case o.Finding != nil:
				found++
			case o.More != nil:
				more += o.More.Entries
				found += o.More.Findings
			}
		}
		if shown+more != batches*each || more == 0 || shown == 0 || found != batches {
			t.Errorf("%d shown, %d left out, %d findings", shown, more, found)
		}
	})
}

type broken struct{ writes int }

func (b *broken) Write([]byte) (int, error) {
	b.writes++
	return 0, errors.New("broken pipe")
}

func TestAClosedPipeEndsShowingOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out, said := &broken{}, 0
		o := Default()
		o.Gone = func(err error) {
			said++
			if err.Error() != "print: broken pipe" {
				t.Error(err)
			}
		}
		s := New(out, o)
		for range 100 {
			write(t, s, batch(s, storm(10), finding("1", event.High)))
			time.Sleep(time.Second)
		}
		if s.out.waiting != nil {
			t.Errorf("%d bytes are kept", len(s.out.waiting))
		}
		closed(t, s)
		if said != 1 || out.writes != 1 {
			t.Errorf("said %d times, %d writes", said, out.writes)
		}
	})
}

func TestNothingIsWrittenWithoutAWrite(t *testing.T) {
	if got := show(t, func(*Options) {}, func(*Sink) {}); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestKnownFindingsAreBounded(t *testing.T) {
	var k known
	for i := range 2 * maxKnown {
		f := finding(fmt.Sprint(i), event.High)
		if c, _ := k.see(&f); c != opened {
			t.Fatalf("%d: %q", i, c)
		}
	}
	if len(k.states) != maxKnown || len(k.order) != maxKnown {
		t.Errorf("%d known", len(k.states))
	}
	f := finding(fmt.Sprint(2*maxKnown-1), event.High)
	if c, _ := k.see(&f); c != unchanged {
		t.Errorf("the last one is %q", c)
	}
}

func TestOptions(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"width": func(o *Options) { o.Width = 0 }, "ports": func(o *Options) { o.Ports = nil }, "limit": func(o *Options) { o.Limit = -1 },
	} {
		o := Default()
		change(&o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A log without mail costs next to nothing.
func BenchmarkAppendOther(b *testing.B) {
	s := New(new(bytes.Buffer), Default())
	es := make([]event.Entry, 256)
	for i := range es {
		es[i] = with(packet(i), func(e *event.Entry) { e.DstPort = 443 })
	}
	b.ReportAllocs()
	for b.Loop() {
		s.Block().Append(es)
	}
}

func BenchmarkAppendMail(b *testing.B) {
	o := Default()
	o.Limit = 0
	s := New(new(bytes.Buffer), o)
	es := storm(256)
	b.ReportAllocs()
	for b.Loop() {
		bl := s.Block().(*block)
		bl.Append(es)
		*bl = block{text: bl.text[:0], ends: bl.ends[:0]}
		blocks.Put(bl)
	}
}
