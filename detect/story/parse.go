package story

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"mailstop/event"
)

// Start is when stories begin.
var Start = time.Date(2026, 1, 5, 10, 2, 0, 0, time.UTC)

// ours is the sender of what goes out, unless a line names one.
var ours = netip.MustParseAddr("192.0.2.10")

// Parse reads a story.
func Parse(text string) (*Story, error) {
	s := &Story{}
	var lines []timed
	nextPort := uint16(40000)
	for i, raw := range strings.Split(text, "\n") {
		words, err := split(raw)
		if err == nil && len(words) > 0 {
			switch words[0] {
			case "site":
				err = s.site(words[1:])
			case "at":
				lines, err = appendEntries(lines, words[1:], &nextPort)
			case "expect":
				err = s.expects(words[1:], i+1, strings.TrimSpace(raw))
			default:
				err = fmt.Errorf("unknown word %q", words[0])
			}
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	slices.SortStableFunc(lines, func(a, b timed) int { return int(a.written - b.written) })
	for i := range lines {
		e := &lines[i].Entry
		e.Line, e.Pos, e.Source = int64(i+1), int64(i)*200, "/var/log/story.log"
		e.Raw = raw(e)
		s.Entries = append(s.Entries, *e)
	}
	if len(s.expect) == 0 && !s.silence && !s.onlyInfo {
		return nil, errors.New("nothing is expected")
	}
	return s, nil
}

// timed is an entry and when it was written, which may not be what its clock says.
type timed struct {
	event.Entry
	written time.Duration
}

// split cuts a line into words at blanks outside quotes, and drops the quotes and comments.
func split(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord, quoted := false, false
	for _, r := range line {
		switch {
		case r == '"':
			quoted, inWord = !quoted, true
		case r == '#' && !inWord:
			return words, nil
		case (r == ' ' || r == '\t') && !quoted:
			if inWord {
				words = append(words, word.String())
			}
			word.Reset()
			inWord = false
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if quoted {
		return nil, errors.New("quote is not closed")
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}

func (s *Story) site(words []string) error {
	for _, w := range words {
		k, v, _ := strings.Cut(w, "=")
		for _, one := range strings.Split(v, ",") {
			var err error
			switch k {
			case "servers":
				var a netip.Addr
				a, err = netip.ParseAddr(one)
				s.Site.Servers = append(s.Site.Servers, a)
			case "networks":
				var p netip.Prefix
				p, err = netip.ParsePrefix(one)
				s.Site.Networks = append(s.Site.Networks, p)
			case "ports":
				var p uint64
				p, err = strconv.ParseUint(one, 10, 16)
				s.Site.Ports = append(s.Site.Ports, uint16(p))
			default:
				err = fmt.Errorf("unknown setting %q", k)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// appendEntries reads "0s drop out web-1 → 52.98.1.1:587 ×20 …".
func appendEntries(lines []timed, words []string, nextPort *uint16) ([]timed, error) {
	arrow := slices.Index(words, "→")
	if arrow < 4 || arrow > 5 || arrow+1 >= len(words) {
		return nil, errors.New("want: at TIME ACTION DIRECTION HOST [SENDER] → RECEIVER[:PORT]")
	}
	l := entryLine{sender: ours, times: 1, sources: 1, dests: 1, flags: event.SYN}
	l.e = event.Entry{
		Host: words[3], Format: event.Netfilter, Verdict: event.VerdictPrefix, TimeQuality: event.TimeExact,
		Has: event.HasProto | event.HasTCPFlags | event.HasPorts, Proto: event.TCP, Count: 1,
	}
	var err error
	var ok [2]bool
	l.at, err = time.ParseDuration(words[0])
	l.e.Action, ok[0] = event.ParseAction(words[1])
	l.e.Direction, ok[1] = event.ParseDirection(words[2])
	if err != nil || !ok[0] || !ok[1] {
		return nil, fmt.Errorf("time, action or direction: %q", words[:3])
	}
	if l.e.Direction != event.Out {
		l.e.IfaceIn = "eth0"
	}
	if l.e.Direction != event.In {
		l.e.IfaceOut = "eth1"
	}
	if arrow == 5 {
		if l.sender, l.port, err = endpoint(words[4]); err != nil {
			return nil, err
		}
	}
	var port uint16
	if l.receiver, port, err = endpoint(words[arrow+1]); err != nil {
		return nil, err
	}
	l.ports = []target{{port, event.TCP}}
	rest := words[arrow+2:]
	for i := 0; i < len(rest); i++ {
		w := rest[i]
		if w == "every" && i+1 < len(rest) {
			i++
			w = "every=" + rest[i]
		}
		if err := l.option(w); err != nil {
			return nil, fmt.Errorf("%s: %w", w, err)
		}
	}
	return l.append(lines, nextPort), nil
}

// entryLine is one line of a story that stands for entries.
type entryLine struct {
	e                     event.Entry
	at, every             time.Duration
	sender, receiver      netip.Addr
	port                  uint16 // the sender's; 0: a new one for each attempt
	ports                 []target
	times, sources, dests int
	retry                 int
	flags                 event.TCPFlags
	clock                 time.Time
}

type target struct {
	port  uint16
	proto uint8
}

func (l *entryLine) option(w string) (err error) {
	if n, ok := strings.CutPrefix(w, "×"); ok {
		l.times, err = strconv.Atoi(strings.ReplaceAll(n, ",", ""))
		return err
	}
	k, v, _ := strings.Cut(w, "=")
	switch k {
	case "every":
		l.every, err = time.ParseDuration(v)
	case "retry":
		l.retry, err = strconv.Atoi(v)
	case "rule":
		l.e.Rule = v
	case "ruleset":
		l.e.Ruleset = v
	case "sources":
		l.sources, err = strconv.Atoi(v)
	case "dests":
		l.dests, err = strconv.Atoi(v)
	case "ports":
		l.ports, err = targets(v)
	case "sport":
		l.port, err = port(v)
	case "proto":
		n, ok := event.ProtoNumber(v)
		if !ok {
			return errors.New("unknown protocol")
		}
		l.ports[0].proto = n
	case "flags":
		return l.setFlags(v)
	case "in":
		l.e.IfaceIn = v
	case "out":
		l.e.IfaceOut = v
	case "count":
		var n int
		n, err = strconv.Atoi(v)
		l.e.Count = uint32(n)
	case "clock":
		l.clock, err = time.Parse(time.RFC3339, v)
	case "time":
		l.e.TimeQuality = event.TimeNone
	case "error":
		l.e.Error = v
	default:
		return errors.New("unknown option")
	}
	return err
}

func (l *entryLine) setFlags(v string) error {
	l.flags = 0
	if v == "none" {
		l.e.Has &^= event.HasTCPFlags
		return nil
	}
	for _, n := range strings.Split(v, "+") {
		i := slices.Index((event.FIN | event.SYN | event.RST | event.PSH | event.ACK | event.URG).Names(nil), n)
		if i < 0 {
			return errors.New("unknown flag")
		}
		l.flags |= [...]event.TCPFlags{event.SYN, event.ACK, event.FIN, event.RST, event.PSH, event.URG}[i]
	}
	return nil
}

func (l *entryLine) append(lines []timed, nextPort *uint16) []timed {
	for i := range l.times {
		e := l.e
		e.Src, e.Dst = plus(l.sender, i%l.sources), plus(l.receiver, i%l.dests)
		t := l.ports[i%len(l.ports)]
		e.DstPort, e.Proto, e.SrcPort = t.port, t.proto, l.port
		if e.Proto == event.TCP {
			e.TCPFlags = l.flags
		} else {
			e.Has &^= event.HasTCPFlags
		}
		if e.Proto != event.TCP && e.Proto != event.UDP {
			e.Has &^= event.HasPorts
		}
		// Answers choose the receiver's port anew, everything else the sender's.
		own := &e.SrcPort
		if e.DstPort == 0 {
			own = &e.DstPort
		}
		if *own == 0 {
			*own = *nextPort
			if *nextPort++; *nextPort > 60000 {
				*nextPort = 40000
			}
		}
		at := l.at + time.Duration(i)*l.every
		for k := range l.retry + 1 {
			// Linux sends SYN again after 1, 3, 7, 15, … seconds.
			again := time.Duration(1<<k-1) * time.Second
			when := Start.Add(at + again)
			if !l.clock.IsZero() {
				when = l.clock.Add(time.Duration(i)*l.every + again)
			}
			e.Time = when.UnixNano()
			lines = append(lines, timed{e, at + again})
		}
	}
	return lines
}

// plus returns the address n after a.
func plus(a netip.Addr, n int) netip.Addr {
	if a.Is4() {
		b := a.As4()
		v := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
		v += uint32(n)
		return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
	}
	for range n {
		a = a.Next()
	}
	return a
}

// endpoint reads "52.98.1.1:587", "[2001:db8::1]:25", or an address alone.
func endpoint(s string) (netip.Addr, uint16, error) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr(), ap.Port(), nil
	}
	a, err := netip.ParseAddr(s)
	return a, 0, err
}

func port(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err
}

// targets reads "53/udp,80,443".
func targets(s string) ([]target, error) {
	var out []target
	for _, one := range strings.Split(s, ",") {
		p, proto, udp := strings.Cut(one, "/")
		t := target{proto: event.TCP}
		if udp {
			t.proto, _ = event.ProtoNumber(proto)
		}
		var err error
		if t.port, err = port(p); err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// raw writes what the kernel would have logged.
func raw(e *event.Entry) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s kernel: %s IN=%s OUT=%s SRC=%s DST=%s PROTO=%s SPT=%d DPT=%d", e.When().Format(time.Stamp), e.Host, e.Rule,
		e.IfaceIn, e.IfaceOut, e.Src, e.Dst, strings.ToUpper(event.ProtoName(e.Proto)), e.SrcPort, e.DstPort)
	for _, n := range e.TCPFlags.Names(nil) {
		b.WriteString(" " + n)
	}
	return b.String()
}
