package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"mailstop/internal/app"
	"mailstop/internal/term"
)

func newBenchFormats() *cobra.Command {
	var (
		output string
		each   time.Duration
	)
	cmd := &cobra.Command{
		Use:   "formats [FORMAT|FILE]…",
		Short: "Measure how fast the lines of each format are read, on one core",
		Long: `Reads the examples of each format over and over, on one core: with their headers and envelopes, into entries, and no
further. Lines of one format repeat here, so real logs are read a little slower; what counts is how formats compare.

A FILE is read over and over instead, as replay reads it, unpacked if need be: captures and event logs, too.`,
		Example: `  mailstop bench formats
  mailstop bench formats filterlog pfirewall -o json
  mailstop bench formats Security.evtx`,
		RunE: func(cmd *cobra.Command, a []string) error {
			if output != "text" && output != "json" {
				return usage("-o %q: text or json", output)
			}
			infos := app.FormatInfos()
			var files []string
			for _, name := range a {
				if indexFormat(infos, name) >= 0 {
					continue
				}
				if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() {
					return usage("%q is neither a format nor a file\nhint: mailstop formats", name)
				}
				files = append(files, name)
			}
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			var rates []app.FormatRate
			for _, f := range infos {
				if len(a) == 0 || slices.Contains(a, f.Word) {
					rates = append(rates, app.MeasureFormat(cmd.Context(), f, each))
				}
			}
			for _, file := range files {
				r, err := app.MeasureFile(cmd.Context(), file, each)
				if err != nil {
					return err
				}
				rates = append(rates, r)
			}
			out := cmd.OutOrStdout()
			if output == "json" {
				return json.NewEncoder(out).Encode(map[string]any{"formats": rates})
			}
			t := term.Table{
				Header: []string{"format", "M lines/s", "MB/s", "ns/line", "bytes/line", "allocations/line"},
				Right:  []bool{false, true, true, true, true, true},
			}
			for _, r := range rates {
				t.Rows = append(t.Rows, []string{
					r.Format, fmt.Sprintf("%.2f", r.LinesPerSecond/1e6), fmt.Sprintf("%.0f", r.BytesPerSecond/1e6),
					fmt.Sprintf("%.0f", 1e9/r.LinesPerSecond), strconv.Itoa(r.LineBytes), fmt.Sprintf("%.2f", r.Allocations),
				})
			}
			return t.Write(out)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	cmd.Flags().DurationVar(&each, "each", time.Second, "how long to read each format")
	complete(cmd, "output", "text", "json")
	return cmd
}
