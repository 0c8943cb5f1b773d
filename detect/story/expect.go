package story

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"mailstop/event"
)

// expectation is a finding that a story names.
type expectation struct {
	kind, text string
	line       int
	fields     []field
}

// field is "key=value", or "key~part".
type field struct {
	key, value string
	part       bool
}

func (s *Story) expects(words []string, line int, text string) error {
	switch strings.Join(words, " ") {
	case "":
		return errors.New("expect what?")
	case "nothing":
		s.silence = true
		return nil
	case "nothing above info":
		s.onlyInfo = true
		return nil
	}
	x := expectation{kind: words[0], text: text, line: line}
	for _, w := range words[1:] {
		i := strings.IndexAny(w, "=~")
		if i < 0 {
			return fmt.Errorf("%s: want key=value or key~part", w)
		}
		x.fields = append(x.fields, field{w[:i], w[i+1:], w[i] == '~'})
	}
	s.expect = append(s.expect, x)
	return nil
}

// differs says in what f is not what is expected; empty if it is.
func (x *expectation) differs(f *event.Finding) string {
	for _, want := range x.fields {
		got, ok := value(f, want.key)
		switch {
		case !ok:
			return "unknown key " + want.key
		case want.part && !strings.Contains(got, want.value), !want.part && got != want.value:
			return want.key + " is " + strconv.Quote(got)
		}
	}
	return ""
}

// value returns one field of a finding as text.
func value(f *event.Finding, key string) (string, bool) {
	switch key {
	case "host":
		return f.Host, true
	case "dir":
		return f.Direction.String(), true
	case "port":
		return strconv.Itoa(int(f.Port)), true
	case "service":
		return f.Service, true
	case "severity":
		return f.Severity.String(), true
	case "state":
		return f.State.String(), true
	case "rule":
		return f.Rule, true
	case "attempts":
		return strconv.FormatUint(f.Attempts, 10), true
	case "packets":
		return strconv.FormatUint(f.Packets, 10), true
	case "dests":
		return strconv.Itoa(len(f.Destinations) + f.MoreTargets), true
	case "top":
		return strings.Join(f.Destinations[:min(1, len(f.Destinations))], ""), true
	case "cause":
		return f.Cause.Code + "/" + string(f.Cause.Confidence), true
	case "why":
		return f.Cause.Text, true
	case "missing":
		return strings.Join(f.Cause.Missing, "; "), true
	case "lower":
		return strconv.FormatBool(f.LowerBound), true
	case "summary":
		return f.Summary, true
	case "first":
		return f.First.Sub(Start).String(), true
	case "last":
		return f.Last.Format(time.RFC3339), true
	case "fixes":
		return strconv.Itoa(len(f.Fix)), true
	case "fix", "undo", "check", "note":
		return fixes(f, key), true
	case "evidence":
		return strings.Join(f.Where, " "), true
	}
	return "", false
}

func fixes(f *event.Finding, key string) string {
	var out []string
	for _, x := range f.Fix {
		out = append(out, map[string]string{"fix": x.Command, "undo": x.Undo, "check": x.Check, "note": x.Note}[key])
	}
	return strings.Join(out, "\n")
}
