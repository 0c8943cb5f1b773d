package main

import (
	"errors"
	"net/netip"
	"os"
	"time"

	"mailstop/internal/lab"
)

// Where web-1 hands in its mail: addresses of the published range of Microsoft 365. No packet reaches them; in the
// laboratory they belong to the other host.
var submission = []string{"52.98.168.178:587", "52.98.179.226:587", "40.99.201.242:587", "[2603:1026:c0b:10::2]:587"}

const (
	webAddr  = "192.0.2.10"
	webAddr6 = "2001:db8::10"
)

// recordWeb tells of a web server that sends its mail through a provider, until its administrator denies outgoing
// traffic by default at 08:12 and forgets submission.
func recordWeb() (s *story, err error) {
	l, err := lab.Open()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	etc, err := os.MkdirTemp("", "mailstop-record-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(etc)) }()
	if _, err := l.Inner.Run("cp", "-a", "/etc/ufw", "/etc/default", etc); err != nil {
		return nil, err
	}
	if err := world(l, append(submission, "203.0.113.80:443", "203.0.113.81:443", "[2001:db8:443::80]:443")...); err != nil {
		return nil, err
	}
	for _, a := range []string{"198.51.100.66", "198.51.100.131", "203.0.113.199", "203.0.113.7"} {
		if err := l.Outer.AddAddr(netip.MustParseAddr(a)); err != nil {
			return nil, err
		}
	}
	s = newStory("web-1", time.Date(2025, time.December, 14, 3, 11, 7, 204_118_000, time.UTC))
	change := firstDay.AddDate(0, 0, 1).Add(8*time.Hour + 12*time.Minute)
	if err := ufw(l.Inner, etc, `ufw logging high; ufw default deny incoming; ufw default allow outgoing
		ufw allow 22/tcp; ufw allow 80/tcp; ufw allow 443/tcp; ufw --force enable`); err != nil {
		return nil, err
	}
	s.webDay(firstDay, change)
	if err := s.run(l); err != nil {
		return nil, err
	}
	if err := ufw(l.Inner, etc, `ufw default deny outgoing; ufw allow out 53; ufw allow out log 443/tcp`); err != nil {
		return nil, err
	}
	s.webDay(change, firstDay.AddDate(0, 0, 2))
	return s, s.run(l)
}

// webDay schedules what web-1 does, and what is done to it, whatever its rules are.
func (s *story) webDay(from, until time.Time) {
	for hour := from; hour.Before(until); hour = hour.Add(time.Hour) {
		if h := hour.Hour(); h >= 7 && h < 18 { // office hours
			end := hour.Add(time.Hour)
			if end.After(until) {
				end = until
			}
			s.every(hour, end, 16*time.Minute, false, patient, webAddr, submission[:3]...)
		}
	}
	s.every(from.Add(20*time.Minute), until, 4*time.Hour, false, patient, webAddr6, submission[3])
	s.every(from.Add(5*time.Minute), until, 90*time.Minute, false, brief, webAddr, "203.0.113.80:443", "203.0.113.81:443")
	s.every(from.Add(9*time.Minute), until, 5*time.Hour, false, brief, webAddr6, "[2001:db8:443::80]:443")
	// Scanners. Nothing listens on port 25 here.
	s.every(from.Add(31*time.Minute), until, 3*time.Hour, true, brief, "198.51.100.66",
		webAddr+":25", webAddr+":465", webAddr+":25", webAddr+":587")
	s.every(from.Add(44*time.Minute), until, 2*time.Hour, true, brief, "198.51.100.131",
		webAddr+":23", webAddr+":3389", webAddr+":5900", webAddr+":8080")
	s.every(from.Add(50*time.Minute), until, 7*time.Hour, true, brief, "203.0.113.199", webAddr+":25")
	s.every(from.Add(58*time.Minute), until, 6*time.Hour, true, brief, "203.0.113.7", webAddr+":443")
}

// ufw runs commands of ufw on the host, over a copy of its configuration: the machine's own stays as it is. The mounts
// end with the command.
func ufw(h *lab.Host, etc, commands string) error {
	_, err := h.Run("sh", "-ec", `mount --bind "$0"/ufw /etc/ufw; mount --bind "$0"/default /etc/default
		mount -t tmpfs tmpfs /run; `+commands, etc)
	return err
}

// world gives the other host addresses, with a server listening on each.
func world(l *lab.Lab, servers ...string) error {
	for _, s := range servers {
		a := netip.MustParseAddrPort(s)
		if err := l.Outer.AddAddr(a.Addr()); err != nil {
			return err
		}
		if _, err := l.Outer.Listen(a); err != nil { // open until the program ends
			return err
		}
	}
	return nil
}
