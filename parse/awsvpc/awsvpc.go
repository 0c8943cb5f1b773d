// Package awsvpc reads the flow logs of Amazon VPC: one line for the packets that an interface saw of one flow in one
// direction within a window of up to ten minutes. It never takes the window's end for the time, and no row without
// data for a packet.
//
// Source: https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
package awsvpc

import (
	"errors"
	"strings"

	"mailstop/event"
	"mailstop/internal/scan"
	"mailstop/parse"
)

// Kind returns the format.
func Kind() parse.Kind {
	return parse.Kind{
		Format: event.AWSVPC,
		Anchor: "version, account and interface (2 123456789012 eni-…), or a header line with srcaddr and dstaddr",
		New:    func() parse.Parser { return new(parser) },
		Doc: parse.Doc{
			Title: "Amazon VPC flow logs",
			Accepts: []string{
				"version 2 in its default order",
				"versions 3 to 5 with all their fields, in the order of the user guide",
				"any order that a header line names, as the files in S3 have one; transit gateways, too",
				"the time in front of each line that exports from CloudWatch have",
				"NODATA and SKIPDATA rows, as notes",
			},
			Examples: []string{
				"2 123456789012 eni-0a1b2c3d 203.0.113.9 192.0.2.25 51234 25 6 3 180 1767604260 1767604320 REJECT OK",
				"2026-01-05T09:11:12.000Z 2 123456789012 eni-0a1b2c3d 192.0.2.25 203.0.113.19 40112 25 6 12 4800 1767604260 1767604320 ACCEPT OK",
				"2 123456789012 eni-0a1b2c3d - - - - - - - 1767604260 1767604320 - NODATA",
			},
			Sources: []string{"https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html"},
		},
	}
}

// The notes of rows that AWS writes for windows without data.
const (
	noteNoData  = "NODATA: no traffic in the window"
	noteSkipped = "SKIPDATA: records of the window were skipped"
)

var (
	errColumns = errors.New("fields behind the first 14 are of unknown order: a header line is missing")
	errStatus  = errors.New("log-status is not known")
	errAction  = errors.New("action is not known")
	errFlags   = errors.New("tcp-flags is not a flag byte")
)

type parser struct {
	custom []column // of the header that holds, nil if there is none
}

// Headers implements parse.HeaderReader.
func (p *parser) Headers(lines []string) {
	p.custom = nil
	for _, l := range lines {
		if !strings.HasPrefix(l, "#") {
			p.custom = columnsOf(l)
		}
	}
}

// Match takes lines in the default order, and those that fit the columns of a header.
func (p *parser) Match(body string, _ *parse.Record) bool {
	return standard(body) || p.custom != nil && fits(p.custom, body)
}

// standard reports whether a line starts with a version, an account and an interface.
func standard(s string) bool {
	n := scan.Digits(s)
	if n == 0 || n > 2 || len(s) < n+20 || s[n] != ' ' {
		return false
	}
	s = s[n+1:]
	const account, unknown = 12, "unknown" // for interfaces that a service of AWS made
	switch {
	case scan.Digits(s) == account:
		s = s[account:]
	case strings.HasPrefix(s, unknown):
		s = s[len(unknown):]
	default:
		return false
	}
	return strings.HasPrefix(s, " eni-") || strings.HasPrefix(s, " - ")
}

// Parse reads one line.
func (p *parser) Parse(body string, r *parse.Record) error {
	body = strings.TrimRight(body, " ")
	columns, err := p.layout(body)
	l := row{Fill: scan.Fill{Entry: r.Entry, Err: err}, direct: true}
	if err == parse.ErrTruncated { //nolint:errorlint // layout returns it as it is
		body = body[:max(0, strings.LastIndexByte(body, ' '))] // the last field may be cut, too
	}
	for _, c := range columns {
		var value string
		value, body, _ = strings.Cut(body, " ")
		if value != "" && value != "-" {
			l.field(c, value, r)
		}
	}
	return l.finish()
}

// layout returns the columns of a line, and what is wrong with their number.
func (p *parser) layout(body string) ([]column, error) {
	n := strings.Count(body, " ") + 1
	if p.custom != nil && (n == len(p.custom) || !standard(body)) {
		if n < len(p.custom) {
			return p.custom, parse.ErrTruncated
		}
		return p.custom, nil
	}
	// The version is the highest one that a field of the line was added in.
	want := defaultColumns
	if body[1] == ' ' && body[0] >= '3' && body[0] <= '5' {
		want = fullColumns[body[0]-'3']
	}
	switch {
	case n < defaultColumns:
		return standardColumns[:], parse.ErrTruncated
	case n == want && hasType(body) || n == defaultColumns:
		return standardColumns[:n], nil
	}
	return standardColumns[:defaultColumns], errColumns
}
