package evtx

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"time"
	"unicode/utf16"
)

// A chunkWriter composes a chunk as Windows lays it out: a name or template stands where it is used for the first time, and
// is referred to from then on.
type chunkWriter struct {
	b         []byte
	names     map[string]uint32
	templates map[string]uint32
	bare      bool // elements have no dependency id
	first     uint64
	last      uint64
	lastAt    int
}

func newChunk() *chunkWriter {
	return &chunkWriter{b: make([]byte, firstRecord), names: map[string]uint32{}, templates: map[string]uint32{}}
}

// A node writes a piece of binary XML.
type node func(w *chunkWriter)

func (w *chunkWriter) u8(v ...byte)  { w.b = append(w.b, v...) }
func (w *chunkWriter) u16(v int)     { w.b = le.AppendUint16(w.b, uint16(v)) }
func (w *chunkWriter) u32(v int)     { w.b = le.AppendUint32(w.b, uint32(v)) }
func (w *chunkWriter) u64(v uint64)  { w.b = le.AppendUint64(w.b, v) }
func (w *chunkWriter) set(at, v int) { le.PutUint32(w.b[at:], uint32(v)) }
func wide(s string) (b []byte) {
	for _, u := range utf16.Encode([]rune(s)) {
		b = le.AppendUint16(b, u)
	}
	return b
}

func (w *chunkWriter) counted(s string) {
	b := wide(s)
	w.u16(len(b) / 2)
	w.u8(b...)
}

func (w *chunkWriter) name(s string) {
	if at, ok := w.names[s]; ok {
		w.u32(int(at))
		return
	}
	at := len(w.b) + 4
	w.u32(at)
	w.names[s] = uint32(at)
	b := wide(s)
	w.u32(0)
	w.u16(int(nameHash(b)))
	w.u16(len(b) / 2)
	w.u8(b...)
	w.u16(0)
}

// el is an element; with no content at all it is an empty one.
func el(name string, attributes []node, content ...node) node {
	return elDep(name, noDependency, attributes, content...)
}

func elDep(name string, dependency int, attributes []node, content ...node) node {
	return func(w *chunkWriter) {
		if attributes == nil {
			w.u8(tokenOpen)
		} else {
			w.u8(tokenOpen | more)
		}
		if !w.bare {
			w.u16(dependency)
		}
		size := len(w.b)
		w.u32(0)
		w.name(name)
		if attributes != nil {
			list := len(w.b)
			w.u32(0)
			for i, a := range attributes {
				at := len(w.b)
				a(w)
				if i < len(attributes)-1 {
					w.b[at] |= more
				}
			}
			w.set(list, len(w.b)-list-4)
		}
		if content == nil {
			w.u8(tokenCloseEmpty)
		} else {
			w.u8(tokenClose)
			for _, c := range content {
				c(w)
			}
			w.u8(tokenEndElement)
		}
		w.set(size, len(w.b)-size-4)
	}
}

func attr(name string, data ...node) node {
	return func(w *chunkWriter) {
		w.u8(tokenAttribute)
		w.name(name)
		for _, d := range data {
			d(w)
		}
	}
}

func text(s string) node {
	return func(w *chunkWriter) { w.u8(tokenValue, typeString); w.counted(s) }
}

func cdata(s string) node { return func(w *chunkWriter) { w.u8(tokenCDATA); w.counted(s) } }
func charRef(v int) node  { return func(w *chunkWriter) { w.u8(tokenCharRef); w.u16(v) } }
func entity(s string) node {
	return func(w *chunkWriter) { w.u8(tokenEntityRef); w.name(s) }
}

func pi(target, data string) node {
	return func(w *chunkWriter) { w.u8(tokenPITarget); w.name(target); w.u8(tokenPIData); w.counted(data) }
}

func sub(index int, kind byte) node { return gap(tokenNormal, index, kind) }
func opt(index int, kind byte) node { return gap(tokenOptional, index, kind) }
func gap(token byte, index int, kind byte) node {
	return func(w *chunkWriter) { w.u8(token); w.u16(index); w.u8(kind) }
}

func raw(b ...byte) node { return func(w *chunkWriter) { w.u8(b...) } }

// A val is a value of a template instance.
type val struct {
	kind byte
	data node
}

