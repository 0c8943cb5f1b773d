package envelope

import (
	"strings"
	"time"
)

// zones remembers the zone that a shipper says its lines are in: it says the same of all.
type zones struct {
	name string
	zone *time.Location
}

// location returns the zone of an offset such as "+01:00", and nil for anything else: names are for who knows the rules
// behind them, and abbreviations mean several.
//
// https://www.elastic.co/docs/reference/ecs/ecs-event#field-event-timezone
func (z *zones) location(name string) *time.Location {
	if name != z.name {
		z.name, z.zone = strings.Clone(name), offsetZone(name)
	}
	return z.zone
}

func offsetZone(name string) *time.Location {
	if name == "Z" || name == "UTC" {
		return time.UTC
	}
	if len(name) == len("+0100") {
		name = name[:3] + ":" + name[3:]
	}
	if len(name) != len("+01:00") || name[0] != '+' && name[0] != '-' || name[3] != ':' {
		return nil
	}
	hours, minutes := number(name[1:3]), number(name[4:6])
	if hours > 14 || minutes > 59 {
		return nil
	}
	offset := hours*3600 + minutes*60
	if name[0] == '-' {
		offset = -offset
	}
	return time.FixedZone(name, offset)
}
