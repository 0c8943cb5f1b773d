// Package envelope takes log lines out of what shippers put around them: JSON records of Filebeat, Fluent Bit, Vector,
// Logstash, rsyslog, syslog-ng, NXLog, journald, Splunk, Graylog, Loki, CloudWatch and others, also one in the other, and
// the text of container runtimes. It says whose line it is, and when it was written and received. A record that has no
// line, since its shipper has read it already, stays whole, for the format that knows it.
package envelope

import (
	"strings"

	"mailstop/internal/jsonscan"
	"mailstop/parse"
)

// Layer returns the layer for a session's table.
func Layer() parse.Layer { return parse.Layer{Name: "shipper's envelope", New: New, Doc: doc} }

// New returns an unwrapper of one record a line. For a record without a line in it, Unwrap returns the record.
func New() parse.Unwrapper { return &unwrapper{doc: jsonscan.Doc{Class: classify, Classed: true}} }

type unwrapper struct {
	doc  jsonscan.Doc
	text jsonscan.Arena
	days days

	zones   zones
	tagTime moment // what Fluentd says of inner, the record that is to be read next
	inner   string
	got     int64 // when it was received, from what is around it
}

// NotePart is the note of a line of which only a part is there.
const NotePart = "part of a longer line"

// Unwrap implements parse.Unwrapper.
func (u *unwrapper) Unwrap(text string, r *parse.Record) (string, bool) {
	if len(text) < 2 {
		return text, false
	}
	switch c := text[0]; {
	case c == '{':
		return u.object(text, r)
	case c == '[':
		return u.fluent(text, r)
	case c == '"':
		return u.quoted(text)
	case c == '@':
		for _, cookie := range [...]string{"@cee:", "@json:"} { // CEE's Lumberjack, and journald's
			if rest, ok := strings.CutPrefix(text, cookie); ok && strings.HasPrefix(strings.TrimLeft(rest, " "), "{") {
				return strings.TrimLeft(rest, " "), true
			}
		}
	case c == ' ' || c == '\t':
		if rest := strings.TrimLeft(text, " \t"); rest != "" && rest[0] == '{' {
			if body, ok := u.object(rest, r); ok {
				return body, true
			}
		}
	case c-'0' <= 9 && len(text) > 30 && text[4] == '-':
		return u.dated(text, r)
	case c == 0x1e: // RFC 7464, as of journalctl -o json-seq
		return strings.TrimLeft(text[1:], " "), true
	case c == 'd' && strings.HasPrefix(text, "data: {"): // a server-sent event, as of journalctl -o json-sse
		return text[len("data: "):], true
	}
	if text[len(text)-1] == ']' && strings.HasSuffix(text, "}]") {
		return u.tagged(text, r)
	}
	return text, false
}

// object reads one JSON object. Of one that is cut the line is read if it is whole.
func (u *unwrapper) object(text string, r *parse.Record) (string, bool) {
	whole := u.doc.Parse(text)
	if !whole && !u.doc.Cut() {
		return text, false
	}
	f := fields{unwrapper: u, all: u.doc.Fields()}
	f.collect()
	if f.parsed = u.inner != "" && u.inner == text; f.parsed {
		u.inner = ""
	}
	if whole {
		return f.unwrap(text, r)
	}
	if c := f.line(); c == none || c == lokiValues || f.read() || f.has(windowsID) {
		return text, false // for a format to say what is missing
	}
	body, ok := f.unwrap(text, r)
	if ok {
		r.Error = parse.ErrTruncated.Error()
	}
	return body, ok
}

// quoted reads a line that is a JSON string: messages of a pipeline that takes each for a document.
func (u *unwrapper) quoted(text string) (string, bool) {
	if end, _ := jsonscan.StringEnd(text, 1); end != len(text)-1 || end < 16 {
		return text, false
	}
	return u.clean(jsonscan.Value{Kind: jsonscan.Text, Raw: text[1 : len(text)-1], Escaped: true}), true
}

// dated reads what container runtimes write, "TIME stdout F message", and Fluentd's files, "TIME<tab>tag<tab>record".
func (u *unwrapper) dated(text string, r *parse.Record) (string, bool) {
	i := 19
	for i < len(text) && i < 40 && text[i] > ' ' {
		i++
	}
	rest := text[i:]
	if len(rest) < 8 {
		return text, false
	}
	if rest[0] == ' ' && !strings.HasPrefix(rest, " std") {
		return u.spaced(text, i, r)
	}
	st, ok := u.when(jsonscan.Value{Kind: jsonscan.Text, Raw: text[:i]})
	if !ok || !st.instant {
		return text, false
	}
	if rest[0] == '\t' {
		tag := strings.IndexByte(rest[1:], '\t')
		if tag < 0 || !strings.HasPrefix(rest[tag+2:], "{") {
			return text, false
		}
		return u.record(st, rest[tag+2:], r), true
	}
	rest, ok = strings.CutPrefix(rest, " stdout ")
	if !ok {
		if rest, ok = strings.CutPrefix(rest, " stderr "); !ok {
			return text, false
		}
	}
	// The tag is F or P, and could get others behind a colon (Kubernetes' CRI logging format).
	if len(rest) < 2 || rest[0] != 'F' && rest[0] != 'P' {
		return text, false
	}
	tag, rest, _ := strings.Cut(rest, " ")
	if len(tag) > 1 && tag[1] != ':' {
		return text, false
	}
	st.receive(r)
	if tag[0] == 'P' {
		r.Note = NotePart
	}
	return rest, true
}
