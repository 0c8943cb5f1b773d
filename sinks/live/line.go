package live

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"mailstop/event"
	"mailstop/internal/term"
)

// The longest pieces of a log in a line, in columns, and the widths of what is padded.
const (
	maxWord   = 40
	maxReason = 160

	timeColumns      = len("2026-01-05 10:02:00Z")
	hostColumns      = 10
	actionColumns    = len("deferred")
	directionColumns = len("forward")
)

// appendLine appends one line for people:
//
//	2026-01-05 10:02:00Z web-1      drop     out     10.0.4.17 → 198.51.100.7:587 submission  [UFW BLOCK]
func (s *Sink) appendLine(dst []byte, e *event.Entry) []byte {
	stamp := strings.Repeat("-", timeColumns)
	if e.TimeQuality != event.TimeNone {
		stamp = e.When().Format("2006-01-02 15:04:05Z")
	}
	dst = append(dst, s.style.Dim(stamp)...)
	dst = append(dst, ' ')
	dst = append(dst, pad(word(e.Host), hostColumns)...)
	dst = append(dst, ' ')
	if e.Delivery != nil {
		dst = s.appendDelivery(dst, e.Delivery)
	} else {
		dst = s.appendPacket(dst, e)
	}
	return append(dst, '\n')
}

func (s *Sink) appendPacket(dst []byte, e *event.Entry) []byte {
	action := pad(e.Action.String(), actionColumns)
	switch {
	case e.Blocked():
		action = s.style.Red(action)
	case e.Action == event.Allow:
		action = s.style.Green(action)
	}
	dst = append(dst, action...)
	dst = append(dst, ' ')
	direction := ""
	if e.Direction != event.DirectionUnknown {
		direction = e.Direction.String()
	}
	dst = append(dst, pad(direction, directionColumns)...)
	dst = append(dst, ' ')
	from := uint16(0) // a client's port says nothing
	if s.fromMail(e) {
		from = e.SrcPort
	}
	dst = appendHost(dst, e.Src, from)
	dst = append(dst, " → "...)
	to := uint16(0)
	if e.Is(event.HasDstPort) {
		to = e.DstPort
	}
	dst = appendHost(dst, e.Dst, to)
	switch {
	case s.toMail(e):
		dst = appendNonEmpty(dst, " ", service(e.DstPort))
	case s.fromMail(e):
		dst = append(dst, strings.TrimSuffix(" answer of "+service(e.SrcPort), " of ")...)
	}
	if e.Count > 1 {
		dst = append(dst, " ×"+strconv.FormatUint(uint64(e.Count), 10)...)
	}
	return appendNonEmpty(dst, "  ", s.style.Dim(word(e.Rule)))
}

func (s *Sink) appendDelivery(dst []byte, d *event.Delivery) []byte {
	status := pad(d.Status.String(), actionColumns)
	if d.Status == event.Bounced {
		status = s.style.Red(status)
	} else {
		status = s.style.Yellow(status)
	}
	dst = append(dst, status...)
	dst = append(dst, strings.Repeat(" ", directionColumns+2)...)
	dst = append(dst, "→ "...)
	name, port := word(d.RemoteHost), d.RemotePort
	switch {
	case name != "" && d.RemoteIP.IsValid():
		dst = append(dst, name+" "...)
		dst = appendHost(dst, d.RemoteIP, port)
	case name != "":
		dst = append(dst, name...)
		if port != 0 {
			dst = append(dst, ":"+strconv.Itoa(int(port))...)
		}
	case d.RemoteIP.IsValid():
		dst = appendHost(dst, d.RemoteIP, port)
	default:
		dst = append(dst, "nobody yet"...)
	}
	if d.RcptDomain != "" {
		dst = append(dst, " for "+word(d.RcptDomain)...)
	}
	dst = appendNonEmpty(dst, "  ", d.ReasonClass.String())
	if reason := term.Clean(d.Reason, maxReason); reason != "" {
		dst = append(dst, ": "+s.style.Dim(reason)...)
	}
	return dst
}

// appendHost appends an address, with its port if that is not 0.
func appendHost(dst []byte, a netip.Addr, port uint16) []byte {
	switch {
	case !a.IsValid():
		dst = append(dst, '?')
		if port != 0 {
			dst = append(dst, ":"+strconv.Itoa(int(port))...)
		}
		return dst
	case port == 0:
		return a.Unmap().AppendTo(dst)
	}
	return netip.AddrPortFrom(a.Unmap(), port).AppendTo(dst)
}

func appendNonEmpty(dst []byte, before, s string) []byte {
	if s == "" {
		return dst
	}
	return append(append(dst, before...), s...)
}

// service returns what runs on a mail port.
func service(port uint16) string {
	switch port {
	case 25:
		return "smtp"
	case 465:
		return "submissions" // RFC 8314
	case 587:
		return "submission"
	case 2525:
		return "submission-alt"
	case 110:
		return "pop3"
	case 143:
		return "imap"
	case 993:
		return "imaps"
	case 995:
		return "pop3s"
	}
	return ""
}

func word(s string) string { return term.Clean(s, maxWord) }

func pad(s string, columns int) string {
	return s + strings.Repeat(" ", max(columns-term.Columns(s), 0))
}

// appendJSON appends {"entry":{…}} or {"delivery":{…}} as one line.
func appendJSON(dst []byte, e *event.Entry) []byte {
	start := len(dst)
	if e.Delivery != nil {
		dst = append(dst, `{"delivery":`...)
	} else {
		dst = append(dst, `{"entry":`...)
	}
	dst = append(e.AppendJSON(dst), '}')
	if line := dst[start:]; slices.ContainsFunc(line, func(c byte) bool { return c >= 0x7f }) {
		dst = append(dst[:start], term.EscapeJSON(line)...)
	}
	return append(dst, '\n')
}
