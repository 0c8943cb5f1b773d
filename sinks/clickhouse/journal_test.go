package clickhouse

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"mailstop/event"
	"mailstop/internal/golden"
	"mailstop/sinks"
)

func readPages(t *testing.T, j *journal) []*record {
	t.Helper()
	var out []*record
	for _, p := range j.sealed {
		if err := p.read(func(r *record) error { out = append(out, r); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestTornPage cuts a page at every byte, as a process that is killed while it writes may.
func TestTornPage(t *testing.T) {
	dir := t.TempDir()
	j, err := openJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	records := []*record{
		{extent: extent("p", "a", 0, 10), rows: 3, entries: []byte("rows\n\n"), counts: []byte{0, 1, 2}, lines: []byte("x\ny\n")},
		{extent: event.Extent{Source: "\xff/no utf-8\n", Part: "3", From: -1, To: 1 << 40, Parent: "a", Token: "b", Stored: true}},
		{extent: extent("b", "c", 10, 20), deliveries: bytes.Repeat([]byte("d"), 300)},
	}
	ends := []int64{}
	for _, r := range records {
		if err := j.append(r); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, j.open.size)
	}
	path := j.open.path
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) + 1 {
		want := 0
		for want < len(ends) && ends[want] <= int64(n) {
			want++
		}
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := openJournal(dir)
		if err != nil {
			t.Fatal(err)
		}
		got := readPages(t, j)
		if len(got) != want {
			t.Fatalf("cut at %d: %d records, want %d", n, len(got), want)
		}
		for i := range got {
			if fmt.Sprint(*got[i]) != fmt.Sprint(*records[i]) {
				t.Fatalf("got %+v, want %+v", got[i], records[i])
			}
		}
		if _, err := os.Stat(path); want == 0 && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("cut at %d: a page without records stays", n)
		}
		if want > 0 && (j.sealed[0].token != string(whole[len(pageMagic):pageHead]) || len(j.pending()) != want) {
			t.Errorf("cut at %d: token %q", n, j.sealed[0].token)
		}
	}
	whole[ends[0]+recordHead+5] ^= 1 // and a bit that fell over
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if j, err = openJournal(dir); err != nil || len(j.pending()) != 1 {
		t.Errorf("%d records, %v", len(j.pending()), err)
	}
	if err := j.append(records[0]); err != nil || j.open.path <= path {
		t.Errorf("the next page is %s, %v", j.open.path, err)
	}
	if err := j.close(); err != nil {
		t.Error(err)
	}
}

// TestJournalOnFullDisk: what does not fit is refused, and what comes before and after it is whole.
func TestJournalOnFullDisk(t *testing.T) {
	dir := t.TempDir()
	mount(t, dir, "size=64k")
	j, err := openJournal(filepath.Join(dir, "journal"))
	if err != nil {
		t.Fatal(err)
	}
	small := func(i int) *record {
		return &record{extent: extent("p", fmt.Sprint("t", i), 0, 1), entries: bytes.Repeat([]byte("e"), 1000)}
	}
	n := 0
	for ; ; n++ {
		if err = j.append(small(n)); err != nil {
			break
		}
	}
	if !Temporary(err) || n == 0 {
		t.Fatalf("after %d: %v", n, err)
	}
	if err := j.append(&record{extent: extent("p", "tiny", 0, 1), entries: bytes.Repeat([]byte("e"), 500)}); err == nil {
		n++
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	if j, err = openJournal(j.dir); err != nil || len(readPages(t, j)) != n {
		t.Errorf("%d records, want %d, %v", len(readPages(t, j)), n, err)
	}
}

// TestManySmallExtents: extents of a few lines cost next to nothing, come soon into the tables, and make few parts.
func TestManySmallExtents(t *testing.T) {
	s := open(t, embedded(t.TempDir()))
	const extents, rows = 3000, 7
	es := generate(rows, 1)
	for i := range extents {
		if err := s.Write(t.Context(), batch(s, extent(fmt.Sprint("s", i), fmt.Sprint("s", i+1), int64(i), int64(i+1)), es, 100)); err != nil {
			t.Fatal(err)
		}
	}
	after, err := s.After(t.Context(), fmt.Sprint("s", extents-1))
	if err != nil || len(after) != 1 || !after[0].Stored {
		t.Errorf("the last extent: %+v, %v", after, err)
	}
	want := fmt.Sprintf("%d|%[1]d|%[1]d|%[1]d|%[1]d", extents*rows)
	for range 200 { // without a further Write, and without Close
		if table(t, s, sums) == want {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	expect(t, s, sums, want)
	settle(t, s)
	expect(t, s, "SELECT count(), countIf(stored = 0) FROM sources FINAL", fmt.Sprintf("%d|0", extents))
	// One part for each extent and table would be 12,000.
	expect(t, s, "SELECT count() < 100 FROM system.parts WHERE database = 'mailstop'", "1")
	if files, err := os.ReadDir(s.group.journal.dir); err != nil || len(files) != 0 {
		t.Errorf("left in the journal: %v, %v", files, err)
	}
	if len(s.ledger.pending) != 0 {
		t.Errorf("%d parents pending", len(s.ledger.pending))
	}
}

// TestJournalIsStuck: what the tables refuse stops the next Write, stays over a restart, and goes in once they take it.
func TestJournalIsStuck(t *testing.T) {
	c := embedded(t.TempDir())
	s := New(c)
	needEngine(t)
	if err := s.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	es := generate(100, 1)
	if err := s.conn.Exec(t.Context(), "ALTER TABLE entries RENAME COLUMN reason TO cause"); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), batch(s, extent("a", "b", 0, 1), es, 100)); err != nil {
		t.Fatal(err)
	}
	if err := s.flush(t.Context()); err == nil {
		t.Fatal("no error")
	}
	b := batch(s, extent("b", "c", 1, 2), es, 100)
	if err := s.Write(t.Context(), b); err == nil || errors.Is(err, sinks.ErrPermanent) {
		t.Errorf("got %v", err)
	}
	if err := s.Close(t.Context()); err == nil || !strings.Contains(err.Error(), c.Embedded.Path) {
		t.Errorf("close: got %v", err)
	}
	s = open(t, c) // opens although the journal cannot be moved
	if after, err := s.After(t.Context(), "a"); err != nil || len(after) != 1 || !after[0].Stored {
		t.Errorf("got %+v, %v", after, err)
	}
	if err := s.conn.Exec(t.Context(), "ALTER TABLE entries RENAME COLUMN cause TO reason"); err != nil {
		t.Fatal(err)
	}
	write(t, s, b)
	expect(t, s, sums, "200|200|200|200|200")
}

// TestRefused hands over the lines of what was taken and refused later.
func TestRefused(t *testing.T) {
	s := open(t, embedded(t.TempDir()))
	if err := s.conn.Exec(t.Context(), "ALTER TABLE entries ADD CONSTRAINT c CHECK length != 1"); err != nil {
		t.Fatal(err)
	}
	es := generate(3, 1)
	es[1].Length = 1
	b := batch(s, extent("a", "b", 0, 1), es, 100)
	b.Lines = func(yield func(string) bool) {
		for i := range es {
			if !yield(es[i].Raw) {
				return
			}
		}
	}
	if err := s.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if err := s.flush(t.Context()); err == nil {
		t.Fatal("no error")
	}
	var lines []string
	boom := errors.New("cannot keep")
	collect := func(result error) error {
		lines = nil
		return s.Refused(t.Context(), func(e event.Extent, reason error, all func(func(string) bool)) error {
			if e.Token != "b" || !strings.Contains(reason.Error(), "469") {
				t.Errorf("%+v: %v", e, reason)
			}
			all(func(line string) bool { lines = append(lines, line); return true })
			return result
		})
	}
	if err := collect(boom); !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
	if err := collect(nil); err != nil || !slices.Equal(lines, []string{es[0].Raw, es[1].Raw, es[2].Raw}) {
		t.Errorf("got %q, %v", lines, err)
	}
	if err := collect(nil); err != nil || lines != nil {
		t.Errorf("got %q again, %v", lines, err)
	}
	write(t, s, batch(s, extent("b", "c", 1, 2), generate(5, 1), 5))
	expect(t, s, "SELECT count() FROM entries", "5")
	if after, err := s.After(t.Context(), "a"); err != nil || len(after) != 1 || !after[0].Stored {
		t.Errorf("got %+v, %v", after, err)
	}
}

// TestLongLedger: a ledger too long for memory gives the same answers.
func TestLongLedger(t *testing.T) {
	s := open(t, embedded(t.TempDir()))
	const sql = "INSERT INTO sources (parent, token, source, pos_from, pos_to, stored) SELECT 'n' || number, 'n' || number + 1, 'f', number, number + 1, 1 FROM numbers(150000)"
	if err := s.conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
	check := func(parent string, want int) {
		t.Helper()
		if after, err := s.After(t.Context(), parent); err != nil || len(after) != want {
			t.Errorf("after %s: %+v, %v", parent, after, err)
		}
	}
	check("n77", 1)
	if s.ledger.state != ledgerLong || s.ledger.after != nil {
		t.Fatalf("state %d", s.ledger.state)
	}
	for i := range 150_000 { // the engine's hash is ours
		if !s.ledger.filter.has(fmt.Sprint("n", i)) {
			t.Fatalf("n%d is not in the filter", i)
		}
	}
	wrong := 0
	for i := range 100_000 {
		if s.ledger.filter.has(fmt.Sprint("m", i)) {
			wrong++
		}
	}
	if wrong > 100 {
		t.Errorf("the filter errs %d times in 100,000", wrong)
	}
	check("n150000", 0)
	if err := s.Write(t.Context(), batch(s, extent("n150000", "x", 0, 1), nil, 1)); err != nil {
		t.Fatal(err)
	}
	check("n150000", 1) // pending
	settle(t, s)
	check("n150000", 1) // in the table
	if err := s.plan(t.Context(), extent("n5", "y", 0, 9)); err != nil {
		t.Fatal(err)
	}
	check("n5", 2)
	settle(t, s)
	check("n5", 2)

	// One that becomes too long while it is held.
	s.ledger.mu.Lock()
	s.ledger.state, s.ledger.filter, s.ledger.after, s.ledger.length = ledgerHeld, nil, map[string][]event.Extent{}, 0
	s.ledger.mu.Unlock()
	for i := range maxHeld + 1 {
		s.ledger.add(extent(fmt.Sprint("q", i), "z", 0, 1))
	}
	if s.ledger.state != ledgerLong || !s.ledger.filter.has("q0") || !s.ledger.filter.has(fmt.Sprint("q", maxHeld)) {
		t.Errorf("state %d", s.ledger.state)
	}
}

func TestSync(t *testing.T) {
	dir := t.TempDir()
	mount(t, dir, "size=1g")
	s := open(t, embedded(filepath.Join(dir, "store")))
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	want, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	real := s.durable.syncfs
	calls := 0
	s.durable.syncfs = func(fd int) error {
		calls++
		got, err := os.Stat(fmt.Sprintf("/proc/self/fd/%d", fd))
		if err != nil {
			t.Fatal(err)
		}
		if device(got) != device(want) {
			t.Error("another file system")
		}
		return real(fd)
	}
	if err := s.Sync(t.Context()); err != nil || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
	broken := errors.New("input/output error")
	s.durable.syncfs = func(int) error { return broken }
	if err := s.Sync(t.Context()); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if err := open(t, serve(t, s, "server", nil)).Sync(t.Context()); err != nil {
		t.Errorf("a server: %v", err)
	}
}

// device returns the number of the file system that a file is on.
func device(info os.FileInfo) uint64 { return info.Sys().(*syscall.Stat_t).Dev }

// TestUnchangedFindings: a finding that is as it was written last is not written again.
func TestUnchangedFindings(t *testing.T) {
	s := open(t, embedded(t.TempDir()))
	fs := findings()
	for range 5 {
		write(t, s, &sinks.Batch{Findings: fs})
	}
	expect(t, s, "SELECT count() FROM findings", fmt.Sprint(len(fs)))
	fs[0].Attempts++
	write(t, s, &sinks.Batch{Findings: fs})
	fs[1].MoreTargets++ // not in its JSON
	write(t, s, &sinks.Batch{Findings: fs})
	expect(t, s, "SELECT max(revision) > 0, count() FROM findings WHERE id = '"+fs[0].ID+"' OR id = '"+fs[1].ID+"'", "1|4")
	changed := fs[2]
	changed.Summary = "else"
	write(t, s, &sinks.Batch{Findings: []event.Finding{changed, fs[2]}}) // there and back
	got, err := s.Finding(t.Context(), fs[2].ID)
	if err != nil || got.Summary != fs[2].Summary {
		t.Errorf("got %q, %v", got.Summary, err)
	}
	s.written = written{}
	for i := range maxWritten {
		s.written[fmt.Sprint(i)] = 1
	}
	write(t, s, &sinks.Batch{Findings: fs})
	if len(s.written) != len(fs) {
		t.Errorf("%d remembered", len(s.written))
	}
}

// mount mounts an empty file system in memory until the test ends.
func mount(t *testing.T, dir, options string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		golden.Skip(t, "a file system cannot be mounted here (needs root): "+err.Error())
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
}
