package daemon

import "time"

// Labels are bounded: what exceeds a bound is one label value with the sum.
const (
	maxSources = 200
	maxParts   = 500
	otherLabel = "(other)"
)

// bounded decides which names have labels of their own: the first that came. A name keeps what it has got as long as it
// is there, so that no counter falls because another went.
type bounded struct{ own map[string]bool }

// admit returns, for the names that there are now, whether each has a label of its own.
func (b *bounded) admit(names []string, limit int) map[string]bool {
	now, free := make(map[string]bool, len(names)), limit
	for _, n := range names {
		if b.own[n] {
			free--
		}
	}
	for _, n := range names {
		own, known := b.own[n]
		if !known && free > 0 {
			own = true
			free--
		}
		now[n] = own
	}
	b.own = now
	return now
}

// bySource adds up sources of one name, and those that exceed the bound.
func (c *collector) bySource(in []Source) []Source {
	var names []string
	sums := make(map[string]*Source)
	for i := range in {
		name := label(in[i].Name)
		if sums[name] == nil {
			names = append(names, name)
			sums[name] = &Source{Name: name}
		}
		sums[name].add(in[i])
	}
	own := c.sources.admit(names, maxSources)
	var out []Source
	rest, last := false, make(map[string]Source)
	c.rest.Problem = false
	for _, n := range names {
		s := *sums[n]
		if own[n] {
			out = append(out, s)
			continue
		}
		// The sum grows by what is new: it does not fall when a source goes.
		rest, last[n] = true, s
		c.rest.add(s.minus(c.last[n]))
	}
	c.last = last
	if rest || c.rest.Name != "" {
		c.rest.Name = otherLabel
		out = append(out, c.rest)
	}
	return out
}

func (s *Source) add(o Source) {
	s.Lines += o.Lines
	s.Entries += o.Entries
	s.Unparsed += o.Unparsed
	s.Bytes += o.Bytes
	s.Dropped += o.Dropped
	s.Problem = s.Problem || o.Problem
}

func (s Source) minus(o Source) Source {
	return Source{
		Lines: s.Lines - min(o.Lines, s.Lines), Entries: s.Entries - min(o.Entries, s.Entries),
		Unparsed: s.Unparsed - min(o.Unparsed, s.Unparsed), Bytes: s.Bytes - min(o.Bytes, s.Bytes),
		Dropped: s.Dropped - min(o.Dropped, s.Dropped), Problem: s.Problem,
	}
}

// A lag is how far one or more parts are behind.
type lag struct {
	source, part          string
	bytes, messages       int64
	hasBytes, hasMessages bool
	behind                time.Time // of the one that is behind most
}

func (l *lag) add(p Part) {
	if p.Messages {
		l.messages += max(p.Lag, 0)
		l.hasMessages = true
	} else {
		l.bytes += max(p.Lag, 0)
		l.hasBytes = true
	}
	if !p.Behind.IsZero() && (l.behind.IsZero() || p.Behind.Before(l.behind)) {
		l.behind = p.Behind
	}
}

// byPart adds up the parts that exceed the bound, and those of the same name.
func (c *collector) byPart(in []Source) []*lag {
	type named struct {
		key          string
		source, part string
		Part
	}
	var parts []named
	var keys []string
	for i := range in {
		source := label(in[i].Name)
		for _, p := range in[i].Parts {
			part := label(p.Name)
			parts = append(parts, named{source + "\x00" + part, source, part, p})
			keys = append(keys, source+"\x00"+part)
		}
	}
	own := c.parts.admit(distinct(keys), maxParts)
	sums := make(map[string]*lag)
	var out []*lag
	for _, p := range parts {
		if !own[p.key] {
			p.key, p.source, p.part = otherLabel, otherLabel, otherLabel
		}
		l := sums[p.key]
		if l == nil {
			l = &lag{source: p.source, part: p.part}
			sums[p.key] = l
			out = append(out, l)
		}
		l.add(p.Part)
	}
	return out
}

func distinct(in []string) []string {
	seen := make(map[string]bool, len(in))
	var out []string
	for _, s := range in {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}
