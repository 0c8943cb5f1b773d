package report

import (
	"fmt"
	"strings"
	"time"

	"mailstop/event"
	"mailstop/internal/term"
)

// The bounds of one finding in the text; "-o json" has all of it.
const (
	maxFixes         = 4
	maxCommandLines  = 12
	maxCommand       = 2000 // columns of one line of a command
	maxEvidence      = 2
	maxEvidenceLines = 3 // lines of the screen for one line of the log
)

// labelColumns is the width of "  cause   ".
const labelColumns = 10

// finding prints one finding: verdict, what is concerned, why, what to type, what it rests on.
func (p *printer) finding(f *event.Finding) {
	p.verdict(f)
	// Who sends through a firewall is said only by the summary.
	if stops[f.Kind] && (f.Direction != event.Forward || f.Kind != "mail-out-blocked") {
		p.wrap(2, path(f))
	} else if f.Summary != "" {
		p.wrap(2, term.Clean(f.Summary, maxText))
	}
	if s := tries(f); s != "" {
		p.wrap(2, s)
	}
	if q := f.Queue; q != nil && q.Messages > 0 {
		s := term.Number(q.Messages) + " messages wait"
		if !q.Oldest.IsZero() {
			s += ", the oldest since " + stamp(q.Oldest) + " UTC"
		}
		p.labelled("queue", s)
	}
	p.cause(&f.Cause)
	p.fixes(f.Fix)
	for i, raw := range f.Evidence[:min(len(f.Evidence), maxEvidence)] {
		where := ""
		if i < len(f.Where) {
			where = term.Clean(f.Where[i], maxWord)
		}
		p.evidence(where, raw)
	}
	p.line("")
}

// verdict prints the headline with severity and state at the right end, if they fit.
func (p *printer) verdict(f *event.Finding) {
	head, severity := headline(f), fmt.Sprintf("%-6s", strings.ToUpper(f.Severity.String()))
	const tail = 2 + 6 + 1 + 8 // gap, severity, gap, state
	lines := term.Wrap(head, max(p.prose-tail, 20))
	pad := max(p.prose-tail-term.Columns(lines[0]), 0) + 2
	state := f.State.String()
	p.line(p.style.Bold(lines[0]) + strings.Repeat(" ", pad) + p.severity(f.Severity, severity) + " " + p.state(f.State, state))
	for _, l := range lines[1:] {
		p.line(p.style.Bold(l))
	}
}

func (p *printer) severity(s event.Severity, text string) string {
	switch s {
	case event.High:
		return p.style.Red(text)
	case event.Medium:
		return p.style.Yellow(text)
	case event.Low:
		return p.style.Cyan(text)
	}
	return text
}

func (p *printer) state(s event.State, text string) string {
	if s == event.Resolved {
		return p.style.Green(text)
	}
	return text
}

// tries is the line of attempts and times.
func tries(f *event.Finding) string {
	var n string
	switch {
	case f.Attempts > 0:
		n = count(f.Attempts, "attempt")
		if f.Packets > f.Attempts {
			n += " (" + count(f.Packets, "packet") + ")"
		}
	case f.Packets > 0:
		n = count(f.Packets, "packet")
	default:
		return ""
	}
	if f.LowerBound {
		n = "at least " + n
	}
	if !f.First.IsZero() {
		if from, to := between(f.First, f.Last); to == "" {
			n += " at " + from + " UTC"
		} else {
			n += " from " + from + " to " + to + " UTC"
		}
	}
	if f.LowerBound {
		n += "; the firewall logs only a part of them"
	}
	return n
}