func v(kind byte, b ...byte) val { return val{kind, raw(b...)} }
func null() val                  { return v(typeNull) }
func str(s string) val           { return v(typeString, wide(s)...) }
func u16v(n int) val             { return v(typeUint16, le.AppendUint16(nil, uint16(n))...) }
func u32v(n int) val             { return v(typeUint32, le.AppendUint32(nil, uint32(n))...) }
func u64v(kind byte, n uint64) val {
	return v(kind, le.AppendUint64(nil, n)...)
}

// binXML is binary XML as a value.
func binXML(n ...node) val {
	return val{typeBinXML, func(w *chunkWriter) {
		bare := w.bare
		w.bare = true
		for _, x := range n {
			x(w)
		}
		w.u8(tokenEnd)
		w.bare = bare
	}}
}

func fragment(w *chunkWriter) { w.u8(tokenFragment, 1, 1, 0) }

// use is an instance of the template that id names, which is written if the chunk does not have it yet.
func use(id string, definition node, values ...val) node {
	return func(w *chunkWriter) {
		w.u8(tokenInstance, 1)
		w.u32(int(crc32.ChecksumIEEE([]byte(id))))
		if at, ok := w.templates[id]; ok {
			w.u32(int(at))
		} else {
			w.define(id, definition)
		}
		w.u32(len(values))
		descriptors := len(w.b)
		for _, x := range values {
			w.u16(0)
			w.u8(x.kind, 0)
		}
		for i, x := range values {
			at := len(w.b)
			x.data(w)
			le.PutUint16(w.b[descriptors+i*descriptor:], uint16(len(w.b)-at))
		}
	}
}

func (w *chunkWriter) define(id string, definition node) {
	at := len(w.b) + 4
	w.u32(at)
	w.templates[id] = uint32(at)
	w.u32(0)
	w.u8(bytes.Repeat([]byte{0xab}, 16)...)
	size := len(w.b)
	w.u32(0)
	bare := w.bare
	w.bare = false
	fragment(w)
	definition(w)
	w.u8(tokenEnd)
	w.bare = bare
	w.set(size, len(w.b)-size-4)
}

var written = time.Date(2026, 1, 5, 9, 11, 12, 345678900, time.UTC)

func filetime(t time.Time) uint64 {
	return uint64(t.Unix()+11_644_473_600)*10_000_000 + uint64(t.Nanosecond()/100)
}

// record appends a record.
func (w *chunkWriter) record(id uint64, event ...node) *chunkWriter {
	at := len(w.b)
	if w.first == 0 {
		w.first = id
	}
	w.last, w.lastAt = id, at
	w.u8([]byte(recordMagic)...)
	w.u32(0)
	w.u64(id)
	w.u64(filetime(written))
	fragment(w)
	for _, n := range event {
		n(w)
	}
	w.u8(tokenEnd)
	for len(w.b)%8 != 4 {
		w.u8(0)
	}
	size := len(w.b) + 4 - at
	w.u32(size)
	w.set(at+4, size)
	return w
}

// bytes returns the chunk, closed properly.
func (w *chunkWriter) bytes() []byte {
	b := make([]byte, chunkSize)
	copy(b, w.b)
	copy(b, chunkMagic)
	for i, n := range []uint64{w.first, w.last, w.first, w.last} {
		le.PutUint64(b[8+8*i:], n)
	}
	le.PutUint32(b[40:], 128)
	le.PutUint32(b[44:], uint32(w.lastAt))
	le.PutUint32(b[48:], uint32(len(w.b)))
	seal(b)
	return b
}

// seal makes the checksums of a chunk right.
func seal(b []byte) {
	le.PutUint32(b[52:], crc32.ChecksumIEEE(b[firstRecord:le.Uint32(b[48:])]))
	le.PutUint32(b[124:], crc32.Update(crc32.ChecksumIEEE(b[:120]), crc32.IEEETable, b[128:firstRecord]))
}

// A head is what a test says of the file's header.
type head struct {
	oldest, newest uint64
	count          int
	dirty          bool
}

