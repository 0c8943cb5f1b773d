package pflog

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"

	"mailstop/event"
	"mailstop/parse"
)

// Container returns capture files: pcap and pcapng, of either byte order. Records of other link types become lines, too, but
// without their bytes: they are no firewall's log, and may be anything.
func Container() parse.Container {
	return parse.Container{
		Name:  "pcap file",
		Match: isCapture,
		Lines: func(in io.Reader) io.Reader { return &capture{in: bufio.NewReaderSize(in, 64<<10)} },
		Doc:   containerDoc,
	}
}

// The magic numbers that files start with, in the order of the host that wrote them.
const (
	magicMicro = 0xa1b2c3d4
	magicNano  = 0xa1b23c4d
	magicNG    = 0x0a0d0d0a // the same in both orders
	magicOrder = 0x1a2b3c4d // of a section of pcapng
)

func isCapture(head []byte) bool {
	if len(head) < 4 {
		return false
	}
	if m := binary.LittleEndian.Uint32(head); m == magicNG {
		return len(head) < 12 || orderOf(head[8:], magicOrder) != nil
	}
	return orderOf(head, magicMicro) != nil || orderOf(head, magicNano) != nil
}

// orderOf returns the order in which b is the number, nil if it is another number.
func orderOf(b []byte, number uint32) binary.ByteOrder {
	switch {
	case binary.LittleEndian.Uint32(b) == number:
		return binary.LittleEndian
	case binary.BigEndian.Uint32(b) == number:
		return binary.BigEndian
	}
	return nil
}

const (
	// maxCaptured is more than any record: libpcap itself refuses what is longer than 256 KiB.
	maxCaptured = 1 << 20
	// maxKept is how many bytes of a record its line holds, so that the line is not longer than what an entry keeps.
	maxKept = (event.MaxRaw - 80) / 2
)

var (
	errFormat  = errors.New("not a pcap or pcapng file")
	errLength  = errors.New("length is not possible")
	errUnknown = errors.New("interface was not described")
	errTrailer = errors.New("lengths at the start and the end of a block differ")
	errOrder   = errors.New("byte order mark of a section is damaged")
)

// A capture reads one file. Read calls next until there is a line to hand out.
type capture struct {
	in     *bufio.Reader
	offset int64   // bytes read so far
	out    []byte  // the rest of a line
	line   []byte  // its memory
	data   []byte  // memory for a record's bytes
	head   [8]byte // memory for the type and the length of a block
	err    error   // once out is handed out

	order      binary.ByteOrder
	next       func(c *capture) error // reads one record or block, and may set out
	swapped    bool                   // the two lengths of pcap 2.3 and before
	file       device                 // of pcap, which has one
	interfaces []device               // of a section of pcapng
}

// A device is what packets were captured on.
type device struct {
	link    uint32
	snap    uint32 // longest record; 0: no limit
	clock   resolution
	seconds int64 // added to each time
}

// Read implements io.Reader.
func (c *capture) Read(p []byte) (int, error) {
	for len(c.out) == 0 {
		if c.err != nil {
			return 0, c.err
		}
		at := c.offset
		err := c.step()
		switch {
		case err == nil:
		case err == io.EOF && c.offset == at: //nolint:errorlint // a bare io.EOF is the file's end, all others are damage
			c.err = io.EOF
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			c.err = fmt.Errorf("pcap: record at byte %d ends early: %w", at, io.ErrUnexpectedEOF)
		default:
			c.err = fmt.Errorf("pcap: record at byte %d: %w", at, err)
		}
	}
	n := copy(p, c.out)
	c.out = c.out[n:]
	return n, nil
}

func (c *capture) step() error {
	if c.next == nil {
		return c.start()
	}
	return c.next(c)
}

