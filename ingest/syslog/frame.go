package syslog

import (
	"bytes"
	"iter"
)

// A framer divides what a connection brings into messages. Both ways of RFC 6587 may be used, also in turns: a message
// that begins with its length, "123 <13>…", and one that ends with a line end or, as some senders have it, a NUL. A
// number that no "<" follows is the start of a line, not a length: raw lines begin with dates.
type framer struct {
	max     int  // bytes of a message that are given whole
	counted bool // messages may begin with their length

	skip     int  // bytes of a message that is too long, still to come
	skipLine bool // the rest of a line that is too long is still to come
}

// maxCount is the longest message whose length is believed.
const maxCount = 1 << 24

// take calls give with each message that is whole, without what ends it, and returns how many bytes of b are used: b begins
// where the last call left off. At the end of the connection everything is used, and a piece of a message is given as it
// is. Of a message that is too long, max+1 bytes are given. What is given may be empty.
func (f *framer) take(b []byte, end bool, give func([]byte)) int {
	at := 0
	for at < len(b) {
		rest := b[at:]
		switch {
		case f.skip > 0:
			n := min(f.skip, len(rest))
			f.skip -= n
			at += n
		case f.skipLine:
			i := lineEnd(rest)
			if i < 0 {
				return len(b)
			}
			f.skipLine = false
			at += i + 1
		default:
			n := f.message(rest, end, give)
			if n == 0 {
				return at
			}
			at += n
		}
	}
	return at
}

// message gives the message that b begins with. It returns how many bytes it used, 0 if it needs more.
func (f *framer) message(b []byte, end bool, give func([]byte)) int {
	if f.counted {
		head, n, ok := count(b)
		if !ok && !end {
			return 0
		}
		if ok && head > 0 {
			return f.countedMessage(b, head, n, end, give)
		}
	}
	i := lineEnd(b[:min(len(b), f.max+2)])
	switch {
	case i >= 0 && i <= f.max:
		give(b[:i])
		return i + 1
	case len(b) > f.max:
		give(b[:f.max+1])
		f.skipLine = true
		return f.max + 1
	case end:
		give(b)
		return len(b)
	}
	return 0
}

func (f *framer) countedMessage(b []byte, head, n int, end bool, give func([]byte)) int {
	body := b[head:]
	switch {
	case n <= f.max && len(body) >= n:
		give(body[:n])
		return head + n
	case n > f.max && len(body) > f.max:
		give(body[:f.max+1])
		f.skip = n - (f.max + 1)
		return head + f.max + 1
	case end:
		give(body)
		return len(b)
	}
	return 0
}

// lineEnd returns the index of what ends a line, -1 if nothing does.
func lineEnd(b []byte) int {
	i := bytes.IndexByte(b, '\n')
	if i >= 0 {
		b = b[:i]
	}
	if j := bytes.IndexByte(b, 0); j >= 0 {
		return j
	}
	return i
}

// count reads the length that a message begins with: head is how long the number and the space behind it are, 0 if there is
// none. Not ok means that b is too short to tell.
func count(b []byte) (head, n int, ok bool) {
	for i, c := range b {
		switch {
		case c >= '0' && c <= '9' && (i > 0 || c != '0'):
			if n = 10*n + int(c-'0'); n > maxCount {
				return 0, 0, true
			}
		case c == ' ' && i > 0:
			if i+1 == len(b) {
				return 0, 0, false
			}
			if b[i+1] != '<' {
				return 0, 0, true
			}
			return i + 1, n, true
		default:
			return 0, 0, true
		}
	}
	return 0, 0, false
}

// messages divides a datagram. It should hold one message (RFC 5426), but who pipes a log into netcat sends many lines in one:
// a line end is one of a message only if that has a priority and what follows has none.
func messages(datagram []byte) iter.Seq[[]byte] {
	end := []byte("\n")
	if bytes.HasPrefix(datagram, []byte("<")) {
		end = []byte("\n<")
	}
	return func(yield func([]byte) bool) {
		for len(datagram) > 0 {
			i := bytes.Index(datagram, end)
			if i < 0 {
				yield(datagram)
				return
			}
			if !yield(datagram[:i]) {
				return
			}
			datagram = datagram[i+1:]
		}
	}
}

// oneLine returns a message without the line ends and NULs that it ends with, and with "#012" for line ends inside, as rsyslog and
// syslogd write them: a record is one line. What a message is cut to stays a byte longer than a whole one.
func oneLine(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == '\n' || b[len(b)-1] == 0) {
		b = b[:len(b)-1]
	}
	if bytes.IndexByte(b, '\n') < 0 {
		return b
	}
	return bytes.ReplaceAll(b, []byte{'\n'}, []byte("#012"))
}
