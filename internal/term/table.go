package term

import (
	"io"
	"strings"
)

// A Table is columns of text for people. Its cells are cleaned when it is written.
type Table struct {
	Header []string // none if empty
	Right  []bool   // columns that are aligned to the right; absent means left
	Rows   [][]string
	Indent int // columns of space before each row
	Width  int // if above 0, the widest columns are cut until a row fits into this many columns
	Style  Style
}

// gap is the space between two columns.
const gap = 2

// narrowest is the width below which a column is not cut.
const narrowest = 8

// Write prints the table: the header faint, then the rows, no trailing spaces.
func (t *Table) Write(w io.Writer) error {
	header, rows := cleanRow(t.Header), make([][]string, len(t.Rows))
	for i, r := range t.Rows {
		rows[i] = cleanRow(r)
	}
	var widths []int
	for _, r := range append([][]string{header}, rows...) {
		for i, cell := range r {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], Columns(cell))
		}
	}
	t.fit(widths)
	var b strings.Builder
	if len(header) > 0 {
		b.WriteString(t.Style.Dim(t.row(header, widths)) + "\n")
	}
	for _, r := range rows {
		b.WriteString(t.row(r, widths) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func cleanRow(cells []string) []string {
	out := make([]string, len(cells))
	for i, c := range cells {
		out[i] = Clean(c, 0)
	}
	return out
}

// fit narrows the widest column, again and again, until a row fits.
func (t *Table) fit(widths []int) {
	if t.Width <= 0 || len(widths) == 0 {
		return
	}
	total := t.Indent + gap*(len(widths)-1)
	for _, w := range widths {
		total += w
	}
	for total > t.Width {
		widest := 0
		for i := range widths {
			if widths[i] > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= narrowest {
			return
		}
		widths[widest]--
		total--
	}
}

func (t *Table) row(cells []string, widths []int) string {
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", t.Indent))
	for i, cell := range cells {
		cell = Clean(cell, max(widths[i], 1))
		pad := strings.Repeat(" ", max(widths[i]-Columns(cell), 0))
		if i < len(t.Right) && t.Right[i] {
			b.WriteString(pad + cell)
		} else {
			b.WriteString(cell + pad)
		}
		if i < len(cells)-1 {
			b.WriteString(strings.Repeat(" ", gap))
		}
	}
	return strings.TrimRight(b.String(), " ")
}
