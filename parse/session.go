package parse

import (
	"slices"
	"strings"

	"mailstop/event"
)

// A Table lists the layers and formats a session knows, each in the order in which they are tried.
type Table struct {
	Containers []Container
	Layers     []Layer
	Kinds      []Kind
}

// maxLayers bounds how many layers are taken off one line: an envelope and up to three stacked headers.
const maxLayers = 4

// A State is what a session must know of the lines before a block to read the block as if it had read those too.
// Its zero value is the state at the start of a part whose clock is the zero Clock.
type State struct {
	Clock Clock
	Last  string // the line before, for "last message repeated n times"
	Line  int64  // number of lines before
	// Headers are the header lines so far, the latest of each name. Nothing writes to them again.
	Headers []string
}

// Skim advances s over a block of whole lines much faster than parsing them. Only the last line is cloned.
func (s *State) Skim(block string) {
	s.Line += s.skim(block)
	for rest := strings.TrimSuffix(block, "\n"); block != ""; {
		i := strings.LastIndexByte(rest, '\n')
		if last := cut(rest[i+1:]); !isRepeatNote(last) {
			s.Last = strings.Clone(last)
			return
		}
		if i < 0 {
			return
		}
		rest = rest[:i]
	}
}

// skim follows the stamps and headers of a block and counts its lines.
func (s *State) skim(block string) (lines int64) {
	for len(block) > 0 {
		line := block
		if i := strings.IndexByte(block, '\n'); i >= 0 {
			line, block = block[:i], block[i+1:]
		} else {
			block = ""
		}
		lines++
		if len(line) < 15 || !s.Clock.knows(line) {
			if isHeader(line) {
				s.addHeader(line)
				continue
			}
			s.Clock.skimLine(line)
		}
	}
	return lines
}

const (
	maxHeaders = 16
	maxHeader  = 8 << 10 // bytes
)

// isHeader reports whether a line says how those after it are to be read: a directive of the W3C's extended log format,
// or the names of the columns of AWS flow logs.
func isHeader(line string) bool {
	if line == "" {
		return false
	}
	switch c := line[0]; {
	case c == '#':
		return true
	case c == 0xef || c == 0: // a file's first line, or what a crashed writer left
		line = trimEnd(line[:min(len(line), maxHeader)])
		return line != "" && line[0] != c && isHeader(line) // 0xef may begin other characters than the mark
	}
	return isLower(line[0]) && len(line) < maxHeader && strings.Contains(line, "srcaddr") && strings.Contains(line, "dstaddr") &&
		isWords(trimEnd(line))
}

