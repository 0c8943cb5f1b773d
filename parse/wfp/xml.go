package wfp

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"mailstop/parse"
)

// readXML reads the first event of s. The scanner goes from one '<' to the next: it knows elements by their local names,
// takes a value only if what ends it is there, and skips what it does not know. It is no validator.
func (x *record) readXML(s string) error {
	var (
		in      section
		message string
		whole   bool
	)
	i := 0
	for !whole {
		if i = find(s, i, '<') + 1; i == 0 || i == len(s) {
			break
		}
		switch s[i] {
		case '/':
			name, end := nameAt(s, i+1)
			if i = find(s, end, '>') + 1; i == 0 {
				break
			}
			switch name {
			case "Event":
				whole = true
			case "System", "EventData", "UserData", "RenderingInfo":
				in = inEvent
			}
		case '!', '?':
			i = skipMarkup(s, i)
		default:
			i = x.element(s, i, &in, &message)
		}
		if i <= 0 {
			break
		}
	}
	if whole && hasEvent(s[i:]) {
		return errMany
	}
	if x.values[fProtocol] == "" && x.values[fApplication] == "" && x.listed == 0 && message != "" {
		x.readMessage(message)
	}
	if !whole {
		return parse.ErrTruncated
	}
	return nil
}

// hasEvent reports whether another event begins in s.
func hasEvent(s string) bool {
	for {
		i := strings.Index(s, "Event")
		if i < 0 {
			return false
		}
		if i > 0 && s[i-1] == '<' && len(s) > i+5 && (s[i+5] == ' ' || s[i+5] == '>') {
			return true
		}
		s = s[i+5:]
	}
}

// A section is the part of an event that is being read.
type section uint8

const (
	inEvent section = iota
	inSystem
	inData
	inRendering
)

// element reads the start tag whose name is at i, and the text behind it if that is a value. It returns where to go on,
// or -1 if the text ends first.
func (x *record) element(s string, i int, in *section, message *string) int {
	var a attributes
	name, end := nameAt(s, i)
	if i = a.read(s, end); i < 0 {
		return -1
	}
	switch name {
	case "System":
		*in = inSystem
	case "EventData":
		*in = inData
	case "RenderingInfo":
		*in = inRendering
	case "UserData":
		*in = inEvent
	case "Provider":
		if *in == inSystem {
			x.provider, x.guid = unescapeXML(a.name), a.guid
		}
	case "TimeCreated":
		if *in == inSystem {
			x.time, x.timeUTC = a.systemTime, true
		}
	case "EventID", "Channel", "Computer", "Data", "Message":
		if a.closed {
			if name == "Data" && *in == inData && !a.named {
				x.add("")
			}
			return i
		}
		value, next, ok := textXML(s, i)
		if !ok {
			return -1
		}
		x.value(name, value, &a, *in, message)
		return next
	}
	if a.closed && (name == "EventData" || name == "System") {
		*in = inEvent
	}
	return i
}

// value stores the text of an element.
func (x *record) value(name, value string, a *attributes, in section, message *string) {
	switch {
	case in == inSystem && name == "EventID":
		x.setID(value)
	case in == inSystem && name == "Channel":
		x.channel = value
	case in == inSystem && name == "Computer":
		x.computer = value
	case in == inRendering && name == "Message":
		*message = value
	case in == inData && name == "Data" && a.named:
		if f := fieldOf(a.name); f != fNone {
			x.set(f, value)
		}
	case in == inData && name == "Data":
		x.add(value)
	}
}

// setID stores the event's number; there are none above 65535.
func (x *record) setID(s string) {
	if n, ok := number(s); ok && n <= 0xffff {
		x.id, x.zero = int(n), n == 0
	}
}

// attributes are those of a start tag that matter.
type attributes struct {
	name, guid, systemTime string
	written, reason        string // of a damaged record
	named, closed          bool
}

// read reads the attributes at i and returns the index behind the tag, or -1.
func (a *attributes) read(s string, i int) int {
	for {
		for i < len(s) && isSpace(s[i]) {
			i++
		}
		if i == len(s) {
			return -1
		}
		switch s[i] {
		case '>':
			return i + 1
		case '/':
			a.closed = true
			i++
			continue
		}
		key, end := nameAt(s, i)
		for end < len(s) && isSpace(s[end]) {
			end++
		}
		if end == len(s) {
			return -1
		}
		if s[end] != '=' {
			i = max(end, i+1)
			continue
		}
		for i = end + 1; i < len(s) && isSpace(s[i]); i++ {
		}
		if i == len(s) || s[i] != '"' && s[i] != '\'' {
			continue
		}
		if end = find(s, i+1, s[i]); end < 0 {
			return -1
		}
		a.set(key, s[i+1:end])
		i = end + 1
	}
}

