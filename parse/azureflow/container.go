package azureflow

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"mailstop/event"
	"mailstop/parse"
)

// Container returns the file format: JSON, with the records of a network security group or a virtual network in lists
// within objects. It may be one line of many megabytes or laid out for people, one document or several behind one another.
func Container() parse.Container {
	return parse.Container{
		Name:  "Azure flow log",
		Match: isFlowLog,
		Lines: func(in io.Reader) io.Reader { return newReader(in) },
		Doc: parse.Doc{
			Title: "Azure flow log files (PT1H.json)",
			Accepts: []string{
				"one document as Azure stores it, on one line or laid out, however large",
				"several documents or records, each on a line or not",
			},
			Examples: []string{
				`{"records":[{"time":"2026-01-05T09:11:32Z","category":"NetworkSecurityGroupFlowEvent","resourceId":"/…/NSG-MAIL","properties":{"Version":2,"flows":[{"rule":"UserRule_DenySMTP","flows":[{"mac":"00224871C205","flowTuples":["1767604272,203.0.113.9,192.0.2.25,51234,25,T,I,D,B,,,,"]}]}]}}]}`,
			},
			Sources: []string{"https://learn.microsoft.com/en-us/azure/network-watcher/nsg-flow-logs-overview#log-format"},
		},
	}
}

// isFlowLog looks for what each record has near its start. In text that is quoted in other JSON, a backslash is before the
// second quote.
func isFlowLog(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\uFEFF")), " \t\r\n")
	if len(head) == 0 || head[0] != '{' && head[0] != '[' {
		return false
	}
	if bytes.HasPrefix(head, []byte(lineHead)) && bytes.Contains(head, []byte(`,"tuple":`)) {
		return false // the container's own lines
	}
	// A first line that is a whole record of something else says that the file is read line by line.
	if line, _, more := bytes.Cut(head, []byte("\n")); more && !hasMark(line) && json.Valid(line) {
		return false
	}
	return hasMark(head)
}

func hasMark(head []byte) bool {
	return bytes.Contains(head, []byte(`"NetworkSecurityGroupFlowEvent"`)) || bytes.Contains(head, []byte(`"FlowLogFlowEvent"`)) ||
		bytes.Contains(head, []byte(`"flowTuples"`))
}

const (
	// maxHeld bounds the tuples that wait for the end of their record, in bytes.
	maxHeld = 1 << 20
	// maxName bounds the names that a line repeats, in bytes each.
	maxName = 1 << 10
)

// A scope is an object with those of its members that its flows need. Those of the objects around it hold, too.
type scope struct {
	parent *scope
	time, resource, network, mac, rule, acl,
	category, version string
}

// lookup returns the innermost value there is.
func (s *scope) lookup(get func(*scope) string) string {
	for ; s != nil; s = s.parent {
		if v := get(s); v != "" {
			return v
		}
	}
	return ""
}

// set keeps a member.
func (s *scope) set(key, value string) {
	if len(value) > maxName {
		value = value[:maxName]
	}
	switch key {
	case "time":
		s.time = value
	case "resourceId", "targetResourceID", "targetResourceId":
		if key != "resourceId" || s.resource == "" {
			s.resource = value
		}
	case "flowLogResourceID", "flowLogResourceId":
		s.network = value
	case "mac", "macAddress":
		s.mac = value
	case "rule":
		s.rule = value
	case "aclID", "aclId":
		s.acl = value
	case "category":
		s.category = value
	case "Version", "flowLogVersion":
		s.version = value
	}
}

// A frame is an object or a list that is open.
type frame struct {
	list  bool
	key   string // of an object: the member that is being read, "" before its key; of a list: the member that it is
	scope *scope
}

// A held tuple waits for the members behind it, since nothing says that they come before it.
type held struct {
	scope *scope
	tuple string
}

// A reader turns a document into lines.
type reader struct {
	feed    feed
	dec     *json.Decoder
	stack   []frame
	held    []held
	size    int  // bytes of held
	flows   bool // the record has some
	wrote   bool // the document has a line
	head    []byte
	out     []byte
	from    int // of out
	err     error
	damaged error // the first error, told when all is read
}

func newReader(in io.Reader) *reader {
	r := &reader{feed: feed{in: in}}
	r.start()
	return r
}

// start begins a document.
func (r *reader) start() {
	if r.dec, r.err = r.feed.decoder(); r.err != nil {
		return
	}
	r.stack = r.stack[:0]
	r.flows, r.wrote = false, false
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	for r.from == len(r.out) {
		if r.err != nil {
			return 0, r.err
		}
		r.out, r.from = r.out[:0], 0
		r.step()
	}
	n := copy(p, r.out[r.from:])
	r.from += n
	return n, nil
}

// step reads one token.
func (r *reader) step() {
	token, err := r.dec.Token()
	if err != nil {
		r.fail(err)
		return
	}
	switch t := token.(type) {
	case json.Delim:
		r.delim(t)
	case string:
		r.text(t)
	case json.Number:
		r.value(t.String())
	default: // true, false, null
		r.value("")
	}
}

