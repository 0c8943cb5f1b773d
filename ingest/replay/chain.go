package replay

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/zeebo/xxh3"

	"mailstop/event"
)

// maxAhead bounds how much of a part is held while it is compared with extents that the ledger knows.
const maxAhead = 64 << 20

// A chain divides a part into extents, each named by a token made from its content and the token before it. So an
// extent is recognised whatever its file is called now, however it is packed, and wherever reading stopped.
//
// An extent ends at the end of a line: the last one at or before ExtentSize bytes, or the first if that is farther
// away. A last line without line end is an extent of its own, with the token it would have with one: if only the line
// end was missing, the line is recognised later; if more of it comes, the whole line is stored as another entry, and
// the half one stays. That is the least bad: not storing it would lose it if nothing follows.
//
// Known extents come first: if some agree with the content, the extent is one of them, rather a stored one than one
// that is only planned, rather a longer one than a shorter. All that could agree are looked at before anything of the
// extent is given, since a prefix of a stored extent may have been stored too, from a copy that was cut short.
type chain struct {
	ledger func(context.Context, string) ([]event.Extent, error)
	source string
	size   int64
	lines  *lines

	queue []block // read and not given; the first are looked at
	err   error   // why no block follows queue

	// Of the extent in hand:
	parent string
	from   int64
	begun  bool
	seen   int            // blocks of queue that hash covers
	hash   xxh3.Hasher    // of parent and what is looked at
	known  []event.Extent // not compared yet, by To
	usual  event.Extent   // as it is if none of known agrees
	final  bool           // usual does not grow
	match  *event.Extent
	end    *event.Extent // decided
}

func newChain(o Options, source string, l *lines) *chain {
	return &chain{ledger: o.Ledger, source: source, size: o.ExtentSize, lines: l, parent: o.root()}
}

// root returns the parent token of first extents. The same bytes of another host are other entries. A zone or a year
// given later is not part of it: the entries stay as they were first read, rather than being there twice.
func (o Options) root() string {
	var h xxh3.Hasher
	for _, s := range []string{"replay 1", o.Host, o.Settings} {
		_, _ = h.WriteString(strconv.Itoa(len(s)) + ":" + s)
	}
	return token(h.Sum128())
}

func token(sum xxh3.Uint128) string {
	b := sum.Bytes()
	return hex.EncodeToString(b[:])
}

// next returns the next block, and the extent if the block is the last of one.
func (c *chain) next(ctx context.Context) (block, *event.Extent, error) {
	if err := c.decide(ctx); err != nil {
		return block{}, nil, err
	}
	b := c.queue[0]
	if c.end != nil && c.end.To < b.to {
		head, tail := b.split(int(c.end.To - b.from))
		b, c.queue[0] = head, tail
	} else {
		c.queue = slices.Delete(c.queue, 0, 1)
		c.seen--
	}
	if c.end == nil || c.end.To != b.to {
		return b, nil, nil
	}
	e := *c.end
	c.parent, c.begun, c.seen, c.end = e.Token, false, 0, nil
	return b, &e, nil
}

// decide looks at blocks until the first can be given: it is known where the extent ends, or that it ends later.
func (c *chain) decide(ctx context.Context) error {
	if !c.begun {
		if err := c.begin(ctx); err != nil {
			return err
		}
	}
	for c.end == nil {
		waiting := len(c.known) > 0 && c.known[0].To-c.from <= max(maxAhead, c.size)
		switch {
		case !waiting && c.match != nil:
			c.end = c.match
		case !waiting && c.final:
			c.end = &c.usual
		case !waiting && c.seen > 1:
			return nil // what is looked at but the last block cannot be the end
		case !c.more():
			c.known = nil
			c.final = true
		case c.queue[c.seen].open && c.seen > 0 && !c.final:
			c.final = true // unless an extent is known that ends with this line
		default:
			c.look(c.queue[c.seen])
			c.seen++
		}
	}
	return nil
}

// A ledgerError ends the source: without an answer nobody knows what is stored.
type ledgerError struct {
	source string
	err    error
}

func (e *ledgerError) Error() string {
	return fmt.Sprintf("ask the store for extents of %s: %v", e.source, e.err)
}

func (e *ledgerError) Unwrap() error { return e.err }

