package evtx

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

var idOf = regexp.MustCompile(`<EventRecordID>(\d+)<|^<Event-damaged.*Reason="([^"]*)"`)

// story says the lines of a file in short: numbers of records, and what is damaged.
func story(t testing.TB, b []byte) string {
	t.Helper()
	out, err := readAll(t, b)
	var words []string
	for line := range strings.Lines(out) {
		m := idOf.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("line %q", line)
		}
		words = append(words, m[1]+m[2])
	}
	if err != nil {
		words = append(words, "error: "+err.Error())
	}
	return strings.Join(words, ", ")
}

// damage returns a copy of b in which f changed something.
func damage(b []byte, f func(b []byte)) []byte {
	b = bytes.Clone(b)
	f(b)
	return b
}

// recordAt returns the offset in a chunk of its nth record, from 0.
func recordAt(chunk []byte, n int) int {
	at := firstRecord
	for range n {
		at += int(le.Uint32(chunk[at+4:]))
	}
	return at
}

func TestChunksAndRecords(t *testing.T) {
	a, b, c := chunkOf(1, 3).bytes(), chunkOf(4, 5).bytes(), chunkOf(6, 6).bytes()
	zero := make([]byte, chunkSize)
	three := head{newest: 2, count: 3}
	inUse := head{newest: 2, count: 3, dirty: true}
	// One whose header is of the time when it had its first two records only.
	behind := damage(a, func(b []byte) { le.PutUint32(b[48:], uint32(recordAt(b, 2))); seal(b) })
	// One that was written over another, whose last records are still there.
	reused := damage(chunkOf(1, 5).bytes(), func(b []byte) { copy(b, a[:recordAt(a, 3)]) })
	headerless := damage(reused, func(b []byte) { b[60] = 1 })
	second := recordAt(a, 1)
	for _, x := range []struct {
		name string
		file []byte
		want string
	}{
		{"closed", file(three, a, b, c), "1, 2, 3, 4, 5, 6"},
		{"room behind", file(head{count: 1}, a, zero, zero), "1, 2, 3"},
		{"room between", file(three, a, zero, c), "1, 2, 3, 6"},
		{"room, cut", file(head{count: 1}, a, zero[:1000]), "1, 2, 3"},
		{"no chunk", file(head{}), ""},

		{"newest first", file(head{oldest: 2, newest: 1, count: 4}, b, c, zero, a), "1, 2, 3, 4, 5, 6"},
		{"newest first, old header", file(head{oldest: 1, newest: 0, count: 3, dirty: true}, b, c, a), "1, 2, 3, 4, 5, 6"},
		{"said to be newest first", file(head{oldest: 2, newest: 1, count: 3}, a, b, c), "1, 2, 3, 4, 5, 6"},
		{"newest first, cut", file(head{oldest: 2, newest: 1, count: 3}, b, c, a[:second+9]), "1, the file ends in the record, 4, 5, 6, error: unexpected EOF"},

		{"not counted yet", file(head{count: 1, dirty: true}, a, b), "1, 2, 3, 4, 5"},
		{"of before a clearing", file(head{count: 1}, b, a), "4, 5"},
		{"header of the file damaged", damage(file(head{count: 1}, b, a), func(b []byte) { b[50] = 1 }), "4, 5, 1, 2, 3"},

		{"header of the chunk behind", file(inUse, behind), "1, 2, 3"},
		{"header of the chunk behind, closed", file(three, behind), "1, 2"},
		{"old records behind", file(inUse, damage(reused, seal)), "1, 2, 3, 4, 5"},
		{"old records of higher number behind", file(three, damage(reused, seal)), "1, 2, 3"},
		{"header of the chunk damaged", file(three, headerless), "checksum of the chunk's header differs, 1, 2, 3, 4, 5"},
		{"header of the chunk damaged, in use", file(inUse, headerless), "1, 2, 3, 4, 5"},
		{"chunk without signature", file(three, damage(a, func(b []byte) { b[0] = 0 }), b), "no chunk signature, 1, 2, 3, 4, 5"},
		{"chunk of something else", file(three, bytes.Repeat([]byte("text "), chunkSize)[:chunkSize], b), "no chunk signature, 4, 5"},

		{"a byte of a record", file(three, damage(a, func(b []byte) { b[second+24] = 9 })), "checksum of the chunk's records differs, 1, unknown token, 3"},
		{"a byte of a value", file(three, damage(a, func(b []byte) { b[recordAt(b, 2)+80]++ })), "checksum of the chunk's records differs, 1, 2, 3"},
		{"signature of a record", file(inUse, damage(a, func(b []byte) { b[second] = 0 })), "1, no record, 3"},
		{"size of a record", file(inUse, damage(a, func(b []byte) { b[second+5]++ })), "1, size of the record differs, 3"},
		{"size behind a record", file(inUse, damage(a, func(b []byte) { b[recordAt(b, 2)-1]++ })), "1, size of the record differs, 3"},
		{"zeros", file(inUse, damage(a, func(b []byte) { clear(b[second+100:]) })), "1, size of the record differs"},
		{"cut in a record", file(three, a[:second+100]), "1, the file ends in the record, error: unexpected EOF"},
		{"cut behind a record", file(three, a[:second]), "1, error: unexpected EOF"},
		{"cut in a chunk's header", file(three, a, b[:100]), "1, 2, 3, error: unexpected EOF"},
		{"cut in the header", file(three)[:100], "error: unexpected EOF"},
		{"cut behind the header", file(three)[:1000], "error: unexpected EOF"},
		{"empty", nil, "error: unexpected EOF"},
		{"not a log", make([]byte, 8000), "error: not a Windows event log"},
	} {
		if got := story(t, x.file); got != x.want {
			t.Errorf("%s:\n got %s\nwant %s", x.name, got, x.want)
		}
	}
}

