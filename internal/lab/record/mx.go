package main

import (
	"errors"
	"net/netip"
	"time"

	"mailstop/internal/lab"
)

// The servers that mx-1 delivers to.
var exchangers = []string{
	"203.0.113.21:25", "203.0.113.22:25", "198.51.100.35:25", "203.0.113.140:25", "198.51.100.90:25", "203.0.113.77:25",
}

const (
	mxAddr      = "192.0.2.25"
	mxAddr6     = "2001:db8::25"
	exchanger6  = "[2001:db8:25::19]:25"
	senderAddr  = "203.0.113.21"
	scannerAddr = "198.51.100.66"
)

// The rule set of mx-1. Where %s stands, the administrator removes the rule that lets answers in.
const (
	mxRules = `flush ruleset
table inet filter {
	chain input {
		type filter hook input priority 0; policy drop;
		iif lo accept
`
	mxState = `		ct state established,related accept
`
	mxRest = `		meta l4proto { icmp, ipv6-icmp } accept
		udp sport 53 accept
		tcp dport { 25, 587 } tcp flags & (fin | syn | rst | ack) == syn log prefix "mx-in accept: "
		tcp dport { 22, 25, 587 } accept
		log prefix "mx-in drop: "
	}
	chain output {
		type filter hook output priority 0; policy accept;
		tcp dport 25 tcp flags & (fin | syn | rst | ack) == syn log prefix "mx-out accept: "
	}
}
`
)

// recordMX tells of a mail server whose administrator removes, at 14:10, the rule that lets the answers to its own
// connections in. Incoming mail goes on; outgoing mail does not get past the first answer.
func recordMX() (s *story, err error) {
	l, err := lab.Open()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	for _, a := range []string{mxAddr, mxAddr6} {
		if err := l.Inner.AddAddr(netip.MustParseAddr(a)); err != nil {
			return nil, err
		}
	}
	if err := world(l, append(exchangers, exchanger6)...); err != nil {
		return nil, err
	}
	if err := l.Outer.AddAddr(netip.MustParseAddr(scannerAddr)); err != nil {
		return nil, err
	}
	server, err := l.Inner.Listen(netip.MustParseAddrPort(mxAddr + ":25"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.Close()) }()

	s = newStory("mx-1", time.Date(2025, time.November, 2, 19, 40, 2, 881_004_000, time.UTC))
	s.long = true
	morning := firstDay.AddDate(0, 0, 1)
	change := morning.Add(14*time.Hour + 10*time.Minute)
	if err := l.Inner.NFT(mxRules + mxState + mxRest); err != nil {
		return nil, err
	}
	s.mxDay(morning, change)
	if err := s.run(l); err != nil {
		return nil, err
	}
	if err := l.Inner.NFT(mxRules + mxRest); err != nil {
		return nil, err
	}
	s.mxDay(change, morning.AddDate(0, 0, 1))
	return s, s.run(l)
}

func (s *story) mxDay(from, until time.Time) {
	s.every(from.Add(4*time.Minute), until, 25*time.Minute, false, patient, mxAddr, exchangers...)
	s.every(from.Add(12*time.Minute), until, 3*time.Hour, false, patient, mxAddr6, exchanger6)
	s.every(from.Add(10*time.Minute), until, 45*time.Minute, true, brief, senderAddr, mxAddr+":25")
	s.every(from.Add(31*time.Minute), until, 2*time.Hour, true, brief, scannerAddr,
		mxAddr+":25", mxAddr+":465", mxAddr+":143", mxAddr+":993", mxAddr+":110", mxAddr+":3306")
}
