package mailout

import (
	"mailstop/detect"
	"mailstop/event"
)

// Adopt implements detect.Adopter.
func (d *Detector) Adopt(known *event.Finding) bool {
	if known.Kind != detect.MailOutBlocked {
		return false
	}
	k := key{known.Host, known.Rule, known.Direction, known.Port, false}
	if k.id() != known.ID {
		if k.internal = true; k.id() != known.ID {
			return false
		}
	}
	f := d.index[k]
	if f == nil {
		if f = d.add(k); f.key != k {
			return false // there is no room
		}
	}
	f.tally.Adopt(known)
	f.dests.Adopt(known)
	for _, b := range f.dests.Best(topAll) {
		f.v4, f.v6 = f.v4 || b.Addr.Unmap().Is4(), f.v6 || !b.Addr.Unmap().Is4()
	}
	if last := known.Last.UnixNano(); f.recent == 0 {
		f.recent = last
	}
	f.changed = true
	return true
}