func (p *printer) cause(c *event.Cause) {
	if c.Code == "" && c.Text == "" {
		return
	}
	s := term.Clean(c.Text, maxText)
	if c.Code != "" {
		s = strings.TrimSuffix(word(c.Code)+": "+s, ": ")
	}
	if c.Confidence != "" && c.Code != event.CauseUnknown {
		s += " (" + word(string(c.Confidence)) + ")"
	}
	p.labelled("cause", s)
	if len(c.Missing) > 0 {
		missing := make([]string, 0, len(c.Missing))
		for _, m := range c.Missing[:min(len(c.Missing), 5)] {
			missing = append(missing, term.Clean(m, maxText))
		}
		p.labelled("", "not known: "+strings.Join(missing, "; "))
	}
}

// fixes prints what to type, per platform if there are several ways.
func (p *printer) fixes(all []event.Fix) {
	for i, f := range all[:min(len(all), maxFixes)] {
		if len(all) > 1 {
			with := "  with "
			if i > 0 {
				with = "  or with "
			}
			p.line(with + p.style.Bold(word(f.Platform)) + ":")
		}
		p.command("fix", f.Command, true)
		p.command("undo", f.Undo, false)
		p.command("check", f.Check, false)
		if f.Note != "" {
			p.labelled("note", term.Clean(f.Note, maxText))
		}
	}
	if n := len(all) - maxFixes; n > 0 {
		p.labelled("", fmt.Sprintf("%d more ways: see -o json", n))
	}
}

// command prints commands as they are typed: neither wrapped nor cut within reason, so that they can be copied.
func (p *printer) command(label, text string, bold bool) {
	text = strings.Trim(text, "\n")
	if text == "" {
		return
	}
	n := 0
	for l := range strings.SplitSeq(text, "\n") {
		if n == maxCommandLines {
			p.line(p.label("") + "… the rest is in -o json")
			return
		}
		l = term.Clean(l, maxCommand)
		if bold {
			l = p.style.Bold(l)
		}
		p.line(p.label(label) + l)
		label = ""
		n++
	}
}

// evidence prints a line of the log below its place, or beside it where there is room.
func (p *printer) evidence(where, raw string) {
	room := max(p.width-labelColumns, 20)
	line := term.Clean(raw, room*maxEvidenceLines)
	if where != "" && term.Columns(where)+2+term.Columns(line) <= room {
		p.line(p.label("line") + where + "  " + p.style.Dim(line))
		return
	}
	label := "line"
	if where != "" {
		p.line(p.label(label) + where)
		label = ""
	}
	lines := term.Wrap(line, room)
	for i, l := range lines[:min(len(lines), maxEvidenceLines)] {
		if i == maxEvidenceLines-1 && len(lines) > maxEvidenceLines {
			l = term.Clean(l+" "+lines[i+1], room) // more than fits: Clean marks the cut
		}
		p.line(p.label(label) + p.style.Dim(l))
		label = ""
	}
}

// labelled prints wrapped text beside a label.
func (p *printer) labelled(label, text string) {
	for _, l := range term.Wrap(text, p.prose-labelColumns) {
		p.line(p.label(label) + l)
		label = ""
	}
}

func (p *printer) label(s string) string {
	return "  " + p.style.Dim(s) + strings.Repeat(" ", labelColumns-2-len(s))
}

// count writes a number and a noun, in the plural if need be.
func count[N ~int | ~uint64](n N, noun string) string {
	if n != 1 {
		if strings.HasSuffix(noun, "y") {
			noun = strings.TrimSuffix(noun, "y") + "ie"
		}
		noun += "s"
	}
	return term.Number(n) + " " + noun
}

const (
	stampLayout = "2006-01-02 15:04:05"
	dayLayout   = "2006-01-02"
)

func stamp(t time.Time) string { return t.UTC().Format(stampLayout) }

// between writes two times to the second, the second one without what both share; it is empty if they are equal.
func between(first, last time.Time) (from, to string) {
	from, to = stamp(first), stamp(last)
	switch {
	case last.IsZero() || from == to:
		return from, ""
	case first.UTC().Format(dayLayout) == last.UTC().Format(dayLayout):
		return from, last.UTC().Format("15:04:05")
	}
	return from, to
}
