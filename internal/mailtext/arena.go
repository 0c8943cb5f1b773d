// Package mailtext reads what the logs of all mail servers have in common: addresses, whose local parts nobody needs to
// keep, replies of SMTP, and the words in which C libraries, Winsock and mail servers say why a connection failed. It keeps
// nothing between calls, and takes time in proportion to the text.
package mailtext

import "unsafe"

// An Arena makes the strings that are not views of their input. A string keeps the chunk that it is in alive, and nothing
// else. The zero value is ready; it belongs to one goroutine.
type Arena struct{ chunk []byte }

const chunkSize = 32 << 10

// room returns an empty slice to which n bytes can be appended, to be given to keep.
func (a *Arena) room(n int) []byte {
	if cap(a.chunk)-len(a.chunk) < n {
		a.chunk = make([]byte, 0, max(n, chunkSize))
	}
	return a.chunk[len(a.chunk):len(a.chunk):cap(a.chunk)]
}

// keep returns the text that was appended to a slice from room.
func (a *Arena) keep(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	a.chunk = a.chunk[:len(a.chunk)+len(b)]
	return unsafe.String(&b[0], len(b)) // never written to again: room starts behind it
}

// Join returns head and tail as one text.
func (a *Arena) Join(head, tail string) string {
	return a.keep(append(append(a.room(len(head)+len(tail)), head...), tail...))
}

// Lower returns s in lower case, as far as it is ASCII: s itself if it is so already.
func (a *Arena) Lower(s string) string {
	for i := range len(s) {
		if s[i]-'A' > 'Z'-'A' {
			continue
		}
		b := append(a.room(len(s)), s...)
		for ; i < len(b); i++ {
			b[i] = lower(b[i])
		}
		return a.keep(b)
	}
	return s
}

func lower(c byte) byte {
	if c-'A' <= 'Z'-'A' {
		c |= 0x20
	}
	return c
}
