package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"mailstop/internal/config"
)

func newCheck(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "check -c FILE",
		Short: "Validate a configuration file",
		Long: `Reads a configuration file as the other commands would and reports every error with its line and a hint.
Nothing that the file names is opened, except files that hold secrets. What is allowed and yet worth knowing is said as a
note. Exit code 0 if the file is good, 1 if not.`,
		Example: `  mailstop check -c /etc/mailstop.yaml
  mailstop check -c mailstop.yaml && systemctl reload mailstop`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if g.configFile == "" {
				return usage("name the file: check -c FILE")
			}
			c, err := config.Load(g.configFile)
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "%s: good\n", g.configFile)
			for _, n := range c.Notes() {
				fmt.Fprintf(out, "  note: %s\n", n)
			}
			return nil
		},
	}
}

func newConfig() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Show what can be configured",
		Long:    `Mailstop needs no configuration to replay logs. With one, logs, zones, your own addresses and log prefixes, and the store need not be named each time.`,
		Example: `  mailstop config reference`,
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "reference",
		Short: "Print every setting with its default, as YAML",
		Long: `Prints a configuration file with every setting, what it means and its default. What is not set by default is commented
out. The output is itself a valid file.`,
		Example: `  mailstop config reference > mailstop.yaml
  mailstop config reference | grep -A 3 prefixes:`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(cmd.OutOrStdout(), config.Reference())
			return err
		},
	})
	return cmd
}
