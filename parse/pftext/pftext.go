// Package pftext reads pf's log as tcpdump prints it with -e: "rule 4/0(match): block in on em0: 203.0.113.9.51234 > …". Two
// programs that share no code print it, OpenBSD's tcpdump and that of tcpdump.org, which FreeBSD, macOS, NetBSD and Linux
// have; this package reads both, old and new. It never guesses: names instead of addresses stay absent, and so does the time
// where the line has only that of the day, or how long after another packet it was.
//
// Sources: usr.sbin/tcpdump of OpenBSD (print-pflog.c, print-ip.c, print-tcp.c, print-udp.c, print-icmp.c, util.c), print-*.c
// of tcpdump.
package pftext

import (
	"errors"
	"strings"

	"mailstop/event"
	"mailstop/internal/pf"
	"mailstop/parse"
)

// Kind returns the format.
func Kind() parse.Kind {
	return parse.Kind{
		Format: event.PFText,
		Anchor: "tcpdump -e of pflog: rule 4/0(match): block in on em0: …",
		New:    func() parse.Parser { return parser{} },
		Doc:    doc,
	}
}

// What can be wrong with a line, apart from parse.ErrTruncated.
var (
	errRule   = errors.New("not the rule that tcpdump writes")
	errAction = errors.New("action is not one of pf's")
	errDir    = errors.New("direction is not one of pf's")
	errAddr   = errors.New("address is not an address")
	errPort   = errors.New("port is not a port")
	errNumber = errors.New("a value is not a number, or out of range")
	errPacket = errors.New("tcpdump says that the packet is cut or damaged")
)

type parser struct{}

// Match looks for "rule 4/0(" or "rule def/(" behind a time, or where there is none.
func (parser) Match(body string, _ *parse.Record) bool {
	if len(body) < len("rule /(") || !start[body[0]] {
		return false
	}
	_, at, ok := head(body)
	if !ok {
		return false
	}
	_, ok = readRule(body[at:])
	return ok
}

// A rule is the first part of a line.
type rule struct {
	number  string // "4", "2.spamd.1"; empty if no rule matched
	set     string
	reason  string
	rest    string // behind the reason's parenthesis, or the identifiers behind it
	id      string // ridentifier
	openBSD bool
}

// readRule reads "rule 2.spamd.1/(match) " of OpenBSD and "rule 2.spamd.1/0(match) [uid 0] [ridentifier 7]: " of tcpdump.org.
// Names of rule sets can have slashes, dots, digits and spaces: the first slash counts behind which the reason starts.
func readRule(s string) (r rule, ok bool) {
	s, ok = strings.CutPrefix(s, "rule ")
	if !ok {
		return r, false
	}
	for at := 0; ; {
		i := strings.IndexByte(s[at:], '/')
		if i < 0 || at+i > maxRule {
			return r, false
		}
		at += i + 1
		n := at
		for n < len(s) && s[n]-'0' <= 9 {
			n++
		}
		if n < len(s) && s[n] == '(' {
			r.openBSD = n == at
			r.rest = s[n:]
			return r, r.numbers(s[:at-1])
		}
		if strings.HasPrefix(s[at:], "unkn(") {
			r.rest = s[at:]
			return r, r.numbers(s[:at-1])
		}
	}
}

// maxRule is more than a rule's numbers and its rule set, of 15 bytes, can be.
const maxRule = 64

// numbers reads "4", "def", "2.spamd.1", "2.spamd.def", "1..16777216" and nothing.
func (r *rule) numbers(s string) bool {
	number, rest, inner := strings.Cut(s, ".")
	switch {
	case s == "" || s == "def" || s == pf.NoRule:
		return true
	case !isNumber(number):
		return false
	case !inner:
		r.number = s
		return true
	}
	set, sub := rest, ""
	if i := strings.LastIndexByte(rest, '.'); i >= 0 && (isNumber(rest[i+1:]) || rest[i+1:] == "def") {
		set, sub = rest[:i], rest[i+1:]
	}
	r.set, r.number = set, s
	if set == "" || sub == "" && isNumber(set) { // some FreeBSD write ".." or ".0" without a rule set
		r.set, r.number = "", number
	}
	if number == pf.NoRule {
		r.number = ""
	}
	return true
}

func isNumber(s string) bool {
	_, ok := pf.Number(s)
	return ok
}

// Parse reads one line.
func (parser) Parse(body string, r *parse.Record) error {
	from, at, ok := head(body)
	if !ok {
		return errRule
	}
	setTime(body, from, at, r)
	ru, ok := readRule(body[at:])
	if !ok {
		return errRule
	}
	l := line{e: r.Entry}
	packet, ok := l.verdict(&ru)
	if ok {
		l.packet(packet)
	}
	return l.err
}

// A line is one while it is read.
type line struct {
	e   *event.Entry
	err error // the first thing found wrong

	verbose bool // it has what -v tells of the IP header
}

func (l *line) fail(err error) {
	if l.err == nil {
		l.err = err
	}
}

