package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"mailstop/event"
	"mailstop/internal/term"
	"mailstop/pipeline"
	"mailstop/sinks"
	"mailstop/sinks/jsonl"
	"mailstop/sinks/report"
)

// A Meter is asked how far a replay is while it runs.
type Meter interface {
	Progress() (done, total int64, file string)
	Lines() int64
}

// example is shown to whoever gives logs of which no line could be read.
const example = "Jan  5 10:11:12 mx1 kernel: [UFW BLOCK] IN= OUT=eth0 SRC=192.0.2.25 DST=203.0.113.9 LEN=60 … PROTO=TCP SPT=51234 DPT=587 …"

// maxSkipped is how many files that are left out are named.
const maxSkipped = 5

// Replay reads old logs to their end and returns the report. watch is called once before reading begins; the function it
// returns is called when reading has ended. When ctx ends, what was read is stored and reported.
func Replay(ctx context.Context, o Options, watch func(Meter) (stop func())) (*Report, error) {
	start := time.Now()
	r := replayer{options: o, report: report.New()}
	defer r.close()
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	p := &pipeline.Pipeline{
		Source: r.logs, Table: Table(o.Config), Group: Group(Site(o.Config)), Now: o.Now,
		Sinks: r.sinks, Count: r.store != nil, Within: between(o.From, o.To), Retry: retryLog(),
	}
	stop := watch(meter{r.logs, p})
	err := p.Run(ctx)
	stop()
	if err != nil {
		return nil, err
	}
	if err := r.finish(context.WithoutCancel(ctx)); err != nil {
		return nil, err
	}
	if n := p.Outside(); n > 0 {
		r.note("%d lines outside --from and --to, or without a time, are not in this report", n)
	}
	run := report.Run{Elapsed: time.Since(start), Notes: r.notes, Example: example, Outside: p.Outside(), Year: o.Year}
	for _, k := range p.Table.Kinds {
		run.Anchors = append(run.Anchors, k.Format.String()+": "+k.Anchor)
	}
	return r.report.Result(run), nil
}

type meter struct {
	*logs
	*pipeline.Pipeline
}

func (m meter) Progress() (done, total int64, file string) { return m.logs.progress() }

// A replayer is the parts of one replay, opened in order.
type replayer struct {
	options Options
	report  *report.Sink
	store   *tallied
	logs    *logs
	sinks   []sinks.Sink
	notes   []string
}

func (r *replayer) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

func (r *replayer) open(ctx context.Context) error {
	if err := r.openStore(ctx); err != nil {
		return err
	}
	var known ledger
	if r.store != nil {
		known = r.store.After
	}
	var err error
	if r.store != nil {
		r.options.blockSize = storeBlock
	}
	if r.logs, err = openLogs(r.options, known); err != nil {
		return err
	}
	for _, s := range r.logs.skipped[:min(len(r.logs.skipped), maxSkipped)] {
		r.note("%s left out: %s", s.Path, s.Reason)
	}
	if n := len(r.logs.skipped) - maxSkipped; n > 0 {
		r.note("and %s more files left out, for such reasons", term.Number(n))
	}
	r.sinks = []sinks.Sink{r.report}
	if r.store != nil {
		r.sinks = append(r.sinks, r.store)
	}
	if path := r.options.EntriesOut; path != "" {
		if r.logs.reads(path) {
			return fmt.Errorf("--entries-out: %s is one of the logs to read, and would be lost", path)
		}
		out := jsonl.New(path, r.options.Stdout)
		r.sinks = append(r.sinks, out)
		if err := out.Open(); err != nil {
			return fmt.Errorf("--entries-out: %w", err)
		}
	}
	return nil
}

// storeBlock is how many bytes are parsed at a time for a store: a column's words are numbered anew in each block, so that
// few large blocks are cheaper to put together than many small ones.
const storeBlock = 1 << 20

// openStore opens the store, if there is to be one. A missing library is no reason not to replay.
func (r *replayer) openStore(ctx context.Context) error {
	where, wanted := r.options.Store, r.options.Store != ""
	if !wanted && !r.options.Config.Has("store") || where == "none" {
		return nil
	}
	store, err := OpenStore(ctx, r.options.Config, where)
	if noLibrary(err) {
		slog.Warn("the store's engine is missing: nothing is stored", "error", err)
		r.note("not stored: %v", err)
		return nil
	}
	if err != nil {
		return err
	}
	r.store = &tallied{Sink: store, partial: !r.options.From.IsZero() || !r.options.To.IsZero(), name: storeName(storeConfig(r.options.Config, where))}
	return nil
}

// finish ends the sinks and says what was stored.
func (r *replayer) finish(ctx context.Context) error {
	for _, s := range r.sinks {
		if err := s.Close(ctx); err != nil {
			return err
		}
	}
	if r.store != nil {
		r.note("%s", r.store.summary(r.options.Config.Store.Keep))
	}
	r.sinks = nil
	return nil
}

// close releases what is still open after an error.
func (r *replayer) close() {
	for _, s := range r.sinks {
		_ = s.Close(context.Background()) // the first error is the one to report
	}
	if r.logs != nil {
		_ = r.logs.Close()
	}
}

// between returns the filter for event times, or nil if all are wanted.
func between(from, to time.Time) func(*event.Entry) bool {
	if from.IsZero() && to.IsZero() {
		return nil
	}
	return func(e *event.Entry) bool {
		t := e.When()
		return !t.IsZero() && !t.Before(from) && (to.IsZero() || t.Before(to))
	}
}

// retryLog logs a sink's complaint when it changes, not every time.
func retryLog() func(error, time.Duration) {
	var last string
	return func(err error, wait time.Duration) {
		if err == nil {
			slog.Info("stored again")
			last = ""
			return
		}
		if text := err.Error(); text != last {
			last = text
			slog.Warn("not stored yet, trying again until it is", "error", err, "wait", wait.Round(time.Millisecond))
		}
	}
}

// Parse writes one JSON entry per input line to w, in order.
func Parse(ctx context.Context, o Options, w io.Writer) error {
	source, err := openLogs(o, nil)
	if err != nil {
		return err
	}
	defer source.Close() // only files that were read
	for _, s := range source.skipped {
		slog.Warn("left out", "path", s.Path, "reason", s.Reason)
	}
	out := jsonl.New("-", w)
	p := &pipeline.Pipeline{Source: source, Table: Table(o.Config), Now: o.Now, Sinks: []sinks.Sink{out, problems{}}}
	if err := p.Run(ctx); err != nil {
		return err
	}
	return out.Close(context.WithoutCancel(ctx))
}

// problems is a sink that only logs what could not be read.
type problems struct{}

type nothing struct{}

func (nothing) Append([]event.Entry) {}

func (problems) Block() sinks.Block { return nothing{} }

func (problems) Write(_ context.Context, b *sinks.Batch) error {
	if b.Problem != "" {
		slog.Warn("not read to the end", "problem", b.Problem)
	}
	return nil
}

func (problems) Close(context.Context) error { return nil }
