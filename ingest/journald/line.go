package journald

import (
	"bytes"
	"io"
	"strconv"

	"mailstop/event"
)

const (
	bufferSize = 256 << 10
	// overlap is what is kept of a part of a long line, so that a cursor that begins in it is found.
	overlap   = 1 << 10
	maxCursor = 512
)

// A record is one line of journalctl.
type record struct {
	line   []byte // without its line end; at most event.MaxRaw+1 bytes, so that the parser sees that it is cut
	cursor string
	time   int64 // microseconds since 1970 UTC, as the journal has it; 0 if it does not say
}

// A lines reader cuts what journalctl writes into records. Of lines that are too long it keeps the start, and looks for the cursor
// in the rest, which may come last.
type lines struct {
	in   io.Reader
	buf  []byte
	r, w int

	head   []byte // start of a line that does not fit into buf
	cursor string
	time   int64
}

func newLines(in io.Reader) *lines { return &lines{in: in, buf: make([]byte, bufferSize)} }

// next returns the next whole line. Its bytes are valid until the next call. After an error that passes, such as a
// deadline, it may be called again. Half a line at the end is left out: it is read again by its whole.
func (l *lines) next() (record, error) {
	from := l.r
	for {
		if i := bytes.IndexByte(l.buf[from:l.w], '\n'); i >= 0 {
			line := l.buf[l.r : from+i]
			l.r = from + i + 1
			return l.record(line), nil
		}
		if l.r > 0 {
			l.w = copy(l.buf, l.buf[l.r:l.w])
			l.r = 0
		}
		if l.w == len(l.buf) {
			l.long()
		}
		from = l.w
		n, err := l.in.Read(l.buf[l.w:])
		l.w += n
		if n == 0 && err != nil {
			return record{}, err
		}
	}
}

// long makes room in the middle of a line that does not fit.
func (l *lines) long() {
	if l.head == nil {
		l.head = bytes.Clone(l.buf[:event.MaxRaw+1])
	}
	l.scan(l.buf[:l.w])
	l.w = copy(l.buf, l.buf[l.w-overlap:l.w])
}

func (l *lines) record(line []byte) record {
	l.scan(line)
	out := record{line: line, cursor: l.cursor, time: l.time}
	if l.head != nil {
		out.line = l.head
	}
	out.line = out.line[:min(len(out.line), event.MaxRaw+1)]
	l.head, l.cursor, l.time = nil, "", 0
	return out
}

func (l *lines) scan(b []byte) {
	if l.cursor == "" {
		if c := value(b, `"__CURSOR"`); len(c) <= maxCursor {
			l.cursor = string(c)
		}
	}
	if l.time == 0 {
		l.time, _ = strconv.ParseInt(string(value(b, `"__REALTIME_TIMESTAMP"`)), 10, 64)
	}
}

// value returns the text of a member, nil if it is not there as a whole. In the text of another member the key cannot occur:
// its quotes would be escaped.
func value(b []byte, key string) []byte {
	for {
		i := bytes.Index(b, []byte(key))
		if i < 0 {
			return nil
		}
		b = b[i+len(key):]
		rest := bytes.TrimLeft(b, " ")
		if len(rest) == 0 || rest[0] != ':' {
			continue // a value that reads like the key
		}
		rest = bytes.TrimLeft(rest[1:], " ")
		if len(rest) == 0 || rest[0] != '"' {
			continue
		}
		rest = rest[1:]
		if end := bytes.IndexByte(rest, '"'); end >= 0 {
			return rest[:end]
		}
		return nil
	}
}

// cursorTime returns the time that a cursor has in it, in microseconds since 1970 UTC (t=, see systemd's
// JOURNAL_FILE_FORMAT and sd_journal_get_cursor); 0 if there is none.
func cursorTime(cursor string) int64 {
	for part := range bytes.SplitSeq([]byte(cursor), []byte{';'}) {
		if t, ok := bytes.CutPrefix(part, []byte("t=")); ok {
			n, _ := strconv.ParseInt(string(t), 16, 64)
			return n
		}
	}
	return 0
}
