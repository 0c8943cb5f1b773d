package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"mailstop/internal/app"
	"mailstop/internal/config"
)

const aboutRun = `Reads the sources of the configuration as they are written – log files, Kafka topics, syslog, the journal – until it is
told to stop, and stores what they say: entries, counts and findings.

Nothing is lost and nothing is stored twice: after a crash, a reboot or a stop it goes on where it was (state_dir holds a
checkpoint), and the store knows what it has. While the store is away, reading waits. Only what plain syslog over UDP
drops is lost, and counted.

Signals: HUP reads the configuration again and applies it if it is valid; TERM and INT stop after what was read is stored,
within 10 s. With http.listen there are /metrics, /-/healthy and /-/ready.

While it runs, "mailstop findings" and "mailstop query" with the same configuration ask the store as usual.`

const runExamples = `  mailstop run -c /etc/mailstop.yaml
  mailstop run -c /etc/mailstop.yaml --print
  mailstop run --store none --print=json -c test.yaml | jq .`

func newRun(g *global) *cobra.Command {
	var o app.RunOptions
	cmd := &cobra.Command{
		Use:     "run",
		Short:   "Follow live logs: the daemon",
		Long:    aboutRun,
		Example: runExamples,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Print != "" && o.Print != "text" && o.Print != "json" {
				return usage("--print=%s: text or json", o.Print)
			}
			cfg, err := g.load()
			if err != nil {
				return err
			}
			if len(cfg.Sources) == 0 {
				return usage("there is nothing to read: name a configuration with sources, such as -c /etc/mailstop.yaml")
			}
			o.Config, o.Load = cfg, func() (config.Config, error) { return g.reload() }
			o.Stdin, o.Stdout = os.Stdin, cmd.OutOrStdout()
			return runDaemon(cmd.Context(), o)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&o.Store, "store", "", "store results in `PATH|DSN`, a folder or a ClickHouse server; none: nowhere")
	fl.StringVar(&o.Print, "print", "", "show findings and mail entries as they happen, as `text|json`")
	fl.Lookup("print").NoOptDefVal = "text"
	complete(cmd, "print", "text", "json")
	return cmd
}

// runDaemon runs the daemon until a signal ends it.
func runDaemon(ctx context.Context, o app.RunOptions) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	o.Reload = hup
	return app.Run(ctx, o)
}

// reload reads the configuration again.
func (g *global) reload() (config.Config, error) {
	if g.configFile == "" {
		return config.Config{}, errors.New("no configuration file was named at the start")
	}
	cfg, err := g.load()
	if err == nil && len(cfg.Sources) == 0 {
		err = fmt.Errorf("%s names no sources", g.configFile)
	}
	return cfg, err
}
