package parse

import "time"

// SetZone changes the zone of the stamps to come; what is known of years stays. It is for clocks that outlive a
// configuration.
func (c *Clock) SetZone(zone *time.Location) {
	if c.zone == zone || c.zone != nil && zone != nil && c.zone.String() == zone.String() {
		return
	}
	c.zone, c.latest = zone, 0
	c.base = 0 // so that the next day turned to is worked out, even if it is this one
	c.key, c.same, c.date, c.local = 0, 0, 0, 0
}
