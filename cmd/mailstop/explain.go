package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"mailstop/event"
	"mailstop/internal/app"
	"mailstop/internal/term"
)

func newExplain(g *global) *cobra.Command {
	f := &replayFlags{}
	cmd := &cobra.Command{
		Use:   "explain 'LINE'",
		Short: "Show how one log line is read, step by step",
		Long: `Shows what each layer takes off a line, what the format's parser reads in the rest, how the verdict is known, and what
the detectors make of the line alone. "-" reads the line from standard input.`,
		Example: `  mailstop explain 'Jan  5 10:11:12 mx1 kernel: [UFW BLOCK] IN= OUT=eth0 SRC=192.0.2.25 DST=203.0.113.9 …'
  tail -n 1 /var/log/ufw.log | mailstop explain -`,
		Args: oneArg("a LINE of a log, or - for standard input"),
		RunE: func(cmd *cobra.Command, a []string) error {
			cfg, err := g.load()
			if err != nil {
				return err
			}
			o, err := f.options(cfg, nil)
			if err != nil {
				return err
			}
			line := a[0]
			if line == "-" {
				if line, err = bufio.NewReaderSize(os.Stdin, event.MaxRaw+1).ReadString('\n'); err != nil && !errors.Is(err, io.EOF) {
					return fmt.Errorf("read the line: %w", err)
				}
			}
			return explain(cmd.OutOrStdout(), app.Explain(o, line))
		},
	}
	f.lines(cmd)
	return cmd
}

func explain(out io.Writer, x app.Explanation) error {
	w := bufio.NewWriter(out)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-18s %s\n", name, term.Clean(fmt.Sprintf(format, args...), 4000))
	}
	row("line", "%s", x.Entry.Raw)
	for _, s := range x.Steps {
		row(s.Layer, "takes %q", s.Took)
		if s.Note != "" {
			row("", "%s", s.Note)
		}
	}
	if len(x.Steps) == 0 && x.Entry.Note == "" {
		row("no layer", "no envelope, syslog header or format recognises this line")
	}
	w.WriteByte('\n')
	e := &x.Entry
	if e.TimeQuality != event.TimeNone {
		row("time", "%s (%s)", event.AppendTime(nil, e.Time, e.TimeDigits), e.TimeQuality)
	}
	what := "entry"
	switch {
	case e.Delivery != nil:
		what = "delivery"
	case e.Note != "":
		row("note", "%s", e.Note)
	default:
		row("verdict", "%s, known by: %s", e.Action, e.Verdict)
	}
	row(what, "%s", strings.ReplaceAll(string(e.AppendJSON(nil)), `,"`, `, "`))
	w.WriteByte('\n')
	row("detectors", "%s", x.Verdict)
	for _, f := range x.Findings {
		row("", "%s (%s): %s", f.Kind, f.Severity, f.Summary)
	}
	return w.Flush()
}
