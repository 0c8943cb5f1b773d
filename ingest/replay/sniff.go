package replay

import (
	"bytes"
	"errors"
	"io"
	"os"

	"mailstop/ingest"
	"mailstop/internal/unpack"
)

// signatures are the kinds of files that lie beside logs. They hold no lines of text.
var signatures = []struct {
	offset int
	magic  string
	kind   string
}{
	{0, "LPKSHHRH", `systemd journal: try "journalctl -o short-iso --file"`},
	{0, "ElfFile\x00", "Windows event log: export it as text or XML"},
	{0, "\xd4\xc3\xb2\xa1", "packet capture"},
	{0, "\xa1\xb2\xc3\xd4", "packet capture"},
	{0, "\x4d\x3c\xb2\xa1", "packet capture"},
	{0, "\x0a\x0d\x0d\x0a", "packet capture"},
	{257, "ustar", "tar archive: unpack it first"},
	{0, "PK\x03\x04", "zip archive: unpack it first"},
	{0, "7z\xbc\xaf\x27\x1c", "7z archive: unpack it first"},
	{0, "Rar!\x1a\x07", "rar archive: unpack it first"},
	{0, "\x1f\x9d", "packed with compress: unpack it first"},
	{0, "\x04\x22\x4d\x18", "packed with lz4: unpack it first"},
	{0, "\x7fELF", "program"},
	{0, "SQLite format 3\x00", "SQLite database"},
	{0, "%PDF-", "PDF"},
	{0, "\x89PNG\r\n", "picture"},
	{0, "\xff\xd8\xff", "picture"},
	{0, "GIF8", "picture"},
}

// sample is how much of a file is looked at.
const sample = 8 << 10

// notLog says why the file holds no log lines and is in no container, or "". Damage is no reason: what can be read of it
// is read.
func notLog(path string, size int64, kinds []ingest.Container) (why string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	head := make([]byte, sample)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	head = head[:n]
	c := unpack.KindOf(head)
	if c != unpack.Plain {
		head = unpackedHead(c, f)
	}
	if containerOf(kinds, head) != nil {
		return "", nil
	}
	for _, s := range signatures {
		if len(head) >= s.offset && bytes.HasPrefix(head[s.offset:], []byte(s.magic)) {
			return s.kind, nil
		}
	}
	if !isBinary(head) {
		return "", nil
	}
	if c == unpack.Plain && size > sample {
		// A log that was cut while a program wrote to it (copytruncate) starts with a hole, and so can one that was extended
		// in advance. What follows tells, or else what the file ends with.
		for _, at := range [...]int64{afterHole(f, size), size - sample} {
			part := make([]byte, sample)
			n, err := f.ReadAt(part, at)
			if err != nil && !errors.Is(err, io.EOF) {
				return "", err
			}
			if !isBinary(part[:n]) {
				return "", nil
			}
		}
	}
	return "binary, not text", nil
}

func unpackedHead(c unpack.Kind, f *os.File) []byte {
	r, free, err := unpack.Open(c, unpack.NewStored(io.NewSectionReader(f, 0, 1<<62)).In)
	defer free()
	if err != nil {
		return nil
	}
	head := make([]byte, sample)
	n, _ := io.ReadFull(r, head)
	return head[:n]
}

// farthest is how far the end of a hole is looked for: Windows' firewall extends its log to 32 MiB at most.
const farthest = 32 << 20

// afterHole returns where the zeros end that the file starts with.
func afterHole(f io.ReaderAt, size int64) int64 {
	buf := make([]byte, 64<<10)
	for at := int64(0); at < min(size, farthest); {
		n, err := f.ReadAt(buf, at)
		if rest := bytes.TrimLeft(buf[:n], "\x00"); len(rest) > 0 {
			return at + int64(n-len(rest))
		}
		if at += int64(n); err != nil {
			break
		}
	}
	return 0
}

// hole is how many zeros in a row are a part of the file that nothing was written to.
const hole = 64

// isBinary reports whether more than one byte in twenty is one that text does not have. UTF-16 with a byte order mark is
// text. Holes do not count, but a file of nothing else is binary.
func isBinary(b []byte) bool {
	if bytes.HasPrefix(b, []byte{0xff, 0xfe}) || bytes.HasPrefix(b, []byte{0xfe, 0xff}) {
		return false
	}
	strange, zeros, empty := 0, 0, 0
	for _, c := range b {
		if c == 0 {
			zeros++
			continue
		}
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\x1b' {
			strange++
		}
		if zeros < hole {
			strange += zeros
		} else {
			empty += zeros
		}
		zeros = 0
	}
	if zeros < hole {
		strange += zeros
	} else {
		empty += zeros
	}
	return strange*20 > len(b)-empty || empty == len(b) && empty > 0
}