// isWords reports whether a line holds nothing but words of small letters, as the names of columns are. Other logs tell of
// such names, too: "cfgattr="srcaddr[all]dstaddr[all]"".
func isWords(line string) bool {
	for i := range len(line) {
		if c := line[i]; !isLower(c) && !isDigit(c) && c != ' ' && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// addHeader makes line the latest of its name.
func (s *State) addHeader(line string) {
	line = trimEnd(line[:min(len(line), maxHeader)])
	name := headerName(line)
	old := slices.IndexFunc(s.Headers, func(h string) bool { return headerName(h) == name })
	switch {
	case old >= 0 && s.Headers[old] == line || old < 0 && len(s.Headers) == maxHeaders:
		return
	case old >= 0:
		s.Headers = slices.Clone(s.Headers)
		s.Headers[old] = strings.Clone(line)
	default:
		s.Headers = append(slices.Clip(s.Headers), strings.Clone(line))
	}
}

// headerName returns "#Fields" of "#Fields: date time"; headers that are not directives share the empty name.
func headerName(line string) string {
	name, _, ok := strings.Cut(line, ":")
	if !ok || line[0] != '#' {
		return ""
	}
	return name
}

// isRepeatNote reports whether a line only says that the one before it came again.
func isRepeatNote(line string) bool {
	return len(line) < 200 && strings.HasSuffix(strings.TrimRight(line, " \r\x00"), " times") &&
		strings.Contains(line, "last message repeated ")
}

func cut(line string) string { return line[:min(len(line), event.MaxRaw)] }

// A Session reads the lines of one file or partition, one after another. It belongs to one goroutine. It keeps a view
// of the line before: take State before the memory that lines are in is used again.
type Session struct {
	layers   []Unwrapper
	names    []string
	parsers  []Parser
	formats  []event.Format
	last     int // index of the parser that matched the line before
	forced   bool
	host     string
	headers  []string // those that the parsers were told
	record   Record   // here because Unwrap would make it escape to the heap, once a line
	state    State
	received int64
	trace    func(Step)
}

// A Step is one thing a session did with a line, for "mailstop explain".
type Step struct {
	Layer string // the layer's or format's name
	Took  string // the text it took off or claimed
	Body  string // what was left
	Note  string
}

// NewSession returns a session over t. A known format restricts it to that one; host is the firewall's name where the
// lines do not tell.
func NewSession(t Table, format event.Format, host string) *Session {
	s := &Session{host: host, forced: format != event.FormatUnknown}
	for _, l := range t.Layers {
		s.layers = append(s.layers, l.New())
		s.names = append(s.names, l.Name)
	}
	for _, k := range t.Kinds {
		if !s.forced || k.Format == format {
			s.parsers = append(s.parsers, k.New())
			s.formats = append(s.formats, k.Format)
		}
	}
	return s
}

// Resume sets the state, before the first line of a block.
func (s *Session) Resume(st State) { s.state = st }

// State returns what the lines after those parsed so far need, for Resume. It is the session's own state from then on,
// so that memory that lines were in can be used again.
func (s *Session) State() State {
	s.state.Last = strings.Clone(s.state.Last)
	return s.state
}

// Received sets when the lines that follow were received, nanoseconds since 1970 UTC; 0 if that is not known.
func (s *Session) Received(ns int64) { s.received = ns }

// From sets the firewall's name for the lines to come, where they do not tell. Another sender's line is not the one that a
// note of repetition is about.
func (s *Session) From(host string) {
	if host != s.host {
		s.host, s.state.Last = host, ""
	}
}

// Trace makes the session report each step to f; nil turns it off.
func (s *Session) Trace(f func(Step)) { s.trace = f }

// Parse reads one line, without its line end, into e. Source and position are the caller's to fill in.
func (s *Session) Parse(line string, e *event.Entry) {
	s.state.Line++
	if n := s.parse(line, e); n > 0 {
		s.repeat(n, e)
	}
	if line = cut(line); !isRepeatNote(line) {
		s.state.Last = line
	}
}

// repeat makes e, which says that the line before came n times more, stand for those.
func (s *Session) repeat(n uint32, e *event.Entry) {
	note, clock := *e, s.state.Clock
	if s.state.Last == "" || s.parse(s.state.Last, e) > 0 {
		*e = note
		e.Error = ErrRepeat.Error()
		return
	}
	s.state.Clock = clock
	if note.TimeQuality != event.TimeNone {
		e.Time, e.TimeDigits, e.TimeQuality = note.Time, note.TimeDigits, note.TimeQuality
	}
	e.Raw, e.Count, e.Received = note.Raw, n, note.Received
}

// parse reads one line and returns n > 0 if it only repeats the line before n times.
func (s *Session) parse(line string, e *event.Entry) (repeats uint32) {
	raw := cut(line)
	*e = event.Entry{} // a literal with values would be made elsewhere and copied
	e.Raw, e.Count, e.Line, e.Received, e.Host = raw, 1, s.state.Line, s.received, s.host
	body := trimEnd(raw)
	if body == "" {
		// Windows extends its logs ahead of what it writes; elsewhere NUL bytes are what a crash has left.
		if len(s.state.Headers) == 0 && strings.IndexByte(raw, 0) >= 0 {
			e.Error = ErrNUL.Error()
		} else {
			e.Note = event.NoteEmpty
		}
		return 0
	}
	if isHeader(line) {
		s.state.addHeader(line)
		e.Note = event.NoteHeader
		return 0
	}
	s.record = Record{Entry: e, Clock: &s.state.Clock}
	for range maxLayers {
		inner, ok := s.unwrap(body, &s.record)
		if !ok {
			break
		}
		whole := len(inner) == len(body)
		body = inner
		s.state.Clock.inner = true
		if whole {
			break
		}
	}
	if s.record.RepeatsLast > 0 {
		s.state.Clock.inner = false
		return s.record.RepeatsLast
	}
	if !sameSlice(s.headers, s.state.Headers) {
		s.tell()
	}
	s.body(body, e)
	s.state.Clock.inner = false
	if len(line) > len(raw) {
		e.Error = ErrTooLong.Error()
	}
	return 0
}

// body has what the layers left read by the parser that knows it.
func (s *Session) body(body string, e *event.Entry) {
	i := s.find(body)
	if i < 0 {
		e.Error = ErrNoFormat.Error()
		return
	}
	e.Format = s.formats[i]
	if err := s.parsers[i].Parse(body, &s.record); err != nil {
		e.Error = err.Error()
	}
	if s.trace != nil {
		s.trace(Step{Layer: e.Format.String(), Took: body, Note: e.Error})
	}
}

// tell passes the header lines on to the parsers that read them.
func (s *Session) tell() {
	s.headers = s.state.Headers
	for _, p := range s.parsers {
		if p, ok := p.(HeaderReader); ok {
			p.Headers(s.headers)
		}
	}
}

func (s *Session) unwrap(text string, r *Record) (string, bool) {
	for i, u := range s.layers {
		body, ok := u.Unwrap(text, r)
		if !ok {
			continue
		}
		if s.trace != nil {
			took := strings.TrimSuffix(text, body)
			s.trace(Step{Layer: s.names[i], Took: took, Body: body})
		}
		return body, true
	}
	return text, false
}

// find returns the index of the parser that claims body, or -1.
func (s *Session) find(body string) int {
	if len(s.parsers) == 0 {
		return -1
	}
	if s.parsers[s.last].Match(body, &s.record) {
		return s.last
	}
	for i, p := range s.parsers {
		if i != s.last && p.Match(body, &s.record) {
			s.last = i
			return i
		}
	}
	return -1
}

// trimEnd removes the carriage return of a CRLF line, the NUL bytes that crashed writers leave at its ends, and the byte
// order mark of a file's first line.
func trimEnd(s string) string {
	for s != "" && (s[len(s)-1] == '\r' || s[len(s)-1] == 0) {
		s = s[:len(s)-1]
	}
	for s != "" && s[0] == 0 {
		s = s[1:]
	}
	return strings.TrimPrefix(s, "\uFEFF")
}

func sameSlice(a, b []string) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
