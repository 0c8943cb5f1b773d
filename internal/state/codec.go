package state

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"
)

// A codec reads and writes the values of one type at an address. Unexported fields have no other way in: package reflect
// gives their values, but takes none.
type codec struct {
	typ  reflect.Type
	size uintptr
	min  uintptr // the fewest bytes that a value takes when written
	// plain values are their bytes in memory: no pointers, no padding, and no bytes that could be wrong.
	plain bool
	// key says that equal values have equal bytes: fit for the key of a map.
	key bool
	enc func(e *encoder, p unsafe.Pointer)
	dec func(d *decoder, p unsafe.Pointer)

	fingerprint [headSize]byte // set on those that were asked for by name
}

var (
	codecsMu sync.Mutex
	codecs   = map[reflect.Type]*codec{} // that Save or Load was called for
)

// codecOf returns the codec of t with its fingerprint.
func codecOf(t reflect.Type) (*codec, error) {
	codecsMu.Lock()
	defer codecsMu.Unlock()
	if c := codecs[t]; c != nil {
		return c, nil
	}
	b := builder{made: map[reflect.Type]*codec{}}
	c, err := b.codec(t, t.String())
	if err != nil {
		return nil, err
	}
	d := description{seen: map[reflect.Type]int{}}
	// The bytes of numbers are those in memory, which other processors order in other ways.
	one := uint16(1)
	fmt.Fprintf(&d.text, "1 %d %d ", *(*byte)(unsafe.Pointer(&one)), strconv.IntSize)
	d.of(t)
	sum := sha256.Sum256([]byte(d.text.String()))
	c.fingerprint = [headSize]byte(sum[:])
	codecs[t] = c
	return c, nil
}

// builder makes the codecs of a type and of all it leads to.
type builder struct {
	made map[reflect.Type]*codec
}

var (
	addrType     = reflect.TypeFor[netip.Addr]()
	prefixType   = reflect.TypeFor[netip.Prefix]()
	timeType     = reflect.TypeFor[time.Time]()
	locationType = reflect.TypeFor[*time.Location]()
	checkerType  = reflect.TypeFor[Checker]()
	versionType  = reflect.TypeFor[Versioned]()
)

// codec returns the codec of t, which may still be in the making where types lead back to themselves; path says where it
// was met.
func (b *builder) codec(t reflect.Type, path string) (*codec, error) {
	if c := b.made[t]; c != nil {
		return c, nil
	}
	c := &codec{typ: t, size: t.Size()}
	b.made[t] = c
	if err := b.build(c, path); err != nil {
		return nil, err
	}
	if reflect.PointerTo(t).Implements(checkerType) {
		c.checked()
	}
	return c, nil
}

// checked makes the values ask their own check when they were read. They are no longer only bytes.
func (c *codec) checked() {
	if c.plain {
		c.plain = false
		c.enc, c.dec = plainCodec(c.size)
	}
	dec := c.dec
	c.dec = func(d *decoder, p unsafe.Pointer) {
		dec(d, p)
		if d.err != nil {
			return
		}
		if err := reflect.NewAt(c.typ, p).Interface().(Checker).CheckState(); err != nil {
			d.fail("%v: %w", c.typ, err)
		}
	}
}

func (b *builder) build(c *codec, path string) error {
	t := c.typ
	switch t {
	case addrType:
		c.min, c.key, c.enc, c.dec = 1, true, encAddr, decAddr
		return nil
	case prefixType:
		c.min, c.key, c.enc, c.dec = 3, true, encPrefix, decPrefix
		return nil
	case timeType:
		c.min, c.enc, c.dec = 13, encTime, decTime
		return nil
	case locationType:
		c.min, c.enc, c.dec = 1, encLocation, decLocation
		return nil
	}
	if p := t.PkgPath(); p == "sync" || p == "sync/atomic" || p == "unique" || p == "weak" {
		return b.refuse(t, path)
	}
	switch t.Kind() {
	case reflect.Bool:
		c.min, c.key, c.enc, c.dec = 1, true, encBool, decBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		c.min, c.plain, c.key = c.size, true, true
	case reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		c.min, c.plain = c.size, true
	case reflect.String:
		c.min, c.key, c.enc, c.dec = 1, true, encString, decString
	case reflect.Struct:
		return b.structure(c, path)
	case reflect.Array:
		return b.array(c, path)
	case reflect.Slice:
		return b.slice(c, path)
	case reflect.Map:
		return b.mapping(c, path)
	case reflect.Pointer:
		return b.pointer(c, path)
	default:
		return b.refuse(t, path)
	}
	if c.plain {
		c.enc, c.dec = plainCodec(c.size)
	}
	return nil
}

func (b *builder) refuse(t reflect.Type, path string) error {
	return fmt.Errorf(`%s: a %v cannot be saved (hint: state:"-" leaves a field out)`, path, t)
}

