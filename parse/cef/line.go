package cef

import (
	"strings"

	"mailstop/event"
	"mailstop/internal/scan"
	"mailstop/parse"
)

// A line is one event while it is read.
type line struct {
	scan.Fill
	vendor, name string

	src, dst, srcPort, dstPort, proto, count string
	action, utmAction, category              string
	ifaceIn, ifaceOut, direction             string
	srcRole, dstRole, vdom, srcV6, dstV6     string
	hostName, deviceHost, device             string
	utc, eventTime, start, receipt, end      string
	policy, policyType                       string
	reason, signature, message               string
	labels, custom                           [customs]string
}

const customs = 6 // cs1 to cs6

// header takes the rest of the header off s: vendor, product, version, signature, name, severity.
func (l *line) header(s *string) bool {
	for i := range 6 {
		end := bar(*s)
		if end < 0 {
			return false
		}
		switch value := (*s)[:end]; i {
		case 0:
			l.vendor = value
		case 4:
			l.name = value
		}
		*s = (*s)[end+1:]
	}
	return true
}

// extension reads the pairs. A value ends where a blank, a key and an equals sign follow, since blanks in values and, by
// most products, equals signs are not escaped.
func (l *line) extension(s string) {
	key, from := "", 0
	for i := 0; ; {
		j := strings.IndexByte(s[i:], '=')
		if j < 0 {
			break
		}
		at := i + j
		i = at + 1
		start := at
		for start > from && isKey[s[start-1]] {
			start--
		}
		if start == at || start > 0 && s[start-1] != ' ' || start == from && key != "" && s[from-1] != ' ' {
			continue // part of the value
		}
		if key != "" {
			l.store(key, strings.TrimRight(s[from:max(from, start-1)], " "))
		}
		key, from = s[start:at], at+1
	}
	if key == "" {
		return
	}
	if l.vendor == fortinet || l.vendor == ubiquiti { // whose last key is another
		switch key {
		case "src", "dst", "spt", "dpt", "proto", "act", "cat", "UNIFIcategory", "UNIFIutcTime", "FTNTFGTeventtime":
			l.Fail(parse.ErrTruncated)
			return
		}
	}
	l.store(key, s[from:])
}

var isKey = func() (t [256]bool) {
	for c := range 256 {
		b := byte(c)
		t[c] = b-'0' <= 9 || b|0x20-'a' <= 25 || b == '_' || b == '.' || b == '-'
	}
	return t
}()

// store keeps the value of a key.
func (l *line) store(key, value string) {
	switch key {
	case "src", "sourceAddress":
		l.src = value
	case "dst", "destinationAddress":
		l.dst = value
	case "c6a2": // "Source IPv6 Address"
		l.srcV6 = value
	case "c6a3": // "Destination IPv6 Address"
		l.dstV6 = value
	case "spt", "sourcePort":
		l.srcPort = value
	case "dpt", "destinationPort":
		l.dstPort = value
	case "proto", "transportProtocol":
		l.proto = value
	case "cnt", "baseEventCount":
		l.count = value
	case "act", "deviceAction":
		l.action = value
	case "cat", "UNIFIcategory":
		l.category = value
	case "deviceInboundInterface":
		l.ifaceIn = value
	case "deviceOutboundInterface":
		l.ifaceOut = value
	case "deviceDirection", "UNIFIdirection":
		l.direction = value
	case "reason":
		l.reason = value
	case "msg":
		l.message = value
	case "rt", "deviceReceiptTime":
		l.receipt = value
	case "start", "startTime":
		l.start = value
	case "end", "endTime":
		l.end = value
	case "dvchost", "deviceHostName":
		l.deviceHost = value
	case "dvc", "deviceAddress":
		l.device = value
	default:
		l.storeOwn(key, value)
	}
}

// storeOwn keeps the value of a key that products made up, or label.
func (l *line) storeOwn(key, value string) {
	switch key {
	case "UNIFIhost":
		l.hostName = value
	case "UNIFIutcTime":
		l.utc = value
	case "UNIFIpolicyName", "FTNTFGTpolicyid":
		l.policy = value
	case "UNIFIpolicyType", "FTNTFGTpolicytype":
		l.policyType = value
	case "UNIFIipsSignature":
		l.signature = value
	case "FTNTFGTeventtime":
		l.eventTime = value
	case "FTNTFGTutmaction":
		l.utmAction = value
	case "FTNTFGTvd":
		l.vdom = value
	case "FTNTFGTsrcintfrole":
		l.srcRole = value
	case "FTNTFGTdstintfrole":
		l.dstRole = value
	default:
		if len(key) < 3 || key[:2] != "cs" || key[2]-'1' >= customs {
			return
		}
		switch n := key[2] - '1'; key[3:] {
		case "":
			l.custom[n] = value
		case "Label":
			l.labels[n] = value
		}
	}
}

