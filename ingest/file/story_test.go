package file

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// each runs a story undisturbed and with a daemon that is killed all the time.
func each(t *testing.T, paths func(p string) []string, story func(t *testing.T, d *daemon, w *writer, p string)) {
	for name, kills := range map[string]bool{"undisturbed": false, "killed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := in(t)
			o := quick()
			o.Paths = paths(p)
			d := newDaemon(t, o)
			if kills {
				d.kills = rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
			}
			w := &writer{t: t}
			story(t, d, w, p)
			d.settle(w.n)
		})
	}
}

func alone(p string) []string { return []string{p} }
func glob(p string) []string  { return []string{p + "*"} }

func TestGrows(t *testing.T) {
	each(t, alone, func(_ *testing.T, d *daemon, w *writer, p string) {
		w.open(p)
		w.lines(5000)
		d.start()
		w.lines(50_000)
	})
}

func TestRename(t *testing.T) {
	for name, paths := range map[string]func(string) []string{"alone": alone, "glob": glob} {
		t.Run(name, func(t *testing.T) {
			each(t, paths, func(t *testing.T, d *daemon, w *writer, p string) {
				w.open(p)
				d.begin(w)
				for range 8 {
					w.lines(5000)
					rotate(t, p, 10)
					w.open(p)
				}
				w.lines(5000)
			})
		})
	}
}

// rsyslog goes on writing to the old file until it is told.
func TestLateWriter(t *testing.T) {
	each(t, alone, func(t *testing.T, d *daemon, w *writer, p string) {
		w.open(p)
		d.begin(w)
		for range 6 {
			w.lines(4000)
			rotate(t, p, 10)
			late := w.f
			w.open(p)
			fresh := w.f
			w.lines(2000)
			w.f = late
			w.lines(3000)
			time.Sleep(80 * time.Millisecond)
			w.lines(1000)
			w.f = fresh
		}
		w.lines(1000)
	})
}

func TestCopytruncate(t *testing.T) {
	for name, paths := range map[string]func(string) []string{"alone": alone, "glob": glob} {
		t.Run(name, func(t *testing.T) {
			each(t, paths, func(t *testing.T, d *daemon, w *writer, p string) {
				w.open(p)
				d.begin(w)
				for range 8 {
					w.lines(5000)
					for i := 8; i > 0; i-- {
						if _, err := os.Stat(fmt.Sprintf("%s.%d", p, i)); err == nil {
							rename(t, fmt.Sprintf("%s.%d", p, i), fmt.Sprintf("%s.%d", p, i+1))
						}
					}
					copyFile(t, p, p+".1")
					must(t, os.Truncate(p, 0))
				}
				w.lines(5000)
			})
		})
	}
}

// Truncated and longer than before, all between two looks.
func TestTruncateAndRegrow(t *testing.T) {
	each(t, alone, func(t *testing.T, d *daemon, w *writer, p string) {
		w.open(p)
		d.begin(w)
		for i := range 5 {
			w.lines(1000 * (i + 1))
			d.wait(func() bool { return d.store.count() == w.n })
			must(t, os.Truncate(p, 0))
		}
		w.lines(20_000)
	})
}

// A writer without O_APPEND goes on where it was, and leaves a hole.
func TestHole(t *testing.T) {
	each(t, alone, func(t *testing.T, d *daemon, w *writer, p string) {
		f, err := os.Create(p)
		must(t, err)
		defer f.Close()
		w.f = f
		d.begin(w)
		for i := range 5 {
			w.lines(3000)
			copyFile(t, p, fmt.Sprintf("%s.%d", p, 9-i))
			must(t, os.Truncate(p, 0))
		}
		w.lines(5000)
	})
}

