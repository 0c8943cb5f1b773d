// Package parse turns lines into entries. It reads no clock and does no I/O, never panics and never drops a line:
// what it cannot read becomes an entry with Error set and the raw text kept.
//
// A line passes through layers: unwrappers take off what transports put around it (JSON of a shipper, syslog
// headers), then the parser of the format that recognises the rest reads it. Session runs the layers.
package parse

import (
	"errors"
	"io"
	"time"

	"mailstop/event"
)

// A Parser reads the body of one log format. Each session has its own, so a parser may keep caches.
type Parser interface {
	// Match reports whether body could be of this format, by a cheap and unambiguous anchor: no other format may claim the
	// line, too. It is called for each line until one parser matches, first the one that matched the line before. It
	// leaves r as it is.
	Match(body string, r *Record) bool
	// Parse fills r's entry from body after Match said true. Raw text and position are already set, and what the layers
	// said: time, host, program. Strings it stores may be views into body. Nil means that all of it was read; otherwise
	// the error says what is wrong, the entry keeps what could be read, and nothing is guessed.
	Parse(body string, r *Record) error
}

// A HeaderReader is a Parser of a format whose files say their columns in lines of their own.
type HeaderReader interface {
	Parser
	// Headers is called before a line is parsed if the header lines that hold for it are others than at the call before:
	// the latest of each name, such as "#Fields: date time action", in the order of their first appearance. The parser
	// may keep the strings.
	Headers(lines []string)
}

// A Kind is one log format.
type Kind struct {
	Format event.Format
	Anchor string // what lines are recognised by, in words: shown when nothing was recognised
	New    func() Parser
	Doc    Doc
}

// A Doc is what docs/formats.md says of a format, a layer or a container.
type Doc struct {
	Title    string   // "pf: filterlog of pfSense and OPNsense"
	Accepts  []string // what is read, a clause each: dialects, versions, variants
	Examples []string // lines as files have them: what they fill is worked out by reading them
	Sources  []string // where the format is defined
}

// A Container is a file format whose records are not lines.
type Container struct {
	Name string // for people: "pcap file"
	// Match reports whether a part that starts with head is of this kind. It gets up to 4 KiB, at least one byte, and all
	// there is if that is less.
	Match func(head []byte) bool
	// Lines returns the records of in as lines of text, each ended by '\n', for layers and formats to read. The same input
	// gives the same text, in bounded memory. Where the input is damaged, the reader gives what can be read, then an error.
	Lines func(in io.Reader) io.Reader
	Doc   Doc
}

// An Unwrapper takes one layer off a line. Each session has its own.
type Unwrapper interface {
	// Unwrap removes the layer at the head of text, or around it, and returns what is inside; it stores what the layer
	// says in r. False means that there is no such layer, and that r is as it was. It is called again on what it
	// returned, a few times at most, since layers can be stacked. The layer nearest to the source wins. A layer that returns
	// all of text as body has told what it knows of a record that a format is to read as a whole: it is the last one.
	Unwrap(text string, r *Record) (body string, ok bool)
}

// A Layer is one kind of unwrapper.
type Layer struct {
	Name string // for people: "syslog header"
	New  func() Unwrapper
	Doc  Doc
}

// A Record is an entry while it is read.
type Record struct {
	*event.Entry
	Clock *Clock // turns local and incomplete times into UTC

	// Program is the syslog tag without its process id, or the journal's identifier.
	Program string
	// Reference is the time an envelope gives, nanoseconds since 1970 UTC, or 0. It supplies the year and, if the
	// session has none, the zone that an inner header lacks.
	Reference int64
	// Zone is the one that an envelope says its line's stamps are in, or nil. What the user says of the part comes first.
	Zone *time.Location
	// RepeatsLast is set for "last message repeated n times": the line stands for n more of the line before it.
	RepeatsLast uint32
}

// Errors that every format shares. They are values so that a damaged line costs no allocation.
var (
	ErrTruncated = errors.New("line ends early")
	ErrNoFormat  = errors.New("not a firewall entry")
	ErrTooLong   = errors.New("line longer than 64 KiB, cut")
	ErrNUL       = errors.New("nothing but NUL bytes")
	ErrRepeat    = errors.New("repeats a line that is not known")
)
