package silent

import (
	"fmt"

	"mailstop/detect"
	"mailstop/event"
)

const (
	windowLines = 200
	minWindows  = 3 // of history
	slowness    = 32

	jumpTo    = 0.5 // share of unread lines
	jumpBy    = 0.3
	jumpTimes = 5
	fallBack  = 0.15 // above what is usual
)

// share follows how many of a source's lines cannot be read.
type share struct {
	lines, unread uint64 // of the window at hand
	from          int64  // when it began
	windows       int
	usual         float64 // average of the windows, slow; those of a jump do not count
	line, problem string  // a sample

	open, changed bool
	told          event.Finding
	now           float64 // of the window that changed it
	of, bad       uint64
	began         int64
}

func (s *share) add(lines, unread uint64, t int64) {
	if s.lines == 0 {
		s.from = t
	}
	s.lines += lines
	s.unread += unread
	if s.lines < windowLines {
		return
	}
	now := float64(s.unread) / float64(s.lines)
	of, bad, began := s.lines, s.unread, s.from
	s.lines, s.unread = 0, 0
	jump := s.windows >= minWindows && now > jumpTo && now >= jumpTimes*s.usual && now >= s.usual+jumpBy
	switch {
	case !s.open && jump:
		s.open, s.changed = true, !s.changed // one that came and went between two checks is not worth a word
		s.now, s.of, s.bad, s.began = now, of, bad, began
		return
	case s.open && now < s.usual+fallBack:
		s.open, s.changed = false, !s.changed
	case s.open:
		return
	}
	s.windows++
	s.usual += (now - s.usual) / float64(min(s.windows, slowness))
}

// check appends what changed.
func (s *share) check(out []event.Finding, of *source, t int64) []event.Finding {
	if !s.changed {
		return out
	}
	s.changed = false
	if !s.open {
		return append(out, s.end(t, "lines can be read again"))
	}
	name := detect.Clean(of.name)
	s.told = event.Finding{
		ID: detect.ID(detect.SourceSilent, of.name, "unread"), Kind: detect.SourceSilent, Severity: event.Low, Host: of.host,
		First: detect.UTC(s.began), Last: detect.UTC(t),
		Summary: fmt.Sprintf("%s of %s lines of %s could not be read (%.0f %%; usually %s)", detect.Thousands(s.bad),
			detect.Thousands(s.of), name, 100*s.now, percent(s.usual)),
		Cause: event.Cause{
			Code: event.CauseNotTheFirewall, Confidence: event.Likely,
			Text:    "the log is written in another way than before, or something else writes to it, too",
			Missing: []string{"what has changed: an update of the firewall or of the shipper, a template, an encoding"},
		},
	}
	if s.problem != "" {
		s.told.Cause.Text += ": " + detect.Clean(s.problem)
	}
	if s.line != "" {
		s.told.Evidence, s.told.Where = []string{s.line}, []string{name}
	}
	return append(out, s.told)
}

// end returns the finding of a jump that is over.
func (s *share) end(t int64, why string) event.Finding {
	f := s.told
	f.State, f.Last = event.Resolved, detect.UTC(t)
	f.Summary += ": " + why
	return f
}

func percent(share float64) string {
	if share > 0 && share < 0.01 {
		return "less than 1 %"
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}
