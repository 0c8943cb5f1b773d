package wfp

import (
	"strings"

	"mailstop/parse"
)

const (
	platform = "Windows Filtering Platform"
	service  = "Windows Firewall Service blocked an application"
)

// isText reports whether s has the text of an event, or the head that Snare, OSSEC or a listing puts before one.
func isText(s string) bool {
	if isListing(s) {
		return true
	}
	head := s[:min(len(s), 4096)]
	for i := 0; ; i++ {
		n := strings.IndexByte(head[i:], 'W')
		if n < 0 {
			return false
		}
		i += n
		rest := s[i:]
		if len(rest) < len("WinEventLog") || rest[1] != 'i' || rest[2] != 'n' {
			continue
		}
		if strings.HasPrefix(rest, platform) && isClause(rest[len(platform):]) || strings.HasPrefix(rest, service) ||
			i >= 2 && i < 120 && strings.HasPrefix(rest, "WinEventLog") && s[i-2:i] == "MS" ||
			i < 120 && strings.HasPrefix(rest, "WinEvtLog: ") ||
			strings.HasPrefix(rest, auditing[len("Microsoft-"):]) && (isRow(s) || tableSource(s) > 0) {
			return true
		}
	}
}

// isClause reports whether s can follow "Windows Filtering Platform" in the first sentence of an event.
func isClause(s string) bool {
	for _, c := range [...]string{" has ", " filter ", " blocked ", " permitted ", " allowed ", " provider ", " callout ", " sub-layer "} {
		if strings.HasPrefix(s, c) {
			return true
		}
	}
	return false
}

// readText reads an event as text in one line.
func (x *record) readText(s string) {
	switch {
	case strings.Contains(s[:min(len(s), 120)], "MSWinEventLog"):
		s = x.snare(s)
	case strings.Contains(s, "WinEvtLog: "):
		s = x.ossec(s)
	case isExported(s):
		x.exported(s)
	default:
		if i := tableSource(s); i > 0 {
			s = x.tableRow(s, i)
		}
	}
	x.readMessage(s)
}

// readMessage reads the rendered text, from its first sentence and its labels; without a number it is known by its
// sentence.
func (x *record) readMessage(s string) {
	whole := x.labels(s)
	if id := sentence(s); id != 0 && x.id == 0 {
		x.id = id
		if (id == 5152 || id == 5153) && isMAC(x.values[fSource]) {
			x.id = id - 2
		}
	}
	switch kindOf(x.id) {
	case kindOther, kindApplication:
		return
	}
	if x.values != [fields]string{} {
		if !whole {
			x.fail(parse.ErrTruncated)
		}
	} else if x.listed == 0 {
		x.pairs(s)
	}
}

// sentence returns the number of the event that the first sentence of a text tells of, or 0.
func sentence(s string) int {
	if strings.Contains(s, service) {
		return 5031
	}
	i := strings.Index(s, platform)
	if i < 0 {
		return 0
	}
	restrictive := strings.HasSuffix(s[:i], "more restrictive ")
	s = s[i+len(platform):]
	s = strings.TrimPrefix(strings.TrimPrefix(s, " filter"), " has")
	blocked := strings.HasPrefix(s, " blocked ")
	if !blocked && !strings.HasPrefix(s, " permitted ") && !strings.HasPrefix(s, " allowed ") {
		return 0
	}
	_, s, _ = strings.Cut(s[1:], " ")
	id := 0
	switch {
	case strings.HasPrefix(s, "a packet") && blocked && restrictive:
		id = 5153
	case strings.HasPrefix(s, "a packet") && blocked: // there is no event for one that passes
		id = 5152
	case strings.HasPrefix(s, "a connection"):
		id = 5156
	case strings.HasPrefix(s, "an application or service"):
		id = 5154
	case strings.HasPrefix(s, "a bind"):
		id = 5158
	}
	if id >= 5154 && blocked {
		id++
	}
	return id
}

// isMAC reports whether s is six bytes in hexadecimal with marks between them.
func isMAC(s string) bool {
	return len(s) == len("00-11-22-33-44-55") && (s[2] == '-' || s[2] == ':') && s[5] == s[2] && s[14] == s[2]
}

