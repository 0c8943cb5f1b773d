package nftext

import (
	"math"
	"net/netip"
	"strings"
)

func isDigit(c byte) bool { return c-'0' <= 9 }

func allDigits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}

// Number reads the decimal number at s[i:], of at most 32 bits, and returns the index behind it, or -1.
func Number(s string, i int) (uint32, int) {
	var v uint64
	j := i
	for j < len(s) {
		d := s[j] - '0'
		if d > 9 {
			break
		}
		v = v*10 + uint64(d)
		j++
	}
	if j == i || j-i > 10 || v > math.MaxUint32 {
		return 0, -1
	}
	return uint32(v), j
}

// Hex reads the hexadecimal number at s[i:], of at most 32 bits and without 0x, and returns the index behind it, or -1.
func Hex(s string, i int) (uint32, int) {
	var v uint32
	j := i
	for j < len(s) {
		d := HexValue[s[j]]
		if d > 15 {
			break
		}
		v = v<<4 | uint32(d)
		j++
	}
	if j == i || j-i > 8 {
		return 0, -1
	}
	return v, j
}

// HexValue is the value of a hexadecimal digit, and 255 for any other byte.
var HexValue = func() (t [256]uint8) {
	for i := range t {
		t[i] = 255
	}
	for i := range 10 {
		t['0'+i] = uint8(i)
	}
	for i := range 6 {
		t['a'+i] = uint8(10 + i)
		t['A'+i] = uint8(10 + i)
	}
	return t
}()

// IP4 reads the dotted address at s[i:] and returns the index behind it, or -1. Leading zeros are refused, as netip
// does: the kernel does not write them, and some read them as octal.
func IP4(s string, i int) (uint32, int) {
	var addr uint32
	for n := 0; ; n++ {
		if i >= len(s) {
			return 0, -1
		}
		v := uint32(s[i] - '0')
		if v > 9 {
			return 0, -1
		}
		i++
		if i < len(s) && isDigit(s[i]) {
			if v == 0 {
				return 0, -1
			}
			v = v*10 + uint32(s[i]-'0')
			i++
			if i < len(s) && isDigit(s[i]) {
				v = v*10 + uint32(s[i]-'0')
				i++
				if v > 255 {
					return 0, -1
				}
			}
		}
		addr = addr<<8 | v
		if n == 3 {
			return addr, i
		}
		if i >= len(s) || s[i] != '.' {
			return 0, -1
		}
		i++
	}
}

// Addr4 returns the address that IP4 has read.
func Addr4(v uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
}

// FullIPv6 is the length of an address as the kernel writes it: eight groups of four digits.
const FullIPv6 = 39

// IP6 reads an address in the kernel's form.
func IP6(s string) (netip.Addr, bool) {
	var a [16]byte
	if len(s) != FullIPv6 {
		return netip.Addr{}, false
	}
	for g := range 8 {
		j := g * 5
		w, x, y, z := HexValue[s[j]], HexValue[s[j+1]], HexValue[s[j+2]], HexValue[s[j+3]]
		if w|x|y|z > 15 || g < 7 && s[j+4] != ':' {
			return netip.Addr{}, false
		}
		a[2*g], a[2*g+1] = w<<4|x, y<<4|z
	}
	addr := netip.AddrFrom16(a)
	if a[10]&a[11] == 0xff {
		addr = addr.Unmap()
	}
	return addr, true
}

// short6 reads an address as inet_ntop writes it, without zeros and without an IPv4 part: "2001:db8::25".
func short6(s string) (netip.Addr, bool) {
	var a [16]byte
	if len(s) < 2 || s[0] == ':' && s[1] != ':' {
		return netip.Addr{}, false
	}
	n, gap, i := 0, -1, 0
	for i < len(s) && n < 16 {
		if s[i] == ':' { // the second of two, or the first of a leading pair
			if gap >= 0 {
				return netip.Addr{}, false
			}
			gap = n
			if i++; n == 0 {
				if i++; i > len(s) {
					return netip.Addr{}, false
				}
			}
			continue
		}
		v, end := Hex(s[:min(len(s), i+5)], i)
		if end < 0 || end-i > 4 {
			return netip.Addr{}, false
		}
		a[n], a[n+1] = byte(v>>8), byte(v)
		n += 2
		if i = end; i == len(s) {
			break
		}
		if s[i] != ':' {
			return netip.Addr{}, false
		}
		if i++; i == len(s) { // a single colon cannot be last
			return netip.Addr{}, false
		}
	}
	if i != len(s) || (n == 16) == (gap >= 0) {
		return netip.Addr{}, false
	}
	if gap >= 0 {
		copy(a[16-(n-gap):], a[gap:n])
		clear(a[gap : 16-(n-gap)])
	}
	return netip.AddrFrom16(a).Unmap(), true
}

// Address reads s as an address, of whatever spelling, without its zone. IPv4 in IPv6 becomes IPv4.
func Address(s string) (netip.Addr, bool) {
	if v, end := IP4(s, 0); end == len(s) && s != "" {
		return Addr4(v), true
	}
	if a, ok := IP6(s); ok {
		return a, true
	}
	if a, ok := short6(s); ok {
		return a, true
	}
	// netip.ParseAddr allocates its errors: keep what is plainly no address away from it.
	if strings.IndexByte(s, ':') < 0 || len(s) > 64 {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(s)
	return a.WithZone("").Unmap(), err == nil
}

// AddressAt reads the address that s[i:] begins with, up to a blank, and returns the index behind it.
func AddressAt(s string, i int) (netip.Addr, int, bool) {
	end := strings.IndexByte(s[i:min(len(s), i+64)], ' ')
	if end < 0 {
		return netip.Addr{}, -1, false
	}
	a, ok := Address(s[i : i+end])
	return a, i + end, ok
}
