package detect

import (
	"mailstop/event"
)

// A Group runs the detectors of one shard, and sums what it sees for the roll-ups.
type Group struct {
	shard     uint8      `state:"-"`
	site      Site       `state:"-"`
	detectors []Detector `state:"-"` // saved beside the group
	attempts  Attempts
	counts    *counts           `state:"-"` // saved beside the group
	mail      [1024]uint64      `state:"-"` // the mail ports, one bit each
	chunk     []*event.Entry    `state:"-"`
	keys      [chunkSize]uint64 `state:"-"` // of the chunk's attempts

	findings []event.Finding   `state:"-"`
	blankets map[rulePath]bool // open blanket-deny findings
	mailOut  map[rulePath][]*event.Finding
	order    []rulePath
	shown    map[string]bool           // ids of mail-out-blocked findings that were handed out as open
	held     map[string]*event.Finding // info findings that are kept back; nil once they were handed out
	heldIDs  []string
	told     map[string]uint64 // packets of info findings when they were last handed out
	known    map[string]*known // what the store knew when memory was lost; nil if it never was
	waiting  []event.Finding   // what comes of that, to be handed out next
}

type rulePath struct {
	host, rule string
	direction  event.Direction
}

// marked stands for the key of an entry whose attempts nobody asks for. No key is 1: they have bit 32 set.
const marked = 1

// chunkSize is how many entries detectors see per call: few enough to stay in the
// processor's cache.
const chunkSize = 128

// NewGroup returns the group of a shard. countRollups says whether TakeCounts will be called.
func NewGroup(shard uint8, detectors []Detector, site Site, countRollups bool) *Group {
	g := &Group{
		shard: shard, site: site, detectors: detectors, chunk: make([]*event.Entry, 0, chunkSize),
		blankets: map[rulePath]bool{}, mailOut: map[rulePath][]*event.Finding{}, shown: map[string]bool{},
		held: map[string]*event.Finding{}, told: map[string]uint64{},
	}
	for _, p := range site.MailPorts() {
		g.mail[p>>6] |= 1 << (p & 63)
	}
	if countRollups {
		g.counts = newCounts(&g.site)
	}
	return g
}

// Observe takes the shard's entries out of a batch, in order. It sets Opening and FirstAttempt of those that anybody
// asks for: mail, what is blocked, and with roll-ups all that have a time and no error. It keeps nothing of es.
func (g *Group) Observe(es []event.Entry) {
	for len(es) > 0 {
		n := min(len(es), chunkSize)
		g.observe(es[:n])
		es = es[n:]
	}
}

// observe takes at most chunkSize entries.
func (g *Group) observe(es []event.Entry) {
	for i := range es {
		e := &es[i]
		if e.Shard != g.shard || e.TimeQuality == event.TimeNone || e.Error != "" || e.Note != "" || e.Delivery != nil {
			continue
		}
		mail, blocked := g.mailPacket(e), e.Blocked()
		switch {
		case !mail && !blocked && g.counts == nil:
			continue // nobody asks
		case !mail && (!blocked || e.Direction == event.In):
			mark(e)
			g.keys[len(g.chunk)] = marked
		default:
			g.keys[len(g.chunk)] = g.attempts.prepare(e)
		}
		g.chunk = append(g.chunk, e)
	}
	relevant := g.chunk[:0]
	for i, e := range g.chunk {
		if key := g.keys[i]; key != marked {
			g.attempts.finish(e, key)
		}
		mail := g.mailPacket(e)
		if g.counts != nil {
			g.counts.add(e, mail)
		}
		if (mail || e.Blocked()) && !e.Outside {
			relevant = append(relevant, e)
		}
	}
	if len(relevant) > 0 {
		for _, d := range g.detectors {
			d.Observe(relevant)
		}
	}
	clear(g.chunk)
	g.chunk = g.chunk[:0]
}

// mailPacket reports whether e is a TCP packet to or from a mail port.
func (g *Group) mailPacket(e *event.Entry) bool {
	return e.Proto == event.TCP && e.Is(event.HasPorts) && (g.isMail(e.DstPort) || g.isMail(e.SrcPort))
}

func (g *Group) isMail(p uint16) bool { return g.mail[p>>6]>>(p&63)&1 != 0 }

// TakeCounts returns the roll-up rows of the entries since the last call, in a fixed order. The caller owns them.
func (g *Group) TakeCounts() []event.Count {
	if g.counts == nil {
		return nil
	}
	return g.counts.take()
}
