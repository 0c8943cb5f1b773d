package wfp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"

	"mailstop/parse"
)

// isListing reports whether a line begins as the records do that TextContainer joins.
func isListing(s string) bool {
	switch s[0] {
	case 'L':
		return strings.HasPrefix(s, "Log Name:") || strings.HasPrefix(s, "LogName=")
	case 'E':
		return strings.HasPrefix(s, "Event[")
	case 'T', 'M', 'P', 'I':
		return isProperty(s) && strings.Contains(s, "ProviderName")
	}
	return s[0]-'0' <= 9 && strings.Contains(s[:min(len(s), 60)], "LogName=")
}

// isProperty reports whether a line begins with a name, blanks and a colon, as PowerShell lists properties.
func isProperty(s string) bool {
	i := 0
	for i < len(s) && (s[i]|0x20-'a' <= 25) {
		i++
	}
	if i == 0 || i == len(s) || s[i] != ' ' {
		return false
	}
	rest := strings.TrimLeft(s[i:], " ")
	return rest != "" && rest[0] == ':' && (len(rest) == 1 || rest[1] == ' ')
}

// TextContainer returns the container of events as text of several lines: what Get-WinEvent | Format-List, wevtutil
// /f:text, Splunk and the Event Viewer's "copy as text" give, and bare texts one after another.
func TextContainer() parse.Container {
	return parse.Container{
		Name:  "Windows events as text",
		Match: matchTexts,
		Lines: func(in io.Reader) io.Reader { return &joiner{in: bufio.NewReaderSize(in, 64<<10)} },
		Doc: parse.Doc{
			Title: "Windows events as text of several lines",
			Accepts: []string{
				"Get-WinEvent | Format-List, wevtutil qe /f:text, the Event Viewer's copy as text and what it saves as CSV or text, Export-Csv, Splunk's WinEventLog, and texts alone",
				"each event becomes one line, with two blanks for a line break",
			},
			Examples: []string{"The Windows Filtering Platform has blocked a packet.", "Application Information:", "\tProcess ID:\t\t4"},
			Sources:  []string{"Microsoft, Get-WinEvent and wevtutil"},
		},
	}
}

// matchTexts looks for the first sentence of an event with nothing behind it and a heading on a line of its own below, or
// for a listing's first line.
func matchTexts(head []byte) bool {
	seen := false
	first := true
	for line := range strings.SplitSeq(strings.TrimPrefix(string(head), "\uFEFF"), "\n") {
		line = strings.TrimRight(line, "\r ")
		text := strings.TrimLeft(line, " \t")
		if text == "" {
			continue
		}
		if first && (text[0] == '{' || text[0] == '[' || text[0] == '<') {
			return false // JSON, or XML
		}
		switch {
		case first && isStart(line) && !isSentence(text) && isListed(line, head):
			return true
		case isSentence(text) && !strings.Contains(text, "Information:"):
			seen = true
		case seen && (text == "Application Information:" || text == "Network Information:"):
			return true
		}
		first = false
	}
	return false
}

// isListed reports whether what follows the first line of a listing shows that it is one of events.
func isListed(line string, head []byte) bool {
	switch {
	case isDateLine(line):
		return bytes.Contains(head, []byte("\nLogName="))
	case isProperty(line):
		return bytes.Contains(head, []byte("ProviderName"))
	}
	return true
}

// isSentence reports whether a line has the first sentence of an event's text.
func isSentence(s string) bool {
	return sentence(s) != 0
}

// isStart reports whether a line is the first of an event.
func isStart(line string) bool {
	return strings.HasPrefix(line, "Event[") || strings.HasPrefix(line, "Log Name:") || strings.HasPrefix(line, "LogName=") ||
		isProperty(line) || tableSource(line) > 0 || isDateLine(line)
}

// isDateLine reports whether a line is a date and a time and nothing else, as Splunk puts before "LogName=".
func isDateLine(s string) bool {
	if s == "" || s[0]-'0' > 9 || len(s) > 40 {
		return false
	}
	_, _, ok := scanLocalDate(s)
	return ok
}

const maxRecord = 1 << 20

// A joiner makes one line of each event.
type joiner struct {
	in   *bufio.Reader
	line []byte // of the input
	next []byte // a line that belongs to the next event
	out  []byte // what is to be read
	buf  []byte
	err  error
}

// Read implements io.Reader.
func (j *joiner) Read(p []byte) (int, error) {
	for len(j.out) == 0 {
		if j.err != nil && j.next == nil {
			return 0, j.err
		}
		j.event()
	}
	n := copy(p, j.out)
	j.out = j.out[n:]
	return n, nil
}

// event joins the lines of one event.
func (j *joiner) event() {
	j.buf = j.buf[:0]
	told, listed := false, false // there was a sentence; there was a line of the listing's head
	add := func(line string) {
		told = told || isSentence(line)
		if line = strings.TrimRight(line, " \t"); strings.TrimLeft(line, " \t") == "" {
			return
		}
		room := maxRecord - len(j.buf)
		if room <= len("  ") {
			return
		}
		if len(j.buf) > 0 {
			j.buf = append(j.buf, ' ', ' ')
			room -= len("  ")
		}
		j.buf = append(j.buf, line[:min(len(line), room)]...)
	}
	if j.next != nil {
		listed = isStart(string(j.next))
		add(string(j.next))
		j.next = nil
	}
	body := told
	for j.err == nil {
		line, ok := j.readLine()
		if !ok {
			break
		}
		if len(j.buf) > 0 && j.begins(line, told, listed, body) {
			j.next = []byte(line)
			break
		}
		listed = listed || isStart(line)
		body = body || isBody(line)
		add(line)
	}
	if len(j.buf) > 0 {
		j.buf = append(j.buf, '\n')
	}
	j.out = j.buf
}

// isBody reports whether a line is one that the head of an event ends with.
func isBody(line string) bool {
	text := strings.TrimLeft(line, " ")
	return isSentence(text) || strings.HasPrefix(text, "Description:") || strings.HasPrefix(text, "Message=") ||
		strings.HasPrefix(text, "Message ") && isProperty(text)
}

// begins reports whether a line is the first of another event than the one before it.
func (j *joiner) begins(line string, told, listed, body bool) bool {
	switch {
	case strings.HasPrefix(line, "Event["), isRow(line), tableSource(line) > 0:
		return true
	case isStart(line) && body:
		// The listing's own properties go on behind the text; a new event begins with the one it began with.
		return !isProperty(line) || firstName(line) == firstName(string(j.buf))
	case isSentence(line) && told:
		return true
	}
	return listed && isProperty(line) && firstName(line) == firstName(string(j.buf))
}

func firstName(s string) string {
	name, _, _ := strings.Cut(s, " ")
	return name
}

// readLine returns the next line without its end. A line longer than a record is cut.
func (j *joiner) readLine() (string, bool) {
	j.line = j.line[:0]
	for {
		part, err := j.in.ReadSlice('\n')
		if room := maxRecord - len(j.line); room > 0 {
			j.line = append(j.line, part[:min(len(part), room)]...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			j.err = err
		}
		break
	}
	if len(j.line) == 0 && j.err != nil {
		return "", false
	}
	return strings.TrimPrefix(strings.TrimRight(string(j.line), "\r\n"), "\uFEFF"), true
}
