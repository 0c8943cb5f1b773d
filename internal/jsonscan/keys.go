package jsonscan

import "unsafe"

// keys are the keys that a Doc has met, each below the object it is in. They are copies: the text they were read from may
// be gone. There are few of them for logs, and never many: when there are more than maxKeys they are forgotten.
type keys struct {
	all   []key // the first one is the root
	slots []keyID
	bytes []byte // what lead and full are views of
	used  int    // bytes taken since all was empty
}

// A keyID is an index in keys.all; 0 is the root, or none.
type keyID uint16

type key struct {
	lead        string // as it is written, and the colon
	full        string // joined with those above it
	parent      keyID
	next, first keyID // what came behind it, and first inside, the last time
	class       uint8
}

// root is what the keys of the record are below. No key is written like it.
var root = key{lead: "\x00"}

const (
	maxKeys     = 1024 // at the start of a record, which can add as many as it has members
	maxKeyBytes = 64 << 10
	keySlots    = 8192 // more than twice as many as there can be keys
)

// begin makes sure that there is room for the keys of another record.
func (ks *keys) begin() {
	switch {
	case ks.all == nil:
		ks.all = append(make([]key, 0, 64), root)
		ks.slots = make([]keyID, keySlots)
	case len(ks.all) > maxKeys || ks.used > maxKeyBytes:
		ks.all = append(ks.all[:0], root)
		clear(ks.slots)
		ks.bytes, ks.used = ks.bytes[:0], 0
	}
}

// guess returns the key that came behind another one, or first inside it, the last time.
func (ks *keys) guess(before keyID, first bool) keyID {
	if first {
		return ks.all[before].first
	}
	return ks.all[before].next
}

func (ks *keys) expect(before keyID, first bool, k keyID) {
	if first {
		ks.all[before].first = k
	} else {
		ks.all[before].next = k
	}
}

// find returns the key that is written quoted in an object.
func (ks *keys) find(parent keyID, quoted string, class func(string) uint8) keyID {
	h := uint32(2166136261) ^ uint32(parent)*0x9e3779b9 // FNV-1a
	for i := range len(quoted) {
		h = (h ^ uint32(quoted[i])) * 16777619
	}
	slot := h % keySlots
	for ; ks.slots[slot] != 0; slot = (slot + 1) % keySlots {
		if k := &ks.all[ks.slots[slot]]; k.parent == parent && k.lead[:len(k.lead)-1] == quoted {
			return ks.slots[slot]
		}
	}
	name := quoted[1 : len(quoted)-1]
	k := key{parent: parent, lead: ks.keep(quoted, ":", "")}
	k.full = k.lead[1 : len(quoted)-1]
	// Keys that are longer are of no log; joined, they could grow with the square of the text.
	if above := ks.all[parent].full; above != "" && len(above)+1+len(name) <= maxKey {
		k.full = ks.keep(above, ".", name)
	}
	if class != nil {
		k.class = class(k.full)
	}
	ks.all = append(ks.all, k)
	id := keyID(len(ks.all) - 1)
	ks.slots[slot] = id
	return id
}

// keep copies a text that is made of three.
func (ks *keys) keep(a, b, c string) string {
	n := len(a) + len(b) + len(c)
	if n == 0 {
		return ""
	}
	if cap(ks.bytes)-len(ks.bytes) < n {
		ks.bytes = make([]byte, 0, max(4<<10, n)) // views of the old ones stay good
	}
	start := len(ks.bytes)
	ks.bytes = append(append(append(ks.bytes, a...), b...), c...)
	ks.used += n
	return unsafe.String(&ks.bytes[start], n)
}
