package mailin

import (
	"net/netip"

	"mailstop/detect"
	"mailstop/event"
)

// Adopt implements detect.Adopter. Probes are counted anew, but withdrawn if they turn out to be mail.
func (d *Detector) Adopt(known *event.Finding) bool {
	if known.Kind == detect.MailInBlocked && known.ID == probesID(known.Host) {
		p := d.byHost[known.Host]
		if p != nil && p.tally.Packets >= known.Packets && p.tally.First <= known.First.UnixNano() { // all of it was read again
			p.shown, p.changed = known.State == event.Open, true
		}
		return false
	}
	if known.Kind != detect.MailInBlocked || known.Severity == event.Info || len(known.Destinations) != 1 {
		return false
	}
	addr, err := netip.ParseAddr(known.Destinations[0])
	k := key{server{known.Host, addr}, known.Rule, known.Port, known.Direction}
	if err != nil || k.id() != known.ID {
		return false
	}
	t := d.add(k)
	if t == nil {
		return false // there is no room
	}
	before := t.tally
	t.tally.Adopt(known)
	t.adopted, t.before, t.shown, t.changed = known.Severity, known.Attempts, true, true

	// What is mail is taken out of the probes: it has to be among them first.
	p := d.probesOf(k.host)
	whole := *known
	whole.Packets = p.tally.Packets + t.tally.Packets - before.Packets
	whole.Attempts = p.tally.Attempts + t.tally.Attempts - before.Attempts
	p.tally.Adopt(&whole)
	p.count(k.port, t.tally.Packets-before.Packets)
	return true
}
