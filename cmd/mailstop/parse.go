package main

import (
	"os"

	"github.com/spf13/cobra"

	"mailstop/internal/app"
)

func newParse(g *global) *cobra.Command {
	f := &replayFlags{}
	cmd := &cobra.Command{
		Use:   "parse [FILE|DIR|GLOB|-]…",
		Short: "Print one JSON entry per line of a log",
		Long: `Reads log lines and prints one JSON object per line on standard output, in the order of the input. A line that cannot be
read is printed too, with its raw text and the key "error". Without a file, or with "-", it reads standard input.

The keys are: time time_quality received host agent format action verdict_source direction proto proto_num src_ip
src_port dst_ip dst_port tcp_flags icmp_type icmp_code length ttl mark uid pid process iface_in iface_out rule ruleset
reason count source pos raw error. What a line does not say is left out.`,
		Example: `  mailstop parse /var/log/ufw.log | jq -r 'select(.dst_port == 25) | .src_ip'
  tail -f /var/log/kern.log | mailstop parse`,
		RunE: func(cmd *cobra.Command, paths []string) error {
			cfg, err := g.load()
			if err != nil {
				return err
			}
			if len(paths) == 0 {
				paths = []string{"-"}
			}
			o, err := f.options(cfg, paths)
			if err != nil {
				return err
			}
			o.Stdin = os.Stdin
			return app.Parse(cmd.Context(), o, cmd.OutOrStdout())
		},
	}
	f.lines(cmd)
	return cmd
}
