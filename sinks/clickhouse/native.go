package clickhouse

import (
	"encoding/binary"
	"net/netip"
	"time"
	"unsafe"
)

// encoder writes the blocks of a batch as one block in FORMAT Native (NativeWriter.cpp): the number of columns and rows,
// then each column's name, type and data. Long columns go to the engine as they are, without a copy.
//
// It must be one: where the engine puts several blocks together into a part, it knows them again only if they come cut
// in the same way, and a batch that is sent again after a restart may be cut otherwise.
type encoder struct {
	buf  []byte
	send func([]byte) error
	err  error
}

// flushSize is how much the encoder gathers before it sends.
const flushSize = 64 << 10

func (e *encoder) blocks(bs []*Block) error {
	rows := 0
	for _, b := range bs {
		rows += b.rows
	}
	e.uvarint(uint64(len(columns)))
	e.uvarint(uint64(rows))
	for i := range columns {
		e.text(columns[i].name)
		e.text(columns[i].kind)
		columns[i].native(e, bs)
	}
	e.flush()
	return e.err
}

func (e *encoder) flush() {
	if e.err == nil && len(e.buf) > 0 {
		e.err = e.send(e.buf)
	}
	e.buf = e.buf[:0]
}

func (e *encoder) bytes(b []byte) {
	if len(b) >= flushSize/2 {
		e.flush()
		if e.err == nil {
			e.err = e.send(b)
		}
		return
	}
	e.buf = append(e.buf, b...)
	if len(e.buf) >= flushSize {
		e.flush()
	}
}

func (e *encoder) uvarint(n uint64) { e.buf = binary.AppendUvarint(e.buf, n) }
func (e *encoder) uint64(n uint64)  { e.buf = binary.LittleEndian.AppendUint64(e.buf, n) }

func (e *encoder) text(s string) {
	e.uvarint(uint64(len(s)))
	e.buf = append(e.buf, s...)
}

// number is what a fixed-width column holds.
type number interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64 | ~int64 | ~[16]byte
}

// memory returns the bytes of s. libchdb exists for little-endian machines only, where they are what Native wants.
func memory[T number](s []T) []byte {
	var t T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(t)))
}

// data writes a fixed-width column.
func data[T number](e *encoder, bs []*Block, of func(*Block) []T) {
	for _, b := range bs {
		e.bytes(memory(of(b)))
	}
}

// dictionary writes the head of a LowCardinality column: the values, and how wide and how many the keys into them are
// that follow (SerializationLowCardinality.cpp).
func (e *encoder) dictionary(values, width, rows uint64, dict []byte) {
	const version, additionalKeys = 1, 1 << 9
	e.uint64(version)
	e.uint64(width>>1 | additionalKeys) // 0, 1, 2 for 8, 16, 32 bits
	e.uint64(values)
	e.bytes(dict)
	e.uint64(rows)
}

func plainColumn[T number](name, kind string, of func(*Block) []T) column {
	return column{
		name, kind,
		func(e *encoder, bs []*Block) { data(e, bs, of) },
		func(b *Block) any { return of(b) },
	}
}

func timeColumn(name string, of func(*Block) []int64) column {
	return column{
		name, "DateTime64(9, 'UTC')",
		func(e *encoder, bs []*Block) { data(e, bs, of) },
		func(b *Block) any {
			out := make([]time.Time, 0, b.rows)
			for _, ns := range of(b) {
				out = append(out, time.Unix(0, ns).UTC())
			}
			return out
		},
	}
}

func addressColumn(name string, of func(*Block) [][16]byte) column {
	return column{
		name, "IPv6",
		func(e *encoder, bs []*Block) { data(e, bs, of) },
		func(b *Block) any {
			out := make([]netip.Addr, 0, b.rows)
			for _, a := range of(b) {
				out = append(out, netip.AddrFrom16(a))
			}
			return out
		},
	}
}

func optionalColumn[T uint8 | uint32](name, kind string, of func(*Block) *optional[T]) column {
	return column{
		name, "Nullable(" + kind + ")",
		func(e *encoder, bs []*Block) {
			data(e, bs, func(b *Block) []uint8 { return of(b).null })
			data(e, bs, func(b *Block) []T { return of(b).value })
		},
		func(b *Block) any {
			o := of(b)
			out := make([]*T, len(o.value))
			for i := range out {
				if o.null[i] == 0 {
					out[i] = &o.value[i]
				}
			}
			return out
		},
	}
}

