package envelope

import (
	"strings"

	"mailstop/internal/jsonscan"
	"mailstop/parse"
)

// tell says in r what the record tells of its line, which is in the field of class line.
func (f *fields) tell(r *parse.Record, line class) {
	f.tellHost(r)
	f.tellProgram(r)
	f.tellTimes(r, line)
}

// tellHost finds the firewall's name. The agent's own machine is the last resort, and never takes the place of a name
// that another layer gave.
func (f *fields) tellHost(r *parse.Record) {
	agent := f.word(agentName)
	beat := f.beat()
	journal := f.word(inputType) == "journald"
	host := ""
	for c := f.next(hostSyslog, hostNode); c != classes && host == ""; c = f.next(c+1, hostNode) {
		switch {
		case c == hostName && journal: // of the journal, which can be another machine's
			host = f.word(c)
		case beat && (c == hostName || c == hostNamed || c == hostText || c == hostAddress):
		case c == hostSource && !f.has(graylog):
		case c == hostPeer || c == hostFrom:
			host = withoutPort(f.word(c))
		default:
			host = f.word(c)
		}
	}
	if beat && agent == "" {
		agent = f.first(hostNamed, hostName, hostText)
	}
	if host != "" {
		r.Host = host
	} else if beat && (r.Host == "" || r.Host == r.Agent) {
		if r.Host = f.first(hostName, hostNamed, hostText); r.Host == "" {
			r.Host = agent
		}
	}
	if agent != "" {
		r.Agent = agent
	}
}

// first returns the first text there is.
func (f *fields) first(cs ...class) string {
	for _, c := range cs {
		if s := f.word(c); s != "" {
			return s
		}
	}
	return ""
}

// withoutPort returns the address of "192.0.2.1:514" and "[2001:db8::1]:514".
func withoutPort(s string) string {
	if strings.HasPrefix(s, "[") {
		if i := strings.IndexByte(s, ']'); i > 0 {
			return s[1:i]
		}
	}
	if i := strings.IndexByte(s, ':'); i >= 0 && i == strings.LastIndexByte(s, ':') {
		return s[:i]
	}
	return s
}

func (f *fields) tellProgram(r *parse.Record) {
	program := f.word(programName)
	if program == "" {
		program = f.word(programTag)
	}
	if program == "" {
		program = f.word(legacyHeader)
	}
	for i := range len(program) {
		if c := program[i]; c == '[' || c == ':' || c == ' ' { // of a tag
			program = program[:i]
			break
		}
	}
	if program == "" && f.get(transport).Raw == "kernel" {
		program = "kernel"
	}
	if program != "" {
		r.Program = program
	}
}

// tellTimes says when the line was written, and when it was received. What the line itself says of it is nearer to the
// source: it takes the year and the zone that it lacks from here.
func (f *fields) tellTimes(r *parse.Record, line class) {
	got, received := f.earliest(gotCreated, gotIngested)
	if received && got.instant {
		r.Received, r.Reference = got.ns, got.ns
	}
	if f.has(zone) {
		r.Zone = f.zones.location(f.word(zone))
	}
	for c := f.next(timeSource, timeEpoch); c != classes; c = f.next(c+1, timeEpoch) {
		m, ok := f.when(f.get(c))
		if !ok {
			continue
		}
		if c == timeAt && !m.instant && f.has(lineAtMessage) { // CloudWatch Logs Insights writes UTC without saying so
			m.stamp.Zoned = true
			m.ns, m.instant = f.days.turn("", m.stamp), true
		}
		if c == timeSource && !received {
			f.journalReceived(r)
		}
		if !m.instant && r.Reference == 0 {
			f.refer(r, c)
		}
		m.write(r, c >= timeStamp && f.readTime(line, m, got, received))
		if c == timeRealtime && !received {
			r.Received = m.ns
		}
		return
	}
	switch {
	case received && got.instant:
		got.receive(r)
	case f.parsed && f.has(programName) && f.any(hostSyslog, hostText): // it has read a header
		r.Received = f.got
		f.tagTime.write(r, false)
	}
}

// refer takes the year and the zone that the time of class c lacks from another one: Logstash's syslog input keeps the
// header's stamp beside what it made of it.
func (f *fields) refer(r *parse.Record, c class) {
	for c = f.next(c+1, timeEpoch); c != classes; c = f.next(c+1, timeEpoch) {
		if m, ok := f.when(f.get(c)); ok && m.instant {
			r.Reference = m.ns
			return
		}
	}
}

// journalReceived says when the journal got what has a time of its own.
func (f *fields) journalReceived(r *parse.Record) {
	if m, ok := f.when(f.get(timeRealtime)); ok {
		r.Received = m.ns
	}
}

// earliest returns the first time there is of the classes.
func (f *fields) earliest(first, last class) (moment, bool) {
	for c := f.next(first, last); c != classes; c = f.next(c+1, last) {
		if m, ok := f.when(f.get(c)); ok {
			return m, true
		}
	}
	return moment{}, false
}

// write makes m the time of the event; with read, the time when the shipper read the line.
func (m moment) write(r *parse.Record, read bool) {
	switch {
	case !m.instant:
		r.SetInnerTime(m.stamp)
	case read:
		got := r.Received
		m.receive(r)
		if got != 0 {
			r.Received = got
		}
	default:
		r.SetInstant(m.ns, m.digits)
		r.Reference = m.ns
	}
}

