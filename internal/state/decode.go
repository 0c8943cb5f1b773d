package state

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"time"
	"unsafe"
)

type decoder struct {
	in      []byte // what is left
	objects []object
	taken   map[unsafe.Pointer]bool // objects that were there before and are filled in place
	zones   map[zone]*time.Location
	room    uint64 // bytes that may still be allocated
	depth   int
	err     error
}

// object is what a pointer, slice or map led to.
type object struct {
	typ reflect.Type // of the pointer, slice or map
	p   unsafe.Pointer
	n   int           // of a slice
	m   reflect.Value // of a map
}

// decode reads src, of which the checksum is known to be right or does not matter, into p.
func decode(src []byte, c *codec, p unsafe.Pointer) error {
	d := &decoder{in: src[headSize : len(src)-tailSize], room: limit(len(src)), taken: map[unsafe.Pointer]bool{p: true}}
	d.allocate(1, c.size)
	d.objects = append(d.objects, object{typ: reflect.PointerTo(c.typ), p: p})
	c.dec(d, p)
	if len(d.in) > 0 {
		d.fail("%d bytes too many", len(d.in))
	}
	return d.err
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: "+format, append([]any{ErrDamaged}, args...)...)
	}
	d.in = nil
}

// copy reads len(b) bytes.
func (d *decoder) copy(b []byte) {
	if len(b) > len(d.in) {
		d.fail("it ends early")
		return
	}
	copy(b, d.in)
	d.in = d.in[len(b):]
}

// take returns the next n bytes, as a view; nil if there are fewer.
func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.in)) {
		d.fail("it ends early")
		return nil
	}
	b := d.in[:n]
	d.in = d.in[n:]
	return b
}

func (d *decoder) byte() byte {
	if len(d.in) == 0 {
		d.fail("it ends early")
		return 0
	}
	b := d.in[0]
	d.in = d.in[1:]
	return b
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.in)
	if n <= 0 {
		d.fail("a number breaks off")
		return 0
	}
	d.in = d.in[n:]
	return v
}

// length reads how many values follow, of which each takes at least min bytes.
func (d *decoder) length(least uintptr) int {
	n := d.uvarint()
	if n > uint64(len(d.in))/max(uint64(least), 1) {
		d.fail("%d values in %d bytes", n, len(d.in))
		return 0
	}
	return int(n)
}

// allocate reports whether there is room for n values of a size.
func (d *decoder) allocate(n uint64, size uintptr) bool {
	if size > 0 && n > d.room/uint64(size) {
		d.fail("%d values of %d bytes are more than it can hold", n, size)
		return false
	}
	d.room -= n * uint64(size)
	return d.err == nil
}

// refer reads a pointer: nil, an object that came before, or a new one that follows (isNew). Objects must be of the type
// that is asked for, or memory would be taken for what it is not.
func (d *decoder) refer(t reflect.Type) (o object, isNew bool) {
	switch n := d.uvarint(); {
	case n == 0 || d.err != nil:
	case n == 1:
		return o, true
	case n-2 < uint64(len(d.objects)) && d.objects[n-2].typ == t:
		return d.objects[n-2], false
	default:
		d.fail("no %v is number %d", t, n-2)
	}
	return o, false
}

// enter goes one level down, and reports whether that is allowed.
func (d *decoder) enter() bool {
	if d.depth++; d.depth > maxDepth {
		d.fail("more than %d values hang on one another", maxDepth)
	}
	return d.err == nil
}
