// Package eventxml brings Windows events written as XML into one line each, as they are read. It looks at markup only as far
// as that needs, and never judges what an event says.
//
// Such files come from wevtutil, Get-WinEvent and the event viewer: events one after another without a root, wrapped in
// <Events>, several in a line or over several lines, because they are indented or because a value has line ends.
package eventxml

import (
	"bytes"
	"io"

	"mailstop/parse"
)

// Container returns XML of events as a container.
func Container() parse.Container {
	return parse.Container{
		Name:  "XML of Windows events",
		Match: match,
		Lines: func(in io.Reader) io.Reader { return &reader{in: in} },
		Doc: parse.Doc{
			Title: "Windows events as XML",
			Accepts: []string{
				"files that start with <?xml, <Events or <Event, and those whose first 4 KiB have an event that goes over several lines",
				"events without a root, wrapped in <Events>, several in a line; a file with one event per line stays as it is",
				"line ends in values become &#10;, those in markup a space; indentation is left out",
				"the '-' that viewers put before elements that can be folded is left out",
				"an event that breaks off ends where a line starts with the next <Event; of one longer than 1 MiB the rest is left out",
				"text between events is passed on as lines",
			},
			Examples: []string{
				`<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><EventID>5152</EventID><Channel>Security</Channel>` +
					`<Computer>mx1.example.net</Computer></System><EventData><Data Name="DestAddress">192.0.2.25</Data><Data Name="DestPort">25</Data>` +
					`</EventData></Event>`,
			},
			Sources: []string{
				"https://learn.microsoft.com/windows/win32/wes/eventschema-eventtype-complextype",
				"https://www.w3.org/TR/xml/",
			},
		},
	}
}

var (
	byteOrderMark = []byte("\xef\xbb\xbf")
	eventTag      = []byte("<Event")
	eventEnd      = []byte("</Event")
)

func match(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, byteOrderMark), " \t\r\n")
	if bytes.HasPrefix(head, []byte("<?xml")) || isTag(head, "<Events") || isTag(head, "<Event") {
		return true
	}
	for {
		line, rest, whole := bytes.Cut(head, []byte("\n"))
		if !whole {
			return false
		}
		line = bytes.TrimLeft(line, " \t")
		if line = line[foldMark(line):]; isTag(line, "<Event") && !bytes.Contains(line, eventEnd) || bytes.Equal(bytes.TrimRight(line, " \r"), eventTag) {
			return true
		}
		head = rest
	}
}

// foldMark returns the length of the mark that b starts with, 0 if there is none: browsers and the event viewer show a '-'
// before an element that can be folded, and it is copied with the text.
func foldMark(b []byte) int {
	if len(b) == 0 || b[0] != '-' {
		return 0
	}
	i := 1
	for i < len(b) && i < longest && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	if i == len(b) || b[i] != '<' {
		return 0
	}
	return i
}

// isTag reports whether b starts with the tag of the name that tag ends with.
func isTag(b []byte, tag string) bool {
	return len(b) > len(tag) && string(b[:len(tag)]) == tag && isDelimiter(b[len(tag)])
}

func isDelimiter(c byte) bool { return c == '>' || c == '/' || isSpace(c) }

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }
