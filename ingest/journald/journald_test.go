package journald

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mailstop/event"
	"mailstop/ingest"
	"mailstop/internal/golden"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A store stands for the engine and the store behind it: it keeps each extent's lines once.
type store struct {
	extents  map[string]event.Extent
	lines    map[string][]string // by token
	again    int                 // lines that were given as stored
	position json.RawMessage     // the last checkpoint
}

func newStore() *store {
	return &store{extents: map[string]event.Extent{}, lines: map[string][]string{}}
}

func (s *store) ledger(_ context.Context, parent string) ([]event.Extent, error) {
	var out []event.Extent
	for _, e := range s.extents {
		if e.Parent == parent {
			out = append(out, e)
		}
	}
	return out, nil
}

// messages returns how often each message is stored.
func (s *store) messages(t *testing.T) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, ls := range s.lines {
		for _, l := range ls {
			var r struct{ MESSAGE string }
			if err := json.Unmarshal([]byte(l), &r); err != nil {
				t.Fatalf("%q: %v", l, err)
			}
			out[r.MESSAGE]++
		}
	}
	return out
}

func (s *store) count() (n int) {
	for _, ls := range s.lines {
		n += len(ls)
	}
	return n
}

// read takes extents until there are n lines, until enough says so, or until nothing comes for a second.
func (s *store) read(t *testing.T, src *Source, enough func() bool) {
	t.Helper()
	var run []*ingest.Batch
	for !enough() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		b, err := src.Next(ctx)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if run = append(run, b); b.Extent == nil {
			continue
		}
		s.take(*b.Extent, run)
		for _, b := range run {
			b.Done()
		}
		run = nil
	}
}

func (s *store) take(e event.Extent, run []*ingest.Batch) {
	var lines []string
	for _, b := range run {
		lines = append(lines, strings.Split(strings.TrimSuffix(string(b.Data), "\n"), "\n")...)
	}
	if e.Stored {
		s.again += len(lines)
		return
	}
	e.Stored = true
	s.extents[e.Token] = e
	s.lines[e.Token] = lines
}

