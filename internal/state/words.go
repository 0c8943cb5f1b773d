package state

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync"
	"time"
	"unsafe"
)

func encBool(e *encoder, p unsafe.Pointer) { e.out = append(e.out, *(*byte)(p)) }

func decBool(d *decoder, p unsafe.Pointer) {
	b := d.byte()
	if b > 1 {
		d.fail("a truth of %d", b)
		return
	}
	*(*bool)(p) = b == 1
}

func encString(e *encoder, p unsafe.Pointer) {
	s := *(*string)(p)
	e.used += uint64(len(s))
	e.out = binary.AppendUvarint(e.out, uint64(len(s)))
	e.out = append(e.out, s...)
}

func decString(d *decoder, p unsafe.Pointer) { *(*string)(p) = d.string() }

func (d *decoder) string() string {
	n := d.uvarint()
	if !d.allocate(n, 1) {
		return ""
	}
	return string(d.take(n))
}

// encAddr writes how many bits the address has, in bytes, and the address; one more for a zone, which follows.
func encAddr(e *encoder, p unsafe.Pointer) {
	a := *(*netip.Addr)(p)
	switch {
	case !a.IsValid():
		e.out = append(e.out, 0)
	case a.Is4():
		b := a.As4()
		e.out = append(append(e.out, 4), b[:]...)
	case a.Zone() == "":
		b := a.As16()
		e.out = append(append(e.out, 16), b[:]...)
	default:
		b, zone := a.As16(), a.Zone()
		e.out = append(append(e.out, 17), b[:]...)
		encString(e, unsafe.Pointer(&zone))
	}
}

func decAddr(d *decoder, p unsafe.Pointer) {
	var a netip.Addr
	switch n := d.byte(); n {
	case 0:
	case 4:
		var b [4]byte
		d.copy(b[:])
		a = netip.AddrFrom4(b)
	case 16, 17:
		var b [16]byte
		d.copy(b[:])
		a = netip.AddrFrom16(b)
		if n == 17 {
			a = a.WithZone(d.string())
			if a.Zone() == "" {
				d.fail("an address without its zone")
			}
		}
	default:
		d.fail("an address of %d bytes", n)
	}
	*(*netip.Addr)(p) = a
}

func encPrefix(e *encoder, p unsafe.Pointer) {
	x := *(*netip.Prefix)(p)
	a := x.Addr()
	encAddr(e, unsafe.Pointer(&a))
	e.out = binary.LittleEndian.AppendUint16(e.out, uint16(int16(x.Bits())))
}

func decPrefix(d *decoder, p unsafe.Pointer) {
	var a netip.Addr
	decAddr(d, unsafe.Pointer(&a))
	var b [2]byte
	d.copy(b[:])
	bits := int(int16(binary.LittleEndian.Uint16(b[:])))
	x := netip.PrefixFrom(a, bits)
	if x.Bits() != bits || x.Addr() != a {
		d.fail("a prefix of %d bits", bits)
	}
	*(*netip.Prefix)(p) = x
}

func encTime(e *encoder, p unsafe.Pointer) {
	t := *(*time.Time)(p)
	e.out = binary.LittleEndian.AppendUint64(e.out, uint64(t.Unix()))
	e.out = binary.LittleEndian.AppendUint32(e.out, uint32(t.Nanosecond()))
	e.location(t.Location())
}

func decTime(d *decoder, p unsafe.Pointer) {
	var b [12]byte
	d.copy(b[:])
	nanos := binary.LittleEndian.Uint32(b[8:])
	zone := d.location()
	if nanos > 999_999_999 || zone == nil {
		d.fail("no time")
	}
	if d.err == nil {
		*(*time.Time)(p) = time.Unix(int64(binary.LittleEndian.Uint64(b[:])), int64(nanos)).In(zone)
	}
}

func encLocation(e *encoder, p unsafe.Pointer) { e.location(*(**time.Location)(p)) }

func decLocation(d *decoder, p unsafe.Pointer) { *(**time.Location)(p) = d.location() }

// What a location is written as.
const (
	noZone byte = iota
	utcZone
	localZone // of the machine, whatever that is when the state is loaded
	namedZone
	fixedZone // its name, and seconds east of UTC
)

// zone is what a fixed zone has.
type zone struct {
	name   string
	offset int32
}

func (e *encoder) location(l *time.Location) {
	switch {
	case l == nil:
		e.out = append(e.out, noZone)
		return
	case l == time.UTC:
		e.out = append(e.out, utcZone)
		return
	case l == time.Local:
		e.out = append(e.out, localZone)
		return
	}
	name := l.String()
	at := time.Unix(0, 0).In(l)
	abbreviation, offset := at.Zone()
	if start, end := at.ZoneBounds(); start.IsZero() && end.IsZero() && abbreviation == name {
		e.out = append(e.out, fixedZone)
		encString(e, unsafe.Pointer(&name))
		e.out = binary.LittleEndian.AppendUint32(e.out, uint32(int32(offset)))
		return
	}
	if _, err := named(name); err != nil {
		e.fail(err)
	}
	e.out = append(e.out, namedZone)
	encString(e, unsafe.Pointer(&name))
}

func (d *decoder) location() *time.Location {
	switch kind := d.byte(); kind {
	case noZone:
		return nil
	case utcZone:
		return time.UTC
	case localZone:
		return time.Local
	case namedZone:
		l, err := named(d.string())
		if err != nil {
			d.fail("%w", err)
		}
		return l
	case fixedZone:
		z := zone{name: d.string()}
		var b [4]byte
		d.copy(b[:])
		z.offset = int32(binary.LittleEndian.Uint32(b[:]))
		l := d.zones[z]
		if l == nil {
			l = time.FixedZone(z.name, int(z.offset))
			if d.zones == nil {
				d.zones = map[zone]*time.Location{}
			}
			d.zones[z] = l
		}
		return l
	default:
		d.fail("a time zone of kind %d", kind)
		return nil
	}
}

// zones are those of the time zone database that were asked for: there are some 600.
var zones sync.Map

func named(name string) (*time.Location, error) {
	if l, ok := zones.Load(name); ok {
		return l.(*time.Location), nil
	}
	if name == "" || name == "UTC" || name == "Local" || len(name) > 64 {
		return nil, fmt.Errorf("no zone of the time zone database: %.70q", name)
	}
	l, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("time zone: %w", err)
	}
	zones.Store(name, l)
	return l, nil
}
