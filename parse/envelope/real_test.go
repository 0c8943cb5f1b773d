package envelope

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"mailstop/event"
	"mailstop/internal/golden"
	"mailstop/parse"
	"mailstop/parse/netfilter"
	"mailstop/parse/syslog"
)

// The tests here let rsyslog and syslog-ng themselves write lines of the samples, with their own templates and in JSON,
// and hold what is read from them against what was sent. The daemons listen on the loopback alone, and keep all they
// have in the test's folder.

func realSession(reference time.Time) *parse.Session {
	s := parse.NewSession(parse.Table{
		Layers: []parse.Layer{Layer(), syslog.Layer()}, Kinds: []parse.Kind{netfilter.Kind(nil)},
	}, event.FormatUnknown, "")
	s.Resume(parse.State{Clock: parse.NewClock(parse.Hints{Reference: reference, Zone: time.UTC})})
	return s
}

// sampleLines returns lines of the project's samples, with the two stamps that they come with.
func sampleLines(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, name := range []string{"web-1.ufw.log", "mx-1.kern.log"} {
		b, err := os.ReadFile("../../testdata/sample/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			if line = strings.TrimSuffix(line, "\n"); strings.Contains(line, " kernel: ") && strings.Contains(line, "URGP=") {
				out = append(out, line)
			}
			if len(out)%200 == 199 {
				break
			}
		}
	}
	if len(out) < 300 {
		t.Fatalf("only %d lines", len(out))
	}
	return out
}

// A daemon is a syslog daemon that is to write what it gets to files.
type daemon struct {
	dir     string
	command *exec.Cmd
	stderr  bytes.Buffer
}

func startDaemon(t *testing.T, dir string, command *exec.Cmd) *daemon {
	t.Helper()
	d := &daemon{dir: dir, command: command}
	command.Env = append(append(os.Environ(), "TZ=UTC"), command.Env...)
	command.Stdout, command.Stderr = &d.stderr, &d.stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		done := make(chan struct{})
		go func() {
			_ = command.Wait()
			close(done)
		}()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			_ = command.Process.Kill()
			<-done
		}
		if t.Failed() {
			t.Logf("%s says: %s", command.Path, d.stderr.String())
		}
	})
	return d
}

