package detect_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"mailstop/detect"
	"mailstop/detect/story"
)

// reseal gives a section of a group's bytes the checksum that it would have.
func reseal(section []byte) {
	body := section[4 : len(section)-4]
	sum := crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli))
	binary.LittleEndian.PutUint32(section[len(section)-4:], sum)
}

// Bytes that nothing here wrote, behind right checksums, are refused, or make a group that goes on without a panic.
func TestLoadHostile(t *testing.T) {
	r := run{site: benchSite, step: 50}
	for _, name := range []string{"blanket-ended", "in-configured-server", "out-partly-allowed", "return-without-syn", "out-worked-before"} {
		text, err := os.ReadFile("testdata/" + name + ".story")
		if err != nil {
			t.Fatal(err)
		}
		s, err := story.Parse(string(text))
		if err != nil {
			t.Fatal(err)
		}
		r.entries = append(r.entries, s.Entries[:min(len(s.Entries), 60)]...)
	}
	lost, g := r.group(), r.group()
	lost.Observe(slices.Clone(r.entries))
	g.Observe(slices.Clone(r.entries[:100]))
	g.Adopt(lost.Findings(nil, false))
	g.Observe(slices.Clone(r.entries[50:150]))
	b, err := g.Save(nil)
	if err != nil {
		t.Fatal(err)
	}
	var sections [][2]int
	for at := 0; at < len(b); {
		n := 4 + int(binary.LittleEndian.Uint32(b[at:]))
		sections = append(sections, [2]int{at, at + n})
		at += n
	}
	rnd := rand.New(rand.NewPCG(7, 7))
	taken := 0
	rounds := 200
	if testing.Short() {
		rounds = 100
	}
	for range rounds {
		bad := bytes.Clone(b)
		s := sections[rnd.IntN(len(sections))]
		section := bad[s[0]:s[1]]
		for range 1 + rnd.IntN(4) {
			i := 12 + rnd.IntN(max(1, len(section)-16))
			section[i] = []byte{0, 1, 2, 4, 255, byte(rnd.Uint32())}[rnd.IntN(6)]
		}
		reseal(section)
		next := detect.NewGroup(0, all(r.site), r.site, true)
		if next.Load(bad) != nil {
			continue
		}
		taken++
		next.Findings(nil, false)
		r.take(next, r.steps()-1)
		for _, f := range next.Findings(nil, true) {
			_ = f.Severity.String() + f.State.String() + f.Direction.String()
		}
		next.TakeCounts()
		if _, err := next.Save(nil); err != nil {
			t.Fatal(err)
		}
	}
	if taken < rounds/20 {
		t.Errorf("only %d of %d were taken: what comes then is hardly tested", taken, rounds)
	}
}
