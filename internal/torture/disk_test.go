package torture

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// mount makes dir a small disk of its own. It needs root.
func mount(t *testing.T, dir, size string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small disk")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("mount: %v", err)
	}
	t.Cleanup(func() {
		// What the daemon has open goes with it, in the cleanup that runs next.
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// fill leaves no room in a folder. Calling free gives it back.
func fill(t *testing.T, dir string) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "filler")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for b := bytes.Repeat([]byte{1}, 1<<20); len(b) > 0; {
		if _, err := f.Write(b); errors.Is(err, syscall.ENOSPC) {
			b = b[:len(b)/2]
		} else if err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	}
}

// says fails unless the daemon has told of something.
func (w *world) says(what string) {
	w.t.Helper()
	if said := w.daemon().said(); !strings.Contains(said, what) {
		w.t.Errorf("nothing is said of %q:\n%s", what, said)
	}
}

// No room for the checkpoint: it is said, and lines are stored all the same. When there is room again it is written, and a
// crash at any time loses nothing.
func TestStateFolderFull(t *testing.T) {
	needStore(t)
	for _, kill := range []bool{true, false} {
		t.Run(map[bool]string{true: "killed", false: "undisturbed"}[kill], func(t *testing.T) {
			w := newWorld(t)
			mount(t, w.state, "64m")
			x := w.writer("fw-1", "logs", "fw.log")
			w.file(x.path)
			w.start()
			x.more(5000)
			w.settle()
			free := fill(t, w.state)
			x.more(5000)
			w.ready(false, "checkpoint")
			w.says("no space left on device")
			x.more(5000)
			w.settle() // of a file whose salt is known already nothing waits for a checkpoint
			if kill {
				w.must(w.crash())
				x.more(5000)
			}
			free()
			x.more(5000)
			w.ready(true, "")
			w.settle()
			w.stop()
			w.verify()
		})
	}
}

// The spool of syslog has no room: senders wait, nothing of what was taken is lost, and it goes on when there is room.
func TestSpoolFull(t *testing.T) {
	needStore(t)
	w := newWorld(t)
	mount(t, w.state, "64m")
	addr := freeAddress(t)
	w.source("syslog: {tcp: \"" + addr + "\", silent_after: never}")
	f := &field{world: w, tcp: w.writer("tcp-0"), addr: addr}
	f.tcp.prefix = "<4>"
	w.start()
	w.must(f.send(3000))
	w.settle()
	free := fill(t, w.state)
	sent := make(chan error)
	go func() { sent <- f.send(60_000) }()
	eventually(t, "the daemon tells that there is no room", func() bool { return strings.Contains(w.daemon().said(), "no space left on device") })
	w.ready(false, "")
	free()
	w.must(<-sent)
	w.ready(true, "")
	w.settle()
	w.stop()
	w.verify()
}

// No room in the embedded store: it is said, reading waits, and when there is room again all is stored, once.
func TestStoreFull(t *testing.T) {
	needStore(t)
	for _, kill := range []bool{true, false} {
		t.Run(map[bool]string{true: "killed", false: "undisturbed"}[kill], func(t *testing.T) {
			w := newWorld(t)
			mount(t, w.store, "96m")
			x := w.writer("fw-1", "logs", "fw.log")
			w.file(x.path)
			w.start()
			x.more(5000)
			w.settle()
			free := fill(t, w.store)
			x.more(30_000)
			w.ready(false, "store")
			x.more(30_000)
			if kill {
				w.daemon().kill()
				w.must(w.spawn())
				time.Sleep(3 * time.Second)
				x.more(3000)
			}
			free()
			w.ready(true, "")
			w.settle()
			w.stop()
			w.verify()
		})
	}
}

