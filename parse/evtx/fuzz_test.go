package evtx

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

// FuzzRecords reads a chunk whose records are of any bytes: no panic, bounded text, a line for each record, XML that is
// well-formed, and the same lines however it is read.
func FuzzRecords(f *testing.F) {
	for _, c := range []*chunkWriter{chunkOf(1, 2), securityEvents(1), types(), texts(), structures(), wrecks()} {
		f.Add(c.b[firstRecord:], uint8(0))
		f.Add(c.b[firstRecord:len(c.b)-20], uint8(1))
	}
	f.Fuzz(func(t *testing.T, records []byte, how uint8) {
		w := newChunk()
		w.b = append(w.b, records[:min(len(records), chunkSize-firstRecord)]...)
		chunk := w.bytes()
		if how&1 != 0 {
			chunk[60]++ // the header's checksum is wrong
		}
		b := file(head{count: 1, dirty: how&2 != 0}, chunk)
		out, err := io.ReadAll(newReader(bytes.NewReader(b)))
		if err != nil {
			t.Fatal(err)
		}
		if len(out) > budget+chunkSize/recordFrame*400 {
			t.Fatalf("%d bytes", len(out))
		}
		for line := range strings.Lines(string(out)) {
			wellFormed(t, line)
		}
		again, err := io.ReadAll(newReader(iotest.HalfReader(bytes.NewReader(b))))
		if err != nil || !bytes.Equal(out, again) {
			t.Fatalf("%v: %d bytes, then %d", err, len(out), len(again))
		}
	})
}

// FuzzFile reads a file of any bytes.
func FuzzFile(f *testing.F) {
	b := closed(chunkOf(1, 2))
	f.Add(b[:blockSize+3000])
	f.Add(b[:100])
	f.Fuzz(func(t *testing.T, b []byte) {
		out, err := io.ReadAll(newReader(bytes.NewReader(b)))
		if err == nil && !bytes.HasPrefix(b, []byte(magic)) {
			t.Fatal("is a log")
		}
		for line := range strings.Lines(string(out)) {
			wellFormed(t, line)
		}
	})
}

func wellFormed(t *testing.T, line string) {
	t.Helper()
	if !strings.HasSuffix(line, ">\n") || strings.ContainsAny(line, "\r\x00") || line[0] != '<' {
		t.Fatalf("line %q", line)
	}
	// The decoder holds names to an older edition of XML, which knows fewer letters.
	ascii := strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf {
			return 'x'
		}
		return r
	}, line)
	d := xml.NewDecoder(strings.NewReader(ascii))
	depth, roots := 0, 0
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		switch token.(type) {
		case xml.StartElement:
			if depth++; depth == 1 {
				roots++
			}
		case xml.EndElement:
			depth--
		}
	}
	if depth != 0 || roots != 1 {
		t.Fatalf("%d roots, %d open in %q", roots, depth, line)
	}
}