// readTime reports whether the record's time m is when its shipper read the line, rather than what the line said.
func (f *fields) readTime(line class, m, got moment, received bool) bool {
	switch {
	case f.has(tags) && strings.Contains(f.get(tags).Raw, "parsefailure"): // Logstash's _dateparsefailure
		return true
	case f.has(windowsData) || f.has(windowsID), line == none && f.has(tupleSource) && f.has(tupleTarget): // it was parsed
		return false
	case f.beat():
		switch f.word(inputType) {
		case "journald", "winlog", "syslog", "etw":
			return false
		}
		return !f.has(hostSyslog) && !f.has(syslogMark) && (!received || got.ns == m.ns)
	case f.has(sourceType): // Vector's
		switch f.word(sourceType) {
		case "file", "stdin", "file_descriptor", "socket", "exec", "http", "http_server", "websocket", "docker_logs", "kubernetes_logs",
			"amqp", "aws_kinesis_firehose", "aws_s3", "aws_sqs", "gcp_pubsub", "kafka", "mqtt", "nats", "pulsar", "redis": // the queue's time
			return true
		}
		return false
	case line == linePayload: // what a queue wraps around its messages has the queue's time
		return true
	case line == lineLog: // what Fluent Bit read without a parser, and containers' output
		return !f.has(hostHostname) && !f.has(programName)
	}
	return false
}

// clean returns the text of a line's field without what is around it: the end of the line, which shippers keep, and
// escapes that were escaped again.
func (u *unwrapper) clean(v jsonscan.Value) string {
	if v.Kind == jsonscan.Text && v.Escaped {
		v.Raw = trimEscapedEnd(v.Raw)
		v.Escaped = strings.IndexByte(v.Raw, '\\') >= 0
	}
	s := v.String(&u.text)
	if strings.IndexByte(s, '\\') >= 0 && escapedTwice(s) {
		s = u.text.Unescape(s)
	}
	for s != "" && (s[len(s)-1] == '\n' || s[len(s)-1] == '\r' || s[len(s)-1] == 0) {
		s = s[:len(s)-1]
	}
	for s != "" && (s[0] == ' ' || s[0] == '\t' || s[0] == '\n') {
		s = s[1:]
	}
	if len(s) > 16 && s[0] == '"' { // a string in a string
		if end, _ := jsonscan.StringEnd(s, 1); end == len(s)-1 {
			return u.text.Unescape(s[1:end])
		}
	}
	return s
}

// trimEscapedEnd removes the ends of lines, written as escapes, from the end of a JSON string's content.
func trimEscapedEnd(s string) string {
	for len(s) >= 2 && s[len(s)-2] == '\\' && (s[len(s)-1] == 'n' || s[len(s)-1] == 'r') {
		n := 0
		for n < len(s)-1 && s[len(s)-2-n] == '\\' {
			n++
		}
		if n%2 == 0 {
			return s
		}
		s = s[:len(s)-2]
	}
	return s
}

// escapedTwice reports whether a line is the content of a JSON string still.
func escapedTwice(s string) bool {
	for _, head := range [...]string{`{\"`, `[\"`, `\u003c`, `{\n`} {
		if strings.HasPrefix(s, head) {
			return true
		}
	}
	for _, tail := range [...]string{`\n`, `\r`, `\u0000`, `\u0000\n`} {
		if strings.HasSuffix(s, tail) {
			return true
		}
	}
	return false
}

// tag takes off what is left of a syslog header where a shipper has read the stamp alone: "host kernel: ", "filterlog: " or
// "mx1 postfix/smtp[123]: ".
func (f *fields) tag(body string, r *parse.Record) string {
	program, n := tagAt(body)
	if n > 0 {
		r.Program = program
		return body[n:]
	}
	host := 0
	for host < len(body) && host < 64 && isNameByte(body[host]) {
		host++
	}
	if host == 0 || host == len(body) || body[host] != ' ' {
		return body
	}
	if program, n = tagAt(body[host+1:]); n == 0 {
		return body
	}
	r.Host, r.Program = body[:host], program
	return body[host+1+n:]
}

// tagAt reads a program that is known to log under its name alone, or one with its process id, and returns the length with
// what is behind it: 0 if text starts with something else, such as an administrator's "DROP: ".
func tagAt(text string) (program string, n int) {
	for n < len(text) && n < 48 && (isNameByte(text[n]) || text[n] == '/') {
		n++
	}
	if n == 0 || n == len(text) {
		return "", 0
	}
	program = text[:n]
	switch text[n] {
	case ':':
		if program != "kernel" && program != "filterlog" && program != "ulogd" {
			return "", 0
		}
	case '[':
		digits := n + 1
		for n = digits; n < len(text) && text[n]-'0' <= 9; n++ {
		}
		if n == digits || !strings.HasPrefix(text[n:], "]:") {
			return "", 0
		}
		n++
	default:
		return "", 0
	}
	if n++; n < len(text) && text[n] == ' ' {
		n++
	}
	return program, n
}

func isNameByte(c byte) bool {
	return c-'0' <= 9 || c|0x20-'a' <= 25 || c == '-' || c == '.' || c == '_'
}
