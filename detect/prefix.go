package detect

import (
	"strings"
	"unicode"

	"mailstop/event"
	"mailstop/internal/fix"
)

// A Platform is what wrote a firewall's rules, as far as the log prefix gives it away.
type Platform string

// The platforms. Own is a prefix that the administrator wrote: iptables or nftables, which the line does not tell.
const (
	Own       Platform = ""
	UFW       Platform = "ufw"
	Firewalld Platform = "firewalld"
	VyOS      Platform = "vyos" // also EdgeOS and UniFi
	Shorewall Platform = "shorewall"
	OpenWrt   Platform = "openwrt"
)

// A Prefix is what a rule's name or log prefix says.
type Prefix struct {
	Platform Platform
	Default  bool   // it is what the platform writes for its default policy
	Sure     bool   // no other rule can carry this prefix
	Numbered bool   // it names one rule among numbered ones
	Limit    bool   // it limits a rate
	BanList  bool   // it names a list of banned addresses: what it stops is meant to be stopped
	NamesIt  bool   // the administrator's words name mail, or a mail port
	Zone     string // firewalld's zone
}

// ReadPrefix reads a rule's prefix, and the chain or zone pair that goes with it (formats.md §1.8 lists the
// generators' grammars).
func ReadPrefix(rule, ruleset string) Prefix {
	text := strings.Trim(rule, " []:")
	lower := strings.ToLower(text)
	p := Prefix{BanList: hasWord(lower, banWords)}
	switch {
	case strings.HasPrefix(text, "UFW "):
		p.Platform = UFW
		p.Limit = strings.HasPrefix(text, "UFW LIMIT")
		// A rule with "log" carries the same prefix as the policy.
		p.Default = text == "UFW BLOCK"
	case firewalldPrefix(text):
		p.Platform, p.Default = Firewalld, true
		p.Sure = strings.HasSuffix(text, "FINAL_REJECT") || strings.HasSuffix(text, "FINAL_DROP")
		p.Zone = firewalldZone(text)
	case strings.HasPrefix(text, "Shorewall:"):
		parts := strings.Split(text, ":")
		p.Platform = Shorewall
		p.Numbered = len(parts) > 3 && isNumber(parts[2])
		p.Default = !p.Numbered
	case openWrtPrefix(lower):
		p.Platform, p.Default, p.Sure = OpenWrt, true, true
	default:
		p.vyos(text, rule, ruleset)
		if p.Platform == Own {
			p.NamesIt = hasWord(lower, mailWords)
			p.Default = hasWord(lower, defaultWords)
		}
	}
	return p
}

var (
	banWords = []string{
		"ban", "banned", "bans", "fail2ban", "f2b", "crowdsec", "blacklist", "blacklisted", "blocklist", "blocklisted",
		"denylist", "spamhaus", "dshield", "abuse", "geoip", "geo", "geoblock", "country", "psad", "portscan", "scan",
		"scanner", "bogon", "bogons", "firehol", "ipset", "tor", "badip", "badips", "flood", "limit", "ratelimit",
	}
	mailWords = []string{
		"mail", "email", "smtp", "smtps", "submission", "mta", "spam", "mailblock", "25", "465", "587", "2525",
		"postfix", "exim", "sendmail", "exchange",
	}
	defaultWords = []string{"default", "policy", "final", "last", "catchall", "rest", "fallthrough"}
)

// hasWord reports whether one of the words stands in lower, bounded by what is neither letter nor digit. Port numbers
// also count where they follow letters: "no25", "out587".
func hasWord(lower string, words []string) bool {
	fields := strings.FieldsFunc(lower, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for _, f := range fields {
		number := strings.TrimLeftFunc(f, unicode.IsLetter)
		for _, w := range words {
			if f == w || number == w {
				return true
			}
			if len(w) == 4 && (w == "mail" || w == "smtp") && strings.Contains(f, w) {
				return true
			}
		}
	}
	return false
}

// firewalldPrefix recognises what firewalld writes for zones and policies (nftables.py, ipXtables.py). What its nftables
// backend writes starts with "filter_"; without that, a zone in capitals or none at all is somebody's own IN_DROP.
func firewalldPrefix(s string) bool {
	if s == "FINAL_REJECT" || s == "FINAL_DROP" {
		return true
	}
	s, sure := strings.CutPrefix(s, "filter_")
	name, ok := strings.CutSuffix(s, "_REJECT")
	if !ok {
		if name, ok = strings.CutSuffix(s, "_DROP"); !ok {
			return false
		}
	}
	if zone, ok := strings.CutPrefix(name, "policy_"); ok {
		return zone != ""
	}
	chain, zone, _ := strings.Cut(name, "_")
	switch chain {
	case "IN", "FWD", "FWDI", "FWDO":
		return zone != "" && (sure || zone != strings.ToUpper(zone))
	}
	return sure && name != ""
}

// firewalldZone returns the zone in "filter_IN_public_REJECT", or "".
func firewalldZone(s string) string {
	s = strings.TrimPrefix(s, "filter_")
	rest, ok := strings.CutPrefix(s, "IN_")
	if i := strings.LastIndexByte(rest, '_'); ok && i > 0 && !strings.HasPrefix(rest, "policy_") {
		return rest[:i]
	}
	return ""
}

// openWrtPrefix recognises "reject wan out" and the like: verdict, zone, hook (zone-verdict.uc).
func openWrtPrefix(lower string) bool {
	f := strings.Fields(lower)
	return len(f) == 3 && (f[0] == "reject" || f[0] == "drop") && (f[2] == "in" || f[2] == "out" || f[2] == "forward")
}

// vyos recognises "[WAN_OUT-default-D]" and "[ipv4-FWD-filter-10-R]", whole or as rule and rule set apart.
func (p *Prefix) vyos(text, rule, ruleset string) {
	if ruleset != "" && (rule == "default" || isNumber(rule)) {
		p.Platform, p.Default, p.Sure, p.Numbered = VyOS, rule == "default", true, rule != "default"
		return
	}
	parts := strings.Split(text, "-")
	if len(parts) < 3 || !strings.HasPrefix(rule, "[") {
		return
	}
	number, letter := parts[len(parts)-2], parts[len(parts)-1]
	if len(letter) > 1 && len(number) == 1 { // UniFi OS writes the letter before the number
		number, letter = letter, number
	}
	if len(letter) != 1 || !strings.Contains("ADR", letter) || number != "default" && !isNumber(number) {
		return
	}
	p.Platform, p.Default, p.Sure, p.Numbered = VyOS, number == "default", true, number != "default"
}

func isNumber(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

// Fixes returns the commands that let w pass on the prefix's platform. Systems that write their rule sets anew from a
// configuration of their own get none: what is typed would not last, and their own words need the rule's place.
func (p Prefix) Fixes(w fix.What) []event.Fix {
	switch p.Platform {
	case UFW:
		return fix.For(fix.UFW, w)
	case Firewalld:
		return fix.For(fix.Firewalld, w)
	case Own:
		return fix.For(fix.Any, w)
	}
	return nil
}
