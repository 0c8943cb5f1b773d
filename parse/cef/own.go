package cef

import (
	"strings"

	"mailstop/event"
)

// storeOwn keeps the value of a key that products made up, or label.
func (l *line) storeOwn(key, value string) {
	switch key {
	case "UNIFIhost":
		l.hostName = value
	case "UNIFIutcTime":
		l.utc = value
	case "UNIFIpolicyName":
		l.policy = value
	case "UNIFIpolicyType":
		l.policyType = value
	case "UNIFIipsSignature":
		l.signature = value
	case "fw_action":
		l.ownAction = strings.Trim(value, `"`)
	default:
		if l.vendor == fortinet && l.storeFortinet(key, value) {
			return
		}
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

// storeFortinet keeps the value of a key of FortiOS' own, and reports whether it is one. It is told by what is before it:
// by FortiOS of today, by that of 6.0, and by FortiAnalyzer.
func (l *line) storeFortinet(key, value string) bool {
	own := key
	for _, before := range [...]string{"FTNTFGT", "FortinetFortiGate", "ad."} {
		if own = strings.TrimPrefix(key, before); len(own) < len(key) {
			break
		}
	}
	if len(own) == len(key) {
		return false
	}
	switch own {
	case "policyid":
		l.policy = value
	case "policytype":
		l.policyType = value
	case "eventtime":
		l.eventTime = value
	case "utmaction":
		l.utmAction = value
	case "action":
		l.ownAction = value
	case "subtype":
		l.subtype = value
	case "vd":
		l.vdom = value
	case "srcintfrole":
		l.srcRole = value
	case "dstintfrole":
		l.dstRole = value
	}
	return true
}

// fortinetWay is seen from the firewall for its own traffic, and otherwise from the network behind it, if the interfaces
// have roles.
func (l *line) fortinetWay() event.Direction {
	inside := func(role string) bool { return role == "lan" || role == "dmz" }
	own := func(intf string) bool {
		return intf == "root" || intf == l.vdom && intf != "" || strings.HasPrefix(intf, "unknown")
	}
	subtype := l.subtype
	if _, s, ok := strings.Cut(l.category, ":"); ok {
		subtype = s
	}
	switch e := l.Entry; {
	case subtype == "local" && own(l.ifaceOut):
		e.IfaceOut = ""
		return event.In
	case subtype == "local" && own(l.ifaceIn):
		e.IfaceIn = ""
		return event.Out
	case subtype == "local", subtype == "sniffer":
		return event.DirectionUnknown
	case l.srcRole == "wan" && inside(l.dstRole):
		return event.In
	case inside(l.srcRole) && l.dstRole == "wan":
		return event.Out
	}
	return event.Forward
}
