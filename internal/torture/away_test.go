package torture

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mailstop/internal/chdb/chserver"
)

// maxMemory is what a daemon without an embedded store may use, whatever happens to its store.
const maxMemory = 400 << 20

// The store is away under load: readiness says why, memory stays bounded, and when it is back everything is stored, faster
// than it comes.
func TestStoreAway(t *testing.T) {
	needStore(t)
	server := chserver.Start(t, t.TempDir())
	w := newWorld(t)
	w.dsn = server.DSN("mailstop")
	x := w.writer("fw-1", "logs", "fw.log")
	x.rate = 20_000
	w.file(x.path)
	w.start()
	memory := watchMemory(w.daemon)
	ended := make(chan struct{})
	stop := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := x.to(x.f, 2000); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	defer func() { <-ended }()
	defer func() {
		select {
		case <-stop:
		default:
			close(stop)
		}
	}()
	w.ready(true, "")
	time.Sleep(2 * time.Second)

	server.Kill(t) // in the middle of whatever it inserts
	w.ready(false, "store")
	down := time.Now()
	time.Sleep(size(8*time.Second, 10*time.Minute))
	w.ready(false, "store")
	behind := x.lines() - w.daemonLines()
	away := time.Since(down)
	server.Restart(t)
	back := time.Now()
	from := x.lines()
	read := w.daemonLines()
	eventually(t, "the store has caught up", func() bool { return x.lines()-w.daemonLines() < 40_000 })
	took := time.Since(back)
	t.Logf("away %v: %d lines behind; caught up in %v at %.0f lines/s, while %.0f lines/s were written", away.Round(time.Second), behind,
		took.Round(100*time.Millisecond), float64(w.daemonLines()-read)/took.Seconds(), float64(x.lines()-from)/took.Seconds())
	w.ready(true, "")

	for range size(3, 20) { // killed while it inserts, and back soon
		time.Sleep(500 * time.Millisecond)
		server.Kill(t)
		time.Sleep(300 * time.Millisecond)
		server.Restart(t)
	}
	close(stop)
	<-ended
	w.settle()
	most := memory.end()
	t.Logf("memory at most %d MiB", most>>20)
	if most > maxMemory {
		t.Errorf("the daemon used %d MiB, more than %d", most>>20, maxMemory>>20)
	}
	w.stop()
	w.verify()
}

// daemonLines is how many lines the daemon has stored since it was started.
func (w *world) daemonLines() int64 { return int64(w.daemon().metric("mailstop_lines_total")) }

// With little traffic a line can be asked for within 5 s. The machine may delay some, so the median counts.
func TestQueryableSoon(t *testing.T) {
	needStore(t)
	for _, kind := range []string{"embedded", "server"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if kind == "server" {
				w.dsn = chserver.Start(t, t.TempDir()).DSN("mailstop")
			}
			x := w.writer("fw-1", "logs", "fw.log")
			w.file(x.path)
			w.start()
			var took []time.Duration
			for range size(5, 60) {
				begin := time.Now()
				x.more(1)
				eventually(t, "the line is stored", func() bool { return w.stored() == x.lines() })
				took = append(took, time.Since(begin))
				time.Sleep(time.Until(begin.Add(time.Second)))
			}
			slices.Sort(took)
			t.Logf("median %v, of %v", took[len(took)/2], took)
			if took[len(took)/2] > 5*time.Second {
				t.Errorf("half of the lines took %v or more", took[len(took)/2])
			}
			w.stop()
			w.verify()
		})
	}
}

// A level is what must not grow.
type level struct {
	memory              int64
	goroutines, handles float64
}

func (w *world) level() level {
	d := w.daemon()
	return level{d.rss(), d.metric("go_goroutines"), d.metric("process_open_fds")}
}

// Mixed load for a while: memory, goroutines and descriptors stay as they are.
func TestSoak(t *testing.T) {
	needStore(t)
	server := chserver.Start(t, t.TempDir())
	f := newField(t)
	f.dsn = server.DSN("mailstop")
	f.start()
	stop := f.load(size(3000, 5000))
	x := f.writer("rotated", "logs", "rotated.log")
	f.file(x.path)
	f.configure()
	f.reload("mailstop: running")
	length := size(20*time.Second, 30*time.Minute)
	var levels []level
	begin, sampled := time.Now(), time.Now()
	for time.Since(begin) < length {
		x.rate = 5000
		x.more(5000)
		f.shift(x.path)
		x.create()
		f.must(f.send(200))
		if time.Since(sampled) > length/20 {
			sampled = time.Now()
			levels = append(levels, f.level())
		}
	}
	stop()
	f.settle()
	half := len(levels) / 2
	before, after := most(levels[half/2:half+1]), most(levels[half:])
	b, _ := json.Marshal(fmt.Sprint(levels))
	t.Logf("memory %d MiB then %d MiB, goroutines %v then %v, descriptors %v then %v; %s", before.memory>>20, after.memory>>20,
		before.goroutines, after.goroutines, before.handles, after.handles, strings.ReplaceAll(string(b), `"`, ""))
	switch {
	case after.memory > before.memory*3/2+(32<<20):
		t.Error("memory grows")
	case after.goroutines > before.goroutines*1.3+20:
		t.Error("goroutines grow")
	case after.handles > before.handles*1.3+20:
		t.Error("descriptors grow")
	}
	f.stop()
	f.verify()
}

func most(ls []level) level {
	var m level
	for _, l := range ls {
		m = level{max(m.memory, l.memory), max(m.goroutines, l.goroutines), max(m.handles, l.handles)}
	}
	return m
}
