package kafka

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sync"

	"github.com/segmentio/kafka-go"
)

// sticky gives out partitions so that each member keeps what it has, as far as all get equally many: the detectors of a
// new owner must be told again of what the old one's knew. It also mends a fault of kafka-go, which gives out nothing at
// all while one of several topics does not exist.
type sticky struct {
	source *Source
	mu     sync.Mutex
	owned  map[string][]int
	counts map[string]int
}

// ProtocolName is what all members must agree on.
func (*sticky) ProtocolName() string { return "mailstop-sticky" }

// UserData tells the leader what this member has.
func (b *sticky) UserData() ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return json.Marshal(b.owned)
}

func (b *sticky) own(as map[string][]kafka.PartitionAssignment) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.owned = make(map[string][]int, len(as))
	for topic, ps := range as {
		for _, p := range ps {
			b.owned[topic] = append(b.owned[topic], p.ID)
		}
	}
}

// assigned returns, of the member that gave out the partitions, how many each topic had; of others nil.
func (b *sticky) assigned() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	counts := b.counts
	b.counts = nil
	return counts
}

// AssignGroups gives out the partitions. Only the leader of the group is asked.
func (b *sticky) AssignGroups(members []kafka.GroupMember, partitions []kafka.Partition) kafka.GroupMemberAssignments {
	topics := make(map[string][]int)
	for _, m := range members {
		for _, t := range m.Topics {
			topics[t] = nil
		}
	}
	for _, p := range partitions {
		topics[p.Topic] = append(topics[p.Topic], p.ID)
	}
	for t, ps := range topics {
		if len(ps) > 0 {
			continue
		}
		found, _ := b.source.partitionsOf(context.Background(), t) // if it is there but not found, watch will see
		for _, p := range found {
			topics[t] = append(topics[t], p.ID)
		}
	}
	b.mu.Lock()
	b.counts = make(map[string]int)
	for t, ps := range topics {
		b.counts[t] = len(ps)
	}
	b.mu.Unlock()
	return share(members, topics)
}

// share divides topics among members.
func share(members []kafka.GroupMember, topics map[string][]int) kafka.GroupMemberAssignments {
	out := make(kafka.GroupMemberAssignments)
	had := make(map[string]map[string][]int)
	load := make(map[string]int)
	for _, m := range members {
		out[m.ID] = make(map[string][]int)
		var owned map[string][]int
		if json.Unmarshal(m.UserData, &owned) == nil { // another program's data: it had nothing
			had[m.ID] = owned
		}
	}
	names := make([]string, 0, len(topics))
	for t := range topics {
		names = append(names, t)
	}
	slices.Sort(names)
	for _, topic := range names {
		var ids []string
		for _, m := range members {
			if slices.Contains(m.Topics, topic) {
				ids = append(ids, m.ID)
			}
		}
		if len(ids) > 0 {
			shareTopic(topic, topics[topic], ids, had, load, out)
		}
	}
	return out
}

func shareTopic(topic string, parts []int, ids []string, had map[string]map[string][]int, load map[string]int, out kafka.GroupMemberAssignments) {
	free := slices.Clone(parts)
	slices.Sort(free)
	low, more := len(parts)/len(ids), len(parts)%len(ids) // more members get one more than the others
	// Who has less load gets the odd ones.
	slices.SortFunc(ids, func(a, b string) int { return cmp.Or(cmp.Compare(load[a], load[b]), cmp.Compare(a, b)) })
	limit := func(id string) bool {
		n := len(out[id][topic])
		return n < low || n == low && more > 0
	}
	give := func(id string, i int) {
		if len(out[id][topic]) == low {
			more--
		}
		out[id][topic] = append(out[id][topic], free[i])
		load[id]++
		free = slices.Delete(free, i, i+1)
	}
	for _, id := range ids {
		for _, p := range had[id][topic] {
			if i := slices.Index(free, p); i >= 0 && limit(id) {
				give(id, i)
			}
		}
	}
	for _, id := range ids {
		for len(free) > 0 && limit(id) {
			give(id, 0)
		}
	}
}
