package wfp

import "strings"

// The classes of an object's keys. Those of an event's data are data, flat or wazuh plus their field.
const (
	data  = 0          // in the event's data
	flat  = 1 * fields // at the top, where other things can have the name
	wazuh = 2 * fields // in Wazuh's data, where backslashes are escaped twice
)

const (
	classList      = uint8(3*fields) + iota // values by position
	classData                               // the event's data as one value
	classParam                              // a value without a name, one member each
	classID                                 // the event's number
	classWeakID                             // a number that only counts if there is no better one
	classProvider                           // a name
	classGUID                               // the provider's
	classChannel                            // the log
	classComputer                           // where the event was written
	classWeakHost                           // the same, or a relay
	classAgent                              // who shipped it
	classAgentHost                          // where that runs
	classMessage                            // the rendered text
	classXML                                // the event as XML
	classSystem                             // times, from the event's own to the shipper's
	classCreated
	classEventTime
	classGenerated
	classShipped
	classTimestamp
	classReceived
)

// classOf returns the class of a key, 0 if it says nothing. Keys are known by their last names, wherever they are:
// Elastic's are in winlog, Wazuh's in win or data.win, others at the top.
func classOf(key string) uint8 {
	parent, name := "", key
	if i := strings.LastIndexByte(key, '.'); i >= 0 {
		parent, name = key[:i], key[i+1:]
	}
	if c := dataClass(parent, name); c != 0 {
		return c
	}
	switch name {
	case "event_id", "EventID", "eventID", "EventId", "EventCode":
		return classID
	case "#text", "Value", "value", "text":
		if strings.HasSuffix(parent, "EventID") {
			return classID
		}
	case "Name", "@Name", "-Name":
		if strings.HasSuffix(parent, "Provider") || strings.HasSuffix(parent, "Provider.#attributes") {
			return classProvider
		}
	case "provider_name", "source_name", "SourceName", "ProviderName", "providerName", "EventSourceName", "Provider":
		return classProvider
	case "provider_guid", "ProviderGuid", "providerGuid", "ProviderId", "Guid":
		return classGUID
	case "channel", "Channel", "log_name", "LogName":
		return classChannel
	case "computer_name", "Computer", "computer", "MachineName", "ComputerName":
		return classComputer
	case "message", "Message", "Description", "RenderedDescription", "rendered_message":
		return classMessage
	case "original", "xml", "Xml", "EventXml", "EventXML", "RawXml", "raw_event":
		return classXML
	case "EventData":
		return classData
	case "StringInserts", "string_inserts", "message_inserts", "Properties":
		return classList
	}
	return envelopeClass(parent, name)
}

// dataClass returns the class of a key in the event's data.
func dataClass(parent, name string) uint8 {
	f := fieldOf(name)
	switch parent[strings.LastIndexByte(parent, '.')+1:] {
	case "event_data", "EventData", "eventData":
		switch {
		case f != fNone:
			return uint8(data + f)
		case name == "Data":
			return classList
		case strings.HasPrefix(name, "param"): // Winlogbeat's
			return classParam
		}
	case "eventdata":
		if f != fNone {
			return uint8(wazuh + f)
		}
	case "":
		if f != fNone && name[0] < 'a' {
			return uint8(flat + f)
		}
	}
	return 0
}

// envelopeClass returns the class of a key that is the shipper's.
func envelopeClass(parent, name string) uint8 {
	switch name {
	case "SystemTime", "systemTime", "@SystemTime", "-SystemTime":
		return classSystem
	case "TimeCreated", "time_created":
		return classCreated
	case "EventTime":
		return classEventTime
	case "TimeGenerated":
		return classGenerated
	case "@timestamp":
		return classShipped
	}
	switch parent {
	case "":
		switch name {
		case "timestamp":
			return classTimestamp
		case "Id":
			return classWeakID
		case "Hostname":
			return classWeakHost
		case "host":
			return classAgentHost
		}
	case "event":
		switch name {
		case "code":
			return classWeakID
		case "created":
			return classReceived
		}
	case "agent", "beat":
		if name == "name" || name == "hostname" {
			return classAgent
		}
	case "host":
		if name == "name" || name == "hostname" {
			return classAgentHost
		}
	}
	return 0
}
