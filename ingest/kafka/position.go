package kafka

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// A place is where to go on in a partition. The message before it tells whether the log is still the same: a topic
// that was deleted and made anew begins again at offset 0.
type place struct {
	Next int64 `json:"next"`           // the offset to go on at; -1: unknown
	At   int64 `json:"at"`             // of the message before it; -1: there was none
	Time int64 `json:"time,omitempty"` // of that message, milliseconds since 1970 UTC
}

var nowhere = place{Next: -1, At: -1}

func (p place) known() bool { return p.Next >= 0 }

// Positions by topic and partition, as a checkpoint keeps them.
type positions struct {
	Topics map[string]map[string]place `json:"topics"`
}

func (p *positions) set(topic string, partition int, at place) {
	if p.Topics == nil {
		p.Topics = make(map[string]map[string]place)
	}
	if p.Topics[topic] == nil {
		p.Topics[topic] = make(map[string]place)
	}
	p.Topics[topic][strconv.Itoa(partition)] = at
}

// Restore takes what Checkpoint gave. Topics that are no longer asked for are forgotten.
func (s *Source) Restore(position []byte, reread bool) error {
	if len(position) == 0 {
		return nil
	}
	var ps positions
	if err := json.Unmarshal(position, &ps); err != nil {
		return fmt.Errorf("kafka: position of the checkpoint: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for topic, parts := range ps.Topics {
		if !slices.Contains(s.opt.Topics, topic) {
			continue
		}
		for name, at := range parts {
			number, err := strconv.Atoi(name)
			if err != nil || number < 0 || at.Next < 0 || at.At >= at.Next {
				return fmt.Errorf("kafka: position of the checkpoint: partition %q of %s at %d", name, topic, at.Next)
			}
			p := s.partition(topic, number)
			p.given, p.done, p.reread = at, at, reread
		}
	}
	return nil
}

// Checkpoint returns the positions of all partitions that were ever read, and what commits the offsets of those that are
// ours.
func (s *Source) Checkpoint() ([]byte, func(context.Context) error, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ps := positions{Topics: map[string]map[string]place{}}
	var offers []offer
	s.each(func(p *partition) {
		if !p.done.known() {
			return
		}
		ps.set(p.topic, p.number, p.done)
		if p.claim != nil {
			offers = append(offers, offer{p.claim, p.done.Next, p.epoch})
		}
	})
	position, err := json.Marshal(ps)
	if err != nil {
		return nil, nil, fmt.Errorf("kafka: %w", err)
	}
	if len(offers) == 0 {
		return position, nil, nil
	}
	return position, func(ctx context.Context) error { return s.commit(ctx, offers) }, nil
}
