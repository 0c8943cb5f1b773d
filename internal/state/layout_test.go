package state

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"
)

// What cannot be saved is refused, with the way to it.
func TestRefused(t *testing.T) {
	type inner struct{ F func() }
	type tagged struct {
		A int `state:"skip"`
	}
	type midst struct {
		n     [4]uint64
		p     *uint64
		s     []uint64
		whole *[4]uint64
	}
	inside := func(f func(*midst)) *midst { m := &midst{}; f(m); return m }
	list := &node{}
	for n, i := list, 0; i < 2*maxDepth; n, i = n.next, i+1 {
		n.next = &node{}
	}
	zeros := make([]*[1 << 20]uint64, 20)
	for i := range zeros {
		zeros[i] = &[1 << 20]uint64{}
	}
	nowhere := time.Time{}.In(location(t))
	s := make([]uint64, 10)
	for _, c := range []struct {
		v    any
		want string
	}{
		{&struct{ a map[string][]inner }{}, "a[][].F: a func() cannot be saved"},
		{&struct{ a chan int }{}, "chan int"},
		{&struct{ a error }{}, "error"},
		{&struct{ a uintptr }{}, "uintptr"},
		{&struct{ a []struct{} }{}, "[]struct {}"},
		{&struct {
			a []struct {
				f int `state:"-"`
			}
		}{}, "cannot be saved"},
		{&struct{ a map[struct{}]int }{}, "keys of maps"},
		{&struct{ a map[*int]int }{}, "keys of maps"},
		{&struct{ a map[float64]int }{}, "keys of maps"},
		{&tagged{}, `tagged.A: unknown tag state:"skip"`},
		{node{}, "want a pointer"},
		{(*node)(nil), "want a pointer"},
		{nil, "want a pointer"},
		{list, "hang on one another"},
		{&zeros, "too much memory"},
		{inside(func(m *midst) { m.p = &m.n[1] }), "midst"},
		{inside(func(m *midst) { m.whole = &m.n }), "midst"},
		{inside(func(m *midst) { m.s = m.n[2:] }), "midst"},
		{inside(func(m *midst) { m.s = s; m.p = &s[0] }), "midst"},
		{&[2][]uint64{s, s[:9]}, "midst"},
		{&[2][]uint64{s[:5], s[4:]}, "midst"},
		{&nowhere, "time zone"},
	} {
		out, err := Save([]byte("x"), c.v)
		if err == nil || !strings.Contains(err.Error(), c.want) || string(out) != "x" {
			t.Errorf("%T: %v, want %q; %d bytes", c.v, err, c.want, len(out))
		}
	}
	if err := Load(make([]byte, 20), &inner{}); err == nil {
		t.Error("a function is loaded")
	}
}

// location returns a zone that the database does not have.
func location(t *testing.T) *time.Location {
	t.Helper()
	if _, err := named("Nowhere/Here"); err == nil {
		t.Fatal("found")
	}
	l := *berlin() //nolint:govet // the copy has another name
	reflect.NewAt(reflect.TypeFor[string](), unsafe.Pointer(&l)).Elem().SetString("Nowhere/Here")
	return &l
}

type versioned struct{ N int }

func (versioned) StateVersion() int { return version }

var version = 1

// Another layout is told from damage, and nothing is changed.
func TestLayout(t *testing.T) {
	type one struct {
		a int
		b string
	}
	layouts := []any{
		&one{},
		&struct{ a int }{},
		&struct {
			a uint
			b string
		}{},
		&struct {
			a int
			c string
		}{},
		&struct {
			b string
			a int
		}{},
		&struct {
			a int
			b *string
		}{},
		&struct {
			a int
			b []string
		}{},
		&struct {
			a int
			b [1]string
		}{},
		&struct {
			a int
			b [2]string
		}{},
		&struct {
			a int
			b map[string]string
		}{},
		&struct {
			a int
			b map[string]int
		}{},
		&struct {
			a versioned
			b string
		}{},
		&struct {
			a struct{ N int }
			b string
		}{},
	}
	for i, from := range layouts {
		out, err := Save(nil, from)
		if err != nil {
			t.Fatal(err)
		}
		for j, to := range layouts {
			if err := Load(out, to); (i == j) != (err == nil) || i != j && !errors.Is(err, ErrLayout) {
				t.Errorf("%T into %T: %v", from, to, err)
			}
		}
	}
	type renamed struct {
		a int
		b string
		C func() `state:"-"`
	}
	out, _ := Save(nil, &one{1, "x"})
	got := renamed{a: 5}
	if err := Load(out, &got); err != nil || got.a != 1 || got.b != "x" {
		t.Errorf("names of types and tagged fields count: %v", err)
	}
	a, _ := codecOf(reflect.TypeFor[versioned]())
	version = 2
	delete(codecs, a.typ)
	if b, _ := codecOf(a.typ); b.fingerprint == a.fingerprint {
		t.Error("the version does not count")
	}
}

type even struct{ n int64 }

func (e *even) CheckState() error {
	if e.n%2 != 0 {
		return errors.New("odd")
	}
	return nil
}

func TestCheckState(t *testing.T) {
	type holder struct {
		list []even
		m    map[int]*even
		note string
	}
	for _, c := range []struct {
		v    holder
		good bool
	}{
		{holder{list: []even{{2}, {4}}, m: map[int]*even{1: {6}}}, true},
		{holder{list: []even{{2}, {3}}}, false},
		{holder{m: map[int]*even{1: {3}}}, false},
	} {
		out, err := Save(nil, &c.v)
		if err != nil {
			t.Fatal(err)
		}
		got := holder{note: "before"}
		err = Load(out, &got)
		if (err == nil) != c.good || !c.good && (!errors.Is(err, ErrDamaged) || got.note != "before" || got.list != nil) {
			t.Errorf("%+v: %v, %+v", c.v, err, got)
		}
	}
}
