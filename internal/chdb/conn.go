package chdb

import (
	"context"
	"errors"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"unsafe"
)

// An Error is what the engine answered.
type Error struct {
	Code    int // ClickHouse's number, 0 if it gave none
	Message string
}

func (e *Error) Error() string { return e.Message }

var codeRE = regexp.MustCompile(`Code: (\d+)`)

func engineError(text string) error {
	e := &Error{Message: strings.TrimSpace(text)}
	if m := codeRE.FindStringSubmatch(text); m != nil {
		e.Code, _ = strconv.Atoi(m[1])
	}
	return e
}

// conn is one connection: it runs one statement at a time.
type conn struct {
	lib      *library
	handle   unsafe.Pointer
	database string // what USE named last
	tainted  bool   // has settings that cannot be taken back: close it after use
}

func (c *conn) inner() unsafe.Pointer { return *(*unsafe.Pointer)(c.handle) }

func (c *conn) close() { c.lib.closeConn(c.handle) }

// run runs one statement and returns its whole result.
func (c *conn) run(sql, format string) ([]byte, error) {
	q, qn := ptr(sql)
	f, fn := ptr(format)
	r := c.lib.query(c.inner(), q, qn, f, fn)
	runtime.KeepAlive(sql)
	if r == nil {
		return nil, nil
	}
	defer c.lib.resDestroy(r)
	if e := c.lib.resError(r); e != "" {
		return nil, engineError(e)
	}
	return append([]byte(nil), c.lib.bytes(r)...), nil
}

func (c *conn) exec(sql string) error {
	_, err := c.run(sql, "Null")
	return err
}

// stream runs one SELECT and calls f with its result, chunk by chunk; a chunk is valid only during the call. It stops
// when f fails or ctx ends.
func (c *conn) stream(ctx context.Context, sql, format string, f func([]byte) error) error {
	q, qn := ptr(sql)
	fm, fn := ptr(format)
	r := c.lib.stream(c.inner(), q, qn, fm, fn)
	runtime.KeepAlive(sql)
	if r == nil {
		return errors.New("the engine gave no result")
	}
	defer c.lib.resDestroy(r)
	if e := c.lib.resError(r); e != "" {
		return engineError(e)
	}
	for {
		if err := ctx.Err(); err != nil {
			c.lib.cancelQuery(c.inner(), r)
			return err
		}
		more, err := c.chunk(r, f)
		if err != nil || !more {
			if err != nil {
				c.lib.cancelQuery(c.inner(), r)
			}
			return err
		}
	}
}

func (c *conn) chunk(r unsafe.Pointer, f func([]byte) error) (more bool, err error) {
	chunk := c.lib.fetch(c.inner(), r)
	if chunk == nil {
		return false, nil
	}
	defer c.lib.resDestroy(chunk)
	if e := c.lib.resError(chunk); e != "" {
		return false, engineError(e)
	}
	b := c.lib.bytes(chunk)
	if len(b) == 0 {
		return false, nil
	}
	return true, f(b)
}

// bytes returns the result's text, which belongs to the result.
func (l *library) bytes(r unsafe.Pointer) []byte {
	n := l.resLength(r)
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(l.resBuffer(r)), n)
}

// insertStream is a running INSERT.
type insertStream struct {
	lib    *library
	handle unsafe.Pointer
}

func (c *conn) insert(sql, format string) (*insertStream, error) {
	q, qn := ptr(sql)
	f, fn := ptr(format)
	h := c.lib.insert(c.inner(), q, qn, f, fn)
	runtime.KeepAlive(sql)
	if h == nil {
		return nil, errors.New("the engine gave no insert stream")
	}
	s := &insertStream{lib: c.lib, handle: h}
	if e := c.lib.insError(h); e != "" {
		c.lib.insDestroy(h)
		return nil, engineError(e)
	}
	return s, nil
}

func (s *insertStream) append(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	status := s.lib.insAppend(s.handle, unsafe.Pointer(unsafe.SliceData(b)), uintptr(len(b)))
	runtime.KeepAlive(b)
	if status == 0 {
		return nil
	}
	if e := s.lib.insError(s.handle); e != "" {
		return engineError(e)
	}
	return errors.New("the engine refused the data")
}

// done ends the stream and returns how many rows are durable, those of materialized views included.
func (s *insertStream) done() (uint64, error) {
	r := s.lib.insDone(s.handle)
	defer s.lib.insDestroy(s.handle)
	if r == nil {
		if e := s.lib.insError(s.handle); e != "" {
			return 0, engineError(e)
		}
		return 0, errors.New("the engine gave no answer")
	}
	defer s.lib.resDestroy(r)
	if e := s.lib.resError(r); e != "" {
		return 0, engineError(e)
	}
	return s.lib.resWritten(r), nil
}

func (s *insertStream) cancel() {
	s.lib.insCancel(s.handle)
	s.lib.insDestroy(s.handle)
}
