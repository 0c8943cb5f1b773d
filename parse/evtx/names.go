package evtx

// dependent reports whether the element at the cursor has a dependency id: in templates it has, in binary XML that is a
// value it has not. Where only the other of the two leads to a name, it is the other.
func (k *compiler) dependent() bool {
	if k.bare {
		return !k.leadsToName(4) && k.leadsToName(6)
	}
	return k.leadsToName(6) || !k.leadsToName(4)
}

func (k *compiler) leadsToName(skip int) bool {
	at := k.at + skip
	if at+4 > k.end {
		return false
	}
	offset := int(le.Uint32(k.c.data[at:]))
	if offset != at+4 && offset > at {
		return false
	}
	d := k.c.data
	if offset < firstRecord || offset+nameHead > len(d) {
		return false
	}
	n := int(le.Uint16(d[offset+6:]))
	return offset+nameHead+2*n <= len(d) && nameHash(d[offset+nameHead:][:2*n]) == le.Uint16(d[offset+4:])
}

// nameHead is what comes before a name's letters: the offset of another name with the same hash, the hash, the length.
const nameHead = 8

func nameHash(utf16 []byte) uint16 {
	h := uint32(0)
	for ; len(utf16) >= 2; utf16 = utf16[2:] {
		h = h*65599 + uint32(le.Uint16(utf16))
	}
	return uint16(h)
}

// name prints the name that the offset at the cursor leads to. Where the offset is that of what follows, the name stands
// there.
func (k *compiler) name() error {
	raw, err := k.rawName()
	if err != nil {
		return err
	}
	from := len(k.p.text)
	var ok bool
	k.p.text, ok = appendName(k.p.text, raw)
	if !ok {
		return errName
	}
	return k.c.spend(len(k.p.text) - from)
}

func (k *compiler) rawName() ([]byte, error) {
	if err := k.need(4); err != nil {
		return nil, err
	}
	offset := int64(k.uint32())
	d := k.c.data
	if offset+nameHead > int64(len(d)) {
		return nil, errName
	}
	n := 2 * int64(le.Uint16(d[offset+6:]))
	from := offset + nameHead
	if from+n > int64(len(d)) {
		return nil, errName
	}
	if offset == int64(k.at) {
		k.at = int(from+n) + 2
	}
	return d[from : from+n], nil
}
