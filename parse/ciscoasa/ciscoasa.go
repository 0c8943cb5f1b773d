// Package ciscoasa reads the system messages of Cisco's firewalls: ASA, PIX, the FWSM module, Firepower Threat Defense and
// NGIPS.
// It never infers more than the message's number and its words say; messages that are not of a packet or a connection
// become notes.
//
// Source: Cisco Secure Firewall ASA Series Syslog Messages
// (https://www.cisco.com/c/en/us/td/docs/security/asa/syslog/b_syslog.html) and Cisco Secure Firewall Threat Defense Syslog
// Messages (https://www.cisco.com/c/en/us/td/docs/security/firepower/Syslogs/b_fptd_syslog_guide.html).
package ciscoasa

import (
	"strconv"
	"strings"

	"mailstop/event"
	"mailstop/internal/scan"
	"mailstop/parse"
)

// Kind returns the format.
func Kind() parse.Kind {
	return parse.Kind{
		Format: event.CiscoASA,
		Anchor: "%ASA-, %FTD-, %PIX-, %FWSM- or %NGIPS- and a message number",
		New:    func() parse.Parser { return &parser{notes: map[uint32]string{}} },
		Doc: parse.Doc{
			Title: "Cisco ASA, PIX, FWSM and Firepower Threat Defense",
			Accepts: []string{
				"denied packets: 106001 to 106023, 106100 to 106103, 305005, 305006, 305013, 313001 to 313009, 401004, 418001, 710003 to 710006",
				"what inspection stops, mail too: 108003, 108004, 410001, 419001, 420002, 420003, 434002, 434003, 507003, and the botnet filter's 338005 to 338008, 338203, 338204",
				"what finds no way or no address to translate to: 110002, 110003, 202010",
				"connections: 302013 to 302021, 302035, 302036, 302303, 302304, 710002",
				"connection and intrusion events of FTD and NGIPS: 430001 to 430003",
				"interfaces, users, translated addresses, names in place of addresses and of ports",
				"every header: with and without date, year, zone, host and device id, EMBLEM, RFC 5424",
				"other messages, as notes; translations (305009 to 305012) as notes with the action nat",
			},
			Examples: []string{
				`<164>Jan  5 2026 10:11:12: %ASA-4-106023: Deny tcp src outside:203.0.113.9/51234 dst dmz:192.0.2.25/25 by access-group "outside_in" [0x0, 0x0]`,
				`Jan  5 10:11:13 asa1 : %ASA-2-106001: Inbound TCP connection denied from 203.0.113.9/51235 to 192.0.2.25/25 flags SYN on interface outside`,
				`<166>Jan  5 2026 10:11:14 asa1 : %ASA-6-302013: Built outbound TCP connection 4711 for outside:203.0.113.19/25 (203.0.113.19/25) to dmz:192.0.2.25/40112 (198.51.100.25/40112)`,
				`<166>Jan  5 2026 10:11:15 asa1 : %ASA-6-305011: Built dynamic TCP translation from dmz:192.0.2.25/40112 to outside:198.51.100.25/40112`,
			},
			Sources: []string{
				"https://www.cisco.com/c/en/us/td/docs/security/asa/syslog/b_syslog.html",
				"https://www.cisco.com/c/en/us/td/docs/security/firepower/Syslogs/b_fptd_syslog_guide.html",
			},
		},
	}
}

// maxNotes bounds how many notes a parser keeps.
const maxNotes = 4096

type parser struct {
	notes map[uint32]string // of messages that are no packets: "ASA 305011"
	line  line              // here because the functions of messages would make it escape to the heap
}

// maxHead is how much text of headers may stand before the message, in bytes.
const maxHead = 128

// brands are the products that number messages alike.
var brands = [...]string{"ASA-", "FTD-", "PIX-", "FWSM-", "NGIPS-"}

// A tag is "%ASA-4-106023", also with a class, "%ASA-session-4-106023".
type tag struct {
	brand int
	id    uint32
	text  string // the number, where it stands
}

// tagAt reads the tag that s starts with and returns its length, 0 if there is none.
func tagAt(s string) (t tag, n int) {
	if s == "" || s[0] != '%' {
		return tag{}, 0
	}
	for t.brand = range brands {
		if strings.HasPrefix(s[1:], brands[t.brand]) {
			n = 1 + len(brands[t.brand])
			break
		}
	}
	if n == 0 {
		return tag{}, 0
	}
	for n < len(s) && n < maxHead && (s[n]|0x20-'a' <= 25 || s[n] == '-' || s[n] == '_') {
		n++
	}
	if n+2 > len(s) || s[n]-'0' > 7 || s[n+1] != '-' {
		return tag{}, 0
	}
	n += 2
	digits := scan.Digits(s[n:])
	id, ok := scan.Uint(s[n:n+digits], 999_999)
	if !ok || digits != 6 {
		return tag{}, 0
	}
	t.id, t.text = uint32(id), s[n:n+digits]
	return t, n + digits
}

