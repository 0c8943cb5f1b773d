package torture

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// rate is how many lines a second a writer of a rotation story writes, where the machine lets it.
const rate = 60_000

// A writer writes the log of one firewall. Lines are numbered from 1 in MARK, and their times follow from the number, so
// that the same numbers make the same log.
type writer struct {
	w      *world
	host   string
	path   string
	f      *os.File
	rate   int
	half   bool   // writes end anywhere in lines
	prefix string // of each line, and of what is stored of it
	huge   bool   // now and then a line is longer than what is kept of one

	next  uint32
	sum   uint64
	long  uint64
	count atomic.Int64 // lines that are to be stored
	buf   []byte
	line  []byte
	due   time.Time
	busy  time.Duration // writing, not paused
	hooks map[uint32]func()
}

// writer adds a writer of a file, which is made.
func (w *world) writer(host string, path ...string) *writer {
	x := &writer{w: w, host: host, rate: rate, hooks: map[uint32]func(){}}
	if len(path) > 0 {
		x.path = w.path(path...)
		x.create()
	}
	w.writers = append(w.writers, x)
	return x
}

func (x *writer) create() {
	x.w.t.Helper()
	if x.f != nil {
		x.close()
	}
	x.w.must(os.MkdirAll(filepath.Dir(x.path), 0o700))
	f, err := os.OpenFile(x.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	x.w.must(err)
	x.f = f
}

// leave gives up the file without closing it, for lines that come late.
func (x *writer) leave() *os.File {
	f := x.f
	x.f = nil
	return f
}

func (x *writer) close() {
	x.w.t.Helper()
	x.w.must(x.f.Close())
	x.f = nil
}

func (x *writer) lines() int64 { return x.count.Load() }

func (x *writer) numbered() int64 { return int64(x.next) }

// expected adds what was written to what the store should say.
func (x *writer) expected(r row) row {
	n := uint64(x.lines())
	r.Host = x.host
	r.N, r.Unique, r.Sum, r.Long = r.N+n, r.Unique+n, r.Sum+x.sum, r.Long+x.long
	r.Minutes, r.Hours = r.Minutes+n-x.long, r.Hours+n-x.long // a line that is cut tells of no packet
	return r
}

// more writes n lines at the writer's rate.
func (x *writer) more(n int) {
	x.w.t.Helper()
	x.w.must(x.to(x.f, n))
}

// to writes n lines to f. It may be called by any goroutine, one at a time.
func (x *writer) to(f io.Writer, n int) error {
	const chunk = 300
	begin := time.Now()
	if x.due.Before(begin) {
		x.due = begin
	}
	for n > 0 {
		k := min(n, chunk)
		n -= k
		x.buf = x.buf[:0]
		for range k {
			x.append()
		}
		if err := x.flush(f); err != nil {
			return err
		}
		x.count.Add(int64(k))
		if hook := x.hook(); hook != nil {
			hook()
		}
		x.due = x.due.Add(time.Duration(k) * time.Second / time.Duration(x.rate))
		time.Sleep(time.Until(x.due))
	}
	x.busy += time.Since(begin)
	return nil
}

// at has a function called when so many lines are written.
func (x *writer) at(n uint32, hook func()) { x.hooks[n] = hook }

func (x *writer) hook() func() {
	for n, hook := range x.hooks {
		if n <= x.next {
			delete(x.hooks, n)
			return hook
		}
	}
	return nil
}

// flush writes the buffer, in pieces that end within lines if the writer is one of those.
func (x *writer) flush(f io.Writer) error {
	b := x.buf
	for x.half && len(b) > 4096 {
		n := 1 + int(crc32.ChecksumIEEE(b[:16]))%4095
		if _, err := f.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
		if n%64 == 0 {
			time.Sleep(2 * time.Millisecond) // so that a reader comes by
		}
	}
	_, err := f.Write(b)
	return err
}

// append adds the next line to buf.
func (x *writer) append() {
	x.next++
	x.line = appendLine(append(x.line[:0], x.prefix...), x.w.base, x.host, x.next)
	if x.huge && x.next%2000 == 0 {
		x.line = append(x.line, " WORDS="...)
		x.line = append(x.line, bytes.Repeat([]byte("long "), 30_000<<(x.next/2000%4))...)
		x.long++
	} else {
		x.sum += uint64(crc32.ChecksumIEEE(x.line))
	}
	x.buf = append(append(x.buf, x.line...), '\n')
}

// speed tells how fast the lines were written.
func (x *writer) speed(t testing.TB) {
	t.Helper()
	if x.busy > 0 {
		t.Logf("%s: %d lines at %.0f lines/s", x.host, x.next, float64(x.next)/x.busy.Seconds())
	}
}

// step is the time between two lines of a firewall.
const step = 20 * time.Millisecond

// appendLine makes line n of a host's log. Mail is stopped, let through, and stopped elsewhere, in turns of 200 seconds.
func appendLine(b []byte, base time.Time, host string, n uint32) []byte {
	b = base.Add(time.Duration(n)*step).AppendFormat(b, "2006-01-02T15:04:05.000000Z07:00")
	b = append(append(append(b, ' '), host...), " kernel: "...)
	num := func(s string, v uint32) {
		b = append(b, s...)
		b = strconv.AppendUint(b, uint64(v), 10)
	}
	turn := n / 10_000 % 3
	port := uint32(0)
	switch {
	case n%20 == 3 && turn == 0:
		b = append(b, "[UFW BLOCK] IN= OUT=eth0 SRC=10.0.0.5"...)
		num(" DST=198.51.100.", 1+n/20%3)
		port = 587
	case n%20 == 3 && turn == 1:
		b = append(b, "[UFW ALLOW] IN= OUT=eth0 SRC=10.0.0.5"...)
		num(" DST=198.51.100.", 1+n/20%3)
		port = 587
	case n%20 == 3:
		b = append(b, "[UFW BLOCK] IN=eth1 OUT=eth0 SRC=10.0.0.9"...)
		num(" DST=203.0.113.", 1+n/20%5)
		port = 25
	case n%20 == 11:
		num("[UFW BLOCK] IN=eth0 OUT= MAC=56:00:03:85:82:df:fe:00:03:85:82:df:08:00 SRC=198.18.0.", 1+n/20%200)
		b = append(b, " DST=192.0.2.25"...)
		port = 25
	default:
		num("[UFW BLOCK] IN=eth0 OUT= MAC=56:00:03:85:82:df:fe:00:03:85:82:df:08:00 SRC=198.18.1.", 1+n%200)
		b = append(b, " DST=192.0.2.40"...)
		port = 20 + n%7*100
	}
	num(" LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=", n%65536)
	num(" DF PROTO=TCP SPT=", 1024+n%60_000)
	num(" DPT=", port)
	b = append(b, " WINDOW=64240 RES=0x00 SYN URGP=0 MARK=0x"...)
	return strconv.AppendUint(b, uint64(n), 16)
}

func TestLinesAreTheirNumbers(t *testing.T) {
	w := &world{base: time.Unix(1_700_000_000, 0).UTC()}
	got := string(appendLine(nil, w.base, "fw-1", 20_003))
	want := "2023-11-14T22:20:00.060000Z fw-1 kernel: [UFW BLOCK] IN=eth1 OUT=eth0 SRC=10.0.0.9 DST=203.0.113.1 LEN=60 TOS=0x00 " +
		"PREC=0x00 TTL=64 ID=20003 DF PROTO=TCP SPT=21027 DPT=25 WINDOW=64240 RES=0x00 SYN URGP=0 MARK=0x4e23"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if _, err := fmt.Sscanf(got[len(got)-6:], "0x%x", new(int)); err != nil {
		t.Error(err)
	}
}
