package evtx

// A value is one of a template instance: data[from:to].
type value struct {
	kind     byte
	from, to int32
}

// An instance is a template with where its values are.
type instance struct {
	template uint32 // offset of the definition
	values   int    // offset of the descriptors
	count    int
	end      int
}

const (
	// definitionHeader is what comes before a template's binary XML: the offset of another, a GUID, the size.
	definitionHeader = 24
	// descriptor is what is said of each value before the values: its size, its type, one byte unused.
	descriptor = 4
)

// instanceAt reads the template instance at at. The definition stands there, too, where it is used for the first time.
func (c *chunk) instanceAt(at, end int) (instance, error) {
	var i instance
	end = min(end, len(c.data))
	const head = 10 // token, an unknown byte, the template's id, the definition's offset
	if end-at < head {
		return i, errEnds
	}
	i.template = le.Uint32(c.data[at+6:])
	at += head
	if int64(i.template) == int64(at) {
		size, err := c.definition(i.template)
		if err != nil {
			return i, err
		}
		at += definitionHeader + size
	}
	if end-at < 4 {
		return i, errEnds
	}
	count := le.Uint32(c.data[at:])
	at += 4
	if int64(count)*descriptor > int64(end-at) {
		return i, errEnds
	}
	i.values, i.count = at, int(count)
	sum := 0
	for n := range i.count {
		sum += int(le.Uint16(c.data[at+n*descriptor:]))
	}
	at += i.count * descriptor
	if sum > end-at {
		return i, errEnds
	}
	i.end = at + sum
	return i, c.spend(i.count)
}

// definition returns the size of the template definition at an offset, its header left out.
func (c *chunk) definition(offset uint32) (int, error) {
	if int64(offset)+definitionHeader > int64(len(c.data)) {
		return 0, errReference
	}
	size := le.Uint32(c.data[offset+20:])
	if int64(offset)+definitionHeader+int64(size) > int64(len(c.data)) {
		return 0, errReference
	}
	return int(size), nil
}

// template returns the program of the template definition at an offset.
func (c *chunk) template(offset uint32) (*program, error) {
	if p := c.templates[offset]; p != nil {
		return p, nil
	}
	size, err := c.definition(offset)
	if err != nil {
		return nil, err
	}
	p, err := c.program()
	if err != nil {
		return nil, err
	}
	if err := c.compile(p, int(offset)+definitionHeader, int(offset)+definitionHeader+size, false); err != nil {
		return nil, err
	}
	if len(p.ops) == 0 {
		return nil, errReference
	}
	c.templates[offset] = p
	return p, nil
}

// A machine prints one record.
type machine struct {
	c     *chunk
	out   []byte
	limit int // of len(out)
}

// fragment prints the binary XML in data[at:end]: a record's has one element, that of a value may have more.
func (m *machine) fragment(at, end, depth int) error {
	if depth > maxNested {
		return errDepth
	}
	c := m.c
	end = min(end, len(c.data))
	for at < end {
		if err := c.spend(8); err != nil {
			return err
		}
		switch t := c.data[at]; t &^ more {
		case tokenEnd:
			return nil
		case tokenFragment:
			at += 4
		case tokenInstance:
			i, err := c.instanceAt(at, end)
			if err != nil {
				return err
			}
			if err := m.instance(i, depth); err != nil || depth == 0 {
				return err
			}
			at = i.end
		case tokenOpen, tokenPITarget, tokenPIData:
			p, err := c.program()
			if err != nil {
				return err
			}
			if err := c.compile(p, at, end, depth > 0); err != nil {
				return err
			}
			return m.run(p, 0, len(p.ops), nil, depth)
		default:
			return errToken
		}
	}
	return nil
}

// instance prints a template with its values.
func (m *machine) instance(i instance, depth int) error {
	if depth > maxNested {
		return errDepth
	}
	p, err := m.c.template(i.template)
	if err != nil {
		return err
	}
	c := m.c
	base := len(c.values)
	at := i.values + i.count*descriptor
	for n := range i.count {
		d := c.data[i.values+n*descriptor:]
		size := int(le.Uint16(d))
		c.values = append(c.values, value{kind: d[2], from: int32(at), to: int32(at + size)})
		at += size
	}
	err = m.run(p, 0, len(p.ops), c.values[base:], depth)
	c.values = c.values[:base]
	return err
}

// run executes ops[at:end].
func (m *machine) run(p *program, at, end int, values []value, depth int) error {
	for at < end {
		if err := m.c.spend(1); err != nil {
			return err
		}
		o := &p.ops[at]
		at++
		var err error
		switch o.kind {
		case opText:
			err = m.print(p.text[o.a:o.b])
		case opValue:
			err = m.value(valueAt(values, o.a), false, depth)
		case opAttribute:
			err = m.value(valueAt(values, o.a), true, depth)
		case opInstance:
			var i instance
			if i, err = m.c.instanceAt(int(o.a), int(o.b)); err == nil {
				err = m.instance(i, depth+1)
			}
		case opScope:
			if missing(p.guards[o.a:o.b], values) {
				at = int(o.end)
			} else if o.each >= 0 && valueAt(values, o.each).kind&arrayFlag != 0 {
				err = m.each(p, at, o, values, depth)
				at = int(o.end)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *machine) print(text []byte) error {
	m.out = append(m.out, text...)
	if len(m.out) > m.limit {
		return errLong
	}
	return m.c.spend(len(text))
}

func valueAt(values []value, i int32) value {
	if int(i) < len(values) {
		return values[i]
	}
	return value{}
}

// missing reports whether one of the values is null.
func missing(guards []uint16, values []value) bool {
	for _, g := range guards {
		if valueAt(values, int32(g)).kind == typeNull {
			return true
		}
	}
	return false
}

// each prints a scope once for each item of an array, and once without one if the array is empty.
func (m *machine) each(p *program, at int, o *op, values []value, depth int) error {
	whole := values[o.each]
	defer func() { values[o.each] = whole }()
	rest := whole
	for {
		item, ok := cutItem(m.c.data, &rest)
		if !ok {
			return nil
		}
		values[o.each] = item
		if err := m.run(p, at, int(o.end), values, depth); err != nil {
			return err
		}
		if rest.from >= rest.to {
			return nil
		}
	}
}

// value prints v.
func (m *machine) value(v value, attribute bool, depth int) error {
	data := m.c.data[v.from:v.to]
	from := len(m.out)
	var err error
	switch {
	case v.kind == typeBinXML:
		if attribute {
			return errType
		}
		return m.fragment(int(v.from), int(v.to), depth+1)
	case v.kind&arrayFlag != 0:
		for rest := v; err == nil; {
			item, ok := cutItem(m.c.data, &rest)
			if !ok {
				break
			}
			if len(m.out) > from {
				m.out = append(m.out, ", "...)
			}
			m.out, err = appendScalar(m.out, item.kind, m.c.data[item.from:item.to], attribute)
			if rest.from >= rest.to {
				break
			}
		}
	default:
		m.out, err = appendScalar(m.out, v.kind, data, attribute)
	}
	if err != nil {
		return err
	}
	if len(m.out) > m.limit {
		return errLong
	}
	return m.c.spend(len(m.out) - from)
}
