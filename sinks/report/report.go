// Package report is the sink behind what a replay prints: it counts entries, remembers the findings and turns both into
// a text for an operator or one JSON object for a machine. It stores nothing, reads no clock, and decides nothing about
// a finding: the verdicts are the detectors'.
package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"mailstop/event"
	"mailstop/sinks"
)

// The bounds of what the sink remembers one by one.
const (
	maxFindings = 50_000
	maxSources  = 10_000
)

// otherSources stands for the sources beyond maxSources.
const otherSources = "(other sources)"

// A Sink counts what it is given. Its zero value is not usable; call New.
type Sink struct {
	total    counts
	sources  map[string]*source
	order    []*source // in the order they were first seen
	findings map[string]event.Finding
	limit    int    // most findings kept between two prunings
	pruned   uint64 // findings that were let go
}

type source struct {
	path                                string
	lines, entries, mailLines, unparsed uint64
	times                               span
	problem                             string
}

// New returns a sink that has seen nothing.
func New() *Sink {
	return &Sink{
		total: newCounts(), limit: maxFindings,
		sources: make(map[string]*source), findings: make(map[string]event.Finding),
	}
}

// Block returns an empty block. It may be called concurrently.
func (s *Sink) Block() sinks.Block { return &block{newCounts()} }

// Write adds a batch to the counts and replaces the findings that changed. It fails, for good, only if the batch holds
// blocks of another sink.
func (s *Sink) Write(_ context.Context, b *sinks.Batch) error {
	for _, sb := range b.Blocks {
		if _, ok := sb.(*block); !ok {
			return fmt.Errorf("report: block is a %T: %w", sb, sinks.ErrPermanent)
		}
	}
	if b.Source != "" {
		src := s.source(b.Source)
		for _, sb := range b.Blocks {
			src.merge(&sb.(*block).counts)
		}
		if src.problem == "" {
			src.problem = strings.Clone(b.Problem)
		}
	}
	for _, sb := range b.Blocks {
		s.total.merge(&sb.(*block).counts)
	}
	for i := range b.Findings {
		s.findings[b.Findings[i].ID] = b.Findings[i]
	}
	if len(s.findings) > 2*s.limit {
		s.prune()
	}
	return nil
}

// Close does nothing: the report is asked for with Result.
func (s *Sink) Close(context.Context) error { return nil }

func (s *Sink) source(path string) *source {
	src, ok := s.sources[path]
	if !ok {
		if len(s.order) >= maxSources {
			path = otherSources
			if src, ok = s.sources[path]; ok {
				return src
			}
		}
		src = &source{path: strings.Clone(path)}
		s.sources[src.path] = src
		s.order = append(s.order, src)
	}
	return src
}

func (s *source) merge(c *counts) {
	s.lines += c.lines
	s.entries += c.entries
	s.mailLines += c.mailLines
	s.unparsed += c.unparsed()
	s.times.merge(&c.times)
}

// prune lets the least weighty findings go: a log made to produce findings must not fill the memory.
func (s *Sink) prune() {
	all := s.sortedFindings()
	for _, f := range all[s.limit:] {
		delete(s.findings, f.ID)
		s.pruned++
	}
}

// sortedFindings returns the findings, worst first: by severity, then attempts, then id.
func (s *Sink) sortedFindings() []event.Finding {
	out := make([]event.Finding, 0, len(s.findings))
	for _, f := range s.findings {
		f.First, f.Last = f.First.UTC(), f.Last.UTC()
		if f.Queue != nil {
			q := *f.Queue
			q.Oldest = q.Oldest.UTC()
			f.Queue = &q
		}
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b event.Finding) int {
		return cmp.Or(
			cmp.Compare(b.Severity, a.Severity),
			cmp.Compare(b.Attempts, a.Attempts),
			cmp.Compare(a.ID, b.ID),
		)
	})
	return out
}
