package deploy_test

import (
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// lineCount is how many lines each test ships.
const lineCount = 1000

var firstStamp = time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)

// A line is one that a firewall logs; its number is in the packet's port.
type line struct {
	host string
	at   time.Time
	body string // behind the stamp and the host
}

func makeLines() []line {
	lines := make([]line, lineCount)
	for i := range lines {
		lines[i] = line{
			host: [...]string{"web-1", "mx-1"}[i/7%2], at: firstStamp.Add(time.Duration(i)*time.Second + 123456*time.Microsecond),
			body: fmt.Sprintf("kernel: [%5d.%06d] [UFW BLOCK] IN= OUT=eth0 SRC=192.0.2.10 DST=203.0.113.%d LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=%d DF PROTO=TCP SPT=%d DPT=587 WINDOW=64240 RES=0x00 SYN URGP=0",
				700+i, 123456, 1+i%200, i, 40000+i),
		}
	}
	return lines
}

func (l line) String() string {
	return l.at.Format("2006-01-02T15:04:05.000000Z07:00") + " " + l.host + " " + l.body
}

// A receiver is where a shipper ships to.
type receiver interface {
	arrived(t *testing.T) []string
	open(t *testing.T)
	close()
}

// How often a shipper may give a line. rsyslog retries whole batches, and may have sent some of one; it says so itself:
// https://github.com/rsyslog/rsyslog/pull/1609.
const (
	exactlyOnce = iota
	atLeastOnce
)

// ship gives the lines to the shipper through write, and takes the receiver away while a third of them come. All must
// arrive, in order of each host, as the program reads them.
func ship(t *testing.T, to receiver, often int, write func(lines []line)) []string {
	t.Helper()
	lines := makeLines()
	part := lineCount / 3
	all := func(n int) {
		t.Helper()
		eventually(t, fmt.Sprintf("%d lines have arrived", n), func() bool { return len(to.arrived(t)) >= n })
	}
	write(lines[:part])
	all(part)
	to.close()
	write(lines[part : 2*part])
	time.Sleep(3 * time.Second)
	to.open(t)
	write(lines[2*part:])
	eventually(t, "the last line has arrived", func() bool {
		got := to.arrived(t)
		return len(got) >= lineCount && strings.Contains(strings.Join(got[len(got)-min(len(got), lineCount):], ""), fmt.Sprintf("SPT=%d ", 40000+lineCount-1))
	})
	time.Sleep(500 * time.Millisecond) // would one come twice?
	got := to.arrived(t)
	checkArrived(t, lines, got)
	if len(got) != lineCount {
		t.Logf("%d messages of %d lines", len(got), lineCount)
		if often == exactlyOnce {
			t.Error("some lines came more than once")
		}
	}
	return got
}

// checkArrived holds what the program reads of messages against the lines that were sent: each is there, and came for the
// first time after those before it.
func checkArrived(t *testing.T, sent []line, messages []string) {
	t.Helper()
	seen := make([]int, len(sent))
	last := map[string]int{}
	for i, e := range parsed(t, messages) {
		n := e.SrcPort - 40000
		if e.Error != "" || n < 0 || n >= len(sent) {
			t.Fatalf("read as %+v: %s", e, messages[i])
		}
		want := sent[n]
		if e.Host != want.host || !e.Time.Equal(want.at) || e.Quality != "exact" || e.DstPort != 587 || e.Action != "deny" {
			t.Fatalf("read as %+v: %s\nsent %s", e, messages[i], want)
		}
		if seen[n]++; seen[n] > 1 {
			continue
		}
		if before, ok := last[e.Host]; ok && before > n {
			t.Errorf("line %d of %s came after line %d", n, e.Host, before)
		}
		last[e.Host] = n
	}
	for n, times := range seen {
		if times == 0 {
			t.Errorf("line %d did not come", n)
		}
	}
}

// oneKeyOnePartition checks that messages with a key are in one partition.
func (b *broker) oneKeyOnePartition(t *testing.T, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if len(b.keys[key]) != 1 {
			t.Errorf("key %q is in %d partitions; keys: %v", key, len(b.keys[key]), b.keys)
		}
	}
}

