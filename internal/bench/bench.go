// Package bench times Mailstop against what a user would type instead, as pairs of whole processes: A B A B, medians,
// and the counts both give compared first. Machines are shared and noisy, so what counts is the ratio of a pair.
package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A Command is one side of a pair.
type Command struct {
	Name string   // "mailstop parse"
	Args []string // of a process; the first is the program
	CPUs string   // which cores it may use, such as "0"; empty for all
	Env  []string
	// Counts reads what the process counted from its standard output. Nil if it counts nothing.
	Counts func(stdout []byte) (Counts, error)
}

// Counts are what both sides of a pair must agree on.
type Counts struct {
	Rows  int64 `json:"rows"`            // firewall entries
	Mail  int64 `json:"mail"`            // of them, to TCP port 25, 465 or 587
	Lines int64 `json:"lines,omitempty"` // not compared
}

// Uncounted stands for rows that a side does not count.
const Uncounted = -1

func (c Counts) agree(o Counts) bool {
	return c.Mail == o.Mail && (c.Rows == o.Rows || c.Rows == Uncounted || o.Rows == Uncounted)
}

// A Pair is two commands that do the same work.
type Pair struct {
	Name   string
	A, B   Command
	Lines  int64   // of the input, for rates; 0 if a rate makes no sense
	Target float64 // the ratio A/B aimed at; 0 if there is none
}

// A Figure is what one command took.
type Figure struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"` // median
	Min     float64 `json:"min"`
	Max     float64 `json:"max"`
	CPU     float64 `json:"cpu_seconds"` // median of user and system time
	Peak    int64   `json:"peak_bytes"`  // largest resident set
	Rate    float64 `json:"lines_per_second,omitempty"`
	Counts  Counts  `json:"counts"`
}

// A Result is a pair, measured.
type Result struct {
	Name    string  `json:"name"`
	A       Figure  `json:"a"`
	B       Figure  `json:"b"`
	Ratio   float64 `json:"ratio"` // median of A's time over B's, round by round
	Target  float64 `json:"target,omitempty"`
	Skipped string  `json:"skipped,omitempty"` // why the pair could not be measured
}

// Run measures a pair in so many rounds. An error means that a command failed or that the counts differ.
func Run(ctx context.Context, p Pair, rounds int) (Result, error) {
	r := Result{Name: p.Name, Target: p.Target}
	var a, b []sample
	for i := range rounds {
		x, err := run(ctx, p.A)
		if err != nil {
			return r, err
		}
		y, err := run(ctx, p.B)
		if err != nil {
			return r, err
		}
		if i == 0 && p.A.Counts != nil && p.B.Counts != nil && !x.counts.agree(y.counts) {
			return r, fmt.Errorf("%s: %s counts %+v, %s counts %+v", p.Name, p.A.Name, x.counts, p.B.Name, y.counts)
		}
		a, b = append(a, x), append(b, y)
	}
	r.A, r.B = figure(p.A.Name, a, p.Lines), figure(p.B.Name, b, p.Lines)
	ratios := make([]float64, rounds)
	for i := range ratios {
		ratios[i] = a[i].wall.Seconds() / b[i].wall.Seconds()
	}
	r.Ratio = median(ratios)
	return r, nil
}

type sample struct {
	wall, cpu time.Duration
	peak      int64
	counts    Counts
}

func run(ctx context.Context, c Command) (sample, error) {
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Env = append(os.Environ(), c.Env...)
	if c.CPUs != "" {
		cmd.Env = append(cmd.Env, pinVariable+"="+c.CPUs)
	}
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	start := time.Now()
	err := cmd.Run()
	s := sample{wall: time.Since(start)}
	if err != nil {
		return s, fmt.Errorf("%s: %w: %s", c.Name, err, lastLine(errOut.String()))
	}
	s.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		s.peak = u.Maxrss << 10
	}
	if c.Counts != nil {
		if s.counts, err = c.Counts(out.Bytes()); err != nil {
			return s, fmt.Errorf("%s: %w", c.Name, err)
		}
	}
	return s, nil
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}

func figure(name string, ss []sample, lines int64) Figure {
	f := Figure{Name: name, Counts: ss[0].counts}
	var wall, cpu []float64
	for _, s := range ss {
		wall, cpu = append(wall, s.wall.Seconds()), append(cpu, s.cpu.Seconds())
		f.Peak = max(f.Peak, s.peak)
	}
	f.Seconds, f.CPU = median(wall), median(cpu)
	f.Min, f.Max = slices.Min(wall), slices.Max(wall)
	if lines > 0 {
		f.Rate = float64(lines) / f.Seconds
	}
	return f
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// JSONCounts reads Counts that a child printed as JSON on its last line.
func JSONCounts(out []byte) (Counts, error) {
	var c Counts
	err := json.Unmarshal([]byte(lastLine(string(out))), &c)
	return c, err
}

// TSVCounts reads rows and mail from the given columns of tab-separated output. The column unread, if not negative, is
// subtracted from rows: rows that SQL counts although it could not read them.
func TSVCounts(rows, mail, unread int) func([]byte) (Counts, error) {
	return func(out []byte) (Counts, error) {
		fields := strings.Split(strings.TrimSpace(string(out)), "\t")
		if len(fields) <= max(rows, mail, unread) {
			return Counts{}, errors.New("too few columns in " + strings.TrimSpace(string(out)))
		}
		var c Counts
		if _, err := fmt.Sscan(fields[rows]+" "+fields[mail], &c.Rows, &c.Mail); err != nil || unread < 0 {
			return c, err
		}
		var n int64
		_, err := fmt.Sscan(fields[unread], &n)
		c.Rows -= n
		return c, err
	}
}