// fail ends the document at damage. What is behind a line's end and starts an object is another one.
func (r *reader) fail(err error) {
	inside := len(r.stack) > 0
	r.flush()
	if errors.Is(err, io.EOF) && !inside {
		r.err = io.EOF
		if r.damaged != nil {
			r.err = r.damaged
		}
		return
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if r.damaged == nil {
		r.damaged = err
	}
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) && !errors.Is(err, errToken) && !errors.Is(err, errDepth) {
		r.err = r.damaged
		return
	}
	r.start()
}

func (r *reader) top() *frame {
	if len(r.stack) == 0 {
		return nil
	}
	return &r.stack[len(r.stack)-1]
}

// delim opens or closes an object or a list.
func (r *reader) delim(d json.Delim) {
	if d == '}' || d == ']' {
		closed := r.stack[len(r.stack)-1]
		r.stack = r.stack[:len(r.stack)-1]
		if d == '}' && (closed.scope.time != "" || len(r.stack) == 0) {
			r.record(closed.scope)
		}
		r.done()
		return
	}
	if len(r.stack) == maxDepth {
		r.fail(errDepth)
		return
	}
	f := frame{list: d == '['}
	if top := r.top(); top != nil {
		f.scope, f.key = top.scope, top.key
	}
	if !f.list {
		f.scope, f.key = &scope{parent: f.scope}, ""
	}
	r.stack = append(r.stack, f)
}

// done says that the value of a member is read.
func (r *reader) done() {
	if top := r.top(); top != nil && !top.list {
		top.key = ""
	}
}

// text reads a string: a key or a value.
func (r *reader) text(s string) {
	top := r.top()
	switch {
	case top == nil:
	case top.list && top.key == "flowTuples":
		r.flows = true
		r.held = append(r.held, held{top.scope, s})
		if r.size += len(s) + 64; r.size > maxHeld {
			r.flush()
		}
	case top.list:
	case top.key == "":
		if top.key = s; s == "" {
			top.key = "-" // an empty key is one, too
		}
	default:
		r.value(s)
	}
}

// value reads a member that is no object and no list.
func (r *reader) value(s string) {
	if top := r.top(); top != nil && !top.list {
		top.scope.set(top.key, s)
		r.done()
	}
}

// record ends a record: all is known of its flows. One without flows gets a line, too.
func (r *reader) record(s *scope) {
	if !r.flows && (s.time != "" || !r.wrote) {
		r.note(s)
	}
	r.flush()
	r.flows = false
	if len(r.stack) == 0 {
		r.wrote = false
	}
}

// flush writes the lines of the tuples that were held.
func (r *reader) flush() {
	var of *scope
	for _, h := range r.held {
		if h.scope != of { // the flows of a rule stand together
			of = h.scope
			r.head = appendHead(r.head[:0], of)
		}
		r.out = append(append(r.out, r.head...), `,"tuple":`...)
		r.out = append(event.AppendQuoted(r.out, h.tuple), '}', '\n')
		r.wrote = true
	}
	r.held, r.size = r.held[:0], 0
}

// note writes the line of a record that has no flows.
func (r *reader) note(s *scope) {
	r.out = appendHead(r.out, s)
	r.out = appendMember(r.out, "category", s.lookup(func(s *scope) string { return s.category }))
	r.out = append(r.out, `,"tuple":null}`+"\n"...)
	r.wrote = true
}

// appendHead appends what the lines of all flows of an object have in common.
func appendHead(b []byte, s *scope) []byte {
	b = append(b, lineHead...)
	b = event.AppendQuoted(b, s.lookup(func(s *scope) string { return s.time }))
	resource := s.lookup(func(s *scope) string { return s.resource })
	if resource == "" {
		resource = s.lookup(func(s *scope) string { return s.network })
	}
	b = appendMember(b, "resource", resource)
	b = appendMember(b, "mac", s.lookup(func(s *scope) string { return s.mac }))
	b = appendMember(b, "rule", s.lookup(func(s *scope) string { return s.rule }))
	if acl := s.lookup(func(s *scope) string { return s.acl }); acl != "" {
		b = appendMember(b, "acl", acl)
	}
	return appendMember(b, "version", s.lookup(func(s *scope) string { return s.version }))
}

func appendMember(b []byte, key, value string) []byte {
	b = append(b, ',', '"')
	b = append(b, key...)
	b = append(b, '"', ':')
	return event.AppendQuoted(b, value)
}

// single returns the line of a record that has one flow; empty if it has none.
func single(body string) (string, error) {
	r := newReader(strings.NewReader(body))
	var b strings.Builder
	if _, err := io.Copy(&b, io.LimitReader(r, 64<<10+int64(len(body)))); err != nil {
		if b.Len() == 0 {
			return "", parse.ErrTruncated
		}
		line, _, _ := strings.Cut(b.String(), "\n")
		return line, parse.ErrTruncated
	}
	line, more, _ := strings.Cut(b.String(), "\n")
	switch {
	case more != "":
		return "", errSeveral
	case strings.HasSuffix(line, `,"tuple":null}`):
		return "", nil
	}
	return line, nil
}
