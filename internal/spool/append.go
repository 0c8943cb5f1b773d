package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Append takes all of rs or, with an error, none. When it returns nil they are in the hands of the operating system: the end
// of this process does not lose them. What several callers bring at the same time is written at once. With ErrFull, or an
// error of the disk, the caller may try again with the same records.
func (s *Spool) Append(rs []Record) error {
	size := 0
	for i := range rs {
		if len(rs[i].Data) > MaxData {
			return fmt.Errorf("append a record of %d bytes to the spool: more than %d", len(rs[i].Data), MaxData)
		}
		size += minRecord + MaxSender + len(rs[i].Data)
	}
	if size > maxAppend {
		return fmt.Errorf("append %d bytes to the spool: more than %d at once", size, maxAppend)
	}
	if len(rs) == 0 {
		return nil
	}
	return s.commit(s.join(rs))
}

// join puts records into the group that is written next.
func (s *Spool) join(rs []Record) *group {
	seed := s.identity.seed()
	s.mu.Lock()
	for len(s.group.data) > maxGroup {
		g := s.group
		s.mu.Unlock()
		_ = s.commit(g) // those who brought it hear of an error
		s.mu.Lock()
	}
	defer s.mu.Unlock()
	g := s.group
	if len(g.data) == 0 {
		g.first = s.next
	}
	for i := range rs {
		g.data = appendRecord(g.data, seed, s.next, &rs[i])
		g.last = max(g.last, rs[i].Received)
		s.next++
	}
	return g
}

// commit sees to it that g is written. Whoever comes first writes it; the others find it done.
func (s *Spool) commit(g *group) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if g.done {
		return g.err
	}
	s.mu.Lock()
	s.group = &group{}
	if cap(s.spare) > 0 {
		s.group.data, s.spare = s.spare[:0], nil
	}
	s.mu.Unlock()
	err := s.write(g)
	if err != nil {
		s.fail(g, err)
		return err
	}
	g.done = true
	if cap(g.data) <= 2*maxGroup {
		s.mu.Lock()
		s.spare = g.data
		s.mu.Unlock()
	}
	g.data = nil
	signal(s.grown)
	return nil
}

// fail undoes the numbers of g and of what has been numbered since.
func (s *Spool) fail(g *group, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = g.first
	for _, g := range []*group{g, s.group} {
		g.done, g.err, g.data = true, err, nil
	}
	s.group = &group{}
}

