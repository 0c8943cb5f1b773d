// Package proxmox reads the firewall log of Proxmox VE, pve-firewall.log: packets, messages of the logger itself, and
// events of connection tracking.
//
// Source: pve-firewall, src/pvefw-logger.c and src/PVE/Firewall.pm.
package proxmox

import (
	"errors"
	"strings"

	"mailstop/event"
	"mailstop/internal/nftext"
	"mailstop/parse"
)

// Kind returns the format. The user's rules for prefixes come before all that is known of them; they must be valid: Kind
// panics on one that Validate refuses.
func Kind(rules []nftext.Rule) parse.Kind {
	compiled := nftext.Compile(rules)
	return parse.Kind{
		Format: event.Proxmox,
		Anchor: "VMID LEVEL CHAIN DD/Mon/YYYY:HH:MM:SS +ZZZZ …",
		New:    func() parse.Parser { return &parser{verdicts: nftext.NewVerdicts(compiled)} },
		Doc:    doc,
	}
}

type parser struct{ verdicts nftext.Verdicts }

// The notes of lines that tell of no packet, or nothing of it.
const (
	noteDaemon  = "message of the logger"
	noteSkipped = "the logger skipped entries"
	noteFlow    = "event of connection tracking"
	noteIPv6    = "an IPv6 packet, which this version of the logger does not describe"
)

var errTime = errors.New("the time is not one")

// Match looks for the guest, the level, the chain and the time.
func (p *parser) Match(body string, _ *parse.Record) bool { return nftext.IsProxmox(body) }

// Parse reads one line.
func (p *parser) Parse(body string, r *parse.Record) error {
	if body[0]-'0' > 9 {
		r.Note = noteFlow
		return nil
	}
	vmid, rest, _ := strings.Cut(body, " ")
	level, rest, _ := strings.Cut(rest, " ")
	chain, rest, _ := strings.Cut(rest, " ")
	st, n := scanTime(rest)
	if n == 0 {
		return p.message(vmid, level, chain, afterTime(rest), r, errTime)
	}
	r.SetInnerTime(st)
	return p.message(vmid, level, chain, rest[n:], r, nil)
}

// message reads what follows the time. wrong is what was wrong before.
func (p *parser) message(vmid, level, chain, s string, r *parse.Record, wrong error) error {
	e := r.Entry
	if vmid == "0" && chain == "-" && level != defaultLevel {
		switch {
		case wrong != nil:
		case strings.HasPrefix(s, "skipped "):
			e.Note = noteSkipped
		default:
			e.Note = noteDaemon
		}
		return wrong
	}
	i, found := packetStart(s)
	if !found {
		if e.Direction = direction(chain); chain != "-" {
			e.Ruleset = chain
		}
		if wrong == nil {
			wrong = parse.ErrTruncated
		}
		return wrong
	}
	tangled := nftext.Tangled(s[:i])
	v := &nftext.NoVerdict
	if tangled == nil {
		v = p.verdicts.Of(s[:i])
	}
	err := p.packet(s[i:], e)
	e.Direction = direction(chain)
	if v.Direction != event.DirectionUnknown {
		e.Direction = v.Direction
	}
	v.Apply(e)
	if chain != "-" && (e.Verdict != event.VerdictConfig || e.Ruleset == "") {
		e.Ruleset = chain
	}
	switch {
	case wrong == nil && tangled == nil:
		return err
	case wrong == nil:
		wrong = tangled
	}
	e.Note = ""
	return wrong
}

// packet reads the packet.
func (p *parser) packet(s string, e *event.Entry) error {
	head, rest, cut := strings.Cut(s, "IPV6 logging not implemented")
	err := nftext.Read(head, 0, nftext.Proxmox, e)
	if cut && strings.Trim(rest, " ") == "" || cut && strings.HasPrefix(rest, " mark=") {
		e.Note = noteIPv6
		return nil
	}
	return err
}

// defaultLevel is what the logger says of packets that its own rules have not sent; it writes of itself with others.
const defaultLevel = "6"

// direction returns what the end of a chain's name says: towards the guest or the host, from it, or through the host. The
// interfaces are parts of bridges and tell nothing.
func direction(chain string) event.Direction {
	end := chain[strings.LastIndexByte(chain, '-')+1:]
	switch {
	case strings.EqualFold(end, "IN"), strings.EqualFold(end, "INPUT"):
		return event.In
	case strings.EqualFold(end, "OUT"), strings.EqualFold(end, "OUTPUT"):
		return event.Out
	case strings.EqualFold(end, "FORWARD"):
		return event.Forward
	}
	return event.DirectionUnknown
}

// packetStart returns where the message ends and the packet begins: at the first of the logger's keys, also if a message
// that does not end in a blank is glued to it.
func packetStart(s string) (int, bool) {
	for i := 0; i < len(s); {
		end := strings.IndexByte(s[i:], ' ')
		if end < 0 {
			end = len(s) - i
		}
		token := s[i : i+end]
		if eq := strings.IndexByte(token, '='); eq > 0 {
			for _, key := range keys {
				if strings.HasSuffix(token[:eq], key) {
					return i + eq - len(key), true
				}
			}
		}
		if token == "IPV6" {
			return i, true
		}
		i += end + 1
	}
	return 0, false
}

var keys = [...]string{"PHYSIN", "PHYSOUT", "IN", "OUT", "MAC", "SRC", "DST", "LEN", "INVALID"}