// A label is a word before a colon. Those that are not fields end the value before them.
type label uint8

const (
	lField label = iota // and everything below fields: that field
	lSection
	lEnd // the last label of all texts but 5031's; later versions have more behind it
	lEventID
	lComputer
	lDate
	lProvider
	lChannel
	lNone
)

// labels finds the English labels of a text, from one colon to the next, and stores what stands between them. It reports
// whether the last label of a text was among them. Otherwise the text was cut, and the value behind the last label may be
// too: it is left out, but for an application's name, which event 5031 ends with.
func (x *record) labels(s string) (whole bool) {
	literal := strings.Contains(s, `:\t`) || strings.Contains(s, `.\r\n`) || strings.Contains(s, `.\n`)
	last, field, start := lNone, fNone, 0
	for i := 0; i < len(s); i++ {
		n := strings.IndexByte(s[i:], ':')
		if n < 0 {
			break
		}
		i += n
		l, f, at := labelBefore(s, i)
		if l == lNone || at < start {
			continue
		}
		x.labelled(last, field, valueIn(s[start:at], literal))
		last, field, start = l, f, i+1
		whole = whole || l == lEnd
	}
	if whole || last != lField || field == fApplication && strings.Contains(s, service) {
		x.labelled(last, field, valueIn(s[start:], literal))
	}
	if i := strings.Index(s, "LogName="); i >= 0 { // Splunk's
		x.time = strings.TrimSpace(s[:i])
		x.setID(assigned(s, "EventCode="))
		x.computer, x.provider = assigned(s, "ComputerName="), assigned(s, "SourceName=")
	}
	return whole
}

// assigned returns the value behind a key of Splunk's.
func assigned(s, key string) string {
	_, v, ok := strings.Cut(s, key)
	if !ok {
		return ""
	}
	return valueIn(v, false)
}

func (x *record) labelled(l label, f field, value string) {
	if value == "" {
		return
	}
	switch l {
	case lField:
		x.set(f, value)
	case lEventID:
		if x.id == 0 {
			x.setID(value)
		}
	case lComputer:
		x.computer = value
	case lDate:
		if x.time == "" {
			x.time = value
		}
	case lProvider:
		x.provider = value
	case lChannel:
		x.channel = value
	}
}

// valueIn returns the value between two labels: what stands before the first tab, line break or pair of blanks. If the
// text has its tabs and line breaks as letters, they are taken off the ends only: paths have backslashes, too.
func valueIn(s string, literal bool) string {
	for {
		n := separator(s, literal)
		if n == 0 && s != "" && s[0] == ' ' {
			n = 1
		}
		if n == 0 {
			break
		}
		s = s[n:]
	}
	if literal {
		for {
			t := strings.TrimRight(s, " \t\r\n")
			if len(t) >= 2 && t[len(t)-2] == '\\' && strings.IndexByte("trn", t[len(t)-1]) >= 0 {
				s = t[:len(t)-2]
				continue
			}
			return undouble(t)
		}
	}
	for i := range len(s) {
		if c := s[i]; (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '#') && separator(s[i:], false) > 0 {
			return s[:i]
		}
	}
	for s != "" && s[len(s)-1] == ' ' {
		s = s[:len(s)-1]
	}
	return s
}

// separator returns the length of what separates a label from its value at the head of s, 0 if it is none.
func separator(s string, literal bool) int {
	switch {
	case s == "":
		return 0
	case s[0] == '\t' || s[0] == '\r' || s[0] == '\n':
		return 1
	case s[0] == ' ' && len(s) > 1 && isSpace(s[1]):
		return 2
	case s[0] == '#' && len(s) >= 4 && s[1] == '0' && s[2] == '1' && (s[3] == '1' || s[3] == '2' || s[3] == '5'):
		return 4 // rsyslog's tab, line feed and carriage return
	case literal && s[0] == '\\' && len(s) > 1 && (s[1] == 't' || s[1] == 'r' || s[1] == 'n'):
		return 2
	}
	return 0
}