func (s *store) checkpoint(t *testing.T, src *Source) {
	t.Helper()
	position, committed, err := src.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	s.position = position
	if committed != nil {
		if err := committed(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// open returns a source that goes on from the store's last checkpoint.
func (s *store) open(t *testing.T, o Options, reread bool) *Source {
	t.Helper()
	o.Ledger = s.ledger
	src, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := src.Restore(s.position, reread); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = src.Close() })
	return src
}

// A journal is a folder of journal files that systemd's own program has written.
type journal struct {
	t    *testing.T
	dir  string
	next int
}

func newJournal(t *testing.T) *journal {
	t.Helper()
	if _, err := exec.LookPath("journalctl"); err != nil {
		golden.Skip(t, "no journalctl: apt-get install systemd")
	}
	if _, err := os.Stat(remote); err != nil {
		golden.Skip(t, "journals are made by systemd-journal-remote: apt-get install systemd-journal-remote")
	}
	return &journal{t: t, dir: t.TempDir()}
}

const remote = "/usr/lib/systemd/systemd-journal-remote"

// write adds n records in a file of their own. Every third has the time of the one before.
func (j *journal) write(n int) {
	j.t.Helper()
	var b bytes.Buffer
	for range n {
		at := 1767607200000000 + int64(j.next-j.next%3)*1000
		fmt.Fprintf(&b, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=0123456789abcdef0123456789abcdef\n_TRANSPORT=kernel\n"+
			"_HOSTNAME=fw-1\nSYSLOG_IDENTIFIER=kernel\nPRIORITY=4\nMESSAGE=record %d\n\n", at, j.next, j.next)
		j.next++
	}
	cmd := exec.CommandContext(j.t.Context(), remote, "-o", filepath.Join(j.dir, fmt.Sprintf("part-%06d.journal", j.next)), "-")
	cmd.Stdin = &b
	if out, err := cmd.CombinedOutput(); err != nil {
		j.t.Fatalf("%v: %s", err, out)
	}
}

func (j *journal) expect(s *store) {
	j.t.Helper()
	got := s.messages(j.t)
	lost, twice := 0, 0
	for i := range j.next {
		switch got[fmt.Sprintf("record %d", i)] {
		case 0:
			lost++
		case 1:
		default:
			twice++
		}
	}
	if lost+twice > 0 || len(got) != j.next {
		j.t.Errorf("of %d records %d are lost, %d are there twice; %d different ones", j.next, lost, twice, len(got))
	}
}

// Real journals: what is there, what comes while it is followed, and what came while nobody read; ended at any moment, after an
// extent was stored or a checkpoint written.
func TestRealJournal(t *testing.T) {
	j := newJournal(t)
	s := newStore()
	o := Default()
	o.Directory, o.ExtentAge, o.ExtentSize = j.dir, 50*time.Millisecond, 64<<10
	r := rand.New(rand.NewPCG(1, 1))
	for round := range 8 {
		if round%2 == 0 {
			j.write(100 + r.IntN(400))
		}
		src := s.open(t, o, false)
		stop := s.count() + r.IntN(300)
		s.read(t, src, func() bool { return s.count() >= stop })
		if round%3 == 1 {
			s.checkpoint(t, src)
		}
		if err := src.Close(); err != nil {
			t.Fatal(err)
		}
	}
	src := s.open(t, o, false)
	s.read(t, src, func() bool { return s.count() >= j.next })
	before := j.next
	j.write(200) // while it is followed
	s.read(t, src, func() bool { return s.count() >= j.next })
	s.checkpoint(t, src)
	j.expect(s)
	if err := src.Close(); err != nil {
		t.Fatal(err)
	}
	if s.again == 0 {
		t.Error("nothing was read again after the kills")
	}

	// The memory of it lost, the last hour is given once more, and marked.
	s.again = 0
	src = s.open(t, o, true)
	j.write(10)
	s.read(t, src, func() bool { return s.count() >= j.next })
	if s.again != before+200 {
		t.Errorf("%d records were read again, want %d", s.again, before+200)
	}
	j.expect(s)
}

func TestMatchesAndStartAtTheEnd(t *testing.T) {
	j := newJournal(t)
	j.write(20)
	s := newStore()
	o := Default()
	o.Directory, o.ExtentAge, o.Start, o.Matches = j.dir, 50*time.Millisecond, End, []string{"_TRANSPORT=kernel"}
	src := s.open(t, o, false)
	s.read(t, src, func() bool { return false })
	if n := s.count(); n != 0 {
		t.Errorf("%d records of before the start", n)
	}
	j.write(5)
	s.read(t, src, func() bool { return s.count() >= 5 })
	if got := s.messages(t); len(got) != 5 || got["record 20"] != 1 {
		t.Errorf("got %v", got)
	}
	o.Matches, o.Start = []string{"_TRANSPORT=audit"}, Beginning
	other := newStore()
	other.read(t, other.open(t, o, false), func() bool { return false })
	if n := other.count(); n != 0 {
		t.Errorf("%d records that do not match", n)
	}
}

// fakeJournal is a journalctl that fails in many ways. It keeps the number of its calls beside itself.
const fakeJournal = `#!/bin/sh
dir=$(dirname "$0")
n=$(cat "$dir/calls" 2>/dev/null || echo 0); n=$((n+1)); echo $n > "$dir/calls"
from=0
for a in "$@"; do case $a in
	--cursor=*) from=$(echo "$a" | sed 's/.*i=//; s/;.*//');;
	--after-cursor=*) from=$(($(echo "$a" | sed 's/.*i=//; s/;.*//') + 1));;
	--follow) follow=yes;;
esac; done
line() { printf '{"__CURSOR":"s=1;i=%d;t=%x","__REALTIME_TIMESTAMP":"%d","MESSAGE":"record %d"}' "$1" $((1000000 + $1)) $((1000000 + $1)) "$1"; }
i=$from
case $n in
2) echo "cannot open" >&2; exit 1;;
3) while [ $i -lt $((from + 3)) ]; do line $i; echo; i=$((i+1)); done; line $i | head -c 30; exit 0;;
4) echo "-- No entries --"; line $i; echo; exit 3;;
esac
while [ $i -lt 20 ]; do line $i; echo; i=$((i+1)); done
[ -z "$follow" ] || exec sleep 60
`

func TestJournalctlThatFails(t *testing.T) {
	command := filepath.Join(t.TempDir(), "journalctl")
	if err := os.WriteFile(command, []byte(fakeJournal), 0o700); err != nil {
		t.Fatal(err)
	}
	var said logged
	s := newStore()
	o := Default()
	o.Command, o.ExtentAge, o.Log = command, 10*time.Millisecond, slog.New(slog.NewTextHandler(&said, nil))
	if err := os.WriteFile(filepath.Join(filepath.Dir(command), "calls"), []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	src := s.open(t, o, false)
	for end := time.Now().Add(20 * time.Second); s.count() < 20 && time.Now().Before(end); {
		s.read(t, src, func() bool { return s.count() >= 20 })
	}
	got := s.messages(t)
	for i := range 20 {
		if n := got[fmt.Sprintf("record %d", i)]; n != 1 {
			t.Errorf("record %d: %d times", i, n)
		}
	}
	for _, want := range []string{"cannot open", "-- No entries --"} {
		if !strings.Contains(said.text(), want) {
			t.Errorf("the log does not say %q:\n%s", want, said.text())
		}
	}
	if st := src.Status(nil); len(st) != 1 || st[0].Problem != "" {
		t.Errorf("status %+v", st)
	}
}

type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// The record at the position is gone: that is said, and what follows is read.
func TestCursorThatIsGone(t *testing.T) {
	j := newJournal(t)
	j.write(10)
	s := newStore()
	o := Default()
	var said logged
	o.Directory, o.ExtentAge, o.Log = j.dir, 10*time.Millisecond, slog.New(slog.NewTextHandler(&said, nil))
	src := s.open(t, o, false)
	s.read(t, src, func() bool { return s.count() >= 10 })
	s.checkpoint(t, src)
	if err := src.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(j.dir, "*.journal"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	j.write(10)
	src = s.open(t, o, false)
	s.read(t, src, func() bool { return s.count() >= 20 })
	j.expect(s)
	if !strings.Contains(said.text(), "does not have the record that was read last") {
		t.Errorf("the log says\n%s", said.text())
	}
}

func TestLongLinesAndHalfOnes(t *testing.T) {
	long := `{"MESSAGE":"` + strings.Repeat("x", 3<<20) + `","__CURSOR":"c2","__REALTIME_TIMESTAMP":"7"}`
	text := `{"__CURSOR":"c1","__REALTIME_TIMESTAMP":"5","MESSAGE":"\"__CURSOR\":\"no\""}` + "\n" + long + "\n" + `{"__CURSOR" : "c3"}` + "\n{\"__CURSOR\":\"ha"
	l := newLines(strings.NewReader(text))
	for _, want := range []struct {
		cursor string
		time   int64
		length int
	}{{"c1", 5, 76}, {"c2", 7, event.MaxRaw + 1}, {"c3", 0, 19}} {
		r, err := l.next()
		if err != nil || r.cursor != want.cursor || r.time != want.time || len(r.line) != want.length {
			t.Errorf("got %q %d, %d bytes, %v; want %v", r.cursor, r.time, len(r.line), err, want)
		}
	}
	if _, err := l.next(); err == nil {
		t.Error("half a line was given")
	}
}

func FuzzLines(f *testing.F) {
	f.Add([]byte(`{"__CURSOR":"a","__REALTIME_TIMESTAMP":"5"}` + "\n" + `"__CURSOR" "__CURSOR" : "x`))
	f.Fuzz(func(t *testing.T, b []byte) {
		l := newLines(bytes.NewReader(b))
		for n := 0; ; n++ {
			r, err := l.next()
			if err != nil {
				return
			}
			if len(r.line) > event.MaxRaw+1 || n > bytes.Count(b, []byte("\n")) {
				t.Fatalf("%d bytes, line %d", len(r.line), n)
			}
		}
	})
}

func TestOptions(t *testing.T) {
	for want, change := range map[string]func(*Options){
		"command": func(o *Options) { o.Command = "" },
		"start":   func(o *Options) { o.Start = "middle" },
		"match":   func(o *Options) { o.Matches = []string{"kernel"} },
		"unit":    func(o *Options) { o.Units = []string{"postfix*"} },
		"extent":  func(o *Options) { o.ExtentSize = 0 },
	} {
		o := Default()
		change(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
