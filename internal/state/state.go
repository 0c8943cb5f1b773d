// Package state writes the memory of a detector, or of anything else that learns, to bytes and back: structs with
// unexported fields, pointers that are shared or go round in circles, maps, slices. Equal memory gives equal bytes. It does
// no I/O but reading the time zone database, and never follows what a field tagged `state:"-"` holds.
//
// It takes what is in memory as it is: a change of a type's fields makes older bytes unreadable, which is said (ErrLayout)
// and not guessed at. Bytes are fit for a checkpoint that the same program reads back, not for an archive.
//
// What can be saved: booleans, numbers, strings, structs, arrays, slices, maps with keys that hold no pointers,
// netip.Addr and netip.Prefix, time.Time (without its monotonic reading), *time.Location, and pointers to all of these.
// Functions, channels, interfaces, mutexes and bare addresses cannot, and Save says so at once, whether or not they are
// nil: a forgotten tag fails the first test that saves.
//
// A tagged field is configuration, a cache or scratch space. Loading leaves it as it is, for which Load fills what v points
// to in place, also behind pointers that are set already; slices and maps are made anew.
package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"reflect"
	"unsafe"
)

// ErrLayout says that bytes were saved from a type with other fields, by another version or on another kind of machine.
var ErrLayout = errors.New("saved by another version")

// ErrDamaged says that bytes are not what Save wrote.
var ErrDamaged = errors.New("saved state is damaged")

// A Versioned type has bytes that mean something else when its version changes, although its fields are the same: another
// hash function, for example.
type Versioned interface {
	// StateVersion is called on the type's zero value, once per type.
	StateVersion() int
}

// A Checker knows what must hold for its own fields.
type Checker interface {
	// CheckState is called, on a pointer, when the value was read. An error makes the bytes damaged. What pointers lead
	// to may not be complete yet where they go in circles.
	CheckState() error
}

const (
	headSize = 8 // fingerprint of the layout
	tailSize = 4 // CRC-32C of all before it
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Save appends what v points to and returns the extended slice; on an error, dst as it was. Nothing may change v
// meanwhile.
func Save(dst []byte, v any) ([]byte, error) {
	c, p, err := root(v)
	if err != nil {
		return dst, err
	}
	from := len(dst)
	e := encoders.Get().(*encoder)
	e.out = append(dst, c.fingerprint[:]...)
	e.object(p, c.size)
	e.ids[p] = known{0, reflect.PointerTo(c.typ), 1}
	c.enc(e, p)
	out, err := e.finish(len(e.out) - from + tailSize)
	encoders.Put(e)
	if err != nil {
		return dst, fmt.Errorf("save %v: %w", c.typ, err)
	}
	return binary.LittleEndian.AppendUint32(out, crc32.Checksum(out[from:], castagnoli)), nil
}

// Load fills what v points to from bytes that Save made of the same type. On an error v is as it was. What it makes
// shares no memory with src.
func Load(src []byte, v any) error {
	load, err := Check(src, v)
	if err != nil {
		return err
	}
	load()
	return nil
}

// Check reads src as Load does, leaves v as it is, and returns a function that loads it, for several values that are to be
// loaded together or not at all. The function must be called, at most once, before src changes.
func Check(src []byte, v any) (load func(), err error) {
	c, p, err := root(v)
	if err != nil {
		return nil, err
	}
	if len(src) < headSize+tailSize {
		return nil, fmt.Errorf("load %v: %w: %d bytes", c.typ, ErrDamaged, len(src))
	}
	if [headSize]byte(src) != c.fingerprint {
		return nil, fmt.Errorf("load %v: %w", c.typ, ErrLayout)
	}
	body, sum := src[:len(src)-tailSize], src[len(src)-tailSize:]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(sum) {
		return nil, fmt.Errorf("load %v: %w: wrong checksum", c.typ, ErrDamaged)
	}
	// Whether bytes can be read does not depend on what they are read into: what a first, empty value takes, v takes.
	if err := decode(src, c, reflect.New(c.typ).UnsafePointer()); err != nil {
		return nil, fmt.Errorf("load %v: %w", c.typ, err)
	}
	return func() {
		if err := decode(src, c, p); err != nil {
			panic("state: " + err.Error()) // the same bytes were read a moment ago: src was changed
		}
	}, nil
}

// root returns the codec of what v points to.
func root(v any) (*codec, unsafe.Pointer, error) {
	r := reflect.ValueOf(v)
	if r.Kind() != reflect.Pointer || r.IsNil() {
		return nil, nil, fmt.Errorf("state of %T: want a pointer that is not nil", v)
	}
	c, err := codecOf(r.Type().Elem())
	if err != nil {
		return nil, nil, fmt.Errorf("state of %T: %w", v, err)
	}
	return c, r.UnsafePointer(), nil
}
