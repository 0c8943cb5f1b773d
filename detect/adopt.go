package detect

import (
	"net/netip"
	"slices"

	"mailstop/event"
)

// An Adopter is a Detector that can take over a finding of its kind from the store when what it was made from is
// forgotten, so that it sees the end of it.
type Adopter interface {
	// Adopt reports whether f is of the detector's making and is remembered now: its record counts on from f's totals, and
	// the next call of Findings gives it. It is called after what was read again was observed, with findings that only
	// inform before others.
	Adopt(f *event.Finding) bool
}

// maxKnown bounds how many findings a group adopts: about what its detectors can make.
const maxKnown = 8192

// known is a finding as the store has it.
type known struct {
	event.Finding
	attempts, packets uint64 // what the detectors alone had counted when it was adopted
}

// Adopt tells a group whose memory was lost, and that has observed only some of the latest lines again, what the store knows
// of its hosts. It is called once, before Findings. From then on a finding never falls behind what is known of it: it
// begins when it began, its counts go on, its places and lines are kept as far as there is room, and it is as severe until
// as much again was seen. What the lines read again gave, and the store knows, is not handed out once more; a finding that
// they did not give stays as it is until something new happens.
func (g *Group) Adopt(stored []event.Finding) {
	stored = stored[:min(len(stored), maxKnown)]
	g.known = make(map[string]*known, len(stored))
	for i := range stored {
		k := &known{Finding: stored[i]}
		k.First, k.Last = k.First.UTC(), k.Last.UTC() // a store has zones of its own
		if q := k.Queue; q != nil {
			k.Queue = &event.Queue{Messages: q.Messages, Oldest: q.Oldest.UTC()}
		}
		g.known[k.ID] = k
		g.expect(&k.Finding)
	}
	// Those that only inform first: the others add to what they are compared with.
	for _, inform := range []bool{true, false} {
		for i := range stored {
			k := g.known[stored[i].ID]
			if (k.Severity == event.Info) == inform && g.seed(&k.Finding) {
				k.attempts, k.packets = k.Attempts, k.Packets
			}
		}
	}
	for _, d := range g.detectors {
		g.waiting = d.Findings(g.waiting)
	}
	g.waiting = slices.DeleteFunc(g.waiting, func(f event.Finding) bool {
		k := g.known[f.ID]
		if k == nil {
			return false
		}
		k.attempts, k.packets = f.Attempts, f.Packets
		now := k.onwards(f)
		return now.State == k.State && now.Severity == k.Severity
	})
}

// seed has the finding's detector take it over.
func (g *Group) seed(f *event.Finding) bool {
	for _, d := range g.detectors {
		if d, ok := d.(Adopter); ok && d.Adopt(f) {
			return true
		}
	}
	return false
}

// expect notes what was handed out of f before.
func (g *Group) expect(f *event.Finding) {
	holds := f.State == event.Open && f.Severity > event.Info
	switch {
	case f.Severity == event.Info:
		g.told[f.ID] = f.Packets
	case f.Kind == BlanketDeny:
		g.blankets[rulePath{f.Host, f.Rule, f.Direction}] = holds
	case f.Kind == MailOutBlocked:
		g.shown[f.ID] = holds
	}
}

// collect gathers what changed, as it is for those who know what the store knows.
func (g *Group) collect() {
	g.findings = g.findings[:0]
	for _, d := range g.detectors {
		g.findings = d.Findings(g.findings)
	}
	for _, w := range g.waiting {
		if !slices.ContainsFunc(g.findings, func(f event.Finding) bool { return f.ID == w.ID }) {
			g.findings = append(g.findings, w)
		}
	}
	g.waiting = nil
	for i := range g.findings {
		f := &g.findings[i]
		switch k := g.known[f.ID]; {
		case k == nil:
		case f.State == event.Resolved && f.Packets == 0:
			delete(g.known, f.ID) // what there was belongs to other findings now
		default:
			*f = k.onwards(*f)
		}
	}
}

// onwards returns f, which tells what the group alone knows, as what goes on from k.
func (k *known) onwards(f event.Finding) event.Finding {
	more := f.Attempts - min(k.attempts, f.Attempts)
	packets := f.Packets - min(k.packets, f.Packets)
	if k.First.Before(f.First) {
		f.First = k.First
	}
	if k.Last.After(f.Last) {
		f.Last = k.Last
	}
	// The store's form may be older than what was read again: what was seen is never less than that.
	f.Attempts, f.Packets = max(k.Attempts+more, f.Attempts), max(k.Packets+packets, f.Packets)
	f.LowerBound = f.LowerBound || k.LowerBound
	if f.Provider == "" {
		f.Provider = k.Provider
	}
	if f.Queue == nil {
		f.Queue = k.Queue
	}
	if packets == 0 && k.State == event.Resolved {
		f.State = event.Resolved // nothing has happened since
	}
	if f.State == event.Open && f.Severity < k.Severity && more < k.Attempts {
		f.Severity = k.Severity
	}
	if packets == 0 || f.Cause.Code == event.CauseUnknown && k.Cause.Code != event.CauseUnknown {
		f.Cause = k.Cause
	}
	switch {
	case f.State == event.Resolved || f.Severity == event.Info:
		f.Fix = nil
	case len(f.Fix) == 0:
		f.Fix = slices.Clone(k.Fix)
	}
	f.Destinations, f.MoreTargets = k.targets(&f)
	f.Evidence, f.Where = k.lines(&f)
	return f
}

// targets returns the known destinations and new ones, as far as there is room.
func (k *known) targets(f *event.Finding) (list []string, more int) {
	all := slices.Clone(k.Destinations)
	for _, d := range f.Destinations {
		if !slices.Contains(all, d) {
			all = append(all, d)
		}
	}
	total := max(len(k.Destinations)+k.MoreTargets, len(f.Destinations)+f.MoreTargets, len(all))
	list = all[:min(len(all), event.MaxDestinations)]
	return list, total - len(list)
}

// lines returns some known lines and the latest new ones.
func (k *known) lines(f *event.Finding) (raw, where []string) {
	const keep = 2
	place := func(list []string, i int) string {
		if i < len(list) {
			return list[i]
		}
		return "-"
	}
	add := func(line, at string) {
		if !slices.Contains(raw, line) {
			raw, where = append(raw, line), append(where, at)
		}
	}
	for i, line := range k.Evidence {
		add(line, place(k.Where, i))
	}
	for i, line := range f.Evidence {
		add(line, place(f.Where, i))
	}
	if over := len(raw) - event.MaxEvidence; over > 0 {
		raw, where = slices.Delete(raw, keep, keep+over), slices.Delete(where, keep, keep+over)
	}
	return raw, where
}

// Adopt makes the tally count on from f's totals, in which what it has counted so far is contained.
func (t *Tally) Adopt(f *event.Finding) {
	first, last := f.First.UnixNano(), f.Last.UnixNano()
	if t.Packets == 0 {
		t.First, t.Last = first, last
	}
	t.First, t.Last = min(t.First, first), max(t.Last, last)
	t.Packets, t.Attempts = max(t.Packets, f.Packets), max(t.Attempts, f.Attempts)
}

// Adopt adds f's destinations, of which it is not known how often they were tried.
func (s *Top) Adopt(f *event.Finding) {
	for _, d := range f.Destinations {
		a, err := netip.ParseAddr(d)
		if err != nil {
			continue
		}
		if _, ok := s.Get(a); !ok && len(s.slots) < topSize {
			s.Add(a, 0, f.Last.UnixNano())
		}
	}
}
