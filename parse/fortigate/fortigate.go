// Package fortigate reads the log lines of FortiGate firewalls: key=value pairs, as syslog sends them and as FortiAnalyzer
// and memory logs write them. It never takes a message of another kind than traffic for a packet.
//
// Source: FortiOS Log Message Reference, log type "traffic" (https://docs.fortinet.com/product/fortigate); the names of
// FortiOS 4 are those of the FortiGate Log Message Reference 4.0 MR3.
package fortigate

import (
	"strings"

	"mailstop/event"
	"mailstop/internal/scan"
	"mailstop/parse"
)

// Kind returns the format.
func Kind() parse.Kind {
	return parse.Kind{
		Format: event.FortiGate,
		Anchor: "date=… time=… and logid=… type=traffic",
		New:    func() parse.Parser { return parser{} },
		Doc: parse.Doc{
			Title: "FortiGate: key=value lines",
			Accepts: []string{
				"traffic of the subtypes forward, local, multicast and sniffer",
				"values with and without quotes; pairs separated by blanks, or by commas as \"set format csv\" does",
				"with eventtime in seconds to nanoseconds, or date and time with and without tz",
				"the keys of FortiOS 4 (src, dst, status)",
				"without the date, where a relay took it for a host's name",
				"events, security logs and HTTP transactions, as notes",
			},
			Examples: []string{
				`date=2026-01-05 time=10:11:12 devname="fgt1" devid="FGT60F0000000001" eventtime=1767604272345678901 tz="+0100" logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" srcip=203.0.113.9 srcport=51234 srcintf="wan1" srcintfrole="wan" dstip=192.0.2.25 dstport=25 dstintf="dmz" dstintfrole="dmz" proto=6 action="deny" policyid=0 policytype="policy" service="SMTP" sentbyte=0 rcvdbyte=0`,
				`<189>date=2026-01-05 time=10:11:13 devname=fgt1 devid=FGT60F0000000001 logid=0000000013 type=traffic subtype=forward level=notice vd=root srcip=192.0.2.25 srcport=40112 srcintf="dmz" dstip=203.0.113.19 dstport=587 dstintf="wan1" proto=6 action=close policyid=7 service="SMTP" sentbyte=4711 rcvdbyte=1234 sentpkt=12 rcvdpkt=10`,
				`date=2026-01-05 time=10:11:14 devname="fgt1" devid="FGT60F0000000001" eventtime=1767604274 logid="0100032002" type="event" subtype="system" level="alert" vd="root" logdesc="Admin login failed" srcip=203.0.113.9 action="login" status="failed"`,
			},
			Sources: []string{"https://docs.fortinet.com/product/fortigate (Log Message Reference)"},
		},
	}
}

const noteOther = "FortiGate message that is not of traffic"

type parser struct{}

// heads are the keys that lines start with: of a FortiGate, of what FortiAnalyzer puts before it, and what is left by a
// relay that took the date for a host's name.
var heads = [...]string{"date=", "logver=", "timestamp=", "itime=", "eventtime=", "devname=", "time="}

// Match looks for one of the first keys and then for those that each line has.
func (parser) Match(body string, _ *parse.Record) bool {
	s := trimDevice(body)
	if s == "" || s[0] < 'd' || s[0] > 't' {
		return false
	}
	for _, h := range heads {
		if strings.HasPrefix(s, h) {
			return hasKey(s, "type=") && (hasKey(s, "logid=") || hasKey(s, "log_id=") && hasKey(s, "vd="))
		}
	}
	return false
}

// hasKey reports whether a key follows a separator. Other products have keys that only end like it: "log_type=".
func hasKey(s, key string) bool {
	for {
		i := strings.Index(s, key)
		if i < 0 {
			return false
		}
		if i > 0 && (s[i-1] == ' ' || s[i-1] == ',') {
			return true
		}
		s = s[i+len(key):]
	}
}

// trimDevice removes "fgt1: ", which some relays leave of a header.
func trimDevice(s string) string {
	s = strings.TrimLeft(s, " ")
	if i := strings.IndexByte(s[:min(len(s), 64)], ' '); i > 1 && s[i-1] == ':' && strings.IndexByte(s[:i], '=') < 0 {
		return s[i+1:]
	}
	return s
}

// Parse reads one line.
func (parser) Parse(body string, r *parse.Record) error {
	l := line{Fill: scan.Fill{Entry: r.Entry}}
	s := strings.TrimRight(trimDevice(body), " ")
	for s != "" {
		var key, value string
		key, value, s = l.next(s)
		l.store(key, value)
	}
	l.time(r)
	if l.devname != "" {
		l.Entry.Host = l.devname
	}
	if l.kind != "traffic" || !tellsOfPackets(l.subtype) {
		if l.Err == nil {
			l.Entry.Note = noteOther
		}
		return l.Err
	}
	l.traffic()
	return l.Finish()
}
