package evtx

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"testing"

	"mailstop/internal/golden"
)

// plain is an event with nothing but content.
func plain(content ...node) node { return el("Event", nil, content...) }

func data(n node) node { return el("Data", nil, n) }

// types is a record with a value of each type, as itself and, where there are such, as an array.
func types() *chunkWriter {
	sid := []byte{1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0}
	big := []byte{1, 1, 1, 2, 3, 4, 5, 6, 7, 0, 0, 0}
	guid := []byte{0x78, 0x56, 0x34, 0x12, 0xbc, 0x9a, 0xf0, 0xde, 1, 2, 3, 4, 5, 6, 7, 8}
	systime := []byte{0xea, 7, 1, 0, 1, 0, 5, 0, 9, 0, 11, 0, 12, 0, 0x59, 1}
	values := []val{
		null(), str("text"), v(typeANSI, []byte("ansi")...), v(typeANSI, 'g', 'r', 0xfc, 0xdf, 0),
		v(typeInt8, 0x80), v(typeUint8, 0x80), v(typeInt16, 0xfe, 0xff), v(typeUint16, 0xfe, 0xff),
		v(typeInt32, 0xff, 0xff, 0xff, 0xff), v(typeUint32, 0xff, 0xff, 0xff, 0xff),
		u64v(typeInt64, 1<<63), u64v(typeUint64, 1<<63),
		v(typeReal32, le.AppendUint32(nil, math.Float32bits(1.5))...), u64v(typeReal64, math.Float64bits(-0.1)),
		u64v(typeReal64, math.Float64bits(math.Inf(1))), u64v(typeReal64, math.Float64bits(math.Inf(-1))), u64v(typeReal64, math.Float64bits(math.NaN())),
		v(typeBool, 1, 0, 0, 0), v(typeBool, 0, 0, 0, 0), v(typeBool, 1),
		v(typeBinary, 0xde, 0xad, 0xbe, 0xef), v(typeGUID, guid...),
		v(typeSize, 0x10, 0x27, 0, 0), u64v(typeSize, 10000),
		u64v(typeFiletime, filetime(written)), u64v(typeFiletime, 0), v(typeSystime, systime...),
		v(typeSID, sid...), v(typeSID, big...), v(typeHex32, 0xad, 0xde, 0, 0), u64v(typeHex64, 0x8010000000000000),
		v(0x20, 1, 2), v(typeXML, wide("<a/>")...), v(typeUint32), v(typeFiletime),
	}
	arrays := []val{
		v(arrayFlag|typeString, wide("one\x00\x00three\x00")...), v(arrayFlag | typeString), v(arrayFlag|typeANSI, []byte("a\x00b")...),
		v(arrayFlag|typeUint16, 1, 0, 2, 0), v(arrayFlag|typeHex32, 1, 0, 0, 0, 255, 0, 0, 0), v(arrayFlag|typeGUID, slices.Concat(guid, guid)...),
		v(arrayFlag|typeSID, slices.Concat(sid, big)...), v(arrayFlag|typeBool, 1, 0, 0, 0, 0, 0, 0, 0), v(arrayFlag|typeUint16, 1, 0, 2),
	}
	w := newChunk()
	var all []node
	for i, x := range values {
		all = append(all, data(sub(i, x.kind)))
	}
	w.record(1, use("values", plain(all...), values...))
	all = nil
	for i, x := range arrays {
		all = append(all, data(sub(i, x.kind)))
	}
	// In an attribute, or with other text, an array has nothing that could be repeated.
	all = append(all, el("Data", []node{attr("Name", sub(3, typeUint16))}), data(func(w *chunkWriter) { text("id ")(w); sub(3, typeUint16)(w) }))
	w.record(2, use("arrays", plain(all...), arrays...))
	for i, x := range []val{v(typeUint32, 1, 2, 3), v(typeInt32, make([]byte, 9)...), v(typeGUID, 1), v(typeFiletime, 1, 2), v(typeSystime, 1), v(typeSID, 1, 9, 0, 0, 0, 0, 0, 5)} {
		w.record(uint64(3+i), use("wrong"+string(rune('a'+i)), plain(data(sub(0, x.kind))), x))
	}
	return w
}

func texts() *chunkWriter {
	w := newChunk()
	for i, s := range []string{
		"a & b < c > d \"e\" 'f'", "one\r\ntwo\nthree\ttab", "grüße Привет 日本 😀", "\x01\x1b\x7f\ufffe end", "zeros\x00\x00", "in\x00side",
		"</Data></Event>\n<Event><Data>", "12345678", "1234567", "abc\x00",
	} {
		w.record(uint64(1+i), use("text", el("Event", []node{attr("a", sub(0, typeString))}, data(sub(0, typeString))), str(s)))
	}
	lone := v(typeString, 'a', 0, 0x00, 0xd8, 'b', 0, 0x00, 0xdc, 0x3d, 0xd8, 0x00, 0xde, 0x3d, 0xd8)
	w.record(20, use("text", nil, lone))
	w.record(21, use("text", nil, v(typeString, 'o', 0, 'd', 0, 'd')))
	return w
}