// A log that is too great to be brought in order is given as it lies.
func TestGreatRing(t *testing.T) {
	chunks := [][]byte{}
	var want []string
	for i := range maxHeld + 2 {
		chunks = append(chunks, chunkOf(uint64(i+10), uint64(i+10)).bytes())
		want = append(want, fmt.Sprint(i+10))
	}
	chunks = append(chunks, chunkOf(1, 1).bytes())
	want = append(want, "1")
	h := head{oldest: uint64(len(chunks) - 1), newest: 5, count: len(chunks)}
	if got := story(t, file(h, chunks...)); got != strings.Join(want, ", ") {
		t.Errorf("got %s", got)
	}
}

func TestReadError(t *testing.T) {
	b := closed(chunkOf(1, 3), chunkOf(4, 5))
	broken := errors.New("input/output error")
	in := io.MultiReader(bytes.NewReader(b[:blockSize+chunkSize+700]), iotest.ErrReader(broken))
	out, err := io.ReadAll(newReader(in))
	if !errors.Is(err, broken) || strings.Count(string(out), "</Event>") != 3 {
		t.Errorf("%v behind %s", err, out)
	}
}

func TestSmallReads(t *testing.T) {
	b := closed(chunkOf(1, 3), wrecks())
	want, err := readAll(t, b)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(iotest.OneByteReader(newReader(iotest.HalfReader(bytes.NewReader(b)))))
	if err != nil || string(got) != want {
		t.Errorf("%v, %d bytes instead of %d", err, len(got), len(want))
	}
}

func TestMatch(t *testing.T) {
	c := Container()
	for head, want := range map[string]bool{string(closed()): true, magic: true, "ElfFile": false, "ElfChnk\x00": false, "<Event": false} {
		if c.Match([]byte(head)) != want {
			t.Errorf("%.20q: %t", head, !want)
		}
	}
	out, err := io.ReadAll(c.Lines(bytes.NewReader(closed(chunkOf(1, 1)))))
	if err != nil || bytes.Count(out, []byte("\n")) != 1 {
		t.Errorf("%q, %v", out, err)
	}
}

// bomb is a chunk whose records would become gigabytes: binary XML in arrays in binary XML, names that are long.
func bomb() *chunkWriter {
	w := newChunk()
	wide := el("Event", nil, el("Data", nil, sub(0, typeUint8)))
	long := strings.Repeat("n", 2000)
	nested := func(w *chunkWriter) {
		for range 1500 {
			sub(1, typeBinXML)(w)
		}
	}
	w.record(1, use("array", wide, v(arrayFlag|typeUint8, make([]byte, 5000)...)))
	w.record(2, use("nested", plain(nested), null(), binXML(use("long", el(long, nil, sub(0, typeNull))))))
	w.record(3, use("steps", plain(el("A", nil, opt(0, typeUint8), nested)), v(typeUint8, 1), binXML(raw(tokenFragment, 1, 1, 0))))
	for id := uint64(4); len(w.b) < chunkSize-200; id++ {
		w.record(id, use("nested", nil, null(), binXML(use("long", nil))))
	}
	return w
}

func TestBombs(t *testing.T) {
	out, err := readAll(t, closed(bomb(), chunkOf(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if len(out) > 2*budget || strings.Count(out, "</Event>\n") == 0 || !strings.Contains(out, errLong.Error()) || !strings.Contains(out, errExpands.Error()) {
		t.Errorf("%d bytes", len(out))
	}
	if !strings.HasSuffix(out, "</Event>\n") {
		t.Errorf("the next chunk suffers: %q", out[len(out)-100:])
	}
}

// endless repeats chunks, and says how much memory is in use from time to time.
type endless struct {
	chunks [][]byte
	left   int
	rest   []byte
	peak   uint64
}

func (e *endless) Read(p []byte) (int, error) {
	if len(e.rest) == 0 {
		if e.left == 0 {
			return 0, io.EOF
		}
		e.left--
		e.rest = e.chunks[e.left%len(e.chunks)]
		if e.left%20 == 0 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			e.peak = max(e.peak, m.HeapAlloc)
		}
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

func TestMemoryIsBounded(t *testing.T) {
	for name, x := range map[string]struct {
		h      head
		chunks []*chunkWriter
		n      int
		limit  uint64
	}{
		"events": {head{count: 300}, []*chunkWriter{full(1), full(1000)}, 300, 4 << 20},
		"bombs":  {head{count: 40}, []*chunkWriter{bomb(), full(1000)}, 40, 40 << 20},
		"a ring": {head{oldest: 1, count: 700}, []*chunkWriter{full(1)}, 700, 48 << 20},
	} {
		e := &endless{left: x.n, rest: file(x.h)}
		for _, c := range x.chunks {
			e.chunks = append(e.chunks, c.bytes())
		}
		var before runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		if _, err := io.Copy(io.Discard, newReader(e)); err != nil {
			t.Fatal(err)
		}
		if e.peak > before.HeapAlloc+x.limit {
			t.Errorf("%s: %d KiB in use", name, (e.peak-before.HeapAlloc)>>10)
		}
		t.Logf("%s: %d KiB", name, (int64(e.peak)-int64(before.HeapAlloc))>>10)
	}
}
