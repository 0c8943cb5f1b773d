package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"mailstop/internal/app"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the versions of mailstop, Go and libchdb",
		Long: `Prints the versions of Mailstop, of the Go that built it, and of libchdb, the engine of the embedded store, with the path
where it was found. Give all of it with a question or a bug report.`,
		Example: "  mailstop version",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "mailstop %s (commit %s)\ngo       %s %s/%s\nlibchdb  %s\n",
				app.Version, app.Commit, runtime.Version(), runtime.GOOS, runtime.GOARCH, app.LibraryVersion())
			return err
		},
	}
}
