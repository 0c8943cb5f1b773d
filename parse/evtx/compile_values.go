package evtx

import "unicode/utf8"

// substitution compiles a gap that a value of the template instance fills.
func (k *compiler) substitution(s *scope, kind opKind) error {
	if err := k.need(4); err != nil {
		return err
	}
	if err := k.c.spend(32); err != nil {
		return err
	}
	optional := k.byte()&^more == tokenOptional
	index := k.uint16()
	declared := k.byte()
	if optional && declared != typeBinXML {
		// "The optional substitution applies only to the element or attribute immediately enclosing it" (3.1.4.7.2). The
		// whole of <Event> has one, too, for its EventData, and does not vanish without it.
		s.guard(index)
	}
	if s.each < 0 {
		s.each = int32(index)
	}
	k.emit(op{kind: kind, a: int32(index)})
	return nil
}

// literal compiles a value that is the same for all records.
func (k *compiler) literal(attribute bool) error {
	if err := k.need(2); err != nil {
		return err
	}
	k.at++
	kind := k.byte()
	if kind == typeString {
		return k.counted(attribute)
	}
	size := fixedSize(kind)
	if size == 0 {
		return errType
	}
	if err := k.need(size); err != nil {
		return err
	}
	from := len(k.p.text)
	text, err := appendScalar(k.p.text, kind, k.c.data[k.at:k.at+size], attribute)
	if err != nil {
		return err
	}
	k.p.text = text
	k.at += size
	return k.c.spend(len(text) - from)
}

// counted compiles text behind its length.
func (k *compiler) counted(attribute bool) error {
	if err := k.need(2); err != nil {
		return err
	}
	n := 2 * k.uint16()
	if err := k.need(n); err != nil {
		return err
	}
	from := len(k.p.text)
	k.p.text = appendText(k.p.text, k.c.data[k.at:k.at+n], attribute)
	k.at += n
	return k.c.spend(len(k.p.text) - from)
}

func (k *compiler) charRef(attribute bool) error {
	if err := k.need(3); err != nil {
		return err
	}
	k.p.text = appendText(k.p.text, k.c.data[k.at+1:k.at+3], attribute)
	k.at += 3
	return k.c.spend(16)
}

func (k *compiler) entityRef() error {
	if err := k.need(5); err != nil {
		return err
	}
	k.at++
	raw, err := k.rawName()
	if err != nil {
		return err
	}
	var name [8]byte
	n := 0
	for ; len(raw) >= 2 && n < len(name); raw = raw[2:] {
		if u := le.Uint16(raw); u < utf8.RuneSelf {
			name[n] = byte(u)
			n++
		}
	}
	switch string(name[:n]) {
	case "amp", "lt", "gt", "quot", "apos":
		k.print("&")
		k.p.text = append(k.p.text, name[:n]...)
		k.print(";")
		return k.c.spend(16)
	}
	return errEntity
}

// instruction passes over a processing instruction, which says nothing of the event.
func (k *compiler) instruction() error {
	if k.byte()&^more == tokenPITarget {
		_, err := k.rawName()
		return err
	}
	if err := k.need(2); err != nil {
		return err
	}
	n := 2 * k.uint16()
	if err := k.need(n); err != nil {
		return err
	}
	k.at += n
	return nil
}

// instance compiles a template instance among an element's content.
func (k *compiler) instance() error {
	i, err := k.c.instanceAt(k.at, k.end)
	if err != nil {
		return err
	}
	if err := k.c.spend(32); err != nil {
		return err
	}
	k.emit(op{kind: opInstance, a: int32(k.at), b: int32(k.end)})
	k.at = i.end
	return nil
}
