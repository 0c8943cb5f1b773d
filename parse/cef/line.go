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
	vendor, event, name string

	src, dst, srcPort, dstPort, proto, count string
	action, utmAction, category, subtype     string
	ifaceIn, ifaceOut, direction             string
	srcRole, dstRole, vdom, srcV6, dstV6     string
	hostName, deviceHost, device             string
	utc, eventTime, start, receipt, end      string
	ownAction                                string // where act is not said
	zone                                     string
	policy, policyType                       string
	reason, signature, message               string
	labels, custom                           [customs]string
}

const customs = 6 // cs1 to cs6

// header takes the rest of the header off s: vendor, product, version, signature, name, severity.
func (l *line) header(s *string) bool {
	if rest := strings.TrimPrefix(*s, "|"); len(rest) < len(*s) && fieldsBefore(rest) >= headerFields { // one too many
		*s = rest
	}
	for i := range headerFields {
		end := bar(*s)
		if end < 0 {
			return false
		}
		switch value := (*s)[:end]; i {
		case 0:
			l.vendor = value
		case 3:
			l.event = value
		case 4:
			l.name = value
		}
		*s = (*s)[end+1:]
	}
	return true
}

// headerFields is how many fields the header has behind the version.
const headerFields = 6

// fieldsBefore counts the fields of a header that end before the first pair.
func fieldsBefore(s string) (n int) {
	s = s[:max(strings.IndexByte(s, '='), 0)]
	for i := bar(s); i >= 0; i = bar(s) {
		n++
		s = s[i+1:]
	}
	return n
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
			l.store(key, strings.Trim(s[from:max(from, start-1)], " "))
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
	l.store(key, strings.Trim(s[from:], " "))
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
		if l.vendor != sonicWall { // who counts since it was started
			l.count = value
		}
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
	case "dtz", "deviceTimeZone":
		l.zone = value
	default:
		l.storeOwn(key, value)
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
		if !st.Zoned {
			if zone := strings.TrimLeft(s[n:], " "); zone != "" {
				st.Offset, st.Zoned = zoneOffset(zone)
			} else {
				st.Offset, st.Zoned = zoneOffset(l.zone)
			}
		}
		r.SetInnerTime(st)
		return
	}
}

// zoneOffset reads "UTC", "GMT+01:00" and "+0100", in seconds east of UTC. What other names of zones mean depends on the
// place.
func zoneOffset(s string) (seconds int, ok bool) {
	for _, name := range [...]string{"UTC", "GMT"} {
		if rest := strings.TrimPrefix(s, name); len(rest) < len(s) {
			if s = rest; s == "" {
				return 0, true
			}
			break
		}
	}
	if len(s) < len("+0100") || s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	minutes := strings.TrimPrefix(s[3:], ":")
	h, ok := scan.Uint(s[1:3], 15)
	m, ok2 := scan.Uint(minutes, 59)
	if !ok || !ok2 || len(minutes) != 2 {
		return 0, false
	}
	if seconds = int(h*3600 + m*60); s[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
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
	case paloAlto: // PAN-OS writes the kind of log for the event's name, its cloud for the event
		if l.event != "TRAFFIC" && l.name != "TRAFFIC" {
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
	// Some products name an application here, also behind the protocol: "tcp/https".
	proto, _, _ := strings.Cut(l.proto, "/")
	if _, ok := scan.Proto(proto); ok || scan.Digits(proto) == len(proto) {
		l.Proto(proto)
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
	if l.vendor == sonicWall && l.labels[0] == "" {
		return strings.Trim(l.custom[0], `"`)
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
	switch l.vendor {
	case fortinet:
		return l.fortinetWay()
	case paloAlto:
		return event.Forward
	}
	return event.DirectionUnknown
}

// plain returns a value without its escapes.
func plain(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	return unescape.Replace(s)
}

var unescape = strings.NewReplacer(`\\`, `\`, `\=`, `=`, `\|`, `|`, `\n`, " ", `\r`, " ")
