package envelope

import "strings"

// A class is what a key means. Of several keys of one class the first in the record counts; the order of the classes
// is the order in which they are asked.
type class uint8

const (
	none class = iota

	// Lines as they came from the source.
	lineOriginal // the untouched line, kept beside what was made of it
	lineRawmsg
	lineRawEvent
	lineRaw
	lineFullLog
	lineFull // GELF
	lineJournal
	lineMessage
	lineAtMessage
	lineMSG
	lineLog
	lineMsg
	lineLine
	lineShort
	lineWindows // rendered text of an event, or what NXLog calls a syslog message
	lineAzure
	lineGCP
	lineBody
	linePayload
	lineEvent
	lineText
	lineData
	lineEnd

	// Loki's pairs of a time and a line.
	lokiValues

	// The host that wrote the line.
	hostSyslog
	hostJournal
	hostHostname
	hostObserver
	hostWindows
	hostLogsource
	hostMacro // syslog-ng's HOST
	hostName  // host.hostname: of the agent, if there is one
	hostNamed // host.name
	hostText
	hostLabel
	hostSource // Graylog
	hostFrom
	hostPeer
	hostAddress // host.ip
	hostStream
	hostNode

	// The machine that shipped it.
	agentName
	agentSign // only says that a Beat did

	// The program that wrote it.
	programName
	programTag
	transport

	// When it was written.
	timeSource
	timeRealtime
	timeReported
	timeHeader
	timeLocal
	timeStamp
	timeAt
	timeDate
	timeTime
	timeEpoch

	// The zone of what it says of that.
	zone

	// When it was received.
	gotCreated
	gotGenerated
	gotIngested

	// What tells shippers apart.
	inputType
	sourceType
	stream
	tags
	graylog
	splunk
	syslogMark // a syslog header was read, and taken off
	legacyHeader

	// What other parsers read in the record as a whole.
	windowsID
	windowsData
	windowsFlat
	powerShell // of Get-WinEvent | ConvertTo-Json
	otherFormat
	tupleSource
	tupleTarget

	// Objects in the record that seem to be the record.
	nestedLine
	nestedRecord

	classes
)

