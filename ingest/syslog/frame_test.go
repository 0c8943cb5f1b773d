package syslog

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// frames cuts text as it comes in pieces of the given sizes, over and over.
func frames(text []byte, maxLength int, pieces []byte) []string {
	f := framer{max: maxLength, counted: true}
	var out []string
	var held []byte
	for i := 0; ; i++ {
		n := len(text)
		if len(pieces) > 0 {
			n = min(n, 1+int(pieces[i%len(pieces)]))
		}
		held = append(held, text[:n]...)
		text = text[n:]
		used := f.take(held, len(text) == 0, func(m []byte) { out = append(out, string(m)) })
		held = held[used:]
		if len(held) > maxLength+16 {
			panic("holds more than a message")
		}
		if len(text) == 0 {
			if len(held) > 0 {
				panic("something is left at the end")
			}
			return out
		}
	}
}

func TestFrames(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"a\nb\n", "a|b"},
		{"a\r\nb", "a\r|b"},
		{"a\x00b\nc\x00", "a|b|c"},
		{"3 <1>3 <2>\n", "<1>|<2>|"},
		{"3 <1>x\n4 <2>y", "<1>|x|<2>y"},
		{"3 x\n", "3 x"},
		{"3", "3"},
		{"3 ", "3 "},
		{"3 <", "<"},
		{"0 <1>\n", "0 <1>"},
		{"03 <1>\n", "03 <1>"},
		{"99999999 <1>\n", "99999999 <1"},
		{"2 <1>\n", "<1|>"},
		{"0123456789abcdef\nz", "0123456789a|z"},
		{"16 <123456789abcdefz\n", "<123456789a|z"},
		{"20 <123456789abcdef", "<123456789a"},
		{"0123456789\n", "0123456789"},
		{"10 <123456789x", "<123456789|x"},
		{"\n\n", "|"},
	} {
		for _, pieces := range [][]byte{nil, {0}, {1}, {0, 4}} {
			if got := strings.Join(frames([]byte(c.in), 10, pieces), "|"); got != c.want {
				t.Errorf("%q in pieces %v: %q, want %q", c.in, pieces, got, c.want)
			}
		}
	}
}

func TestOneLine(t *testing.T) {
	for in, want := range map[string]string{"a\n": "a", "a\x00\n\x00": "a", "a\nb\n": "a#012b", "\n": "", "a\x00b": "a\x00b"} {
		if got := string(oneLine([]byte(in))); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// However the bytes arrive, the messages are the same, and none is longer than it may be.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("5 <13>a<13>b\n<13>c\x0012 <13>d\ne"), []byte{3, 0, 7})
	f.Add([]byte("100000 <13>aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), []byte{0})
	f.Add(bytes.Repeat([]byte("x"), 300), []byte{9})
	f.Fuzz(func(t *testing.T, text, pieces []byte) {
		whole := frames(text, 50, nil)
		if got := frames(text, 50, pieces); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", whole) {
			t.Fatalf("%q in pieces %v: %q, want %q", text, pieces, got, whole)
		}
		for _, m := range whole {
			if len(m) > 51 {
				t.Fatalf("%d bytes", len(m))
			}
			if bytes.ContainsRune(oneLine([]byte(m)), '\n') {
				t.Fatalf("%q is not one line", m)
			}
		}
	})
}

const benchLine = "<4>Jan  5 10:02:00 fw1 kernel: [712.662910] [MAILBLOCK] IN= OUT=eth0 SRC=192.0.2.10 DST=203.0.113.25 LEN=60 TOS=0x00 " +
	"PREC=0x00 TTL=64 ID=57015 DF PROTO=TCP SPT=46330 DPT=25 WINDOW=64240 RES=0x00 SYN URGP=0"

// One TCP connection to the spool, and out of it again.
func BenchmarkTCP(b *testing.B) {
	for _, counted := range []bool{false, true} {
		b.Run(fmt.Sprintf("counted=%t", counted), func(b *testing.B) {
			o := options(b)
			o.TCP = "127.0.0.1:0"
			s, err := New(o)
			if err != nil {
				b.Fatal(err)
			}
			if err := s.Restore(nil, false); err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(b.Context())
			ran := make(chan error, 1)
			go func() { ran <- s.Run(ctx) }()
			r := &rig{Source: s, t: b}
			c := dial(b, "tcp", r.address("tcp"))
			line := benchLine + "\n"
			if counted {
				line = fmt.Sprintf("%d %s", len(benchLine), benchLine)
			}
			const lines = 1000
			block := strings.Repeat(line, lines)
			b.SetBytes(int64(len(block)))
			b.ReportAllocs()
			go func() {
				for range b.N {
					if _, err := io.WriteString(c, block); err != nil {
						b.Error(err)
					}
				}
			}()
			b.ResetTimer()
			for n := 0; n < b.N*lines; {
				batch, err := s.Next(ctx)
				if err != nil {
					b.Fatal(err)
				}
				n += len(batch.Marks)
				batch.Done()
				if batch.Extent == nil {
					continue
				}
				if _, committed, err := s.Checkpoint(); err != nil {
					b.Fatal(err)
				} else if committed != nil {
					_ = committed(ctx)
				}
			}
			b.StopTimer()
			b.ReportMetric(float64(lines*b.N)/b.Elapsed().Seconds(), "lines/s")
			cancel()
			if err := <-ran; err != nil {
				b.Error(err)
			}
			s.Close()
		})
	}
}

func BenchmarkUDP(b *testing.B) {
	o := options(b)
	o.UDP = "127.0.0.1:0"
	s, err := New(o)
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Restore(nil, false); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	c := dial(b, "udp", (&rig{Source: s, t: b}).address("udp"))
	line := []byte(benchLine)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(line); err != nil {
			b.Fatal(err)
		}
	}
	var got int64
	for begun := time.Now(); got+s.Status(nil)[0].Dropped < int64(b.N) && time.Since(begun) < 5*time.Second; {
		got = s.spool.Next() - 1
	}
	b.ReportMetric(float64(got)/b.Elapsed().Seconds(), "taken/s")
	b.ReportMetric(float64(s.Status(nil)[0].Dropped)/float64(b.N), "dropped/op")
	cancel()
	if err := <-ran; err != nil {
		b.Error(err)
	}
	s.Close()
}

func TestMessagesOfADatagram(t *testing.T) {
	for in, want := range map[string]string{
		"one":                         "one",
		"Jan  5 a\nJan  5 b\n":        "Jan  5 a|Jan  5 b",
		"<13>a\n  b\n<13>c\n":         "<13>a#012  b|<13>c",
		"<13>a\n\n<13>b":              "<13>a|<13>b",
		"\n\na\r\nb":                  "a\r|b",
		"<13>only\nat the end\nlines": "<13>only#012at the end#012lines",
	} {
		var got []string
		for m := range messages([]byte(in)) {
			if m = oneLine(m); len(m) > 0 {
				got = append(got, string(m))
			}
		}
		if strings.Join(got, "|") != want {
			t.Errorf("%q: got %q, want %q", in, strings.Join(got, "|"), want)
		}
	}
}
