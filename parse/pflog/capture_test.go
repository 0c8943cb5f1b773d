package pflog

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

var orders = []binary.ByteOrder{binary.LittleEndian, binary.BigEndian}

func orderWord(order binary.ByteOrder) string {
	if order == binary.BigEndian {
		return "be"
	}
	return "le"
}

func text(t testing.TB, file []byte) (string, error) {
	t.Helper()
	if !Container().Match(file[:min(len(file), 4096)]) {
		t.Errorf("%x is not taken for a capture", file[:min(len(file), 24)])
	}
	out, err := io.ReadAll(Container().Lines(bytes.NewReader(file)))
	return string(out), err
}

func TestPcap(t *testing.T) {
	records := []record{
		{seconds: 1767604272, fraction: 345678, frame: []byte{1, 2, 3}},
		{seconds: 1767604273, fraction: 5, frame: []byte{0xff}, length: 1500},
		{seconds: 0, fraction: 0, frame: nil},
		{seconds: 1, fraction: 4_000_000_000, frame: []byte{7}},
	}
	for _, order := range orders {
		w := orderWord(order)
		got, err := text(t, pcapFile(order, magicMicro, linkPFLog, records))
		want := "pflog 1767604272.345678 117 " + w + " 3 010203\npflog 1767604273.000005 117 " + w + " 1500 ff\npflog 0.000000 117 " + w + " 0 -\n" +
			"pflog - 117 " + w + " 1 07\n"
		if err != nil || got != want {
			t.Errorf("%v: %q, %v", order, got, err)
		}
		got, err = text(t, pcapFile(order, magicNano, linkOld, records[:1]))
		if want := "pflog 1767604272.000345678 17 " + w + " 3 010203\n"; err != nil || got != want {
			t.Errorf("%v: %q, %v", order, got, err)
		}
		// Other link types: neither read nor kept.
		got, err = text(t, pcapFile(order, magicMicro, 1, records[:1]))
		if want := "pflog 1767604272.345678 1 " + w + " 3 -\n"; err != nil || got != want {
			t.Errorf("%v: %q, %v", order, got, err)
		}
		// The bits above the link type are of frame check sequences.
		got, err = text(t, pcapFile(order, magicMicro, linkPFLog|0x10000000, records[:1]))
		if want := "pflog 1767604272.345678 117 " + w + " 3 010203\n"; err != nil || got != want {
			t.Errorf("%v: %q, %v", order, got, err)
		}
	}
	// Before version 2.3 the lengths stood the other way round.
	old := pcapFile(binary.LittleEndian, magicMicro, linkPFLog, nil)
	old[6] = 2
	old = append(old, 1, 0, 0, 0, 2, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0xab)
	if got, err := text(t, old); err != nil || got != "pflog 1.000002 117 le 9 ab\n" {
		t.Errorf("%q, %v", got, err)
	}
}

// All that pcapng can differ in, in one file: two sections of different order, interfaces of different links and clocks,
// the three kinds of packets, blocks to pass over.
func TestPcapNG(t *testing.T) {
	le, be := binary.LittleEndian, binary.BigEndian
	r := &record{frame: []byte{0xaa, 0xbb, 0xcc}}
	resol := func(order binary.ByteOrder, v byte) []any {
		return []any{uint16(2), uint16(3), []byte("em0\x00"), uint16(optResol), uint16(1), []byte{v, 0, 0, 0}, uint16(optEnd), uint16(0)}
	}
	file := bytes.Join([][]byte{
		section(le),
		device117(le),
		device117(le, resol(le, 9)...),
		block(le, blockInterface, uint16(1), uint16(0), uint32(0)), // Ethernet
		device117(le, resol(le, 0x8a)...),                          // 1/1024 s
		device117(le, uint16(optOffset), uint16(8), int64(1000)),
		device117(le, resol(le, 0)...),
		device117(le, resol(le, 12)...),
		device117(le, resol(le, 100)...),
		block(le, 4, []byte("names of hosts")),
		enhanced(le, 0, 1767604272345678, r),
		enhanced(le, 1, 1767604272345678912, r),
		enhanced(le, 2, 1767604272345678, r),
		enhanced(le, 3, 1767604272<<10+512, r),
		enhanced(le, 4, 1767604272345678, r),
		enhanced(le, 5, 1767604272, r),
		enhanced(le, 6, 5_123_456_789_012, r),
		enhanced(le, 7, 1, r),
		block(le, blockSimple, uint32(3), r.frame),
		block(le, blockSimple, uint32(1500), []byte{1, 2, 3, 4}),
		block(le, blockOld, uint16(1), uint16(0), uint32(0), uint32(7), uint32(3), uint32(60), r.frame),
		block(le, 5, []byte("statistics..")),
		section(be),
		device117(be),
		enhanced(be, 0, 1767604272345678, r),
	}, nil)
	want := strings.Join([]string{
		"pflog 1767604272.345678 117 le 3 aabbcc",
		"pflog 1767604272.345678912 117 le 3 aabbcc",
		"pflog 1767604272.345678 1 le 3 -",
		"pflog 1767604272.5000 117 le 3 aabbcc",
		"pflog 1767605272.345678 117 le 3 aabbcc",
		"pflog 1767604272 117 le 3 aabbcc",
		"pflog 5.123456789 117 le 3 aabbcc",
		"pflog - 117 le 3 aabbcc",
		"pflog - 117 le 3 aabbcc",
		"pflog - 117 le 1500 01020304",
		"pflog 0.000000007 117 le 60 aabbcc",
		"pflog 1767604272.345678 117 be 3 aabbcc",
		"",
	}, "\n")
	if got, err := text(t, file); err != nil || got != want {
		t.Errorf("%v, got\n%swant\n%s", err, got, want)
	}
	for _, wrap := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.DataErrReader} {
		if got, err := io.ReadAll(Container().Lines(wrap(bytes.NewReader(file)))); err != nil || string(got) != want {
			t.Errorf("%v, got\n%s", err, got)
		}
	}
}

