package detect

import (
	"cmp"
	"net/netip"
	"slices"
)

// topSize is how many addresses a Top keeps.
const topSize = 32

// A Top keeps the addresses with the most attempts (Metwally's space-saving) and how many there are altogether. An
// address that is seen more often than a 32nd of the total is among them.
type Top struct {
	Distinct Distinct
	slots    []Seen
}

// Seen is what a Top knows of one address. Count can be too high by at most what its place had counted before.
type Seen struct {
	Addr  netip.Addr
	Count uint64
	Last  int64 // event time of its latest packet, nanoseconds
}

// Add counts n attempts of a at time t; n may be 0 for a retransmission.
func (s *Top) Add(a netip.Addr, n uint64, t int64) {
	for i := range s.slots {
		if v := &s.slots[i]; v.Addr == a {
			v.Count += n
			v.Last = max(v.Last, t)
			return
		}
	}
	s.Distinct.Add(HashAddr("", a))
	if len(s.slots) < topSize {
		s.slots = append(s.slots, Seen{a, n, t})
		return
	}
	least := 0
	for i := range s.slots {
		if s.slots[i].Count < s.slots[least].Count {
			least = i
		}
	}
	s.slots[least] = Seen{a, s.slots[least].Count + n, t}
}

// Get returns what is known of a.
func (s *Top) Get(a netip.Addr) (Seen, bool) {
	for _, v := range s.slots {
		if v.Addr == a {
			return v, true
		}
	}
	return Seen{}, false
}

// Best returns at most n addresses, most attempts first; equal ones in address order.
func (s *Top) Best(n int) []Seen {
	out := slices.Clone(s.slots)
	slices.SortFunc(out, func(a, b Seen) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), a.Addr.Compare(b.Addr))
	})
	return out[:min(n, len(out))]
}
