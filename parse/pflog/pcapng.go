package pflog

import (
	"math"
	"math/bits"
)

// The types of blocks that are read. Source: draft-ietf-opsawg-pcapng.
const (
	blockInterface = 1
	blockOld       = 2 // the obsolete packet block
	blockSimple    = 3
	blockEnhanced  = 6
	blockSection   = magicNG

	optEnd    = 0
	optResol  = 9  // if_tsresol
	optOffset = 14 // if_tsoffset

	blockFrame = 12 // bytes around a block's body: type, length, and the length again

	// maxInterfaces bounds what a hostile file can make a reader keep.
	maxInterfaces = 1 << 16
	// maxOptions is how many bytes of an interface's description are looked at.
	maxOptions = 4 << 10
)

// block reads one block of a pcapng file.
func (c *capture) block() error {
	b, err := c.read(8)
	if err != nil {
		return err
	}
	section := c.order == nil || c.order.Uint32(b) == blockSection
	c.head = [8]byte(b)
	if section {
		mark, err := c.read(4)
		if err != nil {
			return err
		}
		if c.order = orderOf(mark, magicOrder); c.order == nil {
			return errOrder
		}
	}
	kind, total := c.order.Uint32(c.head[:]), c.order.Uint32(c.head[4:])
	if total < blockFrame || total%4 != 0 || section && total < blockFrame+16 {
		return errLength
	}
	body := int64(total) - blockFrame
	if section {
		body -= 4 // the mark
	}
	left, err := c.body(kind, body)
	if err != nil {
		return err
	}
	if err := c.skip(left); err != nil {
		return err
	}
	end, err := c.read(4)
	if err != nil {
		return err
	}
	if c.order.Uint32(end) != total {
		return errTrailer
	}
	return nil
}

// body reads what matters of a block and returns how many bytes of it are left.
func (c *capture) body(kind uint32, body int64) (left int64, err error) {
	switch kind {
	case blockSection:
		c.interfaces = c.interfaces[:0]
		b, err := c.read(4)
		if err == nil && c.order.Uint16(b) != 1 {
			err = errFormat
		}
		return body - 4, err
	case blockInterface:
		return c.describe(body)
	case blockEnhanced, blockOld:
		const fixed = 20
		if body < fixed {
			return 0, errLength
		}
		b, err := c.read(fixed)
		if err != nil {
			return 0, err
		}
		id := c.order.Uint32(b)
		if kind == blockOld {
			id = uint32(c.order.Uint16(b))
		}
		time := uint64(c.order.Uint32(b[4:]))<<32 | uint64(c.order.Uint32(b[8:]))
		captured, length := c.order.Uint32(b[12:]), c.order.Uint32(b[16:])
		return c.taken(id, &time, captured, length, body-fixed)
	case blockSimple:
		const fixed = 4
		if body < fixed {
			return 0, errLength
		}
		b, err := c.read(fixed)
		if err != nil {
			return 0, err
		}
		length := c.order.Uint32(b)
		captured := uint32(min(int64(length), body-fixed))
		if len(c.interfaces) > 0 && c.interfaces[0].snap > 0 {
			captured = min(captured, c.interfaces[0].snap)
		}
		return c.taken(0, nil, captured, length, body-fixed)
	}
	return body, nil
}

// taken reads a packet of which body bytes of its block are left.
func (c *capture) taken(id uint32, time *uint64, captured, length uint32, body int64) (int64, error) {
	switch {
	case int64(id) >= int64(len(c.interfaces)):
		return 0, errUnknown
	case int64(captured) > body || captured > maxCaptured:
		return 0, errLength
	}
	d := &c.interfaces[id]
	var t stamp
	if time != nil {
		t = d.clock.stamp(*time, d.seconds)
	}
	return body - int64(captured), c.packet(d, t, captured, length)
}

// describe reads the description of an interface.
func (c *capture) describe(body int64) (left int64, err error) {
	const fixed = 8
	if body < fixed || len(c.interfaces) >= maxInterfaces {
		return 0, errLength
	}
	n := min(body, fixed+maxOptions)
	b, err := c.read(int(n))
	if err != nil {
		return 0, err
	}
	d := device{link: uint32(c.order.Uint16(b)), snap: c.order.Uint32(b[4:]), clock: decimal(6)}
	for b = b[fixed:]; len(b) >= 4; {
		code, size := c.order.Uint16(b), int(c.order.Uint16(b[2:]))
		b = b[4:]
		if code == optEnd || size > len(b) {
			break
		}
		switch {
		case code == optResol && size == 1:
			d.clock = resolutionOf(b[0])
		case code == optOffset && size == 8:
			d.seconds = int64(c.order.Uint64(b))
		}
		b = b[min((size+3)&^3, len(b)):]
	}
	c.interfaces = append(c.interfaces, d)
	return body - n, nil
}

// A resolution is the unit of an interface's times.
type resolution struct {
	units  uint64 // per second; 0: a power of two
	power  uint   // of two
	digits int    // decimals that a line has
}

// maxDigits is as fine as an entry's time is.
const maxDigits = 9

// decimal returns the resolution of 10^-n seconds, for n up to 19.
func decimal(n int) resolution {
	units := uint64(1)
	for range n {
		units *= 10
	}
	return resolution{units: units, digits: min(n, maxDigits)}
}

// resolutionOf reads if_tsresol: a negative power of ten, or of two if the highest bit is set. What is finer than 64 bits
// hold is no time of this age: such times are not known.
func resolutionOf(b byte) resolution {
	n := int(b & 0x7f)
	switch {
	case b < 0x80 && n <= 19:
		return decimal(n)
	case b >= 0x80 && n < 64:
		return resolution{power: uint(n), digits: min((n*30103+99999)/100000, maxDigits)} // lg 2 = 0.30103
	}
	return resolution{digits: -1}
}

// stamp turns a count of units into seconds and decimals.
func (r resolution) stamp(count uint64, add int64) stamp {
	t := stamp{digits: r.digits, known: r.digits >= 0}
	if !t.known {
		return t
	}
	scale := decimal(r.digits).units
	var seconds uint64
	if r.units > 0 {
		seconds, t.fraction = count/r.units, count%r.units/(r.units/scale)
	} else {
		seconds = count >> r.power
		high, low := bits.Mul64(count&(1<<r.power-1), scale)
		t.fraction = high<<(64-r.power) | low>>r.power
	}
	if seconds > math.MaxInt64/2 || add > math.MaxInt64/2 || add < math.MinInt64/2 {
		t.known = false
		return t
	}
	t.seconds = int64(seconds) + add
	return t
}
