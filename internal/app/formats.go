package app

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
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

// fills returns the JSON keys that lines fill, in the order of the JSON.
func fills(lines []string) []string {
	var doc jsonscan.Doc
	filled := map[string]bool{}
	mail := false
	for _, e := range ReadExamples(lines) {
		if e.Note != "" {
			continue
		}
		mail = e.Delivery != nil
		doc.Parse(string(e.AppendJSON(nil)))
		for _, f := range doc.Fields() {
			filled[strings.Clone(f.Key)] = true
		}
	}
	var keys []string
	for _, k := range allKeys(mail) {
		if filled[k] {
			keys = append(keys, k)
		}
	}
	return keys
}

// allKeys returns the keys of an entry, or of a delivery, that has everything, but for what every line has.
func allKeys(mail bool) []string {
	everyLineHas := []string{"raw", "source", "pos", "note", "error"}
	one := netip.IPv6Loopback()
	e := event.Entry{
		TimeQuality: event.TimeExact, Received: 1, Host: "x", Agent: "x", Format: 1, Has: ^event.Has(0), Src: one, Dst: one, TCPFlags: event.SYN,
		Process: "x", IfaceIn: "x", IfaceOut: "x", Rule: "x", Ruleset: "x", Reason: "x", Count: 2, Proto: event.TCP,
	}
	if mail {
		e.Delivery = &event.Delivery{
			QueueID: "x", RemoteHost: "x", RcptDomain: "x", DSN: "x", Reason: "x", RemoteIP: one, RemotePort: 1, SMTPCode: 1, Recipients: 2,
			Status: event.Sent, ReasonClass: event.ReasonOther, HasDelay: true,
		}
	}
	var keys []string
	var doc jsonscan.Doc
	doc.Parse(string(e.AppendJSON(nil)))
	for _, f := range doc.Fields() {
		if !slices.Contains(everyLineHas, f.Key) {
			keys = append(keys, strings.Clone(f.Key))
		}
	}
	return keys
}

// A FormatRate is how fast a format's examples are read.
type FormatRate struct {
	Format         string  `json:"format"`
	LinesPerSecond float64 `json:"lines_per_second"`
	BytesPerSecond float64 `json:"bytes_per_second"`
	LineBytes      int     `json:"line_bytes"`       // of one line, on average
	Allocations    float64 `json:"allocations_line"` // per line
}

// MeasureFormat reads a format's examples for so long, or until ctx ends.
func MeasureFormat(ctx context.Context, f FormatInfo, long time.Duration) FormatRate {
	const round = 1000 // lines between two looks at the clock
	s := parse.NewSession(Table(config.Default()), event.FormatUnknown, "")
	s.Resume(parse.State{Clock: parse.NewClock(parse.Hints{Reference: docTime})})
	var (
		examples []string
		size     int
		e        event.Entry
	)
	for _, x := range f.Doc.Examples {
		if s.Parse(x, &e); e.Note != event.NoteHeader { // headers hold for all lines after them
			examples = append(examples, x)
			size += len(x)
		}
	}
	var (
		before, after runtime.MemStats
		lines         int
	)
	runtime.ReadMemStats(&before)
	start := time.Now()
	for time.Since(start) < long && ctx.Err() == nil {
		for range round / len(examples) {
			for _, x := range examples {
				s.Parse(x, &e)
			}
		}
		lines += round / len(examples) * len(examples)
	}
	took := time.Since(start).Seconds()
	runtime.ReadMemStats(&after)
	return FormatRate{
		Format: f.Word, LinesPerSecond: float64(lines) / took, LineBytes: size / len(examples),
		BytesPerSecond: float64(lines) / took * float64(size) / float64(len(examples)),
		Allocations:    float64(after.Mallocs-before.Mallocs) / float64(lines),
	}
}

// MeasureFile reads a file for so long, or until ctx ends. Its bytes are those of the file as it is stored.
func MeasureFile(ctx context.Context, path string, long time.Duration) (FormatRate, error) {
	info, err := os.Stat(path)
	if err != nil {
		return FormatRate{}, err
	}
	var (
		before, after runtime.MemStats
		lines, times  int64
	)
	runtime.ReadMemStats(&before)
	start := time.Now()
	for times == 0 || time.Since(start) < long && ctx.Err() == nil {
		n, err := ParseOnly(ctx, Options{Config: config.Default(), Paths: []string{path}, Now: docTime}, 1)
		if err != nil {
			return FormatRate{}, err
		}
		lines += n.Lines
		times++
	}
	took := time.Since(start).Seconds()
	runtime.ReadMemStats(&after)
	return FormatRate{
		Format: filepath.Base(path), LinesPerSecond: float64(lines) / took, BytesPerSecond: float64(times*info.Size()) / took,
		LineBytes: int(times * info.Size() / max(lines, 1)), Allocations: float64(after.Mallocs-before.Mallocs) / float64(max(lines, 1)),
	}, nil
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
