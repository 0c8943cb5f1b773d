// Package envelope takes log lines out of the JSON objects that shippers put around them. It reads the members it knows
// and skips the rest; an object that no shipper here has written stays as it is.
package envelope

import "mailstop/parse"

// Layer returns the layer for a session's table.
func Layer() parse.Layer { return parse.Layer{Name: "shipper's JSON", New: New} }

// New returns an unwrapper of one JSON object a line. It knows the journal's, as journalctl -o json and
// systemd-journal-remote write it.
func New() parse.Unwrapper { return &unwrapper{} }

type unwrapper struct{ text arena }

// Unwrap implements parse.Unwrapper.
func (u *unwrapper) Unwrap(text string, r *parse.Record) (string, bool) {
	if len(text) < 2 || text[0] != '{' {
		return text, false
	}
	j, ok := readJournal(text)
	if !ok {
		return text, false
	}
	return j.unwrap(&u.text, r)
}

// An arena makes strings for the few values that are not in the line as they are. Strings keep the chunk they are in
// alive, and nothing else.
type arena struct{ chunk []byte }

const chunkSize = 16 << 10

// room returns an empty slice to which n bytes can be appended, to be given to keep.
func (a *arena) room(n int) []byte {
	if cap(a.chunk)-len(a.chunk) < n {
		a.chunk = make([]byte, 0, max(n, chunkSize))
	}
	return a.chunk[len(a.chunk):len(a.chunk):cap(a.chunk)]
}
