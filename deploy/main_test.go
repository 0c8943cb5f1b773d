// Package deploy_test tries what the folder deploy holds with the real programs: shippers ship, systemd reads its unit,
// and Mailstop reads what arrives. All listen on the loopback alone and keep what they have in the test's folder.
package deploy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"mailstop/internal/golden"
)

// built is the program under test, built once, in a folder of all tests.
var built struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	if unit := os.Getenv(confineVar); unit != "" {
		confined(unit)
	}
	dir, err := os.MkdirTemp("", "mailstop-deploy")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	built.dir = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// mailstop returns the path of the program.
func mailstop(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		build := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(built.dir, "mailstop"), "./cmd/mailstop")
		build.Dir, build.Env = "..", append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "mailstop")
}

// An entry is what the tests compare of one.
type entry struct {
	Time    time.Time `json:"time"`
	Quality string    `json:"time_quality"`
	Host    string    `json:"host"`
	Format  string    `json:"format"`
	SrcPort int       `json:"src_port"`
	DstPort int       `json:"dst_port"`
	DstIP   string    `json:"dst_ip"`
	Action  string    `json:"action"`
	Error   string    `json:"error"`
}

// parsed returns what "mailstop parse" reads of messages, one entry each.
func parsed(t *testing.T, messages []string) []entry {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), mailstop(t), "parse", "-")
	var in strings.Builder
	for _, m := range messages {
		in.WriteString(strings.TrimSuffix(m, "\n") + "\n") // some shippers end a message with a line end
	}
	cmd.Stdin = strings.NewReader(in.String())
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("mailstop parse: %v\n%s", err, stderr.String())
	}
	var entries []entry
	for line := range bytes.Lines(out) {
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		entries = append(entries, e)
	}
	if len(entries) != len(messages) {
		t.Fatalf("%d entries of %d messages", len(entries), len(messages))
	}
	return entries
}

// A process is a program that runs beside the test and is ended with it.
type process struct {
	cmd  *exec.Cmd
	log  *os.File
	done chan struct{}
}

// start starts a program; what it prints goes to a file, which is shown if the test fails.
func start(t *testing.T, env []string, name string, args ...string) *process {
	t.Helper()
	log, err := os.CreateTemp(t.TempDir(), "log")
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.CommandContext(context.WithoutCancel(t.Context()), name, args...), log: log, done: make(chan struct{})}
	p.cmd.Env = append(append(os.Environ(), "TZ=UTC"), env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			said, _ := os.ReadFile(log.Name())
			t.Logf("%s says:\n%s", filepath.Base(name), said[max(0, len(said)-8<<10):])
		}
		log.Close()
	})
	return p
}

// stop ends the program in good order, or else kills it; it may be called again.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// kill ends the program at once, as a power failure would.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// ended reports whether the program has ended.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// eventually waits until good says so.
func eventually(t *testing.T, what string, good func() bool) {
	t.Helper()
	for range 600 {
		if good() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("not within 30 s: %s", what)
}

// freePort returns a port that nothing listens on now.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// writeFile writes a file of the test's.
func writeFile(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// readFile returns a file of this folder.
func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A daemon is a running "mailstop run" with an embedded store of its own.
type daemon struct {
	*process
	config, http string
}

// startMailstop starts "mailstop run" on sources, YAML items of the configuration's list, with state and store in dir, and
// waits until it is ready. It may be started again on the same dir after stop.
func startMailstop(t *testing.T, dir, sources string) *daemon {
	t.Helper()
	return startMailstopUnder(t, "", dir, sources)
}

// startMailstopUnder does that with the system calls whose numbers are given; with none, under no filter.
func startMailstopUnder(t *testing.T, calls, dir, sources string) *daemon {
	t.Helper()
	program := mailstop(t)
	if help, _ := exec.CommandContext(t.Context(), program, "run", "--help").Output(); !strings.Contains(string(help), "mailstop run") {
		golden.Skip(t, `this build has no "mailstop run"`)
	}
	if out, err := exec.CommandContext(t.Context(), "../scripts/libchdb.sh").CombinedOutput(); err != nil {
		golden.Skip(t, fmt.Sprintf("no libchdb: %s", out))
	}
	d := &daemon{http: "127.0.0.1:" + strconv.Itoa(freePort(t))}
	d.config = writeFile(t, filepath.Join(dir, "mailstop.yaml"), fmt.Sprintf(
		"state_dir: %s\nsources:\n%s\nstore: {embedded: {path: %s}, keep: all}\nhttp: {listen: %q}\n",
		filepath.Join(dir, "state"), sources, filepath.Join(dir, "store"), d.http))
	if calls == "" {
		d.process = start(t, nil, program, "run", "-c", d.config)
	} else {
		d.process = start(t, []string{confineVar + "=" + calls}, os.Args[0], program, "run", "-c", d.config)
	}
	eventually(t, "mailstop run is ready", func() bool {
		if d.ended() {
			t.Fatal("mailstop run ended")
		}
		return d.ready(t)
	})
	return d
}

func (d *daemon) ready(t *testing.T) bool {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+d.http+"/-/ready", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// query asks the store for numbers, after the daemon was stopped: the embedded store belongs to one process.
func (d *daemon) query(t *testing.T, sql string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), mailstop(t), "query", "-c", d.config, "-o", "csv", sql).Output()
	if err != nil {
		t.Fatalf("mailstop query: %v\n%s", err, out)
	}
	_, rows, _ := strings.Cut(string(out), "\n") // the first line names the columns
	return strings.FieldsFunc(rows, func(r rune) bool { return r == ',' || r == '\n' || r == '\r' })
}

// storedAll stops and starts the daemon until its store has n different entries, or time is up, and checks that each is there,
// and there once unless the shipper may have sent it twice.
func (d *daemon) storedAll(t *testing.T, n int, twice bool, again func() *daemon) {
	t.Helper()
	var got []string
	want := []string{strconv.Itoa(n), strconv.Itoa(n)}
	for range 15 {
		time.Sleep(2 * time.Second)
		d.stop()
		if got = d.query(t, "SELECT count(), uniqExact(src_port) FROM entries"); len(got) == 2 && got[1] == want[1] {
			break
		}
		d = again()
	}
	if strings.Join(got, " ") != strings.Join(want, " ") && !(twice && len(got) == 2 && got[1] == want[1]) {
		t.Errorf("entries in the store, and different ones: %s, want %d of each", got, n)
	}
}
