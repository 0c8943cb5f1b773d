// Mailstop finds mail that a firewall stops. See "mailstop --help".
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // zones work on machines without a zone database

	"github.com/spf13/cobra"
)

// Exit codes of design.md §5.
const (
	exitFailed = 1
	exitUsage  = 2
	exitFound  = 3
)

// errFound ends a command whose result is bad news, already printed: --fail-on was hit.
var errFound = errors.New("findings at or above --fail-on")

// A usageError is a command line that makes no sense.
type usageError struct{ error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	g := &global{}
	root := newRoot(g)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	var wrongUse usageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errFound):
		return exitFound
	case errors.As(err, &wrongUse):
		g.complain(fmt.Errorf("%w\nhint: run \"%s --help\"", err, cmd.CommandPath()))
		return exitUsage
	}
	g.complain(err)
	return exitFailed
}

// complain says on stderr why a command ends.
func (g *global) complain(err error) {
	if g.logFormat == "json" {
		slog.Error("the command failed", "error", err)
		return
	}
	fmt.Fprintf(os.Stderr, "mailstop: %v\n", err)
}

// noArgs refuses arguments. Those of a command that has commands of its own were meant as one.
func noArgs(cmd *cobra.Command, a []string) error {
	switch {
	case len(a) == 0:
		return nil
	case !cmd.HasAvailableSubCommands():
		return usage("%s takes no arguments, but %q is given", cmd.Name(), a[0])
	}
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(a[0]); len(near) > 0 {
		return usage("%s has no command %q; did you mean %q?", cmd.Name(), a[0], near[0])
	}
	return usage("%s has no command %q", cmd.Name(), a[0])
}

// oneArg wants one argument, which what describes.
func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, a []string) error {
		switch len(a) {
		case 0:
			return usage("%s needs %s", cmd.Name(), what)
		case 1:
			return nil
		}
		return usage("%s takes one argument, %s, but %d are given: is a pair of quotes missing?", cmd.Name(), what, len(a))
	}
}
