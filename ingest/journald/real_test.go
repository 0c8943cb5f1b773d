package journald

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mailstop/internal/golden"
)

// A writer is a journal that systemd-journal-remote writes as the test says.
type writer struct {
	t     testing.TB
	dir   string
	cmd   *exec.Cmd
	in    io.WriteCloser
	clock int64
	boot  int
}

func newWriter(t testing.TB) *writer {
	t.Helper()
	for _, need := range []string{remote, "journalctl"} {
		if _, err := exec.LookPath(need); err != nil {
			golden.Skip(t, err.Error()+"; hint: apt-get install systemd-journal-remote")
		}
	}
	j := &writer{t: t, dir: t.TempDir(), clock: time.Now().Add(-time.Minute).UnixMicro()}
	j.open("a.journal")
	t.Cleanup(j.close)
	return j
}

func (j *writer) open(name string) {
	j.cmd = exec.Command(remote, "--output="+filepath.Join(j.dir, name), "--split-mode=none", "--compress=no", "-")
	in, err := j.cmd.StdinPipe()
	if err != nil {
		j.t.Fatal(err)
	}
	if err := j.cmd.Start(); err != nil {
		j.t.Fatal(err)
	}
	j.in = in
}

func (j *writer) close() {
	_ = j.in.Close()
	_ = j.cmd.Wait()
}

// write appends records i of from..to-1, in the export format. Some have the same time as the one before.
func (j *writer) write(from, to int, transport string) {
	j.t.Helper()
	var b strings.Builder
	for i := from; i < to; i++ {
		if i%3 != 0 {
			j.clock += 17
		}
		fmt.Fprintf(&b, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=%032x\n_TRANSPORT=%s\n_HOSTNAME=fw1\n"+
			"SYSLOG_IDENTIFIER=test\nUNWANTED=x\nMESSAGE=message %d\n\n", j.clock, j.clock-j.boot0(), j.boot+1, transport, i)
	}
	if _, err := io.WriteString(j.in, b.String()); err != nil {
		j.t.Fatal(err)
	}
}

func (j *writer) boot0() int64 { return 1_000_000 * int64(j.boot+1) }

func (j *writer) options() Options {
	o := Default()
	o.Directory = j.dir
	o.ExtentAge = 30 * time.Millisecond
	return o
}

func TestRealBoots(t *testing.T) {
	j := newWriter(t)
	j.write(0, 500, "kernel")
	st := newKeeper()
	r := start(t, st, j.options(), never, false)
	r.expect(messages(0, 500)...)
	j.write(500, 600, "kernel")
	r.expect(messages(0, 600)...)
	r.stop()
	j.write(600, 650, "kernel")
	j.boot++ // what is written before and after a restart of the machine, while nobody reads
	j.write(650, 700, "kernel")
	r = start(t, st, j.options(), never, false)
	r.expect(messages(0, 700)...)
	j.boot++
	j.write(700, 750, "kernel")
	r.expect(messages(0, 750)...)
}

func TestRealMatches(t *testing.T) {
	j := newWriter(t)
	j.write(0, 10, "kernel")
	j.write(10, 20, "syslog")
	o := j.options()
	o.Matches = []string{"_TRANSPORT=kernel"}
	st := newKeeper()
	r := start(t, st, o, never, false)
	r.expect(messages(0, 10)...)
	r.stop()
	j.write(20, 30, "syslog")
	j.write(30, 40, "kernel")
	r = start(t, st, o, never, false)
	j.write(40, 50, "syslog")
	j.write(50, 60, "kernel")
	r.expect(append(append(messages(0, 10), messages(30, 10)...), messages(50, 10)...)...)
}

func TestRealStartAtTheEnd(t *testing.T) {
	j := newWriter(t)
	j.write(0, 50, "kernel")
	eventually(t, "written", func() bool {
		out, _ := exec.Command("journalctl", "-D", j.dir, "-o", "cat").Output()
		return strings.Count(string(out), "\n") == 50
	})
	o := j.options()
	o.Start = End
	var asked atomic.Bool
	o.Checkpoint = func() { asked.Store(true) }
	st := newKeeper()
	r := start(t, st, o, never, false)
	eventually(t, "a checkpoint is asked for", asked.Load)
	p, _, err := r.Checkpoint()
	if err != nil || !strings.Contains(string(p), "foreign") {
		t.Errorf("%s %v", p, err)
	}
	r.stop()
	j.write(50, 60, "kernel")
	st.position = p
	r = start(t, st, o, never, false)
	r.expect(messages(50, 10)...)
}

func TestRealReread(t *testing.T) {
	j := newWriter(t)
	j.write(0, 300, "kernel")
	st := newKeeper()
	r := start(t, st, j.options(), never, false)
	r.expect(messages(0, 300)...)
	j.write(300, 301, "kernel")
	r.expect(messages(0, 301)...)
	r.stop()
	var err error
	if st.position, _, err = r.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	j.write(301, 310, "kernel")
	r = start(t, st, j.options(), never, true)
	r.expect(messages(0, 310)...)
	r.stop()
	if n := len(st.replayed); n < 299 || n > 301 || st.replayed[0] != "message 0" {
		t.Errorf("%d messages were given again", n)
	}
}

// The journal's old files are deleted, with the record at the position in them.
func TestRealVacuum(t *testing.T) {
	j := newWriter(t)
	j.write(0, 100, "kernel")
	st := newKeeper()
	r := start(t, st, j.options(), never, false)
	r.expect(messages(0, 100)...)
	r.stop()
	j.close()
	if err := os.Remove(filepath.Join(j.dir, "a.journal")); err != nil {
		t.Fatal(err)
	}
	j.open("b.journal")
	j.clock += 1e6
	r = start(t, st, j.options(), never, false)
	j.write(100, 150, "kernel")
	r.expect(messages(0, 150)...)
}

func TestRealKills(t *testing.T) {
	j := newWriter(t)
	st := newKeeper()
	total := 0
	const rounds = 10
	for round := range rounds {
		var budget atomic.Int64
		budget.Store(rand.Int64N(12))
		o := j.options()
		o.ExtentSize = 20_000
		last := round == rounds-1
		r := start(t, st, o, func() bool { return !last && budget.Add(-1) < 0 }, false)
		for range 3 {
			n := rand.IntN(500)
			j.write(total, total+n, "kernel")
			total += n
			time.Sleep(rand.N(40 * time.Millisecond))
			killChild(r.Source)
		}
		if last {
			r.expect(messages(0, total)...)
		}
		r.stop()
	}
}

// What journalctl itself can do is the bound: it writes the JSON.
func BenchmarkRealJournal(b *testing.B) {
	j := newWriter(b)
	const n = 30_000
	j.write(0, n, "kernel")
	j.close()
	for b.Loop() {
		s, err := New(j.options())
		if err != nil {
			b.Fatal(err)
		}
		for got := 0; got < n; {
			batch, err := s.Next(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			got += len(batch.Marks)
			batch.Done()
		}
		s.Close()
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "lines/s")
}
