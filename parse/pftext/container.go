package pftext

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"unsafe"

	"mailstop/parse"
)

// Container returns files whose records tcpdump -v has split: the packet is on a line of its own, which is indented. With
// -ttt all lines start with a blank, so that what counts is whether a rule is there.
func Container() parse.Container {
	return parse.Container{
		Name:  "tcpdump -v text",
		Match: isSplit,
		Lines: func(in io.Reader) io.Reader { return &joiner{in: bufio.NewReaderSize(in, 64<<10)} },
		Doc: parse.Doc{
			Title: "pf: tcpdump's text with continuation lines",
			Accepts: []string{
				"text of tcpdump -e -v, whose packets are on indented lines behind the rule's; also the dumps of -x and -X",
				"each record becomes one line, with a blank for what was between its lines; other lines stay as they are",
			},
			Sources: []string{"tcpdump, print-ip.c"},
		},
	}
}

// isSplit reports whether a line of pf is followed by one that belongs to it.
func isSplit(head []byte) bool {
	rule := false
	for len(head) > 0 {
		line, rest, whole := bytes.Cut(head, []byte{'\n'})
		switch {
		case isRule(line):
			rule = true
		case rule && isIndented(line):
			return whole || bytes.Contains(line, []byte(" > ")) // else a time, where the head was cut
		default:
			rule = false
		}
		head = rest
	}
	return false
}

func isRule(line []byte) bool {
	return len(line) > 0 && (parser{}).Match(unsafe.String(&line[0], len(line)), nil)
}

func isIndented(line []byte) bool {
	return len(line) > 1 && (line[0] == ' ' || line[0] == '\t') && len(bytes.TrimSpace(line)) > 0
}

// maxRecord bounds a record; what is behind it is left out.
const maxRecord = 1 << 20

// A joiner puts the lines of a record together.
type joiner struct {
	in     *bufio.Reader
	line   []byte // the line read last, without its end
	record []byte // the record so far, if open
	out    []byte // the rest of a record to hand out
	done   []byte // its memory
	err    error  // of in, once line and record are handed out
	open   bool   // record holds one
	rule   bool   // record starts with a rule
	held   bool   // line is not in a record yet
}

// Read implements io.Reader.
func (j *joiner) Read(p []byte) (int, error) {
	for len(j.out) == 0 {
		if !j.next() {
			return 0, j.err
		}
	}
	n := copy(p, j.out)
	j.out = j.out[n:]
	return n, nil
}

// next reads up to the end of a record and makes it out. False means that there is none.
func (j *joiner) next() bool {
	for {
		if !j.held && j.err == nil {
			j.held = j.readLine()
		}
		switch {
		case !j.held: // the end
			if !j.open {
				return false
			}
			j.flush()
			return true
		case !j.open:
			j.record, j.open, j.held = append(j.record[:0], j.line...), true, false
			j.rule = isRule(j.record)
		case j.rule && isIndented(j.line) && !isRule(j.line):
			if more := bytes.TrimSpace(j.line); len(j.record) < maxRecord {
				j.record = append(append(j.record, ' '), more[:min(len(more), maxRecord-len(j.record))]...)
			}
			j.held = false
		default:
			j.flush()
			return true
		}
	}
}

func (j *joiner) flush() {
	j.done = append(append(j.done[:0], j.record...), '\n')
	j.out, j.open = j.done, false
}

// readLine reads a line, or what of it fits into a record. False means that there is none.
func (j *joiner) readLine() bool {
	j.line = j.line[:0]
	for {
		part, err := j.in.ReadSlice('\n')
		j.line = append(j.line, part[:min(len(part), max(maxRecord-len(j.line), 0))]...)
		switch {
		case err == nil:
			j.line = bytes.TrimRight(j.line, "\r\n")
			return true
		case errors.Is(err, bufio.ErrBufferFull):
		default:
			j.err = err
			return len(j.line) > 0
		}
	}
}
