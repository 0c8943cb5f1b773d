package blanket

import (
	"mailstop/detect"
	"mailstop/event"
)

// Adopt implements detect.Adopter. Which services it was about is not known any more; that it was a blanket holds.
func (d *Detector) Adopt(known *event.Finding) bool {
	k := key{known.Host, known.Rule, known.Direction}
	if known.Kind != detect.BlanketDeny || k.id() != known.ID {
		return false
	}
	r := d.add(k)
	if r == nil {
		return false // there is no room
	}
	r.all.Adopt(known)
	r.dests.Adopt(known)
	if last := known.Last.UnixNano(); r.mail.Packets == 0 {
		// Mail was among it, at an unknown time: what passes from now on shows that it is over.
		r.mail.First, r.mail.Last, r.mail.Packets, r.mail.Attempts = last, last, 1, 1
	}
	r.adopted, r.shown, r.changed = true, true, true
	return true
}
