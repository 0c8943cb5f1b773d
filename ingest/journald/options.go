package journald

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"mailstop/event"
)

// Options say what to read. Default gives a value to start from.
type Options struct {
	Command string // journalctl, or where it is
	// Matches are what journalctl's are: fields with their values, such as "_TRANSPORT=kernel". Those of one field are
	// alternatives, different fields must all agree, and "+" separates groups that are alternatives.
	Matches []string
	// Units are services whose records are read besides those that match.
	Units []string
	// Directory is where the journal's files are; empty: the journal of this machine. All files in it are read.
	Directory string
	// Fields are asked for; those that begin with two underscores always come. Nil: all.
	Fields []string
	// Start says where to begin when nothing was read yet: "beginning" or "end".
	Start string

	Host   string
	Format event.Format
	Zone   *time.Location

	// ExtentSize and ExtentAge bound what is stored as one.
	ExtentSize int64
	ExtentAge  time.Duration
	// Reread is how much before the last position is read once more where the memory of it is lost.
	Reread time.Duration
	// Ledger returns the extents that are planned or stored behind a token. Nil: there is no store.
	Ledger func(ctx context.Context, parent string) ([]event.Extent, error)
	// Checkpoint asks for a checkpoint. It must not block. Nil: nobody is asked.
	Checkpoint func()
	Log        *slog.Logger // nil: nothing is said
}

// The places to begin.
const (
	Beginning = "beginning"
	End       = "end"
)

// Default returns the options that are used unless told otherwise.
func Default() Options {
	return Options{
		Command: "journalctl", Start: Beginning, ExtentSize: 16 << 20, ExtentAge: time.Second, Reread: time.Hour,
		Fields: []string{
			"MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "SYSLOG_FACILITY", "SYSLOG_PID", "SYSLOG_TIMESTAMP", "_HOSTNAME",
			"_TRANSPORT", "_PID", "_COMM", "_SYSTEMD_UNIT", "_SOURCE_REALTIME_TIMESTAMP", "_SOURCE_MONOTONIC_TIMESTAMP",
		},
	}
}

// Validate says what is wrong with o.
func (o Options) Validate() error {
	switch {
	case o.Command == "":
		return errors.New("no command; hint: command: journalctl")
	case o.Start != Beginning && o.Start != End:
		return fmt.Errorf("start %q: neither %q nor %q", o.Start, Beginning, End)
	case o.ExtentSize < 1 || o.ExtentAge < 0 || o.Reread < 0:
		return errors.New("extent size, extent age or time to read again: not positive")
	}
	for _, m := range o.Matches {
		if field, _, ok := strings.Cut(m, "="); m != "+" && (!ok || field == "" || strings.Trim(field, fieldBytes) != "") {
			return fmt.Errorf("match %q: not FIELD=value; hint: _TRANSPORT=kernel", m)
		}
	}
	for _, u := range o.Units {
		if u == "" || strings.ContainsAny(u, "*?[ ") {
			return fmt.Errorf("unit %q: not the name of one unit; hint: postfix@-.service", u)
		}
	}
	for _, f := range o.Fields {
		if f == "" || strings.Trim(f, fieldBytes) != "" {
			return fmt.Errorf("field %q: not the name of one", f)
		}
	}
	return nil
}

const fieldBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

// name returns what entries show as their source: the same after a restart.
func (o Options) name() string {
	words := []string{"journal"}
	if o.Directory != "" {
		words[0] += ":" + o.Directory
	}
	return strings.Join(append(words, o.matches()...), " ")
}

func (o Options) matches() []string {
	out := append([]string(nil), o.Matches...)
	if len(o.Units) > 0 && len(out) > 0 {
		out = append(out, "+")
	}
	for _, u := range o.Units {
		if !strings.Contains(u, ".") {
			u += ".service"
		}
		out = append(out, "_SYSTEMD_UNIT="+u)
	}
	return out
}

// arguments returns those of every call; what follows are the matches.
func (o Options) arguments(more ...string) []string {
	args := []string{"--output=json", "--all", "--no-pager"}
	if len(o.Fields) > 0 {
		args = append(args, "--output-fields="+strings.Join(o.Fields, ","))
	}
	if o.Directory != "" {
		args = append(args, "--directory="+o.Directory, "--merge")
	}
	return append(args, more...)
}
