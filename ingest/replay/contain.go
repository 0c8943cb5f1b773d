package replay

import (
	"bytes"
	"io"

	"mailstop/ingest"
)

const (
	// headSize is how much of a part containers are told by.
	headSize = 4 << 10
	// maxContainers bounds how deep containers lie in one another, as XML lies in UTF-16.
	maxContainers = 3
)

// containerOf returns the first of kinds that takes head for its own, or nil.
func containerOf(kinds []ingest.Container, head []byte) *ingest.Container {
	if len(head) == 0 {
		return nil
	}
	head = head[:min(len(head), headSize)]
	for i := range kinds {
		if kinds[i].Match(head) {
			return &kinds[i]
		}
	}
	return nil
}

// contained is text that may lie in containers. The first read finds out, since the first bytes may be long in coming.
type contained struct {
	kinds   []ingest.Container
	src     io.Reader
	eager   bool
	decided bool
}

func contain(src io.Reader, kinds []ingest.Container, eager bool) io.Reader {
	if len(kinds) == 0 {
		return src
	}
	return &contained{kinds: kinds, src: src, eager: eager}
}

func (c *contained) Read(p []byte) (int, error) {
	if !c.decided {
		c.decided = true
		for range maxContainers {
			h := &headed{src: c.src}
			c.src = h
			kind := h.sniff(c.kinds, c.eager)
			if kind == nil {
				break
			}
			c.src = kind.Lines(h)
		}
	}
	return c.src.Read(p)
}

// headed is a reader whose first bytes were looked at.
type headed struct {
	head []byte // not given yet
	err  error  // what comes behind head, if it is known
	src  io.Reader
}

// sniff reads the head and returns the container it belongs to. If it is eager it does not wait for more than a
// container or, if there is none, a line asks for: nothing can be given before a line is whole.
func (h *headed) sniff(kinds []ingest.Container, eager bool) *ingest.Container {
	buf := make([]byte, headSize)
	n := 0
	for idle := 0; n < len(buf) && h.err == nil; {
		var more int
		more, h.err = h.src.Read(buf[n:])
		n += more
		if more == 0 {
			if idle++; idle == 100 && h.err == nil {
				h.err = io.ErrNoProgress
			}
			continue
		}
		idle = 0
		if !eager {
			continue
		}
		if kind := containerOf(kinds, buf[:n]); kind != nil {
			h.head = buf[:n]
			return kind
		}
		if bytes.IndexByte(buf[n-more:n], '\n') >= 0 {
			h.head = buf[:n]
			return nil
		}
	}
	h.head = buf[:n]
	return containerOf(kinds, h.head)
}

func (h *headed) Read(p []byte) (int, error) {
	if len(h.head) > 0 {
		n := copy(p, h.head)
		h.head = h.head[n:]
		return n, nil
	}
	if h.err != nil {
		return 0, h.err
	}
	return h.src.Read(p)
}

// whole reads a file as far as it reached when it was opened. Ending before that is damage.
type whole struct {
	src  io.Reader
	rest int64
}

func (w *whole) Read(p []byte) (int, error) {
	if w.rest == 0 {
		return 0, io.EOF
	}
	n, err := w.src.Read(p[:min(int64(len(p)), w.rest)])
	w.rest -= int64(n)
	if err == io.EOF {
		return n, errShrunk
	}
	return n, err
}
