// Package cef reads the Common Event Format, in which many firewalls send their log to collectors: UniFi consoles,
// FortiGate and others. It never takes an event for a packet that has no address with a protocol or a port.
//
// Source: ArcSight Common Event Format, Implementation Standard, versions 0.1 (CEF:0) and 1.2 (CEF:1)
// (https://www.microfocus.com/documentation/arcsight/arcsight-smartconnectors-8.4/pdfdoc/cef-implementation-standard/cef-implementation-standard.pdf);
// for the keys of UniFi https://help.ui.com/hc/en-us/articles/33349041044119-UniFi-System-Logs-SIEM-Integration, for those
// of FortiGate the FortiOS Log Message Reference.
package cef

import (
	"strings"

	"mailstop/event"
	"mailstop/internal/scan"
	"mailstop/parse"
)

// Kind returns the format.
func Kind() parse.Kind {
	return parse.Kind{
		Format: event.CEF,
		Anchor: "CEF:0|vendor|product|…",
		New:    func() parse.Parser { return parser{} },
		Doc: parse.Doc{
			Title: "ArcSight CEF",
			Accepts: []string{
				"CEF:0 and CEF:1, also where a relay took \"CEF:\" away",
				"UniFi: security events of the firewall and of intrusion prevention",
				"FortiGate: traffic, with the same meaning as its own format; also as FortiOS 6.0 and FortiAnalyzer name the keys",
				"Palo Alto Networks: traffic, of PAN-OS and of its cloud; Check Point; SonicWall; Deep Security",
				"any other product whose act, or else the event's name, says what became of the packet",
				"other events, as notes",
			},
			Examples: []string{
				`Jan  5 10:11:12 udm CEF:0|Ubiquiti|UniFi Network|9.4.19|203|Blocked by Firewall|4|proto=TCP src=192.0.2.25 spt=40112 dst=203.0.113.19 dpt=25 act=blocked UNIFIcategory=Security UNIFIsubCategory=Firewall UNIFIhost=UDM Pro UNIFIpolicyName=Block SMTP UNIFIpolicyType=Firewall UNIFIdirection=outgoing deviceInboundInterface=Default deviceOutboundInterface=Internet 1 UNIFIutcTime=2026-01-05T09:11:12.345Z msg=192.0.2.25 was blocked from accessing 203.0.113.19 by Block SMTP.`,
				`CEF:0|Fortinet|Fortigate|v7.2.5|00013|traffic:forward deny|3|deviceExternalId=FGT60F0000000001 FTNTFGTeventtime=1767604272345678901 FTNTFGTtz=+0100 FTNTFGTlogid=0000000013 cat=traffic:forward FTNTFGTsubtype=forward FTNTFGTlevel=notice FTNTFGTvd=root src=203.0.113.9 spt=51234 deviceInboundInterface=wan1 FTNTFGTsrcintfrole=wan dst=192.0.2.25 dpt=25 deviceOutboundInterface=dmz FTNTFGTdstintfrole=dmz proto=6 act=deny FTNTFGTpolicyid=0 FTNTFGTpolicytype=policy app=SMTP out=0 in=0`,
				`CEF:0|Ubiquiti|UniFi Network|9.4.19|544|Admin Accessed UniFi Network|1|UNIFIcategory=System UNIFIsubCategory=Admin UNIFIhost=UDM Pro src=192.0.2.9 UNIFIutcTime=2026-01-05T09:11:13.004Z msg=Admin accessed UniFi Network using the web. Source IP: 192.0.2.9`,
			},
			Sources: []string{
				"https://www.microfocus.com/documentation/arcsight/arcsight-smartconnectors-8.4/pdfdoc/cef-implementation-standard/cef-implementation-standard.pdf",
				"https://help.ui.com/hc/en-us/articles/33349041044119-UniFi-System-Logs-SIEM-Integration",
			},
		},
	}
}

type parser struct{}

const (
	anchor     = "CEF:"
	checkPoint = "Check Point"
	fortinet   = "Fortinet"
	mikroTik   = "MikroTik|"
	paloAlto   = "Palo Alto Networks"
	sonicWall  = "SonicWall"
	ubiquiti   = "Ubiquiti"
	// maxBefore is how much text of headers that no layer knows may stand before the anchor, in bytes.
	maxBefore = 160
)

// Match looks for the anchor, or for what is behind it.
func (parser) Match(body string, _ *parse.Record) bool {
	s, ok := head(body)
	// RouterOS writes packets into the message, as its own format does.
	return ok && (!strings.HasPrefix(s, mikroTik) || !strings.Contains(s, "|firewall,"))
}

// head returns the text behind "CEF:0|".
func head(body string) (string, bool) {
	if len(body) > 2 && body[1] == '|' && body[0]-'0' <= 1 {
		s := body[2:]
		for range 5 {
			i := bar(s)
			if i < 0 {
				return "", false
			}
			s = s[i+1:]
		}
		return body[2:], true
	}
	before := body[:min(len(body), maxBefore)]
	if strings.IndexByte(before, '|') < 0 {
		return "", false
	}
	i := strings.Index(before, anchor)
	if i < 0 {
		return "", false
	}
	s := strings.TrimLeft(body[i+len(anchor):], " ")
	n := scan.Digits(s)
	if n == 0 || n > 2 || n == len(s) {
		return "", false
	}
	s = strings.TrimPrefix(s[n:], ".2") // CEF:1.2
	if s == "" || s[0] != '|' {
		return "", false
	}
	return s[1:], true
}

// bar returns the index of the first '|' of s that has no backslash before it, or -1.
func bar(s string) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '|':
			return i
		}
	}
	return -1
}

// Parse reads one event.
func (parser) Parse(body string, r *parse.Record) error {
	l := line{Fill: scan.Fill{Entry: r.Entry}}
	s, _ := head(body)
	if !l.header(&s) {
		return parse.ErrTruncated
	}
	l.extension(strings.TrimRight(s, " "))
	l.time(r)
	l.host()
	if !l.isPacket() {
		if l.Err == nil {
			l.Entry.Note = plain(l.name)
			if l.name == "" {
				l.Entry.Note = "event without a name"
			}
		}
		return l.Err
	}
	l.packet()
	return l.Finish()
}
