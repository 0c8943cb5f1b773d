package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"mailstop/internal/app"
	"mailstop/internal/bench"
	"mailstop/internal/term"
)

type benchFlags struct {
	lines, rounds int
	output        string
}

func newBench(g *global) *cobra.Command {
	f := &benchFlags{}
	cmd := &cobra.Command{
		Use:   "bench [FILE]",
		Short: "Measure parse and replay rates, beside what you would use instead",
		Long: `Times Mailstop on a log, by default a generated one, as pairs of whole processes with what you would use instead:
ClickHouse SQL in libchdb, and lnav, syslog-ng and psad where they are installed. Each pair runs A B A B; what counts is the ratio of the two,
since machines are shared and noisy. The counts of both sides are compared first.

Mailstop runs over one netfilter log with stamps like "Oct  1 00:00:00"; the SQL reads the same lines.`,
		Example: `  mailstop bench
  mailstop bench --rounds 3 /var/log/kern.log
  mailstop bench --lines 200000 -o json | jq '.pairs[] | {Name, Ratio}'`,
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, a []string) error {
			if f.rounds < 1 || f.lines < 1 {
				return usage("--rounds and --lines must be at least 1")
			}
			if f.output != "text" && f.output != "json" {
				return usage("-o %q: text or json", f.output)
			}
			return f.run(cmd.Context(), cmd.OutOrStdout(), a)
		},
	}
	fl := cmd.Flags()
	fl.IntVar(&f.lines, "lines", 1_000_000, "lines to generate")
	fl.IntVar(&f.rounds, "rounds", 5, "rounds per pair")
	fl.StringVarP(&f.output, "output", "o", "text", "text or json")
	complete(cmd, "output", "text", "json")
	cmd.AddCommand(newBenchChild(g), newBenchFormats(), newBenchLive(g))
	return cmd
}

func atMostOne(cmd *cobra.Command, a []string) error {
	if len(a) > 1 {
		return usage("%s takes at most one FILE, but %d are given", cmd.Name(), len(a))
	}
	return nil
}

// newBenchChild is one side of a pair, as a process of its own.
func newBenchChild(g *global) *cobra.Command {
	return &cobra.Command{
		Use:    "child parse|decode|sql …",
		Hidden: true,
		Args:   cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, a []string) error {
			if err := bench.Pin(); err != nil {
				return err
			}
			cfg, err := g.load()
			if err != nil {
				return err
			}
			ctx, out := cmd.Context(), cmd.OutOrStdout()
			switch a[0] {
			case "parse":
				n, err := app.ParseOnly(ctx, app.Options{Config: cfg, Paths: a[1:], Now: time.Now()}, runtime.NumCPU())
				if err != nil {
					return err
				}
				return json.NewEncoder(out).Encode(n)
			case "decode":
				_, err := app.DecodeOnly(ctx, a[1])
				return err
			case "sql":
				return app.SQL(ctx, a[1], a[2], runtime.NumCPU(), out)
			}
			return usage("no child %q", a[0])
		},
	}
}

