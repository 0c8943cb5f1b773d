// Package ingest says what a source of log lines is. Sources know bytes and positions, never what a line means.
package ingest

import (
	"context"
	"time"

	"mailstop/event"
)

// A Source hands out blocks of lines, in order per part.
type Source interface {
	// Next returns the next batch, blocking until there is one. It is called from one goroutine. A finite source
	// ends with io.EOF; when ctx ends it returns the context's error. Any other error ends the source.
	Next(ctx context.Context) (*Batch, error)
	// Close releases what the source holds, after the last Next and the last Done.
	Close() error
}

// A Part is one file, one Kafka partition, one connection: lines whose order matters. Its batches share it.
type Part struct {
	Source string // path, topic or address: what entries show as their source
	Name   string // partition; empty for files

	// What the configuration says of these lines; empty where it says nothing.
	Host   string
	Format event.Format
	Zone   *time.Location
	Year   int

	// Reference is the latest time the last line can have: from the file's name, its compression header, or when it
	// was last changed. Zero if unknown.
	Reference time.Time
	// Recorded says that Reference is written in the file or in its name. When a file was last changed is weaker: a copy
	// has a time of its own.
	Recorded bool
	// Set names the rotated set the part belongs to; empty if none. Its parts follow one another in time.
	Set string
	// Size is the part's length in bytes as stored, compressed if it is; 0 if unknown.
	Size int64
	// Scan reads the part from its start a second time and calls f with runs of whole lines, in order, until f returns
	// false. With a stride it may leave out bytes, and gives at least one line of each stride bytes. Nil if the part
	// can be read only once.
	Scan func(ctx context.Context, stride int64, f func(lines []byte) bool) error
	// Compressed says that Scan costs as much as reading the part.
	Compressed bool
	// Live says that lines are read as they are written. Parts that are not live have an end: a source gives all
	// batches of one before it begins the next.
	Live bool
}

// A Batch is the unit of work, of back-pressure and of acknowledgement.
type Batch struct {
	Part     *Part
	Data     []byte // whole lines, each ended by '\n' but perhaps the last; immutable until Done
	From, To int64  // Data's extent in the part: bytes after decompression, or offsets
	Read     int64  // bytes of Part.Size consumed so far
	Received int64  // nanoseconds since 1970 UTC, or 0
	// Extent, on the last batch of a run that is to be stored as one, names that run. Nil on the others.
	Extent *event.Extent
	// Problem says why the rest of the part cannot be read: "ufw.log.2.gz: offset 81234: unexpected EOF". Empty if
	// all is well. A batch with a problem may have no data.
	Problem string
	// Done says that everything made from these lines is durable; only then may a checkpoint move. The engine calls it
	// at most once per batch, in order per part, and touches Data no more. Batches that were not stored, because the
	// run ended, get no Done: they are read again.
	Done func()
}
