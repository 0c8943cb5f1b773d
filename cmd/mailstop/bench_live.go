package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"mailstop/internal/app"
	"mailstop/internal/term"
)

func newBenchLive(g *global) *cobra.Command {
	var (
		output, broker string
		lines          int
	)
	cmd := &cobra.Command{
		Use:   "live [FILE]",
		Short: "Measure how fast the daemon takes lines: from a file, from Kafka, into the store",
		Long: `Runs what "mailstop run" runs over lines that are there already, by default generated ones: a file that is followed, the
same with every line stored in an embedded store, and with --broker Kafka topics that are made for it and deleted after that,
with 100 lines and with one line a message. Rates count from the first to the last lines that are acknowledged.`,
		Example: `  mailstop bench live
  mailstop bench live --broker 127.0.0.1:9092 /var/log/kern.log -o json`,
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, a []string) error {
			if output != "text" && output != "json" {
				return usage("-o %q: text or json", output)
			}
			cfg, err := g.load()
			if err != nil {
				return err
			}
			dir, err := os.MkdirTemp("", "mailstop-bench-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			b := app.LiveBench{Config: cfg, Dir: dir, Broker: broker, Log: filepath.Join(dir, "generated.log"), Store: app.LibraryVersion() != app.NoLibrary}
			if len(a) == 1 {
				if b.Log, err = filepath.Abs(a[0]); err != nil {
					return err
				}
			} else if err := generate(b.Log, lines); err != nil {
				return err
			}
			if b.Lines, err = countLines(b.Log); err != nil {
				return err
			}
			var rates []app.LiveRate
			if err := b.Run(cmd.Context(), func(r app.LiveRate) error { rates = append(rates, r); return nil }); err != nil {
				return err
			}
			if output == "json" {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"live": rates})
			}
			t := term.Table{Header: []string{"", "M lines/s", "seconds", "CPU seconds"}, Right: []bool{false, true, true, true}}
			for _, r := range rates {
				t.Rows = append(t.Rows, []string{r.Name, fmt.Sprintf("%.2f", r.Rate/1e6), fmt.Sprintf("%.2f", r.Seconds), fmt.Sprintf("%.2f", r.CPU)})
			}
			return t.Write(cmd.OutOrStdout())
		},
	}
	fl := cmd.Flags()
	fl.StringVarP(&output, "output", "o", "text", "text or json")
	fl.StringVar(&broker, "broker", "", "also read from Kafka, through the broker at `HOST:PORT`")
	fl.IntVar(&lines, "lines", 1_000_000, "lines to generate")
	complete(cmd, "output", "text", "json")
	return cmd
}
