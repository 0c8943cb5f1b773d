package filterlog

import (
	"strings"

	"mailstop/event"
	"mailstop/internal/pf"
	"mailstop/parse"
)

// icmp reads what both programs write of ICMP: pfSense words, "request,5113,6664", OPNsense the type and the code.
func (r *reader) icmp(rest string) {
	if strings.HasPrefix(rest, dataLength) {
		r.keywords(&icmpTypes, &icmpCodes)
		return
	}
	end := comma(rest, 0)
	if end < 0 {
		r.icmpName(rest)
		return
	}
	word, text := rest[:end], strings.TrimLeft(rest[end+1:], " ")
	typ, code, known := icmpWord(word)
	if !known {
		r.fail(errICMP)
		return
	}
	r.e.ICMPType = typ
	r.e.Has |= event.HasICMPType
	if code >= 0 {
		r.e.ICMPCode = uint8(code)
		r.e.Has |= event.HasICMPCode
		return
	}
	switch word {
	case "unreach", "redirect", "timexceed", "paramprob":
		// The message's length is glued to the text's end. A text without it may be cut and mean something else.
		if text, ok := r.unglue(text); ok {
			pf.SetICMP(r.e, text)
		}
	}
}

// icmpName reads the messages of which there is only the name, with the length glued to it.
func (r *reader) icmpName(text string) {
	if strings.HasPrefix(text, "type-??") || pf.SetICMP(r.e, text) {
		return
	}
	r.fail(parse.ErrTruncated)
}

// icmpWord returns the type that a word of pfSense stands for, and the code if it is in the word.
func icmpWord(word string) (typ uint8, code int, ok bool) {
	switch word {
	case "request":
		return 8, -1, true
	case "reply":
		return 0, -1, true
	case "unreachproto":
		return 3, 2, true
	case "unreachport":
		return 3, 3, true
	case "needfrag":
		return 3, 4, true
	case "unreach":
		return 3, -1, true
	case "redirect":
		return 5, -1, true
	case "timexceed":
		return 11, -1, true
	case "paramprob":
		return 12, -1, true
	case "tstamp":
		return 13, -1, true
	case "tstampreply":
		return 14, -1, true
	case "maskreply":
		return 18, -1, true
	}
	if strings.HasPrefix(word, "routeradv") { // the lifetime is glued to it
		return 9, -1, true
	}
	return 0, 0, false
}

// unglue takes the length of the ICMP message off the end of text: what IP's length says but for a header without
// options. False means that another number, or none, is there.
func (r *reader) unglue(text string) (string, bool) {
	const header = 20 // bytes
	if !r.e.Is(event.HasLength) || r.e.Length < header {
		return text, false
	}
	left := r.e.Length - header
	for {
		if text == "" || text[len(text)-1] != byte('0'+left%10) {
			return text, false
		}
		text = text[:len(text)-1]
		if left /= 10; left == 0 {
			return text, true
		}
	}
}

// keywords reads OPNsense's "datalength=64,echoreq,0,5113,66,". Older versions end behind the length.
func (r *reader) keywords(types *[256]string, codes *[]codeWord) {
	if comma(r.s, r.i) < 0 {
		return
	}
	r.skip(1)
	if strings.HasPrefix(r.s[r.i:], "truncated-icmp=") {
		r.fail(errDamaged)
		return
	}
	word, ok := r.next()
	if !ok {
		return
	}
	typ, ok := typeOf(types, word)
	if !ok {
		r.fail(errICMP)
		return
	}
	r.e.ICMPType = typ
	r.e.Has |= event.HasICMPType
	if word, ok = r.next(); !ok {
		return
	}
	code, ok := codeOf(*codes, typ, word)
	if !ok {
		r.fail(errICMP)
		return
	}
	r.e.ICMPCode = code
	r.e.Has |= event.HasICMPCode
}

// typeOf reads a keyword of pf.conf's icmp-type, or "unknown(200)".
func typeOf(types *[256]string, word string) (uint8, bool) {
	if rest, ok := strings.CutPrefix(word, "unknown("); ok {
		v, ok := pf.Number(strings.TrimSuffix(rest, ")"))
		return uint8(v), ok && v <= 255
	}
	if word == "" {
		return 0, false
	}
	for typ, name := range types {
		if name == word {
			return uint8(typ), true
		}
	}
	return 0, false
}

// codeOf reads a keyword of pf.conf's icmp-code, or a number.
func codeOf(codes []codeWord, typ uint8, word string) (uint8, bool) {
	if v, ok := pf.Number(word); ok {
		return uint8(v), v <= 255
	}
	for _, c := range codes {
		if c.typ == typ && c.word == word {
			return c.code, true
		}
	}
	return 0, false
}

type codeWord struct {
	typ, code uint8
	word      string
}

// The keywords are those of print-icmp.c of opnsense/ports.
var (
	icmpTypes = [256]string{
		0: "echorep", 3: "unreach", 4: "squench", 5: "redir", 6: "althost", 8: "echoreq", 9: "routeradv", 10: "routersol",
		11: "timex", 12: "paramprob", 13: "timereq", 14: "timerep", 15: "inforeq", 16: "inforep", 17: "maskreq",
		18: "maskrep", 30: "trace", 31: "dataconv", 32: "mobredir", 33: "ipv6-where", 34: "ipv6-here", 35: "mobregreq",
		36: "mobregrep", 39: "skip", 40: "photuris",
	}
	icmpCodes = []codeWord{
		{3, 0, "net-unr"},
		{3, 1, "host-unr"},
		{3, 2, "proto-unr"},
		{3, 3, "port-unr"},
		{3, 4, "needfrag"},
		{3, 5, "srcfail"},
		{3, 6, "net-unk"},
		{3, 7, "host-unk"},
		{3, 8, "isolate"},
		{3, 9, "net-prohib"},
		{3, 10, "host-prohib"},
		{3, 11, "net-tos"},
		{3, 12, "host-tos"},
		{3, 13, "filter-prohib"},
		{3, 14, "host-preced"},
		{3, 15, "cutoff-preced"},
		{5, 0, "redir-net"},
		{5, 1, "redir-host"},
		{5, 2, "redir-tos-net"},
		{5, 3, "redir-tos-host"},
		{9, 0, "normal-adv"},
		{9, 16, "common-adv"},
		{11, 0, "transit"},
		{11, 1, "reassemb"},
		{12, 0, "badhead"},
		{12, 1, "optmiss"},
		{12, 2, "badlen"},
		{40, 1, "unknown-ind"},
		{40, 2, "auth-fail"},
		{40, 3, "decrypt-fail"},
	}
	icmp6Types = [256]string{
		1: "unreach", 2: "toobig", 3: "timex", 4: "paramprob", 128: "echoreq", 129: "echorep", 130: "listqry", 131: "listenrep",
		132: "listendone", 133: "routersol", 134: "routeradv", 135: "neighbrsol", 136: "neighbradv", 137: "redir",
		138: "routrrenum", 139: "niqry", 140: "nirep", 143: "listenrepv2", 200: "mtraceresp", 201: "mtrace",
	}
	icmp6Codes = []codeWord{
		{1, 0, "noroute-unr"},
		{1, 1, "admin-unr"},
		{1, 2, "beyond-unr"},
		{1, 3, "addr-unr"},
		{1, 4, "port-unr"},
		{3, 0, "transit"},
		{3, 1, "reassemb"},
		{4, 0, "badhead"},
		{4, 1, "nxthdr"},
		{137, 0, "redironlink"},
		{137, 1, "redirrouter"},
	}
)
