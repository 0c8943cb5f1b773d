package ingest

import "io"

// A Container is a file format whose records are not lines. A source turns such a part into lines before it cuts batches:
// positions, extents and what is compared are of the lines.
type Container struct {
	Name string // for people: "pcap file"
	// Match reports whether a part that starts with head is of this kind. It gets up to 4 KiB, at least one byte, and all
	// there is if that is less. Where a part comes slowly it may be asked again with more.
	Match func(head []byte) bool
	// Lines returns the records of in as lines of text. It is called at most once per reading of a part, and starts no
	// goroutine. Where the input is damaged, the reader gives what can be read, then an error that is not io.EOF.
	Lines func(in io.Reader) io.Reader
}
