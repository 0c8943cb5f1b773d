package nftext

import (
	"strings"

	"mailstop/event"
)

// word reads a token without an equals sign.
func (r *reader) word(w string) {
	switch w {
	case "TRUNCATED":
		if r.dialect == Ulogd {
			r.incomplete()
		} else {
			r.ended = true
		}
		return
	case "INCOMPLETE":
		r.incomplete()
		return
	case "OPT", ")":
		return
	}
	if r.stage < inProto {
		if r.headerWord(w) {
			return
		}
	} else {
		if f := FlagByName(w); f != 0 && (r.e.Proto == event.TCP || !r.e.Is(event.HasProto)) {
			r.flags |= f
			return
		}
		if w == "AE" { // accurate ECN took over a reserved bit, which the flag byte does not have
			return
		}
	}
	r.fail(errWord)
	r.badWord = true
}

// headerWord reads a word that stands before the protocol. False means that w is none.
func (r *reader) headerWord(w string) bool {
	switch r.stage {
	case inHead:
		return w == "ARP"
	case inARP: // of ulogd and Proxmox
		return w == "REQUEST" || w == "REPLY" || w == "NAK"
	case inIP:
	default:
		return false
	}
	switch {
	case w == "CE", w == "DF", w == "MF", w == "AH":
	case w == "ESP": // of IPv6, where it ends the line
		r.e.Proto = esp
		r.e.Has |= event.HasProto
		r.saw |= sawPROTO
	case w == "Unknown": // "Unknown Ext Hdr n" ends the line
		r.ended = true
	case strings.HasPrefix(w, "FRAG:"):
		w = w[len("FRAG:"):]
		if w == "" && r.dialect == Ulogd {
			w = r.argument()
		}
		n, end := Number(w, 0)
		if end != len(w) {
			r.fail(errNumber)
		}
		r.fragment = r.fragment || n > 0
	case strings.HasPrefix(w, "ID:"):
		if w == "ID:" && r.dialect == Ulogd {
			r.argument()
		}
	default:
		return false
	}
	return true
}

// argument returns the token behind a word that ends in a colon and a blank.
func (r *reader) argument() string {
	rest := strings.TrimPrefix(r.s[r.i:], " ")
	from := len(r.s) - len(rest)
	token, _, whole := strings.Cut(rest, " ")
	r.i, r.whole = from+len(token), whole
	return token
}

// FlagByName returns the TCP flag that is written so, or 0.
func FlagByName(w string) event.TCPFlags {
	switch w {
	case "SYN":
		return event.SYN
	case "ACK":
		return event.ACK
	case "RST":
		return event.RST
	case "FIN":
		return event.FIN
	case "PSH":
		return event.PSH
	case "URG":
		return event.URG
	case "ECE":
		return event.ECE
	case "CWR":
		return event.CWR
	}
	return 0
}

// incomplete reads "INCOMPLETE [n bytes]": the packet was too short for the header that should come here. In the
// fragment header of IPv6 the bare word means that more fragments follow. ulogd goes on behind it.
func (r *reader) incomplete() {
	switch {
	case r.stage == inIP:
	case r.dialect == Ulogd:
		r.damaged, r.stage = true, inTail
	default:
		r.ended = true
	}
}

// inner skips the packet inside an ICMP error, which never says anything of the outer one.
func (r *reader) inner(at int) {
	depth := 0
	for i := at; i < len(r.s); i++ {
		switch r.s[i] {
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				r.i = i + 1
				r.whole = true
				if r.stage != inProto {
					r.fail(errWord)
				}
				r.mark(sawInner)
				return
			}
		}
	}
	r.i = len(r.s)
	r.whole = false
	r.fail(ErrTruncated)
}

// options skips the hexadecimal text of IP or TCP options, or the bracket before the extension headers of IPv6.
func (r *reader) options(at int) {
	if r.s[at:r.i] == "(" {
		return
	}
	end := strings.IndexByte(r.s[at:r.i], ')')
	if end < 0 {
		r.fail(errWord)
		return
	}
	r.i = at + end + 1
}

// protoByName returns the number of a protocol that netfilter, ulogd or Proxmox write by name.
func protoByName(s string) (uint8, bool) {
	switch s {
	case "TCP":
		return event.TCP, true
	case "UDP":
		return event.UDP, true
	case "ICMP":
		return event.ICMP, true
	case "ICMPv6", "ICMPV6":
		return event.ICMPv6, true
	case "UDPLITE":
		return udplite, true
	case "ESP":
		return esp, true
	case "AH":
		return ah, true
	case "IGMP":
		return 2, true
	case "SCTP":
		return sctp, true
	case "DCCP":
		return 33, true
	}
	return 0, false
}

const (
	esp     = 50
	ah      = 51
	sctp    = 132
	udplite = 136
)
