package evtx

import (
	"bytes"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// Types of values, [MS-EVEN6] 2.2.12 and 3.1.4.7.3. With the flag the value is an array of that type.
const (
	typeNull     = 0x00
	typeString   = 0x01
	typeANSI     = 0x02
	typeInt8     = 0x03
	typeUint8    = 0x04
	typeInt16    = 0x05
	typeUint16   = 0x06
	typeInt32    = 0x07
	typeUint32   = 0x08
	typeInt64    = 0x09
	typeUint64   = 0x0a
	typeReal32   = 0x0b
	typeReal64   = 0x0c
	typeBool     = 0x0d
	typeBinary   = 0x0e
	typeGUID     = 0x0f
	typeSize     = 0x10
	typeFiletime = 0x11
	typeSystime  = 0x12
	typeSID      = 0x13
	typeHex32    = 0x14
	typeHex64    = 0x15
	typeBinXML   = 0x21
	typeXML      = 0x23
	arrayFlag    = 0x80
)

// fixedSize returns the length of a type's values, 0 if they have none of their own.
func fixedSize(kind byte) int {
	switch kind {
	case typeInt8, typeUint8:
		return 1
	case typeInt16, typeUint16:
		return 2
	case typeInt32, typeUint32, typeReal32, typeBool, typeHex32:
		return 4
	case typeInt64, typeUint64, typeReal64, typeFiletime, typeHex64:
		return 8
	case typeGUID, typeSystime:
		return 16
	}
	return 0
}

// cutItem takes the first item off an array. An empty array has one item, which is null; there is none behind the last.
func cutItem(data []byte, rest *value) (item value, ok bool) {
	kind := rest.kind &^ arrayFlag
	d := data[rest.from:rest.to]
	if len(d) == 0 {
		return value{}, true
	}
	item = value{kind: kind, from: rest.from, to: rest.to}
	n := len(d) // also where no item can be told from the next
	switch size := fixedSize(kind); {
	case kind == typeString:
		n = len(d)
		for i := 0; i+1 < len(d); i += 2 {
			if d[i] == 0 && d[i+1] == 0 {
				item.to = rest.from + int32(i)
				n = i + 2
				break
			}
		}
	case kind == typeANSI:
		if i := bytes.IndexByte(d, 0); i >= 0 {
			item.to = rest.from + int32(i)
			n = i + 1
		}
	case kind == typeSID && len(d) >= 2 && 8+4*int(d[1]) <= len(d):
		n = 8 + 4*int(d[1])
		item.to = rest.from + int32(n)
	case size > 0 && size <= len(d):
		n = size
		item.to = rest.from + int32(n)
	}
	rest.from += int32(n)
	return item, true
}

// appendScalar appends a value as Windows prints it. Values of no length are empty whatever their type.
func appendScalar(out []byte, kind byte, d []byte, attribute bool) ([]byte, error) {
	if len(d) == 0 || kind == typeNull {
		return out, nil
	}
	switch kind {
	case typeString, typeXML:
		return appendText(out, d, attribute), nil
	case typeANSI:
		return appendANSI(out, d, attribute), nil
	case typeInt8, typeInt16, typeInt32, typeInt64:
		v, err := number(d)
		if err != nil {
			return out, err
		}
		shift := 64 - 8*len(d)
		return strconv.AppendInt(out, int64(v<<shift)>>shift, 10), nil
	case typeUint8, typeUint16, typeUint32, typeUint64:
		v, err := number(d)
		return strconv.AppendUint(out, v, 10), err
	case typeHex32, typeHex64, typeSize:
		v, err := number(d)
		return strconv.AppendUint(append(out, "0x"...), v, 16), err
	case typeBool:
		v, err := number(d)
		return strconv.AppendBool(out, v != 0), err
	case typeReal32:
		v, err := number(d)
		return appendReal(out, float64(math.Float32frombits(uint32(v))), 32), err
	case typeReal64:
		v, err := number(d)
		return appendReal(out, math.Float64frombits(v), 64), err
	case typeGUID:
		return appendGUID(out, d)
	case typeFiletime:
		if len(d) != 8 {
			return out, errType
		}
		return appendFiletime(out, le.Uint64(d)), nil
	case typeSystime:
		return appendSystime(out, d)
	case typeSID:
		return appendSID(out, d)
	}
	return appendHex(out, d, "0123456789ABCDEF"), nil // binary, and what is not known
}

// number reads an integer of any length that integers have: writers do not always give that of the type.
func number(d []byte) (uint64, error) {
	switch len(d) {
	case 1:
		return uint64(d[0]), nil
	case 2:
		return uint64(le.Uint16(d)), nil
	case 4:
		return uint64(le.Uint32(d)), nil
	case 8:
		return le.Uint64(d), nil
	}
	return 0, errType
}

func appendHex(out, d []byte, digits string) []byte {
	for _, b := range d {
		out = append(out, digits[b>>4], digits[b&15])
	}
	return out
}

// appendReal writes infinities and what is no number as the C library of Windows does.
func appendReal(out []byte, v float64, bits int) []byte {
	switch {
	case math.IsInf(v, 1):
		return append(out, "1.#INF"...)
	case math.IsInf(v, -1):
		return append(out, "-1.#INF"...)
	case math.IsNaN(v):
		return append(out, "-1.#IND"...)
	}
	return strconv.AppendFloat(out, v, 'g', -1, bits)
}

func appendGUID(out, d []byte) ([]byte, error) {
	if len(d) != 16 {
		return out, errType
	}
	const digits = "0123456789abcdef"
	// The first three groups are little-endian numbers.
	b := [16]byte{d[3], d[2], d[1], d[0], d[5], d[4], d[7], d[6]}
	copy(b[8:], d[8:])
	out = append(out, '{')
	for i, group := range [][]byte{b[:4], b[4:6], b[6:8], b[8:10], b[10:]} {
		if i > 0 {
			out = append(out, '-')
		}
		out = appendHex(out, group, digits)
	}
	return append(out, '}'), nil
}

// appendFiletime writes a count of 100 ns since 1601.
func appendFiletime(out []byte, ticks uint64) []byte {
	const second, from1601 = 10_000_000, 11_644_473_600
	t := time.Unix(int64(ticks/second)-from1601, 0).UTC()
	year, month, day := t.Date()
	hour, minute, sec := t.Clock()
	out = appendStamp(out, year, int(month), day, hour, minute, sec)
	out = appendDigits(append(out, '.'), int(ticks%second), 7)
	return append(out, 'Z')
}

func appendSystime(out, d []byte) ([]byte, error) {
	if len(d) != 16 {
		return out, errType
	}
	at := func(i int) int { return int(le.Uint16(d[2*i:])) }
	out = appendStamp(out, at(0), at(1), at(3), at(4), at(5), at(6))
	out = appendDigits(append(out, '.'), at(7), 3)
	return append(out, 'Z'), nil
}

func appendStamp(out []byte, year, month, day, hour, minute, sec int) []byte {
	out = append(appendDigits(out, year, 4), '-')
	out = append(appendDigits(out, month, 2), '-')
	out = append(appendDigits(out, day, 2), 'T')
	out = append(appendDigits(out, hour, 2), ':')
	out = append(appendDigits(out, minute, 2), ':')
	return appendDigits(out, sec, 2)
}

// appendDigits writes v with leading zeros, and with more digits than that if it has more.
func appendDigits(out []byte, v, digits int) []byte {
	for p := int(math.Pow10(digits - 1)); p > 1 && v < p; p /= 10 {
		out = append(out, '0')
	}
	return strconv.AppendInt(out, int64(v), 10)
}

// appendSID writes a security identifier: [MS-DTYP] 2.4.2.
func appendSID(out, d []byte) ([]byte, error) {
	if len(d) < 8 || len(d) < 8+4*int(d[1]) {
		return out, errType
	}
	out = strconv.AppendUint(append(out, "S-"...), uint64(d[0]), 10)
	out = append(out, '-')
	authority := uint64(0)
	for _, b := range d[2:8] {
		authority = authority<<8 | uint64(b)
	}
	if authority>>32 == 0 {
		out = strconv.AppendUint(out, authority, 10)
	} else {
		out = appendHex(append(out, "0x"...), d[2:8], "0123456789ABCDEF")
	}
	for i := range int(d[1]) {
		out = strconv.AppendUint(append(out, '-'), uint64(le.Uint32(d[8+4*i:])), 10)
	}
	return out, nil
}

// appendANSI writes text of a code page that the file does not name: only what all of them share is certain, unless it
// is UTF-8.
func appendANSI(out, d []byte, attribute bool) []byte {
	d = bytes.TrimRight(d, "\x00")
	if utf8.Valid(d) {
		for _, r := range string(d) {
			out = appendRune(out, r, attribute)
		}
		return out
	}
	for _, b := range d {
		r := rune(b)
		if b >= utf8.RuneSelf {
			r = utf8.RuneError
		}
		out = appendRune(out, r, attribute)
	}
	return out
}