func (c *chain) begin(ctx context.Context) error {
	if !c.more() {
		return c.err
	}
	known, err := c.ledger(ctx, c.parent)
	if err != nil {
		if errors.Is(err, io.EOF) { // a broken connection, which must not pass for the end of the input
			err = errors.New(err.Error())
		}
		return &ledgerError{c.source, err}
	}
	c.from = c.queue[0].from
	c.known = slices.DeleteFunc(slices.Clone(known), func(e event.Extent) bool { return e.To <= c.from })
	slices.SortStableFunc(c.known, func(a, b event.Extent) int { return int(min(max(a.To-b.To, -1), 1)) })
	c.usual = event.Extent{Source: c.source, From: c.from, Parent: c.parent}
	c.begun, c.final, c.match, c.seen = true, false, nil, 0
	c.hash.Reset()
	_, _ = c.hash.WriteString(c.parent)
	return nil
}

// more makes sure that there is a block to look at. A last line without line end gets a block of its own.
func (c *chain) more() bool {
	if c.seen < len(c.queue) {
		return true
	}
	if c.err != nil {
		return false
	}
	b, err := c.lines.next()
	if err != nil {
		c.err = err
		return false
	}
	if b.open {
		if i := bytes.LastIndexByte(b.data[:len(b.data)-1], '\n') + 1; i > 0 {
			head, tail := b.split(i)
			c.queue = append(c.queue, head, tail)
			return true
		}
	}
	c.queue = append(c.queue, b)
	return true
}

// look hashes b and compares at each place where an extent may end.
func (c *chain) look(b block) {
	usual := 0
	if !c.final {
		usual = c.usualEnd(b)
	}
	done := 0
	sum := func(i int) string {
		c.add(b, done, i)
		done = i
		return token(c.hash.Sum128())
	}
	for len(c.known) > 0 && (c.known[0].To <= b.to || b.open && c.known[0].To == b.to+1) {
		known := c.known[0]
		c.known = c.known[1:]
		i := b.lineEnd(known.To)
		if i == 0 {
			continue
		}
		if usual > done && usual <= i {
			c.usual.To, c.usual.Token = b.position(usual), sum(usual)
		}
		if sum(i) == known.Token && (c.match == nil || known.Stored || !c.match.Stored) {
			e := c.usual
			e.To, e.Token, e.Stored = b.position(i), known.Token, known.Stored
			c.match = &e
		}
	}
	if usual > done {
		c.usual.To, c.usual.Token = b.position(usual), sum(usual)
	}
	c.add(b, done, len(b.data))
}

// usualEnd returns the index in b.data where the extent ends as far as b says, 0 if it does not end in b. It sets
// final if no block behind b changes that.
func (c *chain) usualEnd(b block) int {
	limit := c.from + c.size
	if b.to <= limit {
		return len(b.data)
	}
	c.final = true
	// A line end that was put behind a cut line is no place to end.
	if room := min(limit-b.from, int64(len(b.data)-1)); room > 0 {
		if i := bytes.LastIndexByte(b.data[:room], '\n') + 1; i > 0 {
			return i
		}
	}
	if b.from > c.from {
		return 0
	}
	if i := bytes.IndexByte(b.data, '\n'); i >= 0 {
		return i + 1
	}
	return len(b.data)
}

// add hashes b.data[i:j] and, at the end of b, what stands for the rest of its last line. A line end that is missing
// counts as if it were there.
func (c *chain) add(b block, i, j int) {
	_, _ = c.hash.Write(b.data[i:j])
	if i == j || j < len(b.data) {
		return
	}
	switch {
	case b.cut:
		rest := b.rest.Bytes()
		_, _ = c.hash.Write(rest[:])
	case b.open:
		_, _ = c.hash.Write([]byte{'\n'})
	}
}

// position returns the part's position of b.data[i], which starts a line or ends b.
func (b block) position(i int) int64 {
	if i == len(b.data) {
		return b.to
	}
	return b.from + int64(i)
}

// lineEnd returns the index in b.data of the line end that an extent known to end at to has there, 0 if none: the one
// just before to, or, if the extent's last line had no line end, the one at to.
func (b block) lineEnd(to int64) int {
	if to >= b.to {
		return len(b.data)
	}
	i := int(to - b.from)
	if i > 0 && i < len(b.data) && b.data[i-1] == '\n' {
		return i
	}
	if to == b.to-1 {
		return len(b.data)
	}
	if i < len(b.data)-1 && b.data[i] == '\n' { // behind that a line may be cut, and data says nothing of the part
		return i + 1
	}
	return 0
}

func (c *chain) close() {
	for _, b := range c.queue {
		b.buf.release()
	}
	c.queue, c.err, c.begun = nil, errStopped, false
}
