package config

import (
	"errors"
	"fmt"
	"math"
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

// A Silence is how long a source may be silent before that is reported: a duration, never, or empty for what the log
// itself has taught.
type Silence time.Duration

// Never is the silence that is not reported.
const Never Silence = -1

// UnmarshalText reads a duration above 0, "never" or "".
func (s *Silence) UnmarshalText(text []byte) error {
	switch string(text) {
	case "":
		*s = 0
		return nil
	case "never":
		*s = Never
		return nil
	}
	var d Duration
	if err := d.UnmarshalText(text); err != nil {
		return err
	}
	if d == 0 {
		return errors.New("a silence of 0: write never to turn it off, or leave the key out")
	}
	*s = Silence(d)
	return nil
}

// After returns the duration, 0 if it is to be learned. It is called only if s is not Never.
func (s Silence) After() time.Duration { return time.Duration(max(s, 0)) }

func (s Silence) String() string {
	switch s {
	case 0:
		return ""
	case Never:
		return "never"
	}
	return Duration(s).String()
}

// A Size is a number of bytes, written 512MiB, 4GiB or 1048576.
type Size int64

var sizeUnits = []struct {
	name  string
	bytes int64
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// UnmarshalText reads a whole number with a binary unit. MB is refused: it means two things.
func (s *Size) UnmarshalText(text []byte) error {
	number, unit := string(text), int64(1)
	for _, u := range sizeUnits {
		if n, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimRight(n, " "), u.bytes
			break
		}
	}
	n, err := strconv.ParseUint(number, 10, 63)
	if err != nil || int64(n) > math.MaxInt64/unit {
		return fmt.Errorf("size %q: write it as 512MiB, 4GiB or a number of bytes", text)
	}
	*s = Size(int64(n) * unit)
	return nil
}

// String writes s in the largest unit that needs no fraction.
func (s Size) String() string {
	for _, u := range sizeUnits[:len(sizeUnits)-1] {
		if s != 0 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
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
