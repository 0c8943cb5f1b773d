// Package panos reads the traffic log of Palo Alto Networks' firewalls: one CSV line per session, as syslog sends it and
// as the web interface exports it. It never takes a log of another kind than TRAFFIC for a packet.
//
// Source: https://docs.paloaltonetworks.com/pan-os/11-1/pan-os-admin/monitoring/use-syslog-for-monitoring/syslog-field-descriptions/traffic-log-fields
package panos

import (
	"strings"

	"mailstop/event"
	"mailstop/internal/scan"
	"mailstop/parse"
)

// Kind returns the format.
func Kind() parse.Kind {
	return parse.Kind{
		Format: event.PANOS,
		Anchor: "CSV with a date in its second field and TRAFFIC in its fourth",
		New:    func() parse.Parser { return parser{} },
		Doc: parse.Doc{
			Title: "Palo Alto Networks PAN-OS: traffic log",
			Accepts: []string{
				"TRAFFIC of the subtypes start, end, drop and deny, of every version",
				"the high resolution timestamp of version 10 and later",
				"quoted fields, with quotes in them doubled",
				"THREAT, SYSTEM, CONFIG and the other logs, and the header of an export, as notes",
			},
			Examples: []string{
				`1,2026/01/05 10:11:12,0123456789,TRAFFIC,drop,2305,2026/01/05 10:11:11,203.0.113.9,192.0.2.25,0.0.0.0,0.0.0.0,"deny smtp, all",,,not-applicable,vsys1,untrust,dmz,ethernet1/1,,fwd,2026/01/05 10:11:12,0,1,51234,25,0,0,0x0,tcp,deny,66,66,0,1,2026/01/05 10:11:11,0,any,,991,0x0,US,10.0.0.0-10.255.255.255,,1,0,policy-deny`,
				`<14>Jan  5 10:11:13 fw 1,2026/01/05 10:11:13,0123456789,TRAFFIC,end,2561,2026/01/05 10:11:13,192.0.2.25,203.0.113.19,198.51.100.25,203.0.113.19,mail-out,,,smtp-base,vsys1,dmz,untrust,ethernet1/2,ethernet1/1,fwd,2026/01/05 10:11:13,4711,1,40112,25,40112,25,0x400053,tcp,allow,5945,4711,1234,22,2026/01/05 10:10:40,30,any,,992,0x0,10.0.0.0-10.255.255.255,US,,12,10,tcp-fin,0,0,0,0,,fw1,from-policy`,
				`1,2026/01/05 10:11:14,0123456789,SYSTEM,general,0,2026/01/05 10:11:14,,general,,0,0,general,informational,"Commit job succeeded",993,0x0,0,0,0,0,,fw1`,
			},
			Sources: []string{"https://docs.paloaltonetworks.com/pan-os/11-1/pan-os-admin/monitoring/use-syslog-for-monitoring/syslog-field-descriptions"},
		},
	}
}

const noteOther = "PAN-OS log that is not of traffic"

// exportHeader starts the first line of what the web interface exports.
const exportHeader = "Domain,Receive Time,Serial #,Type,"

type parser struct{}

// Match looks at the fields that all logs begin with: anything, a date, the serial number, the kind of log.
func (parser) Match(body string, _ *parse.Record) bool {
	i := strings.IndexByte(body[:min(len(body), 64)], ',')
	if i < 0 || len(body) < i+len(`,2026/01/05 10:11:12,,SCTP`) {
		return false
	}
	s := strings.TrimPrefix(body[i+1:], `"`)
	if s[4] != '/' && s[4] != '-' || s[7] != s[4] || s[13] != ':' || s[16] != ':' || scan.Digits(s) != 4 {
		return strings.HasPrefix(body, exportHeader)
	}
	c := cells{rest: s}
	c.next()
	c.next()
	kind, more := c.next()
	return more && isKind(kind)
}

func isKind(s string) bool {
	switch s {
	case traffic, "THREAT", "SYSTEM", "CONFIG", "HIPMATCH", "HIP-MATCH", "USERID", "IPTAG", "GLOBALPROTECT", "AUTHENTICATION", "AUTH",
		"CORRELATION", "TUNNEL", "GTP", "SCTP", "DECRYPTION", "URL", "DATA", "WILDFIRE", "AUDIT", "START", "END":
		return true
	}
	return false
}

const traffic = "TRAFFIC"

// Parse reads one line.
func (parser) Parse(body string, r *parse.Record) error {
	if strings.HasPrefix(body, exportHeader) {
		r.Note = event.NoteHeader
		return nil
	}
	l := line{Fill: scan.Fill{Entry: r.Entry}}
	n := l.split(strings.TrimRight(body, " "))
	if n > kindField && l.fields[kindField] != traffic {
		l.time(r)
		if l.Err == nil {
			r.Note = noteOther
		}
		return l.Err
	}
	if n < oldestFields {
		l.Fail(parse.ErrTruncated)
		n-- // the last field may be cut, too
		clear(l.fields[max(n, 0):])
	}
	l.time(r)
	l.store()
	return l.Finish()
}
