package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mailstop/internal/app"
	"mailstop/internal/term"
)

// maxTable bounds how many rows a table on the screen has; json and csv have all.
const maxTable = 10_000

func newQuery(g *global) *cobra.Command {
	var store, output string
	cmd := &cobra.Command{
		Use:   "query 'SQL'",
		Short: "Ask the store in ClickHouse SQL, read-only",
		Long: `Runs one read-only ClickHouse statement over the store and prints its rows. Tables: entries, rollup_1m, rollup_1h,
findings (read it with FINAL), deliveries, sources.`,
		Example: `  mailstop query 'SELECT host, dst_port, action, count() FROM entries GROUP BY ALL ORDER BY count() DESC LIMIT 10'
  mailstop query --store ./store -o csv 'SELECT minute, sum(packets) FROM rollup_1m WHERE port = 25 GROUP BY minute ORDER BY minute'`,
		Args: oneArg("an SQL statement"),
		RunE: func(cmd *cobra.Command, a []string) error {
			var print rowPrinter
			switch out := bufio.NewWriter(cmd.OutOrStdout()); output {
			case "table":
				print = &tableRows{out: out}
			case "json":
				print = &jsonRows{out: out}
			case "csv":
				print = &csvRows{out: csv.NewWriter(out), flush: out.Flush}
			default:
				return usage("-o %q: table, json or csv", output)
			}
			return withStore(cmd.Context(), g, store, func(ctx context.Context, s *app.Store) error {
				if err := s.Query(ctx, a[0], print.row); err != nil {
					return err
				}
				return print.end()
			})
		},
	}
	cmd.Flags().StringVar(&store, "store", "", "`PATH|DSN` of the store; default: what the configuration says")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table, json (one object per row) or csv")
	complete(cmd, "output", "table", "json", "csv")
	return cmd
}

// A rowPrinter prints the rows of a result.
type rowPrinter interface {
	row(columns []string, row []any) error
	end() error
}

type tableRows struct {
	out   *bufio.Writer
	table term.Table
	more  int
}

func (t *tableRows) row(columns []string, row []any) error {
	if t.table.Header == nil {
		t.table.Header = append([]string(nil), columns...)
	}
	if len(t.table.Rows) == maxTable {
		t.more++
		return nil
	}
	t.table.Rows = append(t.table.Rows, texts(row))
	return nil
}

func (t *tableRows) end() error {
	if err := t.table.Write(t.out); err != nil {
		return err
	}
	if t.more > 0 {
		fmt.Fprintf(t.out, "and %s more rows; hint: -o csv or -o json prints all\n", term.Number(t.more))
	}
	return t.out.Flush()
}

type csvRows struct {
	out   *csv.Writer
	flush func() error
	begun bool
}

func (c *csvRows) row(columns []string, row []any) error {
	if !c.begun {
		c.begun = true
		if err := c.out.Write(columns); err != nil {
			return err
		}
	}
	return c.out.Write(texts(row))
}

func (c *csvRows) end() error {
	if c.out.Flush(); c.out.Error() != nil {
		return c.out.Error()
	}
	return c.flush()
}

type jsonRows struct{ out *bufio.Writer }

func (j *jsonRows) row(columns []string, row []any) error {
	sep := byte('{')
	for i, name := range columns {
		key, err := json.Marshal(name)
		if err != nil {
			return err
		}
		value, err := json.Marshal(plain(row[i]))
		if err != nil {
			return fmt.Errorf("column %s: %w", name, err)
		}
		j.out.WriteByte(sep)
		j.out.Write(term.EscapeJSON(key))
		j.out.WriteByte(':')
		j.out.Write(term.EscapeJSON(value))
		sep = ','
	}
	_, err := j.out.WriteString("}\n")
	return err
}

func (j *jsonRows) end() error { return j.out.Flush() }

// plain replaces what encoding/json cannot write, or writes as something else, by what ClickHouse writes: no words for
// infinity, and a list of small numbers is not text.
func plain(v any) any {
	switch v := v.(type) {
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return nil
		}
	case []uint8:
		out := make([]uint16, len(v))
		for i, n := range v {
			out[i] = uint16(n)
		}
		return out
	}
	return v
}

func texts(row []any) []string {
	out := make([]string, len(row))
	for i, v := range row {
		switch v := v.(type) {
		case nil:
		case time.Time:
			out[i] = strings.TrimSuffix(v.UTC().Format("2006-01-02 15:04:05.999999999"), ".")
		case fmt.Stringer, string:
			out[i] = fmt.Sprint(v)
		default:
			out[i] = text(v)
		}
	}
	return out
}

// text writes a number as it is, and what consists of several values as JSON.
func text(v any) string {
	switch reflect.ValueOf(v).Kind() {
	case reflect.Slice, reflect.Array, reflect.Map, reflect.Struct:
		if b, err := json.Marshal(plain(v)); err == nil {
			return string(b)
		}
	}
	return fmt.Sprint(v)
}
