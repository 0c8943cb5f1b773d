package clickhouse

import (
	"bufio"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/zeebo/xxh3"

	"mailstop/event"
)

// journal holds in files what is stored but not in the tables yet: small extents with all their rows, and notes for the
// ledger. An insert makes files for each table it touches, whatever its size; the journal turns hundreds of small
// extents into one insert.
//
// A page is a file that is written until it is sealed, and then stored as a whole under its own token. A page that a dead
// process left behind is stored in the same way: the same bytes, under the same token.
type journal struct {
	dir string

	mu     sync.Mutex
	open   *page   // takes records; nil if there is none
	sealed []*page // oldest first
	number uint64  // of the newest page
}

// A page is one file of the journal.
type page struct {
	path    string
	token   string
	file    *os.File // nil once sealed
	size    int64
	rows    int            // of all tables but the ledger
	lines   bool           // has entries or deliveries, which people wait for
	extents []event.Extent // in the order in which they were noted
	since   time.Time      // when it was begun
}

// A record is an extent in the journal, with its rows in FORMAT Native, as they are streamed into the engine.
type record struct {
	extent                      event.Extent
	rows                        int
	entries, deliveries, counts []byte // empty if there are none
	lines                       []byte // the batch's raw lines, should its rows be refused
}

const (
	pageMagic   = "mailstop journal 1\n"
	pageHead    = len(pageMagic) + 26 // and the token, as rand.Text makes it
	recordHead  = 4 + 8               // length and checksum
	maxRecord   = 64 << 20
	pageSuffix  = ".page"
	sealedBytes = 4 << 20 // a page is stored when it is as long, or has as many rows
	sealedRows  = 32 << 10
)

// openJournal reads what an earlier process has left in dir.
func openJournal(dir string) (*journal, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"+pageSuffix)) // sorted, and numbers have the same length
	if err != nil {
		return nil, err
	}
	j := &journal{dir: dir}
	for _, path := range names {
		n, err := strconv.ParseUint(strings.TrimSuffix(filepath.Base(path), pageSuffix), 10, 64)
		if err != nil {
			continue // not ours
		}
		j.number = max(j.number, n)
		p := &page{path: path}
		if err := p.read(func(r *record) error { p.count(r); return nil }); err != nil {
			return nil, err
		}
		if len(p.extents) > 0 {
			j.sealed = append(j.sealed, p)
		} else if err := os.Remove(path); err != nil { // the process was killed before the first record was whole
			return nil, err
		}
	}
	return j, nil
}

// append writes a record, which then survives the end of the process.
func (j *journal) append(r *record) error {
	buf := r.encode()
	if len(buf)-recordHead > maxRecord {
		return fmt.Errorf("journal: a record of %d bytes", len(buf))
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.open == nil {
		if err := j.begin(); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
	}
	if n, err := j.open.file.Write(buf); err != nil {
		// What follows half a record would not be read again.
		if n > 0 && j.open.file.Truncate(j.open.size) != nil {
			return fmt.Errorf("journal: %w", errors.Join(err, j.seal()))
		}
		_, seekErr := j.open.file.Seek(j.open.size, io.SeekStart)
		return fmt.Errorf("journal: %w", errors.Join(err, seekErr))
	}
	j.open.size += int64(len(buf))
	j.open.count(r)
	return nil
}

func (j *journal) begin() error {
	p := &page{path: filepath.Join(j.dir, fmt.Sprintf("%020d%s", j.number+1, pageSuffix)), token: rand.Text(), since: time.Now()}
	f, err := os.OpenFile(p.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(pageMagic + p.token); err != nil {
		return errors.Join(err, f.Close(), os.Remove(p.path))
	}
	p.file, p.size = f, int64(pageHead)
	j.number++
	j.open = p
	return nil
}

// seal ends the open page.
func (j *journal) seal() error {
	p := j.open
	if p == nil {
		return nil
	}
	j.open = nil
	err := p.file.Close()
	p.file = nil
	if len(p.extents) == 0 {
		return errors.Join(err, os.Remove(p.path))
	}
	j.sealed = append(j.sealed, p)
	return err
}

// oldest seals the open page and returns the oldest one; nil if the journal is empty.
func (j *journal) oldest() (*page, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.seal(); err != nil {
		return nil, err
	}
	if len(j.sealed) == 0 {
		return nil, nil
	}
	return j.sealed[0], nil
}

// drop removes the oldest page, which is stored.
func (j *journal) drop(p *page) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := os.Remove(p.path); err != nil {
		return err
	}
	j.sealed = slices.DeleteFunc(j.sealed, func(q *page) bool { return q == p })
	return nil
}

// state says whether the journal holds anything, when it was begun, whether people wait for it, and whether it is to be
// stored now.
func (j *journal) state() (since time.Time, lines, full, some bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	p := j.open
	if len(j.sealed) > 0 {
		return time.Time{}, true, true, true
	}
	if p == nil || len(p.extents) == 0 {
		return time.Time{}, false, false, false
	}
	return p.since, p.lines, p.size >= sealedBytes || p.rows >= sealedRows, true
}

// pending returns the extents of all pages.
func (j *journal) pending() []event.Extent {
	var out []event.Extent
	for _, p := range j.sealed {
		out = append(out, p.extents...)
	}
	return out
}

// close leaves the files as they are.
func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.seal()
}