// labelBefore returns the label that ends at the colon at i, and where it begins.
func labelBefore(s string, i int) (l label, f field, at int) {
	end := i
	for end > 0 && s[end-1] == ' ' && i-end < 16 {
		end--
	}
	if end == 0 {
		return lNone, fNone, 0
	}
	for _, c := range labelsBy(s[end-1]) {
		if end >= len(c.text) && s[end-len(c.text):end] == c.text && startsWord(s, end-len(c.text)) {
			if c.spaced && end == i {
				continue
			}
			return c.label, c.field, end - len(c.text)
		}
	}
	return lNone, fNone, 0
}

// startsWord reports whether what stands before at is no part of the same word.
func startsWord(s string, at int) bool {
	if at == 0 {
		return true
	}
	c := s[at-1]
	if c-'0' > 9 && c|0x20-'a' > 25 && c < 0x80 {
		return c != '-'
	}
	return at >= 4 && s[at-4] == '#' && s[at-3] == '0' || at >= 2 && s[at-2] == '\\' && strings.IndexByte("trn", c) >= 0
}

type labelText struct {
	text   string
	label  label
	field  field
	spaced bool // only with blanks before the colon, as PowerShell lists properties
}

// labelsBy returns the labels that end in c.
func labelsBy(c byte) []labelText {
	if c-'a' < byte(len(labelTexts)) {
		return labelTexts[c-'a']
	}
	if c == 'D' {
		return labelsInD
	}
	return nil
}

var labelsInD = []labelText{
	{"Process ID", lField, fProcess, false},
	{"Filter Run-Time ID", lField, fFilter, false},
	{"Layer Run-Time ID", lEnd, fNone, false},
	{"Remote User ID", lSection, fNone, false},
	{"Remote Machine ID", lSection, fNone, false},
	{"Event ID", lEventID, fNone, false},
}

var labelTexts = [26][]labelText{
	'd' - 'a': {
		{"TimeCreated", lDate, fNone, true}, {"Id", lEventID, fNone, true}, {"Keyword", lSection, fNone, false},
	},
	'e' - 'a': {
		{"Application Name", lField, fApplication, false},
		{"Layer Name", lField, fLayer, false},
		{"MachineName", lComputer, fNone, true},
		{"ProviderName", lProvider, fNone, true},
		{"LogName", lChannel, fNone, true},
		{"Log Name", lChannel, fNone, false},
		{"Source", lProvider, fNone, false},
		{"Date", lDate, fNone, false},
		{"Original Profile", lSection, fNone, false},
		{"Current Profile", lSection, fNone, false},
		{"EtherType", lSection, fNone, false},
		{"MediaType", lSection, fNone, false},
		{"InterfaceType", lSection, fNone, false},
		{"Message", lSection, fNone, false},
	},
	'g' - 'a': {{"VlanTag", lSection, fNone, false}},
	'k' - 'a': {{"Is Loopback", lSection, fNone, false}},
	'l' - 'a': {{"Protocol", lField, fProtocol, false}, {"Level", lSection, fNone, false}},
	'n' - 'a': {
		{"Direction", lField, fDirection, false},
		{"Filter Origin", lField, fOrigin, false},
		{"Application Information", lSection, fNone, false},
		{"Network Information", lSection, fNone, false},
		{"Filter Information", lSection, fNone, false},
		{"Description", lSection, fNone, false},
		{"Application", lField, fApplication, false},
	},
	'r' - 'a': {{"Computer", lComputer, fNone, false}, {"User", lSection, fNone, false}},
	's' - 'a': {
		{"Source Address", lField, fSource, false},
		{"Destination Address", lField, fDest, false},
		{"Keywords", lSection, fNone, false},
		{"Profiles", lSection, fNone, false},
	},
	't' - 'a': {{"Source Port", lField, fSourcePort, false}, {"Destination Port", lField, fDestPort, false}},
	'x' - 'a': {{"Interface Index", lField, fInterface, false}},
	'y' - 'a': {{"Task Category", lSection, fNone, false}},
}

// undouble returns a path whose backslashes are all doubled with single ones.
func undouble(s string) string {
	if strings.IndexByte(s, '\\') < 0 || strings.Contains(strings.ReplaceAll(s, `\\`, ""), `\`) {
		return s
	}
	return strings.ReplaceAll(s, `\\`, `\`)
}
