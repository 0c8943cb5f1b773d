package report

import (
	"slices"
	"strings"
	"unicode/utf8"

	"mailstop/event"
)

// The bounds of what is counted by name.
const (
	maxHosts    = 1000
	maxPrefixes = 100
	maxReasons  = 32
	maxNotes    = 32
	maxSamples  = 3   // lines kept of each reason
	maxSample   = 120 // bytes kept of a line
)

// The mail ports, in the order of the table, and the index of each.
var mailPorts = [...]uint16{25, 465, 587, 2525, 110, 143, 993, 995}

func mailPort(p uint16) int {
	switch p {
	case 25:
		return 0
	case 465:
		return 1
	case 587:
		return 2
	case 2525:
		return 3
	case 110:
		return 4
	case 143:
		return 5
	case 993:
		return 6
	case 995:
		return 7
	}
	return -1
}

// words bounds the values of event.Action and event.Direction, with room to grow; a power of two.
const words = 16

// A table counts packets by direction and mail port.
type table [words][len(mailPorts)]Verdicts

func (t *table) merge(o *table) {
	for d := range t {
		for p := range t[d] {
			t[d][p].Blocked += o[d][p].Blocked
			t[d][p].Allowed += o[d][p].Allowed
			t[d][p].Other += o[d][p].Other
		}
	}
}

// counts is everything a block counts; the sink adds the blocks up in one.
type counts struct {
	lines, entries, packets uint64
	mailLines               uint64 // of mail servers
	deliveries              uint64 // of those, the ones that tell how a try to deliver ended
	notedLines              uint64 // that tell of no packet and no delivery
	repeated                uint64 // packets beyond one per line
	noVerdict               uint64 // entries whose line does not say what became of the packet
	actions                 [words]uint64
	quality                 [words]uint64
	formats                 []uint64
	statuses                [words]uint64 // of deliveries
	failures                [words]uint64 // why they were not sent
	mail                    table         // by destination port
	answers                 table         // by source port: what servers send back
	hosts                   tally
	prefixes                tally // rules of the entries without a verdict
	reasons                 tally // of lines that could not be read
	notes                   tally // of lines that tell of no packet
	samples                 [][]Sample
	times                   span
}

func newCounts() counts {
	return counts{
		formats: make([]uint64, len(event.Formats())),
		hosts:   tally{limit: maxHosts}, prefixes: tally{limit: maxPrefixes}, reasons: tally{limit: maxReasons}, notes: tally{limit: maxNotes},
	}
}

// A block counts the entries of one batch.
type block struct{ counts }

// Append counts es but those outside the range of times that was asked for. It keeps nothing of them but the first of each name and a few samples, which it clones.
func (b *block) Append(es []event.Entry) {
	for i := range es {
		e := &es[i]
		if e.Outside {
			continue
		}
		b.lines++
		if e.Error != "" {
			b.unread(e)
			continue
		}
		if e.Note != "" {
			b.notedLines++
			b.notes.add(e.Note, 1)
			continue
		}
		b.quality[e.TimeQuality%words]++
		if int(e.Format) < len(b.formats) {
			b.formats[e.Format]++
		}
		if e.TimeQuality != event.TimeNone {
			b.times.add(e.Time)
		}
		b.hosts.add(e.Host, 1)
		if e.Delivery != nil {
			b.delivery(e.Delivery)
			continue
		}
		b.entries++
		n := uint64(max(e.Count, 1))
		b.packets += n
		b.repeated += n - 1
		b.actions[e.Action%words] += n
		if e.Verdict == event.VerdictNone && (e.Action == event.ActionUnknown || e.Action == event.Observe) {
			b.noVerdict++
			b.prefixes.add(e.Rule, 1)
		}
		if e.Is(event.HasPorts) && (e.Proto == event.TCP || !e.Is(event.HasProto)) {
			b.port(e, n)
		}
	}
}

// delivery counts a line of a mail server.
func (b *block) delivery(d *event.Delivery) {
	b.mailLines++
	if d.Status == event.StatusNone {
		return
	}
	b.deliveries++
	b.statuses[d.Status%words]++
	if d.Status != event.Sent {
		b.failures[d.ReasonClass%words]++
	}
}

// port counts a TCP packet in the table of mail ports if it is to or from one.
func (b *block) port(e *event.Entry, n uint64) {
	const shake = event.SYN | event.ACK
	t, p := &b.mail, mailPort(e.DstPort)
	if from := mailPort(e.SrcPort); from >= 0 {
		flags := e.TCPFlags & shake
		// Only SYN+ACK tells an answer from a request where both ports are of mail (old relays send from 25), and a
		// SYN alone is never an answer: scanners like to send from port 25.
		opens := e.Is(event.HasTCPFlags) && flags == event.SYN
		answers := e.Is(event.HasTCPFlags) && flags == shake
		if answers || p < 0 && !opens {
			t, p = &b.answers, from
		}
	}
	if p < 0 {
		return
	}
	v := &t[e.Direction%words][p]
	switch {
	case e.Blocked():
		v.Blocked += n
	case e.Action == event.Allow:
		v.Allowed += n
	default:
		v.Other += n
	}
}

// unread counts a line that could not be read.
func (c *counts) unread(e *event.Entry) {
	i := c.reasons.add(e.Error, 1)
	if i < 0 {
		return
	}
	if i == len(c.samples) {
		c.samples = append(c.samples, make([]Sample, 0, maxSamples))
	}
	if len(c.samples[i]) < maxSamples {
		c.samples[i] = append(c.samples[i], Sample{
			Source: strings.Clone(e.Source), Line: e.Line, Pos: e.Pos, Raw: sample(e.Raw),
		})
	}
}

// sample returns a copy of the head of a raw line.
func sample(raw string) string {
	if len(raw) <= maxSample {
		return strings.Clone(raw)
	}
	end := maxSample
	for end > maxSample-utf8.UTFMax && !utf8.RuneStart(raw[end]) {
		end--
	}
	return raw[:end] + "…"
}

// merge adds a block that comes after those merged before.
func (c *counts) merge(o *counts) {
	c.lines += o.lines
	c.entries += o.entries
	c.packets += o.packets
	c.repeated += o.repeated
	c.noVerdict += o.noVerdict
	c.mailLines += o.mailLines
	c.deliveries += o.deliveries
	c.notedLines += o.notedLines
	for i := range c.actions {
		c.actions[i] += o.actions[i]
		c.quality[i] += o.quality[i]
		c.statuses[i] += o.statuses[i]
		c.failures[i] += o.failures[i]
	}
	for i := range o.formats {
		c.formats[i] += o.formats[i]
	}
	c.mail.merge(&o.mail)
	c.answers.merge(&o.answers)
	c.hosts.merge(&o.hosts)
	c.prefixes.merge(&o.prefixes)
	c.notes.merge(&o.notes)
	c.times.merge(&o.times)
	for i, r := range o.reasons.rows {
		j := c.reasons.add(r.name, r.n)
		if j < 0 {
			continue
		}
		if j == len(c.samples) {
			c.samples = append(c.samples, nil)
		}
		room := maxSamples - len(c.samples[j])
		c.samples[j] = slices.Concat(c.samples[j], o.samples[i][:min(room, len(o.samples[i]))])
	}
	c.reasons.beyond += o.reasons.beyond
}

// unparsed is how many lines could not be read.
func (c *counts) unparsed() uint64 { return c.lines - c.entries - c.mailLines - c.notedLines }