// verdict reads what follows the rule up to the packet, "block in on em0: ", and returns the packet.
func (l *line) verdict(r *rule) (packet string, ok bool) {
	e := l.e
	e.Rule, e.Ruleset = r.number, r.set
	if r.openBSD {
		ok = r.reasonOpenBSD()
	} else {
		ok = r.reasonOrg()
	}
	if !ok {
		l.fail(parse.ErrTruncated)
		return "", false
	}
	e.Reason = r.reason
	if r.id != "" && r.id != "0" {
		e.Rule = r.id // rules are renumbered whenever they are loaded; this stays
	}
	words, rest, ok := strings.Cut(r.rest, " on ")
	if !ok {
		l.fail(parse.ErrTruncated)
		return "", false
	}
	action, dir := "", words
	if i := strings.LastIndexByte(words, ' '); i >= 0 {
		action, dir = words[:i], words[i+1:]
	}
	l.action(action, r.openBSD)
	iface, packet, ok := strings.Cut(rest, ":")
	if !ok {
		l.fail(parse.ErrTruncated)
		iface = ""
	}
	if !pf.SetDirection(e, dir, iface) && !isUnknown(dir) {
		l.fail(errDir)
	}
	if !ok {
		return "", false
	}
	packet = strings.TrimLeft(packet, " ")
	if r.openBSD {
		packet = l.owner(packet)
	}
	return skipRewritten(packet), true
}

// action reads the action's word. OpenBSD has none for codes that are no verdict: defer, divert, rt.
func (l *line) action(word string, openBSD bool) {
	switch {
	case pf.SetAction(l.e, word):
	case word == "" && openBSD, isUnknown(word):
		l.e.Action, l.e.Verdict = event.Observe, event.VerdictField
		if word != "" && !noVerdict(word) {
			l.e.Action, l.e.Verdict = event.ActionUnknown, event.VerdictNone
		}
	default:
		l.fail(errAction)
	}
}

// isUnknown reports whether a word stands for a code that has none: "unkn(12)".
func isUnknown(word string) bool {
	return strings.HasPrefix(word, "unkn(") && strings.HasSuffix(word, ")")
}

// noVerdict reports whether "unkn(12)" is of the codes that older versions have no word for, all of which are no verdicts.
func noVerdict(word string) bool {
	switch word {
	case "unkn(3)", "unkn(11)", "unkn(12)", "unkn(13)", "unkn(14)", "unkn(15)":
		return true
	}
	return false
}

// reasonOpenBSD reads "(match) [uid 0, pid 123] " and leaves what follows. The identifiers are those of who loaded the rule.
func (r *rule) reasonOpenBSD() bool {
	end := strings.IndexByte(r.rest, ')')
	if end < 0 {
		return false
	}
	r.reason = r.rest[1:end]
	rest, ok := strings.CutPrefix(r.rest[end+1:], " ")
	if !ok {
		return false
	}
	if strings.HasPrefix(rest, "[uid ") {
		if _, rest, ok = strings.Cut(rest, "] "); !ok {
			return false
		}
	}
	r.rest = rest
	return true
}

// reasonOrg reads "(match) [uid 0] [ridentifier 7]: " and leaves what follows. One of the reasons lacks its last parenthesis.
func (r *rule) reasonOrg() bool {
	text, rest, ok := strings.Cut(r.rest, ": ")
	if !ok {
		return false
	}
	r.rest = rest
	text, ids, _ := strings.Cut(text, " [")
	if _, id, ok := strings.Cut(ids, "ridentifier "); ok {
		r.id, _, _ = strings.Cut(id, "]")
	}
	r.reason = text
	if code, ok := strings.CutPrefix(text, "unkn("); ok { // versions lack some words
		if v, ok := pf.Number(strings.TrimSuffix(code, ")")); ok && int(v) < len(pf.Reasons) {
			r.reason = pf.Reasons[v]
		}
	} else if text, ok := strings.CutPrefix(text, "("); ok {
		if strings.Count(text, ")") > strings.Count(text, "(") {
			text = text[:strings.LastIndexByte(text, ')')]
		}
		r.reason = text
	}
	return true
}

// owner reads OpenBSD's "[uid 1000, pid 6789] " of who has the packet's socket.
func (l *line) owner(s string) string {
	ids, ok := strings.CutPrefix(s, "[uid ")
	if !ok {
		return s
	}
	ids, rest, ok := strings.Cut(ids, "] ")
	if !ok {
		return s
	}
	uid, pid, _ := strings.Cut(ids, ", pid ")
	if v, ok := pf.Number(uid); ok {
		l.e.UID, l.e.Has = v, l.e.Has|event.HasUID
	} else {
		l.fail(errNumber)
	}
	if v, ok := pf.Number(pid); ok {
		l.e.PID, l.e.Has = v, l.e.Has|event.HasPID
	}
	return rest
}

// skipRewritten passes over the addresses that the packet had, or has, on the rule's other side: OpenBSD's "[orig src a:1,
// dst b:2] ", and tcpdump.org's "[rewritten: src a:1, src b:2; ", which it does not close.
func skipRewritten(s string) string {
	if rest, ok := strings.CutPrefix(s, "[orig "); ok {
		if _, rest, ok = strings.Cut(rest, "] "); ok {
			return rest
		}
	}
	if rest, ok := strings.CutPrefix(s, "[rewritten: "); ok {
		for i := range len(rest) - 1 {
			if c := rest[i]; (c == ';' || c == ']') && rest[i+1] == ' ' {
				return rest[i+2:]
			}
		}
	}
	return s
}
