// Package term is what a command needs to write for people: whether it writes to a terminal, colours, numbers as people
// read them, tables, a progress line, and above all Clean, which makes text out of a log safe to print. It never reads
// input and never decides what is said.
package term

import (
	"os"

	"golang.org/x/term"
)

// IsTerminal reports whether f is a terminal that can redraw a line: TERM=dumb cannot.
func IsTerminal(f *os.File) bool {
	return f != nil && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

// DefaultWidth is the width, in columns, of what is not a terminal.
const DefaultWidth = 80

// Width returns the width of the terminal f in columns, or DefaultWidth if f is none or does not tell.
func Width(f *os.File) int {
	if f == nil {
		return DefaultWidth
	}
	if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
		return w
	}
	return DefaultWidth
}

// ColorMode is what the user says about colours.
type ColorMode string

// The colour modes. Auto colours a terminal unless NO_COLOR is set (https://no-color.org).
const (
	Auto   ColorMode = "auto"
	Always ColorMode = "always"
	Never  ColorMode = "never"
)

// Colored reports whether what is written to f should be coloured.
func Colored(f *os.File, mode ColorMode) bool {
	switch mode {
	case Always:
		return true
	case Never:
		return false
	}
	return os.Getenv("NO_COLOR") == "" && IsTerminal(f)
}

// A Style paints text, or leaves it as it is if it is false. The text must be clean already.
type Style bool

// StyleFor returns the style for what is written to f.
func StyleFor(f *os.File, mode ColorMode) Style { return Style(Colored(f, mode)) }

// Bold returns s in bold.
func (p Style) Bold(s string) string { return p.paint("1", s) }

// Dim returns s faint.
func (p Style) Dim(s string) string { return p.paint("2", s) }

// Red returns s in bold red.
func (p Style) Red(s string) string { return p.paint("1;31", s) }

// Yellow returns s in yellow.
func (p Style) Yellow(s string) string { return p.paint("33", s) }

// Green returns s in green.
func (p Style) Green(s string) string { return p.paint("32", s) }

// Cyan returns s in cyan.
func (p Style) Cyan(s string) string { return p.paint("36", s) }

func (p Style) paint(code, s string) string {
	if !p || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}
