package file

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// version is that of positions. Another one is not read.
const version = 1

// A position is what a checkpoint keeps.
type position struct {
	Kind    string  `json:"kind"`
	Version int     `json:"version"`
	Files   []saved `json:"files"`
}

// saved is what is kept of an incarnation.
type saved struct {
	Path     string     `json:"path"` // what it is shown as
	Real     string     `json:"real"` // where it was last, links followed
	ID       identity   `json:"id"`   // zero once the file is another one
	Copies   []identity `json:"copies,omitempty"`
	Salt     string     `json:"salt"`
	Name     string     `json:"name,omitempty"`    // of the part, if it is not the salt
	Recover  bool       `json:"recover,omitempty"` // any stored extents of nobody else may be its own
	Start    int64      `json:"start,omitempty"`   // where its first line begins
	Head     print      `json:"head"`              // of what is there from Start, given or not
	Marks    []mark     `json:"marks"`             // oldest first; the last is where to go on
	Size     int64      `json:"size"`              // when last seen
	Modified int64      `json:"modified"`          // nanoseconds, when last seen
	Moved    bool       `json:"moved,omitempty"`   // it was rotated away
	Finished bool       `json:"finished,omitempty"`
	Seen     int64      `json:"seen"` // seconds
}

// An identity is that of a file on this machine as long as it is there.
type identity struct {
	Dev   uint64 `json:"dev"`
	Inode uint64 `json:"inode"`
}

// A mark is a place between two extents.
type mark struct {
	Offset int64  `json:"offset"`
	Parent string `json:"parent,omitempty"` // empty at the start
	Before print  `json:"before"`
	At     int64  `json:"at"` // seconds
}

const (
	maxMarks = 5
	// reread is how long before the last mark reading begins again when what was read before is needed.
	reread = 15 * time.Minute
)

// errForeign is what is wrong with a position that was not written by this package.
var errForeign = errors.New("not a position of files")

// decode reads a position and checks all that is relied on.
func decode(b []byte) (position, error) {
	var p position
	if err := json.Unmarshal(b, &p); err != nil {
		return position{}, fmt.Errorf("read it as JSON: %w", err)
	}
	if p.Kind != "file" {
		return position{}, errForeign
	}
	if p.Version != version {
		return position{}, fmt.Errorf("version %d, not %d", p.Version, version)
	}
	for i := range p.Files {
		if err := p.Files[i].valid(); err != nil {
			return position{}, fmt.Errorf("file %d, %q: %w", i, p.Files[i].Path, err)
		}
	}
	return p, nil
}

func (f *saved) valid() error {
	switch {
	case f.Path == "" || f.Salt == "" && f.Name == "":
		return errors.New("no path or no salt")
	case len(f.Marks) == 0 || len(f.Marks) > maxMarks:
		return fmt.Errorf("%d marks", len(f.Marks))
	case f.Start < 0 || f.Size < 0:
		return errors.New("a negative offset")
	case !f.Head.valid(headSize):
		return errors.New("the fingerprint of its head is wrong")
	}
	last := f.Start
	for _, m := range f.Marks {
		if m.Offset < last || !m.Before.valid(beforeSize) || int64(m.Before.N) > m.Offset {
			return fmt.Errorf("offset %d is wrong", m.Offset)
		}
		last = m.Offset
	}
	return nil
}

// Restore goes on where position says. With an error the source can be used nevertheless: it reads all there is, and
// relies on the ledger to know what is stored.
func (s *Source) Restore(pos []byte, again bool) error {
	if len(pos) == 0 || string(pos) == "null" {
		return nil
	}
	p, err := decode(pos)
	if err != nil {
		s.lost = true
		return fmt.Errorf("checkpoint of files: %w\nhint: nothing needs to be done: files are read again from their beginning, and what the store "+
			"has is recognised; if the checkpoint file was damaged by a full disk, make room", err)
	}
	s.fresh = false
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range p.Files {
		inc := &incarnation{saved: f, kept: f.recognisable(), restored: true, old: true, ended: f.Finished}
		m := inc.goOn()
		if again {
			m = inc.earlier(time.Now())
			inc.Finished = inc.Finished && m.Offset == inc.goOn().Offset
			inc.ended = inc.Finished
		}
		inc.start(m)
		inc.set = s.finder.setOf(inc.Path)
		s.files = append(s.files, inc)
	}
	return nil
}

// recognisable reports whether f says enough to know the file again when another has its inode. Before a checkpoint does,
// nothing may be given of the file: it would be read again after a crash, and stored under another salt.
func (f *saved) recognisable() bool { return f.Head.N > 0 || f.ID == identity{} }

// earlier returns the oldest mark that is not too long ago, but one before the last if there is one: the lines behind
// the mark before are what was read last.
func (f *saved) earlier(now time.Time) mark {
	i := slices.IndexFunc(f.Marks, func(m mark) bool { return m.At >= now.Add(-reread).Unix() })
	if i < 0 {
		return f.goOn()
	}
	return f.Marks[max(i-1, 0)]
}

func (f *saved) goOn() mark { return f.Marks[len(f.Marks)-1] }

// acknowledge moves the position to m.
func (f *saved) acknowledge(m mark) {
	i := len(f.Marks)
	if i > 0 && m.Offset <= f.Marks[i-1].Offset {
		return // read again
	}
	// All but the last are some minutes apart.
	if i > 1 && f.Marks[i-1].At-f.Marks[i-2].At < int64(reread/time.Second)/(maxMarks-2) {
		f.Marks[i-1] = m
		return
	}
	if i == maxMarks {
		f.Marks = slices.Delete(f.Marks, 0, 1)
	}
	f.Marks = append(f.Marks, m)
}

// Checkpoint returns where to go on behind all that had its Done.
func (s *Source) Checkpoint() ([]byte, func(context.Context) error, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := position{Kind: "file", Version: version, Files: []saved{}}
	var told, finished []*incarnation
	for _, inc := range s.files {
		f := inc.saved
		f.Finished = inc.ended && inc.goOn().Offset == inc.final
		if !inc.kept && f.recognisable() {
			told = append(told, inc)
		}
		if f.Finished && !inc.finished {
			finished = append(finished, inc)
		}
		f.Marks = slices.Clone(f.Marks)
		p.Files = append(p.Files, f)
	}
	b, err := json.Marshal(p)
	if err != nil {
		return nil, nil, fmt.Errorf("position of files: %w", err)
	}
	return b, func(context.Context) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, inc := range told {
			inc.kept = true
		}
		for _, inc := range finished {
			inc.finished = true
		}
		if len(told) > 0 {
			s.poke()
		}
		return nil
	}, nil
}
