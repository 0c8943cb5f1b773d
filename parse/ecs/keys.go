package ecs

import "strings"

// A class is what a key means. Of several keys of one class the first in the record counts.
type class uint8

const (
	none class = iota
	srcIP
	dstIP
	srcPort
	dstPort
	protoNumber
	protoName
	action
	types // event.type
	direction
	ifaceIn
	ifaceOut
	flags
	icmpType
	icmpCode
	length
	ttl
	mark
	uid
	pid
	processPath
	processName
	ruleID
	ruleName
	ruleset
	reason
	host
	named // host.name
	stamp
	foreign // of records that another format's parser reads, or that are no firewall's
	classes
)

// known maps keys of ECS, and those that users of Vector and Logstash give parsed fields, to what they mean.
var known = func() map[string]class {
	m := map[string]class{}
	for c, keys := range meanings {
		for key := range strings.FieldsSeq(keys) {
			m[key] = c
		}
	}
	return m
}()

// meanings has the keys of each class. A key is in one of them.
var meanings = map[class]string{
	srcIP:       "source.ip source.address src_ip srcip SRC src src_addr saddr",
	dstIP:       "destination.ip destination.address dst_ip dest_ip dstip DST dst dst_addr daddr destination_ip",
	srcPort:     "source.port src_port srcport SPT spt sport source_port",
	dstPort:     "destination.port dst_port dest_port dstport DPT dpt dport destination_port",
	protoNumber: "network.iana_number proto_num",
	protoName:   "network.transport PROTO proto protocol transport ip_proto",
	action:      "event.action action fw_action rule.action disposition verdict",
	types:       "event.type",
	direction:   "network.direction direction",
	ifaceIn:     "observer.ingress.interface.name iptables.input_device IN in_interface iface_in",
	ifaceOut:    "observer.egress.interface.name iptables.output_device OUT out_interface iface_out",
	flags:       "tcp.flags iptables.tcp.flags pfsense.tcp.flags tcp_flags tcpflags",
	icmpType:    "icmp.type iptables.icmp.type icmp_type TYPE",
	icmpCode:    "icmp.code iptables.icmp.code icmp_code CODE",
	length:      "iptables.length LEN length network.bytes packet_length",
	ttl:         "iptables.ttl pfsense.ip.ttl TTL ttl ip.ttl",
	mark:        "MARK mark iptables.mark",
	uid:         "user.id UID uid",
	pid:         "process.pid",
	processPath: "process.executable",
	processName: "process.name",
	ruleID:      "rule.id rule_id",
	ruleName:    "rule.name rule rule_name",
	ruleset:     "rule.ruleset ruleset chain iptables.ubiquiti.rule_set",
	reason:      "event.reason reason",
	host:        "observer.name observer.hostname log.syslog.hostname hostname",
	named:       "host.name host.hostname host",
	stamp:       "@timestamp timestamp",
	foreign:     "srcaddr dstaddr event_type EventID event_id winlog.event_id jsonPayload.disposition flowTuples dvc",
}

// foreignFamilies are the first parts of keys of ulogd, Windows and cloud services, and of what is no firewall's.
var foreignFamilies = [...]string{
	"oob.", "raw.", "winlog.", "win.", "event_data.", "jsonPayload.", "flowRecords.", "properties.", "http.", "dns.", "tls.", "zeek.",
	"suricata.", "url.", "email.",
}

func classify(key string) uint8 {
	if c, ok := known[key]; ok {
		return uint8(c)
	}
	for _, f := range foreignFamilies {
		if strings.HasPrefix(key, f) {
			return uint8(foreign)
		}
	}
	return uint8(none)
}
