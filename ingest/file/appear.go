package file

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"mailstop/ingest"
	"mailstop/internal/unpack"
)

// A refusal says why a file is not read, as long as it stays as it is.
type refusal struct {
	size     int64
	modified time.Time
	why      string
}

// appear begins to follow a file that was not known.
func (s *Source) appear(p path, now time.Time) {
	f, err := os.Open(p.real)
	if errors.Is(err, fs.ErrNotExist) {
		s.redo[s.finder.setOf(p.name)] = true
		return
	}
	if err != nil {
		s.complain(p.name, reason(err))
		return
	}
	info, err := f.Stat()
	if err != nil || identityOf(info) != p.id {
		_ = f.Close()
		s.redo[s.finder.setOf(p.name)] = true // rotated away just now
		return
	}
	head := make([]byte, 18)
	n, _ := f.ReadAt(head, 0)
	if why := refuse(head[:n]); why != "" {
		_ = f.Close()
		s.refused[p.id] = refusal{p.info.Size(), p.info.ModTime(), why}
		s.complain(p.name, why)
		return
	}
	inc := s.newborn(p.name, p.real, p.id)
	inc.seen = true
	inc.Modified = info.ModTime().UnixNano()
	inc.Recover = s.first && !slices.ContainsFunc(s.files, func(o *incarnation) bool { return o.set == inc.set && o.restored })
	if s.first && s.fresh && !s.lost && s.o.Start == End {
		if end, err := lastLineEnd(f, 0, info.Size()); err == nil && end > 0 {
			m := mark{Offset: end, At: now.Unix()}
			inc.Start, inc.Marks = end, []mark{m}
			inc.start(m)
		}
	}
	s.hold(inc, f)
	s.sized(inc, info, now)
	s.add(inc, nil)
	if s.open > s.o.MaxOpen {
		s.close(inc)
	}
}

func (s *Source) complain(name, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ill = append(s.ill, ingest.Status{Source: name, Problem: why})
}

// isRefused reports whether p was refused and is as it was then.
func (s *Source) isRefused(p path) bool {
	r, ok := s.refused[p.id]
	if !ok || r.size != p.info.Size() || !r.modified.Equal(p.info.ModTime()) {
		delete(s.refused, p.id)
		return false
	}
	s.complain(p.name, r.why)
	return true
}

// refuse says why a file that begins like that is not followed.
func refuse(head []byte) string {
	switch {
	case unpack.KindOf(head) != unpack.Plain:
		return "compressed: such files are not followed; read it once with \"mailstop replay\""
	case len(head) >= 2 && (head[0] == 0xff && head[1] == 0xfe || head[0] == 0xfe && head[1] == 0xff):
		return "UTF-16: such files are not followed; read it with \"mailstop replay\""
	}
	return ""
}
