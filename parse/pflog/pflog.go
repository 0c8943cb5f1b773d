// Package pflog reads what pf's logging interface captures: files of pcap and pcapng, whose records are a header that tells
// the rule and the verdict, and the packet itself. A container turns each record into a line of text; the format reads
// such lines. It never guesses: what the bytes do not hold stays absent, and the entry says so.
//
// A line is "pflog", the time in seconds since 1970, the link type, the byte order of the host that captured (le or be), the
// length of the record before it was cut, and the record's bytes in hexadecimal digits:
//
//	pflog 1767604272.345678 117 le 104 3d020100656e3000…
//
// "-" stands for a time that the file does not tell, and for no bytes.
//
// Sources: sys/net/if_pflog.h of OpenBSD and FreeBSD, pflog.h of libpcap, print-pflog.c of tcpdump, packet-pflog.c of
// Wireshark.
package pflog

import (
	"errors"
	"strings"

	"mailstop/event"
	"mailstop/internal/pf"
	"mailstop/parse"
)

// Kind returns the format.
func Kind() parse.Kind {
	return parse.Kind{
		Format: event.PFLog,
		Anchor: "a pcap or pcapng file of link type 117 (PFLOG)",
		New:    newParser,
		Doc:    doc,
	}
}

func newParser() parse.Parser { return &parser{names: names{}} }

// What can be wrong with a record, apart from parse.ErrTruncated.
var (
	errLine    = errors.New("not a line of a pflog record")
	errHex     = errors.New("bytes of the record are not hexadecimal")
	errHeader  = errors.New("length of the pflog header is not one of pf's")
	errAction  = errors.New("action is not one of pf's")
	errDir     = errors.New("direction is not one of pf's")
	errVersion = errors.New("the packet is neither IPv4 nor IPv6")
	errIP      = errors.New("IP header is damaged")
	errCut     = errors.New("the packet is cut before its ports or types")
)

const (
	noteOther = "record of another link type"

	prefix = "pflog "

	linkPFLog = 117 // LINKTYPE_PFLOG
	linkOld   = 17  // DLT_OLD_PFLOG of OpenBSD before 3.4

	// maxRecord is how many bytes of a record are read: the IP header, its extensions and the ports come first.
	maxRecord = 1024
)

type parser struct {
	names names
	bytes [maxRecord]byte
}

// Match looks for the head of a line: nothing but this package's container writes it.
func (*parser) Match(body string, _ *parse.Record) bool {
	if !strings.HasPrefix(body, prefix) {
		return false
	}
	_, ok := readLine(body)
	return ok
}

// A line is a record as text.
type line struct {
	seconds, fraction string // no seconds: the time is not known
	link              uint32
	big               bool   // the host's byte order is big endian
	length            uint32 // before the capture cut it
	hex               string
}

func readLine(s string) (line, bool) {
	var l line
	time, s, ok := strings.Cut(s[len(prefix):], " ")
	if !ok {
		return l, false
	}
	if time != "-" {
		l.seconds, l.fraction, _ = strings.Cut(time, ".")
		if !digits(l.seconds) || l.fraction != "" && !digits(l.fraction) {
			return l, false
		}
	}
	link, s, ok := strings.Cut(s, " ")
	if !ok {
		return l, false
	}
	if l.link, ok = pf.Number(link); !ok {
		return l, false
	}
	order, s, ok := strings.Cut(s, " ")
	if !ok || order != "le" && order != "be" {
		return l, false
	}
	l.big = order == "be"
	length, hex, ok := strings.Cut(s, " ")
	if !ok {
		return l, false
	}
	l.length, ok = pf.Number(length)
	l.hex = hex
	return l, ok
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i]-'0' > 9 {
			return false
		}
	}
	return s != ""
}

// Parse reads one line.
func (p *parser) Parse(body string, r *parse.Record) error {
	if !strings.HasPrefix(body, prefix) {
		return errLine
	}
	l, ok := readLine(body)
	if !ok {
		return errLine
	}
	setTime(&l, r)
	if l.link != linkPFLog && l.link != linkOld {
		r.Note = noteOther
		return nil
	}
	b, ok := p.decode(l.hex)
	if !ok {
		return errHex
	}
	if l.link == linkOld {
		return p.old(b, r.Entry)
	}
	return p.record(b, l.big, r.Entry)
}

// setTime makes the record's time that of r, unless it is beyond what a clock takes.
func setTime(l *line, r *parse.Record) {
	const latest = "9199999999" // in the year 2261
	if l.seconds == "" || len(l.seconds) > len(latest) || len(l.seconds) == len(latest) && l.seconds > latest {
		return
	}
	ns := int64(0)
	for i := range len(l.seconds) {
		ns = ns*10 + int64(l.seconds[i]-'0')
	}
	n := min(len(l.fraction), 9)
	for i := range 9 {
		ns *= 10
		if i < n {
			ns += int64(l.fraction[i] - '0')
		}
	}
	r.SetInstant(ns, uint8(n))
}

// decode reads the record's first bytes.
func (p *parser) decode(hex string) ([]byte, bool) {
	if hex == "-" {
		return nil, true
	}
	if len(hex)%2 != 0 {
		hex = hex[:len(hex)-1] // a line that was cut
	}
	n := min(len(hex)/2, maxRecord)
	for i := range n {
		high, low := hexValue[hex[2*i]], hexValue[hex[2*i+1]]
		if high|low > 15 {
			return nil, false
		}
		p.bytes[i] = high<<4 | low
	}
	return p.bytes[:n], true
}

var hexValue = func() (t [256]uint8) {
	for i := range t {
		t[i] = 255
	}
	for i := range 10 {
		t['0'+i] = uint8(i)
	}
	for i := range 6 {
		t['a'+i], t['A'+i] = uint8(10+i), uint8(10+i)
	}
	return t
}()
