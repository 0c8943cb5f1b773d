// Package utf16text turns text files in UTF-16 into UTF-8, as they are read. Windows tools write such files: Notepad, Out-File
// of PowerShell 5, exports of the event viewer, copies of pfirewall.log.
package utf16text

import (
	"encoding/binary"
	"errors"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"mailstop/parse"
)

// Container returns UTF-16 text as a container.
func Container() parse.Container {
	return parse.Container{
		Name:  "UTF-16 text",
		Match: func(head []byte) bool { return orderOf(head) != nil },
		Lines: func(in io.Reader) io.Reader { return &reader{in: in} },
		Doc: parse.Doc{
			Title: "Text in UTF-16",
			Accepts: []string{
				"little and big endian, by the byte order mark, or without one if most of the first 4 KiB are letters with a zero byte",
				"runs of NUL, which files have that are longer than what was written to them yet, are left out",
				"half surrogate pairs and an odd last byte become U+FFFD",
			},
			Examples: []string{"2026-01-05 10:11:12 DROP TCP 192.0.2.25 203.0.113.19 61005 25 52 S 1 0 64240 - - - SEND"},
			Sources:  []string{"The Unicode Standard, 3.9 and 23.8", "RFC 2781"},
		},
	}
}

const mark = 0xfeff

// orderOf returns the byte order of text that starts with head, nil if it is not UTF-16.
func orderOf(head []byte) binary.ByteOrder {
	if len(head) < 2 {
		return nil
	}
	switch {
	case binary.LittleEndian.Uint16(head) == mark:
		return binary.LittleEndian
	case binary.BigEndian.Uint16(head) == mark:
		return binary.BigEndian
	}
	// Without a mark: most letters of logs are of the first 256, which have a zero on one side, and next to none has one
	// on the other.
	var little, big, pairs int
	for i := 0; i+1 < len(head); i += 2 {
		a, b := head[i], head[i+1]
		if a == 0 && b == 0 {
			continue // room that was not written to yet
		}
		pairs++
		if c := a | b; (a == 0 || b == 0) && c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\x1b' {
			return nil // numbers
		}
		if b == 0 {
			little++
		}
		if a == 0 {
			big++
		}
	}
	const few = 4
	switch enough := (pairs + 1) / 2; {
	case pairs < few:
	case little >= enough && big == 0:
		return binary.LittleEndian
	case big >= enough && little == 0:
		return binary.BigEndian
	}
	return nil
}

// headSize is how much is looked at where there is no mark: what Match gets, if it comes at once.
const headSize = 4 << 10

type reader struct {
	in    io.Reader
	order binary.ByteOrder // nil until the first bytes are there
	raw   []byte           // buf[:n] of it is read and not decoded
	n     int
	out   []byte // decoded
	given int    // bytes of out that were given
	line  bool   // at the start of a line
	err   error  // what comes behind
}

func (r *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for idle := 0; r.given == len(r.out); {
		if r.err != nil {
			return 0, r.err
		}
		if r.raw == nil {
			r.raw = make([]byte, 32<<10)
			r.line = true
		}
		n, err := r.in.Read(r.raw[r.n:])
		r.n += n
		r.err = err
		if n > 0 {
			idle = 0
		} else if idle++; idle == 100 && err == nil {
			r.err = io.ErrNoProgress
		}
		r.decode()
	}
	n := copy(p, r.out[r.given:])
	r.given += n
	return n, nil
}

// decode turns what was read into text, but for a letter that is not whole.
func (r *reader) decode() {
	r.out, r.given = r.out[:0], 0
	if r.order == nil {
		if r.order = orderOf(r.raw[:min(r.n, headSize)]); r.order == nil {
			if r.err == nil && r.n < headSize {
				return // the matching had more
			}
			r.order = binary.LittleEndian
		}
	}
	last := r.err != nil
	ended := errors.Is(r.err, io.EOF)
	d := r.units(r.raw[:r.n], r.order == binary.BigEndian, last)
	r.n = copy(r.raw, d)
	if last && ended && r.n == 1 {
		if d[0] != 0 {
			r.out = utf8.AppendRune(r.out, utf8.RuneError)
		}
		r.n = 0
	}
}

// units decodes d and returns what is left of it: less than a letter.
func (r *reader) units(d []byte, big, last bool) []byte {
	out := r.out
	swap, shift := 0, 0
	if big {
		swap, shift = 1, 8
	}
	for len(d) >= 2 {
		if len(d) >= 8 {
			if four, ok := ascii(binary.LittleEndian.Uint64(d), shift); ok {
				out = binary.LittleEndian.AppendUint32(out, four)
				r.line = four>>24 == '\n'
				d = d[8:]
				continue
			}
		}
		c := rune(d[swap]) | rune(d[1-swap])<<8
		if c < utf8.RuneSelf {
			d = d[2:]
			if c != 0 {
				out = append(out, byte(c))
				r.line = c == '\n'
			}
			continue
		}
		if utf16.IsSurrogate(c) {
			if len(d) < 4 && !last {
				break
			}
			low := rune(utf8.RuneError)
			if len(d) >= 4 {
				low = rune(d[2+swap]) | rune(d[3-swap])<<8
			}
			if c = utf16.DecodeRune(c, low); c != utf8.RuneError {
				d = d[2:]
			}
		}
		d = d[2:]
		if c == mark && r.line {
			continue // of the file, or of one that was appended to it
		}
		r.line = false
		out = utf8.AppendRune(out, c)
	}
	r.out = out
	return d
}

// ascii packs four units, of which the low byte is shifted by shift, into four bytes. False means that one of them is NUL
// or more than a byte.
func ascii(v uint64, shift int) (uint32, bool) {
	if v&(0xff80_ff80_ff80_ff80>>shift|0x0080_0080_0080_0080<<shift) != 0 {
		return 0, false
	}
	v = v >> shift & 0x007f_007f_007f_007f
	v = (v | v>>8) & 0x0000_ffff_0000_ffff
	four := uint32(v | v>>16)
	return four, (four-0x0101_0101)&^four&0x8080_8080 == 0
}
