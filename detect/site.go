package detect

import (
	"net/netip"
	"slices"
	"strings"

	"mailstop/event"
)

// DefaultPorts are the ports that carry submission and relay.
var DefaultPorts = []uint16{25, 465, 587, 2525}

// A Site says what is ours. Its zero value is a site that told nothing: private addresses are ours, and the
// default ports are mail.
type Site struct {
	Ports    []uint16       // mail ports; none means DefaultPorts
	Servers  []netip.Addr   // hosts of ours that send or receive mail
	Networks []netip.Prefix // ours, besides private, unique local, shared (RFC 6598), loopback and link-local addresses
}

// MailPort reports whether p is a mail port.
func (s *Site) MailPort(p uint16) bool { return slices.Contains(s.MailPorts(), p) }

// MailPorts returns the mail ports.
func (s *Site) MailPorts() []uint16 {
	if len(s.Ports) == 0 {
		return DefaultPorts
	}
	return s.Ports
}

// Server reports whether a is configured as a mail server of ours.
func (s *Site) Server(a netip.Addr) bool { return slices.Contains(s.Servers, a.Unmap()) }

// sharedSpace is what providers use between themselves and customers (RFC 6598).
var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")

// Ours reports whether a is one of our addresses, as far as the site tells.
func (s *Site) Ours(a netip.Addr) bool {
	a = a.Unmap()
	if a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.Is4() && sharedSpace.Contains(a) {
		return true
	}
	for _, n := range s.Networks {
		if n.Contains(a) {
			return true
		}
	}
	return slices.Contains(s.Servers, a)
}

// A Path says between whom a packet travels.
type Path uint8

// The paths.
const (
	Strangers Path = iota // neither end is ours
	Outbound              // from us to others
	Inbound               // from others, or from anyone to the firewall host itself
	Internal              // between two of ours
)

// maxLearnt bounds how many addresses a Scope learns.
const maxLearnt = 1024

// A Scope finds the path of entries. It learns the firewall hosts' own addresses from what they send.
type Scope struct {
	Site   `state:"-"`
	learnt map[netip.Addr]struct{}
	last   netip.Addr
}

// NewScope returns a scope of site.
func NewScope(site Site) *Scope { return &Scope{Site: site, learnt: map[netip.Addr]struct{}{}} }

// Path returns the path of e's packet. Addresses of the host itself need no configuration: the log's direction tells.
func (s *Scope) Path(e *event.Entry) Path {
	switch e.Direction {
	case event.Out:
		s.learn(e.Src)
		if e.IfaceOut == "lo" || s.Ours(e.Dst) {
			return Internal
		}
		return Outbound
	case event.In:
		// pf and raw tables log a client's packet where it enters. Only a site that named its networks can tell that
		// from a packet for the firewall itself.
		if len(s.Networks) > 0 && s.ours(e.Src) && !s.ours(e.Dst) {
			return Outbound
		}
		return Inbound
	}
	from, to := s.ours(e.Src), s.ours(e.Dst)
	switch {
	case from && to:
		return Internal
	case from:
		return Outbound
	case to:
		return Inbound
	}
	return Strangers
}

func (s *Scope) ours(a netip.Addr) bool {
	if s.Ours(a) {
		return true
	}
	_, ok := s.learnt[a]
	return ok
}

func (s *Scope) learn(a netip.Addr) {
	if a == s.last || len(s.learnt) >= maxLearnt || s.Ours(a) {
		return
	}
	s.last = a
	s.learnt[a] = struct{}{}
}

// Unicast reports whether a can be the address of one host: no multicast, broadcast or unspecified address.
func Unicast(a netip.Addr) bool {
	return a.IsValid() && !a.IsMulticast() && !a.IsUnspecified() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// Service returns what runs on a mail port, or "" for other ports.
func Service(port uint16) string {
	switch port {
	case 25:
		return "smtp"
	case 465:
		return "submissions" // RFC 8314
	case 587:
		return "submission"
	case 2525:
		return "submission-alt"
	}
	return ""
}

// Clean returns s fit for one line of text: control characters, and what could start a terminal escape, become blanks.
func Clean(s string) string {
	return strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s), "\ufffd")
}
