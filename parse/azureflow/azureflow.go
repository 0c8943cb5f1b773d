// Package azureflow reads the flow logs of Azure's network security groups and virtual networks. A file of them is JSON
// with thousands of flows in one record: the container makes a line of each, and the format reads that line. It never
// takes a flow's state for another verdict than the documentation says.
//
// Source: https://learn.microsoft.com/en-us/azure/network-watcher/nsg-flow-logs-overview#log-format and
// https://learn.microsoft.com/en-us/azure/network-watcher/vnet-flow-logs-overview#log-format
package azureflow

import (
	"errors"
	"strings"

	"mailstop/event"
	"mailstop/internal/jsonscan"
	"mailstop/internal/scan"
	"mailstop/parse"
)

// Kind returns the format.
func Kind() parse.Kind {
	return parse.Kind{
		Format: event.AzureFlow,
		Anchor: `JSON records with flowTuples`,
		New:    func() parse.Parser { return new(parser) },
		Doc: parse.Doc{
			Title: "Azure: flow logs of network security groups and virtual networks",
			Accepts: []string{
				"a line for each flow, as the container for flow log files makes it",
				"a record with a single flow, as it comes from an event hub",
				"tuples of network security groups, versions 1 and 2, and of virtual networks",
			},
			Examples: []string{
				`{"time":"2026-01-05T09:11:32.1234567Z","resource":"/SUBSCRIPTIONS/0/RESOURCEGROUPS/MAIL/PROVIDERS/MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/NSG-MAIL","mac":"00224871C205","rule":"UserRule_DenySMTP","version":2,"tuple":"1767604272,203.0.113.9,192.0.2.25,51234,25,T,I,D,B,,,,"}`,
				`{"time":"2026-01-05T09:11:32.1234567Z","resource":"/subscriptions/0/resourceGroups/mail/providers/Microsoft.Network/virtualNetworks/vnet-mail","mac":"00224871C205","rule":"DenySMTP","version":4,"tuple":"1767604272345,203.0.113.9,192.0.2.25,51234,25,6,I,D,NX,0,0,0,0"}`,
			},
			Sources: []string{
				"https://learn.microsoft.com/en-us/azure/network-watcher/nsg-flow-logs-overview#log-format",
				"https://learn.microsoft.com/en-us/azure/network-watcher/vnet-flow-logs-overview#log-format",
			},
		},
	}
}

// noteOther is of records without flows.
const noteOther = "record without flows"

var (
	errTuple   = errors.New("flow tuple is not one")
	errSeveral = errors.New("several flows in one line: read the record as a file")
	errState   = errors.New("flow state is not known")
)

type parser struct {
	doc   jsonscan.Doc
	arena jsonscan.Arena
}

// lineHead starts the lines that the container makes.
const lineHead = `{"time":`

// Match takes the container's lines, and records that came alone.
func (*parser) Match(body string, _ *parse.Record) bool {
	if body == "" || body[0] != '{' {
		return false
	}
	if strings.HasPrefix(body, lineHead) && strings.Contains(body, `,"tuple":`) && strings.Contains(body, `,"resource":"`) {
		return true
	}
	i := strings.Index(body, "flowTuples") // faster than with the quotes, which are everywhere
	return i > 0 && body[i-1] == '"' && strings.HasPrefix(body[i+len("flowTuples"):], `"`)
}

// Parse reads one line.
func (p *parser) Parse(body string, r *parse.Record) error {
	if !strings.Contains(body, `,"tuple":`) {
		line, err := single(body)
		if line == "" {
			if err == nil {
				r.Note = noteOther
			}
			return err
		}
		if err2 := p.line(line, r); err == nil {
			err = err2
		}
		if err != nil {
			r.Note = ""
		}
		return err
	}
	return p.line(body, r)
}

// line reads a line that the container made.
func (p *parser) line(body string, r *parse.Record) error {
	whole := p.doc.Parse(body)
	l := line{Fill: scan.Fill{Entry: r.Entry}}
	var tuple, stamp string
	for _, f := range p.doc.Fields() {
		value := f.Value.String(&p.arena)
		switch f.Key {
		case "time":
			stamp = value
		case "resource":
			l.resource = value
		case "mac":
			l.mac = value
		case "rule":
			r.Entry.Rule = value
		case "acl":
			r.Entry.Ruleset = last(value)
		case "tuple":
			tuple = value
		}
	}
	if l.resource != "" {
		r.Entry.Host = last(l.resource)
	}
	if tuple == "" {
		if st, n := parse.ScanDateTime(stamp); n > 0 && n == len(stamp) {
			r.SetInnerTime(st)
		}
		if !whole {
			return parse.ErrTruncated
		}
		r.Entry.Rule, r.Entry.Ruleset, r.Note = "", "", noteOther
		return nil
	}
	l.tuple(tuple, r)
	if !whole {
		l.Fail(parse.ErrTruncated)
	}
	return l.Finish()
}

// last returns what a resource's path ends with: its name.
func last(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
