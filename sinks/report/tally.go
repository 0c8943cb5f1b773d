package report

import (
	"slices"
	"strings"
	"time"
)

// A tally counts by name, with a bound on the names: what comes after that is counted together.
type tally struct {
	rows   []row
	index  map[string]int // made when rows are many
	last   int
	limit  int
	beyond uint64 // counted under none of the names
}

type row struct {
	name string
	n    uint64
}

// maxName is the longest name a tally keeps, in bytes: names come from logs.
const maxName = 256

// fewRows is up to where a tally looks through its rows one by one, which is faster than a map.
const fewRows = 8

// add counts n under name and returns the row's index, or -1 if there are too many names. Lines of one host or reason
// come in runs, so the last row is tried first.
func (t *tally) add(name string, n uint64) int {
	if t.last < len(t.rows) && t.rows[t.last].name == name {
		t.rows[t.last].n += n
		return t.last
	}
	return t.addOther(name, n)
}

func (t *tally) addOther(name string, n uint64) int {
	name = name[:min(len(name), maxName)]
	i := t.find(name)
	if i < 0 {
		if len(t.rows) >= t.limit {
			t.beyond += n
			return -1
		}
		i = len(t.rows)
		name = strings.Clone(name)
		t.rows = append(t.rows, row{name: name})
		if t.index != nil {
			t.index[name] = i
		}
	}
	t.last = i
	t.rows[i].n += n
	return i
}

func (t *tally) find(name string) int {
	if t.index == nil {
		if len(t.rows) <= fewRows {
			return slices.IndexFunc(t.rows, func(r row) bool { return r.name == name })
		}
		t.index = make(map[string]int, 2*len(t.rows))
		for i, r := range t.rows {
			t.index[r.name] = i
		}
	}
	if i, ok := t.index[name]; ok {
		return i
	}
	return -1
}

// merge adds what o counted, after what t counted.
func (t *tally) merge(o *tally) {
	for _, r := range o.rows {
		t.add(r.name, r.n)
	}
	t.beyond += o.beyond
}

// sorted returns the rows, the most counted first, by name where equal.
func (t *tally) sorted() []row {
	rows := slices.Clone(t.rows)
	slices.SortFunc(rows, func(a, b row) int {
		if a.n != b.n {
			if a.n > b.n {
				return -1
			}
			return 1
		}
		return strings.Compare(a.name, b.name)
	})
	return rows
}

// A span finds the first and the last of many times, and leaves out those of broken clocks: a clock in 1970 or 2099
// must not say how long a log is. It keeps first and last per epoch, of which there are at most 512.
type span struct {
	epochs []epoch // in order of time
	last   int
}

type epoch struct {
	key         int64
	n           uint64
	first, last int64
}

// epochBits makes an epoch 2^55 ns, which is about 417 days.
const epochBits = 55

// farEpochs is how far a time may be from the median before its clock is taken for broken: a little over ten years.
const farEpochs = 9

// add takes one time, in nanoseconds since 1970.
func (s *span) add(t int64) {
	key := t >> epochBits
	if s.last >= len(s.epochs) || s.epochs[s.last].key != key {
		s.seek(key)
	}
	e := &s.epochs[s.last]
	if e.n == 0 {
		e.first, e.last = t, t
	}
	e.n++
	e.first, e.last = min(e.first, t), max(e.last, t)
}

// seek makes the epoch of key the last one used.
func (s *span) seek(key int64) {
	i, found := slices.BinarySearchFunc(s.epochs, key, func(e epoch, key int64) int { return int(e.key - key) })
	if !found {
		s.epochs = slices.Insert(s.epochs, i, epoch{key: key})
	}
	s.last = i
}

func (s *span) merge(o *span) {
	for _, from := range o.epochs {
		s.seek(from.key)
		to := &s.epochs[s.last]
		if to.n == 0 {
			*to = from
			continue
		}
		to.n += from.n
		to.first, to.last = min(to.first, from.first), max(to.last, from.last)
	}
}

// bounds returns the first and the last time near the median, zero if there is none, how many were set aside and the
// extremes of those.
func (s *span) bounds() (first, last time.Time, aside uint64, asideFirst, asideLast time.Time) {
	var total, seen uint64
	for _, e := range s.epochs {
		total += e.n
	}
	var median int64
	for _, e := range s.epochs {
		seen += e.n
		if seen >= total-total/2 {
			median = e.key
			break
		}
	}
	for _, e := range s.epochs {
		from, to := time.Unix(0, e.first).UTC(), time.Unix(0, e.last).UTC()
		if e.key < median-farEpochs || e.key > median+farEpochs {
			aside += e.n
			if asideFirst.IsZero() {
				asideFirst = from
			}
			asideLast = to
			continue
		}
		if first.IsZero() {
			first = from
		}
		last = to
	}
	return first, last, aside, asideFirst, asideLast
}