func file(h head, chunks ...[]byte) []byte {
	b := make([]byte, blockSize)
	copy(b, magic)
	le.PutUint64(b[8:], h.oldest)
	le.PutUint64(b[16:], h.newest)
	binary.LittleEndian.PutUint32(b[32:], 128)
	le.PutUint16(b[36:], 1)
	le.PutUint16(b[38:], 3)
	le.PutUint16(b[40:], blockSize)
	le.PutUint16(b[42:], uint16(h.count))
	if h.dirty {
		b[120] = 1
	}
	le.PutUint32(b[124:], crc32.ChecksumIEEE(b[:120]))
	return append(b, bytes.Join(chunks, nil)...)
}

// closed is a file of a log that is not in use.
func closed(chunks ...*chunkWriter) []byte {
	var all [][]byte
	for _, c := range chunks {
		all = append(all, c.bytes())
	}
	return file(head{newest: uint64(len(all) - 1), count: len(all)}, all...)
}

const namespace = "http://schemas.microsoft.com/win/2004/08/events/event"

// system is an event of the Security log as Windows writes it: a template for what all events have, with the data of the
// event as its last value.
func system(record uint64, id int, user val, data val) node {
	return use("system", el("Event", []node{attr("xmlns", text(namespace))},
		el("System", nil,
			el("Provider", []node{attr("Name", text("Microsoft-Windows-Security-Auditing")), attr("Guid", sub(0, typeGUID))}),
			elDep("EventID", 1, []node{attr("Qualifiers", opt(2, typeUint16))}, opt(1, typeUint16)),
			elDep("Version", 3, nil, opt(3, typeUint8)),
			el("Keywords", nil, opt(4, typeHex64)),
			el("TimeCreated", []node{attr("SystemTime", opt(5, typeFiletime))}),
			el("EventRecordID", nil, opt(6, typeUint64)),
			el("Correlation", []node{attr("ActivityID", opt(7, typeGUID))}),
			el("Execution", []node{attr("ProcessID", opt(8, typeUint32)), attr("ThreadID", opt(9, typeUint32))}),
			el("Channel", nil, text("Security")),
			el("Computer", nil, opt(10, typeString)),
			el("Security", []node{attr("UserID", opt(11, typeSID))})),
		opt(12, typeBinXML)),
		v(typeGUID, 0x25, 0x96, 0x84, 0x54, 0x78, 0x54, 0x94, 0x49, 0xa5, 0xba, 0x3e, 0x3b, 0x03, 0x28, 0xc3, 0x0d),
		u16v(id), null(), v(typeUint8, 1), u64v(typeHex64, 0x8010000000000000), u64v(typeFiletime, filetime(written)),
		u64v(typeUint64, record), null(), u32v(4), u32v(4520), str("mx1.example.net"), user, data)
}

// blocked is the data of event 5157.
func blocked(dest string, port int) val {
	names := []string{
		"ProcessID", "Application", "Direction", "SourceAddress", "SourcePort", "DestAddress", "DestPort", "Protocol", "FilterRTID", "LayerName",
		"LayerRTID",
	}
	kinds := []byte{typeUint64, typeString, typeString, typeString, typeUint16, typeString, typeUint16, typeUint32, typeUint64, typeString, typeUint64}
	var content []node
	for i, n := range names {
		content = append(content, el("Data", []node{attr("Name", text(n))}, sub(i, kinds[i])))
	}
	return binXML(fragment, use("5157", el("EventData", nil, content...),
		u64v(typeUint64, 11188), str(`\device\harddiskvolume2\mail\edge.exe`), str("%%14593"), str("192.0.2.25"), u16v(61005), str(dest), u16v(port),
		u32v(6), u64v(typeUint64, 110398), str("%%14611"), u64v(typeUint64, 48)))
}

func event5157(record uint64) node { return system(record, 5157, null(), blocked("203.0.113.19", 25)) }

// chunkOf is a chunk with events of the ids from to to.
func chunkOf(from, to uint64) *chunkWriter {
	w := newChunk()
	for id := from; id <= to; id++ {
		w.record(id, event5157(id))
	}
	return w
}

// full is a chunk with as many events as there is room for.
func full(from uint64) *chunkWriter {
	w := newChunk()
	for id := from; len(w.b) < chunkSize-1200; id++ {
		w.record(id, event5157(id))
	}
	return w
}
