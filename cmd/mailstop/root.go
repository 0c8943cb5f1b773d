package main

import (
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"mailstop/internal/config"
)

const about = `Mailstop reads firewall logs, finds the mail that a firewall stops, and says since when, by which rule, how often,
why, and what to type to mend it.

Begin with old logs; nothing is changed and nothing is sent:

  mailstop replay /var/log/kern.log* /var/log/ufw.log*
  journalctl -k -o short-iso | mailstop replay -

Exit codes: 0 done, 1 failed, 2 wrong use, 3 findings at or above --fail-on.`

// global holds the flags of every command.
type global struct {
	configFile string
	logFormat  string
}

func newRoot(g *global) *cobra.Command {
	root := &cobra.Command{
		Use:           "mailstop",
		Short:         "Finds mail that a firewall stops",
		Long:          about,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentFlags().StringVarP(&g.configFile, "config", "c", "", "configuration `FILE`; see \"mailstop config reference\"")
	root.PersistentFlags().StringVar(&g.logFormat, "log-format", "text", "messages on stderr as text or json")
	root.PersistentPreRunE = func(*cobra.Command, []string) error { return g.setUp() }
	root.AddCommand(newReplay(g), newRun(g), newParse(g), newExplain(g), newFormats(), newFindings(g), newQuery(g), newCheck(g), newConfig(), newBench(g), newVersion())
	return root
}

func (g *global) setUp() error {
	switch g.logFormat {
	case "text":
		slog.SetDefault(slog.New(newTextHandler(os.Stderr)))
	case "json":
		slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stderr, nil)))
	default:
		return usage("--log-format %q: text or json", g.logFormat)
	}
	return nil
}

// load returns the configuration, or the defaults where no file is named.
func (g *global) load() (config.Config, error) {
	if g.configFile == "" {
		return config.Default(), nil
	}
	return config.Load(g.configFile)
}
