package wfp

import (
	"strings"

	"mailstop/internal/jsonscan"
	"mailstop/parse"
)

// An object is an event as JSON while its members are read.
type object struct {
	*record
	p *parser

	weakID                                int
	weakHost, weakProcess, agentHost      string
	message, xml                          jsonscan.Value
	system, created, eventTime, generated string // times, best first
	shipped                               string
}

// readJSON reads an event that a shipper has made an object of.
func (p *parser) readJSON(s string) error {
	if p.doc.Class == nil {
		p.doc.Class, p.doc.Classed = classOf, true
		p.inner.Class = classOf
	}
	whole := p.doc.Parse(s)
	o := object{record: &p.event, p: p}
	members := p.doc.Fields()
	if n := len(members); !whole && n > 0 && members[n-1].Value.Kind == jsonscan.Number && strings.HasSuffix(s, members[n-1].Value.Raw) {
		members = members[:n-1] // digits may be missing
	}
	for i := range members {
		o.member(members[i].Class, members[i].Value)
	}
	o.settle(whole)
	if o.xml.Kind == jsonscan.Text && !o.hasData() {
		if s := o.xml.String(&p.arena); isEventXML(s) {
			_ = o.readXML(s) // whole or not: the object is
		}
	}
	if o.message.Kind == jsonscan.Text && kindOf(o.id) != kindOther && (!o.hasData() || o.values[fProcess] == "") {
		o.fromMessage()
	}
	if !whole {
		return parse.ErrTruncated
	}
	return nil
}

func isEventXML(s string) bool { return len(s) > 1 && (s[0] == '<' || s[0] == '-') && isXML(s) }

func (x *record) hasData() bool {
	return x.values[fProtocol] != "" || x.values[fApplication] != "" || x.listed > 0
}

// fromMessage reads the rendered text, for events without data, and for those whose process id has been lost to the
// logger's.
func (o *object) fromMessage() {
	text := record{id: o.id}
	text.readMessage(o.message.String(&o.p.arena))
	if o.hasData() {
		o.set(fProcess, text.values[fProcess])
		return
	}
	o.values, o.list, o.listed, o.paired, o.err = text.values, text.list, text.listed, text.paired, text.err
}

// settle decides between members that say the same. The top of an object that was cut may lack what it decides by.
func (o *object) settle(whole bool) {
	if o.id == 0 {
		o.id = o.weakID
	}
	if o.computer == "" {
		o.computer = o.weakHost
	}
	if o.listed == 0 && whole {
		o.set(fProcess, o.weakProcess)
	}
	for _, t := range [...]string{o.system, o.created, o.eventTime, o.generated} {
		if t != "" {
			o.time = t
			break
		}
	}
	switch {
	case o.time == "":
		o.time = o.shipped
	case o.received == "":
		o.received = o.shipped
	}
	o.timeUTC = o.time == o.system
	if o.agent == "" {
		o.agent = o.agentHost
	}
	if o.computer == "" {
		o.computer = o.agent
	}
}

func (o *object) text(v jsonscan.Value) string {
	if v.Kind != jsonscan.Text && v.Kind != jsonscan.Number {
		return ""
	}
	return v.String(&o.p.arena)
}

// member takes one member.
func (o *object) member(class uint8, v jsonscan.Value) {
	if class != classList && class != classData {
		v = v.One() // Kibana's copies of documents have lists of one
	}
	if class < uint8(3*fields) {
		o.value(class/uint8(fields), field(class%uint8(fields)), v)
		return
	}
	switch class {
	case classList:
		if o.listed == 0 {
			o.listIn(v)
		}
	case classData:
		o.eventData(v)
	case classParam:
		o.add(o.text(v))
	case classID:
		if v.Kind == jsonscan.Text || v.Kind == jsonscan.Number {
			o.setID(v.Raw)
		}
	case classWeakID:
		if n, ok := v.Int(); ok && n > 0 && n <= 0xffff {
			o.weakID = int(n)
		}
	case classProvider:
		o.provider = o.text(v)
	case classGUID:
		o.guid = o.text(v)
	case classChannel:
		o.channel = o.text(v)
	case classComputer:
		o.computer = o.text(v)
	case classWeakHost:
		o.weakHost = o.text(v)
	case classAgent:
		if o.agent == "" {
			o.agent = o.text(v)
		}
	case classAgentHost:
		if o.agentHost == "" {
			o.agentHost = o.text(v)
		}
	case classMessage:
		if o.message.Kind == jsonscan.Absent {
			o.message = v
		}
	case classXML:
		o.xml = v
	default:
		o.when(class, v)
	}
}

// value takes a value of the event's data.
func (o *object) value(where uint8, f field, v jsonscan.Value) {
	switch {
	case f == fNone:
		return
	case f == fProcess && where == uint8(flat/fields):
		// NXLog and Fluent Bit have the logger's there, as a number; data are text.
		if v.Kind == jsonscan.Text && o.weakProcess == "" {
			o.weakProcess = v.Raw
		}
		return
	}
	s := o.text(v)
	if where == uint8(wazuh/fields) {
		s = undouble(s)
	}
	o.set(f, s)
}

// listIn takes values by position, or objects of a name and a value, from a list.
func (o *object) listIn(v jsonscan.Value) {
	v.Elements(func(e jsonscan.Value) bool {
		if e.Kind != jsonscan.Object {
			// PowerShell writes the name of a type for what is deeper than its -Depth.
			if s := o.text(e); s != "System.Diagnostics.Eventing.Reader.EventProperty" {
				o.add(s)
			}
			return true
		}
		var name, value string
		if o.p.inner.Parse(e.Raw) {
			for _, f := range o.p.inner.Fields() {
				switch strings.TrimLeft(f.Key[strings.LastIndexByte(f.Key, '.')+1:], "@-_$") {
				case "Name", "name":
					name = f.Value.Raw
				case "Value", "value", "#text", "text", "content", "":
					value = o.text(f.Value)
				}
			}
		}
		if name == "" {
			o.add(value)
		} else if f := fieldOf(name); f != fNone {
			o.set(f, value)
		}
		return true
	})
}

// eventData takes data that came as one value: Azure's as text of XML or of JSON, Fluentd's as a list.
func (o *object) eventData(v jsonscan.Value) {
	switch v.Kind {
	case jsonscan.List:
		o.listIn(v)
	case jsonscan.Text:
		s := o.text(v)
		switch {
		case strings.HasPrefix(s, "{") && o.p.inner.Parse(s):
			for _, f := range o.p.inner.Fields() {
				if to := fieldOf(f.Key[strings.LastIndexByte(f.Key, '.')+1:]); to != fNone {
					o.set(to, o.text(f.Value))
				}
			}
		case strings.HasPrefix(s, "<"):
			_ = o.readXML(s) // data alone: it never has the end of an event
		}
	}
}

// when takes times.
func (o *object) when(class uint8, v jsonscan.Value) {
	if v.Kind != jsonscan.Text && v.Kind != jsonscan.Number {
		return
	}
	switch class {
	case classSystem:
		o.system = v.Raw
	case classCreated:
		o.created = o.text(v)
	case classEventTime:
		o.eventTime = v.Raw
	case classGenerated:
		o.generated = v.Raw
	case classShipped:
		o.shipped = v.Raw
	case classTimestamp:
		if o.shipped == "" {
			o.shipped = v.Raw
		}
	case classReceived:
		o.received = v.Raw
	}
}