// time stores the most precise time there is.
func (l *line) time(r *parse.Record) {
	for _, s := range [...]string{l.utc, l.eventTime, l.start, l.receipt, l.end} {
		if s == "" {
			continue
		}
		if ns, digits, ok := parse.ScanEpoch(s); ok {
			r.SetInstant(ns, digits)
			return
		}
		st, n := parse.ScanStamp(s)
		if n == 0 {
			l.Fail(scan.ErrTime)
			continue
		}
		if zone := s[n:]; zone == " UTC" || zone == " GMT" {
			st.Zoned = true
		}
		r.SetInnerTime(st)
		return
	}
}

// host stores the firewall's name, as it writes it itself.
func (l *line) host() {
	switch {
	case l.hostName != "":
		l.Entry.Host = plain(l.hostName)
	case l.deviceHost != "":
		l.Entry.Host = plain(l.deviceHost)
	case l.Entry.Host == "":
		l.Entry.Host = l.device
	}
}

// isPacket reports whether the event tells of a packet or a connection.
func (l *line) isPacket() bool {
	switch l.vendor {
	case ubiquiti:
		if l.category != "" && l.category != "Security" {
			return false
		}
	case fortinet:
		if l.category != "" && !strings.HasPrefix(l.category, "traffic") {
			return false
		}
	}
	return (l.src != "" || l.dst != "" || l.srcV6 != "" || l.dstV6 != "") && (l.proto != "" || l.srcPort != "" || l.dstPort != "")
}

// packet stores what the event says of one.
func (l *line) packet() {
	e := l.Entry
	if l.src == "" {
		l.src = l.srcV6
	}
	if l.dst == "" {
		l.dst = l.dstV6
	}
	l.Src(l.src)
	l.Dst(l.dst)
	l.SrcPort(l.srcPort)
	l.DstPort(l.dstPort)
	// Some products name an application here.
	if _, ok := scan.Proto(l.proto); ok || scan.Digits(l.proto) == len(l.proto) {
		l.Proto(l.proto)
	}
	l.Packets(l.count)
	e.IfaceIn, e.IfaceOut = plain(l.ifaceIn), plain(l.ifaceOut)
	e.Rule, e.Ruleset = plain(l.rule()), plain(l.policyType)
	e.Direction = l.way()
	l.verdict()
	for _, s := range [...]string{l.reason, l.signature, l.name} {
		if s != "" {
			e.Reason = plain(s)
			break
		}
	}
	if l.vendor == fortinet && l.message != "" {
		e.Reason = plain(l.message)
	}
}

// rule returns the policy, or the text whose label says that it is a rule or a policy.
func (l *line) rule() string {
	if l.policy != "" {
		return l.policy
	}
	for i, label := range l.labels {
		if hasWord(label, "rule") || hasWord(label, "policy") {
			return l.custom[i]
		}
	}
	return ""
}

func (l *line) way() event.Direction {
	switch l.direction {
	case "0", "incoming", "inbound":
		return event.In
	case "1", "outgoing", "outbound":
		return event.Out
	}
	if l.vendor != fortinet {
		return event.DirectionUnknown
	}
	return l.fortinetWay()
}

// fortinetWay is seen from the firewall for its own traffic, and otherwise from the network behind it, if the interfaces
// have roles.
func (l *line) fortinetWay() event.Direction {
	inside := func(role string) bool { return role == "lan" || role == "dmz" }
	own := func(intf string) bool {
		return intf == "root" || intf == l.vdom && intf != "" || strings.HasPrefix(intf, "unknown")
	}
	switch e := l.Entry; {
	case l.category == "traffic:local" && own(l.ifaceOut):
		e.IfaceOut = ""
		return event.In
	case l.category == "traffic:local" && own(l.ifaceIn):
		e.IfaceIn = ""
		return event.Out
	case l.category == "traffic:local", l.category == "traffic:sniffer":
		return event.DirectionUnknown
	case l.srcRole == "wan" && inside(l.dstRole):
		return event.In
	case inside(l.srcRole) && l.dstRole == "wan":
		return event.Out
	}
	return event.Forward
}

// plain returns a value without its escapes.
func plain(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	return unescape.Replace(s)
}

var unescape = strings.NewReplacer(`\\`, `\`, `\=`, `=`, `\|`, `|`, `\n`, " ", `\r`, " ")
