package file

import (
	"crypto/rand"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/zeebo/xxh3"

	"mailstop/ingest"
	"mailstop/internal/extent"
)

const (
	// headSize is how much of a file's beginning it is recognised by.
	headSize = 4 << 10
	// beforeSize is how much before the place of reading is verified.
	beforeSize = 1 << 10
)

// A print is a fingerprint of N bytes.
type print struct {
	N   int    `json:"n,omitempty"`
	Sum string `json:"sum,omitempty"`
}

func printOf(b []byte) print {
	if len(b) == 0 {
		return print{}
	}
	sum := xxh3.Hash128(b).Bytes()
	return print{len(b), hex.EncodeToString(sum[:])}
}

// valid checks a print that was read from somewhere.
func (p print) valid(longest int) bool {
	b, err := hex.DecodeString(p.Sum)
	return err == nil && (p.N == 0 && len(b) == 0 || p.N > 0 && p.N <= longest && len(b) == 16)
}

// at reports whether the N bytes of f from at are p's.
func (p print) at(f io.ReaderAt, at int64) bool {
	if p.N == 0 {
		return true
	}
	b := make([]byte, p.N)
	n, _ := f.ReadAt(b, at)
	return n == p.N && printOf(b) == p
}

// An incarnation is one life of a file: what is written to it from its beginning until it is rotated away for good,
// truncated, or gone.
type incarnation struct {
	saved         // written with the source's mu held
	kept     bool // with mu: the salt is in a checkpoint, and what the file is recognised by
	finished bool // with mu: a checkpoint says so
	ended    bool // with mu: nothing more will come of it
	final    int64
	lag      int64     // with mu
	behind   time.Time // with mu
	problem  string    // with mu

	// Of the goroutine that calls Next:
	set      string
	f        *os.File // nil while it is closed
	copied   bool     // f, or what is at Real, is a copy or a rest which does not grow
	packed   bool     // it is compressed
	restored bool     // from a position
	compared bool     // with its file, since then
	old      bool     // it was there in an earlier run, which may have stored some of it
	probe    bool     // it is read only if the ledger knows its beginning
	// unscanned incarnations came into being since the folders were looked through: they do not say which of the
	// rotated files are old.
	unscanned bool
	wants     time.Time // since when its file is looked for; zero if it is not
	scans     int       // how often it was looked for
	noLocal   bool      // on a network file system
	part      *ingest.Part
	chain     *extent.Chain
	given     int64
	parent    string
	before    print
	size      int64
	headed    int64     // the size at which the head was looked at
	since     time.Time // when what is not given was first seen; zero if there is nothing
	changed   time.Time // when it last grew
	verify    bool      // written to, yet not longer
	none      int64     // there is no line end before, as far as was looked
	held      int64     // at this size, there was no whole line
	again     time.Time // not read before that
	seen      bool      // at a name that is followed, in this look
	notice    *notice
}

func newSalt() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program rather
	return hex.EncodeToString(b[:])
}

// start makes m the place to go on.
func (inc *incarnation) start(m mark) {
	inc.given, inc.parent, inc.before = m.Offset, m.Parent, m.Before
	inc.final, inc.size, inc.none, inc.held = m.Offset, m.Offset, 0, -1
}

// busy reports whether the file has grown within a while.
func (inc *incarnation) busy(now time.Time) bool { return now.Sub(inc.changed) < 3*time.Second }

func identityOf(info fs.FileInfo) identity {
	st := info.Sys().(*syscall.Stat_t)
	return identity{uint64(st.Dev), st.Ino} //nolint:unconvert // not a uint64 on every system
}

// same reports whether f is the file that inc was read from, unchanged as far as it was given.
func (inc *incarnation) same(f io.ReaderAt, size int64) bool {
	return size >= inc.given && inc.Head.at(f, inc.Start) && inc.before.at(f, inc.given-int64(inc.before.N))
}

// beforeOf returns the fingerprint of what lies before b's end.
func (inc *incarnation) beforeOf(b extent.Block) print {
	if !b.Cut {
		return printOf(b.Data[max(0, len(b.Data)-beforeSize):])
	}
	if inc.f == nil {
		return print{}
	}
	buf := make([]byte, min(beforeSize, b.To))
	n, _ := inc.f.ReadAt(buf, b.To-int64(len(buf)))
	if n < len(buf) {
		return print{}
	}
	return printOf(buf)
}
