// Package envelope takes log lines out of the JSON objects that shippers put around them. It reads the members it knows
// and skips the rest; an object that no shipper here has written stays as it is.
package envelope

import (
	"mailstop/internal/jsonscan"
	"mailstop/parse"
)

// Layer returns the layer for a session's table.
func Layer() parse.Layer { return parse.Layer{Name: "shipper's JSON", New: New} }

// New returns an unwrapper of one JSON object a line. It knows the journal's, as journalctl -o json and
// systemd-journal-remote write it.
func New() parse.Unwrapper { return &unwrapper{} }

type unwrapper struct {
	doc  jsonscan.Doc
	text jsonscan.Arena
}

// Unwrap implements parse.Unwrapper.
func (u *unwrapper) Unwrap(text string, r *parse.Record) (string, bool) {
	if len(text) < 2 || text[0] != '{' {
		return text, false
	}
	j, ok := readJournal(&u.doc, text)
	if !ok {
		return text, false
	}
	return j.unwrap(&u.text, r)
}