// start reads the first bytes of the file.
func (c *capture) start() error {
	head, err := c.in.Peek(4)
	if err != nil && len(head) == 0 {
		return err
	}
	if len(head) < 4 {
		return io.ErrUnexpectedEOF
	}
	if binary.LittleEndian.Uint32(head) == magicNG {
		c.next = (*capture).block
		return nil
	}
	c.file.clock = decimal(6)
	if c.order = orderOf(head, magicMicro); c.order == nil {
		c.file.clock = decimal(9)
		if c.order = orderOf(head, magicNano); c.order == nil {
			return errFormat
		}
	}
	b, err := c.read(24)
	if err != nil {
		return err
	}
	major, minor := c.order.Uint16(b[4:]), c.order.Uint16(b[6:])
	if major != 2 {
		return errFormat
	}
	c.swapped = minor < 3
	c.file.snap = c.order.Uint32(b[16:])
	c.file.link = c.order.Uint32(b[20:]) & 0x03ffffff // the bits above say how long frame check sequences are
	c.next = (*capture).record
	return nil
}

// record reads one record of a pcap file.
func (c *capture) record() error {
	b, err := c.read(16)
	if err != nil {
		return err
	}
	seconds, fraction := c.order.Uint32(b), c.order.Uint32(b[4:])
	captured, length := c.order.Uint32(b[8:]), c.order.Uint32(b[12:])
	if c.swapped {
		captured, length = length, captured
	}
	if captured > maxCaptured {
		return errLength
	}
	t := stamp{seconds: int64(seconds), fraction: uint64(fraction), digits: c.file.clock.digits, known: true}
	if uint64(fraction) >= c.file.clock.units {
		t.known = false
	}
	return c.packet(&c.file, t, captured, length)
}

// packet reads the bytes of a record and makes its line. A record that the file's end cuts has a line, too, if any byte of
// it is left.
func (c *capture) packet(d *device, t stamp, captured, length uint32) error {
	kept := min(captured, maxKept)
	if d.link != linkPFLog && d.link != linkOld {
		kept = 0
	}
	data, err := c.read(int(kept))
	if err == nil {
		err = c.skip(int64(captured - kept))
	}
	if err == nil || len(data) > 0 {
		c.write(d.link, t, length, data)
	}
	return err
}

func (c *capture) write(link uint32, t stamp, length uint32, data []byte) {
	b := append(c.line[:0], prefix...)
	b = append(t.appendTo(b), ' ')
	b = append(strconv.AppendUint(b, uint64(link), 10), ' ')
	if c.order == binary.BigEndian {
		b = append(b, "be "...)
	} else {
		b = append(b, "le "...)
	}
	b = append(strconv.AppendUint(b, uint64(length), 10), ' ')
	if len(data) == 0 {
		b = append(b, '-')
	}
	b = append(hex.AppendEncode(b, data), '\n')
	c.line, c.out = b, b
}

// read returns the next n bytes, valid until the next call; with an error, those that there are.
func (c *capture) read(n int) ([]byte, error) {
	if cap(c.data) < n {
		c.data = make([]byte, max(n, 512))
	}
	m, err := io.ReadFull(c.in, c.data[:n])
	c.offset += int64(m)
	return c.data[:m], err
}

// skip passes over n bytes.
func (c *capture) skip(n int64) error {
	for n > 0 {
		m, err := c.in.Discard(int(min(n, 1<<30)))
		c.offset += int64(m)
		n -= int64(m)
		if err != nil {
			return err
		}
	}
	return nil
}

// A stamp is a record's time.
type stamp struct {
	seconds  int64
	fraction uint64
	digits   int
	known    bool
}

func (t *stamp) appendTo(b []byte) []byte {
	if !t.known || t.seconds < 0 {
		return append(b, '-')
	}
	b = strconv.AppendInt(b, t.seconds, 10)
	if t.digits == 0 {
		return b
	}
	b = append(b, '.')
	at := len(b)
	b = append(b, bytes.Repeat(zero, t.digits)...)
	for i := len(b) - 1; i >= at; i-- {
		b[i] += byte(t.fraction % 10)
		t.fraction /= 10
	}
	return b
}

var zero = []byte{'0'}
