package clickhouse

import (
	"encoding/binary"
	"strings"
)

// words is a LowCardinality(String) column of a block: each value once, and its number for every row. Number 0 is the
// empty text.
//
// Log fields repeat, so a value is looked for first where the last one of its kind was, and only then in the map.
type words struct {
	rows  []uint16
	wide  []uint32 // rows, if there are more values than rows can number
	dict  []byte   // the values but the empty one, each with its length before it
	n     uint32   // numbers given, the empty one's included
	block uint32   // which block this is: numbers of earlier blocks in known are not valid
	known map[string]numbered
	last  cached
	slots [16]cached
}

// A numbered value is a value's number in the block that gave it.
type numbered struct {
	number, block uint32
	text          string // the key of known itself, which is ours to keep
}

type cached struct {
	text   string
	number uint32
}

// maxKnown bounds how many values a column remembers from block to block.
const maxKnown = 8192

func (w *words) reset() {
	w.rows, w.wide, w.dict, w.n = w.rows[:0], nil, w.dict[:0], 1
	w.last, w.slots = cached{}, [16]cached{}
	w.block++
	if w.known == nil || len(w.known) > maxKnown {
		w.known = map[string]numbered{}
	}
}

// number returns the number of s in this block, giving it one if it is new.
func (w *words) number(s string) uint32 {
	if s == w.last.text {
		return w.last.number
	}
	if s == "" {
		return 0
	}
	slot := &w.slots[(len(s)*7+int(s[0])+int(s[len(s)-1])*3)&15]
	if slot.text != s {
		*slot = w.find(s)
	}
	w.last = *slot
	return slot.number
}

func (w *words) find(s string) cached {
	k, ok := w.known[s]
	if !ok {
		k.text = strings.Clone(s)
	}
	if !ok || k.block != w.block {
		k.number, k.block = w.n, w.block
		w.n++
		w.known[k.text] = k
		w.dict = binary.AppendUvarint(w.dict, uint64(len(s)))
		w.dict = append(w.dict, s...)
	}
	return cached{k.text, k.number}
}

// add appends the values of the next rows.
func (w *words) add(texts []string) {
	if w.wide == nil && int(w.n)+len(texts) > 1<<16 {
		w.widen()
	}
	if w.wide != nil {
		for _, s := range texts {
			w.wide = append(w.wide, w.number(s))
		}
		return
	}
	rows := grow(&w.rows, len(texts))
	last := w.last
	for i, s := range texts {
		if s != last.text {
			last = cached{s, w.number(s)}
		}
		rows[i] = uint16(last.number)
	}
}

func (w *words) widen() {
	w.wide = make([]uint32, len(w.rows), 2*len(w.rows)+1)
	for i, r := range w.rows {
		w.wide[i] = uint32(r)
	}
}

// values returns every value of the block by its number.
func (w *words) values() []string {
	out := append(make([]string, 0, w.n), "")
	return append(out, texts(w.dict)...)
}

// texts returns the strings of a String column in its own form.
func texts(b []byte) []string {
	var out []string
	all := string(b)
	for i := 0; i < len(b); {
		n, size := binary.Uvarint(b[i:])
		i += size
		out = append(out, all[i:i+int(n)])
		i += int(n)
	}
	return out
}
