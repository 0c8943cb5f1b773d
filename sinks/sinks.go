// Package sinks says what takes the results: the store, the terminal report, files, notifiers.
package sinks

import (
	"context"
	"errors"

	"mailstop/event"
)

// A Sink takes batches in order.
type Sink interface {
	// Block returns an empty block for the entries of one batch. Workers call it concurrently.
	Block() Block
	// Write takes a batch and returns nil only when all of it is durable. It is called from one goroutine, in the order
	// of each part, and again with the same batch after an error, unless the error is ErrPermanent.
	Write(ctx context.Context, b *Batch) error
	// Close ends the sink after the last Write.
	Close(ctx context.Context) error
}

// A Syncer is a sink whose Write survives the death of the process, but not yet a power failure.
type Syncer interface {
	// Sync returns nil when everything that Write has taken survives a power failure. It is called between Writes, before
	// each checkpoint; after an error, the checkpoint is not written, and a later call may succeed.
	Sync(ctx context.Context) error
}

// A Block gathers entries in a sink's own form. It belongs to one goroutine at a time.
type Block interface {
	// Append adds entries in the order of their lines. Their strings are views into the lines, which stay until the
	// block's batch is written; what is kept longer must be cloned.
	Append(es []event.Entry)
}

// A Batch is what a sink stores as one. A batch may carry no blocks, only findings.
type Batch struct {
	Source  string
	Extent  event.Extent // with a Token if the source names extents, else only From and To
	Blocks  []Block      // this sink's own, in order of lines
	Counts  []event.Count
	Problem string // why the rest of the source could not be read

	// Lines calls yield with each raw line, in order and without its line end, until yield returns false. A line is valid
	// only during the call. It may be called more than once while the batch is written; nil if the batch has no lines.
	Lines func(yield func(line string) bool)

	// Findings are those that changed since the last batch, in their present form.
	Findings []event.Finding
}

// ErrConflict says that another process has begun to store the same lines cut otherwise (see event.Extent.Shared). Nothing of
// the batch is stored. Whoever reads the source must read from its last checkpoint again, and will find the other's extents.
var ErrConflict = errors.New("another process stores the same lines")

// ErrPermanent marks what will be refused however often it is sent.
var ErrPermanent = errors.New("refused for good")
