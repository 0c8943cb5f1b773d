// Package unpack reads compressed files: it tells the kind by the first bytes and bounds what a decoder may hold.
package unpack

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// A Kind of compression is told by the first bytes; names lie.
type Kind uint8

// The kinds.
const (
	Plain Kind = iota
	Gzip
	Zstd
	Bzip2
	XZ
)

// maxWindow is how much of its past output a decoder must keep at most: what "zstd -d" and "xz -9" users meet without
// asking for more (zstd --ultra -22 and --long use 128 MiB).
const maxWindow = 128 << 20

// KindOf needs the first 18 bytes, or all there are.
func KindOf(head []byte) Kind {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b, 8}):
		return Gzip
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}), skippable(head):
		return Zstd
	case len(head) >= 10 && bytes.HasPrefix(head, []byte("BZh")) && head[3] >= '1' && head[3] <= '9' &&
		(string(head[4:10]) == "1AY&SY" || string(head[4:10]) == "\x17rE8P\x90"): // a block, or the end of an empty file
		return Bzip2
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		return XZ
	}
	return Plain
}

// skippable reports whether head starts a Zstandard skippable frame (RFC 8878, 3.1.2), as pzstd writes before data.
func skippable(head []byte) bool {
	return len(head) >= 4 && binary.LittleEndian.Uint32(head)&^0xf == 0x184d2a50
}

// Open returns a reader of what in holds, and what frees it.
func Open(c Kind, in *bufio.Reader) (io.Reader, func(), error) {
	nothing := func() {}
	switch c {
	case Gzip:
		r, err := newMembers(in)
		return r, nothing, err
	case Zstd:
		d, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, nothing, err
		}
		return d, d.Close, nil
	case Bzip2:
		return bzip2.NewReader(in), nothing, nil
	case XZ:
		if size := xzWindow(in); size > maxWindow {
			return nil, nothing, fmt.Errorf("xz: needs %d MiB of memory to unpack, more than %d", size>>20, maxWindow>>20)
		}
		r, err := xz.ReaderConfig{DictCap: 4 << 10}.NewReader(in)
		return r, nothing, err
	default:
		return in, nothing, nil
	}
}

// members reads the members of a gzip file one after another. Zeros behind the last, which tapes leave, are no error;
// gzip(1) takes them so too.
type members struct {
	in *bufio.Reader
	z  *gzip.Reader
}

var errTrailing = errors.New("gzip: what follows is not compressed")

func newMembers(in *bufio.Reader) (*members, error) {
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, Unexpected(err)
	}
	z.Multistream(false)
	return &members{in, z}, nil
}

func (m *members) Read(p []byte) (int, error) {
	for {
		n, err := m.z.Read(p)
		if !errors.Is(err, io.EOF) {
			return n, err
		}
		if n > 0 {
			return n, nil // the end comes again
		}
		if err := m.advance(); err != nil {
			return 0, err
		}
	}
}

// advance goes to the next member.
func (m *members) advance() error {
	head, err := m.in.Peek(1)
	if len(head) == 0 {
		return err
	}
	if head[0] == 0 {
		return m.padding()
	}
	if head, _ = m.in.Peek(2); len(head) == 2 && (head[0] != 0x1f || head[1] != 0x8b) {
		return errTrailing
	}
	if err := m.z.Reset(m.in); err != nil {
		return Unexpected(err)
	}
	m.z.Multistream(false)
	return nil
}

func (m *members) padding() error {
	for {
		c, err := m.in.ReadByte()
		if err != nil {
			return err
		}
		if c != 0 {
			return errTrailing
		}
	}
}

// Unexpected returns err, but not as the end of the input.
func Unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// xzWindow returns the dictionary size that the first block of an xz file names, 0 if it names none.
// The layout is that of "The .xz File Format" 1.2.1, 3.1 and 5.3.1.
func xzWindow(in *bufio.Reader) int64 {
	const streamHeader = 12
	head, _ := in.Peek(streamHeader + 1)
	if len(head) <= streamHeader || head[streamHeader] == 0 {
		return 0
	}
	head, _ = in.Peek(streamHeader + (int(head[streamHeader])+1)*4)
	if len(head) < streamHeader+2 {
		return 0
	}
	flags, rest := head[streamHeader+1], head[streamHeader+2:]
	number := func() uint64 {
		v, n := binary.Uvarint(rest)
		rest = rest[max(n, 0):]
		return v
	}
	for _, present := range []byte{0x40, 0x80} { // compressed size, uncompressed size
		if flags&present != 0 {
			number()
		}
	}
	for range flags&3 + 1 {
		id, size := number(), number()
		if size > uint64(len(rest)) {
			return 0
		}
		if bits := uint(0); id == 0x21 && size == 1 { // LZMA2
			bits = uint(rest[0] & 0x3f)
			return int64(2|bits&1) << (bits/2 + 11)
		}
		rest = rest[size:]
	}
	return 0
}

// Stored counts the bytes that a decoder took from a file.
type Stored struct {
	In    *bufio.Reader // what to read from
	taken int64
	src   io.Reader
}

// NewStored counts what is read of src.
func NewStored(src io.Reader) *Stored {
	s := &Stored{src: src}
	s.In = bufio.NewReaderSize(s, 64<<10)
	return s
}

// Read is for the buffer only.
func (s *Stored) Read(p []byte) (int, error) {
	n, err := s.src.Read(p)
	s.taken += int64(n)
	return n, err
}

// Offset returns how many bytes were taken.
func (s *Stored) Offset() int64 { return s.taken - int64(s.In.Buffered()) }
