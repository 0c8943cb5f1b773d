package netfilter

import (
	"errors"
	"net/netip"
	"strings"

	"mailstop/event"
	"mailstop/parse"
)

// What can be wrong with a line, apart from parse.ErrTruncated. The text names the token, never a guess at it.
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
	errTangled = errors.New("two lines in one, or text before the prefix")
)

// maxPrefix is more than any prefix: the kernel keeps 127 bytes of nftables' and fewer of the others'.
const maxPrefix = 255

// tangled says whether a prefix is more than a prefix, because the line end before it was lost.
func tangled(prefix string) error {
	if len(prefix) > maxPrefix || strings.Contains(prefix, " OUT=") && strings.Contains(prefix, " SRC=") {
		return errTangled
	}
	return nil
}

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
	sawTOS // also TC, of IPv6
	sawPREC
	sawTTL // also HOPLIMIT
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
	s     string
	i     int // behind the token
	e     *event.Entry
	err   error // the first thing found wrong
	stage stage
	saw   seen
	last  seen // the token read last; 0 if it is none of them
	whole bool // a blank follows the token, so that its value is not cut

	flags      event.TCPFlags
	badWord    bool // a word is unknown: it may be a flag, damaged
	v6         bool
	ulogd      bool // the spelling of ulogd's text output, which lacks some tokens
	fragment   bool // not the first of a packet: it has no ports
	ended      bool // the kernel itself said that there is no more
	otherEther bool // not IP, not ARP: there is nothing behind the link header
	arpEther   bool // ARP of Ethernet
	arpIP      bool // ARP for IPv4
}

// careful reads any line that netfilter may have written, whole or damaged.
func (p *parser) careful(line string, e *event.Entry) error {
	reset(e)
	r := reader{s: line, e: e}
	r.i = start(line)
	if r.i < 0 {
		if r.i = indexIn(line); r.i < 0 {
			return parse.ErrTruncated
		}
	}
	prefix := line[:r.i]
	v := &noVerdict
	if r.err = tangled(prefix); r.err == nil {
		v = p.verdicts.of(prefix)
	}
	for more := true; more; {
		more = r.next()
	}
	r.finish()
	if r.saw&(sawIN|sawOUT) == sawIN|sawOUT {
		e.Direction = direction(e.IfaceIn, e.IfaceOut)
	}
	if v.direction != event.DirectionUnknown {
		e.Direction = v.direction
	}
	v.apply(e)
	return r.err
}

// netfilterHas are the numbers this format can have.
const netfilterHas = event.HasProto | event.HasPorts | event.HasTCPFlags | event.HasICMPType | event.HasICMPCode |
	event.HasLength | event.HasTTL | event.HasMark | event.HasUID

// reset forgets what the fast reader has stored of a line that it could not read.
func reset(e *event.Entry) {
	e.Src, e.Dst = netip.Addr{}, netip.Addr{}
	e.Has &^= netfilterHas
	e.Proto, e.SrcPort, e.DstPort, e.TCPFlags = 0, 0, 0, 0
	e.ICMPType, e.ICMPCode, e.TTL = 0, 0, 0
	e.Length, e.Mark, e.UID = 0, 0, 0
}

