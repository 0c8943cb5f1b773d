package live

import (
	"encoding/json"
	"fmt"
	"strings"

	"mailstop/event"
	"mailstop/internal/term"
)

// A change is what is new of a finding.
type change string

const (
	unchanged change = "" // only its figures
	opened    change = "open"
	again     change = "open again"
	worse     change = "worse"
	better    change = "better"
	resolved  change = "resolved"
)

// maxKnown is how many findings are remembered. One that was forgotten is shown again when it changes.
const maxKnown = 10_000

// known remembers how findings were shown last.
type known struct {
	states map[string]shown
	order  []string // ids, oldest first
}

type shown struct {
	severity event.Severity
	state    event.State
}

// see remembers f and returns what is new, and how severe it was before.
func (k *known) see(f *event.Finding) (change, event.Severity) {
	now := shown{f.Severity, f.State}
	was, ok := k.states[f.ID]
	if !ok {
		k.add(f.ID)
	}
	k.states[f.ID] = now
	switch {
	case was == now && ok:
		return unchanged, was.severity
	case now.state == event.Resolved && (!ok || was.state != event.Resolved):
		return resolved, was.severity
	case now.state == event.Resolved:
		return unchanged, was.severity // how severe it was matters no more
	case !ok:
		return opened, now.severity
	case was.state == event.Resolved:
		return again, was.severity
	case now.severity > was.severity:
		return worse, was.severity
	}
	return better, was.severity
}

func (k *known) add(id string) {
	if k.states == nil {
		k.states = make(map[string]shown)
	}
	if len(k.order) >= maxKnown {
		delete(k.states, k.order[0])
		k.order = k.order[1:]
	}
	k.order = append(k.order, id)
}

// The bounds of one finding.
const (
	maxText         = 400
	maxFixes        = 3
	maxCommandLines = 6
	maxCommand      = 2000 // columns: commands are neither wrapped nor cut within reason, so that they can be copied
	labelColumns    = 8    // columns of "  cause "
	minProse        = 40
	maxProse        = 100
)

// findingText returns a finding for people: only its summary if it is for information, else what it says, why, and what to
// type.
func (s *Sink) findingText(f *event.Finding, c change, was event.Severity) []byte {
	var b strings.Builder
	head := string(c)
	if c == worse || c == better {
		head += ", was " + was.String()
	}
	severity := strings.ToUpper(f.Severity.String())
	switch {
	case c == resolved:
		severity, head = s.style.Green(severity), s.style.Green(head)
	case f.Severity == event.High:
		severity = s.style.Red(severity)
	case f.Severity == event.Medium:
		severity = s.style.Yellow(severity)
	case f.Severity == event.Low:
		severity = s.style.Cyan(severity)
	}
	prose := min(max(s.o.Width, minProse), maxProse)
	if f.Severity == event.Info {
		for i, l := range term.Wrap(summary(f), prose-labelColumns) {
			if i == 0 {
				fmt.Fprintf(&b, "%s %s: %s\n", severity, head, l)
			} else {
				b.WriteString("  " + l + "\n")
			}
		}
		return []byte(b.String())
	}
	fmt.Fprintf(&b, "\n%s %s: %s\n", severity, head, word(f.Kind))
	for _, l := range term.Wrap(summary(f), prose-2) {
		b.WriteString("  " + s.style.Bold(l) + "\n")
	}
	if c != resolved {
		s.cause(&b, &f.Cause, prose)
		s.fixes(&b, f.Fix)
	}
	b.WriteByte('\n')
	return []byte(b.String())
}

// summary says in a sentence what a finding means.
func summary(f *event.Finding) string {
	text := term.Clean(f.Summary, maxText)
	host := word(f.Host)
	switch {
	case text == "" && host == "":
		return "a firewall without a name"
	case text == "":
		return host
	case host == "" || strings.Contains(text, host):
		return text
	}
	return host + ": " + text
}

func (s *Sink) cause(b *strings.Builder, c *event.Cause, prose int) {
	text := strings.TrimSuffix(word(c.Code)+": "+term.Clean(c.Text, maxText), ": ")
	if text = strings.TrimPrefix(text, ": "); text == "" {
		return
	}
	if c.Confidence != "" && c.Code != event.CauseUnknown {
		text += " (" + word(string(c.Confidence)) + ")"
	}
	name := "cause"
	for _, l := range term.Wrap(text, prose-labelColumns) {
		b.WriteString(s.label(name) + l + "\n")
		name = ""
	}
}

func (s *Sink) fixes(b *strings.Builder, all []event.Fix) {
	for _, f := range all[:min(len(all), maxFixes)] {
		name := "fix"
		lines := strings.Split(strings.Trim(f.Command, "\n"), "\n")
		for i, l := range lines {
			if l == "" {
				continue
			}
			if i == maxCommandLines {
				b.WriteString(s.label("") + "…\n")
				break
			}
			b.WriteString(s.label(name) + s.style.Bold(term.Clean(l, maxCommand)) + "\n")
			name = ""
		}
	}
	if n := len(all) - maxFixes; n > 0 {
		fmt.Fprintf(b, "%s%d more ways\n", s.label(""), n)
	}
}

func (s *Sink) label(name string) string {
	return "  " + s.style.Dim(name) + strings.Repeat(" ", labelColumns-2-len(name))
}

// findingJSON returns {"finding":{…},"change":"open"} as one line.
func findingJSON(f *event.Finding, c change) []byte {
	text, err := json.Marshal(struct {
		Finding *event.Finding `json:"finding"`
		Change  change         `json:"change"`
	}{f, c})
	if err != nil {
		return nil // a finding has nothing that JSON cannot hold
	}
	return append(term.EscapeJSON(text), '\n')
}
