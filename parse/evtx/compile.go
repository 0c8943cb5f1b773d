package evtx

import "errors"

// Tokens of binary XML, [MS-EVEN6] 2.2.12. More says that there is an attribute list, or that more of the same follows.
const (
	tokenEnd        = 0x00
	tokenOpen       = 0x01
	tokenClose      = 0x02
	tokenCloseEmpty = 0x03
	tokenEndElement = 0x04
	tokenValue      = 0x05
	tokenAttribute  = 0x06
	tokenCDATA      = 0x07
	tokenCharRef    = 0x08
	tokenEntityRef  = 0x09
	tokenPITarget   = 0x0a
	tokenPIData     = 0x0b
	tokenInstance   = 0x0c
	tokenNormal     = 0x0d
	tokenOptional   = 0x0e
	tokenFragment   = 0x0f
	more            = 0x40
)

const (
	noDependency = 0xffff
	maxDepth     = 64 // of elements in a template
	maxNested    = 8  // of templates and binary XML in values
)

var (
	errNoEvent   = errors.New("no event in the record")
	errEnds      = errors.New("binary XML ends early")
	errToken     = errors.New("unknown token")
	errName      = errors.New("name that XML does not have")
	errDepth     = errors.New("nested too deep")
	errEntity    = errors.New("unknown entity")
	errReference = errors.New("template that is not there")
	errType      = errors.New("value of another size than its type")
	errLong      = errors.New("text longer than 1 MiB")
)

// A program prints binary XML. Compiling spares finding and converting names for each record of a template.
type program struct {
	ops    []op
	text   []byte   // what ops print
	guards []uint16 // values that must be there
}

// size returns about how much memory p holds.
func (p *program) size() int { return 100 + 20*cap(p.ops) + cap(p.text) + 2*cap(p.guards) }

type opKind uint8

const (
	opText      opKind = iota // print text[a:b]
	opValue                   // print value a
	opAttribute               // print value a in an attribute
	opScope                   // an element or attribute that ends before op end
	opInstance                // run the template instance at a
)

type op struct {
	kind opKind
	a, b int32
	// Of a scope: it is left out if one of guards[a:b] is null, and repeated for each item if value each is an array.
	each int32
	end  int32
}

// A compiler turns binary XML into a program.
type compiler struct {
	c       *chunk
	p       *program
	at, end int
	depth   int
	bare    bool // elements have no dependency id
	one     bool // there is an element, and may be no other
	pending int  // text[pending:] has no op yet
}

// compile appends to p what data[at:end] says, up to the end token.
func (c *chunk) compile(p *program, at, end int, bare bool) error {
	k := compiler{c: c, p: p, at: at, end: min(end, len(c.data)), bare: bare, pending: len(p.text)}
	for k.at < k.end {
		switch t := k.c.data[k.at]; t &^ more {
		case tokenEnd:
			k.flush()
			return nil
		case tokenFragment:
			k.at += 4
		case tokenOpen:
			if k.one {
				return errToken
			}
			if err := k.element(); err != nil {
				return err
			}
			k.one = !bare
		case tokenPITarget, tokenPIData:
			if err := k.instruction(); err != nil {
				return err
			}
		default:
			return errToken
		}
	}
	k.flush()
	return nil
}

func (k *compiler) need(n int) error {
	if k.end-k.at < n {
		return errEnds
	}
	return nil
}

func (k *compiler) byte() byte {
	b := k.c.data[k.at]
	k.at++
	return b
}

func (k *compiler) uint16() int {
	v := le.Uint16(k.c.data[k.at:])
	k.at += 2
	return int(v)
}

func (k *compiler) uint32() uint32 {
	v := le.Uint32(k.c.data[k.at:])
	k.at += 4
	return v
}

func (k *compiler) print(s string) { k.p.text = append(k.p.text, s...) }

// emit appends an op behind the text so far.
func (k *compiler) emit(o op) {
	k.flush()
	k.p.ops = append(k.p.ops, o)
}

func (k *compiler) flush() {
	if n := len(k.p.text); n > k.pending {
		k.p.ops = append(k.p.ops, op{kind: opText, a: int32(k.pending), b: int32(n)})
		k.pending = n
	}
}

