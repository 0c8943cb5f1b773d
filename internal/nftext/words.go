package nftext

import (
	"strings"

	"mailstop/event"
)

// A class is what a word in a free-text prefix says.
type class uint8

const (
	sayDrop class = 1 << iota
	sayReject
	sayDeny
	sayAllow
	sayObserve
	sayNot
)

// classes lists whole words, in lower case. "invalid" is none: it describes the packet, and "DROP INVALID" has its
// verdict without it.
var classes = map[string]class{
	"drop": sayDrop, "dropped": sayDrop, "discard": sayDrop, "discarded": sayDrop,
	"reject": sayReject, "rejected": sayReject,
	"block": sayDeny, "blocked": sayDeny, "deny": sayDeny, "denied": sayDeny, "ban": sayDeny, "banned": sayDeny,
	"allow": sayAllow, "allowed": sayAllow, "accept": sayAllow, "accepted": sayAllow,
	"pass": sayAllow, "passed": sayAllow, "permit": sayAllow, "permitted": sayAllow,
	"audit": sayObserve, "log": sayObserve, "trace": sayObserve, "new": sayObserve, "input": sayObserve,
	"forward": sayObserve,
	"not":     sayNot, "no": sayNot, "non": sayNot, "never": sayNot,
}

// maxWord is longer than any word that says something.
const maxWord = 24

// wordVerdict infers an action from the words of a prefix. Words are bounded by anything but letters, so SMTP_DROP,
// IPTABLES:BLOCKED-CONN and port25drop say it, and "dropbox" or "blocklist" do not. Bytes beyond ASCII count as
// letters, since they are parts of foreign words.
//
// If words of both sides occur, or a "not" stands before one, nothing is known. If they agree that the packet was
// stopped, the surest way wins: drop and reject alone are themselves, both together are deny.
func wordVerdict(p string) event.Action {
	var said class
	negated := false
	for i := 0; i < len(p); {
		if !isLetter(p[i]) {
			i++
			continue
		}
		from := i
		for i < len(p) && isLetter(p[i]) {
			i++
		}
		c := classOf(p[from:i])
		if negated && c&(sayDrop|sayReject|sayDeny|sayAllow) != 0 {
			return event.ActionUnknown
		}
		negated = c == sayNot
		said |= c
	}
	stopped := said & (sayDrop | sayReject | sayDeny)
	switch {
	case stopped != 0 && said&sayAllow != 0:
		return event.ActionUnknown
	case said&sayAllow != 0:
		return event.Allow
	case stopped&sayDrop != 0 && stopped&sayReject != 0:
		return event.Deny
	case stopped&sayDrop != 0:
		return event.Drop
	case stopped&sayReject != 0:
		return event.Reject
	case stopped != 0:
		return event.Deny
	case said&sayObserve != 0:
		return event.Observe
	}
	return event.ActionUnknown
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80 }

func classOf(word string) class {
	if len(word) > maxWord {
		return 0
	}
	word = strings.ToLower(word)
	if c, ok := classes[word]; ok {
		return c
	}
	return gluedClass(word)
}

// gluedTails are the words that people glue to what they are about: MAILBLOCK, smtpdrop.
var gluedTails = [...]string{
	"block", "blocked", "drop", "dropped", "deny", "denied", "reject", "rejected",
}

// gluedHeads are what the head of such a word must be: a mail service, a protocol, a chain, a side of the firewall.
// Any other head ("tear", "road", "un", "sun") makes another word of it. Only tails are looked at: of "droplog" and
// "blockmail" it is not sure enough that they are verdicts, and allow-like tails decide nothing that matters.
var gluedHeads = map[string]bool{
	"mail": true, "smtp": true, "smtps": true, "esmtp": true, "submission": true, "imap": true, "imaps": true,
	"pop": true, "mx": true, "mta": true, "spam": true,
	"port": true, "ports": true, "tcp": true, "udp": true, "icmp": true, "ssh": true, "dns": true, "http": true,
	"https": true, "web": true,
	"in": true, "out": true, "input": true, "output": true, "inbound": true, "outbound": true, "ingress": true,
	"egress": true, "forward": true, "fwd": true, "fw": true, "wan": true, "lan": true, "net": true, "policy": true,
	"default": true, "log": true, "iptables": true, "ipt": true, "nft": true, "nftables": true, "firewall": true,
}

func gluedClass(word string) class {
	for _, tail := range gluedTails {
		if head, ok := strings.CutSuffix(word, tail); ok && gluedHeads[head] {
			return classes[tail]
		}
	}
	return 0
}
