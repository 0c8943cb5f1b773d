// Package extent divides what is read into extents, the runs of lines that a store keeps as one, and names each by a
// token, so that after a crash the same lines make the same extents and are known to be stored. It reads what it is given,
// keeps nothing, and knows no format.
package extent

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/zeebo/xxh3"

	"mailstop/event"
)

// A Ledger returns the extents that are planned or stored behind the token parent, in any order.
type Ledger = func(ctx context.Context, parent string) ([]event.Extent, error)

// Records divides a log whose records have positions of their own, such as offsets of Kafka, cursors of the journal or
// numbers. An extent's parent is made from the position it begins at, so that any position is a place to go on; its token
// is made from that, from what the records hold and from the position behind it, so that another log under the same
// name is never taken for this one.
type Records struct {
	Name   string // what is read: "kafka firewall/3"
	Ledger Ledger // nil if there is no store
	Shared bool   // another process may read the log and write to the same store
}

// Begin starts an extent at a position, and asks the ledger which extents are known to begin there. Of the known ones, the
// caller compares as long as records may still belong to one (see Run.Match), before it gives anything away.
func (r *Records) Begin(ctx context.Context, position string) (*Run, error) {
	run := &Run{log: r.Name, shared: r.Shared, parent: at(r.Name, position)}
	_, _ = run.hash.WriteString(run.parent)
	if r.Ledger == nil {
		return run, nil
	}
	known, err := r.Ledger(ctx, run.parent)
	if err != nil {
		return nil, fmt.Errorf("ask the store for extents of %s: %w", r.Name, err)
	}
	run.known = append(run.known, known...)
	if r.Shared {
		for _, k := range known {
			run.tokens += k.Token + " "
		}
	}
	return run, nil
}

// A Run is an extent that grows record by record.
type Run struct {
	log    string
	shared bool
	parent string
	known  []event.Extent
	tokens string // of known, each with a space behind it; if shared
	hash   xxh3.Hasher
	first  int64
	last   int64
	count  int
}

// Add appends a record. number is its place in the log, which grows from record to record; extents show it to people.
func (r *Run) Add(number int64, data []byte) {
	if r.count == 0 {
		r.first = number
	}
	r.last = number
	r.count++
	var frame [16]byte
	binary.LittleEndian.PutUint64(frame[:8], uint64(number))
	binary.LittleEndian.PutUint64(frame[8:], uint64(len(data)))
	_, _ = r.hash.Write(frame[:])
	_, _ = r.hash.Write(data)
}

// Len returns how many records were added.
func (r *Run) Len() int { return r.count }

// Open reports whether a known extent may still be met by adding records.
func (r *Run) Open() bool {
	for _, k := range r.known {
		if k.To > r.last || r.count == 0 {
			return true
		}
	}
	return false
}

// Match returns the known extent that ends with the last record added, if there is one. position is the one behind it.
// A stored extent is preferred to one that is only planned, and a longer one to a shorter: keep the last stored match, or
// else the last match, until Open is false.
func (r *Run) Match(position string) (event.Extent, bool) {
	token := ""
	for _, k := range r.known {
		if k.To != r.last+1 {
			continue
		}
		if token == "" {
			token = r.token(position)
		}
		if k.Token == token {
			return r.extent(token, k.Stored), true
		}
	}
	return event.Extent{}, false
}

// End returns the extent as it is. position is the one behind the last record.
func (r *Run) End(position string) event.Extent { return r.extent(r.token(position), false) }

func (r *Run) extent(token string, stored bool) event.Extent {
	return event.Extent{
		Source: r.log, From: r.first, To: r.last + 1, Parent: r.parent, Token: token, Stored: stored, Shared: r.shared, Known: r.tokens,
	}
}

func (r *Run) token(position string) string {
	h := r.hash
	_, _ = h.WriteString(strconv.Itoa(len(position)) + ":" + position)
	return token(h.Sum128())
}

// at returns the token of a position.
func at(log, position string) string {
	var h xxh3.Hasher
	for _, s := range []string{"records 1", log, position} {
		_, _ = h.WriteString(strconv.Itoa(len(s)) + ":" + s)
	}
	return token(h.Sum128())
}

func token(sum xxh3.Uint128) string {
	b := sum.Bytes()
	return hex.EncodeToString(b[:])
}
