package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// ErrReadOnly says that a statement was refused because it is not a plain question.
var ErrReadOnly = errors.New("only SELECT, WITH, SHOW, DESCRIBE, EXPLAIN and EXISTS are allowed")

// Query runs one read-only statement and calls f for each row. columns and row are valid only during the call; row
// holds Go values: numbers, strings, time.Time, netip or net addresses, slices, and nil for NULL.
//
// The engine's setting readonly = 1 forbids writing, files, URLs and other servers. Its own parser is asked first what
// the statement is, since three things pass that setting: a second statement, INTO OUTFILE, which the client side of
// the engine runs, and "SETTINGS readonly = DEFAULT".
func (s *Sink) Query(ctx context.Context, sql string, f func(columns []string, row []any) error) error {
	var plain string
	if err := s.conn.QueryRow(ctx, "SELECT formatQuerySingleLine(?)", sql).Scan(&plain); err != nil {
		return fmt.Errorf("query: %w", err)
	}
	if err := inspect(plain); err != nil {
		return fmt.Errorf("query: %w", err)
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"readonly": 1}))
	rows, err := s.conn.Query(ctx, plain)
	if err != nil {
		return fmt.Errorf("query: %w", err)
	}
	defer rows.Close()
	columns, types := rows.Columns(), rows.ColumnTypes()
	into, row := make([]any, len(types)), make([]any, len(types))
	for rows.Next() {
		for i, t := range types {
			into[i] = reflect.New(t.ScanType()).Interface()
		}
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("query: %w", err)
		}
		for i, p := range into {
			row[i] = value(p)
		}
		if err := f(columns, row); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("query: %w", err)
	}
	return nil
}

// value returns what the pointer p, perhaps to another pointer, points to.
func value(p any) any {
	v := reflect.ValueOf(p).Elem()
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	return v.Interface()
}

// inspect refuses what is not a question. sql is as the engine's parser writes it: keywords in capitals, no comments.
func inspect(sql string) error {
	tokens := tokenize(sql)
	for len(tokens) > 0 && tokens[0] == "(" {
		tokens = tokens[1:]
	}
	if len(tokens) == 0 || !slices.Contains([]string{"SELECT", "WITH", "SHOW", "DESCRIBE", "EXPLAIN", "EXISTS"}, tokens[0]) {
		return ErrReadOnly
	}
	for i := range len(tokens) - 1 {
		switch two := tokens[i] + " " + tokens[i+1]; {
		case two == "INTO OUTFILE":
			return fmt.Errorf("%w: no INTO OUTFILE", ErrReadOnly)
		case two == "= DEFAULT":
			return fmt.Errorf("%w: no setting may be changed", ErrReadOnly)
		case tokens[i] == ";":
			return fmt.Errorf("%w: one statement at a time", ErrReadOnly)
		case tokens[i] == "FORMAT" && tokens[i+1] != "," && (i+2 == len(tokens) || tokens[i+2] == "SETTINGS"):
			return fmt.Errorf(`%w: no FORMAT; hint: "mailstop query -o json|csv"`, ErrReadOnly)
		}
	}
	return nil
}

// tokenize cuts sql into words and single signs. Quoted text becomes its opening quote.
func tokenize(sql string) []string {
	var out []string
	for i := 0; i < len(sql); {
		switch c := sql[i]; {
		case c == ' ' || c == '\n' || c == '\t' || c == '\r':
			i++
		case c == '\'' || c == '`' || c == '"':
			out = append(out, sql[i:i+1])
			i = quoted(sql, i)
		case wordByte(c):
			start := i
			for i < len(sql) && wordByte(sql[i]) {
				i++
			}
			out = append(out, sql[start:i])
		default:
			out = append(out, sql[i:i+1])
			i++
		}
	}
	return out
}

// quoted returns where the quoted text that starts at i ends.
func quoted(sql string, i int) int {
	quote := sql[i]
	for i++; i < len(sql); i++ {
		switch sql[i] {
		case '\\':
			i++
		case quote:
			return i + 1
		}
	}
	return len(sql)
}

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// Version says which engine the store runs on: "ClickHouse 26.7.2.1", and for an embedded one its library.
func (s *Sink) Version(ctx context.Context) (string, error) {
	v, err := s.conn.ServerVersion()
	if err != nil {
		return "", fmt.Errorf("store: %w", err)
	}
	out := fmt.Sprintf("ClickHouse %d.%d.%d", v.Version.Major, v.Version.Minor, v.Version.Patch)
	if s.db != nil {
		out += " in libchdb " + strings.TrimSpace(s.db.LibVersion())
	}
	return out, ctx.Err()
}
