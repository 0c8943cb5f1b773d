package detect

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"mailstop/event"
	"mailstop/internal/state"
)

// Save appends all that the group and its detectors remember, pending counts and findings included, and returns the
// extended slice. Equal memory gives equal bytes. It is called between two calls of Observe.
func (g *Group) Save(dst []byte) ([]byte, error) {
	out := dst
	for _, v := range g.memory(g.counts) {
		from := len(out)
		var err error
		if out, err = state.Save(append(out, 0, 0, 0, 0), v); err != nil {
			return dst, err
		}
		binary.LittleEndian.PutUint32(out[from:], uint32(len(out)-from-4))
	}
	return out, nil
}

// Load replaces what the group and its detectors remember by what Save wrote of a group with the same detectors; what they
// were configured with stays, so that the site may be another one. Going on gives what it would have given without a
// break. Roll-ups of a group that counted are dropped by one that does not. On an error (state.ErrLayout,
// state.ErrDamaged) nothing has changed.
func (g *Group) Load(src []byte) error {
	saved := newCounts(&g.site)
	var loads []func()
	for _, v := range g.memory(saved) {
		if len(src) < 4 || uint64(len(src)-4) < uint64(binary.LittleEndian.Uint32(src)) {
			return fmt.Errorf("load shard %d: %w: it ends early", g.shard, state.ErrDamaged)
		}
		n := 4 + int(binary.LittleEndian.Uint32(src))
		load, err := state.Check(src[4:n], v)
		if err != nil {
			return fmt.Errorf("load shard %d: %w", g.shard, err)
		}
		loads = append(loads, load)
		src = src[n:]
	}
	if len(src) > 0 {
		// More detectors than there are now.
		return fmt.Errorf("load shard %d: %w: %d bytes too many", g.shard, state.ErrLayout, len(src))
	}
	for _, load := range loads {
		load()
	}
	if g.counts != nil {
		g.counts = saved
	}
	return nil
}

// memory returns pointers to all that is saved, in order. A group that does not count has empty counts.
func (g *Group) memory(c *counts) []any {
	if c == nil {
		c = newCounts(&g.site)
	}
	out := []any{g, c}
	for _, d := range g.detectors {
		out = append(out, d)
	}
	return out
}

// StateVersion changes with the hash functions: tables made with others are of no use.
func (Attempts) StateVersion() int { return 1 }

// StateVersion changes with the hash functions.
func (Sources) StateVersion() int { return 1 }

// StateVersion changes with the hash functions.
func (Distinct) StateVersion() int { return 1 }

// Bytes that nothing here has written must not break what reads them later.
var errState = errors.New("a table has the wrong size")

// CheckState implements state.Checker.
func (a *Attempts) CheckState() error {
	return sound(a.buckets == nil || len(a.buckets) == attemptBuckets)
}

// CheckState implements state.Checker.
func (s *Sources) CheckState() error {
	return sound(s.buckets == nil || len(s.buckets) == sourceBuckets)
}

// CheckState implements state.Checker.
func (d *Distinct) CheckState() error {
	if d.registers != nil {
		return sound(len(d.exact) == 0 && len(d.registers) == 1<<registerLog && !slices.ContainsFunc(d.registers, tooHigh))
	}
	n, filled := len(d.exact), 0
	for _, h := range d.exact {
		if h != 0 {
			filled++
		}
	}
	return sound(n&(n-1) == 0 && n <= 2*maxExact && filled == d.n && 2*filled <= n)
}

// tooHigh says that a register is beyond what a hash can give.
func tooHigh(rank uint8) bool { return rank > 64-registerLog+1 }

// CheckState implements state.Checker.
func (s *Top) CheckState() error {
	n, _ := s.Distinct.Count()
	return sound(len(s.slots) <= topSize && (len(s.slots) > 0) == (n > 0))
}

// CheckState implements state.Checker.
func (t *Tally) CheckState() error { return sound(len(t.lines) <= event.MaxEvidence) }

// CheckState implements state.Checker.
func (r *RuleBook) CheckState() error {
	for _, b := range r.index {
		if b == nil {
			return errState
		}
	}
	return sound(r.index != nil && len(r.index) <= maxRules)
}

// CheckState implements state.Checker.
func (s *Scope) CheckState() error { return sound(s.learnt != nil && len(s.learnt) <= maxLearnt) }

// CheckState implements state.Checker.
func (c *counts) CheckState() error {
	n := len(c.table)
	ok := n >= 256 && n&(n-1) == 0 && 2*len(c.rows) <= n && c.hosts != nil && len(c.names) <= maxCountHosts
	for _, id := range c.hosts {
		ok = ok && int(id) < len(c.names)
	}
	for i := range c.rows {
		host := c.rows[i].key >> 32
		ok = ok && (host < uint64(len(c.names)) || host == maxCountHosts)
	}
	filled := 0
	for _, i := range c.table {
		ok = ok && int(i) <= len(c.rows)
		if i > 0 {
			filled++
		}
	}
	return sound(ok && filled == len(c.rows))
}

// CheckState implements state.Checker.
func (g *Group) CheckState() error {
	ok := g.blankets != nil && g.mailOut != nil && g.shown != nil && g.held != nil && g.told != nil
	for _, list := range g.mailOut {
		for _, f := range list {
			ok = ok && f != nil && spelled(f)
		}
	}
	for _, f := range g.held {
		ok = ok && (f == nil || spelled(f))
	}
	for _, k := range g.known {
		ok = ok && k != nil && spelled(&k.Finding)
	}
	for i := range g.waiting {
		ok = ok && spelled(&g.waiting[i])
	}
	return sound(ok)
}

// spelled reports whether there are words for what a finding says.
func spelled(f *event.Finding) bool {
	return f.Severity <= event.High && f.State <= event.Resolved && f.Direction <= event.Forward
}

func sound(ok bool) error {
	if !ok {
		return errState
	}
	return nil
}
