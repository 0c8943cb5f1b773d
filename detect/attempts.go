package detect

import (
	"encoding/binary"

	"mailstop/event"
)

// AttemptWindow is how many seconds after a packet another one of the same 5-tuple still belongs to its attempt.
// Linux gives up a connection after 127 s of SYN retransmissions (tcp_syn_retries 6).
const AttemptWindow = 180

// Attempts tells the first packet of a connection try from its retransmissions. It remembers 262,144 5-tuples in 2 MB;
// where a ninth falls in one bucket, the one that was quiet for longest is forgotten, by order of arrival, so that a wrong
// clock keeps nobody else out.
type Attempts struct {
	buckets [][8]attempt // one cache line each
	host    hostHash     `state:"-"`
	warm    attempt      `state:"-"`
}

// attempt is the upper half of a 5-tuple's hash, which is never 0, and the second of its latest packet modulo 2^32.
type attempt uint64

const attemptBuckets = 1 << 15

// Observe sets e's Opening and FirstAttempt. Entries of one host must come in the order of the log. An entry without
// ports is neither.
//
// A line counts as another attempt than one of the same packet with another kind of verdict: [UFW AUDIT] logs
// what [UFW BLOCK] logs again. Opening packets, answers and the rest are attempts of their own, too, so that a late
// FIN does not hide a new SYN from the same port.
func (a *Attempts) Observe(e *event.Entry) { a.finish(e, a.prepare(e)) }

// mark sets e's Opening as far as its flags tell, and takes each opening packet for an attempt of its own. That is all
// that is asked of packets that are neither mail nor outbound.
func mark(e *event.Entry) {
	ports := e.Is(event.HasPorts)
	e.Opening = ports && (e.Proto != event.TCP || !e.Is(event.HasTCPFlags) ||
		e.TCPFlags&(event.SYN|event.ACK|event.FIN|event.RST) == event.SYN)
	e.FirstAttempt = e.Opening
}

// prepare returns e's key for finish, 0 if it has none, and loads its bucket: when many are prepared before the first is
// finished, the processor waits for memory once instead of each time.
func (a *Attempts) prepare(e *event.Entry) uint64 {
	e.Opening, e.FirstAttempt = false, false
	if !e.Is(event.HasPorts) {
		return 0
	}
	if a.buckets == nil {
		a.buckets = make([][8]attempt, attemptBuckets)
	}
	class := uint64(0)
	switch {
	case e.Blocked():
		class = 1
	case e.Action == event.Allow:
		class = 2
	}
	tcp := e.Proto == event.TCP
	if tcp && e.Is(event.HasTCPFlags) {
		switch e.TCPFlags & (event.SYN | event.ACK | event.FIN | event.RST) {
		case event.SYN:
			e.Opening = true
		case event.SYN | event.ACK:
			class |= 4
		default:
			class |= 8
		}
	} else {
		e.Opening = tcp
	}
	key := a.key(e, class)
	a.warm ^= a.buckets[key&(attemptBuckets-1)][0]
	return key
}

// finish sets e's FirstAttempt, and Opening if it depends on that.
func (a *Attempts) finish(e *event.Entry, key uint64) {
	if key == 0 {
		return
	}
	e.FirstAttempt = a.first(key, uint32(e.Time/1e9))
	if e.Proto != event.TCP {
		e.Opening = e.FirstAttempt
	}
}

func (a *Attempts) key(e *event.Entry, class uint64) uint64 {
	src, dst := e.Src.As16(), e.Dst.As16()
	h := mum(binary.LittleEndian.Uint64(src[:8])^k0^a.host.of(e.Host), binary.LittleEndian.Uint64(src[8:])^k1)
	h = mum(binary.LittleEndian.Uint64(dst[:8])^k2^h, binary.LittleEndian.Uint64(dst[8:])^k0)
	return mum(h^uint64(e.SrcPort)<<32^uint64(e.DstPort)<<16^uint64(e.Proto)<<4^class, k1) | 1<<32
}

// first reports whether no packet of key came within the window around second t, and remembers this one.
func (a *Attempts) first(key uint64, t uint32) bool {
	b := &a.buckets[key&(attemptBuckets-1)]
	i := 0
	for i < len(b)-1 && uint32(b[i]>>32) != uint32(key>>32) {
		i++
	}
	s := attempt(key>>32<<32 | uint64(t))
	first := true
	if uint32(b[i]>>32) == uint32(key>>32) {
		last := uint32(b[i])
		if ahead := int32(t - last); ahead >= -AttemptWindow && ahead <= AttemptWindow {
			first = false
			if ahead < 0 {
				s = b[i]
			}
		}
	}
	// The bucket is kept in order of use: the last place is the one to forget.
	for ; i > 0; i-- {
		b[i] = b[i-1]
	}
	b[0] = s
	return first
}
