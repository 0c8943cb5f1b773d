package nftext

import (
	"strings"

	"mailstop/event"
)

// generators know the prefixes that programs write. Each gets the prefix without blanks around it and whether its end
// may be cut off; it returns true if the prefix is its own, and then says in v all that the prefix tells.
var generators = [...]func(p string, cut bool, v *Verdict) bool{
	ufw, trace, conntrack, shorewall, shorewallPair, bracketed, firewalld, openwrt, suse, csf,
}

// ufw: src/backend_iptables.py. BLOCK is written for drop and for reject alike. AUDIT is written before the decision.
func ufw(p string, _ bool, v *Verdict) bool {
	i := strings.Index(p, "[UFW ")
	if i < 0 {
		return false
	}
	word, _, ok := strings.Cut(p[i+len("[UFW "):], "]")
	if !ok {
		return false
	}
	switch word {
	case "BLOCK":
		v.Action = event.Deny
	case "LIMIT BLOCK":
		v.Action = event.Reject
	case "ALLOW":
		v.Action = event.Allow
	case "AUDIT", "AUDIT INVALID":
		v.Action = event.Observe
	default:
		return false // some other tool's: its words tell
	}
	v.Rule = p[i : i+len("[UFW ")+len(word)+1]
	return true
}

// trace: "TRACE: table:chain:rule:n" for each rule that a packet meets. No single line is a verdict.
func trace(p string, _ bool, v *Verdict) bool {
	at, ok := strings.CutPrefix(p, "TRACE: ")
	if !ok {
		return false
	}
	v.Action = event.Observe
	v.Rule = at
	if parts := strings.SplitN(at, ":", 3); len(parts) == 3 {
		v.Ruleset = at[:len(parts[0])+1+len(parts[1])]
	}
	return true
}

// conntrack: nf_conntrack_log_invalid. The packet is invalid; what becomes of it is another rule's matter.
func conntrack(p string, _ bool, v *Verdict) bool {
	if !strings.HasPrefix(p, "nf_ct_") {
		return false
	}
	v.Action = event.Observe
	name, reason, _ := strings.Cut(p, ":")
	v.Rule, v.Reason = name, strings.TrimRight(strings.TrimLeft(reason, " "), ": ")
	return true
}

// shorewallWords: shorewall.conf(5). Other dispositions are chain names (smurfs, logflags), whose outcome is configured.
var shorewallWords = []disposition{
	{"ACCEPT", event.Allow},
	{"DROP", event.Drop},
	{"REJECT", event.Reject},
	{"DNAT", event.Allow},
	{"REDIRECT", event.Allow},
	{"LOG", event.Observe},
	{"CONTINUE", event.Observe},
	{"QUEUE", event.Observe},
	{"NFQUEUE", event.Observe},
	{"NONAT", event.Observe},
	{"SAME", event.Observe},
	{"A_ACCEPT", event.Allow},
	{"A_DROP", event.Drop},
	{"A_REJECT", event.Reject},
}

// shorewall: LOGFORMAT="Shorewall:%s:%s:", or "Shorewall:%s:%d:%s:" with rule numbers.
func shorewall(p string, cut bool, v *Verdict) bool {
	i := strings.Index(p, "Shorewall:")
	if i < 0 {
		return false
	}
	rest := strings.TrimSuffix(p[i+len("Shorewall:"):], ":")
	chain, word, ok := strings.Cut(rest, ":")
	v.Rule = p[i : i+len("Shorewall:")+len(rest)]
	v.Ruleset = chain
	if !ok {
		return true
	}
	if number, after, ok := strings.Cut(word, ":"); ok && allDigits(number) {
		v.Rule, word = number, after
	}
	v.Action, ok = disposed(shorewallWords, word, cut && !strings.HasSuffix(p, ":"))
	if !ok && !cut {
		v.Action = wordVerdict(word)
	}
	return true
}

// shorewallPair: LOGFORMAT="%s %s ", as in the newer sample configurations: "net-fw DROP", with a rule number between.
func shorewallPair(p string, cut bool, v *Verdict) bool {
	chain, word, ok := strings.Cut(p, " ")
	if !ok || !isZonePair(chain) {
		return false
	}
	rule := ""
	if number, after, ok := strings.Cut(word, " "); ok && allDigits(number) {
		rule, word = number, after
	}
	action, ok := disposed(shorewallWords, word, cut)
	if !ok {
		return false
	}
	v.Action, v.Ruleset = action, chain
	if rule != "" {
		v.Rule = rule
	}
	return true
}

// isZonePair reports whether s is "net-fw" or "net2fw": lower-case zones of a firewall.
func isZonePair(s string) bool {
	joined := false
	for i := range len(s) {
		switch c := s[i]; {
		case c == '-' || c == '2':
			joined = joined || i > 0 && i < len(s)-1
		case c >= 'a' && c <= 'z', c == '_', isDigit(c):
		default:
			return false
		}
	}
	return joined
}

