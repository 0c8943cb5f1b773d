// Package wfp reads the events that the Windows Filtering Platform writes to the Security log: 5031 and 5150 to 5159, as
// XML, as JSON of the programs that ship Windows' event logs, and as the text that Windows shows of them. Other events of
// Windows are recognised and noted. It guesses neither a direction nor which end of a connection is the local one: where
// the event leaves that open, its source stays the source.
//
// Source: Microsoft, events 5031 and 5150 to 5159 (MicrosoftDocs, windows-itpro-docs); fwpmu.h of the Windows SDK.
package wfp

import (
	"strconv"
	"strings"

	"mailstop/event"
	"mailstop/internal/jsonscan"
	"mailstop/parse"
)

// Kind returns the format.
func Kind() parse.Kind {
	return parse.Kind{
		Format: event.WFP,
		Anchor: `an event of Windows: <Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event">, JSON with winlog.event_id or EventID, or "The Windows Filtering Platform has …"`,
		New:    func() parse.Parser { return &parser{} },
		Doc: parse.Doc{
			Title: "Windows Filtering Platform: events 5031 and 5150 to 5159 of the Security log",
			Accepts: []string{
				"XML, one event a line: any quotes, prefixes, entities and CDATA, data with names or by position",
				"JSON of Winlogbeat and Elastic Agent (nested or dotted, number or string), NXLog, Wazuh, Vector, Fluent Bit, Azure's SecurityEvent, WindowsEvent and WindowsEventLogsTable, and flat JSON as data sets have it",
				"the rendered text in one line, as syslog agents and Snare send it: tabs, two blanks, #011 or \\t between label and value",
				"rendered text in other languages if the event's number stands beside it, by position",
				"directions and layers as tokens (%%14593), in English or translated",
				"other events of Windows, noted by number",
			},
			Examples: []string{
				`<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><Provider Name="Microsoft-Windows-Security-Auditing"/><EventID>5157</EventID><TimeCreated SystemTime="2026-01-05T09:11:12.345678900Z"/><Computer>mx1.example.net</Computer></System><EventData><Data Name="ProcessID">11188</Data><Data Name="Application">\device\harddiskvolume2\mail\edge.exe</Data><Data Name="Direction">%%14593</Data><Data Name="SourceAddress">192.0.2.25</Data><Data Name="SourcePort">61005</Data><Data Name="DestAddress">203.0.113.19</Data><Data Name="DestPort">25</Data><Data Name="Protocol">6</Data><Data Name="FilterRTID">110398</Data><Data Name="LayerName">%%14611</Data><Data Name="LayerRTID">48</Data></EventData></Event>`,
				`{"@timestamp":"2026-01-05T09:11:12.345Z","winlog":{"channel":"Security","event_id":"5152","computer_name":"mx1.example.net","event_data":{"ProcessId":"4","Application":"System","Direction":"%%14592","SourceAddress":"203.0.113.9","SourcePort":"51234","DestAddress":"192.0.2.25","DestPort":"25","Protocol":"6","FilterRTID":"72116","LayerName":"%%14597","LayerRTID":"13"}}}`,
				`The Windows Filtering Platform has blocked a packet.  Application Information:  Process ID:  4  Application Name: System  Network Information:  Direction:  Inbound  Source Address:  203.0.113.9  Source Port:  51234  Destination Address: 192.0.2.25  Destination Port:  25  Protocol:  6  Filter Information:  Filter Run-Time ID: 72116  Layer Name:  Transport  Layer Run-Time ID: 13`,
			},
			Sources: []string{
				"Microsoft, windows-itpro-docs: event-5031.md, event-5150.md to event-5159.md",
				"Windows SDK, fwpmu.h",
			},
		},
	}
}

type parser struct {
	doc, inner jsonscan.Doc
	arena      jsonscan.Arena
	event      record // here, not on the stack, since it is large
	notes      map[int]string
}

// Match looks for an event of Windows in the spelling that the first byte allows.
func (p *parser) Match(body string, _ *parse.Record) bool {
	if len(body) < 40 {
		return false
	}
	switch body[0] {
	case '<', '-':
		return isXML(body)
	case '{':
		return isJSON(body)
	}
	return isText(body)
}

