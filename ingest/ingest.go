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

// Key names the part beyond this run of the program.
func (p *Part) Key() string { return p.Source + "\x00" + p.Name }

// A Batch is the unit of work, of back-pressure and of acknowledgement.
type Batch struct {
	Part     *Part
	Data     []byte // whole lines, each ended by '\n' but perhaps the last; immutable until Done
	From, To int64  // Data's extent in the part: bytes after decompression, or offsets
	Read     int64  // bytes of Part.Size consumed so far
	Received int64  // nanoseconds since 1970 UTC, or 0
	// Marks say more of single lines than Part, From and Received do, in the order of At; nil if there is nothing to say.
	Marks []Mark
	// Extent, on the last batch of a run that is to be stored as one, names that run. Nil on the others. The batches of
	// a run follow one another; no batch of another part comes between them.
	Extent *event.Extent
	// Origin is the name of the source, as the daemon calls it; set by whoever joins several.
	Origin string
	// Problem says why the rest of the part cannot be read: "ufw.log.2.gz: offset 81234: unexpected EOF". Empty if
	// all is well. A batch with a problem may have no data.
	Problem string
	// End says that no batch of the part follows.
	End bool
	// Again says that the lines are stored already, and are read again for what the detectors are to remember. It is set
	// by whoever joins sources, and only where that matters.
	Again bool
	// Adopt, on a batch without part and data, says that all of that was given: see pipeline.Streams.
	Adopt bool
	// Commit, on a batch without part and data, makes it a barrier. It is called instead of Done when everything given
	// before it is durable and nothing given after it was handed to a sink. state is what a pipeline needs to go on from
	// here. An error is reported, and changes nothing: the next barrier may do better.
	Commit func(ctx context.Context, state []byte) error
	// Done says that everything made from these lines is durable; only then may a checkpoint move. The engine calls it
	// at most once per batch, in order per part, and touches Data no more. Batches that were not stored, because the
	// run ended, get no Done: they are read again.
	Done func()
}

// A Mark says of the lines from one place on where they come from, up to the next mark. Messages of Kafka, of syslog and
// of the journal have one each.
type Mark struct {
	At       int    // index in Data, where a line starts
	Pos      int64  // the position of the message, which all its lines share
	Received int64  // nanoseconds since 1970 UTC; 0: the batch's
	Host     string // who sent it, for lines that do not tell; empty: the part's
}

// A Live source reads lines as they are written. It has no end: Next blocks, until ctx ends, while there is nothing to
// read. A restarted one goes on where the last checkpoint says; what was stored since then is known by its extents.
//
// Restore, Next and Close are called from one goroutine, one after another. Checkpoint and committed are called from
// another, which is also the one that calls Done, while Next may be running.
type Live interface {
	Source
	// Restore is called once, before the first Next, with the position of the last checkpoint; nil if there is
	// none. With reread, the memory of what was read before that position is lost: the source begins somewhat earlier,
	// and gives what lies before the position in extents that are marked as stored.
	Restore(position []byte, reread bool) error
	// Checkpoint returns where to go on behind all batches that have had their Done, and what is to be done as soon as that is
	// written down; nil if nothing is. The position is valid JSON.
	Checkpoint() (position []byte, committed func(context.Context) error, err error)
}

// A Runner is a source that works beside Next, such as a listener. Run ends soon after ctx does; an error ends the program.
type Runner interface {
	Run(ctx context.Context) error
}

// A Reporter is a source that can say how it does. Status is called from any goroutine at any time.
type Reporter interface {
	Status(out []Status) []Status
}

// A Status is how one part of a live source does at the moment.
type Status struct {
	Source, Part string
	Lag          int64     // what is there and not given yet: bytes, of Kafka messages
	Behind       time.Time // when the oldest of that was written, as far as it is known; zero if nothing lags
	Dropped      int64     // messages lost, such as datagrams; the source's fault or the kernel's
	Problem      string    // why nothing comes at the moment: "permission denied"
}
