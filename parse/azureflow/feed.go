package azureflow

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

const (
	maxDepth = 32
	// maxToken bounds one string of the document, in bytes.
	maxToken = 1 << 20
)

var (
	errDepth = errors.New("JSON is nested too deep")
	errToken = errors.New("a string of the JSON is longer than 1 MiB")
)

// A feed gives a document to decoders. Where one of them met damage, the next one starts at the next line that starts an
// object.
type feed struct {
	in      io.Reader
	pending [][]byte // what a decoder had taken and not used, the first last
	dec     *json.Decoder
	given   int64 // bytes dec was given
	started bool
	seeking bool // for a line that starts an object
	newline bool // the last byte was a line's end
}

// decoder returns a new decoder of what is left.
func (f *feed) decoder() (*json.Decoder, error) {
	if f.dec != nil {
		rest, err := io.ReadAll(f.dec.Buffered())
		if err != nil {
			return nil, err
		}
		f.pending = append(f.pending, rest)
		f.seeking, f.newline = true, false
	}
	f.dec, f.given = json.NewDecoder(f), 0
	f.dec.UseNumber()
	return f.dec, nil
}

// Read implements io.Reader for the decoder.
func (f *feed) Read(p []byte) (int, error) {
	if f.given-f.dec.InputOffset() > maxToken { // the decoder keeps what it has of a string
		return 0, errToken
	}
	for {
		n, err := f.raw(p)
		if !f.started && n > 0 {
			f.started = true
			if rest, ok := bytes.CutPrefix(p[:n], []byte("\uFEFF")); ok {
				n = copy(p, rest)
			}
		}
		if f.seeking {
			n = f.seek(p[:n])
		}
		f.given += int64(n)
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (f *feed) raw(p []byte) (int, error) {
	for len(f.pending) > 0 {
		top := &f.pending[len(f.pending)-1]
		n := copy(p, *top)
		if *top = (*top)[n:]; len(*top) == 0 {
			f.pending = f.pending[:len(f.pending)-1]
		}
		if n > 0 {
			return n, nil
		}
	}
	return f.in.Read(p)
}

// seek moves what follows the next "\n{" to the start of p and returns how much that is.
func (f *feed) seek(p []byte) int {
	for i, c := range p {
		if f.newline && c == '{' {
			f.seeking = false
			return copy(p, p[i:])
		}
		f.newline = c == '\n'
	}
	return 0
}
