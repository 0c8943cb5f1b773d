package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"reflect"
	"testing"
)

// Any single byte that is wrong, missing or too many is noticed, and changes nothing.
func TestDamage(t *testing.T) {
	r := random{Rand: rand.New(rand.NewPCG(3, 3))}
	v := r.everything()
	b, err := Save(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	got, before := &everything{s: "before"}, &everything{s: "before"}
	try := func(src []byte, what string, i int) {
		t.Helper()
		err := Load(src, got)
		if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrLayout) || !reflect.DeepEqual(got, before) {
			t.Fatalf("%s %d: %v", what, i, err)
		}
	}
	for i := 0; i < len(b); i += 1 + i/64 {
		bad := bytes.Clone(b)
		bad[i] ^= 1 << (i % 8)
		try(bad, "bit", i)
		try(b[:i], "cut", i)
	}
	try(append(bytes.Clone(b), 0), "more", 1)
	try(nil, "nil", 0)
}

// sealed gives bytes the fingerprint and checksum that they would need.
func sealed(t testing.TB, body []byte, v any) []byte {
	c, _, err := root(v)
	if err != nil {
		t.Fatal(err)
	}
	out := append(c.fingerprint[:len(c.fingerprint):len(c.fingerprint)], body...)
	return binary.LittleEndian.AppendUint32(out, crc32.Checksum(out, castagnoli))
}

// Lengths that nothing stands behind take no memory.
func TestBombs(t *testing.T) {
	huge := binary.AppendUvarint(nil, 1<<62)
	big := binary.AppendUvarint(nil, 1<<27)
	for _, c := range []struct {
		v    any
		body []byte
	}{
		{new(string), huge},
		{new([]string), append([]byte{1}, huge...)},
		{new([]uint64), append([]byte{1}, huge...)},
		{new([]uint64), append(append([]byte{1}, big...), 0, 0)},
		{new([]byte), append(append([]byte{1}, big...), append(binary.AppendUvarint(nil, 1<<24), 0)...)},
		{new(map[int]int), append([]byte{1}, huge...)},
		{new([1000]uint64), []byte{0, 0}},
		{new([1000]uint64), append(huge, huge...)},
		{new(*node), bytes.Repeat([]byte{1, 0}, 100_000)},
		{new(*node), []byte{9}},
		{new([2]*node), []byte{1, 0, 0, 0, 2}}, // the array itself
	} {
		var before int
		allocated := testing.AllocsPerRun(1, func() {
			err := Load(sealed(t, c.body, c.v), c.v)
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("%T %.20x: %v", c.v, c.body, err)
			}
			before++
		})
		if allocated > 50_000 {
			t.Errorf("%T: %v allocations", c.v, allocated)
		}
	}
}

// FuzzLoad changes bytes behind the checksum, which hides most damage, and wants an error or a value that can be saved.
func FuzzLoad(f *testing.F) {
	for seed := range uint64(8) {
		r := random{Rand: rand.New(rand.NewPCG(seed, 1))}
		b, err := Save(nil, r.everything())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[headSize : len(b)-tailSize])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) > 64<<10 {
			return
		}
		loads(t, body)
	})
}

// Bytes that are wrong behind a right checksum give an error, or a value that can be saved.
func TestMutated(t *testing.T) {
	good := 0
	for seed := range uint64(20) {
		r := random{Rand: rand.New(rand.NewPCG(seed, 1))}
		b, err := Save(nil, r.everything())
		if err != nil {
			t.Fatal(err)
		}
		b = b[headSize : len(b)-tailSize]
		for range 200 {
			body := bytes.Clone(b)
			for range 1 + r.IntN(3) {
				switch i := r.IntN(len(body)); r.IntN(4) {
				case 0:
					body[i] = byte(r.Uint32())
				case 1:
					body[i] = byte(r.IntN(3))
				case 2:
					body = append(body[:i], body[min(len(body), i+1+r.IntN(4)):]...)
				case 3:
					body = append(body[:i:i], append([]byte{byte(r.Uint32())}, body[i:]...)...)
				}
				if len(body) == 0 {
					break
				}
			}
			if loads(t, body) {
				good++
			}
		}
	}
	if good < 100 {
		t.Errorf("only %d of 4,000 could be read: what comes then is hardly tested", good)
	}
}

// loads reports whether body is taken, and fails the test if it is handled wrongly.
func loads(t *testing.T, body []byte) bool {
	t.Helper()
	v := &everything{}
	if err := Load(sealed(t, body, v), v); err != nil {
		if !errors.Is(err, ErrDamaged) || !reflect.DeepEqual(v, &everything{}) {
			t.Fatal(err)
		}
		return false
	}
	out, err := Save(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	again := &everything{}
	if err := Load(out, again); err != nil {
		t.Fatal(err)
	}
	if second, err := Save(nil, again); err != nil || !bytes.Equal(second, out) {
		t.Fatalf("%v: other bytes", err)
	}
	return true
}
