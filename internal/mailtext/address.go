package mailtext

import "strings"

// Domain returns the domain of an address in lower case, without a final dot: what follows the last '@'. Angle brackets may
// be around the address. It allocates only if the domain has capital letters, and returns "" if there is none.
func Domain(addr string) string { return strings.ToLower(domain(addr)) }

// Domain is the function Domain, with the arena's memory.
func (a *Arena) Domain(addr string) string { return a.Lower(domain(addr)) }

func domain(addr string) string {
	i := strings.LastIndexByte(addr, '@')
	if i < 0 {
		return ""
	}
	addr = strings.TrimSuffix(strings.TrimSuffix(addr[i+1:], ">"), ".")
	for i := range len(addr) {
		if c := addr[i]; c <= ' ' || c == '"' { // cut within a quoted local part
			return ""
		}
	}
	return addr
}
