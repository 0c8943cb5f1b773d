package pipeline

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"

	"mailstop/detect"
	"mailstop/internal/state"
	"mailstop/parse"
	"mailstop/sinks"
)

// A snapshot is what the stages knew when a barrier passed them.
type snapshot struct {
	parts  map[string]parse.State
	shards [][]byte
}

// ErrState says that a state cannot be used: another version has written it, or it is damaged. Without it, sources must
// read again what the detectors are to remember.
var ErrState = errors.New("the saved state cannot be used")

// take saves one shard. Each shard has its own place, so no lock is needed.
func (s *snapshot) take(shard uint8, g *detect.Group) {
	b, err := g.Save(nil)
	if err != nil {
		panic(fmt.Sprintf("detector state: %v", err)) // a field that cannot be saved: the tests of detect find it
	}
	s.shards[shard] = b
}

// saved is a state as bytes.
type saved struct {
	Parts  map[string][]byte
	Shards [][]byte
}

func (s *snapshot) encode() ([]byte, error) {
	out := saved{Parts: make(map[string][]byte, len(s.parts)), Shards: s.shards}
	for key, st := range s.parts {
		b, err := state.Save(nil, &st)
		if err != nil {
			return nil, fmt.Errorf("save the clock of %q: %w", key, err)
		}
		out.Parts[key] = b
	}
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(out)
	return b.Bytes(), err
}

// commit hands a barrier's state to the source. That it fails stops nothing: what is stored is known to the store, and the
// next barrier tries again.
func (p *Pipeline) commit(read, ctx context.Context, j *job) {
	if read.Err() != nil { // a stop waits for the disk, but not with all of its time
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.Grace/2)
		defer cancel()
	}
	err := func() error {
		for _, s := range p.Sinks {
			if s, ok := s.(sinks.Syncer); ok {
				if err := s.Sync(ctx); err != nil {
					return fmt.Errorf("make what is stored durable: %w", err)
				}
			}
		}
		if p.adopting {
			return j.Commit(ctx, nil) // half a memory is none
		}
		b, err := j.snapshot.encode()
		if err != nil {
			return err
		}
		return j.Commit(ctx, b)
	}()
	p.Committed(err)
}

// resume gives the groups and clocks the state that the pipeline is to go on from.
func (p *Pipeline) resume(groups []*detect.Group) (*clocks, error) {
	c := newClocks(p.Now)
	if p.State == nil {
		return c, nil
	}
	var in saved
	if err := gob.NewDecoder(bytes.NewReader(p.State)).Decode(&in); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	if len(in.Shards) != len(groups) {
		return nil, fmt.Errorf("%w: it is of %d shards, not %d", ErrState, len(in.Shards), len(groups))
	}
	for i, g := range groups {
		if err := g.Load(in.Shards[i]); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrState, err)
		}
	}
	parts := make(map[string]parse.State, len(in.Parts))
	for key, b := range in.Parts {
		var st parse.State
		if err := state.Load(b, &st); err != nil {
			return nil, fmt.Errorf("%w: clock of %q: %w", ErrState, key, err)
		}
		parts[key] = st
	}
	c.restore(parts)
	return c, nil
}