// find returns the index of the first c from i on, or -1. What is looked for is mostly near.
func find(s string, i int, c byte) int {
	for near := min(len(s), i+24); i < near; i++ {
		if s[i] == c {
			return i
		}
	}
	if n := strings.IndexByte(s[i:], c); n >= 0 {
		return i + n
	}
	return -1
}

func (a *attributes) set(key, value string) {
	switch key {
	case "Name":
		a.name, a.named = value, true
	case "Guid":
		a.guid = value
	case "SystemTime":
		a.systemTime = value
	case "Written":
		a.written = value
	case "Reason":
		a.reason = value
	}
}

// isNameEnd holds the bytes that end the name of an element or an attribute.
var isNameEnd = [256]bool{' ': true, '\t': true, '\r': true, '\n': true, '/': true, '>': true, '<': true, '=': true}

// nameAt returns the name at i without its prefix, and the index behind it.
func nameAt(s string, i int) (name string, end int) {
	start := i
	for ; i < len(s) && !isNameEnd[s[i]]; i++ {
		if s[i] == ':' {
			start = i + 1
		}
	}
	return s[start:i], i
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// skipMarkup returns the index behind the comment, the CDATA section or the instruction at i, or -1.
func skipMarkup(s string, i int) int {
	end := ">"
	switch {
	case strings.HasPrefix(s[i:], "!--"):
		end = "-->"
	case strings.HasPrefix(s[i:], cdata):
		end = "]]>"
	case s[i] == '?':
		end = "?>"
	}
	n := strings.Index(s[i:], end)
	if n < 0 {
		return -1
	}
	return i + n + len(end)
}

const cdata = "![CDATA["

// textXML returns the text at i, up to the next tag, and the index of that. False means that there is none.
func textXML(s string, i int) (text string, next int, ok bool) {
	end := find(s, i, '<')
	if end < 0 {
		return "", 0, false
	}
	if !strings.HasPrefix(s[end+1:], cdata) {
		return trimSpace(unescapeXML(s[i:end])), end, true
	}
	var b []byte
	text = trimSpace(unescapeXML(s[i:end]))
	for sections := 0; strings.HasPrefix(s[end+1:], cdata); sections++ {
		start := end + 1 + len(cdata)
		n := strings.Index(s[start:], "]]>")
		if n < 0 {
			return "", 0, false
		}
		raw := s[start : start+n]
		start += n + len("]]>")
		if end = find(s, start, '<'); end < 0 {
			return "", 0, false
		}
		if sections == 0 && text == "" && end == start { // mostly it is one, with nothing around it
			text = raw
			continue
		}
		if b == nil {
			b = append(b, text...)
		}
		b = append(append(b, raw...), unescapeXML(s[start:end])...)
	}
	if b != nil {
		text = string(b)
	}
	return trimSpace(text), end, true
}

func trimSpace(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	for s != "" && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// unescapeXML returns s with its entities replaced; there are hardly ever any.
func unescapeXML(s string) string {
	i := strings.IndexByte(s, '&')
	if i < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i >= 0 {
		b = append(b, s[:i]...)
		s = s[i:]
		end := strings.IndexByte(s[:min(len(s), 12)], ';')
		var n int
		if b, n = appendEntity(b, s, end); n == 0 {
			b, n = append(b, '&'), 1
		}
		s = s[n:]
		i = strings.IndexByte(s, '&')
	}
	return string(append(b, s...))
}

// appendEntity appends what the entity that s starts with and that ends at end stands for, and returns its length: 0 if
// it is none.
func appendEntity(b []byte, s string, end int) ([]byte, int) {
	if end < 2 {
		return b, 0
	}
	switch name := s[1:end]; name {
	case "lt":
		return append(b, '<'), end + 1
	case "gt":
		return append(b, '>'), end + 1
	case "amp":
		return append(b, '&'), end + 1
	case "quot":
		return append(b, '"'), end + 1
	case "apos":
		return append(b, '\''), end + 1
	default:
		if name[0] != '#' {
			return b, 0
		}
		base, digits := 10, name[1:]
		if digits != "" && digits[0]|0x20 == 'x' {
			base, digits = 16, digits[1:]
		}
		r, err := strconv.ParseUint(digits, base, 21)
		if err != nil {
			return b, 0
		}
		return utf8.AppendRune(b, rune(r)), end + 1
	}
}
