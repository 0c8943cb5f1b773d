package journald

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"golang.org/x/sys/unix"

	"mailstop/event"
)

func TestFailures(t *testing.T) {
	f := newFake(t)
	f.write(t, records(0, 10)...)
	f.do(t, "refuse", "die", "half", "garbage", "half", "die", "refuse", "")
	r := start(t, newKeeper(), fakeOptions(), never, false)
	eventually(t, "the failure is told", func() bool { return strings.Contains(r.Status(nil)[0].Problem, "No such file") })
	r.expect(messages(0, 10)...)
	f.write(t, records(0, 20)...)
	r.expect(messages(0, 20)...)
	if st := r.Status(nil)[0]; st.Problem != "" || st.Source != "journal" {
		t.Errorf("%+v", st)
	}
}

func TestNoCommand(t *testing.T) {
	o := fakeOptions()
	o.Command = "/nonexistent/journalctl"
	r := start(t, newKeeper(), o, never, false)
	eventually(t, "told", func() bool { return strings.Contains(r.Status(nil)[0].Problem, "no such file") })
}

// The record at the position is gone: what there is is read, and it is said.
func TestCursorIsGone(t *testing.T) {
	f := newFake(t)
	st := newKeeper()
	st.position = []byte(`{"cursor":"c3"}`)
	f.write(t, records(10, 5)...)
	r := start(t, st, fakeOptions(), never, false)
	r.expect(messages(10, 5)...)
	r.stop()

	st = newKeeper()
	st.position = []byte(`{"cursor":"c12"}`) // this one is there
	r = start(t, st, fakeOptions(), never, false)
	r.expect(messages(13, 2)...)
}

func TestHugeLine(t *testing.T) {
	f := newFake(t)
	f.write(t, "c1 message 1", "c2 huge 200000", "c3 huge 5000001", "c4 message 4")
	r := start(t, newKeeper(), fakeOptions(), never, false)
	cut := fmt.Sprintf("%d bytes", event.MaxRaw+1)
	r.expect("message 1", cut, cut, "message 4")
}

// journalctl dies, the source is left in the middle, over and over.
func TestKills(t *testing.T) {
	f := newFake(t)
	st := newKeeper()
	total := 0
	for round := range 12 {
		n := 1 + rand.IntN(400)
		var budget atomic.Int64
		budget.Store(rand.Int64N(12))
		o := fakeOptions()
		o.ExtentSize = 5000
		last := round == 11
		f.do(t, []string{"die", "", "half"}[round%3], "")
		r := start(t, st, o, func() bool { return !last && budget.Add(-1) < 0 }, round%4 == 3)
		total += n
		f.write(t, records(0, total)...)
		for range 3 {
			time.Sleep(rand.N(30 * time.Millisecond))
			killChild(r.Source)
		}
		if last {
			r.expect(messages(0, total)...)
		}
		r.stop()
	}
}

// Where journalctl takes longer than an extent may wait for more, what the store knows is still recognised.
func TestSlowCatchUp(t *testing.T) {
	f := newFake(t)
	f.write(t, records(0, 10)...)
	st := newKeeper()
	r := start(t, st, fakeOptions(), never, false)
	r.expect(messages(0, 10)...)
	r.stop()
	st.position = nil // the checkpoint is lost
	f.write(t, records(0, 12)...)
	f.do(t, "slow", "")
	r = start(t, st, fakeOptions(), never, false)
	r.expect(messages(0, 12)...)
	r.stop()
	if len(st.replayed) != 10 {
		t.Errorf("%d messages were recognised", len(st.replayed))
	}
}

func killChild(s *Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reader.child != nil {
		_ = unix.Kill(-s.reader.child.cmd.Process.Pid, unix.SIGKILL)
	}
}

