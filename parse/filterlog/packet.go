package filterlog

import (
	"net/netip"
	"strings"

	"mailstop/event"
	"mailstop/internal/pf"
	"mailstop/parse"
)

// packet reads the fields behind the IP version, and what follows them.
func (r *reader) packet(v6 bool) {
	if !r.rebase() {
		return
	}
	offset, whole := uint32(0), false
	if v6 {
		whole = r.ip6()
	} else {
		offset, whole = r.ip4()
	}
	if whole && offset == 0 {
		r.payload(!v6)
	}
}

// rebase finds the field of the type of service, the only one with 0x: programs put "error='truncated-ip 20 bytes
// missing!'," or "truncated-ip=60," before it if the packet is shorter than it says, and with some damage nothing behind.
func (r *reader) rebase() bool {
	rest := r.s[r.i:]
	if strings.HasPrefix(rest, "0x") {
		return true
	}
	at := strings.Index(rest, ",0x")
	if at >= 0 {
		r.i += at + 1
		return true
	}
	switch {
	case rest == "" || strings.HasPrefix("0x", rest):
		r.fail(parse.ErrTruncated)
	default:
		r.fail(errDamaged)
	}
	return false
}

// ip4 reads "tos,ecn,ttl,id,offset,flags,protonum,protoname,length,src,dst,". False means that the line ended.
func (r *reader) ip4() (offset uint32, ok bool) {
	e := r.e
	if !r.skip(2) {
		return 0, false
	}
	ttl, has, ok := r.number(255)
	if !ok {
		return 0, false
	}
	if has {
		e.TTL, e.Has = uint8(ttl), e.Has|event.HasTTL
	}
	if !r.skip(1) {
		return 0, false
	}
	offset, has, ok = r.number(8 * 0x1fff)
	if !ok {
		return 0, false
	}
	if !has {
		offset = 1 // whether it is the first fragment is not known
	}
	if !r.skip(1) || !r.proto() || !r.skip(1) {
		return 0, false
	}
	length, has, ok := r.number(0xffff)
	if !ok {
		return 0, false
	}
	if has {
		e.Length, e.Has = length, e.Has|event.HasLength
	}
	return offset, r.addresses()
}

// ip6 reads "class,flow,hlim,protoname,protonum,length,src,dst,": the protocol's name comes first here.
func (r *reader) ip6() bool {
	const header = 40 // bytes, which the length leaves out
	e := r.e
	if !r.skip(2) {
		return false
	}
	hops, has, ok := r.number(255)
	if !ok {
		return false
	}
	if has {
		e.TTL, e.Has = uint8(hops), e.Has|event.HasTTL
	}
	if !r.skip(1) || !r.proto() {
		return false
	}
	length, has, ok := r.number(0xffff)
	if !ok {
		return false
	}
	if has {
		e.Length, e.Has = length+header, e.Has|event.HasLength
	}
	return r.addresses()
}

func (r *reader) proto() bool {
	v, has, ok := r.number(255)
	if has {
		r.e.Proto, r.e.Has = uint8(v), r.e.Has|event.HasProto
	}
	return ok
}

// addresses reads both. A comma ends the second, too, even if nothing follows: without one it may be cut.
func (r *reader) addresses() bool {
	var ok bool
	if r.e.Src, ok = r.address(errSrc); !ok {
		return false
	}
	r.e.Dst, ok = r.address(errDst)
	return ok
}

func (r *reader) address(wrong error) (netip.Addr, bool) {
	f, ok := r.next()
	if !ok {
		return netip.Addr{}, false
	}
	a, isAddr := pf.Addr(f)
	if !isAddr {
		r.fail(wrong)
	}
	return a, true
}

// payload reads what the protocol has. The fields' meaning goes by the number, never by the name, which is of several
// lists.
func (r *reader) payload(v4 bool) {
	if !r.e.Is(event.HasProto) {
		return
	}
	rest := r.s[r.i:]
	switch r.e.Proto {
	case event.TCP:
		r.tcp()
	case event.UDP:
		r.ports()
	case sctp:
		if !strings.HasPrefix(rest, dataLength) {
			r.ports()
		}
	case event.ICMP:
		if rest == "" {
			r.fail(parse.ErrTruncated)
		} else if v4 {
			r.icmp(rest)
		}
	case event.ICMPv6:
		if strings.HasPrefix(rest, dataLength) { // pfSense says nothing of ICMPv6
			r.keywords(&icmp6Types, &icmp6Codes)
		}
	default:
		// INVALIDOPT and truncated-ip6=60 are where the headers before it end.
		if rest == "INVALIDOPT" || strings.HasPrefix(rest, "truncated-ip6=") {
			r.fail(errDamaged)
		}
	}
}

const (
	sctp       = 132
	dataLength = "datalength="
)

// ports reads both, each with the comma behind it, so that neither is cut.
func (r *reader) ports() bool {
	src, ok := r.next()
	if !ok {
		return false
	}
	dst, ok := r.next()
	if !ok {
		return false
	}
	r.port(src, &r.e.SrcPort, event.HasSrcPort)
	r.port(dst, &r.e.DstPort, event.HasDstPort)
	return true
}

func (r *reader) port(text string, port *uint16, has event.Has) {
	v, ok := pf.Number(text)
	if !ok || v > 0xffff {
		r.fail(errPort)
		return
	}
	*port = uint16(v)
	r.e.Has |= has
}

const badHeader = "errormsg="

// tcp reads "sport,dport,datalen,flags,seq,ack,window,urg,options". Error texts, with commas of their own, can take the
// place of all of them or of those behind the flags.
func (r *reader) tcp() {
	if strings.HasPrefix(r.s[r.i:], badHeader) {
		r.fail(errTCP)
		return
	}
	if !r.ports() || !r.skip(1) {
		return
	}
	letters, ok := r.next()
	if !ok {
		return
	}
	if flags, ok := tcpFlags(letters); ok {
		r.e.TCPFlags = flags
		r.e.Has |= event.HasTCPFlags
	} else {
		r.fail(errFlags)
	}
	if strings.HasPrefix(r.s[r.i:], badHeader) {
		r.fail(errTCP)
		return
	}
	r.skip(4)
}

// tcpFlags reads the letters FSRPAUEC; none are a packet without flags.
func tcpFlags(letters string) (flags event.TCPFlags, ok bool) {
	for i := range len(letters) {
		f := flagOf[letters[i]]
		if f == 0 {
			return 0, false
		}
		flags |= f
	}
	return flags, true
}

var flagOf = [256]event.TCPFlags{
	'F': event.FIN, 'S': event.SYN, 'R': event.RST, 'P': event.PSH, 'A': event.ACK, 'U': event.URG, 'E': event.ECE, 'C': event.CWR,
}
