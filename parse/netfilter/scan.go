package netfilter

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

// number reads the decimal number at s[i:], of at most 32 bits, and returns the index behind it, or -1.
func number(s string, i int) (uint32, int) {
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

// hex reads the hexadecimal number at s[i:], of at most 32 bits and without 0x, and returns the index behind it, or -1.
func hex(s string, i int) (uint32, int) {
	var v uint32
	j := i
	for j < len(s) {
		d := hexValue[s[j]]
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

// hexValue is the value of a hexadecimal digit, and 255 for any other byte.
var hexValue = func() (t [256]uint8) {
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

// ip4 reads the dotted address at s[i:] and returns the index behind it, or -1. Leading zeros are refused, as netip
// does: the kernel does not write them, and some read them as octal.
func ip4(s string, i int) (uint32, int) {
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

func addr4(v uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
}

// fullIPv6 is the length of an address as the kernel writes it: eight groups of four digits.
const fullIPv6 = 39

// ip6 reads an address in the kernel's form.
func ip6(s string) (netip.Addr, bool) {
	var a [16]byte
	if len(s) != fullIPv6 {
		return netip.Addr{}, false
	}
	for g := range 8 {
		j := g * 5
		w, x, y, z := hexValue[s[j]], hexValue[s[j+1]], hexValue[s[j+2]], hexValue[s[j+3]]
		if w|x|y|z > 15 || g < 7 && s[j+4] != ':' {
			return netip.Addr{}, false
		}
		a[2*g], a[2*g+1] = w<<4|x, y<<4|z
	}
	return netip.AddrFrom16(a), true
}

// address reads s as an address, of whatever spelling, without its zone.
func address(s string) (netip.Addr, bool) {
	if v, end := ip4(s, 0); end == len(s) && s != "" {
		return addr4(v), true
	}
	if a, ok := ip6(s); ok {
		return a, true
	}
	// netip.ParseAddr allocates its errors: keep what is plainly no address away from it.
	if strings.IndexByte(s, ':') < 0 || len(s) > 64 {
		return netip.Addr{}, false
	}
	s, _, _ = strings.Cut(s, "%")
	a, err := netip.ParseAddr(s)
	return a, err == nil
}
