package nftext

import "strings"

// A Writer is who wrote a line about a packet.
type Writer uint8

// The writers. ByKernel is said of what could be netfilter's text and is surely nobody else's.
const (
	ByNobody Writer = iota
	ByKernel
	ByUlogd
	ByProxmox
	ByEbtables
)

// WriterOf tells the writers of netfilter's family apart by what they wrote, so that one line is never claimed by two of
// their formats. vs knows prefixes.
func WriterOf(body, program string, vs *Verdicts) Writer {
	if IsProxmox(body) {
		return ByProxmox
	}
	i := firstStart(body)
	if i < 0 {
		if program != kernel && withoutInterfaces(body) >= 0 {
			return ByUlogd
		}
		return ByNobody
	}
	// Most lines end here: behind the first IN= there is a source address in the kernel's spelling.
	src := strings.Index(body[i:], " SRC=")
	if src >= 0 && !isKeyOfEbtables(body[:i+src]) && (program == kernel || !ulogdAt(body[i+src+len(" SRC="):])) {
		return ByKernel
	}
	i = Start(body)
	switch rest := body[i:]; {
	case isEbtables(rest):
		return ByEbtables
	case program != kernel && SpelledByUlogd(rest) && (i > MaxPrefix || !vs.Of(body[:i]).unifi):
		return ByUlogd
	case src >= 0 || strings.Contains(rest, "MAC=") || strings.Contains(rest, "ARP HTYPE=") || strings.Contains(rest, "SRC="):
		return ByKernel
	}
	return ByNobody
}

// isKeyOfEbtables reports whether the "SRC=" behind s is "IP SRC=", "IPv6 SRC=" or "ARP MAC SRC=".
func isKeyOfEbtables(s string) bool {
	switch c := s[len(s)-1]; c {
	case 'P', '6', 'C':
		return strings.HasSuffix(s, " IP") || strings.HasSuffix(s, " IPv6") || strings.HasSuffix(s, " MAC")
	}
	return false
}

// firstStart returns the index of the first IN= that is followed by OUT=, or -1.
func firstStart(s string) int {
	for from := 0; ; {
		i := strings.Index(s[from:], "IN=")
		if i < 0 {
			return -1
		}
		i += from
		from = i + len("IN=")
		if followedByOut(s[from:]) && !strings.HasSuffix(s[:i], "PHYS") {
			return i
		}
	}
}

// StartOfUlogd returns where the packet's text begins in a line of ulogd, which may be one that has no interfaces.
func StartOfUlogd(s string) int {
	if i := Start(s); i >= 0 {
		return i
	}
	return withoutInterfaces(s)
}

// kernel is the program that syslog daemons say for what the kernel logs. ulogd writes none or its own name.
const kernel = "kernel"

// SpelledByUlogd reports whether the packet in line, behind h, is in ulogd's spelling and not UniFi's.
func (h *Head) SpelledByUlogd(line string) bool { return !h.verdict.unifi && ulogdAt(line[h.size:]) }

// SpelledByUlogd reports whether a packet, from "IN=" on, is in ulogd's spelling.
func SpelledByUlogd(s string) bool {
	i := strings.Index(s, " SRC=")
	if i >= 0 {
		return ulogdAt(s[i+len(" SRC="):])
	}
	// What ulogd did not look into: "IN=br0 OUT= MAC=… PROTO=35041 MARK=0x0".
	i = strings.Index(s, " MAC=")
	if i < 0 {
		return false
	}
	_, rest, _ := strings.Cut(s[i+1:], " ")
	return strings.HasPrefix(rest, "PROTO=") || strings.HasPrefix(rest, "UID=") || strings.HasPrefix(rest, "MARK=") ||
		strings.HasPrefix(rest, "LEN=") || strings.HasPrefix(rest, "DST=")
}

// ulogdAt reports whether s, from the source address on, is in ulogd's spelling. IPv4 is told by TOS=00 for the kernel's
// TOS=0x00.
func ulogdAt(s string) bool {
	window := s[:min(len(s), 64)]
	const tos = " TOS="
	if t := strings.IndexByte(window, 'O') - 2; t >= 0 && strings.HasPrefix(window[t:], tos) { // the first O of any line
		t += len(tos)
		return len(window) >= t+2 && HexValue[window[t]]|HexValue[window[t+1]] < 16 && (len(window) == t+2 || window[t+2] == ' ')
	}
	src, rest, ok := strings.Cut(s, " ")
	if !ok {
		return false
	}
	if strings.IndexByte(src, ':') >= 0 {
		return ulogdAt6(src, rest)
	}
	rest, ok = strings.CutPrefix(rest, "DST=")
	_, rest, _ = strings.Cut(rest, " ")
	return ok && strings.HasPrefix(rest, "PROTO=ARP")
}

