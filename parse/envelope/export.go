package envelope

import (
	"bytes"
	"encoding/binary"
	"io"
	"strconv"
	"unicode/utf8"

	"mailstop/event"
	"mailstop/parse"
)

// JournalExport is the container of systemd's journal export format, as journalctl -o export and
// systemd-journal-remote write it: blocks of "KEY=value" lines. Each becomes a line as of journalctl -o json.
func JournalExport() parse.Container {
	return parse.Container{Name: "journal export", Match: isExport, Lines: exportLines, Doc: parse.Doc{
		Title: "systemd's journal export format",
		Accepts: []string{
			"blocks of KEY=value lines with an empty line between them, as of journalctl -o export",
			"binary fields, with their length in 64 bits",
			"of a field that comes more than once the first; fields longer than 4 KiB are left out, and a message is cut at 32 KiB",
		},
		Sources: []string{"https://systemd.io/JOURNAL_EXPORT_FORMATS/"},
	}}
}

// isExport reports whether head starts with one of the fields that the journal makes itself: they come first.
func isExport(head []byte) bool {
	name, rest, ok := bytes.Cut(bytes.TrimLeft(bytes.TrimPrefix(head, []byte(mark)), "\r\n"), []byte{'='})
	if !ok || len(rest) == 0 {
		return false
	}
	switch string(name) {
	case "__CURSOR", "__REALTIME_TIMESTAMP", "__MONOTONIC_TIMESTAMP", "__SEQNUM", "__SEQNUM_ID":
		return true
	}
	return false
}

func exportLines(in io.Reader) io.Reader {
	x := &export{source: newSource(in)}
	x.step = x.next
	return x
}

type export struct {
	source
	rec   []byte
	field []byte
}

const (
	maxField   = 4 << 10
	maxMessage = 32 << 10
	// maxExport keeps a line shorter than what the session cuts.
	maxExport = event.MaxRaw - 512
	// maxBinary is the longest field that the journal has (journal-file.h, DATA_SIZE_MAX).
	maxBinary = 768 << 20
)

// next reads one entry.
func (x *export) next() {
	x.rec = x.rec[:0]
	for x.more() {
		line, ended := x.line(x.field[:0], maxMessage+64)
		x.field = line
		// Values with control characters are binary: neither byte is part of one. Transfers as text add them.
		line = bytes.TrimSuffix(bytes.TrimPrefix(line, []byte(mark)), []byte{'\r'})
		name, value, text := bytes.Cut(line, []byte{'='})
		switch {
		case len(line) == 0:
			if x.give() {
				return
			}
		case !isField(name): // damage: the next entry starts behind an empty line
			x.late = errDamaged
			x.skipEntry()
			x.give()
			return
		case text:
			x.add(string(name), value)
		case !ended || !x.binary(string(name)):
			x.late = io.ErrUnexpectedEOF
			if x.more() {
				x.late = errDamaged
				x.skipEntry()
			}
			x.give()
			return
		}
	}
	x.give()
}

// isField reports whether a name is one: capitals, digits and underscores, at most 64.
func isField(name []byte) bool {
	if len(name) == 0 || len(name) > 64 {
		return false
	}
	for _, c := range name {
		if c != '_' && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

func (x *export) skipEntry() {
	for x.more() {
		if x.field, _ = x.line(x.field[:0], maxField); len(bytes.TrimSuffix(x.field, []byte{'\r'})) == 0 {
			return
		}
	}
}

// binary reads a field whose length is told.
func (x *export) binary(name string) bool {
	head := x.ahead(8)
	if len(head) < 8 {
		x.r += len(head)
		return false
	}
	size := binary.LittleEndian.Uint64(head)
	if size > maxBinary {
		return false
	}
	x.r += 8
	x.field = x.field[:0]
	for size > 0 && x.more() {
		n := int(min(uint64(x.w-x.r), size))
		if room := maxMessage - len(x.field); room > 0 {
			x.field = append(x.field, x.buf[x.r:x.r+min(n, room)]...)
		}
		x.r += n
		size -= uint64(n)
	}
	if size > 0 || !x.more() || x.buf[x.r] != '\n' {
		x.add(name, x.field)
		return false
	}
	x.r++
	x.add(name, x.field)
	return true
}

// add appends a field to the record.
func (x *export) add(name string, value []byte) {
	if name == "MESSAGE" {
		value = value[:min(len(value), maxMessage)]
	} else if len(value) > maxField || len(x.rec)+2*len(value) > maxExport/2 {
		return
	}
	if x.has(name) {
		return
	}
	before := len(x.rec)
	if len(x.rec) == 0 {
		x.rec = append(x.rec, '{')
	} else {
		x.rec = append(x.rec, ',')
	}
	x.rec = append(append(append(x.rec, '"'), name...), '"', ':')
	if utf8.Valid(value) {
		x.rec = event.AppendQuoted(x.rec, string(value))
	} else {
		x.rec = appendNumbers(x.rec, value)
	}
	if len(x.rec) > maxExport {
		x.rec = x.rec[:before]
	}
}

// has reports whether the record has a field of a name.
func (x *export) has(name string) bool {
	quoted := append(append([]byte{'"'}, name...), '"', ':')
	at := bytes.Index(x.rec, quoted)
	return at > 0 && (x.rec[at-1] == '{' || x.rec[at-1] == ',')
}

// appendNumbers appends bytes that are no text as the journal's JSON has them.
func appendNumbers(dst, b []byte) []byte {
	dst = append(dst, '[')
	for i, c := range b {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendUint(dst, uint64(c), 10)
	}
	return append(dst, ']')
}

// give ends the record, if there is one.
func (x *export) give() bool {
	if len(x.rec) == 0 {
		return false
	}
	x.out = append(append(x.out, x.rec...), '}', '\n')
	x.rec = x.rec[:0]
	return true
}
