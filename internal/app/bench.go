package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"mailstop/event"
	"mailstop/ingest/replay"
	"mailstop/internal/bench"
	"mailstop/internal/chdb"
	"mailstop/pipeline"
	"mailstop/sinks"
)

// ParseOnly reads a log through the parsers and nothing else, and returns what it counted.
func ParseOnly(ctx context.Context, o Options, workers int) (bench.Counts, error) {
	source, err := openLogs(o, nil)
	if err != nil {
		return bench.Counts{}, err
	}
	defer source.Close() // only files that were read
	counter := &counter{}
	p := &pipeline.Pipeline{Source: source, Table: Table(o.Config), Now: o.Now, Sinks: []sinks.Sink{counter}, Workers: workers}
	err = p.Run(ctx)
	return counter.total, err
}

// A counter is a sink that counts entries and mail.
type counter struct{ total bench.Counts }

type counterBlock struct{ n bench.Counts }

func (b *counterBlock) Append(es []event.Entry) {
	b.n.Lines += int64(len(es))
	for i := range es {
		e := &es[i]
		if e.Error != "" || e.Note != "" || e.Delivery != nil {
			continue
		}
		b.n.Rows++
		if e.Proto == event.TCP && (e.DstPort == 25 || e.DstPort == 465 || e.DstPort == 587) {
			b.n.Mail++
		}
	}
}

func (c *counter) Block() sinks.Block { return &counterBlock{} }

func (c *counter) Write(_ context.Context, b *sinks.Batch) error {
	for _, sb := range b.Blocks {
		n := sb.(*counterBlock).n
		c.total.Lines += n.Lines
		c.total.Rows += n.Rows
		c.total.Mail += n.Mail
	}
	return nil
}

func (c *counter) Close(context.Context) error { return nil }

// DecodeOnly reads a log, decompressing it, and looks at nothing in it. It returns how many bytes it gave.
func DecodeOnly(ctx context.Context, path string) (int64, error) {
	in, err := replay.Find([]string{path}, nil)
	if err != nil {
		return 0, err
	}
	src, err := replay.New(in, replay.Default())
	if err != nil {
		return 0, err
	}
	defer src.Close() // only files that were read
	var n int64
	for {
		b, err := src.Next(ctx)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		if b.Problem != "" {
			return n, fmt.Errorf("%s", b.Problem)
		}
		n += int64(len(b.Data))
		b.Done()
	}
}

// SQL runs a query set over a log in libchdb, with the engine's own settings but the number of threads, and writes the
// last result to w, tab separated.
func SQL(ctx context.Context, name, file string, threads int, w io.Writer) (err error) {
	statements, err := bench.Queries(name, file)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mailstop-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	db, err := chdb.Open(dir, chdb.Options{Connections: 1, Args: []string{fmt.Sprintf("--max_threads=%d", threads)}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	last := len(statements) - 1
	for _, s := range statements[:last] {
		if err := db.Exec(ctx, s); err != nil {
			return err
		}
	}
	return db.Query(ctx, statements[last], "TSV", func(chunk []byte) error {
		_, err := w.Write(chunk)
		return err
	})
}