// send writes lines to the daemon as from the wire.
func send(t *testing.T, address string, lines []string) {
	t.Helper()
	var conn net.Conn
	var err error
	for range 100 {
		if conn, err = (&net.Dialer{}).DialContext(t.Context(), "tcp", address); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, line := range lines {
		if _, err := fmt.Fprintf(conn, "<4>%s\n", line); err != nil {
			t.Fatal(err)
		}
	}
}

// written waits until a file has n lines, and returns them.
func written(t *testing.T, path string, n int) []string {
	t.Helper()
	var lines []string
	for range 200 {
		if b, err := os.ReadFile(path); err == nil {
			if lines = strings.Split(strings.TrimSuffix(string(b), "\n"), "\n"); len(lines) >= n && bytes.HasSuffix(b, []byte("\n")) {
				break
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	if len(lines) != n {
		t.Fatalf("%s has %d lines, want %d", filepath.Base(path), len(lines), n)
	}
	return lines
}

// checkWritten reads each line of a file and compares it with the line that it was made of. The stamps of some lines lack
// the year, and some templates drop it, or the fraction: digits says how much of the second they keep.
func checkWritten(t *testing.T, path string, sent []string, digits uint8) {
	t.Helper()
	before, after := realSession(time.Now()), realSession(time.Now())
	for i, line := range written(t, path, len(sent)) {
		var want, got event.Entry
		before.Parse(sent[i], &want)
		after.Parse(line, &got)
		if want.Error != "" || got.Error != "" {
			t.Fatalf("errors %q and %q\nsent    %s\nwritten %s", want.Error, got.Error, sent[i], line)
		}
		if want.Time, got.Time = cutTime(want, digits), cutTime(got, digits); want.Time != got.Time {
			t.Fatalf("time %d, want %d\nsent    %s\nwritten %s", got.Time, want.Time, sent[i], line)
		}
		if got.TimeQuality == event.TimeReceived || got.TimeQuality == event.TimeNone {
			t.Fatalf("time quality %s\nwritten %s", got.TimeQuality, line)
		}
		want.Raw, want.Received, want.TimeDigits, want.TimeQuality = got.Raw, got.Received, got.TimeDigits, got.TimeQuality
		if want != got {
			t.Fatalf("got  %+v\nwant %+v\nsent    %s\nwritten %s", got, want, sent[i], line)
		}
	}
}

// cutTime returns a time of this year, to some digits of the second.
func cutTime(e event.Entry, digits uint8) int64 {
	w := e.When()
	w = time.Date(2026, w.Month(), w.Day(), w.Hour(), w.Minute(), w.Second(), w.Nanosecond(), time.UTC)
	if digits == 0 || e.TimeDigits == 0 {
		w = w.Truncate(time.Second)
	}
	return w.UnixNano()
}

func TestRsyslog(t *testing.T) {
	program, modules, libraries := rsyslog(t)
	dir := t.TempDir()
	config := `global(workDirectory="` + dir + `" maxMessageSize="64k")
module(load="imtcp")
template(name="wire" type="string" string="<%PRI%>%TIMESTAMP:::date-rfc3339% %HOSTNAME% %syslogtag:1:32%%msg:::sp-if-no-1st-sp%%msg%\n")
template(name="jsonmesg" type="string" string="%jsonmesg%\n")
template(name="json" type="list") {
  constant(value="{") property(name="timereported" dateFormat="rfc3339" outname="timereported" format="jsonf") constant(value=",")
  property(name="timegenerated" dateFormat="rfc3339" outname="timegenerated" format="jsonf") constant(value=",")
  property(name="hostname" outname="hostname" format="jsonf") constant(value=",") property(name="syslogtag" outname="syslogtag" format="jsonf")
  constant(value=",") property(name="msg" outname="msg" format="jsonf") constant(value="}\n")
}
ruleset(name="out") {
  action(type="omfile" file="` + dir + `/traditional" template="RSYSLOG_TraditionalFileFormat")
  action(type="omfile" file="` + dir + `/file" template="RSYSLOG_FileFormat")
  action(type="omfile" file="` + dir + `/protocol23" template="RSYSLOG_SyslogProtocol23Format")
  action(type="omfile" file="` + dir + `/wire" template="wire")
  action(type="omfile" file="` + dir + `/jsonmesg" template="jsonmesg")
  action(type="omfile" file="` + dir + `/json" template="json")
}
input(type="imtcp" address="127.0.0.1" port="0" listenPortFileName="` + dir + `/port" ruleset="out")
`
	path := filepath.Join(dir, "conf")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(context.WithoutCancel(t.Context()), program, "-n", "-f", path, "-i", filepath.Join(dir, "pid"), "-M", modules)
	if libraries != "" {
		command.Env = []string{"LD_LIBRARY_PATH=" + libraries}
	}
	startDaemon(t, dir, command)
	sent := sampleLines(t)
	send(t, "127.0.0.1:"+listening(t, filepath.Join(dir, "port")), sent)
	for _, f := range []struct {
		name   string
		digits uint8
	}{{"traditional", 0}, {"file", 6}, {"protocol23", 6}, {"wire", 6}, {"jsonmesg", 6}, {"json", 6}} {
		t.Run(f.name, func(t *testing.T) { checkWritten(t, filepath.Join(dir, f.name), sent, f.digits) })
	}
}

// listening waits until a file says the port, which it does without a line end.
func listening(t *testing.T, path string) string {
	t.Helper()
	for range 200 {
		if b, err := os.ReadFile(path); err == nil && len(bytes.TrimSpace(b)) > 0 {
			return string(bytes.TrimSpace(b))
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the daemon does not listen")
	return ""
}

// rsyslog returns where the daemon, its modules and, if it is not installed, its libraries are.
func rsyslog(t *testing.T) (program, modules, libraries string) {
	t.Helper()
	const architectures = "usr/lib/*-linux-gnu*/rsyslog"
	if out, err := exec.Command("../../scripts/syslogds.sh").CombinedOutput(); err != nil {
		golden.Skip(t, fmt.Sprintf("no rsyslog: %v: %s", err, out))
	}
	if _, err := os.Stat("/usr/sbin/rsyslogd"); err == nil {
		if found, _ := filepath.Glob("/" + architectures); len(found) > 0 {
			return "/usr/sbin/rsyslogd", found[0], ""
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(cache, "mailstop", "syslogds")
	found, _ := filepath.Glob(filepath.Join(root, architectures))
	if len(found) == 0 {
		golden.Skip(t, "rsyslog is not here")
	}
	lib := filepath.Dir(found[0])
	return filepath.Join(root, "usr/sbin/rsyslogd"), found[0], lib + ":" + filepath.Join(root, "lib", filepath.Base(lib))
}

func TestSyslogNG(t *testing.T) {
	const program = "/usr/sbin/syslog-ng"
	if _, err := os.Stat(program); err != nil {
		golden.Skip(t, "syslog-ng is not installed (Debian, Ubuntu: apt-get install --no-install-recommends syslog-ng-core)")
	}
	dir := t.TempDir()
	port := strconv.Itoa(freePort(t))
	config := `@version: 3.38
options { keep-hostname(yes); use-dns(no); stats-freq(0); time-zone("UTC"); recv-time-zone("UTC"); };
source s { network(ip("127.0.0.1") port(` + port + `) transport("tcp")); };
destination d_default { file("` + dir + `/default"); };
destination d_iso { file("` + dir + `/iso" template("$ISODATE $HOST $MSGHDR$MSG\n") frac-digits(6)); };
destination d_protocol { file("` + dir + `/protocol" flags(syslog-protocol) frac-digits(6)); };
destination d_rfc5424 { file("` + dir + `/json5424" template("$(format-json --scope rfc5424 --key ISODATE)\n") frac-digits(6)); };
destination d_rfc3164 { file("` + dir + `/json3164" template("$(format-json --scope rfc3164 --key R_ISODATE)\n")); };
destination d_all { file("` + dir + `/jsonall" template("$(format-json --scope all-nv-pairs --scope all-macros)\n") frac-digits(6)); };
log { source(s); destination(d_default); destination(d_iso); destination(d_protocol); destination(d_rfc5424); destination(d_rfc3164); destination(d_all); };
`
	path := filepath.Join(dir, "conf")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	startDaemon(t, dir, exec.CommandContext(context.WithoutCancel(t.Context()), program, "-F", "--no-caps", "-f", path,
		"-p", filepath.Join(dir, "pid"), "-c", filepath.Join(dir, "ctl"), "-R", filepath.Join(dir, "persist")))
	sent := sampleLines(t)
	send(t, "127.0.0.1:"+port, sent)
	for _, f := range []struct {
		name   string
		digits uint8
	}{{"default", 0}, {"iso", 6}, {"protocol", 6}, {"json5424", 6}, {"json3164", 0}, {"jsonall", 0}} {
		t.Run(f.name, func(t *testing.T) { checkWritten(t, filepath.Join(dir, f.name), sent, f.digits) })
	}
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
