package extent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"mailstop/event"
)

// A ledgerOf keeps extents as a store does.
type ledgerOf struct {
	extents []event.Extent
	asked   int
}

func (l *ledgerOf) lookup(_ context.Context, parent string) ([]event.Extent, error) {
	l.asked++
	var out []event.Extent
	for _, e := range l.extents {
		if e.Parent == parent {
			out = append(out, e)
		}
	}
	return out, nil
}

// chain returns one with a salt, which meets only its own extents, or any if foreign is set.
func (l *ledgerOf) chain(salt string, foreign bool) *Chain {
	root := Root("host", "")
	return &Chain{
		Ledger: l.lookup, Source: "x", Size: 1000, Root: root, Parent: root, Salt: salt, Sole: !foreign,
		Accept: func(s string) bool { return foreign || s == salt },
	}
}

// read makes extents of pieces of text, each of which is all there is for the time being, and stores them.
func (l *ledgerOf) read(t *testing.T, c *Chain, at int64, pieces ...string) []event.Extent {
	t.Helper()
	var out []event.Extent
	for _, p := range pieces {
		c.Resume(&Lines{Source: strings.NewReader(p), Pool: NewPool(MinBlock), Done: at})
		at += int64(len(p))
		for {
			b, e, err := c.Next(t.Context())
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			b.Release()
			if e != nil {
				out = append(out, *e)
				if !e.Stored {
					stored := *e
					stored.Stored = true
					l.extents = append(l.extents, stored)
				}
			}
		}
	}
	return out
}

func stored(es []event.Extent) (n int) {
	for _, e := range es {
		if e.Stored {
			n++
		}
	}
	return n
}

func lines(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "line %d\n", i)
	}
	return b.String()
}

func TestSalts(t *testing.T) {
	head := "#Version: 1.5\n"
	var l ledgerOf
	a := l.read(t, l.chain("a", false), 0, head, lines(0, 10), lines(10, 20))
	b := l.read(t, l.chain("b", false), 0, head, lines(50, 60), lines(60, 400))
	if stored(a)+stored(b) > 0 || a[0].Token == b[0].Token || len(b) < 4 || b[3].Part != "b" {
		t.Fatalf("%+v\n%+v", a, b)
	}
	again := l.read(t, l.chain("b", false), 0, head+lines(50, 400))
	if !slices.EqualFunc(again, b, func(x, y event.Extent) bool { return x.Token == y.Token && x.Stored }) {
		t.Errorf("the same part again: %+v", again)
	}
	// Whoever knows no salt finds out which part it is, though both begin with an extent that is the same but for the salt.
	for salt, text := range map[string]string{"a": head + lines(0, 20), "b": head + lines(50, 400)} {
		for _, own := range []string{"", "new"} {
			c := l.chain(own, true)
			if es := l.read(t, c, 0, text); stored(es) != len(es) || c.Salt != salt {
				t.Errorf("part %s for %q: %+v, salt %q", salt, own, es, c.Salt)
			}
		}
	}
	if es := l.read(t, l.chain("c", false), 0, head+lines(0, 20)); stored(es) > 0 {
		t.Errorf("a new part is taken for an old one: %+v", es)
	}
	c := l.chain("d", true)
	if es := l.read(t, c, 0, "other\n", lines(0, 10)); stored(es) > 0 || c.Salt != "d" {
		t.Errorf("%+v", es)
	}
	// Read once, without a salt; then met by one that is followed.
	l.read(t, l.chain("", true), 0, "archive\n"+lines(0, 10))
	c = l.chain("e", true)
	if es := l.read(t, c, 0, "archive\n"+lines(0, 10)); stored(es) != 1 || c.Salt != "" {
		t.Errorf("%+v, salt %q", es, c.Salt)
	}
}

func TestResume(t *testing.T) {
	var l ledgerOf
	es := l.read(t, l.chain("a", false), 0, lines(0, 10), lines(10, 20))
	c := l.chain("a", false)
	c.Parent = es[0].Token
	again := l.read(t, c, es[0].To, lines(10, 20), lines(20, 30))
	if len(again) != 2 || !again[0].Stored || again[0].Token != es[1].Token || again[1].Parent != es[1].Token || again[1].From != es[1].To {
		t.Errorf("%+v", again)
	}
}

func TestAskedUntilNothingIsKnown(t *testing.T) {
	var l ledgerOf
	var pieces []string
	for i := range 10 {
		pieces = append(pieces, lines(i*10, i*10+10))
	}
	l.read(t, l.chain("a", false), 0, pieces...)
	if l.asked != 1 {
		t.Errorf("asked %d times for a new part", l.asked)
	}
	l.asked = 0
	l.read(t, l.chain("a", false), 0, append(pieces, lines(100, 110), lines(110, 120))...)
	if l.asked != 11 {
		t.Errorf("asked %d times, not 10 and once more", l.asked)
	}
}

// A part that became shorter while it was read ends with its last whole line.
func TestHold(t *testing.T) {
	long := strings.Repeat("x", 3*MaxLine)
	for text, want := range map[string]string{
		"":                     "",
		"half":                 "",
		"one\nhalf":            "one\n",
		"one\n" + long:         "one\n",
		long:                   "",
		long + "\none\n":       long[:MaxLine+1] + "\none\n",
		long + "\n" + long[1:]: long[:MaxLine+1] + "\n",
	} {
		l := Lines{Source: strings.NewReader(text), Pool: NewPool(MinBlock), Hold: true}
		var got strings.Builder
		for {
			b, err := l.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || b.Open {
				t.Fatal(b, err)
			}
			got.Write(b.Data)
			b.Release()
		}
		if got.String() != want {
			t.Errorf("%d bytes of %d, not %d", got.Len(), len(text), len(want))
		}
		if whole := int64(strings.LastIndexByte(text, '\n') + 1); l.Done != whole {
			t.Errorf("at %d, not %d", l.Done, whole)
		}
	}
}
