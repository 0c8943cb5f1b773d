package mailreturn

import (
	"strings"

	"mailstop/detect"
	"mailstop/event"
)

// Adopt implements detect.Adopter. What only informs may be of answers or of strays, and is left to begin anew.
func (d *Detector) Adopt(known *event.Finding) bool {
	if known.Kind != detect.MailReturnDropped || known.Cause.Code != event.CauseStatelessReturn || known.Severity == event.Info {
		return false
	}
	k := key{known.Host, known.Rule, known.Direction, known.Port, false}
	if k.id() != known.ID {
		if k.ours = true; k.id() != known.ID {
			return false
		}
	}
	f := d.index[k]
	if f == nil {
		if f = d.add(k); f.key != k {
			return false // there is no room
		}
	}
	if strings.HasPrefix(known.Cause.Text, busyStrays) {
		f.strays.Adopt(known)
		f.busy, f.changed = max(f.busy, busyMinutes), true
		return true
	}
	f.answers.Adopt(known)
	f.servers.Adopt(known)
	f.adopted, f.changed = known.Severity, true
	for _, s := range f.servers.Best(event.MaxDestinations) {
		f.v4, f.v6 = f.v4 || s.Addr.Unmap().Is4(), f.v6 || !s.Addr.Unmap().Is4()
	}
	return true
}