// run makes the inputs, measures each pair and prints it.
func (f *benchFlags) run(ctx context.Context, out io.Writer, a []string) error {
	dir, err := os.MkdirTemp("", "mailstop-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	log := filepath.Join(dir, "generated.log")
	if len(a) == 1 {
		if log, err = filepath.Abs(a[0]); err != nil {
			return err
		}
	} else if err := generate(log, f.lines); err != nil {
		return err
	}
	lines, err := countLines(log)
	if err != nil {
		return err
	}
	pairs, err := f.pairs(dir, log, lines)
	if err != nil {
		return err
	}
	var results []bench.Result
	for _, p := range pairs {
		if p.Skipped != "" {
			results = append(results, bench.Result{Name: p.Name, Skipped: p.Skipped})
		} else {
			r, err := bench.Run(ctx, p.Pair, f.rounds)
			if err != nil {
				return err
			}
			results = append(results, r)
		}
		if f.output == "text" {
			if err := printPair(out, results[len(results)-1]); err != nil {
				return err
			}
		}
	}
	if f.output == "json" {
		return json.NewEncoder(out).Encode(map[string]any{"lines": lines, "rounds": f.rounds, "cores": runtime.NumCPU(), "pairs": results})
	}
	return nil
}

type maybePair struct {
	bench.Pair
	Skipped string
}

func (f *benchFlags) pairs(dir, log string, lines int64) ([]maybePair, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	zipped := filepath.Join(dir, "log.gz")
	if err := compress(zipped, log); err != nil {
		return nil, err
	}
	keepAll := filepath.Join(dir, "all.yaml")
	if err := os.WriteFile(keepAll, []byte("store: {keep: all}\n"), 0o600); err != nil {
		return nil, err
	}
	child := func(name, cpus string, counts func([]byte) (bench.Counts, error), args ...string) bench.Command {
		return bench.Command{Name: name, Args: append([]string{self, "bench", "child"}, args...), CPUs: cpus, Counts: counts}
	}
	replay := func(name, file string) bench.Command {
		return bench.Command{Name: name, Args: []string{self, "replay", "--store", "none", "-o", "json", file}, Counts: reportCounts}
	}
	storing := bench.Command{
		Name:   "replay into the embedded store, all entries",
		Args:   []string{"/bin/sh", "-c", `d=$(mktemp -d "$1/store.XXXXXX") && "$0" replay -c "$2" --store "$d" -o json "$3"; s=$?; rm -rf "$d"; exit $s`, self, dir, keepAll, log},
		Counts: reportCounts,
	}
	noLibrary := ""
	if app.LibraryVersion() == app.NoLibrary {
		noLibrary = "libchdb is not installed; hint: run \"make libchdb\""
	}
	kv, full := bench.TSVCounts(0, 1, 4), bench.TSVCounts(0, 1, 5)
	parse1, parseAll := child("parse, one core", "0", bench.JSONCounts, "parse", log), child("parse, all cores", "", bench.JSONCounts, "parse", log)
	out := []maybePair{
		{bench.Pair{Name: "parse only, one core, against four fields in SQL", A: parse1, B: child("libchdb SQL, one core", "0", kv, "sql", "kv", log), Lines: lines, Target: 0.45}, noLibrary},
		{bench.Pair{Name: "parse only, all cores against one", A: parseAll, B: parse1, Lines: lines, Target: 1 / 1.7}, ""},
		{bench.Pair{Name: "replay without a store, against four fields in SQL", A: replay("replay", log), B: child("libchdb SQL", "", kv, "sql", "kv", log), Lines: lines, Target: 0.65}, noLibrary},
		{bench.Pair{Name: "replay of .gz, against decompressing it with the same decoder", A: replay("replay", zipped), B: child("decompress", "", nil, "decode", zipped), Lines: lines, Target: 1.2}, ""},
		gunzip(replay("replay", zipped), zipped, lines),
		{bench.Pair{Name: "replay into the store, against all fields in SQL", A: storing, B: child("libchdb SQL", "", full, "sql", "full", log), Lines: lines, Target: 0.4}, noLibrary},
		lnav(replay("replay", log), log, lines),
		syslogNG(replay("replay", log), dir, log, lines),
	}
	part, n, err := headOf(log, dir, psadLines)
	if err != nil {
		return nil, err
	}
	return append(out, psad(replay("replay", part), part, n)), nil
}

// reportCounts reads the counts from "replay -o json".
func reportCounts(out []byte) (bench.Counts, error) {
	var r struct {
		Totals struct {
			Entries   int64
			MailPorts map[string]map[string]struct{ Blocked, Allowed, Other int64 } `json:"mail_ports"`
		}
	}
	if err := json.Unmarshal(out, &r); err != nil {
		return bench.Counts{}, err
	}
	c := bench.Counts{Rows: r.Totals.Entries}
	for _, ports := range r.Totals.MailPorts {
		for _, port := range []string{"25", "465", "587"} {
			c.Mail += ports[port].Blocked + ports[port].Allowed + ports[port].Other
		}
	}
	return c, nil
}

func generate(path string, lines int) (err error) {
	w, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	return bench.Generate(w, lines)
}

func compress(to, from string) (err error) {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	z := gzip.NewWriter(w)
	if _, err := io.Copy(z, r); err != nil {
		return err
	}
	return z.Close()
}

func countLines(path string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	buf := make([]byte, 1<<20)
	for n := int64(0); ; {
		k, err := f.Read(buf)
		n += int64(bytes.Count(buf[:k], []byte("\n")))
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

func printPair(out io.Writer, r bench.Result) error {
	if r.Skipped != "" {
		_, err := fmt.Fprintf(out, "%s\n  skipped: %s\n\n", r.Name, r.Skipped)
		return err
	}
	line := func(f bench.Figure) string {
		s := fmt.Sprintf("  %-44s %7.3f s (%.3f to %.3f), CPU %7.3f s, peak %s", f.Name, f.Seconds, f.Min, f.Max, f.CPU, term.Bytes(f.Peak))
		if f.Rate > 0 {
			s += ", " + strconv.FormatFloat(f.Rate/1e6, 'f', 2, 64) + " M lines/s"
		}
		return s
	}
	goal := ""
	if r.Target > 0 {
		goal = fmt.Sprintf(" (aim: at most %.2f)", r.Target)
	}
	_, err := fmt.Fprintf(out, "%s\n%s\n%s\n  ratio %.3f%s\n\n", r.Name, line(r.A), line(r.B), r.Ratio, goal)
	return err
}