// Rotated several times while nobody looks.
func TestRotateWhileDown(t *testing.T) {
	for name, pack := range map[string]string{"plain": "", "gzip": "gzip", "bzip2": "bzip2", "xz": "xz", "zstd": "zstd --rm -q"} {
		t.Run(name, func(t *testing.T) {
			if pack != "" {
				if _, err := exec.LookPath(fields(pack)[0]); err != nil {
					t.Skip(err)
				}
			}
			each(t, alone, func(t *testing.T, d *daemon, w *writer, p string) {
				must(t, os.WriteFile(p+".1", []byte("from before anybody looked\n"), 0o600))
				w.open(p)
				d.begin(w)
				for range 2 {
					w.lines(5000)
					d.wait(func() bool { return d.store.count() > w.n-4000 })
					d.halt()
					w.lines(3000)
					for range 3 {
						rotate(t, p, 20)
						w.open(p)
						w.lines(3000)
					}
					if pack != "" {
						for _, i := range []int{3, 2} {
							name := fmt.Sprintf("%s.%d", p, i)
							out, err := exec.Command(fields(pack)[0], append(fields(pack)[1:], name)...).CombinedOutput()
							if err != nil {
								t.Fatalf("%s: %s", err, out)
							}
						}
					}
					d.start()
				}
				w.lines(3000)
			})
		})
	}
}

// A compressed file that was found, and is rotated on before its turn comes: another has its name by then.
func TestRotatedOnBeforeItsTurn(t *testing.T) {
	for _, pack := range []bool{true, false} {
		t.Run(map[bool]string{true: "gzip", false: "plain"}[pack], func(t *testing.T) {
			p := in(t)
			d := follow(t, p)
			w := &writer{t: t}
			w.open(p)
			d.begin(w)
			w.lines(300)
			d.rows(400)
			d.halt()
			next := func() {
				rotate(t, p, 9)
				w.open(p)
				if pack {
					out, err := exec.Command("gzip", p+".1").CombinedOutput()
					if err != nil {
						t.Fatalf("%s: %s", err, out)
					}
				}
			}
			w.lines(200)
			next()
			w.lines(500)
			next()
			d.mute.Store(true)
			d.start()
			d.wait(func() bool { return strings.Contains(d.logged(), "not seen before") })
			w.lines(700)
			next()
			w.lines(100)
			d.mute.Store(false)
			d.settle(w.n)
		})
	}
}

func TestSuffixes(t *testing.T) {
	for name, next := range map[string]func(p string, i int) string{
		"dateext": func(p string, i int) string { return fmt.Sprintf("%s-202601%02d", p, i+1) },
		"dashes":  func(p string, i int) string { return fmt.Sprintf("%s.2026-01-%02d", p, i+1) },
		"epoch":   func(p string, i int) string { return fmt.Sprintf("%s-17040672%02d", p, i+1) },
	} {
		t.Run(name, func(t *testing.T) {
			each(t, alone, func(t *testing.T, d *daemon, w *writer, p string) {
				w.open(p)
				d.begin(w)
				for i := range 9 {
					w.lines(1500)
					if i == 4 {
						d.wait(func() bool { return d.store.count() > 1000 })
						d.halt()
					}
					rename(t, p, next(p, i))
					w.open(p)
					if i == 7 {
						d.start()
					}
				}
				w.lines(1000)
			})
		})
	}
	t.Run("old", func(t *testing.T) {
		each(t, alone, func(t *testing.T, d *daemon, w *writer, p string) {
			w.open(p)
			d.begin(w)
			for range 4 {
				w.lines(3000)
				d.wait(func() bool { return d.store.count() > w.n-2900 })
				rename(t, p, p+".old")
				w.open(p)
			}
			w.lines(1000)
		})
	})
	t.Run("newsyslog", func(t *testing.T) {
		each(t, alone, func(t *testing.T, d *daemon, w *writer, p string) {
			w.open(p)
			d.begin(w)
			for i := range 6 {
				w.lines(2000)
				if i == 2 {
					d.wait(func() bool { return d.store.count() > 1000 })
					d.halt()
				}
				for j := 8; j >= 0; j-- {
					if _, err := os.Stat(fmt.Sprintf("%s.%d", p, j)); err == nil {
						rename(t, fmt.Sprintf("%s.%d", p, j), fmt.Sprintf("%s.%d", p, j+1))
					}
				}
				rename(t, p, p+".0")
				w.open(p)
				if i == 4 {
					d.start()
				}
			}
			w.lines(1000)
		})
	})
}