func TestCheckpointBeforeAnything(t *testing.T) {
	s, err := New(Default())
	if err != nil {
		t.Fatal(err)
	}
	if p, _, err := s.Checkpoint(); err != nil || string(p) != `{"cursor":""}` {
		t.Errorf("%s %v", p, err)
	}
	if err := s.Restore([]byte(`{"cursor":"x","foreign":true}`), false); err != nil {
		t.Error(err)
	}
	if p, _, err := s.Checkpoint(); err != nil || string(p) != `{"cursor":"x","foreign":true}` {
		t.Errorf("%s %v", p, err)
	}
	if err := s.Restore([]byte(`{`), false); err == nil {
		t.Error("restored from half a position")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Next(ctx); err == nil {
		t.Error("a batch after the end")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestArguments(t *testing.T) {
	o := Default()
	o.Matches, o.Units, o.Directory, o.Fields = []string{"_TRANSPORT=kernel"}, []string{"postfix@-.service", "ulogd2"}, "/var/log/x", nil
	if got := strings.Join(o.matches(), " "); got != "_TRANSPORT=kernel + _SYSTEMD_UNIT=postfix@-.service _SYSTEMD_UNIT=ulogd2.service" {
		t.Error(got)
	}
	if got := strings.Join(o.arguments("--x"), " "); got != "--output=json --all --no-pager --directory=/var/log/x --merge --x" {
		t.Error(got)
	}
	for name, change := range map[string]func(*Options){
		"command": func(o *Options) { o.Command = "" },
		"start":   func(o *Options) { o.Start = "" },
		"extent":  func(o *Options) { o.ExtentSize = 0 },
		"option":  func(o *Options) { o.Matches = []string{"--vacuum-size=1"} },
		"match":   func(o *Options) { o.Matches = []string{"kernel"} },
		"unit":    func(o *Options) { o.Units = []string{"postfix*"} },
		"field":   func(o *Options) { o.Fields = []string{"a,b"} },
	} {
		o := Default()
		change(&o)
		if _, err := New(o); err == nil {
			t.Error(name, "is accepted")
		}
	}
}

func TestLines(t *testing.T) {
	long := `{"MESSAGE":"` + strings.Repeat("x", 3*bufferSize) + `","__REALTIME_TIMESTAMP":"5","__CURSOR":"last"}`
	for _, c := range []struct {
		line, cursor string
		time         int64
	}{
		{`{"__CURSOR":"a","__REALTIME_TIMESTAMP":"17"}`, "a", 17},
		{`{"MESSAGE":"\"__CURSOR\":\"x\"","__CURSOR" : "b"}`, "b", 0},
		{`{"A":"__CURSOR","__CURSOR":"c"}`, "c", 0},
		{`{"__CURSOR":"d`, "", 0},
		{`{"__CURSOR":["e"]}`, "", 0},
		{``, "", 0},
		{long, "last", 5},
	} {
		text := c.line + "\n" + `{"__CURSOR":"next"}` + "\n" + `{"__CURSOR":"half"}`
		for _, l := range []*lines{newLines(strings.NewReader(text)), newLines(iotest.HalfReader(strings.NewReader(text)))} {
			r, err := l.next()
			if err != nil || r.cursor != c.cursor || r.time != c.time || !strings.HasPrefix(c.line, string(r.line)) ||
				len(r.line) != min(len(c.line), event.MaxRaw+1) {
				t.Errorf("%.60q: cursor %q, time %d, %d bytes, %v", c.line, r.cursor, r.time, len(r.line), err)
			}
			if r, err = l.next(); err != nil || r.cursor != "next" {
				t.Errorf("behind %.60q: %q, %v", c.line, r.cursor, err)
			}
			if _, err = l.next(); err == nil {
				t.Error("half a line is given")
			}
		}
	}
}

func BenchmarkLines(b *testing.B) {
	line := `{"MESSAGE":"[MAILBLOCK] IN= OUT=eth0 SRC=192.0.2.10 DST=203.0.113.25 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=57015 DF PROTO=TCP ` +
		`SPT=46330 DPT=25 WINDOW=64240 RES=0x00 SYN URGP=0","_TRANSPORT":"kernel","_HOSTNAME":"fw1","__CURSOR":"s=f7577835abaf42f3830f45da52774bc0;` +
		`i=1;b=00112233445566778899aabbccddeeff;m=f4240;t=647a070c1b24e;x=c767d4287a8a42b1","__REALTIME_TIMESTAMP":"1767604272345678"}` + "\n"
	text := []byte(strings.Repeat(line, 1000))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		l := newLines(bytes.NewReader(text))
		for {
			if _, err := l.next(); err != nil {
				break
			}
		}
	}
	b.ReportMetric(float64(1000*b.N)/b.Elapsed().Seconds(), "lines/s")
}

func TestProcessGroupIsKilled(t *testing.T) {
	c, err := spawn("/bin/sh", []string{"-c", "sleep 60 & echo $!; wait"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.next(t.Context(), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	pid := 0
	if _, err := fmt.Sscan(string(r.line), &pid); err != nil {
		t.Fatal(err)
	}
	c.kill()
	eventually(t, "the grandchild is gone", func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err != nil || bytes.Contains(stat, []byte(") Z "))
	})
}
