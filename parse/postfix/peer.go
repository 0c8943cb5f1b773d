package postfix

import (
	"net/netip"
	"strings"

	"mailstop/internal/mailtext"
)

// A peer is a host as Postfix writes it: "mx.example.com[192.0.2.1]:25".
type peer struct {
	name string
	ip   netip.Addr
	port uint16 // 0 if it is not written
	size int    // bytes of the text
}

// readPeer reads the peer that s starts with: a name or none, an address in brackets, and a port or none.
func readPeer(s string) (peer, bool) {
	i := 0
	for i < len(s) && isPeerByte[s[i]] {
		i++
	}
	if i == len(s) || s[i] != '[' || i > 0 && s[i-1] == ':' && !strings.HasSuffix(s[:i], "::") {
		return peer{}, false
	}
	p := peer{name: hostName(s[:i])}
	end := strings.IndexByte(s[i:], ']')
	if end < 0 {
		return peer{}, false
	}
	if p.ip = mailtext.Addr(s[i+1 : i+end]); !p.ip.IsValid() {
		return peer{}, false
	}
	p.size = i + end + 1
	if rest := s[p.size:]; rest != "" && rest[0] == ':' {
		if port, n := decimal(rest[1:]); n > 0 && port <= 0xffff {
			p.port = uint16(port)
			p.size += 1 + n
		}
	}
	return p, true
}

// setPeer makes p the other side of an outgoing connection.
func (l *line) setPeer(p peer) {
	l.RemoteHost, l.RemoteIP = p.name, p.ip
	l.RemotePort, l.PortAssumed = p.port, p.port == 0
	if p.port == 0 {
		l.RemotePort = l.port
	}
}

// hostName returns a name, but not "unknown", which stands for none.
func hostName(s string) string {
	if s == "unknown" {
		return ""
	}
	return s
}

// isHostByte holds the bytes of host names, isPeerByte those of IPv6 addresses, too, which can stand for a name.
var isHostByte, isPeerByte = nameBytes("-._"), nameBytes("-._:")

func nameBytes(punctuation string) (t [256]bool) {
	for c := range 256 {
		b := byte(c)
		t[c] = b-'0' <= 9 || b|0x20-'a' <= 25 || b >= 0x80
	}
	for _, c := range []byte(punctuation) {
		t[c] = true
	}
	return t
}
