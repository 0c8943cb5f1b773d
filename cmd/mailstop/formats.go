package main

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"mailstop/internal/app"
	"mailstop/internal/term"
)

func newFormats() *cobra.Command {
	var markdown bool
	cmd := &cobra.Command{
		Use:   "formats [FORMAT]…",
		Short: "List the log formats that are read, and what their lines are recognised by",
		Long: `Lists the log formats. With the names of some, says what each accepts, with examples and the fields these fill. Formats are
recognised line by line, by content; --format of other commands forces one.`,
		Example: `  mailstop formats
  mailstop formats filterlog postfix`,
		RunE: func(cmd *cobra.Command, a []string) error {
			out := cmd.OutOrStdout()
			if markdown {
				return app.WriteFormatsMarkdown(out)
			}
			infos := app.FormatInfos()
			if len(a) == 0 {
				t := term.Table{Header: []string{"format", "what it is"}}
				for _, f := range infos {
					t.Rows = append(t.Rows, []string{f.Word, f.Doc.Title})
				}
				return t.Write(out)
			}
			w := bufio.NewWriter(out)
			for _, name := range a {
				i := indexFormat(infos, name)
				if i < 0 {
					return usage("unknown format %q\nhint: mailstop formats", name)
				}
				describe(w, infos[i])
			}
			return w.Flush()
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return app.Formats(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	cmd.Flags().BoolVar(&markdown, "markdown", false, "write the page docs/formats.md")
	_ = cmd.Flags().MarkHidden("markdown")
	return cmd
}

func indexFormat(infos []app.FormatInfo, name string) int {
	for i := range infos {
		if infos[i].Word == name {
			return i
		}
	}
	return -1
}

func describe(w *bufio.Writer, f app.FormatInfo) {
	fmt.Fprintf(w, "%s: %s\n  recognised by %s\n  reads\n", f.Word, f.Doc.Title, f.Anchor)
	for _, a := range f.Doc.Accepts {
		fmt.Fprintf(w, "    - %s\n", a)
	}
	fmt.Fprintf(w, "  for example\n    %s\n  fills %s\n", strings.Join(f.Doc.Examples, "\n    "), strings.Join(f.Fills, ", "))
	fmt.Fprintf(w, "  defined by %s\n\n", strings.Join(f.Doc.Sources, "; "))
}