// fixedColumn is a LowCardinality(String) column whose values are known beforehand.
func fixedColumn[K uint8 | uint16](name string, values []string, of func(*Block) []K) column {
	var dict encoder
	for _, v := range values {
		dict.text(v)
	}
	return column{
		name, "LowCardinality(String)",
		func(e *encoder, bs []*Block) {
			var k K
			rows := 0
			for _, b := range bs {
				rows += b.rows
			}
			if rows < len(values) {
				fewWords(e, values, bs, rows, of)
				return
			}
			e.dictionary(uint64(len(values)), uint64(unsafe.Sizeof(k)), uint64(rows), dict.buf)
			data(e, bs, of)
		},
		func(b *Block) any {
			out := make([]string, 0, b.rows)
			for _, k := range of(b) {
				out = append(out, values[k])
			}
			return out
		},
	}
}

// fewWords writes a column of fewer rows than there are values with those values that it uses.
func fewWords[K uint8 | uint16](e *encoder, values []string, bs []*Block, rows int, of func(*Block) []K) {
	var dict encoder
	var number [512]uint16 // more than any of these columns has values; 0 is none yet
	keys, n := make([]uint16, 0, rows), uint16(1)
	dict.text("") // as the engine has it in every dictionary
	for _, b := range bs {
		for _, k := range of(b) {
			if number[k] == 0 && values[k] != "" {
				number[k] = n
				n++
				dict.text(values[k])
			}
			keys = append(keys, number[k])
		}
	}
	e.dictionary(uint64(n), 2, uint64(rows), dict.buf)
	e.bytes(memory(keys))
}

func wordsColumn(name string, of func(*Block) *words) column {
	return column{
		name, "LowCardinality(String)",
		func(e *encoder, bs []*Block) {
			parts := make([]*words, len(bs))
			for i, b := range bs {
				parts[i] = of(b)
			}
			e.words(parts)
		},
		func(b *Block) any { return of(b).column() },
	}
}

// words writes the rows of several blocks with one dictionary.
func (e *encoder) words(parts []*words) {
	all := parts[0]
	if len(parts) > 1 {
		all = join(parts)
	}
	const empty = "\x00" // the value with number 0
	dict := append([]byte(empty), all.dict...)
	if all.wide != nil {
		e.dictionary(uint64(all.n), 4, uint64(len(all.wide)), dict)
		e.bytes(memory(all.wide))
	} else {
		e.dictionary(uint64(all.n), 2, uint64(len(all.rows)), dict)
		e.bytes(memory(all.rows))
	}
}

// join returns the rows of parts in one column.
func join(parts []*words) *words {
	all := new(words)
	all.reset()
	for _, w := range parts {
		numbers := make([]uint32, 0, w.n)
		for _, v := range w.values() {
			numbers = append(numbers, all.number(v))
		}
		if all.n > 1<<16 && all.wide == nil {
			all.widen()
		}
		switch {
		case all.wide == nil: // then w is not wide either
			for _, r := range w.rows {
				all.rows = append(all.rows, uint16(numbers[r]))
			}
		case w.wide != nil:
			for _, r := range w.wide {
				all.wide = append(all.wide, numbers[r])
			}
		default:
			for _, r := range w.rows {
				all.wide = append(all.wide, numbers[r])
			}
		}
	}
	return all
}

func (w *words) column() []string {
	values := w.values()
	var out []string
	if w.wide != nil {
		for _, k := range w.wide {
			out = append(out, values[k])
		}
		return out
	}
	for _, k := range w.rows {
		out = append(out, values[k])
	}
	return out
}

func textColumn(name string, of func(*Block) []string) column {
	return column{
		name, "String",
		func(e *encoder, bs []*Block) {
			for _, b := range bs {
				for _, s := range of(b) {
					e.text(s)
					if len(e.buf) >= flushSize {
						e.flush()
					}
				}
			}
		},
		func(b *Block) any { return of(b) },
	}
}