// A scope is an element or attribute that is being compiled.
type scope struct {
	at     int // its op
	guards [8]uint16
	n      int
	each   int32
}

func (k *compiler) open(root bool) scope {
	k.emit(op{kind: opScope})
	s := scope{at: len(k.p.ops) - 1, each: -1}
	if root {
		s.n = -1
	}
	return s
}

// guard says that the scope is left out if a value is null.
func (s *scope) guard(index int) {
	if s.n >= 0 && s.n < len(s.guards) {
		s.guards[s.n] = uint16(index)
		s.n++
	}
}

func (k *compiler) close(s scope) {
	k.flush()
	o := &k.p.ops[s.at]
	o.a = int32(len(k.p.guards))
	if s.n > 0 {
		k.p.guards = append(k.p.guards, s.guards[:s.n]...)
	}
	o.b = int32(len(k.p.guards))
	o.each, o.end = s.each, int32(len(k.p.ops))
}

// element compiles an element: [MS-EVEN6] 2.2.12, BinXml StartElement.
func (k *compiler) element() error {
	if k.depth++; k.depth > maxDepth {
		return errDepth
	}
	if err := k.c.spend(64); err != nil {
		return err
	}
	s := k.open(k.depth == 1)
	token := k.byte()
	if k.dependent() {
		if err := k.need(2); err != nil {
			return err
		}
		if d := k.uint16(); d != noDependency {
			s.guard(d)
		}
	}
	if err := k.need(8); err != nil {
		return err
	}
	k.at += 4 // the size: the tokens say it, too
	k.print("<")
	name := len(k.p.text)
	if err := k.name(); err != nil {
		return err
	}
	nameEnd := len(k.p.text)
	if token&more != 0 {
		if err := k.attributes(); err != nil {
			return err
		}
	}
	if err := k.need(1); err != nil {
		return err
	}
	switch k.byte() {
	case tokenCloseEmpty:
		k.print("/>")
	case tokenClose:
		k.print(">")
		if err := k.content(&s); err != nil {
			return err
		}
		k.print("</")
		k.p.text = append(k.p.text, k.p.text[name:nameEnd]...)
		k.print(">")
	default:
		return errToken
	}
	k.close(s)
	k.depth--
	return nil
}

func (k *compiler) attributes() error {
	if err := k.need(4); err != nil {
		return err
	}
	size := k.uint32()
	list := int64(k.at) + int64(size)
	for k.at < k.end && k.c.data[k.at]&^more == tokenAttribute {
		if err := k.c.spend(64); err != nil {
			return err
		}
		k.at++
		s := k.open(false)
		k.print(" ")
		if err := k.name(); err != nil {
			return err
		}
		k.print(`="`)
		if err := k.attributeValue(&s); err != nil {
			return err
		}
		k.print(`"`)
		k.close(s)
	}
	if k.at < k.end && int64(k.at) < list && list < int64(k.end) {
		k.at = int(list) // an empty list is padded
	}
	return nil
}

func (k *compiler) attributeValue(s *scope) error {
	for k.at < k.end {
		var err error
		switch k.c.data[k.at] &^ more {
		case tokenValue:
			err = k.literal(true)
		case tokenNormal, tokenOptional:
			err = k.substitution(s, opAttribute)
			s.each = -1
		case tokenCharRef:
			err = k.charRef(true)
		case tokenEntityRef:
			err = k.entityRef()
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
	return errEnds
}

// content compiles what an element has, with its end token.
func (k *compiler) content(s *scope) error {
	for k.at < k.end {
		var err error
		switch k.c.data[k.at] &^ more {
		case tokenEndElement:
			k.at++
			return nil
		case tokenOpen:
			err = k.element()
		case tokenValue:
			err = k.literal(false)
		case tokenCDATA:
			k.at++
			err = k.counted(false)
		case tokenCharRef:
			err = k.charRef(false)
		case tokenEntityRef:
			err = k.entityRef()
		case tokenNormal, tokenOptional:
			err = k.substitution(s, opValue)
		case tokenPITarget, tokenPIData:
			err = k.instruction()
		case tokenInstance:
			err = k.instance()
		default:
			return errToken
		}
		if err != nil {
			return err
		}
	}
	return errEnds
}
