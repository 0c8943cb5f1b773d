package torture

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A world is one installation: a configuration, a state folder, a store, and a daemon that comes and goes.
type world struct {
	t       *testing.T
	dir     string
	sources []string // items of the configuration's list
	servers string   // mail.servers
	dsn     string   // of the store; empty: embedded
	state   string   // folder
	store   string   // folder
	base    time.Time
	writers []*writer

	mu sync.Mutex
	d  *daemon
}

// newWorld makes a world. Its daemon is killed with the test, and its last words are shown if the test has failed.
func newWorld(t *testing.T) *world {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, dir: dir, state: filepath.Join(dir, "state"), store: filepath.Join(dir, "store"), servers: "192.0.2.25",
		base: time.Now().UTC().Truncate(time.Hour).Add(-72 * time.Hour),
	}
	t.Cleanup(func() {
		if d := w.daemon(); d != nil {
			d.kill()
		}
		if t.Failed() {
			b, _ := os.ReadFile(w.path("log"))
			t.Logf("the daemon's words end:\n%s", b[max(0, len(b)-6000):])
		}
	})
	return w
}

func (w *world) path(name ...string) string {
	return filepath.Join(append([]string{w.dir}, name...)...)
}

// file adds a source that follows a file or pattern.
func (w *world) file(pattern ...string) {
	w.source("file: {paths: [" + strings.Join(pattern, ", ") + "], silent_after: never}")
}

func (w *world) source(item string) { w.sources = append(w.sources, item) }

