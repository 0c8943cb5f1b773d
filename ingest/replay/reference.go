package replay

import (
	"bytes"
	"encoding/binary"
	"io"
	"io/fs"
	"time"

	"mailstop/internal/unpack"
)

// reference returns the latest time the last line of a file can have: the end of the day that its name tells, the
// time that gzip wrote into it, or when it was last changed. The first two are recorded.
func (f File) reference(zone *time.Location, file io.ReaderAt, c unpack.Kind, info fs.FileInfo) (t time.Time, recorded bool) {
	if d := f.member.Date; !d.IsZero() {
		if f.member.Exact {
			return d, true
		}
		if zone == nil {
			zone = time.UTC
		}
		return time.Date(d.Year(), d.Month(), d.Day()+1, 0, 0, 0, 0, zone), true
	}
	if c == unpack.Gzip {
		if t := packedAt(file, info); !t.IsZero() {
			return t, true
		}
	}
	return info.ModTime(), false
}

// packedAt returns the latest time that the headers of a gzip file's members give: where files were joined, the last
// lines are those of the last member. It is zero if one of them gives none, or the first an impossible one. Headers
// are found without unpacking, at a small part of its cost.
func packedAt(file io.ReaderAt, info fs.FileInfo) time.Time {
	var latest time.Time
	buf := make([]byte, 64<<10) // small enough to stay in the core's cache
	for at := int64(0); ; {
		n, err := file.ReadAt(buf[:min(int64(len(buf)), info.Size()-at)], at)
		if n < gzipHeader {
			return latest
		}
		for i, b := 0, buf[:n]; ; i++ {
			next := bytes.Index(b[i:], []byte{0x1f, 0x8b, 8})
			if next < 0 {
				break
			}
			i += next
			if len(b)-i < gzipHeader {
				break
			}
			t, ok := memberTime(b[i:i+gzipHeader], info.ModTime())
			switch {
			case ok && t.IsZero(), !ok && latest.IsZero():
				return time.Time{}
			case ok && t.After(latest):
				latest = t
			}
		}
		if err != nil || at+int64(n) >= info.Size() {
			return latest
		}
		at += int64(n - gzipHeader + 1) // a header may lie across
	}
}

// gzipHeader is the length of the fixed part of a header (RFC 1952, 2.3.1).
const gzipHeader = 10

// memberTime returns the time in a header, zero if it has none. Bytes that only look like a header are not ok: what
// gzip, pigz and zlib write there leaves one chance in 2^40 or so for each byte of packed data.
func memberTime(h []byte, modified time.Time) (t time.Time, ok bool) {
	flags, extra, system := h[3], h[8], h[9]
	if flags&^8 != 0 || extra != 0 && extra != 2 && extra != 4 || system > 13 && system != 255 {
		return t, false
	}
	seconds := binary.LittleEndian.Uint32(h[4:])
	if seconds == 0 {
		return t, true
	}
	t = time.Unix(int64(seconds), 0)
	// A file is not older than what it holds; an hour or two of wrong zones on some file systems apart.
	return t, t.Year() >= 1990 && !t.After(modified.Add(24*time.Hour))
}
