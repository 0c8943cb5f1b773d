package main

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mailstop/event"
	"mailstop/internal/app"
	"mailstop/internal/config"
)

const aboutReplay = `Reads old firewall logs to their end and reports which mail they stopped: what is blocked, since when, how often, by
which rule, why, and what to type to mend it.

Files may be plain or compressed (.gz .zst .bz2 .xz, recognised by content). Folders are read whole, and rotated sets
(ufw.log, ufw.log.1, ufw.log.2.gz …) in the order of time. "-" is standard input. The format of each line is recognised
by its content, so files may be mixed.

Stamps without a year get it from the file's name or time; stamps without a zone are taken as UTC unless --tz or the
configuration says otherwise. Both are marked in the entries and said in the report.

Nothing is stored unless --store or the configuration names a store. What is stored is stored once: replaying a file
again, also when it has grown, was renamed or compressed, adds only what is new. --from and --to limit the report; the
store gets whole files, so that it holds each line once.`

const replayExamples = `  mailstop replay /var/log/ufw.log*
  mailstop replay --host fw1 --tz Europe/Berlin /var/log/kern.log*
  mailstop replay --mail-server 192.0.2.25 --from 2026-01-05 --to 2026-01-06 /var/log
  journalctl -k -o json | mailstop replay -
  mailstop replay --store ./store -o json --fail-on medium /var/log/kern.log`

// replayFlags are the flags of replay, and of the commands that read lines like it.
type replayFlags struct {
	format, host, tz, from, to string
	year                       int
	servers                    []string
	store, entriesOut          string
	output, notify, failOn     string
}

func (f *replayFlags) lines(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.format, "format", "auto", "log format; auto recognises it line by line")
	fl.StringVar(&f.host, "host", "", "the firewall's `name`, where the lines do not tell")
	fl.StringVar(&f.tz, "tz", "", "`zone` of stamps without one, such as Europe/Berlin")
	complete(cmd, "format", append([]string{"auto"}, app.Formats()...)...)
	fl.IntVar(&f.year, "year", 0, "`year` in which each file begins, where its stamps have none")
}

func newReplay(g *global) *cobra.Command {
	f := &replayFlags{}
	cmd := &cobra.Command{
		Use:     "replay [FILE|DIR|GLOB|-]…",
		Short:   "Read old logs and report the mail they stopped",
		Long:    aboutReplay,
		Example: replayExamples,
		RunE:    func(cmd *cobra.Command, paths []string) error { return f.run(cmd, g, paths) },
	}
	f.lines(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.from, "from", "", "leave out what is before this `time`: 2026-01-05, 2026-01-05T10:00, with or without zone")
	fl.StringVar(&f.to, "to", "", "leave out what is at or after this `time`")
	fl.StringSliceVar(&f.servers, "mail-server", nil, "`address` of a mail server of yours; may be repeated")
	fl.StringVar(&f.store, "store", "", "store results in `PATH|DSN`, a folder or a ClickHouse server; none: nowhere")
	fl.StringVar(&f.entriesOut, "entries-out", "", "also write every entry to `FILE` as JSON lines")
	fl.StringVarP(&f.output, "output", "o", "text", "report as text or json")
	fl.StringVar(&f.notify, "notify", "none", "who is told of old findings: none or summary")
	fl.StringVar(&f.failOn, "fail-on", "", "exit with 3 if a finding has this `severity` or more: info, low, medium, high")
	complete(cmd, "output", "text", "json")
	complete(cmd, "notify", "none", "summary")
	complete(cmd, "fail-on", "info", "low", "medium", "high")
	return cmd
}

func complete(cmd *cobra.Command, flag string, words ...string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag does not exist: a slip in this file
	}
}

// options turns flags into what the replay needs.
func (f *replayFlags) options(cfg config.Config, paths []string) (app.Options, error) {
	o := app.Options{Config: cfg, Paths: paths, Host: f.host, Year: f.year, Store: f.store, EntriesOut: f.entriesOut, Now: time.Now()}
	if f.format != "" && f.format != "auto" {
		if !slices.Contains(app.Formats(), f.format) {
			return o, usage("--format %q is not known: auto, %s", f.format, strings.Join(app.Formats(), ", "))
		}
		o.Format, _ = event.ParseFormat(f.format)
	}
	if f.tz != "" {
		zone, err := config.LoadZone(f.tz)
		if err != nil {
			return o, usage("--tz: %v", err)
		}
		o.Zone = zone
	}
	if f.year != 0 && (f.year < 1970 || f.year > 2200) {
		return o, usage("--year %d is not between 1970 and 2200", f.year)
	}
	for _, s := range f.servers {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return o, usage("--mail-server %q is not an address", s)
		}
		o.Config.Mail.Servers = append(o.Config.Mail.Servers, a)
	}
	var err error
	if o.From, err = parseTime("--from", f.from, o.Zone); err != nil {
		return o, err
	}
	if o.To, err = parseTime("--to", f.to, o.Zone); err != nil {
		return o, err
	}
	if !o.From.IsZero() && !o.To.IsZero() && !o.From.Before(o.To) {
		return o, usage("--from %s is not before --to %s", f.from, f.to)
	}
	return o, nil
}

// parseTime reads a time given on the command line; without a zone of its own it is in zone, or UTC.
func parseTime(flag, s string, zone *time.Location) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if zone == nil {
		zone = time.UTC
	}
	for _, clock := range []string{"", "T15:04", "T15:04:05", " 15:04", " 15:04:05"} {
		for _, offset := range []string{"", "Z07:00"} {
			if t, err := time.ParseInLocation(time.DateOnly+clock+offset, s, zone); err == nil {
				return t, nil
			}
		}
	}
	return time.Time{}, usage("%s %q is not a time such as 2026-01-05 or 2026-01-05T10:00:00+01:00", flag, s)
}

func (f *replayFlags) run(cmd *cobra.Command, g *global, paths []string) error {
	threshold, hasThreshold := event.ParseSeverity(f.failOn)
	switch {
	case f.failOn != "" && !hasThreshold:
		return usage("--fail-on %q: info, low, medium or high", f.failOn)
	case f.output != "text" && f.output != "json":
		return usage("-o %q: text or json", f.output)
	case f.notify != "none" && f.notify != "summary":
		return usage("--notify %q: none or summary", f.notify)
	case f.notify == "summary":
		return usage("--notify summary: this version has nobody to notify yet")
	}
	cfg, err := g.load()
	if err != nil {
		return err
	}
	o, err := f.options(cfg, paths)
	if err != nil {
		return err
	}
	o.Stdin, o.Stdout = os.Stdin, cmd.OutOrStdout()
	if len(paths) == 0 && len(cfg.FilePaths()) == 0 {
		return usage("name the logs to read, or - for standard input")
	}
	r, err := app.Replay(cmd.Context(), o, startProgress)
	if err != nil {
		return err
	}
	if err := show(cmd.OutOrStdout(), r, f.output); err != nil {
		return err
	}
	if cmd.Context().Err() != nil {
		return fmt.Errorf("stopped before the end: the report covers what was read")
	}
	if r.Unreadable() {
		return fmt.Errorf("no line could be read as a firewall entry")
	}
	if hasThreshold && r.Reaches(threshold) {
		return errFound
	}
	return nil
}