// shipped returns a configuration of this folder, with texts replaced; each must be there.
func shipped(t *testing.T, path string, replace ...string) string {
	t.Helper()
	text := readFile(t, path)
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(text, replace[i]) {
			t.Fatalf("%s lacks %q", path, replace[i])
		}
		text = strings.ReplaceAll(text, replace[i], replace[i+1])
	}
	return text
}

func rsyslogTCP(t *testing.T, addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return shipped(t, "shippers/rsyslog/60-mailstop-tcp.conf", `port="5514"`, `port="`+port+`"`)
}

func rsyslogKafka(t *testing.T, dir, file, addr string) string {
	return shipped(t, "shippers/rsyslog/"+file, "127.0.0.1:9092", addr, "/var/spool/rsyslog", dir)
}

func TestRsyslogTCP(t *testing.T) {
	t.Parallel()
	to := newListener(t)
	_, port := startRsyslog(t, t.TempDir(), rsyslogTCP(t, to.addr))
	got := ship(t, to, atLeastOnce, sender(t, port))
	if !strings.HasPrefix(got[0], "<4>1 2026-01-05T10:00:00.123456Z web-1 kernel - - - ") {
		t.Errorf("not RFC 5424: %s", got[0])
	}
}

func TestRsyslogKafka(t *testing.T) {
	t.Parallel()
	to, dir := newBroker(t), t.TempDir()
	_, port := startRsyslog(t, dir, rsyslogKafka(t, dir, "60-mailstop-kafka.conf", to.addr))
	ship(t, to, atLeastOnce, sender(t, port))
	to.oneKeyOnePartition(t, "web-1", "mx-1")
}

// A file's lines are in an envelope that says where they come from; what the line itself says of its host wins.
func TestRsyslogFilesKafka(t *testing.T) {
	t.Parallel()
	to, dir := newBroker(t), t.TempDir()
	file := filepath.Join(dir, "fw.log")
	config := strings.ReplaceAll(rsyslogKafka(t, dir, "60-mailstop-files-kafka.conf", to.addr), "/var/log/firewall/", dir+"/")
	startRsyslog(t, dir, config)
	got := ship(t, to, atLeastOnce, appender(t, file))
	var envelope struct{ Host, File, Message string }
	if err := json.Unmarshal([]byte(got[0]), &envelope); err != nil || envelope.Host != "fw-1" || envelope.File != file || envelope.Message != makeLines()[0].String() {
		t.Errorf("%+v (%v) of %s", envelope, err, got[0])
	}
	to.oneKeyOnePartition(t, "fw-1 "+file)
}

// disk puts syslog-ng's buffer into the test's folder, and makes it small: it is allocated as a whole.
func disk(dir string) []string {
	return []string{"reliable(yes)", `reliable(yes) dir("` + dir + `")`, "disk-buf-size(2147483648)", "disk-buf-size(16777216)", "mem-buf-size(16777216)", "mem-buf-size(1048576)"}
}

func syslogNGTCP(t *testing.T, dir, addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return shipped(t, "shippers/syslog-ng/mailstop-tcp.conf", append(disk(dir), "port(5514)", "port("+port+")")...)
}

func syslogNGKafka(t *testing.T, dir, addr string) string {
	return shipped(t, "shippers/syslog-ng/mailstop-kafka.conf", append(disk(dir), "127.0.0.1:9092", addr)...)
}

func TestSyslogNGTCP(t *testing.T) {
	t.Parallel()
	to, dir, port := newListener(t), t.TempDir(), strconv.Itoa(freePort(t))
	startSyslogNG(t, dir, `network(ip("127.0.0.1") port(`+port+`) transport("tcp"));`, syslogNGTCP(t, dir, to.addr))
	got := ship(t, to, exactlyOnce, sender(t, port))
	if !strings.HasPrefix(got[0], "<4>1 2026-01-05T10:00:00.123456+00:00 web-1 kernel - - ") {
		t.Errorf("not RFC 5424: %s", got[0])
	}
}

