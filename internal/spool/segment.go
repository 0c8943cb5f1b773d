package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	magic     = "MSSPOOL1"
	headSize  = len(magic) + len(identity{}) // of a segment
	frameSize = 8                            // length and checksum
	fixedSize = 8 + 8 + 1                    // number, time, length of the sender
	minRecord = frameSize + fixedSize
	maxBody   = fixedSize + MaxSender + MaxData
	suffix    = ".spool"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seed returns what checksums start from.
func (id identity) seed() uint32 { return crc32.Checksum(id[:], castagnoli) }

// appendRecord appends a record as it is on disk.
func appendRecord(dst []byte, seed uint32, number int64, r *Record) []byte {
	sender := r.Sender[:min(len(r.Sender), MaxSender)]
	at := len(dst)
	dst = append(dst, make([]byte, frameSize)...)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(number))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(r.Received))
	dst = append(dst, byte(len(sender)))
	dst = append(dst, sender...)
	dst = append(dst, r.Data...)
	body := dst[at+frameSize:]
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(body)))
	binary.LittleEndian.PutUint32(dst[at+4:], crc32.Update(seed, castagnoli, body))
	return dst
}

// recordSize returns how long the record at the start of b says it is: 0 if b is too short to tell, -1 if no record is like that.
func recordSize(b []byte) int {
	if len(b) < frameSize {
		return 0
	}
	n := binary.LittleEndian.Uint32(b)
	if n < fixedSize || n > maxBody {
		return -1
	}
	return frameSize + int(n)
}

// parseRecord reads a whole record. Its slices are views into b. It reports whether the checksum is right.
func parseRecord(b []byte, seed uint32, r *Record) bool {
	body := b[frameSize:]
	if crc32.Update(seed, castagnoli, body) != binary.LittleEndian.Uint32(b[4:]) {
		return false
	}
	sender := fixedSize + int(body[16])
	if sender > len(body) {
		return false
	}
	r.Number = int64(binary.LittleEndian.Uint64(body))
	r.Received = int64(binary.LittleEndian.Uint64(body[8:]))
	r.Sender, r.Data, r.Body = body[fixedSize:sender:sender], body[sender:], body
	return true
}

// find returns the index in b of the first intact record whose number is at least from and below to, -1 if there is none.
func find(b []byte, seed uint32, from, to int64) int {
	var r Record
	for i := 0; i+minRecord <= len(b); i++ {
		n := recordSize(b[i:])
		if n <= 0 || i+n > len(b) {
			continue
		}
		if number := int64(binary.LittleEndian.Uint64(b[i+frameSize:])); number < from || number >= to {
			continue
		}
		if parseRecord(b[i:i+n], seed, &r) {
			return i
		}
	}
	return -1
}

func (s *Spool) path(first int64) string {
	return filepath.Join(s.options.Dir, fmt.Sprintf("%020d%s", first, suffix))
}

func (s *Spool) head() []byte { return append([]byte(magic), s.identity[:]...) }

// list returns the segments that are in the folder, in order.
func (s *Spool) list() ([]segment, error) {
	files, err := os.ReadDir(s.options.Dir) // sorted by name, which is by number
	if err != nil {
		return nil, err
	}
	var out []segment
	for _, f := range files {
		digits, ok := strings.CutSuffix(f.Name(), suffix)
		first, err := strconv.ParseInt(digits, 10, 64)
		if !ok || err != nil || len(digits) != 20 || first < 1 {
			continue
		}
		info, err := f.Info()
		if err != nil {
			return nil, err
		}
		out = append(out, segment{first: first, size: info.Size(), last: info.ModTime().UnixNano()})
	}
	return out, nil
}

// recover looks at what is in the folder, and makes it fit to go on with.
func (s *Spool) recover() error {
	var err error
	if s.segments, err = s.list(); err != nil {
		return err
	}
	for _, g := range s.segments {
		s.total += g.size
	}
	known, err := s.recoverIdentity()
	if err != nil {
		return err
	}
	s.next = 1
	if known {
		if err := s.recoverEnd(); err != nil {
			return err
		}
	} else if len(s.segments) > 0 {
		return errors.New("no segment has an intact header; hint: move the folder away, what is in it cannot be read")
	} else {
		s.identity = newIdentity()
	}
	s.recovered = s.next
	s.readRemoved()
	s.next = max(s.next, s.released)
	return s.openLast()
}

// recoverIdentity reads the spool's identity from the newest segment that has it.
func (s *Spool) recoverIdentity() (bool, error) {
	head := make([]byte, headSize)
	for i := len(s.segments) - 1; i >= 0; i-- {
		f, err := os.Open(s.path(s.segments[i].first))
		if err != nil {
			return false, err
		}
		_, err = f.ReadAt(head, 0)
		_ = f.Close()
		if err == nil && bytes.HasPrefix(head, []byte(magic)) {
			copy(s.identity[:], head[len(magic):])
			return true, nil
		}
	}
	// A crash between making the first segment and writing its header leaves nothing worth keeping.
	if len(s.segments) == 1 && s.segments[0].size < int64(headSize) {
		err := os.Remove(s.path(s.segments[0].first))
		s.segments, s.total = nil, 0
		return false, err
	}
	return false, nil
}

// recoverEnd finds the end of the last segment, and the number behind it.
func (s *Spool) recoverEnd() error {
	last := &s.segments[len(s.segments)-1]
	data, err := os.ReadFile(s.path(last.first))
	if err != nil {
		return err
	}
	s.next = last.first
	seed := s.identity.seed()
	end := min(headSize, len(data))
	for at := end; at < len(data); {
		n := recordSize(data[at:])
		var r Record
		if n > 0 && at+n <= len(data) && parseRecord(data[at:at+n], seed, &r) && r.Number >= s.next {
			at += n
			end, s.next, last.last = at, r.Number+1, r.Received
			continue
		}
		skip := find(data[at:], seed, s.next, s.next+int64(len(data)))
		if skip < 0 {
			break
		}
		at += skip // the reader will say what is missing
	}
	if end == len(data) {
		return nil
	}
	s.log.Warn("half a record at the end of the spool is cut off", "path", s.path(last.first), "bytes", len(data)-end)
	s.total -= int64(len(data) - end)
	last.size = int64(end)
	return os.Truncate(s.path(last.first), int64(end))
}
