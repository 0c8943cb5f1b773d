package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"mailstop/internal/lab"
)

// An attempt is one connection, and the moment of the story at which it is made.
type attempt struct {
	at    time.Time
	outer bool // the host outside makes it
	hold  time.Duration
	probe lab.Probe
}

// How long the one who connects waits before it gives up: a scanner moves on, a mail program asks again.
const (
	brief   = 300 * time.Millisecond
	patient = 3300 * time.Millisecond
)

const spread = 90 * time.Second // how far chance moves a connection

// A story collects attempts, and then the lines that they caused.
type story struct {
	host   string
	booted time.Time
	long   bool // RFC 3339 headers, as rsyslog writes them on new systems, instead of "Jan  5 10:11:12"

	random   *rand.Rand
	port     uint16
	attempts []attempt
	lines    []line
}

type line struct {
	at   time.Time
	text string
}

// newStory returns a story with its own, repeatable, source of chance.
func newStory(host string, booted time.Time) *story {
	return &story{host: host, booted: booted, random: rand.New(rand.NewPCG(uint64(len(host)), 1)), port: 40000}
}

// add schedules one TCP connection, a little after at. Its source port tells it from all others.
func (s *story) add(at time.Time, outer bool, hold time.Duration, from, to string) {
	s.port += uint16(1 + s.random.IntN(20))
	at = at.Add(time.Duration(s.random.Int64N(int64(90 * time.Second)))).Truncate(time.Microsecond)
	s.attempts = append(s.attempts, attempt{at, outer, hold, lab.Probe{
		Proto: unix.IPPROTO_TCP,
		From:  netip.AddrPortFrom(netip.MustParseAddr(from), s.port), To: netip.MustParseAddrPort(to),
	}})
}

// every schedules connections at a regular pace, to each address in turn.
func (s *story) every(from, until time.Time, pace time.Duration, outer bool, hold time.Duration, src string, dst ...string) {
	for i := 0; from.Add(spread + patient).Before(until); i++ {
		s.add(from, outer, hold, src, dst[i%len(dst)])
		from = from.Add(pace)
	}
}

// run makes the connections of one part of the story, those of a kind all at once, and keeps what the kernel logged of
// each. Its lines keep their distance from the connection's first line.
func (s *story) run(l *lab.Lab) error {
	for _, hold := range []time.Duration{brief, patient} {
		var open []*lab.Socket
		for _, a := range s.attempts {
			if a.hold != hold {
				continue
			}
			from := l.Inner
			if a.outer {
				from = l.Outer
			}
			socket, err := from.Send(a.probe)
			if err != nil {
				return err
			}
			open = append(open, socket)
		}
		time.Sleep(hold)
		for _, socket := range open {
			if err := socket.Close(); err != nil {
				return err
			}
		}
	}
	return s.collect(l)
}

var ports = regexp.MustCompile(`PROTO=TCP SPT=(\d+) DPT=(\d+) `)

func (s *story) collect(l *lab.Lab) error {
	byPort := map[string]attempt{}
	for _, a := range s.attempts {
		byPort[strconv.Itoa(int(a.probe.From.Port()))] = a
	}
	s.attempts = nil
	logged, err := l.KernelLog("PROTO=TCP ", 1)
	if err != nil {
		return err
	}
	first := map[string]time.Duration{}
	for _, k := range logged {
		m := ports.FindStringSubmatch(k.Text)
		if m == nil {
			continue
		}
		for _, p := range m[1:] {
			a, ours := byPort[p]
			if !ours {
				continue
			}
			if _, seen := first[p]; !seen {
				first[p] = k.Uptime
			}
			s.lines = append(s.lines, line{a.at.Add(k.Uptime - first[p]), k.Text})
		}
	}
	return nil
}

// split cuts the story in two at a moment.
func (s *story) split(at time.Time) (before, after *story) {
	b, a := *s, *s
	b.lines, a.lines = nil, nil
	for _, l := range s.lines {
		if l.at.Before(at) {
			b.lines = append(b.lines, l)
		} else {
			a.lines = append(a.lines, l)
		}
	}
	return &b, &a
}

// render puts the lines in order and a syslog header before each.
func (s *story) render() []byte {
	slices.SortStableFunc(s.lines, func(a, b line) int { return a.at.Compare(b.at) })
	layout := time.Stamp
	if s.long {
		layout = "2006-01-02T15:04:05.000000-07:00"
	}
	var b bytes.Buffer
	for _, l := range s.lines {
		up := l.at.Sub(s.booted)
		fmt.Fprintf(&b, "%s %s kernel: [%5d.%06d] %s\n", l.at.Format(layout), s.host,
			up/time.Second, up%time.Second/time.Microsecond, l.text)
	}
	return b.Bytes()
}