// Something is in the checkpoint's place while the daemon runs: it is said, and mended when that is gone.
func TestCheckpointUnwritable(t *testing.T) {
	needStore(t)
	w := newWorld(t)
	x := w.writer("fw-1", "logs", "fw.log")
	w.file(x.path)
	w.start()
	x.more(3000)
	w.settle()
	path := filepath.Join(w.state, "checkpoint")
	for _, name := range []string{path, path + ".previous"} {
		if err := os.RemoveAll(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		w.must(os.MkdirAll(filepath.Join(name, "in", "the", "way"), 0o700))
	}
	x.more(3000)
	w.ready(false, "checkpoint")
	w.settle()
	w.daemon().kill()

	w.must(w.spawn()) // it cannot know where it was; to say so and to end is right, to begin as if nothing were is not
	eventually(t, "it ends or runs", func() bool { return w.daemon().gone() || strings.Contains(w.daemon().said(), "mailstop: running") })
	w.says("checkpoint")
	if w.daemon().gone() && w.daemon().err == nil {
		t.Error("it ends with 0")
	}
	w.daemon().kill()
	w.must(os.RemoveAll(path), os.RemoveAll(path+".previous"))
	x.more(3000)
	w.must(w.launch())
	x.more(3000)
	w.ready(true, "")
	w.settle()
	w.stop()
	w.verify()
}

// damages are what may happen to a checkpoint while the daemon is down.
var damages = []struct {
	name string
	do   func(path string, old []byte) error
	said string
	lost bool // nothing is left: findings go on from what the store has, which picks its evidence anew
}{
	{"a flipped byte in the states", func(path string, _ []byte) error { return flip(path, -20) }, "damaged", false},
	{"a flipped byte in the positions", func(path string, _ []byte) error { return flip(path, 60) }, "damaged", false},
	{"cut", func(path string, _ []byte) error { return os.Truncate(path, 300) }, "damaged", false},
	{"empty", func(path string, _ []byte) error { return os.Truncate(path, 0) }, "damaged", false},
	{"deleted", func(path string, _ []byte) error { return os.Remove(path) }, "", false},
	{"deleted with the one before", func(path string, _ []byte) error {
		return errors.Join(os.Remove(path), os.Remove(path+".previous"))
	}, "no checkpoint", true},
	{"both cut", func(path string, _ []byte) error {
		return errors.Join(os.Truncate(path, 100), os.Truncate(path+".previous", 100))
	}, "damaged", true},
	{"an old one restored", func(path string, old []byte) error { return os.WriteFile(path, old, 0o600) }, "", false},
}

func flip(path string, at int) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	b[(at+len(b))%len(b)] ^= 1
	return os.WriteFile(path, b, 0o600)
}

// Whatever happened to the checkpoint: it is said, nothing is lost, nothing is stored twice, and the findings are as if
// nothing had happened.
func TestCheckpointDamaged(t *testing.T) {
	needStore(t)
	for _, d := range damages {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			x := w.writer("fw-1", "logs", "fw.log")
			y := w.writer("fw-2", "logs", "fw-2.log")
			w.file(x.path)
			w.file(y.path)
			path := filepath.Join(w.state, "checkpoint")
			w.start()
			x.more(300)
			y.more(300)
			w.settle()
			w.stop()
			old, err := os.ReadFile(path)
			w.must(err)
			w.must(w.launch())
			x.more(12_000)
			w.shift(x.path)
			x.create()
			x.more(12_000)
			y.more(7000)
			w.settle()
			w.daemon().kill()
			x.more(2000)
			w.must(d.do(path, old))
			w.must(w.launch())
			if d.said != "" {
				w.says(d.said)
			}
			x.more(2000)
			y.more(1000)
			w.ready(true, "")
			w.settle()
			w.stop()
			w.verify()

			u := newWorld(t)
			u.base = w.base
			for _, of := range w.writers {
				again := u.writer(of.host, "logs", filepath.Base(of.path))
				again.rate = 1e9
				again.more(int(of.next))
				u.file(again.path)
			}
			u.start()
			u.settle()
			u.stop()
			got, want := w.findings(), u.findings()
			if d.lost {
				for _, fs := range []map[string]map[string]any{got, want} {
					for _, f := range fs {
						delete(f, "evidence")
						delete(f, "where")
					}
				}
			}
			sameFindings(t, got, want)
		})
	}
}