// ulogdAt6 says so of IPv6. The kernel writes addresses in full, ulogd without the zeros. Where none has any, flags and
// marks must tell: the kernel always has RES= with TCP and never a mark of zero, ulogd the other way round.
func ulogdAt6(src, rest string) bool {
	if isFull(src) || strings.Contains(rest, " RES=0x") {
		return false
	}
	dst, _ := strings.CutPrefix(rest, "DST=")
	dst, rest, _ = strings.Cut(dst, " ")
	if isFull(dst) {
		return false
	}
	if len(src) != FullIPv6 || len(dst) != FullIPv6 && rest != "" {
		return true
	}
	_, mark, marked := strings.Cut(rest, " MARK=")
	return strings.Contains(rest, " PROTO=TCP SPT=") && strings.Contains(rest, " SEQ=") && strings.Contains(rest, " URGP=") ||
		marked && (!strings.HasPrefix(mark, "0x") || strings.TrimRight(mark, " ") == "0x0")
}

// isFull reports whether an IPv6 address has zeros that only the kernel writes.
func isFull(a string) bool {
	if len(a) != FullIPv6 {
		return false
	}
	for i := 0; i < FullIPv6; i += 5 {
		if a[i] == '0' {
			return true
		}
	}
	return false
}

// withoutInterfaces returns where the packet begins in a line of an ulogd that was not told to look up interfaces, or -1:
// "prefix MAC=… SRC=…".
func withoutInterfaces(s string) int {
	i := strings.Index(s, "MAC=")
	if i < 0 || i > MaxPrefix || i > 0 && s[i-1] != ' ' {
		return -1
	}
	_, rest, _ := strings.Cut(s[i:], " ")
	if !strings.HasPrefix(rest, "SRC=") || !ulogdAt(rest[len("SRC="):]) {
		return -1
	}
	return i
}

// isEbtables reports whether s, from "IN=" on, is ebtables': "IN=a OUT=b MAC source = …".
func isEbtables(s string) bool {
	i := strings.IndexByte(s, ' ')
	if i < 0 || !strings.HasPrefix(s[i:], " OUT=") {
		return false
	}
	s = s[i+1:]
	i = strings.IndexByte(s, ' ')
	return i >= 0 && strings.HasPrefix(s[i:], " MAC source = ")
}

// IsProxmox reports whether a line is of Proxmox' firewall log: "101 6 tap101i0-IN 05/Jan/2026:10:11:12 +0100 ", or an
// event of connection tracking in the same file.
func IsProxmox(s string) bool {
	if s == "" {
		return false
	}
	if isDigit(s[0]) {
		i := 1
		for i < len(s) && i < 10 && isDigit(s[i]) {
			i++
		}
		if len(s) < i+4 || s[i] != ' ' || s[i+1]-'0' > 7 || s[i+2] != ' ' {
			return false
		}
		at := s[i+3:]
		end := strings.IndexByte(at[:min(len(at), 64)], ' ')
		return end > 0 && isProxmoxTime(at[end+1:])
	}
	return s[0] == '[' && IsConntrack(s) || s[0] == ' ' && IsConntrack(strings.TrimLeft(s, " "))
}

// isProxmoxTime reports whether s begins with "05/Jan/2026:10:11:12 ", whatever its digits are.
func isProxmoxTime(s string) bool {
	return len(s) > 20 && s[2] == '/' && s[6] == '/' && s[11] == ':' && s[14] == ':' && s[17] == ':' && s[20] == ' ' && isDigit(s[0])
}

// IsConntrack reports whether s is an event of connection tracking as libnetfilter_conntrack writes it: "[NEW] ipv4     2
// tcp      6 120 SYN_SENT src=… dst=…".
func IsConntrack(s string) bool {
	rest, ok := strings.CutPrefix(s, "[NEW] ")
	if !ok {
		rest, ok = strings.CutPrefix(s, "[UPDATE] ")
	}
	if !ok {
		rest, ok = strings.CutPrefix(s, "[DESTROY] ")
	}
	if !ok || strings.Contains(s, "IN=") {
		return false
	}
	name, rest, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
	number, _, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
	return name != "" && allDigits(number) && strings.Contains(rest, " src=")
}

// TrimStamp removes blanks and a kernel stamp, "[  123.456789] " or "[123.456789][  T42] ", that the layers before
// have left at the head of a body. Digits in brackets alone can be a prefix, so a stamp must have six decimals.
func TrimStamp(s string) string {
	for s != "" && s[0] == ' ' {
		s = s[1:]
	}
	if len(s) < 2 || s[0] != '[' || s[1] != ' ' && !isDigit(s[1]) {
		return s
	}
	end := strings.IndexByte(s, ']')
	if end < 0 {
		return s
	}
	sec, frac, ok := strings.Cut(s[1:end], ".")
	if !ok || len(frac) != 6 || !allDigits(frac) || !allDigits(strings.TrimLeft(sec, " ")) {
		return s
	}
	s = s[end+1:]
	if caller := strings.IndexByte(s, ']'); caller > 1 && s[0] == '[' {
		id := strings.TrimLeft(s[1:caller], " ")
		if len(id) > 1 && (id[0] == 'T' || id[0] == 'C') && allDigits(id[1:]) {
			s = s[caller+1:]
		}
	}
	return strings.TrimLeft(s, " ")
}
