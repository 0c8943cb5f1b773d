package envelope

import "bytes"

// plain returns a record with its values as other JSON has them: OpenTelemetry writes {"key":"a","value":{"stringValue":"b"}}
// for a member, and CloudWatch Logs Insights {"field":"a","value":"b"}. The record has no white space; it is changed in
// place, since it gets no longer. What is not like that stays as it is.
//
// https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
func plain(record []byte) []byte {
	p := plainer{in: record, out: make([]byte, 0, len(record))}
	if !p.value() || p.at != len(record) {
		return record
	}
	return append(record[:0], p.out...)
}

// A plainer reads in and writes out.
type plainer struct {
	in, out []byte
	at      int
}

// wrapped are the starts of values that say their type.
var wrapped = [...]string{
	`{"stringValue":`, `{"intValue":`, `{"doubleValue":`, `{"boolValue":`, `{"bytesValue":`,
	`{"string_value":`, `{"int_value":`, `{"double_value":`, `{"bool_value":`, `{"bytes_value":`,
}

// nested are the starts of those that have many.
var nested = [...]string{`{"kvlistValue":{"values":`, `{"arrayValue":{"values":`, `{"kvlist_value":{"values":`, `{"array_value":{"values":`}

func (p *plainer) skip(s string) bool {
	if !bytes.HasPrefix(p.in[p.at:], []byte(s)) {
		return false
	}
	p.at += len(s)
	return true
}

func (p *plainer) value() bool {
	if p.at >= len(p.in) {
		return false
	}
	switch p.in[p.at] {
	case '"':
		return p.text()
	case '{':
		for _, s := range wrapped {
			if p.skip(s) {
				return p.value() && p.skip("}")
			}
		}
		for _, s := range nested {
			if p.skip(s) {
				return p.value() && p.skip("}}")
			}
		}
		return p.list('}', p.member)
	case '[':
		for _, key := range [...]string{`{"key":`, `{"field":`} {
			if bytes.HasPrefix(p.in[p.at+1:], []byte(key)) {
				return p.pairs(key)
			}
		}
		return p.list(']', p.value)
	}
	n := bytes.IndexAny(p.in[p.at:], ",]}")
	if n <= 0 {
		return false
	}
	p.copy(n)
	return true
}

func (p *plainer) copy(n int) {
	p.out = append(p.out, p.in[p.at:p.at+n]...)
	p.at += n
}

func (p *plainer) text() bool {
	if p.at >= len(p.in) || p.in[p.at] != '"' {
		return false
	}
	n := textEnd(p.in[p.at:])
	if n < 0 {
		return false
	}
	p.copy(n)
	return true
}

func (p *plainer) member() bool {
	if !p.text() || p.at >= len(p.in) || p.in[p.at] != ':' {
		return false
	}
	p.copy(1)
	return p.value()
}

// list reads what is between brackets.
func (p *plainer) list(end byte, one func() bool) bool {
	p.copy(1)
	for first := true; p.at < len(p.in); first = false {
		switch {
		case p.in[p.at] == end:
			p.copy(1)
			return true
		case first:
		case p.in[p.at] != ',':
			return false
		default:
			p.copy(1)
		}
		if !one() {
			return false
		}
	}
	return false
}

// pairs makes an object of a list of keys and values.
func (p *plainer) pairs(key string) bool {
	p.at++
	p.out = append(p.out, '{')
	for first := true; ; first = false {
		if p.skip("]") {
			p.out = append(p.out, '}')
			return true
		}
		if !first {
			if !p.skip(",") {
				return false
			}
			p.out = append(p.out, ',')
		}
		if !p.skip(key) || !p.text() {
			return false
		}
		p.out = append(p.out, ':')
		switch {
		case p.skip("}"): // no value
			p.out = append(p.out, "null"...)
		case !p.skip(`,"value":`) || !p.value() || !p.skip("}"):
			return false
		}
	}
}