func (p *page) count(r *record) {
	p.extents = append(p.extents, r.extent)
	p.rows += r.rows
	p.lines = p.lines || len(r.entries) > 0 || len(r.deliveries) > 0
}

// read calls f with each record, up to the end or to the first that is not whole: a process was killed while it wrote
// that one, and had told nobody that it was stored.
func (p *page) read(f func(*record) error) error {
	file, err := os.Open(p.path)
	if err != nil {
		return err
	}
	defer file.Close()
	in := bufio.NewReaderSize(file, 64<<10)
	head := make([]byte, pageHead)
	if _, err := io.ReadFull(in, head); err != nil || string(head[:len(pageMagic)]) != pageMagic {
		return ended(err)
	}
	p.token = string(head[len(pageMagic):])
	for {
		if _, err := io.ReadFull(in, head[:recordHead]); err != nil {
			return ended(err)
		}
		n, sum := binary.LittleEndian.Uint32(head), binary.LittleEndian.Uint64(head[4:])
		if n > maxRecord {
			return nil
		}
		body := make([]byte, n)
		if _, err := io.ReadFull(in, body); err != nil {
			return ended(err)
		}
		if xxh3.Hash(body) != sum {
			return nil
		}
		r, err := decodeRecord(body)
		if err != nil {
			return fmt.Errorf("journal %s: %w", p.path, err)
		}
		if err := f(r); err != nil {
			return err
		}
	}
}

func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// encode returns the record as the file has it, its head included.
func (r *record) encode() []byte {
	e := &r.extent
	buf := make([]byte, recordHead, recordHead+256+len(r.entries)+len(r.deliveries)+len(r.counts)+len(r.lines))
	for _, s := range []string{e.Source, e.Part, e.Parent, e.Token} {
		buf = append(binary.AppendUvarint(buf, uint64(len(s))), s...)
	}
	stored := int64(0)
	if e.Stored {
		stored = 1
	}
	for _, n := range []int64{e.From, e.To, stored, int64(r.rows)} {
		buf = binary.AppendVarint(buf, n)
	}
	for _, b := range [][]byte{r.entries, r.deliveries, r.counts, r.lines} {
		buf = append(binary.AppendUvarint(buf, uint64(len(b))), b...)
	}
	body := buf[recordHead:]
	binary.LittleEndian.PutUint32(buf, uint32(len(body)))
	binary.LittleEndian.PutUint64(buf[4:], xxh3.Hash(body))
	return buf
}

var errRecord = errors.New("a record is not understood; hint: another version of mailstop wrote it")

func decodeRecord(b []byte) (*record, error) {
	r := new(record)
	bytes := func() []byte {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) {
			b = nil
			return nil
		}
		out := b[size : size+int(n)]
		b = b[size+int(n):]
		return out
	}
	e := &r.extent
	for _, s := range []*string{&e.Source, &e.Part, &e.Parent, &e.Token} {
		*s = string(bytes())
	}
	var stored, rows int64
	for _, p := range []*int64{&e.From, &e.To, &stored, &rows} {
		n, size := binary.Varint(b)
		if size <= 0 {
			return nil, errRecord
		}
		*p, b = n, b[size:]
	}
	e.Stored, r.rows = stored != 0, int(rows)
	for _, p := range []*[]byte{&r.entries, &r.deliveries, &r.counts, &r.lines} {
		if *p = bytes(); b == nil {
			return nil, errRecord
		}
	}
	return r, nil
}
