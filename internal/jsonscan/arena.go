package jsonscan

import "unsafe"

// An Arena makes strings for the few values that are not in the text as they are. Strings keep the chunk they are in
// alive, and nothing else.
type Arena struct{ chunk []byte }

const chunkSize = 16 << 10

// room returns an empty slice to which n bytes can be appended, to be given to keep.
func (a *Arena) room(n int) []byte {
	if cap(a.chunk)-len(a.chunk) < n {
		a.chunk = make([]byte, 0, max(n, chunkSize))
	}
	return a.chunk[len(a.chunk):len(a.chunk):cap(a.chunk)]
}

// keep makes a string of bytes that were appended to what room returned.
func (a *Arena) keep(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if n := len(a.chunk); cap(b) == cap(a.chunk)-n {
		a.chunk = a.chunk[:n+len(b)]
	}
	return unsafe.String(&b[0], len(b)) // nothing writes to these bytes again
}

// Unescape returns the text that a JSON string's content stands for, for what was escaped twice.
func (a *Arena) Unescape(s string) string { return a.keep(appendUnescaped(a.room(len(s)), s)) }