func (r *reader) fail(err error) {
	if r.err != nil {
		return
	}
	if !r.whole {
		err = parse.ErrTruncated // the last token is bad because it was cut
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
	end := strings.IndexByte(r.s[r.i:], ' ')
	r.whole = end >= 0
	if !r.whole {
		end = len(r.s) - r.i
	}
	at := r.i
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

func (r *reader) head(key, value string) {
	switch key {
	case "IN":
		if r.mark(sawIN) {
			r.e.IfaceIn = value
		}
	case "OUT":
		if r.mark(sawOUT) {
			r.e.IfaceOut = value
		}
	case "MAC":
		// 14 bytes are an Ethernet header; other links have headers that do not tell the protocol.
		r.otherEther = len(value) == 41 && !strings.HasSuffix(value, ":08:00") && !strings.HasSuffix(value, ":86:dd") &&
			!strings.HasSuffix(value, ":08:06")
	case "MACPROTO":
		r.mark(sawMACProto)
		r.otherEther = len(value) == 4 && value != "0800" && value != "86dd" && value != "0806"
	case "SRC":
		r.stage = inIP
		r.ip(key, value)
	case "HTYPE":
		r.stage = inARP
		r.arp(key, value)
	}
}

func (r *reader) arp(key, value string) {
	switch key {
	case "HTYPE":
		r.mark(sawHTYPE)
		r.arpEther = value == "1"
	case "PTYPE":
		r.mark(sawPTYPE)
		r.arpIP = value == "0x0800"
	case "OPCODE":
		r.mark(sawOPCODE)
	case "IPSRC":
		r.address(sawSRC, &r.e.Src, value, errSrc)
	case "IPDST":
		r.address(sawDST, &r.e.Dst, value, errDst)
	case "MARK":
		r.tail(key, value)
	}
}

func (r *reader) ip(key, value string) {
	switch key {
	case "SRC":
		r.address(sawSRC, &r.e.Src, value, errSrc)
		r.v6 = strings.IndexByte(value, ':') >= 0
	case "DST":
		r.address(sawDST, &r.e.Dst, value, errDst)
		r.v6 = r.v6 || strings.IndexByte(value, ':') >= 0
	case "LEN":
		r.e.Length = r.number(sawLEN, event.HasLength, value, 1<<32-1, errNumber)
	case "TOS":
		r.ulogd = len(value) == 2
		r.hex(sawTOS, 0, value)
	case "PREC":
		r.hex(sawPREC, 0, value)
	case "TC":
		r.v6 = true
		r.number(sawTOS, 0, value, 1<<32-1, errNumber)
	case "TTL", "HOPLIMIT":
		r.e.TTL = uint8(r.number(sawTTL, event.HasTTL, value, 255, errNumber))
	case "ID":
		r.number(sawID, 0, value, 1<<32-1, errNumber)
	case "FLOWLBL":
		r.number(sawFLOWLBL, 0, value, 1<<32-1, errNumber)
	case "PROTO":
		r.stage = inProto
		r.protocol(value)
	case "UID", "GID", "MARK":
		r.tail(key, value)
	}
}

func (r *reader) protocol(value string) {
	r.mark(sawPROTO)
	n, ok := protoByName(value)
	if !ok && value != "" && isDigit(value[0]) {
		v, end := number(value, 0)
		n, ok = uint8(v), end == len(value) && v <= 255
	}
	if !ok {
		r.fail(errProto)
		return
	}
	r.e.Proto = n
	r.e.Has |= event.HasProto
}

func (r *reader) proto(key, value string) {
	switch key {
	case "SPT":
		r.e.SrcPort = uint16(r.number(sawSPT, event.HasSrcPort, value, 65535, errSPT))
	case "DPT":
		r.e.DstPort = uint16(r.number(sawDPT, event.HasDstPort, value, 65535, errDPT))
	case "LEN":
		r.number(sawUDPLEN, 0, value, 1<<32-1, errNumber)
	case "WINDOW":
		r.number(sawWINDOW, 0, value, 1<<32-1, errNumber)
	case "URGP":
		r.number(sawURGP, 0, value, 1<<32-1, errNumber)
		r.stage = inTail
	case "TYPE":
		r.e.ICMPType = uint8(r.number(sawTYPE, event.HasICMPType, value, 255, errNumber))
	case "CODE":
		r.e.ICMPCode = uint8(r.number(sawCODE, event.HasICMPCode, value, 255, errNumber))
	case "ID":
		r.number(sawEchoID, 0, value, 1<<32-1, errNumber)
	case "SEQ":
		if r.saw&sawTYPE != 0 {
			r.number(sawEchoSEQ, 0, value, 1<<32-1, errNumber)
		}
	case "SPI":
		r.hex(sawSPI, 0, value)
	case "SRC", "DST", "TTL", "PROTO":
		r.ip(key, value) // belongs to the IP header, so it is there for the second time
	default:
		r.tail(key, value)
	}
}

// tail reads what can follow any packet. Unknown keys are no error: other versions and tools have more.
func (r *reader) tail(key, value string) {
	switch key {
	case "UID":
		r.e.UID = r.number(sawUID, event.HasUID, value, 1<<32-1, errNumber)
	case "GID":
		r.number(sawGID, 0, value, 1<<32-1, errNumber)
	case "MARK":
		r.e.Mark = r.hex(sawMARK, event.HasMark, value)
	}
}
