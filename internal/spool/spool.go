// Package spool keeps records in a folder until they are dealt with: a bounded queue on disk, in segment files that are
// only appended to. What Append has taken outlives the process, however it ends; what it took during the last second may not
// outlive the machine. It never drops a record by itself: when it is full, or the disk is, Append says so.
//
// Records have numbers that grow by one over all segments, and never start again. A segment is named by the number of
// its first record. It begins with a header of 24 bytes: "MSSPOOL1" and the identity of the spool, which is chosen at
// random when the folder is first used. Then records follow, little endian:
//
//	length of what follows the checksum   4 bytes
//	checksum (CRC-32C) of that            4 bytes
//	number                                8 bytes
//	when it was received                  8 bytes, nanoseconds since 1970 UTC
//	length of the sender, the sender      1 byte and that many
//	data                                  the rest
//
// The checksum starts from the spool's identity, so that data which looks like a record is none.
package spool

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// ErrFull says that the spool holds as much as it may.
var ErrFull = errors.New("the spool is full")

// ErrInUse says that another process has the folder open.
var ErrInUse = errors.New("in use by another process")

var errClosed = errors.New("the spool is closed")

// Bounds of a record.
const (
	MaxData   = 1 << 20
	MaxSender = 255
)

const (
	// maxAppend bounds what one caller may bring, so that it fits into the smallest spool.
	maxAppend = 2 << 20
	// maxGroup is from how many bytes on a group takes no more.
	maxGroup = 1 << 20
)

// Options say where and how much. Default gives a value to start from.
type Options struct {
	Dir         string
	Limit       int64 // bytes in all segments
	SegmentSize int64 // about; a quarter of Limit if that is less
	// Keep and KeepBytes say how long and how much of what was removed stays, to be read once more: while both allow it,
	// and room is not needed.
	Keep      time.Duration
	KeepBytes int64
	Log       *slog.Logger // nil: nothing is said
}

// Default returns the options that are used unless told otherwise; Dir is missing.
func Default() Options {
	return Options{Limit: 1 << 30, SegmentSize: 16 << 20, Keep: 15 * time.Minute, KeepBytes: 64 << 20}
}

// minLimit leaves room for the greatest group in one segment beside others.
const minLimit = 8 << 20

// Validate says what is wrong with o.
func (o Options) Validate() error {
	switch {
	case o.Dir == "":
		return errors.New("spool folder: none given")
	case o.Limit < minLimit:
		return fmt.Errorf("spool limit %d: less than %d bytes", o.Limit, minLimit)
	case o.SegmentSize < 1<<10:
		return fmt.Errorf("spool segment size %d: less than 1 KiB", o.SegmentSize)
	case o.Keep < 0 || o.KeepBytes < 0:
		return errors.New("spool: negative time or size to keep")
	}
	return nil
}

// A Record is one entry of the spool. Of those given to Append, Number does not matter.
type Record struct {
	Number   int64
	Received int64  // nanoseconds since 1970 UTC
	Sender   []byte // cut at MaxSender
	Data     []byte // at most MaxData
	Body     []byte // set by Read: all of the above, as it is on disk
}

// A Spool is an open folder. Append, Sync, Remove and the figures are safe for concurrent use.
type Spool struct {
	options  Options
	log      *slog.Logger
	lock     *os.File
	identity identity

	writing sync.Mutex // held while a group is written; taken before mu
	syncing sync.Mutex // held while out is synced or exchanged; taken after writing, before mu

	mu        sync.Mutex
	group     *group
	next      int64 // number of the next record that is appended
	recovered int64 // next as the segments say at the start
	segments  []segment
	total     int64 // bytes of all segments
	appended  int64 // bytes, since the start
	released  int64 // numbers below it were removed, though some are kept
	out       *os.File
	spare     []byte // memory of a group that was written
	closed    bool
	dirty     bool // something was written since out was synced
	broken    bool // the end of the last segment may hold half a record

	pinned atomic.Int64 // the reader still needs the segment of this number
	grown  chan struct{}
	freed  chan struct{}
}

type segment struct {
	first int64
	size  int64 // bytes that can be read
	last  int64 // when its last record was received, or the file was changed
}

// A group is what is written at once.
type group struct {
	data  []byte
	first int64
	last  int64 // when the latest record was received
	done  bool
	err   error
}

// Open opens a folder, and makes it if it is not there. Half a record at the end of the last segment, as a crash leaves it, is cut off.
func Open(o Options) (*Spool, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o.SegmentSize = min(o.SegmentSize, o.Limit/4)
	s := &Spool{options: o, log: o.Log, grown: make(chan struct{}, 1), freed: make(chan struct{}, 1), group: &group{}}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(o.Dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrInUse
		}
		return nil, fmt.Errorf("open spool %s: %w", o.Dir, err)
	}
	s.lock = lock
	if err := s.recover(); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("open spool %s: %w", o.Dir, err)
	}
	s.pinned.Store(s.next)
	return s, nil
}

// Close syncs and closes what is open. Append must not be running.
func (s *Spool) Close() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	err := s.Sync()
	s.syncing.Lock()
	defer s.syncing.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.out != nil {
		err = errors.Join(err, s.out.Close())
		s.out = nil
	}
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
		s.lock = nil
	}
	return err
}

// Identity returns the random text that tells this spool from any other, also from one that was in the folder before.
func (s *Spool) Identity() string { return hex.EncodeToString(s.identity[:]) }

// Next returns the number that the next record gets.
func (s *Spool) Next() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.segmentsEnd()
}

// segmentsEnd returns the number behind the last record that is written.
func (s *Spool) segmentsEnd() int64 {
	if len(s.group.data) > 0 {
		return s.group.first
	}
	return s.next
}

// Oldest returns the number of the oldest record there is: what was removed and kept included.
func (s *Spool) Oldest() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.segments) == 0 {
		return s.next
	}
	return s.segments[0].first
}

// Removed returns the number up to which Remove was called, in this run or in an earlier one.
func (s *Spool) Removed() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.released
}

// Size returns the bytes of all segments.
func (s *Spool) Size() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// Held returns about how many bytes are not removed yet, and how many there may be.
func (s *Spool) Held() (size, limit int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	size = s.total
	for i := range s.segments[:max(len(s.segments)-1, 0)] {
		if s.segments[i+1].first <= s.released {
			size -= s.segments[i].size
		}
	}
	return size, s.options.Limit
}

// Appended returns how many bytes were appended since the spool was opened.
func (s *Spool) Appended() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.appended
}

// Grown tells that records were written since it last did. It is for one receiver.
func (s *Spool) Grown() <-chan struct{} { return s.grown }

// Freed tells that there may be room again. It is for whoever waits; one of them hears of it.
func (s *Spool) Freed() <-chan struct{} { return s.freed }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

type identity [16]byte

func newIdentity() identity {
	var id identity
	_, _ = rand.Read(id[:]) // never fails (crypto/rand)
	return id
}