// bracketed: "[WAN_IN-default-D]" of EdgeOS, older UniFi and VyOS, where the last letter is the verdict; rule sets
// contain hyphens, so the last two divide. VyOS 1.4 also writes "[ipv4-NAME-default]" without a letter. UniFi OS
// turns the last two around and adds the rule's name: [WAN_LOCAL-D-10005] DESCR="Block all".
func bracketed(p string, _ bool, v *Verdict) bool {
	inside, descr, described := strings.Cut(p, ` DESCR="`)
	if !strings.HasSuffix(inside, "]") {
		return false
	}
	inside = inside[strings.LastIndexByte(inside, '[')+1 : len(inside)-1]
	last := strings.LastIndexByte(inside, '-')
	if last < 1 {
		return false
	}
	end := inside[last+1:]
	vyos := strings.HasPrefix(inside, "ipv4-") || strings.HasPrefix(inside, "ipv6-")
	if isRuleNumber(end) && vyos && !described {
		v.Ruleset, v.Rule, v.unifi = inside[:last], end, true
		return true
	}
	mid := strings.LastIndexByte(inside[:last], '-')
	if mid < 1 {
		return false
	}
	middle := inside[mid+1 : last]
	if isRuleNumber(middle) && len(end) == 1 && !described {
		action, ok := letter(end)
		if !ok && !vyos {
			return false
		}
		v.Ruleset, v.Rule, v.Action, v.unifi = inside[:mid], middle, action, true
		return true
	}
	if !allDigits(end) {
		return false
	}
	action, ok := letter(middle)
	if !ok && !described {
		return false
	}
	v.Ruleset, v.Rule, v.Action, v.unifi = inside[:mid], end, action, true
	v.Reason = strings.TrimSuffix(descr, `"`)
	return true
}

func isRuleNumber(s string) bool { return s == "default" || allDigits(s) }

// letter returns the action of VyOS' and UniFi's abbreviations; the others (RET, DNAT, C, J, …) decide nothing.
func letter(s string) (event.Action, bool) {
	switch s {
	case "A":
		return event.Allow, true
	case "D":
		return event.Drop, true
	case "R":
		return event.Reject, true
	case "RET", "DNAT", "SNAT", "MASQ":
		return event.Observe, true
	}
	return event.Observe, false
}

var firewalldWords = []disposition{
	{"REJECT", event.Reject},
	{"DROP", event.Drop},
	{"ICMP_BLOCK", event.Deny},
}

// firewalld: LogDenied in src/firewall/core/nftables.py and ipXtables.py. "filter_IN_public_REJECT: ", without filter_
// in the iptables backend, where it is also cut at 29 bytes.
func firewalld(p string, cut bool, v *Verdict) bool {
	name := strings.TrimSuffix(p, ":")
	cut = cut && name == p
	name, filter := strings.CutPrefix(name, "filter_")
	switch name {
	case "FINAL_REJECT", "RFC3964_IPv4_REJECT":
		v.Action = event.Reject
		return true
	case "FINAL_DROP", "STATE_INVALID_DROP", "rpfilter_DROP":
		v.Action = event.Drop
		return true
	}
	zone, isChain := name, false
	for _, chain := range [...]string{"IN_", "FWD_", "FWDI_", "FWDO_", "OUT_"} {
		if rest, ok := strings.CutPrefix(name, chain); ok {
			zone, isChain = rest, true
			break
		}
	}
	if !isChain && !filter {
		return false
	}
	for i := len(zone) - 1; i > 0; i-- {
		if zone[i] != '_' {
			continue
		}
		if action, ok := disposed(firewalldWords, zone[i+1:], cut); ok {
			v.Action, v.Ruleset = action, zone[:i]
			return true
		}
	}
	return false
}

var openwrtWords = []disposition{
	{"reject", event.Reject},
	{"drop", event.Drop},
	{"accept", event.Allow},
	{"mssfix", event.Observe},
}

// openwrt: firewall4's "reject wan in: " and "drop wan invalid ct state: ", firewall3's "REJECT wan in: " and before
// that "REJECT(src wan)". The name of a logged rule stands alone and is left to its words.
func openwrt(p string, _ bool, v *Verdict) bool {
	if word, side, ok := strings.Cut(p, "("); ok {
		zone, isSide := strings.CutPrefix(side, "src ")
		if !isSide {
			zone, isSide = strings.CutPrefix(side, "dest ")
		}
		action, known := disposed(openwrtWords, strings.ToLower(word), false)
		if !isSide || !known || !strings.HasSuffix(zone, ")") {
			return false
		}
		v.Action, v.Ruleset = action, zone[:len(zone)-1]
		return true
	}
	word, rest, ok := strings.Cut(p, " ")
	if !ok {
		return false
	}
	zone, where, ok := strings.Cut(rest, " ")
	if !ok {
		return false
	}
	switch where {
	case "in:", "out:", "forward:", "invalid ct state:":
	default:
		return false
	}
	action, ok := disposed(openwrtWords, strings.ToLower(word), false)
	if !ok {
		return false
	}
	v.Action, v.Ruleset = action, zone
	return true
}

var suseWords = []disposition{
	{"ACC", event.Allow},
	{"ACCEPT", event.Allow},
	{"DROP", event.Drop},
	{"REJ", event.Reject},
	{"REJECT", event.Reject},
}

// suse: SuSEfirewall2's "SFW2-INext-DROP-DEFLT".
func suse(p string, _ bool, v *Verdict) bool {
	rest, ok := strings.CutPrefix(p, "SFW2-")
	if !ok {
		return false
	}
	chain, rest, _ := strings.Cut(rest, "-")
	word, _, _ := strings.Cut(rest, "-")
	v.Ruleset = chain
	v.Action, _ = disposed(suseWords, word, false)
	return true
}

// csf: ConfigServer firewall's "Firewall: *TCP_IN Blocked*".
func csf(p string, _ bool, v *Verdict) bool {
	rest, ok := strings.CutPrefix(p, "Firewall: *")
	if !ok || !strings.HasSuffix(rest, "*") {
		return false
	}
	rest = rest[:len(rest)-1]
	if chain, word, ok := strings.Cut(rest, " "); ok && word == "Blocked" {
		v.Ruleset = chain
	}
	v.Action = wordVerdict(rest)
	return true
}