// What can be read is read, and the error names where the damage is.
func TestDamage(t *testing.T) {
	le := binary.LittleEndian
	good := []record{{seconds: 1, frame: []byte{1, 2, 3, 4}}, {seconds: 2, frame: []byte{5, 6, 7, 8}}}
	pcap := pcapFile(le, magicMicro, linkPFLog, good)
	ng := bytes.Join([][]byte{section(le), device117(le), enhanced(le, 0, 1_000_000, &good[0]), enhanced(le, 0, 2_000_000, &good[1])}, nil)
	const one, two = "pflog 1.000000 117 le 4 01020304\n", "pflog 2.000000 117 le 4 05060708\n"
	change := func(file []byte, at int, b ...byte) []byte {
		out := bytes.Clone(file)
		copy(out[at:], b)
		return out
	}
	second, last := len(ng)-36, len(ng)-4
	for name, tt := range map[string]struct {
		file []byte
		want string
		err  string
	}{
		"file header cut":     {pcap[:23], "", "pcap: record at byte 0 ends early: unexpected EOF"},
		"magic alone":         {pcap[:4], "", "pcap: record at byte 0 ends early: unexpected EOF"},
		"header alone":        {pcap[:24], "", ""},
		"record header cut":   {pcap[:24+20+7], one, "pcap: record at byte 44 ends early: unexpected EOF"},
		"record cut":          {pcap[:24+20+18], one + "pflog 2.000000 117 le 4 0506\n", "pcap: record at byte 44 ends early: unexpected EOF"},
		"record without data": {pcap[:24+20+16], one, "pcap: record at byte 44 ends early: unexpected EOF"},
		"version":             {change(pcap, 4, 9), "", "pcap: record at byte 0: not a pcap or pcapng file"},
		"length":              {change(pcap, 24+20+8, 0xff, 0xff, 0xff, 0xff), one, "pcap: record at byte 44: length is not possible"},
		"ng cut":              {ng[:len(ng)-3], one + two, fmt.Sprintf("pcap: record at byte %d ends early: unexpected EOF", second)},
		"ng in data":          {ng[:second+30], one + "pflog 2.000000 117 le 4 0506\n", fmt.Sprintf("pcap: record at byte %d ends early: unexpected EOF", second)},
		"ng type alone":       {ng[:second+8], one, fmt.Sprintf("pcap: record at byte %d ends early: unexpected EOF", second)},
		"ng length small":     {change(ng, second+4, 8, 0, 0, 0), one, fmt.Sprintf("pcap: record at byte %d: length is not possible", second)},
		"ng length odd":       {change(ng, second+4, 35, 0, 0, 0), one, fmt.Sprintf("pcap: record at byte %d: length is not possible", second)},
		"ng length huge":      {change(ng, second+4, 0xfc, 0xff, 0xff, 0xff), one + two, fmt.Sprintf("pcap: record at byte %d ends early: unexpected EOF", second)},
		"ng captured":         {change(ng, second+20, 9), one, fmt.Sprintf("pcap: record at byte %d: length is not possible", second)},
		"ng interface":        {change(ng, second+8, 1), one, fmt.Sprintf("pcap: record at byte %d: interface was not described", second)},
		"ng trailer":          {change(ng, last, 0), one + two, fmt.Sprintf("pcap: record at byte %d: lengths at the start and the end of a block differ", second)},
		"ng version":          {change(ng, 12, 9), "", "pcap: record at byte 0: not a pcap or pcapng file"},
		"ng second order":     {append(bytes.Clone(ng), change(section(le), 8, 9)...), one + two, fmt.Sprintf("pcap: record at byte %d: byte order mark of a section is damaged", len(ng))},
		"ng simple, no interface": {
			append(section(le), block(le, blockSimple, uint32(3), []byte{1, 2, 3})...), "",
			"pcap: record at byte 28: interface was not described",
		},
	} {
		got, err := text(t, tt.file)
		why := ""
		if err != nil {
			why = err.Error()
		}
		if got != tt.want || why != tt.err {
			t.Errorf("%s: %q, %s\nwant %q, %s", name, got, why, tt.want, tt.err)
		}
	}
	// A file that breaks off for another reason says this.
	broken := errors.New("broken")
	_, err := io.ReadAll(Container().Lines(io.MultiReader(bytes.NewReader(pcap[:50]), iotest.ErrReader(broken))))
	if !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

func TestIsCapture(t *testing.T) {
	for head, want := range map[string]bool{
		"\xa1\xb2\xc3\xd4": true, "\xd4\xc3\xb2\xa1": true, "\xa1\xb2\x3c\x4d": true, "\x4d\x3c\xb2\xa1": true,
		"\x0a\x0d\x0d\x0a": true, "\x0a\x0d\x0d\x0a\x1c\x00\x00\x00\x4d\x3c\x2b\x1a": true,
		"\x0a\x0d\x0d\x0a\x00\x00\x00\x1c\x1a\x2b\x3c\x4d": true, "\n\r\r\nplain text": false,
		"\xa1\xb2\xc3": false, "": false, "Jan  5 10:11:12 fw filterlog[1]: 4,,,": false, "\x1f\x8b\x08\x00": false,
	} {
		if got := Container().Match([]byte(head)); got != want {
			t.Errorf("%x: %t, want %t", head, got, want)
		}
	}
}

// A long record keeps as many bytes as an entry keeps of a line.
func TestLongRecord(t *testing.T) {
	records := []record{{frame: make([]byte, maxKept)}, {frame: make([]byte, maxKept+1)}, {frame: make([]byte, 200_000)}, {frame: []byte{1}}}
	got, err := text(t, pcapFile(binary.BigEndian, magicMicro, linkPFLog, records))
	lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
	if err != nil || len(lines) != 4 || len(lines[0]) > 64<<10 || lines[3] != "pflog 0.000000 117 be 1 01" {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	for i, r := range records {
		want := fmt.Sprintf("pflog 0.000000 117 be %d %s", len(r.frame), hex.EncodeToString(r.frame[:min(len(r.frame), maxKept)]))
		if lines[i] != want {
			t.Errorf("line %d has %d bytes, want %d", i, len(lines[i]), len(want))
		}
	}
}

// Lengths that a hostile file claims cost nothing.
func TestMemoryIsBounded(t *testing.T) {
	le := binary.LittleEndian
	claim := func(kind, total uint32, rest ...any) []byte {
		var b bytes.Buffer
		put(&b, le, append([]any{kind, total}, rest...)...)
		return b.Bytes()
	}
	huge := uint32(0xfffffffc)
	devices := section(le)
	for range 3 * maxInterfaces {
		devices = append(devices, device117(le)...)
	}
	for name, file := range map[string][]byte{
		"record":     append(pcapFile(le, magicMicro, linkPFLog, nil), 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
		"section":    claim(blockSection, huge, uint32(magicOrder), uint16(1), uint16(0), int64(-1)),
		"interface":  append(section(le), claim(blockInterface, huge, uint16(117), uint16(0), uint32(0))...),
		"enhanced":   append(append(section(le), device117(le)...), claim(blockEnhanced, huge, uint32(0), uint64(0), uint32(maxCaptured), uint32(0))...),
		"simple":     append(append(section(le), device117(le)...), claim(blockSimple, huge, huge)...),
		"interfaces": devices,
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := io.Copy(io.Discard, Container().Lines(bytes.NewReader(file)))
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 16<<20 || err == nil {
			t.Errorf("%s: %d bytes allocated, %v", name, got, err)
		}
	}
}

func FuzzContainer(f *testing.F) {
	r := &record{seconds: 1, frame: unhex(f, header61+packetHex)}
	for _, order := range orders {
		f.Add(pcapFile(order, magicMicro, linkPFLog, []record{*r, *r}))
		f.Add(pcapFile(order, magicNano, 1, []record{*r}))
		f.Add(bytes.Join([][]byte{section(order), device117(order), enhanced(order, 0, 1, r), block(order, blockSimple, uint32(3), []byte{1, 2, 3})}, nil))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if !Container().Match(in[:min(len(in), 4096)]) {
			return
		}
		once, err := io.ReadAll(Container().Lines(bytes.NewReader(in)))
		again, err2 := io.ReadAll(Container().Lines(iotest.HalfReader(bytes.NewReader(in))))
		if !bytes.Equal(once, again) || fmt.Sprint(err) != fmt.Sprint(err2) {
			t.Fatalf("%q, %v and %q, %v", once, err, again, err2)
		}
		if len(once) > 10*len(in)+100 {
			t.Fatalf("%d bytes became %d", len(in), len(once))
		}
		for line := range strings.Lines(string(once)) {
			if !newParser().Match(strings.TrimSuffix(line, "\n"), nil) {
				t.Fatalf("%q is not of the format", line)
			}
		}
	})
}
