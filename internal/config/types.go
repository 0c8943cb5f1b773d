package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Duration is written 90s, 15m, 12h or 30d.
type Duration time.Duration

// UnmarshalText reads "30d" besides what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	s := string(text)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return fmt.Errorf("duration %q: not a number of days", s)
		}
		*d = Duration(time.Duration(n) * day)
		return nil
	}
	if s == "0" {
		*d = 0
		return nil
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return fmt.Errorf("duration %q: write it as 90s, 15m, 12h or 30d", s)
	}
	*d = Duration(v)
	return nil
}

// String writes whole days as days.
func (d Duration) String() string {
	v := time.Duration(d)
	switch {
	case v == 0:
		return "0"
	case v%day == 0:
		return strconv.FormatInt(int64(v/day), 10) + "d"
	}
	return v.String()
}

// A Zone is an IANA time zone name; empty means that none is given.
type Zone struct{ *time.Location }

// UnmarshalText loads the zone.
func (z *Zone) UnmarshalText(text []byte) error {
	s := string(text)
	if s == "" {
		z.Location = nil
		return nil
	}
	loc, err := LoadZone(s)
	if err != nil {
		return err
	}
	z.Location = loc
	return nil
}

func (z Zone) String() string {
	if z.Location == nil {
		return ""
	}
	return z.Location.String()
}

// LoadZone returns the zone of an IANA name. Abbreviations are refused: CST is five different zones.
func LoadZone(name string) (*time.Location, error) {
	loc, err := time.LoadLocation(name)
	if err != nil || name == "Local" || name != "UTC" && !strings.Contains(name, "/") {
		return nil, fmt.Errorf("time zone %q is not an IANA name such as Europe/Berlin or UTC", name)
	}
	return loc, nil
}

// A Secret is never shown. Reveal returns what it holds.
type Secret struct{ text string }

// NewSecret returns a secret that holds s.
func NewSecret(s string) Secret { return Secret{s} }

// UnmarshalText takes the secret.
func (s *Secret) UnmarshalText(text []byte) error {
	s.text = string(text)
	return nil
}

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return s.text }

// IsZero reports whether there is none.
func (s Secret) IsZero() bool { return s.text == "" }

const hidden = "<secret>"

func (s Secret) String() string {
	if s.text == "" {
		return ""
	}
	return hidden
}

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText hides the secret from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
