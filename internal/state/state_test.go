package state

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"
	"time"
	"unsafe"
)

type name string

type small struct {
	tag   uint32
	ports uint16
	hosts uint16
}

type padded struct {
	a uint8
	b uint64
	c bool
}

type node struct {
	name string
	next *node
	kids []*node
}

// everything has a field of each kind.
type everything struct {
	b      bool
	i      int
	i8     int8
	u16    uint16
	f      float64
	c      complex64
	s      name
	arr    [3]int32
	strs   [2]string
	table  [100]small
	big    [][8]uint64
	flat   []uint8
	texts  []string
	pads   []padded
	addr   netip.Addr
	net    netip.Prefix
	at     time.Time
	zone   *time.Location
	nodes  map[string]*node
	sets   map[netip.Addr]struct{}
	deep   map[padded]map[name][]string
	nested map[uint16]map[uint8]*small
	first  *node
	same   *node
	ptr    **small
	alias  []string
	blank  struct{}
	void   *struct{}

	cache chan int `state:"-"`
	site  any      `state:"-"`
}

var testZones = []*time.Location{nil, time.UTC, time.FixedZone("X", 3600), time.FixedZone("", -7200), berlin()}

func berlin() *time.Location {
	l, err := named("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return l
}

// random fills memory with values that come in all sizes.
type random struct {
	*rand.Rand
	nodes []*node
}

func (r *random) text() string {
	b := make([]byte, r.IntN(1<<r.IntN(8)))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

func (r *random) addr() netip.Addr {
	b := make([]byte, 16)
	binary.LittleEndian.PutUint64(b, r.Uint64())
	a := netip.AddrFrom16([16]byte(b))
	switch r.IntN(5) {
	case 0:
		return netip.Addr{}
	case 1:
		return netip.AddrFrom4([4]byte(b))
	case 2:
		return netip.AddrFrom16(netip.AddrFrom4([4]byte(b)).As16())
	case 3:
		return a.WithZone("eth" + string(rune('0'+r.IntN(3))))
	}
	return a
}

// node returns a node, new or known.
func (r *random) node() *node {
	if len(r.nodes) > 0 && r.IntN(3) == 0 {
		return r.nodes[r.IntN(len(r.nodes))]
	}
	if len(r.nodes) > 20 || r.IntN(5) == 0 {
		return nil
	}
	n := &node{name: r.text()}
	r.nodes = append(r.nodes, n)
	n.next = r.node()
	for range r.IntN(3) {
		n.kids = append(n.kids, r.node())
	}
	return n
}

func (r *random) small() small { return small{r.Uint32(), uint16(r.Uint32()), uint16(r.Uint32())} }

func (r *random) everything() *everything {
	v := &everything{
		b: r.IntN(2) == 0, i: int(r.Uint64()), i8: int8(r.Uint32()), u16: uint16(r.Uint32()), f: r.NormFloat64(), c: complex(1, 2),
		s: name(r.text()), arr: [3]int32{1, r.Int32(), 3}, strs: [2]string{r.text(), r.text()}, addr: r.addr(),
		zone: testZones[r.IntN(len(testZones))], blank: struct{}{}, first: r.node(), same: r.node(),
	}
	for range r.IntN(30) {
		v.table[r.IntN(len(v.table))] = r.small()
	}
	if r.IntN(3) > 0 {
		v.big = make([][8]uint64, r.IntN(1000))
		for range min(len(v.big), r.IntN(20)) {
			v.big[r.IntN(len(v.big))][r.IntN(8)] = r.Uint64()
		}
	}
	v.flat = make([]byte, r.IntN(600))
	for range len(v.flat) / 4 {
		v.flat[r.IntN(len(v.flat))] = 7
	}
	if a := r.addr().WithZone(""); a.IsValid() {
		v.net = netip.PrefixFrom(a, r.IntN(33)-1)
	}
	if r.IntN(4) > 0 {
		v.at = time.Unix(r.Int64N(1<<40)-1<<39, r.Int64N(1e9)).In(testZones[1+r.IntN(len(testZones)-1)])
	}
	if r.IntN(3) > 0 {
		v.nodes = map[string]*node{}
		v.sets = map[netip.Addr]struct{}{}
		v.deep = map[padded]map[name][]string{}
		v.nested = map[uint16]map[uint8]*small{}
		p := r.small()
		q := &p
		v.ptr = &q
		v.void = &struct{}{}
	}
	for range r.IntN(10) * len(v.nodes) {
		v.nodes[r.text()] = r.node()
	}
	if v.nodes != nil {
		r.maps(v)
	}
	for range r.IntN(5) {
		v.texts = append(v.texts, r.text())
		v.pads = append(v.pads, padded{byte(r.Uint32()), r.Uint64(), r.IntN(2) == 0})
	}
	v.alias = v.texts
	return v
}

func (r *random) maps(v *everything) {
	for range r.IntN(20) {
		v.nodes[r.text()] = r.node()
		v.sets[r.addr()] = struct{}{}
		m := map[name][]string{}
		for range r.IntN(4) {
			m[name(r.text())] = []string{r.text(), r.text()}
		}
		v.deep[padded{byte(r.Uint32()), r.Uint64(), r.IntN(2) == 0}] = m
		s := r.small()
		v.nested[uint16(r.Uint32())] = map[uint8]*small{1: &s, 2: nil, 3: &s}
	}
}

// dirt fills the padding of a value's copy, which must not be seen.
func dirt(p *padded) {
	b := unsafe.Slice((*byte)(unsafe.Pointer(p)), unsafe.Sizeof(*p))
	for i := 1; i < 8; i++ {
		b[i] ^= 0xff
	}
}

// What is saved comes back, whatever it is, and gives the same bytes again.
func TestRoundTrip(t *testing.T) {
	for seed := range uint64(300) {
		r := random{Rand: rand.New(rand.NewPCG(seed, 1))}
		v := r.everything()
		b, err := Save([]byte("before"), v)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if string(b[:6]) != "before" {
			t.Fatal("dst is lost")
		}
		b = b[6:]
		for i := range v.pads {
			dirt(&v.pads[i])
		}
		for range 2 { // maps have another order each time
			if again, err := Save(nil, v); err != nil || !bytes.Equal(again, b) {
				t.Fatalf("seed %d: other bytes, %v", seed, err)
			}
		}
		got := (&random{Rand: rand.New(rand.NewPCG(seed, 2))}).everything() // what was there before does not matter
		if seed%2 == 0 {
			got = &everything{}
		}
		v.cache, v.site = make(chan int), t
		got.cache, got.site = v.cache, v.site // these stay as they are
		src := bytes.Clone(b)
		if err := Load(src, got); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		clear(src) // nothing of it is kept
		if !reflect.DeepEqual(got, v) {
			t.Fatalf("seed %d:\n got %+v\nwant %+v", seed, got, v)
		}
		if again, err := Save(nil, got); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("seed %d: other bytes after loading, %v", seed, err)
		}
		if len(v.texts) > 0 && &got.texts[0] != &got.alias[0] {
			t.Fatalf("seed %d: a shared slice became two", seed)
		}
	}
}

// What two ways lead to is one thing afterwards, also in circles, and what is tagged stays.
func TestIdentity(t *testing.T) {
	a, b := &node{name: "a"}, &node{name: "b"}
	a.next, b.next, a.kids = b, a, []*node{a, b, nil}
	type shared struct {
		a, again *node
		m, same  map[string]*node
		self     *shared
		site     *string `state:"-"`
	}
	v := &shared{a: a, again: a, m: map[string]*node{"b": b}}
	v.same, v.self = v.m, v
	out, err := Save(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	site := "configured"
	inPlace := &node{name: "old", kids: []*node{nil}}
	got := &shared{site: &site, a: inPlace}
	if err := Load(out, got); err != nil {
		t.Fatal(err)
	}
	switch {
	case got.site != &site || got.self != got:
		t.Errorf("%+v", got)
	case got.a != inPlace || got.again != got.a || got.a.next.next != got.a || got.a.kids[0] != got.a || got.a.kids[1] != got.a.next:
		t.Error("nodes are other ones")
	case got.m["b"] != got.a.next:
		t.Error("a map's value is another one")
	}
	got.m["c"] = a
	if got.same["c"] != a {
		t.Error("a shared map became two")
	}
}

// A pointer that is set already is filled in place once: two things stay two.
func TestInPlaceOnce(t *testing.T) {
	type two struct{ a, b *node }
	out, err := Save(nil, &two{&node{name: "a"}, &node{name: "b"}})
	if err != nil {
		t.Fatal(err)
	}
	one := &node{}
	got := &two{one, one}
	if err := Load(out, got); err != nil || got.a.name != "a" || got.b.name != "b" {
		t.Errorf("%+v %+v %v", got.a, got.b, err)
	}
}

func TestSparse(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for n := range 600 {
		b := make([]byte, n)
		for range r.IntN(n/8 + 1) {
			b[r.IntN(n)] = byte(r.Uint32())
		}
		out := appendSparse(nil, b)
		got := bytes.Repeat([]byte{0xaa}, n)
		d := decoder{in: out}
		d.sparse(got)
		if d.err != nil || len(d.in) > 0 || !bytes.Equal(got, b) {
			t.Fatalf("%d bytes: %v, %d left", n, d.err, len(d.in))
		}
	}
	if n := len(appendSparse(nil, make([]byte, 2<<20))); n > 8 {
		t.Errorf("two megabytes of zeros take %d bytes", n)
	}
}

func BenchmarkTables(b *testing.B) {
	type table struct{ buckets [][8]uint64 }
	for _, full := range []bool{false, true} {
		v := &table{make([][8]uint64, 1<<15)}
		r := rand.New(rand.NewPCG(1, 1))
		for i := range v.buckets {
			if full || i%64 == 0 {
				v.buckets[i] = [8]uint64{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()}
			}
		}
		name := map[bool]string{false: "idle", true: "full"}[full]
		var out []byte
		b.Run("save/"+name, func(b *testing.B) {
			b.SetBytes(2 << 20)
			b.ReportAllocs()
			for b.Loop() {
				out, _ = Save(out[:0], v)
			}
		})
		b.Run("load/"+name, func(b *testing.B) {
			b.SetBytes(2 << 20)
			b.ReportAllocs()
			for b.Loop() {
				if err := Load(out, v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMaps(b *testing.B) {
	v := map[netip.Addr]map[uint16]*small{}
	for i := range 4096 {
		v[netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})] = map[uint16]*small{25: {tag: 1}, 587: {tag: 2}}
	}
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		out, _ = Save(out[:0], &v)
	}
	b.SetBytes(int64(len(out)))
}
