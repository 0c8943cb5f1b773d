package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// A Probe is what a host sends.
type Probe struct {
	Proto    int            // unix.IPPROTO_TCP, _UDP, _ICMP or _ICMPV6 (an echo request)
	From, To netip.AddrPort // ports are ignored for ICMP

	Mark      int    // packet mark; 0 is none
	UID       int    // user the socket belongs to; 0 is root
	IPOptions []byte // IPv4 options, a multiple of four bytes
	Payload   []byte // for UDP
	EchoID    uint16 // for ICMP
}

// A Socket keeps a connection, or the attempt at one, alive. The kernel repeats an unanswered SYN until it is closed.
type Socket struct{ fd int }

// Close ends the connection.
func (s *Socket) Close() error { return unix.Close(s.fd) }

// Send starts a TCP connection without waiting for its outcome, or sends one datagram or echo request.
func (h *Host) Send(p Probe) (*Socket, error) {
	var s *Socket
	err := h.Do(func() (err error) {
		if p.UID != 0 {
			// The kernel logs the file system user of the socket's maker. It is a property of this thread.
			if _, err := unix.SetfsuidRetUid(p.UID); err != nil {
				return err
			}
		}
		s, err = p.open()
		if err != nil {
			return err
		}
		if err := p.send(s.fd); err != nil {
			return errors.Join(fmt.Errorf("send to %v: %w", p.To, err), s.Close())
		}
		return nil
	})
	return s, err
}

// open makes the socket and sets it up.
func (p *Probe) open() (*Socket, error) {
	kind := unix.SOCK_STREAM
	switch p.Proto {
	case unix.IPPROTO_UDP:
		kind = unix.SOCK_DGRAM
	case unix.IPPROTO_ICMP, unix.IPPROTO_ICMPV6:
		kind = unix.SOCK_RAW
	}
	fd, err := unix.Socket(family(p.To.Addr()), kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, p.Proto)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	s := &Socket{fd}
	if err := p.set(fd); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (p *Probe) set(fd int) error {
	if p.Mark != 0 {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, p.Mark); err != nil {
			return fmt.Errorf("set the mark: %w", err)
		}
	}
	if p.IPOptions != nil {
		if err := unix.SetsockoptString(fd, unix.IPPROTO_IP, unix.IP_OPTIONS, string(p.IPOptions)); err != nil {
			return fmt.Errorf("set IP options: %w", err)
		}
	}
	from := p.From
	if p.raw() {
		from = netip.AddrPortFrom(from.Addr(), 0)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return fmt.Errorf("set SO_REUSEADDR: %w", err)
	}
	if err := unix.Bind(fd, sockaddr(from)); err != nil {
		return fmt.Errorf("bind %v: %w", from, err)
	}
	return nil
}

func (p *Probe) raw() bool { return p.Proto == unix.IPPROTO_ICMP || p.Proto == unix.IPPROTO_ICMPV6 }

// send ignores EPERM: it is how a dropped datagram shows.
func (p *Probe) send(fd int) error {
	var err error
	switch {
	case p.Proto == unix.IPPROTO_TCP:
		err = unix.Connect(fd, sockaddr(p.To))
		if errors.Is(err, unix.EINPROGRESS) {
			err = nil
		}
	case p.Proto == unix.IPPROTO_UDP:
		err = unix.Sendto(fd, p.Payload, 0, sockaddr(p.To))
	case p.raw():
		err = unix.Sendto(fd, echoRequest(p.To.Addr().Is6(), p.EchoID), 0, sockaddr(netip.AddrPortFrom(p.To.Addr(), 0)))
	}
	if errors.Is(err, unix.EPERM) {
		return nil
	}
	return err
}

// echoRequest returns an ICMP message. The kernel fills in the checksum of ICMPv6.
func echoRequest(v6 bool, id uint16) []byte {
	b := make([]byte, 8)
	b[0] = 8
	if v6 {
		b[0] = 128
	}
	binary.BigEndian.PutUint16(b[4:], id)
	binary.BigEndian.PutUint16(b[6:], 1)
	if !v6 {
		sum := uint32(b[0])<<8 + uint32(id) + 1 // the 16-bit words of the message
		sum = sum&0xffff + sum>>16
		binary.BigEndian.PutUint16(b[2:], ^uint16(sum))
	}
	return b
}

// Listen accepts TCP connections on an address of the host until the socket is closed.
func (h *Host) Listen(a netip.AddrPort) (*Socket, error) {
	var s *Socket
	err := h.Do(func() error {
		fd, err := unix.Socket(family(a.Addr()), unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
		if err != nil {
			return fmt.Errorf("socket: %w", err)
		}
		s = &Socket{fd}
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
			return errors.Join(err, s.Close())
		}
		if err := unix.Bind(fd, sockaddr(a)); err != nil {
			return errors.Join(fmt.Errorf("bind %v: %w", a, err), s.Close())
		}
		if err := unix.Listen(fd, 128); err != nil {
			return errors.Join(fmt.Errorf("listen on %v: %w", a, err), s.Close())
		}
		return nil
	})
	return s, err
}

func family(a netip.Addr) int {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}
