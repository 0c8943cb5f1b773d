package parse

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// randomLog writes lines whose stamps mostly rise, with all that disturbs them: New Year, the ends of summer time, late
// lines, dates in full, priorities, damage.
func randomLog(rng *rand.Rand, lines int) []string {
	now := time.Date(2023, time.Month(1+rng.IntN(12)), 1+rng.IntN(28), 0, 0, 0, 0, time.UTC)
	if rng.IntN(2) == 0 {
		now = [...]time.Time{
			time.Date(2023, 10, 28, 23, 0, 0, 0, time.UTC), time.Date(2023, 3, 25, 23, 0, 0, 0, time.UTC),
			time.Date(2023, 12, 31, 20, 0, 0, 0, time.UTC), time.Date(2024, 2, 28, 20, 0, 0, 0, time.UTC),
		}[rng.IntN(4)]
	}
	step := [...]time.Duration{time.Second, time.Minute, 20 * time.Minute, 30 * time.Hour}[rng.IntN(4)]
	berlin, _ := time.LoadLocation("Europe/Berlin")
	style := rng.IntN(3)
	out := make([]string, lines)
	for i := range out {
		now = now.Add(time.Duration(rng.Int64N(int64(step))))
		shown := now
		if rng.IntN(20) == 0 {
			shown = now.Add(-time.Duration(rng.Int64N(int64(step) * 3)))
		}
		shown = shown.In(berlin)
		switch rng.IntN(60) {
		case 0:
			out[i] = shown.Format("2006-01-02T15:04:05.000Z07:00") + " fw kernel: x"
		case 1:
			out[i] = "<4>" + shown.Format(time.Stamp) + " fw kernel: x"
		case 2:
			out[i] = shown.Format(time.StampMicro) + " fw kernel: x"
		case 3:
			out[i] = "[  123.456789] no date"
		case 4:
			out[i] = shown.Format("Mon Jan _2 15:04:05 2006") + " kern.warn kernel: x"
		case 5:
			out[i] = "Feb 29 10:00:00 fw kernel: x"
		case 6:
			out[i] = shown.Format(time.Stamp)[:rng.IntN(15)]
		case 7:
			out[i] = shown.Format("Jan 2 15:04:05") + " fw kernel: x"
		case 8:
			out[i] = ""
		case 9:
			out[i] = shown.Format("Jan _2 ") + "25:61:00 fw kernel: damaged"
		case 10:
			out[i] = "\x00\x00" + shown.Format(time.Stamp) + " fw kernel: x\r"
		case 12, 13, 14, 15, 16, 17, 18, 19, 20:
			out[i] = shown.Format("2006-01-02 15:04:05") + " DROP x"
		case 11:
			out[i] = "<4>1 " + shown.Format("2006-01-02T15:04:05.000Z07:00") + " fw kernel - - - x"
		default:
			if style == 0 || style == 1 && rng.IntN(2) == 0 {
				out[i] = shown.Format("2006-01-02T15:04:05.000Z07:00") + " fw kernel: x"
			} else {
				out[i] = shown.Format(time.Stamp) + " fw kernel: x"
			}
		}
	}
	return out
}

// Parsing a log in blocks that are skimmed first, as several workers do, gives the times that parsing it at once gives.
func TestSkimIsParsing(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 1))
		lines := randomLog(rng, 20+rng.IntN(200))
		h := Hints{Zone: berlin, Reference: time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)}
		if seed%3 == 0 {
			h.Zone = nil
		}
		whole, skimmed := NewClock(h), NewClock(h)
		whole.newest, skimmed.newest = seed%5 == 0, seed%5 == 0
		cutAt := rng.IntN(len(lines))
		for _, l := range lines[:cutAt] {
			stampLine(&whole, trimEnd(l))
		}
		skimmed = skim(skimmed, lines[:cutAt])
		for i, l := range lines[cutAt:] {
			if got, want := stampLine(&skimmed, trimEnd(l)), stampLine(&whole, trimEnd(l)); got != want {
				t.Fatalf("seed %d, line %d of block at %d, %q: skimmed %s, parsed %s", seed, i, cutAt, l, got, want)
			}
		}
	}
}

// skim returns the clock that c is after lines.
func skim(c Clock, lines []string) Clock {
	s := State{Clock: c}
	s.Skim(strings.Join(lines, "\n") + "\n")
	return s.Clock
}

func FuzzClock(f *testing.F) {
	for _, s := range []string{
		"Jan  5 10:11:12 fw x\nDec 31 10:11:12 fw", "2026-01-05T10:11:12,345678+01:00 fw\nFeb 29 00:00:00 fw",
		"<4>1 2026-01-05T10:11:12Z fw\n[Mon Jan  5 10:11:12 2026] x", "1767604272.345678 fw\nOct 26 02:30:00 fw\nOct 26 02:20:00 fw",
		"123 <4>Jan  5 10:11:12 fw\nkern  :warn  : [  1.000000] x\nMon 2026-01-05 10:11:12 CET fw", "\x00\uFEFFJan  5 10:11:12",
	} {
		f.Add(s, int64(1767604272), false)
	}
	berlin := zone(f, "Europe/Berlin")
	f.Fuzz(func(t *testing.T, text string, reference int64, newest bool) {
		h := Hints{Zone: berlin, Reference: time.Unix(reference%(1<<33), 0)}
		lines := strings.Split(text, "\n")
		planned, err := Plan(t.Context(), h, Sample{Head: text, Size: int64(len(text)), Consumed: int64(len(text) / 2)})
		if err != nil {
			t.Fatal(err)
		}
		c := NewClock(h)
		c.newest = newest
		for i := range lines {
			skimmed := skim(c, lines[:i])
			whole := c
			for _, l := range lines[:i] {
				stampLine(&whole, trimEnd(l))
			}
			if got, want := stampLine(&skimmed, trimEnd(lines[i])), stampLine(&whole, trimEnd(lines[i])); got != want {
				t.Fatalf("line %d: skimmed %s, parsed %s", i, got, want)
			}
			stampLine(&planned, lines[i])
			if i > 20 {
				break
			}
		}
	})
}

func BenchmarkClock(b *testing.B) {
	berlin := zone(b, "Europe/Berlin")
	for _, bb := range []struct{ name, line string }{
		{"same day", "Oct 17 11:43:16 fw kernel: [ 123.456789] x"},
		{"day of a change", "Oct 26 11:43:16 fw kernel: [ 123.456789] x"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			c := NewClock(Hints{Zone: berlin, Reference: time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)})
			b.ReportAllocs()
			for b.Loop() {
				if _, _, ok := c.Syslog(bb.line); !ok {
					b.Fatal(bb.line)
				}
			}
		})
	}
}

func BenchmarkSkim(b *testing.B) {
	var text strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&text, "Oct 17 %02d:%02d:%02d fw kernel: [ 123.456789] [UFW BLOCK] IN=eth0 OUT= MAC=52:54:00:aa:bb:01:52:54:00:aa:bb:fe:08:00 "+
			"SRC=203.0.113.9 DST=192.0.2.25 LEN=60 TOS=0x00 PREC=0x00 TTL=51 ID=40221 DF PROTO=TCP SPT=51234 DPT=25 WINDOW=64240 RES=0x00 SYN URGP=0 \n",
			i/3600, i/60%60, i%60)
	}
	block := text.String()
	s := State{Clock: NewClock(Hints{Reference: time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)})}
	b.ReportAllocs()
	b.SetBytes(int64(len(block)))
	for b.Loop() {
		s.Skim(block)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10_000, "ns/line")
}
