package state

import (
	"encoding/binary"
	"unsafe"
)

// sparseSize is from how many bytes on plain memory is written without its zeros.
const sparseSize = 256

// plainMin returns the fewest bytes that plain memory of a size takes: all of it, or two lengths and the odd bytes.
func plainMin(size uintptr) uintptr {
	if size < sparseSize {
		return size
	}
	return 2 + size%8
}

// plainCodec returns how memory of a size is written and read.
func plainCodec(size uintptr) (func(*encoder, unsafe.Pointer), func(*decoder, unsafe.Pointer)) {
	switch {
	case size >= sparseSize:
		return func(e *encoder, p unsafe.Pointer) { e.out = appendSparse(e.out, bytesAt(p, size)) },
			func(d *decoder, p unsafe.Pointer) { d.sparse(bytesAt(p, size)) }
	case size == 8:
		return func(e *encoder, p unsafe.Pointer) { e.out = append(e.out, (*[8]byte)(p)[:]...) },
			func(d *decoder, p unsafe.Pointer) { d.copy((*[8]byte)(p)[:]) }
	}
	return func(e *encoder, p unsafe.Pointer) { e.out = append(e.out, bytesAt(p, size)...) },
		func(d *decoder, p unsafe.Pointer) { d.copy(bytesAt(p, size)) }
}

// bytesAt returns memory as bytes. It must hold no pointers.
func bytesAt(p unsafe.Pointer, size uintptr) []byte { return unsafe.Slice((*byte)(p), size) }

// appendSparse appends b as runs of 8-byte words: how many are zero, how many others follow, and those; then the odd
// bytes. A few zeros between others cost less as they are.
func appendSparse(out, b []byte) []byte {
	words := len(b) / 8
	for i := 0; i < words; {
		start := i
		for i+block <= words && blank(b[8*i:]) {
			i += block
		}
		for i < words && word(b, i) == 0 {
			i++
		}
		from := i
		for i+block <= words && !blank(b[8*i:]) {
			i += block
		}
		if i+block > words {
			i = words
		}
		end := i
		for end > from && word(b, end-1) == 0 {
			end--
		}
		i = end
		out = binary.AppendUvarint(out, uint64(from-start))
		out = binary.AppendUvarint(out, uint64(end-from))
		out = append(out, b[8*from:8*end]...)
	}
	return append(out, b[8*words:]...)
}

// block is how many words are looked at together.
const block = 4

// blank reports whether b starts with a block of zeros.
func blank(b []byte) bool {
	_ = b[8*block-1]
	return binary.LittleEndian.Uint64(b)|binary.LittleEndian.Uint64(b[8:])|
		binary.LittleEndian.Uint64(b[16:])|binary.LittleEndian.Uint64(b[24:]) == 0
}

func word(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }

// sparse reads what appendSparse wrote of len(b) bytes.
func (d *decoder) sparse(b []byte) {
	odd := len(b) % 8
	for rest := b[:len(b)-odd]; len(rest) > 0; {
		zeros, others := d.uvarint(), d.uvarint()
		words := uint64(len(rest) / 8)
		if d.err != nil || zeros > words || others > words-zeros || zeros+others == 0 {
			d.fail("a run of %d and %d words among %d", zeros, others, words)
			return
		}
		clear(rest[:8*zeros])
		rest = rest[8*zeros:]
		d.copy(rest[:8*others])
		rest = rest[8*others:]
	}
	d.copy(b[len(b)-odd:])
}
