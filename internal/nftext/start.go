package nftext

import (
	"errors"
	"strings"

	"mailstop/event"
)

// MaxPrefix is more than any prefix: the kernel keeps 127 bytes of nftables' and fewer of the others'.
const MaxPrefix = 255

var errTangled = errors.New("two lines in one, or text before the prefix")

// Tangled says whether a prefix is more than a prefix, because the line end before it was lost.
func Tangled(prefix string) error {
	if len(prefix) > MaxPrefix || strings.Contains(prefix, " OUT=") && strings.Contains(prefix, " SRC=") {
		return errTangled
	}
	return nil
}

// Prefix returns what of the text before a packet is the administrator's: ulogd adds a blank to it.
func Prefix(text string, d Dialect) string {
	if d == Ulogd {
		return strings.TrimSuffix(text, " ")
	}
	return text
}

// IndexIn returns the index of the first IN= that is not the end of PHYSIN=, or -1.
func IndexIn(s string) int {
	for from := 0; ; {
		i := strings.Index(s[from:], "IN=")
		if i < 0 {
			return -1
		}
		i += from
		if !strings.HasSuffix(s[:i], "PHYS") {
			return i
		}
		from = i + len("IN=")
	}
}

// Start returns the index where the packet's text begins, behind the prefix: that of the last IN= that is followed by
// OUT=, because a prefix is free text and can itself contain IN=. What lies inside an embedded packet does not count.
func Start(s string) int {
	found := -1
	for from := 0; ; {
		i := strings.Index(s[from:], "IN=")
		if i < 0 {
			return found
		}
		i += from
		from = i + len("IN=")
		if strings.HasSuffix(s[:i], "PHYS") || !followedByOut(s[from:]) {
			continue
		}
		if found >= 0 {
			if inner := embedded(s); inner >= 0 && inner < i {
				return found
			}
		}
		found = i
	}
}

// followedByOut reports whether s, behind an IN=, is a name and OUT=. Kernels before 2.6 wrote PHYSIN= between them.
func followedByOut(s string) bool {
	i := strings.IndexByte(s, ' ')
	if i < 0 {
		return false
	}
	s = s[i:]
	if phys, ok := strings.CutPrefix(s, " PHYSIN="); ok {
		i := strings.IndexByte(phys, ' ')
		if i < 0 {
			return false
		}
		s = phys[i:]
	}
	return strings.HasPrefix(s, " OUT=")
}

// embedded returns the index of the packet inside an ICMP error, the first "[SRC=" behind "CODE=n ", or -1.
func embedded(s string) int {
	for from := 0; ; {
		i := strings.Index(s[from:], " [SRC=")
		if i < 0 {
			return -1
		}
		i += from
		digits := i
		for digits > 0 && isDigit(s[digits-1]) {
			digits--
		}
		if digits < i && strings.HasSuffix(s[:digits], " CODE=") {
			return i + 1
		}
		from = i + 1
	}
}

// Direction is what the interfaces say of a packet.
func Direction(in, out string) event.Direction {
	switch {
	case in != "" && out != "":
		return event.Forward
	case in != "":
		return event.In
	case out != "":
		return event.Out
	}
	return event.DirectionUnknown
}
