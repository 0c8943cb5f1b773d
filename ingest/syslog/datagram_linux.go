package syslog

import (
	"encoding/binary"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// atOnce is how many datagrams one system call takes.
const atOnce = 64

// A receiver takes several datagrams at once.
type receiver struct {
	raw      syscall.RawConn
	headers  [atOnce]mmsghdr
	vectors  [atOnce]unix.Iovec
	names    [atOnce]unix.RawSockaddrInet6 // the longer of the two
	buffers  [atOnce][]byte
	senders  [atOnce][64]byte
	received int
}

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	header unix.Msghdr
	length uint32
}

func newReceiver(raw syscall.RawConn, size int) *receiver {
	r := &receiver{raw: raw}
	all := make([]byte, atOnce*size) // a page of it costs memory once a datagram has reached it
	for i := range r.headers {
		r.buffers[i] = all[i*size : (i+1)*size : (i+1)*size]
		r.vectors[i].Base = &r.buffers[i][0]
		r.vectors[i].SetLen(size)
		h := &r.headers[i].header
		h.Iov = &r.vectors[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&r.names[i]))
	}
	return r
}

// receive waits for at least one datagram.
func (r *receiver) receive() error {
	r.received = 0
	for i := range r.headers {
		r.headers[i].header.Namelen = unix.SizeofSockaddrInet6
	}
	var errno syscall.Errno
	err := r.raw.Read(func(fd uintptr) bool {
		for {
			var n uintptr
			n, _, errno = unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&r.headers[0])), atOnce, unix.MSG_DONTWAIT, 0, 0)
			switch errno {
			case 0:
				r.received = int(n)
			case unix.EINTR:
				continue
			case unix.EAGAIN:
				return false
			}
			return true
		}
	})
	if err == nil && errno != 0 {
		err = errno
	}
	return err
}

func (r *receiver) count() int { return r.received }

// message returns the i-th datagram and who sent it. Both are valid until the next receive.
func (r *receiver) message(i int) (data, sender []byte) {
	data = r.buffers[i][:r.headers[i].length]
	if r.headers[i].header.Namelen == 0 {
		return data, nil
	}
	var ip netip.Addr
	switch name := &r.names[i]; name.Family {
	case unix.AF_INET:
		ip = netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(name)).Addr)
	case unix.AF_INET6:
		ip = netip.AddrFrom16(name.Addr).Unmap()
	default:
		return data, nil
	}
	return data, ip.AppendTo(r.senders[i][:0])
}

// receiveBuffer sets the size of a socket's receive buffer beyond what is allowed to everyone, if this process may.
func receiveBuffer(raw syscall.RawConn, size int) error {
	var err error
	if e := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, size)
	}); e != nil {
		return e
	}
	return err
}

// socketDrops returns how many datagrams the kernel dropped at a socket: what /proc/net/udp shows as drops, as the
// field SK_MEMINFO_DROPS of SO_MEMINFO (linux/sock_diag.h).
func socketDrops(raw syscall.RawConn) int64 {
	const drops = 8
	var info [(drops + 1) * 4]byte
	size := uint32(len(info))
	var errno syscall.Errno
	err := raw.Control(func(fd uintptr) {
		_, _, errno = unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_MEMINFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	})
	if err != nil || errno != 0 || int(size) < len(info) {
		return 0
	}
	return int64(binary.NativeEndian.Uint32(info[drops*4:]))
}
