package extent

import (
	"bytes"
	"context"
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

// A Chain divides a part into extents, each named by a token made from its content and the token before it. So an
// extent is recognised whatever its file is called now, however it is packed, and wherever reading stopped.
//
// An extent ends at the end of a line: the last one at or before Size bytes, or the first if that is farther
// away, or where Lines ends for the time being. A last line without line end is an extent of its own, with the token it
// would have with one: if only the line end was missing, the line is recognised later; if more of it comes, the whole line
// is stored as another entry, and the half one stays. That is the least bad: not storing it would lose it if nothing
// follows.
//
// Known extents come first: if some agree with the content, the extent is one of them, rather a stored one than one
// that is only planned, rather a longer one than a shorter. All that could agree are looked at before anything of the
// extent is given, since a prefix of a stored extent may have been stored too, from a copy that was cut short.
//
// Files that are followed may begin with the same bytes as others, and must be stored again nevertheless. So each has a
// salt, which the token of its first extent is made from too, and with it all that follow. Extents tell it as their Part.
type Chain struct {
	Ledger Ledger // nil if there is no store
	Source string // what extents are shown under
	Size   int64  // where an extent ends at the latest
	Lines  *Lines

	// Root is the parent of first extents (see Root); Parent that of the next one: the same, or, to go on somewhere,
	// the token of the extent before.
	Root, Parent string
	// Salt is that of the extents; empty for parts that are read only once. It changes when known extents with another
	// one are met at the root: the part is the one they were made of.
	Salt string
	// Accept says whether known extents with some salt may be met at the root. Nil: all.
	Accept func(salt string) bool
	// Sole says that nobody else stores anything behind this chain: once nothing is known to follow, nothing is asked.
	Sole bool
	// New says that nothing is stored behind this chain yet, nor will be by anybody else: nothing is asked.
	New bool

	queue []Block // read and not given; the first are looked at
	err   error   // why no block follows queue
	alone bool    // nothing more is known to follow

	// Of the extent in hand:
	from    int64
	begun   bool
	seen    int         // blocks of queue that are hashed
	behind  []parent    // what it may follow: one, unless stored parts begin alike
	own     int         // the one of them that it follows if nothing known agrees
	known   []candidate // not compared yet, by To
	usual   event.Extent
	final   bool // usual does not grow
	matches []candidate
	end     *event.Extent // decided
}

// A parent is what an extent follows.
type parent struct {
	token, salt string
	hash        xxh3.Hasher // of token and what is looked at
}

// A candidate is a known extent that follows behind[of].
type candidate struct {
	event.Extent
	of int
}

// Root returns the parent token of first extents. The same bytes of another host are other entries. A zone or a year
// given later is not part of it: the entries stay as they were first read, rather than being there twice.
func Root(host, settings string) string {
	var h xxh3.Hasher
	for _, s := range []string{"replay 1", host, settings} {
		_, _ = h.WriteString(strconv.Itoa(len(s)) + ":" + s)
	}
	return token(h.Sum128())
}

// Next returns the next block, and the extent if the block is the last of one. With another error than that of Lines,
// which can only come at the start of an extent, it can be called again.
func (c *Chain) Next(ctx context.Context) (Block, *event.Extent, error) {
	if err := c.decide(ctx); err != nil {
		return Block{}, nil, err
	}
	b := c.queue[0]
	if c.end != nil && c.end.To < b.To {
		head, tail := b.split(int(c.end.To - b.From))
		b, c.queue[0] = head, tail
	} else {
		c.queue = slices.Delete(c.queue, 0, 1)
		c.seen--
	}
	if c.end == nil || c.end.To != b.To {
		return b, nil, nil
	}
	e := *c.end
	c.follow(e)
	return b, &e, nil
}

// Part returns the salt of the extent that the block given last belongs to.
func (c *Chain) Part() string {
	if c.end != nil && len(c.matches) > 0 {
		return c.matches[0].Part
	}
	return c.Salt
}

// follow goes on behind e.
func (c *Chain) follow(e event.Extent) {
	c.Parent, c.begun, c.seen, c.end = e.Token, false, 0, nil
	if len(c.matches) == 0 {
		c.Salt = c.behind[c.own].salt
		c.behind = c.behind[:0]
		return
	}
	c.Salt = c.matches[0].Part
	c.behind = c.behind[:0]
	for _, m := range c.matches {
		c.behind = append(c.behind, parent{token: m.Token, salt: m.Part})
	}
}

// decide looks at blocks until the first can be given: it is known where the extent ends, or that it ends later.
func (c *Chain) decide(ctx context.Context) error {
	if !c.begun {
		if err := c.begin(ctx); err != nil {
			return err
		}
	}
	for c.end == nil {
		waiting := len(c.known) > 0 && c.known[0].To-c.from <= max(maxAhead, c.Size)
		switch {
		case !waiting && len(c.matches) > 0:
			c.end = c.match()
		case !waiting && c.final:
			c.end = &c.usual
		case !waiting && c.seen > 1:
			return nil // what is looked at but the last block cannot be the end
		case !c.more():
			c.known = nil
			c.final = true
		case c.queue[c.seen].Open && c.seen > 0 && !c.final:
			c.final = true // unless an extent is known that ends with this line
		default:
			c.look(c.queue[c.seen])
			c.seen++
		}
	}
	return nil
}

// match returns the extent in hand as the ledger knows it.
func (c *Chain) match() *event.Extent {
	e, m := c.usual, c.matches[0]
	e.To, e.Token, e.Stored, e.Parent, e.Part = m.To, m.Token, m.Stored, m.Parent, m.Part
	return &e
}

// A LedgerError says that nobody knows at the moment what is stored.
type LedgerError struct {
	Source string
	Err    error
}

// Error says it for people.
func (e *LedgerError) Error() string {
	return fmt.Sprintf("ask the store for extents of %s: %v", e.Source, e.Err)
}

// Unwrap returns the ledger's error.
func (e *LedgerError) Unwrap() error { return e.Err }

func (c *Chain) begin(ctx context.Context) error {
	if !c.more() {
		return c.err
	}
	c.from = c.queue[0].From
	if len(c.behind) == 0 {
		c.behind = append(c.behind, parent{token: c.Parent, salt: c.Salt})
	}
	if err := c.ask(ctx); err != nil {
		return err
	}
	slices.SortStableFunc(c.known, func(a, b candidate) int { return int(min(max(a.To-b.To, -1), 1)) })
	for i := range c.behind {
		c.behind[i].hash.Reset()
		_, _ = c.behind[i].hash.WriteString(c.behind[i].token)
	}
	own := &c.behind[c.own]
	c.usual = event.Extent{Source: c.Source, Part: own.salt, From: c.from, Parent: own.token}
	c.begun, c.final, c.matches, c.seen = true, false, nil, 0
	return nil
}

// ask finds out which extents are known to follow.
func (c *Chain) ask(ctx context.Context) error {
	c.known, c.own = c.known[:0], -1
	if c.Ledger == nil || c.alone || c.New {
		c.own = 0
		return nil
	}
	for i, p := range c.behind {
		known, err := c.Ledger(ctx, p.token)
		if err != nil {
			if errors.Is(err, io.EOF) { // a broken connection, which must not pass for the end of the input
				err = errors.New(err.Error())
			}
			return &LedgerError{c.Source, err}
		}
		before := len(c.known)
		for _, e := range known {
			if e.To > c.from && (p.token != c.Root || c.Accept == nil || c.Accept(e.Part)) {
				c.known = append(c.known, candidate{e, i})
			}
		}
		if len(c.known) == before && c.own < 0 {
			c.own = i // of several parts that begin alike, this is rather the one of which nothing more is stored
		}
	}
	c.own = max(c.own, 0)
	c.alone = c.Sole && len(c.known) == 0
	return nil
}

// more makes sure that there is a block to look at. A last line without line end gets a block of its own.
func (c *Chain) more() bool {
	if c.seen < len(c.queue) {
		return true
	}
	if c.err != nil {
		return false
	}
	b, err := c.Lines.Next()
	if err != nil {
		c.err = err
		return false
	}
	if b.Open {
		if i := bytes.LastIndexByte(b.Data[:len(b.Data)-1], '\n') + 1; i > 0 {
			head, tail := b.split(i)
			c.queue = append(c.queue, head, tail)
			return true
		}
	}
	c.queue = append(c.queue, b)
	return true
}

// look hashes b and compares at each place where an extent may end.
func (c *Chain) look(b Block) {
	usual := 0
	if !c.final {
		usual = c.usualEnd(b)
	}
	done := 0
	end := func(i int) {
		c.usual.To = b.position(i)
		c.add(b, done, i)
		done = i
		c.usual.Token = c.token(c.own, c.behind[c.own].salt)
	}
	for len(c.known) > 0 && (c.known[0].To <= b.To || b.Open && c.known[0].To == b.To+1) {
		known := c.known[0]
		c.known = c.known[1:]
		i := b.lineEnd(known.To)
		if i == 0 {
			continue
		}
		if usual > done && usual <= i {
			end(usual)
		}
		c.add(b, done, i)
		done = i
		if c.token(known.of, known.Part) == known.Token {
			known.To = b.position(i)
			c.agrees(known)
		}
	}
	if usual > done {
		end(usual)
	}
	c.add(b, done, len(b.Data))
}

// token returns the token of what was looked at, behind one of the parents.
func (c *Chain) token(of int, salt string) string {
	p := &c.behind[of]
	if salt == "" || p.token != c.Root {
		return token(p.hash.Sum128())
	}
	h := p.hash
	_, _ = h.WriteString("\x00salt " + salt)
	return token(h.Sum128())
}

// agrees takes note of a known extent that agrees with the content and ends no earlier than those before it.
func (c *Chain) agrees(k candidate) {
	if len(c.matches) > 0 {
		m := c.matches[0]
		better := k.Stored || !m.Stored
		if k.Part != m.Part && k.To > m.To {
			better = true // that more of it agrees says more about which part this is
		}
		if !better {
			return
		}
		if k.To == m.To && k.Stored == m.Stored && k.Token != m.Token {
			c.matches = append(c.matches, k) // what follows will tell
			return
		}
	}
	c.matches = append(c.matches[:0], k)
}

// usualEnd returns the index in b.Data where the extent ends as far as b says, 0 if it does not end in b. It sets
// final if no block behind b changes that.
func (c *Chain) usualEnd(b Block) int {
	limit := c.from + c.Size
	if b.To <= limit {
		return len(b.Data)
	}
	c.final = true
	// A line end that was put behind a cut line is no place to end.
	if room := min(limit-b.From, int64(len(b.Data)-1)); room > 0 {
		if i := bytes.LastIndexByte(b.Data[:room], '\n') + 1; i > 0 {
			return i
		}
	}
	if b.From > c.from {
		return 0
	}
	if i := bytes.IndexByte(b.Data, '\n'); i >= 0 {
		return i + 1
	}
	return len(b.Data)
}

// add hashes b.Data[i:j] and, at the end of b, what stands for the rest of its last line. A line end that is missing
// counts as if it were there.
func (c *Chain) add(b Block, i, j int) {
	for k := range c.behind {
		b.hash(&c.behind[k].hash, i, j)
	}
}

func (b Block) hash(h *xxh3.Hasher, i, j int) {
	_, _ = h.Write(b.Data[i:j])
	if i == j || j < len(b.Data) {
		return
	}
	switch {
	case b.Cut:
		rest := b.rest.Bytes()
		_, _ = h.Write(rest[:])
	case b.Open:
		_, _ = h.Write([]byte{'\n'})
	}
}

// position returns the part's position of b.Data[i], which starts a line or ends b.
func (b Block) position(i int) int64 {
	if i == len(b.Data) {
		return b.To
	}
	return b.From + int64(i)
}

// lineEnd returns the index in b.Data of the line end that an extent known to end at to has there, 0 if none: the one
// just before to, or, if the extent's last line had no line end, the one at to.
func (b Block) lineEnd(to int64) int {
	if to >= b.To {
		return len(b.Data)
	}
	i := int(to - b.From)
	if i > 0 && i < len(b.Data) && b.Data[i-1] == '\n' {
		return i
	}
	if to == b.To-1 {
		return len(b.Data)
	}
	if i < len(b.Data)-1 && b.Data[i] == '\n' { // behind that a line may be cut, and Data says nothing of the part
		return i + 1
	}
	return 0
}

// errClosed is what a closed chain ends with.
var errClosed = errors.New("reading was stopped")

// Close lets go of what is held.
func (c *Chain) Close() {
	c.drop()
	c.err = errClosed
}

// Resume goes on with other lines, which begin behind the last extent given: where the part has grown since, or in a
// copy of it. What was read and not given is let go of.
func (c *Chain) Resume(l *Lines) {
	c.drop()
	c.Lines, c.err = l, nil
}

func (c *Chain) drop() {
	for _, b := range c.queue {
		b.Release()
	}
	c.queue, c.begun, c.end, c.seen = nil, false, nil, 0
}
