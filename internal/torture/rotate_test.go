package torture

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mailstop/internal/chdb/chserver"
)

// A rotation is what is done to a log while it is written. It gets the writer of DIR/logs/fw.log, which is there and
// followed.
type rotation struct {
	name string
	run  func(w *world, x *writer, s *story)
}

// A story is one rotation as it happens.
type story struct {
	burst int // lines between two rotations
	n     int // rotations
	kill  bool
	down  bool // it kills the daemon itself
}

var rotations = []rotation{
	{"rename and create", func(w *world, x *writer, s *story) {
		for range s.n {
			x.more(s.burst)
			w.shift(x.path)
			x.create()
		}
	}},
	{"late lines in the old file", func(w *world, x *writer, s *story) {
		for range s.n {
			x.more(s.burst / 2)
			old := x.leave()
			w.shift(x.path)
			x.create()
			for range 5 { // another process has not noticed yet
				w.must(x.to(old, s.burst/10))
				x.more(s.burst / 10)
			}
			w.must(old.Close())
		}
	}},
	{"copytruncate", func(w *world, x *writer, s *story) {
		for range s.n {
			x.more(s.burst)
			w.shiftSiblings(x.path)
			w.must(copyFile(x.path, x.path+".1"), os.Truncate(x.path, 0))
		}
	}},
	{"truncate and regrow", func(w *world, x *writer, s *story) {
		for i := range s.n {
			x.more(s.burst + i*300) // larger than before, so that the size does not tell
			w.settle()              // what was not read is gone with the truncation
			w.must(os.Truncate(x.path, 0))
		}
	}},
	{"twice while down", func(w *world, x *writer, s *story) {
		for range max(1, s.n/3) {
			x.more(s.burst)
			w.down(s)
			for range 2 {
				x.more(s.burst)
				w.shift(x.path)
				x.create()
			}
			x.more(s.burst)
			w.must(w.launch())
			x.more(s.burst)
		}
	}},
	{"compressed", func(w *world, x *writer, s *story) {
		for range s.n {
			x.more(s.burst)
			w.shift(x.path)
			x.create()
			x.more(300)
			w.must(pack(x.path + ".1"))
		}
	}},
	{"compressed while down", func(w *world, x *writer, s *story) {
		for range max(1, s.n/3) {
			x.more(s.burst)
			w.down(s)
			for range 2 {
				x.more(s.burst)
				w.shift(x.path)
				w.must(pack(x.path + ".1"))
				x.create()
			}
			x.more(s.burst)
			w.must(w.launch())
			x.more(s.burst)
		}
	}},
	{"deleted and recreated", func(w *world, x *writer, s *story) {
		for range s.n {
			x.more(s.burst)
			if s.kill {
				w.settle() // what a killed daemon has not read of a deleted file is gone
			}
			w.must(os.Remove(x.path))
			x.create()
			time.Sleep(1500 * time.Millisecond) // a file that lives shorter than a look may not be seen
		}
	}},
	{"files that appear later", func(w *world, x *writer, s *story) {
		for i := range s.n {
			x.path = w.path("logs", "later"+itoa(i), "fw"+itoa(i)+".log")
			x.create()
			x.more(s.burst)
		}
	}},
	{"half lines", func(w *world, x *writer, s *story) {
		x.half = true
		for range s.n {
			x.more(s.burst)
			w.shift(x.path)
			x.create()
		}
	}},
	{"huge lines", func(w *world, x *writer, s *story) {
		x.huge, x.half = true, true
		for range s.n {
			x.more(s.burst)
			w.shift(x.path)
			x.create()
		}
	}},
}

// Whatever is done to a log at full speed: every line is stored once. Quickly, each story is told with a daemon that is
// killed twice meanwhile; the long way, also with one that is not.
func TestRotations(t *testing.T) {
	needStore(t)
	for _, r := range rotations {
		t.Run(r.name, func(t *testing.T) {
			t.Run("killed", func(t *testing.T) { t.Parallel(); r.tell(t, true) })
			t.Run("undisturbed", func(t *testing.T) { t.Parallel(); r.tell(t, false) })
		})
	}
}

func (r *rotation) tell(t *testing.T, kill bool) {
	s := &story{burst: size(12_000, 50_000), n: size(3, 20), kill: kill, down: strings.Contains(r.name, "down")}
	w := newWorld(t)
	x := w.writer("fw-1", "logs", "fw.log")
	w.file(w.path("logs", "**", "fw*.log"))
	w.tell(x, s, r.run)
}