func TestSyslogNGKafka(t *testing.T) {
	t.Parallel()
	to, dir := newBroker(t), t.TempDir()
	file := writeFile(t, filepath.Join(dir, "kern.log"), "")
	startSyslogNG(t, dir, `file("`+file+`" default-facility(kern) follow-freq(0.2));`, syslogNGKafka(t, dir, to.addr))
	ship(t, to, exactlyOnce, appender(t, file))
	to.oneKeyOnePartition(t, "web-1", "mx-1")
}

// killed gives all lines to a shipper while the receiver is away, kills it, starts it again, and returns how many of the lines
// arrive then.
func killed(t *testing.T, to *listener, startShipper func() (p *process, port string)) int {
	t.Helper()
	to.close()
	p, port := startShipper()
	lines := makeLines()
	sender(t, port)(lines)
	time.Sleep(3 * time.Second)
	p.kill()
	startShipper()
	to.open(t)
	different := map[string]bool{}
	for range 90 { // rsyslog may leave a batch for half a minute before it tries again
		for _, m := range to.arrived(t) {
			_, port, _ := strings.Cut(m, " SPT=")
			port, _, _ = strings.Cut(port, " ")
			different[port] = true
		}
		if len(different) == lineCount {
			break
		}
		time.Sleep(time.Second)
	}
	return len(different)
}

// What waits on disk survives kill -9 of the shipper.
func TestRsyslogKilled(t *testing.T) {
	t.Parallel()
	to, dir := newListener(t), t.TempDir()
	config := rsyslogTCP(t, to.addr)
	// queue.checkpointInterval is 100.
	if got := killed(t, to, func() (*process, string) { return startRsyslog(t, dir, config) }); got < lineCount-100 {
		t.Errorf("%d of %d lines", got, lineCount)
	} else {
		t.Logf("%d of %d lines", got, lineCount)
	}
}

func TestSyslogNGKilled(t *testing.T) {
	t.Parallel()
	to, dir := newListener(t), t.TempDir()
	config := syslogNGTCP(t, dir, to.addr)
	if got := killed(t, to, func() (*process, string) {
		port := strconv.Itoa(freePort(t))
		return startSyslogNG(t, dir, `network(ip("127.0.0.1") port(`+port+`) transport("tcp"));`, config), port
	}); got != lineCount {
		t.Errorf("%d of %d lines", got, lineCount)
	}
}

// The road as a whole: the shipper keeps what comes while the daemon restarts, and the store has each line.
func TestMailstopBehindRsyslogTCP(t *testing.T) {
	t.Parallel()
	dir, port := t.TempDir(), strconv.Itoa(freePort(t))
	again := func() *daemon { return startMailstop(t, dir, `  - syslog: {tcp: "127.0.0.1:`+port+`"}`) }
	d := again()
	_, in := startRsyslog(t, t.TempDir(), rsyslogTCP(t, "127.0.0.1:"+port))
	write := sender(t, in)
	lines := makeLines()
	write(lines[:lineCount/2])
	time.Sleep(3 * time.Second) // plain TCP loses what is on its way when the daemon stops
	d.stop()
	write(lines[lineCount/2:])
	d = again()
	time.Sleep(5 * time.Second)
	d.storedAll(t, lineCount, true, again) // rsyslog sends a batch again that was cut short
}

func TestMailstopBehindSyslogNGKafka(t *testing.T) {
	t.Parallel()
	broker, dir, ship := newBroker(t), t.TempDir(), t.TempDir()
	again := func() *daemon {
		return startMailstop(t, dir, `  - kafka: {brokers: ["`+broker.addr+`"], topics: [`+topic+`], group: mailstop, start: first}`)
	}
	d := again()
	file := writeFile(t, filepath.Join(ship, "kern.log"), "")
	startSyslogNG(t, ship, `file("`+file+`" default-facility(kern) follow-freq(0.2));`, syslogNGKafka(t, ship, broker.addr))
	write, lines := appender(t, file), makeLines()
	write(lines[:lineCount/2])
	d.stop()
	write(lines[lineCount/2:])
	again().storedAll(t, lineCount, false, again)
}
