package wfp

import (
	"math"
	"strings"
)

const auditing = "Microsoft-Windows-Security-Auditing"

// tableSource returns where the source is in the first line of an event as the Event Viewer saves it, as CSV or with tabs:
// keywords or level, date, source, number, category, text. It is -1 in other lines.
func tableSource(s string) int {
	s = s[:min(len(s), 200)]
	i := strings.Index(s, auditing)
	if i < 1 || i+len(auditing) == len(s) || s[i-1] != s[i+len(auditing)] {
		return -1
	}
	switch s[i-1] {
	case ',':
		return i
	case '\t': // Snare's lines have more before it
		if strings.Count(s[:i], "\t") == 2 {
			return i
		}
	}
	return -1
}

// tableRow reads the columns around the source at i, and returns what follows them.
func (x *record) tableRow(s string, i int) string {
	mark := s[i-1 : i]
	x.provider = auditing
	if _, date, ok := strings.Cut(s[:i-1], mark); ok {
		x.time = strings.Trim(date, `"`)
	}
	s = s[i+len(auditing)+1:]
	id, rest, ok := strings.Cut(s, mark)
	if !ok {
		return s
	}
	x.setID(id)
	return rest
}

// isExported reports whether s is a row of PowerShell's Export-Csv, which quotes all values.
func isExported(s string) bool { return s[0] == '"' }

// isRow reports whether a line is the first of such a row, or names the columns. Lines of texts start with no quote, but
// one may follow the text's last line end.
func isRow(line string) bool {
	return len(line) > 1 && line[0] == '"' && line[1] != ',' && line[1] != ';' && line[1] != '\t'
}

// exported reads what such a row says beside the text. Which columns there are is the user's choice: date, number and
// source are known by what they are, and the computer by where Get-WinEvent has it.
func (x *record) exported(s string) {
	source := math.MinInt
	id := ""
	for n, rest := 0, s; rest != ""; n++ {
		var v string
		v, rest = quoted(rest)
		switch {
		case v == auditing:
			x.provider, source = v, n
		case n == source+2 && v == "Security":
			x.channel = v
		case n == source+5 && x.channel != "":
			x.computer = v
		case id == "" && isEventNumber(v):
			id = v
		case x.time == "" && isDate(v):
			x.time = v
		}
	}
	if sentence(s) == 0 {
		x.setID(id)
	}
}

// quoted returns the value that s starts with, without its quotes, and what follows the separator behind it.
func quoted(s string) (value, rest string) {
	end := 0
	if s[0] == '"' {
		for end = 1; end < len(s); end++ {
			if s[end] != '"' {
				continue
			}
			if end+1 == len(s) || s[end+1] != '"' {
				break
			}
			end++ // a quote in the value
		}
		value = s[1:min(end, len(s))]
	}
	i := strings.IndexAny(s[min(end, len(s)):], ",;\t")
	if i < 0 {
		i = len(s) - min(end, len(s))
	}
	if i += min(end, len(s)); s[0] != '"' {
		value = s[:i]
	}
	return value, s[min(i+1, len(s)):]
}

func isEventNumber(s string) bool {
	n, ok := number(s)
	return ok && len(s) == 4 && kindOf(int(n)) != kindOther
}

// isDate reports whether a value is a date with a time.
func isDate(s string) bool {
	if s == "" || s[0]-'0' > 9 || len(s) > 40 || strings.IndexByte(s, ':') < 0 {
		return false
	}
	if _, _, ok := scanLocalDate(s); ok {
		return true
	}
	_, ok := stampOf(s)
	return ok
}
