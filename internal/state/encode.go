package state

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"unsafe"
)

// maxDepth bounds how deep pointers, slices and maps may hang on one another: far below what a stack can take.
const maxDepth = 10_000

// limit returns how much memory may come of so many bytes: zeros and the room between values are not written, yet bytes
// that are wrong must not ask for more memory than there is.
func limit(bytes int) uint64 { return 64<<20 + 16*uint64(bytes) }

var (
	errTooLarge = errors.New("takes too much memory for what it holds")
	errMidst    = errors.New("a pointer or slice leads into the midst of another value")
)

type encoder struct {
	out     []byte
	ids     map[unsafe.Pointer]known // objects so far: what pointers, slices and maps lead to
	ranges  []memory                 // where they are
	used    uint64                   // bytes that loading will take
	depth   int
	err     error
	keys    []byte  // of the maps at hand, one upon another
	entries []entry // of the same maps
}

type known struct {
	id  uint64
	typ reflect.Type // of the pointer, slice or map
	n   int          // of a slice
}

type memory struct{ from, to uintptr }

// entry is a key of a map while the map is sorted.
type entry struct {
	prefix   uint64 // the key's first bytes
	from, to int    // in encoder.keys
	value    int
}

var encoders = sync.Pool{New: func() any { return &encoder{ids: map[unsafe.Pointer]known{}} }}

func (e *encoder) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

// object notes that something of a size lies at p.
func (e *encoder) object(p unsafe.Pointer, size uintptr) {
	e.used += uint64(size)
	if size > 0 {
		e.ranges = append(e.ranges, memory{uintptr(p), uintptr(p) + size})
	}
}

// refer writes a pointer that is not nil: 1 for an object that follows, or the number of one that came before, plus 2. It
// reports whether the object follows.
func (e *encoder) refer(t reflect.Type, p unsafe.Pointer, n int) bool {
	if k, ok := e.ids[p]; ok {
		if k.typ != t || k.n != n {
			e.fail(errMidst)
		}
		e.out = binary.AppendUvarint(e.out, k.id+2)
		return false
	}
	e.ids[p] = known{uint64(len(e.ids)), t, n}
	e.out = append(e.out, 1)
	return true
}

// enter goes one level down, and reports whether that is allowed.
func (e *encoder) enter() bool {
	if e.depth++; e.depth > maxDepth {
		e.fail(fmt.Errorf("more than %d values hang on one another", maxDepth))
	}
	return e.err == nil
}

// finish returns what was written and makes the encoder ready for another use. written is its length.
func (e *encoder) finish(written int) ([]byte, error) {
	if e.used > limit(written) {
		e.fail(errTooLarge)
	}
	// A pointer into something that is saved as well would come back as a copy of its own.
	slices.SortFunc(e.ranges, func(a, b memory) int {
		return cmp.Compare(a.from, b.from)
	})
	for i := 1; i < len(e.ranges); i++ {
		if e.ranges[i].from < e.ranges[i-1].to {
			e.fail(errMidst)
		}
	}
	out, err := e.out, e.err
	clear(e.ids)
	*e = encoder{ids: e.ids, ranges: e.ranges[:0], keys: e.keys[:0], entries: e.entries[:0]}
	return out, err
}
