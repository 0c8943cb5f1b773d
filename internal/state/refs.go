package state

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
	"unsafe"
)

// header is how the runtime lays out a slice.
type header struct {
	data     unsafe.Pointer
	len, cap int
}

func (b *builder) pointer(c *codec, path string) error {
	c.min = 1 // known before the element's codec, which may ask for it
	elem, err := b.codec(c.typ.Elem(), path)
	if err != nil {
		return err
	}
	c.enc = func(e *encoder, p unsafe.Pointer) {
		to := *(*unsafe.Pointer)(p)
		if to == nil {
			e.out = append(e.out, 0)
			return
		}
		if elem.size == 0 { // all of them have one address
			e.out = append(e.out, 1)
			return
		}
		if e.refer(c.typ, to, 1) {
			e.object(to, elem.size)
			if e.enter() {
				elem.enc(e, to)
			}
			e.depth--
		}
	}
	c.dec = func(d *decoder, p unsafe.Pointer) {
		o, isNew := d.refer(c.typ)
		if !isNew {
			*(*unsafe.Pointer)(p) = o.p
			return
		}
		to := *(*unsafe.Pointer)(p)
		if !d.allocate(1, elem.size) {
			return
		}
		if to == nil || d.taken[to] {
			to = reflect.New(elem.typ).UnsafePointer()
		} else {
			d.taken[to] = true
		}
		*(*unsafe.Pointer)(p) = to
		if elem.size == 0 {
			return
		}
		d.objects = append(d.objects, object{typ: c.typ, p: to})
		if d.enter() {
			elem.dec(d, to)
		}
		d.depth--
	}
	return nil
}

func (b *builder) slice(c *codec, path string) error {
	c.min = 1 // known before the element's codec, which may ask for it
	elem, err := b.codec(c.typ.Elem(), path+"[]")
	if err != nil {
		return err
	}
	if elem.min == 0 { // nothing would stand behind a length
		return b.refuse(c.typ, path)
	}
	c.enc = func(e *encoder, p unsafe.Pointer) {
		h := (*header)(p)
		switch {
		case h.data == nil:
			e.out = append(e.out, 0)
			return
		case h.len == 0: // has no object: it shares nothing
			e.out = append(e.out, 1, 0)
			return
		case !e.refer(c.typ, h.data, h.len):
			e.out = binary.AppendUvarint(e.out, uint64(h.len))
			return
		}
		e.out = binary.AppendUvarint(e.out, uint64(h.len))
		e.object(h.data, uintptr(h.len)*elem.size)
		if elem.plain {
			if b := bytesAt(h.data, uintptr(h.len)*elem.size); len(b) < sparseSize {
				e.out = append(e.out, b...)
			} else {
				e.out = appendSparse(e.out, b)
			}
			return
		}
		if e.enter() {
			for i := range h.len {
				elem.enc(e, unsafe.Add(h.data, uintptr(i)*elem.size))
			}
		}
		e.depth--
	}
	c.dec = func(d *decoder, p unsafe.Pointer) { d.slice(c, elem, (*header)(p)) }
	return nil
}

func (d *decoder) slice(c, elem *codec, h *header) {
	o, isNew := d.refer(c.typ)
	switch {
	case d.err != nil:
		return
	case !isNew && o.p == nil:
		*h = header{}
		return
	case !isNew:
		if n := d.uvarint(); n != uint64(o.n) {
			d.fail("a slice of %d values has %d elsewhere", o.n, n)
			return
		}
		*h = header{o.p, o.n, o.n}
		return
	}
	var many uint64
	if elem.plain { // may be written in fewer bytes than it has
		many = d.uvarint()
	} else {
		many = uint64(d.length(elem.min))
	}
	if !d.allocate(many, elem.size) {
		return
	}
	n, size := int(many), uintptr(many)*elem.size
	if elem.plain && size < sparseSize && size > uintptr(len(d.in)) {
		d.fail("it ends early")
		return
	}
	data := reflect.MakeSlice(c.typ, n, n).UnsafePointer()
	*h = header{data, n, n}
	if n == 0 {
		return
	}
	d.objects = append(d.objects, object{typ: c.typ, p: data, n: n})
	switch {
	case elem.plain && size < sparseSize:
		d.copy(bytesAt(data, size))
	case elem.plain:
		d.sparse(bytesAt(data, size))
	case d.enter():
		for i := uintptr(0); i < uintptr(n) && d.err == nil; i++ {
			elem.dec(d, unsafe.Add(data, i*elem.size))
		}
		d.depth--
	}
}

