package report

import (
	"fmt"

	"mailstop/event"
	"mailstop/internal/term"
)

// mailRow is the counts of one direction, of mail or of answers, by port.
type mailRow struct {
	name  string
	ports map[string]Verdicts
}

// mailRows returns the rows that have counts, and whether any packet has no verdict.
func mailRows(t *Totals) (rows []mailRow, other bool) {
	for _, d := range []event.Direction{event.Out, event.In, event.Forward, event.DirectionUnknown} {
		name := "  " + d.String()
		if d == event.DirectionUnknown {
			name = "  direction unknown"
		}
		for _, r := range []mailRow{{name, t.MailPorts[d.String()]}, {name + ", answers", t.MailAnswers[d.String()]}} {
			if len(r.ports) > 0 {
				rows = append(rows, r)
			}
			for _, v := range r.ports {
				other = other || v.Other > 0
			}
		}
	}
	return rows, other
}

// mailColumn is a port and its cells.
type mailColumn struct {
	head  string
	cells []string
	width int
}

// mailColumns returns the ports that have counts.
func mailColumns(rows []mailRow, other bool) []mailColumn {
	var out []mailColumn
	for _, n := range mailPorts {
		c := mailColumn{head: fmt.Sprint(n)}
		c.width = len(c.head)
		seen := false
		for _, r := range rows {
			v, cell := r.ports[c.head], "-"
			if v.sum() > 0 {
				seen = true
				cell = term.Number(v.Blocked) + " / " + term.Number(v.Allowed)
				if other {
					cell += " / " + term.Number(v.Other)
				}
			}
			c.cells = append(c.cells, cell)
			c.width = max(c.width, len(cell))
		}
		if seen {
			out = append(out, c)
		}
	}
	return out
}

// mailTable prints the packets of mail ports, in several tables if the screen is narrow.
func (p *printer) mailTable(t *Totals) error {
	rows, other := mailRows(t)
	if len(rows) == 0 {
		return nil
	}
	columns := mailColumns(rows, other)
	title, first, all := "mail packets, blocked / allowed", 0, 0
	if other {
		title += " / no verdict"
	}
	for _, r := range rows {
		first = max(first, len(r.name))
	}
	for _, c := range columns {
		all += 2 + c.width
	}
	if len(title)+all > p.width {
		for _, l := range term.Wrap(title, p.width) {
			p.line(p.style.Dim(l))
		}
		title = ""
	}
	for len(columns) > 0 {
		n, used := 1, max(first, len(title))+2+columns[0].width
		for n < len(columns) && used+2+columns[n].width <= p.width {
			used += 2 + columns[n].width
			n++
		}
		if err := p.mailPart(title, rows, columns[:n]); err != nil {
			return err
		}
		columns = columns[n:]
	}
	p.line("")
	return nil
}

func (p *printer) mailPart(title string, rows []mailRow, columns []mailColumn) error {
	tab := term.Table{Header: []string{title}, Right: []bool{false}, Style: p.style}
	for _, r := range rows {
		tab.Rows = append(tab.Rows, []string{r.name})
	}
	for _, c := range columns {
		tab.Header, tab.Right = append(tab.Header, c.head), append(tab.Right, true)
		for i := range rows {
			tab.Rows[i] = append(tab.Rows[i], c.cells[i])
		}
	}
	return tab.Write(&p.b)
}
