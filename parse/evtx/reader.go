package evtx

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

var (
	le = binary.LittleEndian

	errNoLog = errors.New("not a Windows event log")
)

const (
	headerSize = 128
	blockSize  = 4096 // of the file header, unless it says another
	chunkSize  = 64 << 10

	// maxHeld is how many chunks are held to bring a log in order whose newest chunks lie first: 32 MiB. Windows keeps
	// 20 MiB of the Security log unless told otherwise.
	maxHeld = 512
)

// A fileHeader is what is used of the file's header. Copies of a log in use have an old one.
type fileHeader struct {
	sound bool // the checksum is right
	dirty bool // the log was in use
	ring  bool // the newest chunks were written over the oldest, and lie before them
	count int  // chunks; the field is too short for files of 4 GiB
}

// A piece is a chunk as it was read.
type piece struct {
	data  []byte
	index int
	first uint64 // id of its first record
}

// reader is the lines of an event log.
type reader struct {
	in     io.Reader
	begun  bool
	header fileHeader
	index  int    // of the next chunk
	seen   uint64 // the greatest id of a chunk's first record
	buf    []byte // of the chunk just read
	end    error  // what comes behind the last chunk

	holding bool    // the chunks so far are newer than what follows
	held    []piece // read and not walked over
	now     bool    // the held ones are next

	chunk chunk
	walk  walk   // over chunk
	more  bool   // walk is not at its end
	out   []byte // lines
	given int    // bytes of out that were given
	err   error  // what comes behind out and walk
}

func newReader(in io.Reader) *reader { return &reader{in: in} }

// flushAt is how much text is made before some is given.
const flushAt = 64 << 10

func (r *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if r.given == len(r.out) {
		r.out, r.given = r.out[:0], 0
		r.fill()
		if len(r.out) == 0 {
			return 0, r.err
		}
	}
	n := copy(p, r.out[r.given:])
	r.given += n
	return n, nil
}

// fill makes lines until there are some, or the end is reached.
func (r *reader) fill() {
	if !r.begun {
		r.begun = true
		r.end = r.readHeader()
		r.holding = r.header.ring
	}
	for len(r.out) < flushAt {
		if r.more {
			r.out, r.more = r.walk.next(r.out)
			continue
		}
		if r.err != nil {
			return
		}
		if len(r.out) > 0 {
			return // the next chunk may be long in coming
		}
		r.err = r.nextChunk()
	}
}

func (r *reader) readHeader() error {
	h := make([]byte, blockSize)
	if _, err := io.ReadFull(r.in, h[:headerSize]); err != nil {
		return cutShort(err)
	}
	if string(h[:len(magic)]) != magic {
		return errNoLog
	}
	r.header = fileHeader{
		sound: crc32.ChecksumIEEE(h[:120]) == le.Uint32(h[124:]),
		dirty: h[120]&1 != 0,
		count: int(le.Uint16(h[42:])),
	}
	oldest, newest := le.Uint64(h[8:]), le.Uint64(h[16:])
	r.header.ring = r.header.sound && oldest > newest
	if newest >= 0xffff {
		r.header.sound = false // count has run over
	}
	size := int64(blockSize)
	if s := int64(le.Uint16(h[40:])); r.header.sound && s >= headerSize {
		size = s
	}
	_, err := io.CopyN(io.Discard, r.in, size-headerSize)
	return cutShort(err)
}

// cutShort says that a file ends where it must not.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// nextChunk starts to walk over a chunk.
func (r *reader) nextChunk() error {
	for {
		if len(r.held) > 0 && (r.now || r.end != nil) {
			p := r.held[0]
			r.held = r.held[1:]
			r.start(p)
			return nil
		}
		r.now = false
		if r.end != nil {
			return r.end
		}
		p, ok := r.readChunk()
		if !ok {
			continue
		}
		if !r.holding {
			r.start(p)
			return nil
		}
		// The newest chunks end where the ids fall: what follows comes before them.
		if r.holding = len(r.held) == 0 || p.first >= r.held[len(r.held)-1].first; !r.holding {
			r.start(p)
			return nil
		}
		r.held = append(r.held, p)
		r.buf = nil
		if len(r.held) == maxHeld {
			r.holding, r.now = false, true // too many for bringing them in order
		}
	}
}

func (r *reader) start(p piece) {
	r.chunk.reset(p.data)
	r.walk = newWalk(&r.chunk, p.index, r.header.sound && !r.header.dirty)
	r.more = true
}

// readChunk reads the next chunk, of one that is cut what is there. False means that it has no records.
func (r *reader) readChunk() (piece, bool) {
	if r.buf == nil {
		r.buf = make([]byte, chunkSize)
	}
	n, err := io.ReadFull(r.in, r.buf)
	r.end = err
	p := piece{data: r.buf[:n], index: r.index}
	r.index++
	if isZero(p.data) {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			r.end = io.EOF // room for a chunk to come is no chunk
		}
		return p, false
	}
	p.first = firstID(p.data)
	// Behind the chunks that the header counts, a log in use has those that it does not count yet, whose numbers follow on,
	// and old ones of before the log was cleared.
	ok := !r.header.sound || p.index < r.header.count || p.first > r.seen
	r.seen = max(r.seen, p.first)
	return p, ok
}

func isZero(b []byte) bool {
	for len(b) >= 8 {
		if le.Uint64(b) != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
