package detect

import (
	"strings"

	"mailstop/event"
)

// maxCountHosts bounds how many hosts the roll-up of one batch tells apart; the rest are counted as Other.
const maxCountHosts = 4096

// counts sums entries into one-minute rows. Rows are few and neighbours alike, so the row before is tried first.
type counts struct {
	site  *Site `state:"-"`
	hosts map[string]uint32
	names []string
	rows  []countRow
	table []uint32 // open addressing: index into rows plus one
	host  uint32   // of the entry before
	row   uint32
}

type countRow struct {
	minute            int64
	key               uint64 // host, service port, action, direction, protocol
	packets, attempts uint64
}

func newCounts(site *Site) *counts {
	return &counts{site: site, hosts: map[string]uint32{}, table: make([]uint32, 256)}
}

// add counts e. mail says that one of its ports is a mail port.
func (c *counts) add(e *event.Entry, mail bool) {
	minute := e.Time / 60e9
	if e.Time%60e9 < 0 {
		minute--
	}
	key := uint64(c.hostID(e.Host))<<32 | uint64(c.servicePort(e, mail))<<16 | uint64(e.Action)<<12 |
		uint64(e.Direction)<<8 | uint64(e.Proto)
	if int(c.row) >= len(c.rows) || c.rows[c.row].key != key || c.rows[c.row].minute != minute {
		c.row = c.find(minute, key)
	}
	r := &c.rows[c.row]
	r.packets += Packets(e)
	if mail && e.FirstAttempt && (e.Opening || Answer(e)) {
		r.attempts++
	}
}

// servicePort returns the mail port that a packet is to, or from if it answers; 0 if it has none. What is not mail is
// counted without its port: a port scan would make a row for each packet.
func (c *counts) servicePort(e *event.Entry, mail bool) uint16 {
	switch {
	case !mail:
		return 0
	case e.Is(event.HasTCPFlags) && e.TCPFlags&event.ACK != 0 && c.site.MailPort(e.SrcPort) && !c.site.MailPort(e.DstPort):
		return e.SrcPort
	case c.site.MailPort(e.DstPort):
		return e.DstPort
	}
	return 0
}

func (c *counts) hostID(host string) uint32 {
	if int(c.host) < len(c.names) && c.names[c.host] == host {
		return c.host
	}
	id, ok := c.hosts[host]
	if !ok {
		if len(c.names) >= maxCountHosts {
			return maxCountHosts
		}
		host = strings.Clone(host)
		id = uint32(len(c.names))
		c.names = append(c.names, host)
		c.hosts[host] = id
	}
	c.host = id
	return id
}

func (c *counts) hostName(id uint32) string {
	if id == maxCountHosts {
		return Other
	}
	return c.names[id]
}

// find returns the index of the row of minute and key, a new one if there is none.
func (c *counts) find(minute int64, key uint64) uint32 {
	if len(c.rows)*2 >= len(c.table) {
		c.table = make([]uint32, len(c.table)*2)
		for i := range c.rows {
			c.table[c.slot(c.rows[i].minute, c.rows[i].key)] = uint32(i) + 1
		}
	}
	s := c.slot(minute, key)
	if c.table[s] == 0 {
		c.rows = append(c.rows, countRow{minute: minute, key: key})
		c.table[s] = uint32(len(c.rows))
	}
	return c.table[s] - 1
}

// slot returns where in the table the row is, or would be.
func (c *counts) slot(minute int64, key uint64) uint64 {
	mask := uint64(len(c.table) - 1)
	for i := mum(uint64(minute)^k0, key^k1) >> 16 & mask; ; i = (i + 1) & mask {
		n := c.table[i]
		if n == 0 || c.rows[n-1].key == key && c.rows[n-1].minute == minute {
			return i
		}
	}
}

// take returns the rows in the order in which they were first seen, and starts anew.
func (c *counts) take() []event.Count {
	if len(c.rows) == 0 {
		return nil
	}
	out := make([]event.Count, len(c.rows))
	for i, r := range c.rows {
		out[i] = event.Count{
			Minute: r.minute * 60, Host: c.hostName(uint32(r.key >> 32)), Port: uint16(r.key >> 16),
			Action: event.Action(r.key >> 12 & 15), Direction: event.Direction(r.key >> 8 & 15), Proto: uint8(r.key),
			Packets: r.packets, Attempts: r.attempts,
		}
	}
	c.rows = c.rows[:0]
	clear(c.table)
	// Names are kept from batch to batch, which saves cloning them, but not without bound.
	if len(c.names) >= maxCountHosts {
		clear(c.hosts)
		c.names = c.names[:0]
	}
	c.host, c.row = 0, 0
	return out
}
