// Package nftext knows the text in which Linux' netfilter, and the programs that imitate it, tell of packets: what stands
// in it (Read), by whose spelling (ByUlogd), and what the free text before it says of the firewall's verdict (Verdicts).
// It never guesses: a value that may be cut or damaged stays absent.
//
// Sources: net/netfilter/nf_log_syslog.c, and ipt_LOG.c and ip6t_LOG.c before it; ulogd2's util/printpkt.c; Proxmox'
// pvefw-logger.c.
package nftext

import (
	"errors"
	"net/netip"
	"strings"

	"mailstop/event"
)

// A Dialect is one spelling of packets.
type Dialect uint8

// The dialects.
const (
	Kernel  Dialect = iota
	Ulogd           // printpkt.c: LOGEMU, SYSLOG, UniFi OS
	Proxmox         // pvefw-logger.c, which was made from printpkt.c
)

// ErrTruncated says that a line is not whole.
var ErrTruncated = errors.New("line ends early")

// What else can be wrong with a line. The text names the token, never a guess at it.
var (
	errSrc     = errors.New("SRC is not an address")
	errDst     = errors.New("DST is not an address")
	errSPT     = errors.New("SPT is not a port")
	errDPT     = errors.New("DPT is not a port")
	errNumber  = errors.New("a value is not a number, or out of range")
	errProto   = errors.New("PROTO is not a protocol")
	errMissing = errors.New("a token that belongs to the packet is missing")
	errTwice   = errors.New("a token of the packet occurs twice")
	errWord    = errors.New("a word that netfilter does not write")
)

// A seen is a set of tokens, in the order in which lines have them.
type seen uint64

const (
	sawIN seen = 1 << iota
	sawOUT
	sawMACProto
	sawHTYPE
	sawPTYPE
	sawOPCODE
	sawSRC // also IPSRC
	sawDST
	sawLEN
	sawTOS  // also TC, of IPv6
	sawPREC // also FLOWLBL, of Proxmox
	sawTTL  // also HOPLIMIT
	sawID
	sawFLOWLBL
	sawPROTO
	sawSPT
	sawDPT
	sawUDPLEN
	sawWINDOW
	sawURGP
	sawTYPE
	sawCODE
	sawEchoID
	sawEchoSEQ
	sawInner
	sawSPI
	sawUID
	sawGID
	sawMARK
)

// A stage is the part of a line that a token is in; the same key means different things in different parts.
type stage uint8

const (
	inHead  stage = iota // interfaces and link header
	inARP                // ARP payload
	inIP                 // IP header
	inProto              // behind PROTO=
	inTail               // behind all that the protocol has
)

// A reader reads a line token by token.
type reader struct {
	s       string
	i       int // behind the token
	e       *event.Entry
	err     error // the first thing found wrong
	dialect Dialect
	stage   stage
	saw     seen
	last    seen // the token read last; 0 if it is none of them
	whole   bool // a blank follows the token, so that its value is not cut

	flags      event.TCPFlags
	badWord    bool // a word is unknown: it may be a flag, damaged
	v6         bool
	fragment   bool // not the first of a packet: it has no ports
	ended      bool // the kernel itself said that there is no more
	damaged    bool // the packet is: Proxmox and ulogd leave out what they could not find in it
	otherEther bool // not IP, not ARP: there is nothing behind the link header
	arpEther   bool // ARP of Ethernet
	arpIP      bool // ARP for IPv4
}

// Read reads the packet that s[i:] tells of, whole or damaged, into e, and the direction that its interfaces say.
func Read(s string, i int, d Dialect, e *event.Entry) error {
	reset(e)
	r := reader{s: s, i: i, e: e, dialect: d}
	for r.next() {
	}
	r.finish()
	if r.saw&(sawIN|sawOUT) == sawIN|sawOUT {
		e.Direction = Direction(e.IfaceIn, e.IfaceOut)
	}
	return r.err
}

// has are the numbers that can be in such text.
const has = event.HasProto | event.HasPorts | event.HasTCPFlags | event.HasICMPType | event.HasICMPCode |
	event.HasLength | event.HasTTL | event.HasMark | event.HasUID

// reset forgets what another reader has stored of a line that it could not read.
func reset(e *event.Entry) {
	e.Src, e.Dst = netip.Addr{}, netip.Addr{}
	e.Has &^= has
	e.Proto, e.SrcPort, e.DstPort, e.TCPFlags = 0, 0, 0, 0
	e.ICMPType, e.ICMPCode, e.TTL = 0, 0, 0
	e.Length, e.Mark, e.UID = 0, 0, 0
}

func (r *reader) fail(err error) {
	if r.err != nil {
		return
	}
	if !r.whole {
		err = ErrTruncated // the last token is bad because it was cut
	}
	r.err = err
}

// next reads one token. It returns false at the end of the line.
func (r *reader) next() bool {
	for r.i < len(r.s) && r.s[r.i] == ' ' {
		r.i++
	}
	if r.i >= len(r.s) || r.ended {
		return false
	}
	at := r.i
	end := strings.IndexByte(r.s[at:], ' ')
	r.whole = end >= 0
	if !r.whole {
		end = len(r.s) - at
	}
	token := r.s[at : at+end]
	r.i += end
	r.last = 0
	switch token[0] {
	case '[':
		r.inner(at)
		return true
	case '(':
		r.options(at)
		return true
	}
	if r.dialect != Kernel {
		token = r.unglue(token)
	}
	key, value, ok := strings.Cut(token, "=")
	if !ok {
		r.word(token)
		return true
	}
	switch r.stage {
	case inHead:
		r.head(key, value)
	case inARP:
		r.arp(key, value)
	case inIP:
		r.ip(key, value)
	default:
		r.proto(key, value)
	}
	return true
}

// mark notes that a token was read. False means that it was there before.
func (r *reader) mark(t seen) bool {
	r.last = t
	if r.saw&t != 0 {
		r.fail(errTwice)
		r.forget(t)
		return false
	}
	r.saw |= t
	return true
}