// write appends g to the last segment, or to a new one.
func (s *Spool) write(g *group) error {
	size := int64(len(g.data))
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return errClosed
	}
	last := s.segments[len(s.segments)-1]
	rotate := s.out == nil || s.broken || last.size > int64(headSize) && last.size+size > s.options.SegmentSize
	if s.total+size+int64(headSize) > s.options.Limit {
		s.evict(s.total + size + int64(headSize) - s.options.Limit)
	}
	full := s.total+size+int64(headSize) > s.options.Limit
	s.mu.Unlock()
	if full {
		return ErrFull
	}
	if rotate {
		if err := s.rotate(g.first); err != nil {
			return fmt.Errorf("begin a segment of the spool: %w", err)
		}
		last = s.segments[len(s.segments)-1] // only changed by who holds writing
	}
	if _, err := s.out.WriteAt(g.data, last.size); err != nil {
		// Nobody reads beyond the segment's size; what was written of the group is taken back as well as it can be.
		if s.out.Truncate(last.size) != nil {
			s.mu.Lock()
			s.broken = true
			s.mu.Unlock()
		}
		return fmt.Errorf("write to the spool: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	end := &s.segments[len(s.segments)-1]
	end.size += size
	end.last = max(end.last, g.last)
	s.total += size
	s.appended += size
	s.dirty = true
	return nil
}

// openLast opens the last segment for writing, or makes one if it cannot go on with it.
func (s *Spool) openLast() error {
	if n := len(s.segments); n > 0 {
		last := &s.segments[n-1]
		f, err := os.OpenFile(s.path(last.first), os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		if last.size < int64(headSize) {
			if _, err := f.WriteAt(s.head(), 0); err != nil {
				_ = f.Close()
				return err
			}
			s.total += int64(headSize) - last.size
			last.size = int64(headSize)
		}
		s.out = f
		if s.next == s.recovered {
			return nil
		}
	}
	return s.rotate(s.next)
}

// rotate begins a segment. The one before is synced first.
func (s *Spool) rotate(first int64) error {
	if err := s.Sync(); err != nil {
		return err
	}
	path := s.path(first)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(s.head()); err == nil {
		err = syncDir(s.options.Dir)
	}
	if err != nil {
		_ = f.Close()
		if len(s.segments) == 0 || s.segments[len(s.segments)-1].first != first {
			_ = os.Remove(path)
		}
		return err
	}
	s.syncing.Lock()
	defer s.syncing.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.out != nil {
		_ = s.out.Close() // it is synced
	}
	s.out, s.broken, s.dirty = f, false, true
	if n := len(s.segments); n > 0 && s.segments[n-1].first == first { // it was empty
		s.total -= s.segments[n-1].size
		s.segments = s.segments[:n-1]
	}
	s.segments = append(s.segments, segment{first: first, size: int64(headSize)})
	s.total += int64(headSize)
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Sync brings what was appended onto the disk, so that it outlives the machine's end. It need not be called; about once
// a second is cheap. Append goes on meanwhile.
func (s *Spool) Sync() error {
	s.syncing.Lock()
	defer s.syncing.Unlock()
	s.mu.Lock()
	out, dirty := s.out, s.dirty
	s.dirty = false
	s.mu.Unlock()
	if out == nil || !dirty {
		return nil
	}
	if err := out.Sync(); err != nil {
		s.mu.Lock()
		s.dirty = true
		s.mu.Unlock()
		return fmt.Errorf("sync the spool: %w", err)
	}
	return nil
}

// SkipTo makes n the number of the next record, if it is less now: where numbers up to n are known to have been used, and
// the machine's end lost them.
func (s *Spool) SkipTo(n int64) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	due := n > s.segmentsEnd()
	s.mu.Unlock()
	if !due {
		return nil
	}
	if err := s.rotate(n); err != nil {
		return fmt.Errorf("begin a segment of the spool: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = n
	return nil
}

// Remove says that the records below the number before are dealt with. Segments that hold no others are deleted, as Options.Keep allows.
func (s *Spool) Remove(before int64) error {
	s.mu.Lock()
	if before <= s.released {
		s.expire(time.Now())
		s.mu.Unlock()
		return nil
	}
	s.released = min(before, s.next)
	before = s.released
	s.expire(time.Now())
	s.mu.Unlock()
	signal(s.freed)
	return s.writeRemoved(before)
}

// removable returns how many segments hold only what was removed, and nothing that the reader still needs. The last one
// stays, so that numbers and identity go on.
func (s *Spool) removable() int {
	n := 0
	limit := min(s.released, s.pinned.Load())
	for n+1 < len(s.segments) && s.segments[n+1].first <= limit {
		n++
	}
	return n
}

// expire deletes segments that need not be kept longer.
func (s *Spool) expire(now time.Time) {
	n := s.removable()
	var kept int64
	for i := n - 1; i >= 0; i-- {
		kept += s.segments[i].size
		if kept > s.options.KeepBytes || now.UnixNano()-s.segments[i].last > s.options.Keep.Nanoseconds() {
			s.drop(i + 1)
			return
		}
	}
}

// evict deletes segments that are only kept, until room for so many bytes is made.
func (s *Spool) evict(bytes int64) {
	n := 0
	for can := s.removable(); n < can && bytes > 0; n++ {
		bytes -= s.segments[n].size
	}
	s.drop(n)
}

// drop deletes the first n segments.
func (s *Spool) drop(n int) {
	for i := range n {
		path := s.path(s.segments[i].first)
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.log.Warn("a segment of the spool cannot be deleted", "path", path, "err", err)
			n = i
			break
		}
		s.total -= s.segments[i].size
	}
	s.segments = slices.Delete(s.segments, 0, n)
}

const removedName = "removed"

// writeRemoved notes the number up to which records are dealt with, for when nobody else remembers it.
func (s *Spool) writeRemoved(n int64) error {
	path := filepath.Join(s.options.Dir, removedName)
	if err := os.WriteFile(path+".new", []byte(strconv.FormatInt(n, 10)+"\n"), 0o600); err != nil {
		return fmt.Errorf("note what was removed from the spool: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("note what was removed from the spool: %w", err)
	}
	return nil
}

func (s *Spool) readRemoved() {
	b, err := os.ReadFile(filepath.Join(s.options.Dir, removedName))
	if err != nil {
		return
	}
	if n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil && n > 0 {
		s.released = n
	}
}
