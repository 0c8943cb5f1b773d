package detect

import (
	"path"
	"strconv"
	"strings"

	"mailstop/event"
)

// maxEvidenceRaw bounds a line kept as evidence; firewall lines are a tenth of it.
const maxEvidenceRaw = 2048

// A Tally counts what one finding is about and keeps a few of its lines: the first, and others spread evenly over
// the rest.
type Tally struct {
	Packets, Attempts uint64
	First, Last       int64 // event time, nanoseconds

	lines  []line
	seen   uint64 // candidates for evidence so far
	stride uint64 // every stride-th candidate is kept
}

type line struct{ raw, where string }

// Add counts e.
func (t *Tally) Add(e *event.Entry) {
	if t.Packets == 0 {
		t.First, t.Last = e.Time, e.Time
	}
	t.First, t.Last = min(t.First, e.Time), max(t.Last, e.Time)
	t.Packets += Packets(e)
	if !e.FirstAttempt {
		return
	}
	t.Attempts++
	t.keep(e)
}

// keep takes e as evidence if it is its turn. When there are too many lines, every other one goes, and the
// distance between those to come doubles.
func (t *Tally) keep(e *event.Entry) {
	n := t.seen
	t.seen++
	t.stride = max(t.stride, 1)
	if n%t.stride != 0 {
		return
	}
	if len(t.lines) == event.MaxEvidence {
		for i := 1; 2*i < len(t.lines); i++ {
			t.lines[i] = t.lines[2*i]
		}
		t.lines = t.lines[:(len(t.lines)+1)/2]
		t.stride *= 2
		if n%t.stride != 0 {
			return
		}
	}
	t.lines = append(t.lines, line{strings.Clone(e.Raw[:min(len(e.Raw), maxEvidenceRaw)]), where(e)})
}

// where names e's line for people: the file's name without its folders, and the number of the line.
func where(e *event.Entry) string {
	name := path.Base(strings.ReplaceAll(e.Source, `\`, "/"))
	if e.Source == "" {
		name = "-"
	}
	if e.Line > 0 {
		return name + ":" + strconv.FormatInt(e.Line, 10)
	}
	return name + "@" + strconv.FormatInt(e.Pos, 10)
}

// Fill stores the counts, times and lines in f.
func (t *Tally) Fill(f *event.Finding) {
	f.Packets, f.Attempts = t.Packets, t.Attempts
	f.First, f.Last = UTC(t.First), UTC(t.Last)
	for _, l := range t.lines {
		f.Evidence = append(f.Evidence, l.raw)
		f.Where = append(f.Where, l.where)
	}
}

// Lasting reports whether the tally spans at least ns nanoseconds, and no more than clocks can be believed.
func (t *Tally) Lasting(ns int64) bool { return After(t.First, t.Last) && t.Last-t.First >= ns }