// savedFields yields the fields of a struct that are saved.
func savedFields(t reflect.Type) ([]reflect.StructField, error) {
	var out []reflect.StructField
	for i := range t.NumField() {
		f := t.Field(i)
		switch tag, ok := f.Tag.Lookup("state"); {
		case ok && tag != "-":
			return nil, fmt.Errorf("%v.%s: unknown tag state:%q", t, f.Name, tag)
		case ok, f.Name == "_":
		default:
			out = append(out, f)
		}
	}
	return out, nil
}

// step is a part of a struct that is read and written at once: one field, or neighbours that are plain.
type step struct {
	offset uintptr
	size   uintptr // of a plain step
	codec  *codec  // nil: plain
}

func (b *builder) structure(c *codec, path string) error {
	fields, err := savedFields(c.typ)
	if err != nil {
		return err
	}
	var steps []step
	c.key = true
	var covered uintptr
	for _, f := range fields {
		fc, err := b.codec(f.Type, path+"."+f.Name)
		if err != nil {
			return err
		}
		c.key = c.key && fc.key
		c.min += fc.min
		last := len(steps) - 1
		switch {
		case !fc.plain:
			steps = append(steps, step{offset: f.Offset, codec: fc})
			continue
		case fc.size >= sparseSize:
			steps = append(steps, step{offset: f.Offset, codec: fc})
		case last >= 0 && steps[last].codec == nil && steps[last].offset+steps[last].size == f.Offset &&
			steps[last].size+fc.size < sparseSize:
			steps[last].size += fc.size
		default:
			steps = append(steps, step{offset: f.Offset, size: fc.size})
		}
		covered += fc.size
	}
	if c.size > 0 && covered == c.size && len(fields) == c.typ.NumField() {
		c.plain, c.min = true, plainMin(c.size)
		c.enc, c.dec = plainCodec(c.size)
		return nil
	}
	c.enc = func(e *encoder, p unsafe.Pointer) {
		for i := range steps {
			s := &steps[i]
			if s.codec == nil {
				e.out = append(e.out, unsafe.Slice((*byte)(unsafe.Add(p, s.offset)), s.size)...)
			} else {
				s.codec.enc(e, unsafe.Add(p, s.offset))
			}
		}
	}
	c.dec = func(d *decoder, p unsafe.Pointer) {
		for i := range steps {
			s := &steps[i]
			if s.codec == nil {
				d.copy(unsafe.Slice((*byte)(unsafe.Add(p, s.offset)), s.size))
			} else if d.err == nil {
				s.codec.dec(d, unsafe.Add(p, s.offset))
			}
		}
	}
	return nil
}

func (b *builder) array(c *codec, path string) error {
	elem, err := b.codec(c.typ.Elem(), path+"[]")
	if err != nil {
		return err
	}
	n := uintptr(c.typ.Len())
	c.key = elem.key
	if elem.plain && c.size > 0 {
		c.plain, c.min = true, plainMin(c.size)
		c.enc, c.dec = plainCodec(c.size)
		return nil
	}
	c.min = n * elem.min
	c.enc = func(e *encoder, p unsafe.Pointer) {
		for i := range n {
			elem.enc(e, unsafe.Add(p, i*elem.size))
		}
	}
	c.dec = func(d *decoder, p unsafe.Pointer) {
		for i := uintptr(0); i < n && d.err == nil; i++ {
			elem.dec(d, unsafe.Add(p, i*elem.size))
		}
	}
	return nil
}

// description spells a type's layout: the names of fields and the kinds of types, not the names of types.
type description struct {
	text strings.Builder
	seen map[reflect.Type]int
}

func (d *description) of(t reflect.Type) {
	if n, ok := d.seen[t]; ok {
		fmt.Fprintf(&d.text, "#%d", n)
		return
	}
	d.seen[t] = len(d.seen)
	if t.Implements(versionType) && t.Kind() != reflect.Pointer {
		fmt.Fprintf(&d.text, "v%d ", reflect.Zero(t).Interface().(Versioned).StateVersion())
	}
	switch t {
	case addrType, prefixType, timeType, locationType:
		d.text.WriteString(t.String())
		return
	}
	d.text.WriteString(t.Kind().String())
	switch t.Kind() {
	case reflect.Struct:
		d.text.WriteByte('{')
		fields, _ := savedFields(t) // the codec was made of the same
		for _, f := range fields {
			d.text.WriteString(f.Name + " ")
			d.of(f.Type)
			d.text.WriteByte(';')
		}
		d.text.WriteByte('}')
	case reflect.Array:
		fmt.Fprintf(&d.text, "%d ", t.Len())
		d.of(t.Elem())
	case reflect.Slice, reflect.Pointer:
		d.text.WriteByte(' ')
		d.of(t.Elem())
	case reflect.Map:
		d.text.WriteByte(' ')
		d.of(t.Key())
		d.text.WriteByte(' ')
		d.of(t.Elem())
	}
}

var errKey = errors.New("keys of maps must hold something, but no pointers, floats or times")