func (b *builder) mapping(c *codec, path string) error {
	c.min = 1 // known before the element's codec, which may ask for it
	key, err := b.codec(c.typ.Key(), path+" (key)")
	if err != nil {
		return err
	}
	value, err := b.codec(c.typ.Elem(), path+"[]")
	if err != nil {
		return err
	}
	if !key.key || key.min == 0 {
		return fmt.Errorf("%s: %v: %w", path, c.typ, errKey)
	}
	values := reflect.SliceOf(value.typ)
	c.enc = func(e *encoder, p unsafe.Pointer) { e.mapping(key, value, values, reflect.NewAt(c.typ, p).Elem()) }
	c.dec = func(d *decoder, p unsafe.Pointer) { d.mapping(c, key, value, reflect.NewAt(c.typ, p).Elem()) }
	return nil
}

// mapping writes m in the order of its keys' bytes.
func (e *encoder) mapping(key, value *codec, values reflect.Type, m reflect.Value) {
	if m.IsNil() {
		e.out = append(e.out, 0)
		return
	}
	if !e.refer(m.Type(), m.UnsafePointer(), 1) {
		return
	}
	n := m.Len()
	e.used += uint64(n) * uint64(key.size+value.size)
	e.out = binary.AppendUvarint(e.out, uint64(n))
	if n == 0 {
		return
	}
	defer func() { e.depth-- }()
	if !e.enter() {
		return
	}
	var vs reflect.Value
	if value.size > 0 {
		vs = reflect.MakeSlice(values, n, n)
	}
	keys, first := len(e.keys), len(e.entries)
	e.sortKeys(key, m, vs)
	for i := range n {
		k := e.entries[first+i] // the slice may have moved
		e.out = append(e.out, e.keys[k.from:k.to]...)
		if value.size > 0 {
			value.enc(e, unsafe.Add(vs.UnsafePointer(), uintptr(k.value)*value.size))
		}
	}
	e.keys, e.entries = e.keys[:keys], e.entries[:first]
}

// sortKeys appends m's entries in order to e.entries, and its values to vs.
func (e *encoder) sortKeys(key *codec, m, vs reflect.Value) {
	first := len(e.entries)
	k := reflect.New(key.typ)
	// Keys hold no maps: while they are written, nothing else uses e.keys.
	out := e.out
	e.out = e.keys
	iter := m.MapRange()
	for i := 0; iter.Next(); i++ {
		k.Elem().SetIterKey(iter)
		if vs.IsValid() {
			vs.Index(i).SetIterValue(iter)
		}
		from := len(e.out)
		key.enc(e, k.UnsafePointer())
		var prefix [8]byte
		copy(prefix[:], e.out[from:])
		e.entries = append(e.entries, entry{binary.BigEndian.Uint64(prefix[:]), from, len(e.out), i})
	}
	e.keys, e.out = e.out, out
	slices.SortFunc(e.entries[first:], func(a, b entry) int {
		if a.prefix != b.prefix {
			return cmp.Compare(a.prefix, b.prefix)
		}
		return bytes.Compare(e.keys[a.from:a.to], e.keys[b.from:b.to])
	})
}

// mapping reads a map into m, as a new one.
func (d *decoder) mapping(c, key, value *codec, m reflect.Value) {
	o, isNew := d.refer(c.typ)
	switch {
	case d.err != nil:
		return
	case !isNew && !o.m.IsValid():
		m.SetZero()
		return
	case !isNew:
		m.Set(o.m)
		return
	}
	n := d.length(key.min + value.min)
	if !d.allocate(uint64(n), key.size+value.size) {
		return
	}
	made := reflect.MakeMapWithSize(c.typ, n)
	m.Set(made)
	d.objects = append(d.objects, object{typ: c.typ, m: made})
	if !d.enter() {
		return
	}
	k, v := reflect.New(key.typ), reflect.New(value.typ)
	var before []byte
	for i := 0; i < n && d.err == nil; i++ {
		k.Elem().SetZero()
		v.Elem().SetZero() // else pointers would be filled in place
		from := d.in
		key.dec(d, k.UnsafePointer())
		if d.err != nil {
			return
		}
		now := from[:len(from)-len(d.in)]
		if i > 0 && bytes.Compare(before, now) >= 0 {
			d.fail("keys are not in order")
			return
		}
		before = now
		if value.size > 0 {
			value.dec(d, v.UnsafePointer())
		}
		made.SetMapIndex(k.Elem(), v.Elem())
	}
	d.depth--
}
