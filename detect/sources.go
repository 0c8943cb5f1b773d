package detect

import (
	"math/bits"

	"mailstop/event"
)

// Sources remembers what inbound senders were seen to touch besides mail ports, to tell a scanner from a mail server
// that retries. It remembers 262,144 senders in 2 MB; in a full bucket the sender that was quiet for longest is forgotten,
// by order of arrival.
type Sources struct {
	buckets [][8]source // one cache line each
	host    hostHash    `state:"-"`
	warm    uint32      `state:"-"`
}

type source struct {
	tag   uint32 // half of the sender's hash, never 0
	ports uint16 // one bit per port other than mail, hashed
	hosts uint16 // one bit per destination, hashed; the top bit is for senders that use ports below 1024
}

const (
	sourceBuckets = 1 << 15
	lowPort       = 1 << 15 // no mail server sends from there
)

// Scanner thresholds: a mail server has no business at three other ports of ours, or at many hosts.
const (
	scannerPorts = 3
	scannerHosts = 6
)

// Prepare returns the key of e's sender for Observe, and loads what is known of it: when many are prepared before the
// first is observed, the processor waits for memory once instead of each time.
func (s *Sources) Prepare(e *event.Entry) uint64 {
	if s.buckets == nil {
		s.buckets = make([][8]source, sourceBuckets)
	}
	h := hashAddr(s.host.of(e.Host), e.Src) | 1<<32
	s.warm ^= s.buckets[h&(sourceBuckets-1)][0].tag
	return h
}

// Observe notes a blocked inbound packet that opens a connection, and reports whether its sender was seen to do what
// only scanners do.
func (s *Sources) Observe(e *event.Entry, key uint64, mail bool) (scanner bool) {
	v := s.find(key)
	if !mail {
		v.ports |= 1 << (mum(uint64(e.DstPort)^k0, uint64(e.Proto)^k1) >> 40 & 15)
	}
	v.hosts |= 1 << (hashAddr(k2, e.Dst) >> 32 % 15)
	if e.SrcPort < 1024 {
		v.hosts |= lowPort
	}
	return v.hosts&lowPort != 0 || bits.OnesCount16(v.ports) >= scannerPorts || bits.OnesCount16(v.hosts) >= scannerHosts
}

// Scan notes that e's sender tried a port of e's receiver, and reports whether it has tried so many of them that it
// scans the receiver: some twenty, where one that only wants mail, web and the like of a host tries ten at most.
func (s *Sources) Scan(e *event.Entry) bool {
	if s.buckets == nil {
		s.buckets = make([][8]source, sourceBuckets)
	}
	v := s.find(hashAddr(hashAddr(s.host.of(e.Host), e.Src), e.Dst) | 1<<32)
	v.ports |= 1 << (mum(uint64(e.DstPort)^k0, uint64(e.Proto)^k1) >> 40 & 15)
	return bits.OnesCount16(v.ports) >= scanPorts
}

// scanPorts is how many of the 16 bits about twenty ports set.
const scanPorts = 12

// find returns the record of a sender, a new one if it is not known, as the bucket's latest.
func (s *Sources) find(key uint64) *source {
	b, tag := &s.buckets[key&(sourceBuckets-1)], uint32(key>>32)
	i := 0
	for i < len(b)-1 && b[i].tag != tag {
		i++
	}
	v := b[i]
	if v.tag != tag {
		v = source{tag: tag}
	}
	for ; i > 0; i-- {
		b[i] = b[i-1]
	}
	b[0] = v
	return &b[0]
}