// tell starts the daemon, tells the story, and looks whether all is stored.
func (w *world) tell(x *writer, s *story, run func(*world, *writer, *story)) {
	w.t.Helper()
	w.start()
	x.more(300)
	w.settle() // from now on the log is followed, whatever it will be called
	var crashes sync.WaitGroup
	if s.kill && !s.down {
		due := make(chan struct{}, 2)
		total := uint32(300 + s.burst*s.n)
		for i := range uint32(2) {
			x.at(total/8*(2+3*i), func() { due <- struct{}{} })
		}
		stopped := make(chan struct{})
		crashes.Go(func() {
			for {
				select {
				case <-due:
					if err := w.crash(); err != nil {
						w.t.Error(err)
					}
				case <-stopped:
					return
				}
			}
		})
		run(w, x, s)
		close(stopped)
		crashes.Wait()
	} else {
		run(w, x, s)
	}
	x.speed(w.t)
	w.settle()
	w.stop()
	w.verify()
}

// A symlink names the log of today. What comes late into the one of yesterday counts as well.
func TestSymlinkSwitched(t *testing.T) {
	needStore(t)
	for _, kill := range []bool{true, false} {
		t.Run(map[bool]string{true: "killed", false: "undisturbed"}[kill], func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			x := w.writer("fw-1", "logs", "day-0")
			link := w.path("current")
			w.must(os.Symlink(x.path, link))
			w.file(link)
			w.tell(x, &story{burst: size(12_000, 50_000), n: size(3, 20), kill: kill}, func(w *world, x *writer, s *story) {
				for i := range s.n {
					x.more(s.burst)
					if s.kill {
						w.settle() // a daemon that is down when a link is switched knows the one before it, not one between
					}
					old := x.leave()
					x.path = w.path("logs", "day-"+itoa(i+1))
					x.create()
					w.must(os.Symlink(x.path, link+".new"), os.Rename(link+".new", link))
					w.must(x.to(old, 3000), old.Close())
					x.more(300)
					time.Sleep(1500 * time.Millisecond) // a link that lives shorter than a look may not be seen
				}
			})
		})
	}
}

// The store takes nothing while the log is rotated again and again.
func TestRotatedWhileTheStoreStalls(t *testing.T) {
	needStore(t)
	for _, kill := range []bool{true, false} {
		t.Run(map[bool]string{true: "killed", false: "undisturbed"}[kill], func(t *testing.T) {
			server := chserver.Start(t, t.TempDir())
			w := newWorld(t)
			w.dsn = server.DSN("mailstop")
			x := w.writer("fw-1", "logs", "fw.log")
			w.file(x.path)
			w.tell(x, &story{burst: size(12_000, 50_000), n: size(4, 12), kill: kill}, func(w *world, x *writer, s *story) {
				x.more(s.burst)
				server.Fault(t, chserver.Fault{Kind: chserver.Stall, Match: "INSERT"})
				for range s.n - 1 {
					w.shift(x.path)
					x.create()
					x.more(s.burst)
				}
				time.Sleep(size(2*time.Second, 30*time.Second))
				server.Fault(t, chserver.Fault{})
			})
		})
	}
}

// down ends the daemon, by a crash or in order.
func (w *world) down(s *story) {
	w.t.Helper()
	if s.kill {
		w.daemon().kill()
		return
	}
	w.stop()
}

// shift renames a log as logrotate does.
func (w *world) shift(path string) {
	w.t.Helper()
	w.shiftSiblings(path)
	w.must(os.Rename(path, path+".1"))
}

// shiftSiblings makes .1 of a log free.
func (w *world) shiftSiblings(path string) {
	w.t.Helper()
	for i := 60; i >= 1; i-- {
		for _, packed := range []string{"", ".gz"} {
			err := os.Rename(path+"."+itoa(i)+packed, path+"."+itoa(i+1)+packed)
			if err != nil && !os.IsNotExist(err) {
				w.t.Fatal(err)
			}
		}
	}
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Close()
}

// pack compresses a file as gzip does: the new one beside the old, then the old one goes.
func pack(path string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(path + ".gz")
	if err != nil {
		return err
	}
	z, err := gzip.NewWriterLevel(out, gzip.BestSpeed)
	if err != nil {
		return err
	}
	z.Name = filepath.Base(path)
	if _, err := io.Copy(z, in); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	return os.Remove(path)
}
