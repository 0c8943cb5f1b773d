package wfp

import "strings"

// snare reads the head that Snare's agents write: tabs between log, counter, date, number, source, user, kind, result,
// host, category, data and text. It returns the text.
func (x *record) snare(s string) string {
	const textAt = 13
	s = s[strings.Index(s, "MSWinEventLog"):]
	for n := 0; n < textAt; n++ {
		end, size := tabIn(s)
		value := s[:end]
		switch n {
		case 2:
			x.channel = value
		case 4:
			x.time = value
		case 5:
			x.setID(value)
		case 6:
			x.provider = value
		case 10:
			x.computer = value
		}
		if s = s[end+size:]; size == 0 {
			break
		}
	}
	return s
}

// tabIn returns where the first tab of s is, in whatever spelling, and its length: 0 at the end of s.
func tabIn(s string) (at, size int) {
	for i := range len(s) {
		switch {
		case s[i] == '\t':
			return i, 1
		case s[i] == '#' && strings.HasPrefix(s[i:], "#011"):
			return i, 4
		case s[i] == '\\' && len(s) > i+1 && s[i+1] == 't':
			return i, 2
		}
	}
	return len(s), 0
}

// ossec reads the head that OSSEC's agents wrote: "WinEvtLog: Security: AUDIT_FAILURE(5157): source: user: domain: host: ".
// A date may stand before it.
func (x *record) ossec(s string) string {
	head, s, _ := strings.Cut(s, "WinEvtLog: ")
	x.time = strings.TrimRight(head, " ")
	for n := range 6 {
		value, rest, ok := strings.Cut(s, ": ")
		if !ok {
			return s
		}
		switch n {
		case 0:
			x.channel = value
		case 1:
			if _, id, ok := strings.Cut(value, "("); ok {
				x.setID(strings.TrimSuffix(id, ")"))
			}
		case 2:
			x.provider = value
		case 5:
			x.computer = value
		}
		s = rest
	}
	return s
}

// pairs stores the values of a text in an unknown language in their order. A label ends in a colon; a label without a
// value is the heading of a section. It needs tabs, line breaks or pairs of blanks between them.
func (x *record) pairs(s string) {
	literal := strings.Contains(s, `:\t`) || strings.Contains(s, `.\r\n`)
	labelled := false
	x.paired = true
	for s != "" {
		n := separator(s, literal)
		if n == 0 && s[0] == ' ' {
			n = 1
		}
		if n > 0 {
			s = s[n:]
			continue
		}
		end := 0
		for end < len(s) && separator(s[end:], literal) == 0 {
			end++
		}
		part := strings.TrimRight(s[:end], " ")
		s = s[end:]
		switch name, value, both := strings.Cut(part, ": "); {
		case isLabel(part):
			labelled = true
		case labelled:
			x.add(part)
			labelled = false
		case both && name != "":
			x.add(strings.TrimLeft(value, " "))
		}
	}
}

// isLabel reports whether s ends in a colon; that of Chinese and Japanese texts is a wide one.
func isLabel(s string) bool {
	return s[len(s)-1] == ':' || strings.HasSuffix(s, "：")
}
