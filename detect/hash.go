package detect

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// The hash is fixed, not seeded: the same log must give the same findings. Whoever makes keys collide only evicts
// his own neighbours from tables that are bounded anyway.
const (
	k0 = 0xa0761d6478bd642f
	k1 = 0xe7037ed1a0b428db
	k2 = 0x8ebc6af09c88c6e3
)

// mum folds the 128-bit product of a and b, as wyhash does.
func mum(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// hashString hashes s.
func hashString(s string) uint64 {
	h := uint64(len(s)) ^ k0
	for ; len(s) >= 8; s = s[8:] {
		h = mum(h^le64(s), k1)
	}
	var tail uint64
	for i := range len(s) {
		tail = tail<<8 | uint64(s[i])
	}
	return mum(h^tail, k2)
}

func le64(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// hashAddr hashes a, starting from h.
func hashAddr(h uint64, a netip.Addr) uint64 {
	b := a.As16()
	return mum(binary.LittleEndian.Uint64(b[:8])^h^k0, binary.LittleEndian.Uint64(b[8:])^k1)
}

// HashAddr hashes an address of a host's log; no result is 0.
func HashAddr(host string, a netip.Addr) uint64 { return hashAddr(hashString(host), a) | 1 }

// A hostHash remembers the last host's hash: neighbouring lines are mostly of one host. The name is copied into its own
// bytes, not cloned: where hosts alternate, that would be an allocation per line.
type hostHash struct {
	host []byte
	hash uint64
}

func (c *hostHash) of(host string) uint64 {
	if host != string(c.host) || c.hash == 0 {
		c.host = append(c.host[:0], host...)
		c.hash = hashString(host) | 1
	}
	return c.hash
}