func structures() *chunkWriter {
	w := newChunk()
	// Elements and attributes vanish with an optional value, but not with a normal one.
	optional := plain(
		el("A", nil, opt(0, typeString)), el("B", []node{attr("x", text("y"))}, opt(0, typeString)), el("C", []node{attr("x", opt(0, typeString))}),
		elDep("D", 0, nil, text("d")), el("E", nil, sub(0, typeString)), elDep("F", 1, nil, sub(1, typeString)), el("G", nil, opt(7, typeString)))
	w.record(1, use("optional", optional, null(), str("one")))
	w.record(2, use("optional", nil, str("zero"), null()))
	w.record(3, use("root", el("Event", nil, opt(0, typeString)), null()))
	// No template, and what else binary XML has.
	w.record(4, pi("target", "data"), plain(text("a "), entity("amp"), entity("lt"), charRef('"'), charRef(10), cdata("<c>\n]]>"), pi("x", ""), el("empty", nil)))
	w.record(5, use("values", plain(sub(0, typeBinXML)), binXML(el("A", []node{attr("b", text("c"))}, text("d")), el("B", nil))))
	// A template in a template, and a name of another script.
	w.record(6, use("outer", plain(use("inner", el("Inner", nil, sub(0, typeString)), str("in")), el("Größe", []node{attr("xmlns:x", text("urn:x"))}, text("1")))))
	w.record(7, use("inner", nil, str("again")))
	// A dependency id where none is usual, and none where one is.
	w.record(8, use("values", nil, val{typeBinXML, func(w *chunkWriter) { bare := w.bare; w.bare = false; el("With", nil)(w); w.bare = bare }}))
	w.bare = true
	w.record(9, plain(el("Without", nil)))
	w.bare = false
	// Literals that are no text, and an attribute list that is padded.
	w.record(10, plain(raw(tokenValue, typeUint16, 5, 0), raw(tokenOpen|more, 0xff, 0xff, 0, 0, 0, 0), func(w *chunkWriter) { w.name("Padded") },
		raw(2, 0, 0, 0, 0, 0, tokenCloseEmpty)))
	return w
}

// wrecks are records that cannot be read, each between two that can.
func wrecks() *chunkWriter {
	w := newChunk()
	id := uint64(0)
	for _, n := range []node{
		raw(0x33), raw(tokenEndElement), el("Event", nil, raw(0x33)), el("Event", nil, entity("nbsp")), el("1st", nil), el("a b", nil), el("a:b:c", nil), el("", nil),
		func(w *chunkWriter) { plain()(w); plain()(w) },
		raw(tokenInstance, 1, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0), raw(tokenInstance, 1, 0, 0, 0, 0, 0xf0, 0xff, 0xff, 0xff, 0, 0, 0, 0),
		raw(tokenInstance, 1), raw(tokenOpen, 0, 0, 0, 0), raw(tokenOpen, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff), raw(),
		use("short", plain(raw(tokenValue, typeString, 0xff, 0xff))), use("odd", plain(raw(tokenValue, typeBinary, 1, 2))), deep(maxDepth + 1),
		func(w *chunkWriter) {
			raw(tokenInstance, 1, 0, 0, 0, 0)(w)
			w.u32(len(w.b) + 4)
			w.u32(0)
			w.u8(make([]byte, 16)...)
			w.u32(1 << 20)
		},
		func(w *chunkWriter) {
			use("size", plain(), str("x"))(w)
			le.PutUint16(w.b[len(w.b)-2-descriptor:], 0xffff)
		},
	} {
		id += 2
		w.record(id-1, plain(text(fmt.Sprint("before ", id))))
		w.record(id, n)
	}
	return w.record(id+1, plain(text("the last")))
}

func deep(n int) node {
	inner := text("deep")
	for range n - 1 {
		inner = el("a", nil, inner)
	}
	return plain(inner)
}

// The files that testdata/files.log names.
var files = map[string]func() []byte{
	"events":     func() []byte { return closed(chunkOf(4711, 4712), securityEvents(4713)) },
	"types":      func() []byte { return closed(types()) },
	"texts":      func() []byte { return closed(texts()) },
	"structures": func() []byte { return closed(structures()) },
	"wrecks":     func() []byte { return closed(wrecks()) },
}

// securityEvents are events with other templates than the chunk before.
func securityEvents(id uint64) *chunkWriter {
	sid := v(typeSID, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0)
	w := newChunk()
	w.record(id, system(id, 1102, sid, binXML(fragment, use("1102", el("UserData", nil,
		el("LogFileCleared", []node{attr("xmlns", text("http://manifests.microsoft.com/win/2004/08/windows/eventlog"))},
			el("SubjectUserName", nil, sub(0, typeString)), el("SubjectLogonId", nil, sub(1, typeHex64)))),
		str("Administrator"), u64v(typeHex64, 0x3e7)))))
	w.record(id+1, system(id+1, 4608, null(), null()))
	w.record(id+2, system(id+2, 5157, null(), blocked("2001:db8::19", 587)))
	return w
}

func readAll(t testing.TB, b []byte) (string, error) {
	t.Helper()
	out, err := io.ReadAll(newReader(bytes.NewReader(b)))
	return string(out), err
}

func TestGolden(t *testing.T) {
	golden.Files(t, "testdata/*.log", func(name string) []byte {
		write := files[name]
		if write == nil {
			t.Fatalf("no file %q", name)
		}
		out, err := readAll(t, write())
		if err != nil {
			t.Fatal(err)
		}
		return append([]byte("# "+name+"\n"), bytes.TrimSuffix([]byte(out), []byte("\n"))...)
	})
}
