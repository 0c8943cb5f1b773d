package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mailstop/event"
	"mailstop/internal/app"
	"mailstop/internal/term"
)

type findingsFlags struct {
	store, output, severity, host string
	kinds                         []string
	open                          bool
}

func newFindings(g *global) *cobra.Command {
	f := &findingsFlags{}
	cmd := &cobra.Command{
		Use:   "findings",
		Short: "List the findings in the store",
		Long: `Lists what was found by the daemon and by replays that stored their results: the worst and latest first. "findings show ID" prints one
with its cause, evidence and fix.`,
		Example: `  mailstop findings --store ./store --min-severity medium
  mailstop findings show 4a2c741b4e9500c5 --store ./store
  mailstop findings -o json | jq '.[].summary'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			severity, ok := event.ParseSeverity(f.severity)
			if !ok {
				return usage("--min-severity %q: info, low, medium or high", f.severity)
			}
			for _, kind := range f.kinds {
				if !slices.Contains(app.FindingKinds(), kind) {
					return usage("--kind %q: %s", kind, strings.Join(app.FindingKinds(), ", "))
				}
			}
			filter := app.Filter{Kinds: f.kinds, Host: f.host, MinSeverity: severity, OpenOnly: f.open}
			return f.with(cmd, g, func(ctx context.Context, s *app.Store) error {
				found, err := s.Findings(ctx, filter)
				if err != nil {
					return err
				}
				if f.output == "json" {
					return printJSON(cmd.OutOrStdout(), notNil(found))
				}
				return listFindings(cmd.OutOrStdout(), found)
			})
		},
	}
	fl := cmd.PersistentFlags()
	fl.StringVar(&f.store, "store", "", "`PATH|DSN` of the store; default: what the configuration says")
	fl.StringVarP(&f.output, "output", "o", "text", "text or json")
	cmd.Flags().StringVar(&f.severity, "min-severity", "info", "leave out milder ones: info, low, medium, high")
	cmd.Flags().StringVar(&f.host, "host", "", "only this `firewall`'s")
	cmd.Flags().StringSliceVar(&f.kinds, "kind", nil, "only this `kind`; may be repeated")
	complete(cmd, "min-severity", "info", "low", "medium", "high")
	complete(cmd, "kind", app.FindingKinds()...)
	cmd.Flags().BoolVar(&f.open, "open", false, "only those that still hold")
	cmd.AddCommand(&cobra.Command{
		Use:   "show ID",
		Short: "Show one finding with cause, evidence and fix",
		Long: `Prints one finding of the store as the report of the replay did: what is stopped, why, what to type to mend it, and the
lines that show it. The id is the same for the same problem, whenever it is found.`,
		Example: `  mailstop findings show 4a2c741b4e9500c5 --store ./store
  mailstop findings show 4a2c741b4e9500c5 --store ./store -o json | jq -r '.fix[0].command'`,
		Args: oneArg("the ID of a finding"),
		RunE: func(cmd *cobra.Command, a []string) error {
			return f.with(cmd, g, func(ctx context.Context, s *app.Store) error {
				found, err := s.Finding(ctx, a[0])
				if errors.Is(err, app.ErrNoFinding) {
					return fmt.Errorf("the store has no finding %q\nhint: run \"mailstop findings\" for the ids", a[0])
				}
				if err != nil {
					return err
				}
				if f.output == "json" {
					return printJSON(cmd.OutOrStdout(), found)
				}
				return app.WriteFinding(cmd.OutOrStdout(), found, textOptions(cmd.OutOrStdout()))
			})
		},
	})
	return cmd
}

// with opens the store for one command.
func (f *findingsFlags) with(cmd *cobra.Command, g *global, do func(context.Context, *app.Store) error) error {
	if f.output != "text" && f.output != "json" {
		return usage("-o %q: text or json", f.output)
	}
	return withStore(cmd.Context(), g, f.store, do)
}

func withStore(ctx context.Context, g *global, where string, do func(context.Context, *app.Store) error) (err error) {
	cfg, err := g.load()
	if err != nil {
		return err
	}
	if where == "none" {
		return usage("--store none: name the store to read")
	}
	s, err := app.ReadStore(ctx, cfg, where)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close(context.WithoutCancel(ctx))) }()
	return do(ctx, s)
}

func notNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func printJSON(out io.Writer, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := out.Write(term.EscapeJSON(b.Bytes()))
	return err
}

func listFindings(out io.Writer, found []event.Finding) error {
	if len(found) == 0 {
		_, err := fmt.Fprintln(out, "no findings in the store")
		return err
	}
	t := term.Table{Header: []string{"ID", "SEVERITY", "STATE", "KIND", "HOST", "LAST (UTC)", "SUMMARY"}}
	for _, f := range found {
		t.Rows = append(t.Rows, []string{
			f.ID, f.Severity.String(), f.State.String(), f.Kind, f.Host, f.Last.UTC().Format(time.DateTime), f.Summary,
		})
	}
	return t.Write(out)
}
