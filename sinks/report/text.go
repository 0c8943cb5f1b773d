package report

import (
	"fmt"
	"io"
	"strings"

	"mailstop/event"
	"mailstop/internal/term"
)

// Options say where a text goes.
type Options struct {
	Color bool
	Width int // columns; 0 means 80
}

// The bounds of the lists in the text; "-o json" has all.
const (
	maxShown       = 20 // findings above info
	maxInfo        = 10
	maxReasonLines = 5
	maxProblems    = 10
	maxProse       = 100 // columns: longer lines of words are hard to read
	maxPath        = 100
)

type printer struct {
	b     strings.Builder
	style term.Style
	width int // of the screen
	prose int // of sentences
}

func newPrinter(o Options) *printer {
	p := &printer{style: term.Style(o.Color), width: o.Width}
	if p.width <= 0 {
		p.width = term.DefaultWidth
	}
	p.width = max(p.width, 40)
	p.prose = min(p.width, maxProse)
	return p
}

// Finding writes one finding for people, as Text does.
func Finding(w io.Writer, f event.Finding, o Options) error {
	p := newPrinter(o)
	p.finding(&f)
	_, err := io.WriteString(w, p.b.String())
	return err
}

func (p *printer) line(s string) { p.b.WriteString(strings.TrimRight(s, " ") + "\n") }

// wrap prints a sentence, all its lines indented, those after the first by two more.
func (p *printer) wrap(indent int, s string) {
	for i, l := range term.Wrap(s, p.prose-indent-2) {
		if i == 1 {
			indent += 2
		}
		p.line(strings.Repeat(" ", indent) + l)
	}
}

// Text writes the report for people: the verdicts first, then the figures. All that comes from a log is made safe to
// print.
func (r *Report) Text(w io.Writer, o Options) error {
	p := newPrinter(o)
	known := 0
	for known < len(r.Findings) && r.Findings[known].Severity > event.Info {
		known++
	}
	bad, info := r.Findings[:known], r.Findings[known:]
	for i := range bad[:min(len(bad), maxShown)] {
		p.finding(&bad[i])
	}
	p.unshown(bad)
	if len(bad) == 0 {
		p.nothing(r, len(info) > 0)
	}
	p.info(info)
	if err := p.mailTable(&r.Totals); err != nil {
		return err
	}
	p.totals(r)
	p.unread(r)
	p.problems(r.Sources)
	for _, n := range r.Notes {
		p.wrap(0, term.Clean(n, maxText))
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}

// unshown counts the findings that the text leaves out.
func (p *printer) unshown(bad []event.Finding) {
	if len(bad) <= maxShown {
		return
	}
	var by [event.High + 1]int
	for i := range bad[maxShown:] {
		by[bad[maxShown+i].Severity]++
	}
	var parts []string
	for s := event.High; s > event.Info; s-- {
		if by[s] > 0 {
			parts = append(parts, term.Number(by[s])+" "+s.String())
		}
	}
	p.line(p.style.Bold(fmt.Sprintf("and %s (%s): see -o json",
		count(len(bad)-maxShown, "more finding"), strings.Join(parts, ", "))))
	p.line("")
}

func (p *printer) info(info []event.Finding) {
	for i := range info[:min(len(info), maxInfo)] {
		f := &info[i]
		s := term.Clean(f.Summary, maxText)
		if s == "" {
			s = headline(f)
		}
		p.wrap(0, "also seen (info): "+s)
	}
	if n := len(info) - maxInfo; n > 0 {
		p.line("and " + term.Number(n) + " more of severity info: see -o json")
	}
	if len(info) > 0 {
		p.line("")
	}
}
