// Package daemon is what a program needs to run as a service: it talks to the service manager, serves metrics and health
// over HTTP, and logs a lasting problem once. It knows what there is to tell, and never how it came about: the caller
// supplies a Snapshot.
package daemon

import "time"

// A Snapshot is how the daemon does at the moment. Counters begin at 0 with the process and never fall.
type Snapshot struct {
	Sources []Source

	Batches      uint64 // given by the sources and acknowledged
	Extents      uint64 // stored, without those that the store already had
	StoreRetries uint64
	DeadLetters  uint64 // lines

	Changes []Change // of findings
	Open    []Open

	DetectorBytes int64

	Checkpoint       time.Time // when the last one was written; zero if none was
	CheckpointErrors uint64

	HasStore bool
	StoreUp  bool // what was sent to the store last was taken
}

// A Source is one configured source. Sources of the same name are added up.
type Source struct {
	Name     string
	Lines    uint64
	Entries  uint64 // lines that tell of a packet or a delivery
	Unparsed uint64 // lines that could not be read
	Bytes    uint64
	Dropped  uint64 // messages that are lost for good
	Problem  bool   // nothing comes from it, or from a part of it
	Parts    []Part
}

// A Part is what a source reads in order: a file, a partition, a connection.
type Part struct {
	Name     string
	Lag      int64 // what is there and not read yet
	Messages bool  // Lag counts messages, not bytes
	Behind   time.Time
}

// A Change counts how often findings of a kind were opened, changed or resolved, by the severity they have since.
type Change struct {
	Kind, Severity string
	Count          uint64
}

// An Open counts the findings of a kind that are open.
type Open struct {
	Kind  string
	Count int
}

// A Build says which program this is.
type Build struct{ Version, Commit, Go string }
