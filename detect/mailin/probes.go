package mailin

import (
	"fmt"
	"slices"
	"strings"

	"mailstop/detect"
	"mailstop/event"
)

// probes is the noise at the mail ports of one firewall: one finding, however many knock.
type probes struct {
	host      string
	tally     detect.Tally
	sources   detect.Distinct
	dests     detect.Top
	ports     []portCount
	strangers uint64 // packets between two addresses that are not ours
	changed   bool
	shown     bool
}

type portCount struct {
	port    uint16
	packets uint64
}

// probesOf returns the record of a host; those beyond the bound share one.
func (d *Detector) probesOf(host string) *probes {
	if d.hot != nil && d.hot.host == host {
		return d.hot
	}
	p := d.byHost[host]
	if p == nil {
		if len(d.hosts) >= maxHosts {
			host = detect.Other
			p = d.byHost[host]
		}
		if p == nil {
			p = &probes{host: strings.Clone(host)}
			d.byHost[p.host] = p
			d.hosts = append(d.hosts, p)
		}
	}
	d.hot = p
	return p
}

func (p *probes) add(e *event.Entry, strangers bool) {
	p.tally.Add(e)
	p.changed = true
	p.sources.Add(detect.HashAddr("", e.Src))
	if strangers {
		p.strangers += detect.Packets(e)
	} else {
		p.dests.Add(e.Dst, detect.Attempt(e), e.Time)
	}
	p.count(e.DstPort, detect.Packets(e))
}

func (p *probes) count(port uint16, packets uint64) {
	for i := range p.ports {
		if p.ports[i].port == port {
			p.ports[i].packets += packets
			return
		}
	}
	p.ports = append(p.ports, portCount{port, packets})
}

// share is what of a host's probes turned out to be mail.
type share struct {
	packets, attempts uint64
	ports             []portCount
}

func (s *share) add(t *target) {
	s.packets += t.tally.Packets
	s.attempts += t.tally.Attempts
	s.ports = append(s.ports, portCount{t.port, t.tally.Packets})
}

// append makes the finding of what is left of the probes when mail is taken out.
func (p *probes) append(out []event.Finding, d *Detector, mail *share) []event.Finding {
	if !p.changed {
		return out
	}
	p.changed = false
	if mail == nil {
		mail = &share{}
	}
	nothing := p.tally.Packets <= mail.packets
	if nothing && !p.shown {
		return out
	}
	p.shown = !nothing
	f := event.Finding{
		ID: probesID(p.host), Kind: detect.MailInBlocked, Severity: event.Info,
		Host: p.host, Direction: event.In, Proto: "tcp",
	}
	p.tally.Fill(&f)
	f.Packets -= min(mail.packets, f.Packets)
	if nothing {
		f.State = event.Resolved
	}
	f.Attempts -= min(mail.attempts, f.Attempts)
	ports := p.left(mail)
	if len(ports) == 1 {
		f.Port, f.Service = ports[0].port, detect.Service(ports[0].port)
	}
	targets, ours := "no known mail server of yours is among the targets", false
	for _, b := range p.dests.Best(event.MaxDestinations) {
		f.Destinations = append(f.Destinations, b.Addr.String())
		ours = ours || d.known(server{p.host, b.Addr})
	}
	if n, _ := p.dests.Distinct.Count(); n > uint64(len(f.Destinations)) {
		f.MoreTargets = int(n) - len(f.Destinations)
	}
	if ours {
		targets = "a mail server of yours is among the targets, but they do not look like mail"
	}
	f.Summary = p.summary(ports, targets)
	f.Cause = event.Cause{
		Code: event.CauseUnknown, Confidence: event.Likely, Text: "scanners knock at mail ports everywhere; the firewall did its work",
	}
	if !ours {
		f.Cause.Missing = []string{d.hint(p)}
	}
	return append(out, f)
}

// hint says what would tell mail from probes: which hosts take mail. An address at which others retry may be one.
func (d *Detector) hint(p *probes) string {
	for _, b := range p.dests.Best(event.MaxDestinations) {
		for _, t := range d.targets {
			if t.host != p.host || t.addr != b.Addr || t.port != relayPort {
				continue
			}
			if c := t.senders.census(); c.retrying >= 2 {
				return fmt.Sprintf("whether %s takes mail: %d senders come back to its port 25 as mail servers do "+
					"(if it does, name it in mail.servers)", t.addr, c.retrying)
			}
		}
	}
	return "which of your hosts receive mail, if any (mail.servers in the configuration)"
}

func probesID(host string) string { return detect.ID(detect.MailInBlocked, host, "probes") }

// left returns the packets per port that are not mail, most first.
func (p *probes) left(mail *share) []portCount {
	ports := slices.Clone(p.ports)
	for _, m := range mail.ports {
		for i := range ports {
			if ports[i].port == m.port {
				ports[i].packets -= min(m.packets, ports[i].packets)
			}
		}
	}
	ports = slices.DeleteFunc(ports, func(c portCount) bool { return c.packets == 0 })
	slices.SortFunc(ports, func(a, b portCount) int {
		if a.packets != b.packets {
			if a.packets > b.packets {
				return -1
			}
			return 1
		}
		return int(a.port) - int(b.port)
	})
	return ports
}

func (p *probes) summary(ports []portCount, targets string) string {
	text := "what knocked at mail ports turned out to be mail, which other findings tell of: 0 probes"
	for i, c := range ports {
		switch i {
		case 0:
			text = fmt.Sprintf("%s of port %d", detect.Plural(c.packets, "probe"), c.port)
		default:
			text += fmt.Sprintf(", %s of %d", detect.Thousands(c.packets), c.port)
		}
	}
	n, _ := p.sources.Count()
	from := p.sources.String() + " addresses"
	if n == 1 {
		from = "1 address"
	}
	text += " from " + from + "; " + targets
	if p.strangers > 0 {
		text += "; " + detect.Thousands(p.strangers) + " of them between addresses that are not yours"
	}
	return text
}
