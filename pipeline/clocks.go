package pipeline

import (
	"context"
	"maps"
	"time"

	"mailstop/ingest"
	"mailstop/parse"
)

// clocks follow the lines of all parts that are being read: what a session must know of the lines before a block.
type clocks struct {
	now    time.Time // the reference time of parts that have none
	states map[string]*parse.State
	live   map[string]bool
	part   *ingest.Part // of the last batch, if it is not live
	before *dated
}

func newClocks(now time.Time) *clocks {
	return &clocks{now: now, states: map[string]*parse.State{}, live: map[string]bool{}}
}

// begin returns the state before the first line of b. That of a new part is planned.
func (c *clocks) begin(ctx context.Context, b *ingest.Batch) (parse.State, error) {
	if b.Part.Live {
		return c.beginLive(ctx, b)
	}
	if st := c.states[b.Part.Key()]; st != nil && c.part == b.Part {
		return *st, nil
	}
	if c.before != nil {
		c.before.last = c.states[c.before.part.Key()].Clock.Latest()
	}
	clock, isDated, err := plan(ctx, b, c.now, c.before)
	if err != nil {
		return parse.State{}, err
	}
	if c.before = nil; isDated {
		c.before = &dated{part: b.Part}
	}
	maps.DeleteFunc(c.states, func(key string, _ *parse.State) bool { return !c.live[key] })
	c.part = b.Part
	st := parse.State{Clock: clock}
	c.states[b.Part.Key()] = &st
	return st, nil
}

func (c *clocks) beginLive(ctx context.Context, b *ingest.Batch) (parse.State, error) {
	key := b.Part.Key()
	if st := c.states[key]; st != nil {
		st.Clock.SetZone(b.Part.Zone) // the configuration may have changed since the state was saved
		return *st, nil
	}
	clock, _, err := plan(ctx, b, c.now, nil)
	if err != nil {
		return parse.State{}, err
	}
	st := parse.State{Clock: clock}
	c.states[key], c.live[key] = &st, true
	return st, nil
}

// skim goes over the lines of b.
func (c *clocks) skim(b *ingest.Batch) {
	key := b.Part.Key()
	c.states[key].Skim(view(b.Data))
	if b.End && b.Part.Live {
		delete(c.states, key)
		delete(c.live, key)
	}
}

// copy returns the states of all live parts as they are now.
func (c *clocks) copy() map[string]parse.State {
	out := make(map[string]parse.State, len(c.live))
	for key := range c.live {
		out[key] = *c.states[key]
	}
	return out
}

// restore takes over the states that copy has returned.
func (c *clocks) restore(states map[string]parse.State) {
	for key, st := range states {
		c.states[key], c.live[key] = &st, true
	}
}

// rotated is the longest time between the last line of a rotated file and the last line of the next one.
const rotated = 180 * 24 * time.Hour

// A dated part is one whose age is known better than from when its file was last changed.
type dated struct {
	part *ingest.Part
	last time.Time // the day of its last line
}

// plan decides the clock of a part from its first batch. A dated part before it in the same rotated set tells more than
// a time of last change, which is the time of copying where files are copies.
func plan(ctx context.Context, b *ingest.Batch, now time.Time, before *dated) (parse.Clock, bool, error) {
	p := b.Part
	h := parse.Hints{Zone: p.Zone, Year: p.Year, Reference: p.Reference, Live: p.Live}
	if h.Reference.IsZero() {
		h.Reference = now
	}
	isDated := p.Recorded
	if before != nil && !p.Recorded && p.Set != "" && p.Set == before.part.Set && !before.last.IsZero() {
		isDated = true
		if limit := before.last.Add(rotated); limit.Before(h.Reference) {
			h.Reference = limit
		}
	}
	c, err := parse.Plan(ctx, h, parse.Sample{
		Head: view(b.Data), Size: p.Size, Consumed: b.Read, Scan: p.Scan, Compressed: p.Compressed,
	})
	return c, isDated, err
}
