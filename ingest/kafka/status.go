package kafka

import (
	"fmt"
	"time"

	"mailstop/ingest"
)

// Status tells of the partitions that are ours, and of topics and the group if something is wrong with them.
func (s *Source) Status(out []ingest.Status) []ingest.Status {
	group := s.trouble.get(groupPlace)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, topic := range s.opt.Topics {
		ours := false
		for _, p := range s.partitions[topic] {
			if p.claim != nil {
				ours = true
			}
		}
		if problem := s.trouble.get("topic " + topic); problem != "" || !ours && group != "" {
			if problem == "" {
				problem = group
			}
			out = append(out, ingest.Status{Source: "kafka:" + topic, Problem: problem})
		}
	}
	s.each(func(p *partition) {
		c := p.claim
		if c == nil {
			return
		}
		st := ingest.Status{Source: p.part.Source, Part: p.part.Name, Problem: s.trouble.get(c.place, "stuck "+c.place, groupPlace, commitPlace)}
		from := p.given.Next
		if len(p.flight) == 0 && c.idle && !c.offered { // what was skipped since then has no line
			from = max(from, c.seen)
		}
		if from >= 0 {
			st.Lag = max(0, c.high-from)
		}
		if st.Lag > 0 {
			st.Behind = c.written
		}
		out = append(out, st)
	})
	return out
}

// tend says when the sink does not acknowledge, and asks again for what could not be committed.
func (s *Source) tend() {
	tick := time.NewTicker(min(time.Second, s.opt.Stuck/4))
	defer tick.Stop()
	for {
		select {
		case <-s.closing:
			return
		case now := <-tick.C:
			s.watchdog(now)
		}
	}
}

// watchdog: a group of Kafka takes partitions from a member that is gone, never from one whose sink is stuck. The partitions
// are kept all the same, since another member would fare no better.
func (s *Source) watchdog(now time.Time) {
	s.mu.Lock()
	again := s.uncommit
	s.uncommit = false
	stuck := make(map[string]string)
	s.each(func(p *partition) {
		text := ""
		if len(p.flight) > 0 && now.Sub(p.flight[0]) >= s.opt.Stuck {
			text = fmt.Sprintf("what was read is not stored since more than %v (hint: is the store well?)", s.opt.Stuck)
		}
		stuck["stuck "+p.part.Source+"/"+p.part.Name] = text
	})
	s.mu.Unlock()
	for place, text := range stuck {
		s.trouble.set(place, text)
	}
	if again {
		s.opt.Checkpoint()
	}
}