func TestSymlink(t *testing.T) {
	each(t, alone, func(t *testing.T, d *daemon, w *writer, p string) {
		dir := filepath.Join(filepath.Dir(p), "data")
		must(t, os.Mkdir(dir, 0o700))
		turn := func(i int) {
			target := filepath.Join(dir, fmt.Sprintf("fw-202601%02d.log", i+1))
			w.open(target)
			_ = os.Remove(p + ".new")
			must(t, os.Symlink(target, p+".new"))
			rename(t, p+".new", p)
		}
		turn(0)
		d.begin(w)
		for i := range 8 {
			w.lines(3000)
			if i == 3 {
				d.wait(func() bool { return d.store.count() > 1000 })
				d.halt()
			}
			turn(i + 1)
			if i == 6 {
				d.start()
			}
		}
		w.lines(1000)
	})
}

// The inode of a deleted file is soon another file's.
func TestDeletedAndCreated(t *testing.T) {
	each(t, alone, func(t *testing.T, d *daemon, w *writer, p string) {
		w.open(p)
		d.begin(w)
		for range 6 {
			w.lines(3000)
			d.wait(func() bool { return d.store.count() == w.n })
			d.halt()
			must(t, w.f.Close())
			must(t, os.Remove(p))
			w.open(p)
			d.begin(w)
		}
		w.lines(10_000)
	})
}

// A file is deleted while it is read: what was written to it is there as long as it is open.
func TestDeletedUnread(t *testing.T) {
	p := in(t)
	o := quick()
	o.Paths = alone(p)
	d := newDaemon(t, o).start()
	w := &writer{t: t}
	for range 5 {
		w.open(p)
		w.lines(1000)
		d.wait(func() bool { return d.store.count() > w.n-900 })
		w.lines(20_000)
		must(t, os.Remove(p))
		w.lines(2000)
	}
	d.settle(w.n)
}

func TestAppears(t *testing.T) {
	each(t, func(p string) []string {
		return []string{filepath.Join(filepath.Dir(p), "later", "**", "*.log"), filepath.Join(filepath.Dir(p), "folder"), p}
	}, func(t *testing.T, d *daemon, w *writer, p string) {
		d.start()
		for i := range 5 {
			dir := filepath.Join(filepath.Dir(p), "later", fmt.Sprint(i), "deep")
			must(t, os.MkdirAll(dir, 0o700))
			w.open(filepath.Join(dir, "x.log"))
			w.lines(2000)
		}
		time.Sleep(50 * time.Millisecond)
		dir := filepath.Join(filepath.Dir(p), "folder", "below")
		must(t, os.MkdirAll(dir, 0o700))
		w.open(filepath.Join(dir, "any-name"))
		w.lines(2000)
		w.open(p)
		w.lines(2000)
	})
}

func TestManyWriters(t *testing.T) {
	each(t, func(p string) []string { return []string{filepath.Join(filepath.Dir(p), "*.log")} }, func(_ *testing.T, d *daemon, w *writer, p string) {
		d.o.MaxOpen = 8
		d.start()
		var ws []*os.File
		for i := range 40 {
			w.open(filepath.Join(filepath.Dir(p), fmt.Sprintf("host-%c%c.log", 'a'+i/26, 'a'+i%26)))
			ws = append(ws, w.f)
		}
		for i := range 120 {
			w.f = ws[i*7%40]
			w.lines(300)
		}
	})
}

func fields(s string) []string { return strings.Fields(s) }
