package nftext

import "strings"

// unglue returns the first of two tokens that ulogd or Proxmox wrote without a blank between them, and steps back to the
// second: "INCOMPLETEMARK=0x0", "TRUNCATEDUID=0"; "LEN=52mark=5", "SEGMENTS=1PROTO=TCP".
func (r *reader) unglue(token string) string {
	n := len(token)
	switch r.dialect {
	case Ulogd:
		for _, w := range [...]string{"INCOMPLETE", "TRUNCATED"} {
			if strings.HasPrefix(token, w) {
				n = len(w)
			}
		}
	case Proxmox:
		if strings.HasPrefix(token, "LEN=") || strings.HasPrefix(token, "SEGMENTS=") {
			n = strings.IndexByte(token, '=') + 1
			for n < len(token) && isDigit(token[n]) {
				n++
			}
			if n < len(token) && !isLetter(token[n]) {
				n = len(token)
			}
		}
	}
	if n < len(token) {
		r.i -= len(token) - n
		r.whole = true
	}
	return token[:n]
}

// proxmoxFragment reads "FRAG=n": of IPv4 in units of eight bytes, of IPv6 in bytes with the flags of the field in the
// last three bits. Behind the offset, the logger takes payload for headers.
func (r *reader) proxmoxFragment(value string) {
	n, end := Number(value, 0)
	if end != len(value) {
		r.fail(errNumber)
	}
	if r.v6 {
		n &^= 7
	}
	r.fragment = r.fragment || n > 0
}
