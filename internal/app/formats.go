package app

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"mailstop/event"
	"mailstop/internal/config"
	"mailstop/internal/jsonscan"
	"mailstop/parse"
)

// A FormatInfo is what can be said of a log format.
type FormatInfo struct {
	Word   string // as --format takes it
	Anchor string // what its lines are recognised by
	Mail   bool   // of a mail server, not of a firewall
	Doc    parse.Doc
	Fills  []string // the fields its examples fill, in the order of the JSON
}

// FormatInfos describes every format that this version reads, in the order in which they are tried.
func FormatInfos() []FormatInfo {
	var out []FormatInfo
	for _, k := range Table(config.Default()).Kinds {
		out = append(out, FormatInfo{
			Word: k.Format.String(), Anchor: k.Anchor, Mail: k.Format.Mail(), Doc: k.Doc, Fills: fills(k.Doc.Examples),
		})
	}
	return out
}

// docTime dates examples without a year.
var docTime = time.Date(2026, 1, 6, 0, 0, 0, 0, time.UTC)

// ReadExamples reads lines as a file of nothing else.
func ReadExamples(lines []string) []event.Entry {
	s := parse.NewSession(Table(config.Default()), event.FormatUnknown, "")
	s.Resume(parse.State{Clock: parse.NewClock(parse.Hints{Reference: docTime})})
	out := make([]event.Entry, len(lines))
	for i, line := range lines {
		s.Parse(line, &out[i])
	}
	return out
}

// fills returns the JSON keys that lines fill.
func fills(lines []string) []string {
	var (
		keys []string
		doc  jsonscan.Doc
	)
	everyLineHas := []string{"raw", "source", "pos", "note", "error"}
	for _, e := range ReadExamples(lines) {
		at := 0
		doc.Parse(string(e.AppendJSON(nil)))
		for _, f := range doc.Fields() {
			if slices.Contains(everyLineHas, f.Key) {
				continue
			}
			if i := slices.Index(keys, f.Key); i >= 0 {
				at = i + 1
				continue
			}
			keys = slices.Insert(keys, at, strings.Clone(f.Key))
			at++
		}
	}
	return keys
}

// WriteFormatsMarkdown writes the page docs/formats.md.
func WriteFormatsMarkdown(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprint(b, `# Formats

What Mailstop reads. This page is made from the parsers' own tables ("make generate"); the fields are those that the
examples fill when they are read. Formats are recognised line by line, by content; `+"`--format`"+` forces one.
`+"`mailstop explain 'LINE'`"+` shows how a line is read.

`)
	table := Table(config.Default())
	infos := FormatInfos()
	for _, part := range []struct {
		title string
		mail  bool
	}{{"Firewalls", false}, {"Mail servers", true}} {
		fmt.Fprintf(b, "## %s\n\n", part.title)
		for _, f := range infos {
			if f.Mail == part.mail {
				writeDoc(b, f.Doc, "`"+f.Word+"`", "Recognised by "+f.Anchor+".", f.Fills)
			}
		}
	}
	fmt.Fprint(b, "## Around the lines\n\nLayers are taken off, from the outside in, before a format reads what is left.\n\n")
	for _, l := range table.Layers {
		writeDoc(b, l.Doc, l.Name, "", nil)
	}
	fmt.Fprint(b, "## Files whose records are not lines\n\nThey are recognised by their first bytes, compressed or not, and read as one line per record.\n\n")
	for _, c := range table.Containers {
		writeDoc(b, c.Doc, c.Name, "", nil)
	}
	return b.Flush()
}

func writeDoc(b *bufio.Writer, d parse.Doc, name, anchor string, fills []string) {
	title := name
	if d.Title != "" {
		title += ": " + d.Title
	}
	fmt.Fprintf(b, "### %s\n\n", title)
	if anchor != "" {
		fmt.Fprintf(b, "%s\n\n", anchor)
	}
	for _, a := range d.Accepts {
		fmt.Fprintf(b, "- %s\n", a)
	}
	if len(d.Accepts) > 0 {
		b.WriteByte('\n')
	}
	if len(d.Examples) > 0 {
		fmt.Fprintf(b, "```\n%s\n```\n\n", strings.Join(d.Examples, "\n"))
	}
	if len(fills) > 0 {
		fmt.Fprintf(b, "Fills `%s`.\n\n", strings.Join(fills, "` `"))
	}
	if len(d.Sources) > 0 {
		fmt.Fprintf(b, "Defined by: %s.\n\n", strings.Join(d.Sources, "; "))
	}
}