// configure writes the configuration.
func (w *world) configure() {
	w.t.Helper()
	store := "{keep: all, embedded: {path: " + w.store + "}}"
	if w.dsn != "" {
		store = "{keep: all, clickhouse: {dsn: \"" + w.dsn + "\"}}"
	}
	text := "state_dir: " + w.state + "\nhttp: {listen: 127.0.0.1:0}\nstore: " + store +
		"\nmail: {servers: [" + w.servers + "], networks: [10.0.0.0/8, 192.0.2.0/24]}\nsources:\n"
	for _, s := range w.sources {
		text += "  - " + s + "\n"
	}
	write(w.t, w.path("mailstop.yaml"), text)
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (w *world) daemon() *daemon {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.d
}

// start configures and runs the daemon, and waits until it reads.
func (w *world) start() {
	w.t.Helper()
	w.configure()
	if err := w.launch(); err != nil {
		w.t.Fatal(err)
	}
}

// launch runs the daemon and waits until it reads. It may be called by any goroutine, while nobody else starts or stops the daemon.
func (w *world) launch() error {
	if err := w.spawn(); err != nil {
		return err
	}
	return w.daemon().saying("mailstop: running")
}

// spawn is launch without waiting.
func (w *world) spawn() error {
	d, err := launch(w.path("log"), "run", "-c", w.path("mailstop.yaml"))
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.d = d
	w.mu.Unlock()
	return nil
}

// crash kills the daemon and starts it again.
func (w *world) crash() error {
	w.daemon().kill()
	return w.launch()
}

// stop ends the daemon in order.
func (w *world) stop() {
	w.t.Helper()
	d := w.daemon()
	begin := time.Now()
	d.signal(syscall.SIGTERM)
	select {
	case <-d.ended:
	case <-time.After(time.Minute): // 10 s are promised; the machine may be busy
		w.t.Fatal("the daemon does not stop within a minute")
	}
	if d.err != nil {
		w.t.Fatalf("the daemon ended with %v", d.err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		w.t.Logf("stopping took %v", took)
	}
}

// ask queries the store, through the daemon if it runs.
func (w *world) ask(sql string) ([]byte, error) {
	return try("query", "-c", w.path("mailstop.yaml"), "-o", "json", sql)
}

// A row is what the store says of a host.
type row struct {
	Host           string
	N, Unique, Sum uint64
	Long           uint64
	Minutes, Hours uint64
}

const census = `SELECT host AS Host, sum(n) AS N, sum(u) AS Unique, sum(c) AS Sum, sum(l) AS Long, sum(m) AS Minutes, sum(h) AS Hours FROM (
SELECT host, count() AS n, uniqExact(mark) AS u, sum(if(length(raw) < 60000, CRC32(raw), 0)) AS c, countIf(length(raw) >= 60000) AS l, 0 AS m, 0 AS h FROM entries GROUP BY host
UNION ALL SELECT host, 0, 0, 0, 0, sum(packets), 0 FROM rollup_1m GROUP BY host
UNION ALL SELECT host, 0, 0, 0, 0, 0, sum(packets) FROM rollup_1h GROUP BY host
) GROUP BY host`

func (w *world) census() (map[string]row, error) {
	out, err := w.ask(census)
	if err != nil {
		return nil, err
	}
	rows := map[string]row{}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var r row
		if err := d.Decode(&r); err != nil {
			return nil, fmt.Errorf("%w: %s", err, out)
		}
		rows[r.Host] = r
	}
	return rows, nil
}

// stored returns how many rows the store has; -1 if it does not tell.
func (w *world) stored() int64 {
	out, err := w.ask("SELECT count() AS N FROM entries")
	var r row
	if err != nil || json.Unmarshal(out, &r) != nil {
		return -1
	}
	return int64(r.N)
}

// written is how many lines there are to be stored.
func (w *world) written() int64 {
	n := int64(0)
	for _, x := range w.writers {
		n += x.lines()
	}
	return n
}

// settle waits until the store has all that was written. It gives up when nothing has come for long.
func (w *world) settle() {
	w.t.Helper()
	last, moved := int64(-2), time.Now()
	for {
		n := w.stored()
		if n >= w.written() {
			return
		}
		if n != last {
			last, moved = n, time.Now()
		}
		if w.daemon().gone() {
			w.t.Errorf("the daemon ended: %v", w.daemon().err)
			return
		}
		if time.Since(moved) > size(2*time.Minute, 5*time.Minute) {
			w.t.Errorf("%d of %d lines are stored, and no more come", n, w.written())
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// verify compares the store with what was written: rows, their text, and the counts. Nothing may write meanwhile.
func (w *world) verify() {
	w.t.Helper()
	var rows map[string]row
	var err error
	for range 3 { // a daemon that was just killed may still be ending
		if rows, err = w.census(); err == nil {
			break
		}
		time.Sleep(time.Second)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	want := map[string]row{}
	for _, x := range w.writers {
		want[x.host] = x.expected(want[x.host])
	}
	for host, r := range want {
		got := rows[host]
		if got.Host = host; got == r {
			continue
		}
		w.t.Errorf("%s: the store has %+v, want %+v", host, got, r)
		w.differences(host)
	}
	for host, r := range rows {
		if _, ok := want[host]; !ok {
			w.t.Errorf("the store has lines of %q, which nobody wrote: %+v", host, r)
		}
	}
}

// differences says which lines are missing or there twice.
func (w *world) differences(host string) {
	out, err := w.ask("SELECT mark, count() AS n, groupArray(concat(source, ' ', toString(pos))) AS places FROM entries WHERE host = '" + host +
		"' GROUP BY mark ORDER BY mark")
	if err != nil {
		w.t.Error(err)
		return
	}
	next, said := uint64(1), 0
	in := bufio.NewScanner(bytes.NewReader(out))
	in.Buffer(nil, 64<<20)
	for in.Scan() && said < 10 {
		var r struct {
			Mark   uint64   `json:"mark"`
			N      uint64   `json:"n"`
			Places []string `json:"places"`
		}
		if err := json.Unmarshal(in.Bytes(), &r); err != nil {
			w.t.Errorf("%v: %s", err, in.Bytes())
			return
		}
		if r.Mark > next {
			w.t.Logf("%s: lost %d to %d, before %v", host, next, r.Mark-1, r.Places)
			said++
		}
		if r.N > 1 {
			w.t.Logf("%s: line %d is there %d times, %v", host, r.Mark, r.N, r.Places)
			said++
		}
		next = r.Mark + 1
	}
	for _, x := range w.writers {
		if x.host == host && said < 10 && int64(next) <= x.numbered() {
			w.t.Logf("%s: lost %d to %d", host, next, x.numbered())
		}
	}
}

// findings returns the findings by id, without what differs from run to run.
func (w *world) findings() map[string]map[string]any {
	w.t.Helper()
	var list []map[string]any
	out := bytes.ReplaceAll(mailstop(w.t, "findings", "-c", w.path("mailstop.yaml"), "-o", "json"), []byte(w.dir), []byte("DIR"))
	if err := json.Unmarshal(out, &list); err != nil {
		w.t.Fatal(err)
	}
	byID := map[string]map[string]any{}
	for _, f := range list {
		delete(f, "revision")
		delete(f, "stored_at")
		byID[fmt.Sprint(f["id"])] = f
	}
	return byID
}

// sameFindings compares two worlds' findings field by field.
func sameFindings(t *testing.T, got, want map[string]map[string]any) {
	t.Helper()
	if len(want) < 2 {
		t.Errorf("the log makes %d findings: nothing to compare", len(want))
	}
	for id, f := range want {
		g := got[id]
		if g == nil {
			t.Errorf("no finding %s: %v", id, f["summary"])
			continue
		}
		for _, key := range union(f, g) {
			if !reflect.DeepEqual(f[key], g[key]) {
				t.Errorf("%v: %s is %v, of an undisturbed run %v", f["summary"], key, g[key], f[key])
			}
		}
	}
	for id, f := range got {
		if want[id] == nil {
			t.Errorf("an undisturbed run has no %s: %v", id, f["summary"])
		}
	}
}

func union(a, b map[string]any) []string {
	var keys []string
	for _, m := range []map[string]any{a, b} {
		for k := range m {
			if !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
	}
	return keys
}

// ready waits until the daemon is ready, or is not and says why.
func (w *world) ready(want bool, reason string) {
	w.t.Helper()
	status, body := 0, ""
	code := map[bool]int{true: 200, false: 503}[want]
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if status, body = w.daemon().get("/-/ready"); status == code && strings.Contains(body, reason) {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("/-/ready says %d %q, want %d and %q", status, body, code, reason)
		}
	}
}

// must stops the test at an error.
func (w *world) must(errs ...error) {
	w.t.Helper()
	if err := errors.Join(errs...); err != nil {
		w.t.Fatal(err)
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
