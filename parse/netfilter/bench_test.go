package netfilter

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"mailstop/event"
	"mailstop/internal/golden"
	"mailstop/parse"
)

// benchLines returns bodies: of the log that $MAILSTOP_BENCH_LOG names, else of the test data.
func benchLines(b *testing.B) (lines []string, bytes int64) {
	b.Helper()
	if path := os.Getenv("MAILSTOP_BENCH_LOG"); path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(string(text), "\n"), "\n") {
			if at := header.FindStringIndex(line); at != nil {
				line = line[at[1]:] // a view: bodies lie behind one another, as they do in a block of a file
			}
			lines = append(lines, line)
		}
	} else {
		for line := range golden.Lines(b, "testdata/generators.log") {
			lines = append(lines, line)
		}
	}
	for _, l := range lines {
		bytes += int64(len(l))
	}
	return lines, bytes
}

// header is the head of a syslog file's line with a kernel stamp; what it leaves is the body.
var header = regexp.MustCompile(`^(<\d+>)?([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\S+) (\S+ )?(kernel: )?(\[ *\d+\.\d{6}\] )?`)

func BenchmarkParse(b *testing.B) {
	lines, size := benchLines(b)
	run := func(name string, read func(p *parser, line string, e *event.Entry)) {
		b.Run(name, func(b *testing.B) {
			p := newParser(nil)
			b.SetBytes(size)
			b.ReportAllocs()
			e := new(event.Entry)
			for b.Loop() {
				for _, line := range lines {
					*e = event.Entry{Count: 1}
					read(p, line, e)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(lines)), "ns/line")
		})
	}
	run("parse", func(p *parser, line string, e *event.Entry) { _ = p.Parse(line, &parse.Record{Entry: e}) })
	run("match+parse", func(p *parser, line string, e *event.Entry) {
		if p.Match(line, nil) {
			_ = p.Parse(line, &parse.Record{Entry: e})
		}
	})
	run("careful", func(p *parser, line string, e *event.Entry) { _ = p.careful(line, e) })
}