// Parse reads one event.
func (p *parser) Parse(body string, r *parse.Record) error {
	x := &p.event
	*x = record{}
	var err error
	switch body[0] {
	case '<', '-':
		if strings.HasPrefix(body[1:], damagedName) {
			return readDamaged(body, r)
		}
		err = x.readXML(body)
	case '{':
		err = p.readJSON(body)
	default:
		x.readText(body)
	}
	x.setTime(r)
	if x.computer != "" {
		r.Host = x.computer
	}
	if x.agent != "" && x.agent != r.Host && r.Agent == "" {
		r.Agent = x.agent
	}
	switch {
	case x.id != 0:
	case err == nil && x.zero: // of another program
	case err != nil:
		return err
	case body[0] == '<' || body[0] == '-' || body[0] == '{':
		return errNoID
	default:
		r.Note = "Windows event"
		return nil
	}
	if k := kindOf(x.id); k != kindOther && x.isAudit() {
		return x.finish(k, r.Entry, err)
	}
	r.Note = p.note(x.id)
	return nil
}

// damagedName is the element that stands for a record of a binary event log that cannot be read.
const damagedName = "Event-damaged"

// readDamaged takes the time and the reason from such an element.
func readDamaged(body string, r *parse.Record) error {
	var a attributes
	_, i := nameAt(body, 1)
	a.read(body, i)
	if st, n := parse.ScanDateTime(a.written); n > 0 {
		st.Zoned = true
		r.SetInnerTime(st)
	}
	r.Reason = unescapeXML(a.reason)
	return errDamaged
}

// note names an event that is none of the filtering platform's.
func (p *parser) note(id int) string {
	if p.notes == nil {
		p.notes = map[int]string{}
	}
	s, ok := p.notes[id]
	if !ok {
		s = "Windows event " + strconv.Itoa(id)
		p.notes[id] = s // at most 65536 of them: readers refuse other numbers
	}
	return s
}

// isXML reports whether s is an event in XML, also as browsers and the Event Viewer show it, with a '-' before what can be
// folded.
func isXML(s string) bool {
	if s[0] == '-' {
		if s = strings.TrimLeft(s[1:], " "); s == "" || s[0] != '<' {
			return false
		}
	}
	head := s[:min(len(s), 400)]
	if strings.HasPrefix(head, "<?xml") {
		i := strings.Index(head, "?>")
		if i < 0 {
			return false
		}
		head = strings.TrimLeft(head[i+2:], " \t")
	}
	for strings.HasPrefix(head, "<!--") {
		i := strings.Index(head, "-->")
		if i < 0 {
			return false
		}
		head = strings.TrimLeft(head[i+3:], " \t")
	}
	if head == "" || head[0] != '<' {
		return false
	}
	name := head[1:]
	if i := strings.IndexAny(name, " \t>/"); i >= 0 {
		name = name[:i]
	}
	if i := strings.IndexByte(name, ':'); i >= 0 {
		name = name[i+1:]
	}
	if name == damagedName {
		return true
	}
	return (name == "Event" || name == "Events") &&
		(strings.Contains(head, "schemas.microsoft.com/win/") || strings.Contains(head, "<System>") || strings.Contains(head, ":System>"))
}

// isJSON reports whether an object has the keys of an event of Windows, under the names that one of the known shippers
// gives them.
func isJSON(s string) bool {
	// The first byte of what is looked for is a rare one, which is what makes looking cheap.
	if strings.Contains(s, `_id"`) && strings.Contains(s, `event_id"`) {
		return strings.Contains(s, `"winlog`) || strings.Contains(s, `"event_data`) || strings.Contains(s, `"computer_name"`) ||
			strings.Contains(s, `"provider_guid"`)
	}
	if strings.Contains(s, `ID"`) {
		switch {
		case strings.Contains(s, `EventID"`):
			return strings.Contains(s, `Channel"`) || strings.Contains(s, `SourceName"`) || strings.Contains(s, `Provider`)
		case strings.Contains(s, `eventID"`):
			return strings.Contains(s, `"win"`) || strings.Contains(s, `win.system.`)
		}
	}
	if strings.Contains(s, `RawXml"`) { // Azure's WindowsEventLogsTable
		return strings.Contains(s, "schemas.microsoft.com/win/")
	}
	// PowerShell's ConvertTo-Json
	if strings.Contains(s, `ProviderId"`) {
		return strings.Contains(s, `"MachineName"`) && strings.Contains(s, `"Id"`)
	}
	return false
}