// find returns the tag of a message, the header before it and the text behind it. A relay may have taken the tag for a
// program's name.
func find(body, program string) (t tag, before, text string, ok bool) {
	head := body[:min(len(body), maxHead)]
	for i := 0; ; i++ {
		j := strings.IndexByte(head[i:], '%')
		if j < 0 {
			break
		}
		i += j
		if t, n := tagAt(body[i:]); n > 0 {
			return t, body[:i], strings.TrimLeft(body[i+n:], ": "), true
		}
	}
	if t, n := tagAt(program); n > 0 {
		return t, "", strings.TrimLeft(body, ": "), true
	}
	return tag{}, "", "", false
}

// Match looks for the message's tag.
func (*parser) Match(body string, r *parse.Record) bool {
	_, _, _, ok := find(body, r.Program)
	return ok
}

// Parse reads one message.
func (p *parser) Parse(body string, r *parse.Record) error {
	t, before, text, _ := find(body, r.Program)
	header(before, r)
	l := &p.line
	defer func() { *l = line{} }() // it holds views
	text = strings.TrimRight(text, " \x00")
	if inside, n := unfold(text); n > 0 {
		text, r.Entry.Count = inside, n
	}
	*l = line{Fill: scan.Fill{Entry: r.Entry}, text: text, tag: t}
	m, known := messages[t.id]
	if !known {
		r.Note = p.note(t)
		return nil
	}
	if m.read == nil {
		l.Verdict(m.action, event.VerdictEventID)
		r.Note = p.note(t)
		return nil
	}
	l.message = m
	if m.proto != 0 {
		r.Entry.Proto = m.proto
		r.Entry.Has |= event.HasProto
	}
	l.Verdict(m.action, event.VerdictEventID)
	m.read(l, r)
	if r.Entry.Reason == "" {
		r.Entry.Reason = m.reason
	}
	if r.Entry.Reason == "" {
		r.Entry.Reason = t.text
	}
	return l.Finish()
}

// unfold takes "message repeated 3 times: [ … ]" apart, which a syslog daemon puts behind the tag, since that looks like a
// program's name to it. It returns 0 if s is no such note.
func unfold(s string) (inside string, times uint32) {
	s, ok := strings.CutPrefix(s, "message repeated ")
	if !ok {
		return "", 0
	}
	digits := scan.Digits(s)
	n, ok := scan.Uint(s[:digits], 1<<32-1)
	inside, holds := strings.CutPrefix(s[digits:], " times: [")
	if !ok || !holds {
		return "", 0
	}
	return strings.TrimLeft(strings.TrimSuffix(inside, "]"), " "), uint32(n)
}

func (p *parser) note(t tag) string {
	key := t.id | uint32(t.brand)<<24
	if n, ok := p.notes[key]; ok {
		return n
	}
	if len(p.notes) >= maxNotes {
		clear(p.notes)
	}
	n := strings.TrimSuffix(brands[t.brand], "-") + " " + strconv.Itoa(int(t.id))
	p.notes[key] = n
	return n
}

// header reads what stands before the tag, and no layer has taken off: EMBLEM's time and zone, a device id.
func header(s string, r *parse.Record) {
	s = strings.Trim(s, " ")
	if s == "" || s == ":" {
		return
	}
	s = strings.TrimLeft(s, ": ")
	if st, n := stamp(s); n > 0 {
		r.SetInnerTime(st)
		s = strings.TrimLeft(s[n:], " ")
	}
	word := s[strings.LastIndexByte(strings.TrimRight(s, " :"), ' ')+1:]
	name := strings.Trim(word, " :")
	// "CET: ", whose meaning depends on the place; a device id has a blank before its colon.
	zone := len(name) >= 3 && len(name) <= 5 && strings.HasPrefix(word[len(name):], ":")
	for i := range len(name) {
		zone = zone && name[i]-'A' <= 25
	}
	if name != "" && !zone {
		r.Host = name
	}
}

// stamp reads the time that a header starts with, also if a colon follows it, and the zone if it is UTC: no other name of
// one says for certain what it means. Without a year the zone says nothing, since a clock must find the year first.
func stamp(s string) (parse.Stamp, int) {
	const short = len("Jan  5 10:11:12")
	if len(s) > short && s[3] == ' ' {
		_, _, n := parse.ScanFraction(s[short:])
		if end := short + n; strings.HasPrefix(s[end:], ":") {
			return parse.ScanStamp(s[:end])
		}
	}
	st, n := parse.ScanStamp(s)
	if n == 0 || st.Zoned || !strings.HasPrefix(s[n:], " UTC") && !strings.HasPrefix(s[n:], " GMT") {
		return st, n
	}
	if zone := n + len(" UTC"); zone == len(s) || s[zone] == ':' || s[zone] == ' ' {
		st.Zoned = st.Year != 0
		return st, zone
	}
	return st, n
}