// known maps the keys of formats.md §6, joined with dots, to what they mean.
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
	lineOriginal:  "event.original log.original",
	lineRawmsg:    "rawmsg rawmsg-after-pri raw_message rawMessage RawMessage",
	lineRawEvent:  "raw_event",
	lineRaw:       "_raw",
	lineFullLog:   "full_log",
	lineFull:      "full_message",
	lineJournal:   "MESSAGE",
	lineMessage:   "message",
	lineAtMessage: "@message",
	lineMSG:       "MSG",
	lineLog:       "log",
	lineMsg:       "msg _msg",
	lineLine:      "line",
	lineShort:     "short_message",
	lineWindows:   "Message",
	lineAzure:     "SyslogMessage",
	lineGCP:       "textPayload",
	lineBody:      "body body.stringValue Body",
	linePayload:   "payload",
	lineEvent:     "event",
	lineText:      "raw text log_message fields.value",
	lineData:      "data",

	lokiValues: "values",

	hostSyslog:  "log.syslog.hostname",
	hostJournal: "_HOSTNAME",
	hostHostname: "hostname syslog_hostname Hostname HOSTNAME predecoder.hostname HostName syslog.hostname " +
		"sysloghost tags.hostname attributes.hostname LogAttributes.hostname",
	hostObserver:  "observer.name observer.hostname",
	hostWindows:   "winlog.computer_name computer_name Computer win.system.computer data.win.system.computer MachineName",
	hostLogsource: "logsource",
	hostMacro:     "HOST",
	hostName:      "host.hostname",
	hostNamed:     "host.name",
	hostText:      "host",
	hostLabel: "stream.host stream.hostname stream.nodename stream.node_name stream.instance labels.host labels.hostname " +
		"labels.nodename labels.node_name labels.instance fields.host fields.hostname labels.compute.googleapis.com/resource_name",
	hostSource: "source",
	hostFrom:   "fromhost HOST_FROM",
	hostPeer: "source_ip fromhost-ip SOURCEIP log.source.address MessageSourceAddress HostIP gl2_remote_ip " +
		"attributes.net.peer.ip attributes.network.peer.address",
	hostAddress: "host.ip",
	hostStream:  "logStream logStreamName @logStream",
	hostNode: "kubernetes.host kubernetes.node.name kubernetes.node_name tags.host attributes.host.name resource.attributes.host.name " +
		"Resource.host.name ResourceAttributes.host.name resources_string.host.name",

	agentName: "agent.name agent.hostname beat.hostname beat.name",
	agentSign: "agent.type agent.id agent.ephemeral_id agent.version elastic_agent.id @metadata.beat beat.version",

	programName: "SYSLOG_IDENTIFIER syslog.identifier log.syslog.appname programname app-name appname PROGRAM program ident " +
		"process.name process.program syslog_program ProcessName application_name predecoder.program_name syslog_identifier SourceName " +
		"stream.syslog_identifier labels.syslog_identifier journald.custom.syslog_identifier " +
		"app_name tags.appname attributes.appname LogAttributes.appname",
	programTag: "syslogtag",
	transport:  "_TRANSPORT systemd.transport",

	timeSource:   "_SOURCE_REALTIME_TIMESTAMP",
	timeRealtime: "__REALTIME_TIMESTAMP",
	timeReported: "timereported S_ISODATE S_UNIXTIME fields.timestamp",
	timeHeader:   "ISODATE UNIXTIME",
	timeLocal:    "DATE S_DATE syslog_timestamp EventTime",
	timeStamp:    "timestamp Timestamp timeUnixNano time_unix_nano TimeCreated TimeCreated.value",
	timeAt:       "@timestamp @timestamp.$date timestamp.$date",
	timeDate:     "date",
	timeTime:     "time _time TimeGenerated",
	timeEpoch:    "ts epoch",
	zone:         "event.timezone",

	gotCreated: "event.created",
	gotGenerated: "timegenerated R_ISODATE R_UNIXTIME ingestionTime receiveTimestamp _indextime EventReceivedTime @ingestionTime " +
		"received_at observedTimeUnixNano observed_time_unix_nano ObservedTimestamp",
	gotIngested: "event.ingested gl2_receive_timestamp",

	inputType:    "input.type prospector.type",
	sourceType:   "source_type",
	stream:       "stream",
	tags:         "tags",
	graylog:      "gl2_source_input gl2_message_id",
	splunk:       "sourcetype",
	syslogMark:   "log.syslog.procid log.syslog.version log.syslog.msgid",
	legacyHeader: "LEGACY_MSGHDR",

	windowsID:   "winlog.event_id event_id EventID EventId win.system.eventID data.win.system.eventID Event.System.EventID",
	windowsFlat: "SourceAddress DestAddress FilterRTID LayerRTID EventData Channel channel ProviderGuid EventSourceName StringInserts",
	tupleSource: "source.ip source.address src_ip srcip SRC src src_addr saddr srcaddr",
	tupleTarget: "destination.ip destination.address dst_ip dest_ip dstip DST dst dst_addr daddr dstaddr destination_ip",
	powerShell:  "ProviderId",
	otherFormat: "flowTuples flowRecords properties.flows properties.flowRecords properties.flowTuples jsonPayload.disposition",
}

// families are the first parts of keys of which some parser reads them all.
var families = []struct {
	prefix string
	class  class
}{
	{"winlog.event_data.", windowsData},
	{"winlog.user_data.", windowsData},
	{"event_data.", windowsData},
	{"win.eventdata.", windowsData},
	{"data.win.eventdata.", windowsData},
	{"EventData.", windowsData},
	{"Event.EventData.", windowsData},
	{"oob.", otherFormat}, // ulogd
	{"flowRecords.", otherFormat},
	{"jsonPayload.connection.", otherFormat},
	{"jsonPayload.rule_details.", otherFormat},
}

// notRecords are objects whose members have the names of lines and are none.
var notRecords = map[string]bool{
	"error": true, "http": true, "labels": true, "kubernetes": true, "rule": true, "process": true, "fields": false,
	"winlog": true, "user": true, "metadata": true, "@metadata": true, "decoder": true, "stream": true,
}

// classify returns what a key means. It is asked once for each key of a shipper.
func classify(key string) uint8 { return uint8(classOf(key)) }

func classOf(key string) class {
	if c, ok := known[key]; ok {
		return c
	}
	for _, f := range families {
		if strings.HasPrefix(key, f.prefix) {
			return f.class
		}
	}
	root, rest, ok := strings.Cut(key, ".")
	if !ok || notRecords[root] {
		return none
	}
	switch c := classOf(rest); {
	case c > none && c < lineEnd && c != lineText && c != lineData || c == nestedLine:
		return nestedLine
	case c == windowsData || c == otherFormat || c == windowsFlat || c == tupleSource || c == nestedRecord:
		return nestedRecord
	}
	return none
}
