package file

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"mailstop/internal/rotated"
)

// maxDepth bounds how deep folders may be nested.
const maxDepth = 64

// A finder knows what is in the folders that are looked at again and again.
type finder struct {
	dirs    map[string]*listing
	members map[string]rotated.Member // by path
	turn    int                       // a folder is read once in each
}

// A listing is a folder's content.
type listing struct {
	modified time.Time
	settled  bool // it was read long enough after it changed that a later change shows
	entries  []fs.DirEntry
	sets     map[string][]string // names of files by rotated set; nil until it is asked for
	turn     int
}

// member returns what the name of a file says.
func (f *finder) member(path string) rotated.Member {
	m, ok := f.members[path]
	if !ok {
		if len(f.members) > 50_000 {
			clear(f.members)
		}
		m = rotated.Of(path)
		f.members[path] = m
	}
	return m
}

// setOf returns the rotated set that a path belongs to.
func (f *finder) setOf(path string) string { return f.member(path).Set }

// set returns the names of the files in dir that belong to a rotated set.
func (f *finder) set(dir, set string) []string {
	if _, err := f.list(dir); err != nil {
		return nil
	}
	l := f.dirs[dir]
	if l.sets == nil {
		l.sets = map[string][]string{}
		for _, e := range l.entries {
			if e.Type().IsRegular() {
				name := filepath.Join(dir, e.Name())
				set := f.member(name).Set
				l.sets[set] = append(l.sets[set], name)
			}
		}
	}
	return l.sets[set]
}

// list returns what is in dir, which is read only if it changed.
func (f *finder) list(dir string) ([]fs.DirEntry, error) {
	l := f.dirs[dir]
	if l != nil && l.turn == f.turn {
		return l.entries, nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		delete(f.dirs, dir)
		return nil, err
	}
	if l != nil && l.settled && l.modified.Equal(info.ModTime()) {
		l.turn = f.turn
		return l.entries, nil
	}
	now := time.Now()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	if len(f.dirs) > 10_000 {
		clear(f.dirs)
	}
	f.dirs[dir] = &listing{info.ModTime(), now.Sub(info.ModTime()) > 2*time.Second, entries, nil, f.turn}
	return entries, nil
}

// expand calls emit with each path that pattern names, and bad with what cannot be looked at.
func (f *finder) expand(pattern string, emit func(path string), bad func(path string, err error)) {
	pattern = filepath.Clean(pattern)
	if !hasMeta(pattern) {
		info, err := os.Stat(pattern)
		switch {
		case err != nil:
			bad(pattern, err)
		case info.IsDir():
			f.below(pattern, 0, emit, bad)
		default:
			emit(pattern)
		}
		return
	}
	root := "."
	if filepath.IsAbs(pattern) {
		root, pattern = "/", pattern[1:]
	}
	f.walk(root, strings.Split(pattern, "/"), 0, emit, bad)
}

func (f *finder) walk(dir string, rest []string, depth int, emit func(string), bad func(string, error)) {
	name, last := rest[0], len(rest) == 1
	if !hasMeta(name) {
		p := filepath.Join(dir, name)
		if last {
			if _, err := os.Lstat(p); err == nil {
				emit(p)
			}
			return
		}
		f.walk(p, rest[1:], depth, emit, bad)
		return
	}
	if name == "**" && !last {
		f.walk(dir, rest[1:], depth, emit, bad)
	}
	entries, err := f.list(dir)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
			bad(dir, err)
		}
		return
	}
	for _, e := range entries {
		p := filepath.Join(dir, e.Name())
		if strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(name, ".") {
			continue
		}
		switch {
		case name == "**":
			if e.IsDir() && depth < maxDepth {
				f.walk(p, rest, depth+1, emit, bad)
			} else if last && !e.IsDir() {
				emit(p)
			}
		case !matches(name, e.Name()):
		case !last:
			if e.IsDir() || e.Type()&fs.ModeSymlink != 0 {
				f.walk(p, rest[1:], depth, emit, bad)
			}
		case !e.IsDir():
			emit(p)
		}
	}
}

// below emits all files in dir and in the folders in it, but hidden ones.
func (f *finder) below(dir string, depth int, emit func(string), bad func(string, error)) {
	entries, err := f.list(dir)
	if err != nil {
		bad(dir, err)
		return
	}
	for _, e := range entries {
		p := filepath.Join(dir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case e.IsDir() && depth < maxDepth:
			f.below(p, depth+1, emit, bad)
		case !e.IsDir():
			emit(p)
		}
	}
}

func hasMeta(s string) bool { return strings.ContainsAny(s, `*?[\`) }

func matches(pattern, name string) bool {
	ok, err := filepath.Match(pattern, name)
	return ok && err == nil
}

// reason says an error without the path, which whoever shows it names.
func reason(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return "no such file or folder"
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return err.Error()
}
