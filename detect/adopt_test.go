package detect_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailstop/detect"
	"mailstop/detect/story"
	"mailstop/event"
)

// stored is what a store has of the findings that a group handed out: the newest form of each.
type stored map[string]event.Finding

func (s stored) put(fs []event.Finding) {
	for _, f := range fs {
		s[f.ID] = f
	}
}

func (s stored) all() []event.Finding {
	var out []event.Finding
	for _, f := range s {
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b event.Finding) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// behind says in what a finding falls behind its older form; empty if in nothing.
func behind(now, before *event.Finding) string {
	switch {
	case now.First.After(before.First) || now.Last.Before(before.Last):
		return fmt.Sprintf("%v to %v after %v to %v", now.First, now.Last, before.First, before.Last)
	case now.Attempts < before.Attempts || now.Packets < before.Packets:
		return fmt.Sprintf("%d attempts, %d packets after %d, %d", now.Attempts, now.Packets, before.Attempts, before.Packets)
	case len(now.Evidence) == 0 || len(now.Evidence) > event.MaxEvidence || len(now.Where) != len(now.Evidence):
		return fmt.Sprintf("evidence %q at %q", now.Evidence, now.Where)
	case len(now.Destinations) > event.MaxDestinations:
		return fmt.Sprintf("destinations %q", now.Destinations)
	case len(now.Destinations)+now.MoreTargets < len(before.Destinations)+before.MoreTargets:
		return fmt.Sprintf("%d and %d destinations", len(now.Destinations), now.MoreTargets)
	case now.Severity == event.Info && len(now.Fix) > 0, now.State == event.Resolved && len(now.Fix) > 0:
		return "a fix for what is over"
	case now.Summary == "" || now.Cause.Text == "":
		return "no words"
	}
	return ""
}

// forget reads a run up to a cut, forgets all but what lies behind from, adopts what the store has, and reads on beside the
// group that forgot nothing. It returns what the store has in the end, of both.
func (r *run) forget(t *testing.T, from, cut int) (undisturbed, adopted stored) {
	t.Helper()
	undisturbed, adopted = stored{}, stored{}
	g := r.group()
	for i := range cut {
		undisturbed.put(r.take(g, i).findings)
	}
	adopted.put(undisturbed.all())

	next := r.group()
	for i := from; i < cut; i++ {
		next.Observe(slices.Clone(r.entries[i*r.step : (i+1)*r.step]))
	}
	next.TakeCounts()
	known := adopted.all()
	next.Adopt(known)
	if cut%2 == 0 {
		next = r.moved(t, next) // what was adopted is memory, too
	}
	first := next.Findings(nil, false)
	for _, f := range first {
		if k, ok := adopted[f.ID]; ok && k.State == f.State && k.Severity == f.Severity {
			t.Errorf("cut at %d, from %d: said again though nothing happened: %s", cut, from, f.Summary)
		}
	}
	r.onwards(t, adopted, first)
	for i := cut; i < r.steps(); i++ {
		undisturbed.put(r.take(g, i).findings)
		r.onwards(t, adopted, r.take(next, i).findings)
	}
	undisturbed.put(r.end(g).findings)
	r.onwards(t, adopted, r.end(next).findings)
	return undisturbed, adopted
}

// onwards stores findings, none of which may fall behind.
func (r *run) onwards(t *testing.T, s stored, fs []event.Finding) {
	t.Helper()
	for i := range fs {
		f := &fs[i]
		if before, ok := s[f.ID]; ok {
			// Probes that turn out to be mail leave the probes.
			if what := behind(f, &before); what != "" && !strings.Contains(f.Summary, " probes") {
				t.Errorf("%s falls behind: %s\n%s\n%s", f.Kind, what, before.Summary, f.Summary)
			}
		}
	}
	s.put(fs)
}

// Nothing falls behind, whatever was forgotten; and where all is read again, counts and states are those of the group that
// forgot nothing.
func TestStoriesAdopted(t *testing.T) {
	files, err := filepath.Glob("testdata/*.story")
	if err != nil || len(files) == 0 {
		t.Fatal("no stories", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".story"), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			s, err := story.Parse(string(text))
			if err != nil {
				t.Fatal(err)
			}
			r := run{site: s.Site, entries: s.Entries, step: max(1, len(s.Entries)/40)}
			rnd := rand.New(rand.NewPCG(1, 1))
			for range 3 {
				cut := rnd.IntN(r.steps())
				r.forget(t, rnd.IntN(cut+1), cut)
				r.forget(t, cut, cut)
				want, got := r.forget(t, 0, cut)
				for id, w := range want {
					f := got[id]
					if f.State == event.Resolved && f.Packets == 0 {
						f.First, f.Last = w.First, w.Last // of nothing
					}
					if f.State != w.State || f.Attempts != w.Attempts || f.Packets != w.Packets || !f.First.Equal(w.First) ||
						!f.Last.Equal(w.Last) || f.Severity < w.Severity {
						t.Errorf("cut at %d: %s %s %s, %d attempts, %d packets, %v to %v, want %s %s, %d, %d, %v to %v", cut, f.Kind,
							f.Severity, f.State, f.Attempts, f.Packets, f.First, f.Last, w.Severity, w.State, w.Attempts, w.Packets, w.First, w.Last)
					}
				}
				if len(got) != len(want) {
					t.Errorf("cut at %d: %d findings, want %d", cut, len(got), len(want))
				}
			}
		})
	}
}

// adoptStory tells a story whose first part is forgotten, all but the store's findings.
func adoptStory(t *testing.T, first, then string) (before, after stored) {
	t.Helper()
	a, err := story.Parse(first + "\nexpect nothing above info")
	if err != nil {
		t.Fatal(err)
	}
	before = stored{}
	g := detect.NewGroup(0, all(a.Site), a.Site, false)
	g.Observe(slices.Clone(a.Entries))
	before.put(g.Findings(nil, true))
	b, err := story.Parse(then + "\nexpect nothing above info")
	if err != nil {
		t.Fatal(err)
	}
	after = stored{}
	after.put(before.all())
	g = detect.NewGroup(0, all(a.Site), a.Site, false)
	known := before.all()
	for i := range known { // as a store gives them
		zone := time.FixedZone("store", 3600)
		known[i].First, known[i].Last = known[i].First.In(zone), known[i].Last.In(zone)
	}
	g.Adopt(known)
	if fs := g.Findings(nil, false); len(fs) > 0 {
		t.Errorf("said without cause: %+v", fs)
	}
	g.Observe(slices.Clone(b.Entries))
	after.put(g.Findings(nil, false))
	return before, after
}

// What began before memory was lost ends as it should, and counts on if it does not.
func TestAdoptedGoesOn(t *testing.T) {
	const (
		blocked = `at 0s drop out web-1 → 198.51.100.7:587 ×20 every 60s rule="[UFW BLOCK]"`
		blanket = `at 0s drop out web-1 → 198.51.100.7 ×40 every 10s dests=5 ports=25,53/udp,80,443,123/udp,587 rule="[UFW BLOCK]"`
		inbound = "site servers=192.0.2.25\nat 0s drop in mx-1 203.0.113.9 → 192.0.2.25:25 ×40 every 60s sources=4 rule=\"DROP: \""
		answers = "at 0s observe out web-1 → 198.51.100.7:587 ×10 every 60s sport=50000\n" +
			`at 1s drop in web-1 198.51.100.7:587 → 192.0.2.10:50000 flags=SYN+ACK ×10 every 600s rule="DROP: "`
	)
	for _, c := range []struct {
		name, kind, first, then string
		state                   event.State
		more                    uint64
		same                    bool // nothing is said at all
	}{
		{"out ends", detect.MailOutBlocked, blocked, `at 2h allow out web-1 → 198.51.100.7:587 ×4 every 60s`, event.Resolved, 0, false},
		{"out ends elsewhere", detect.MailOutBlocked, blocked, `at 2h allow out web-1 → 198.51.100.99:587 ×4 every 60s`, event.Resolved, 0, false},
		{"out goes on", detect.MailOutBlocked, blocked, `at 2h drop out web-1 → 198.51.100.8:587 ×3 every 60s rule="[UFW BLOCK]"`, event.Open, 3, false},
		{"another host", detect.MailOutBlocked, blocked, `at 2h drop out web-2 → 198.51.100.8:80`, event.Open, 0, true},
		{"blanket ends", detect.BlanketDeny, blanket, `at 2h allow out web-1 → 198.51.100.7:25 ×4 every 60s`, event.Resolved, 0, false},
		{"blanket goes on", detect.BlanketDeny, blanket, `at 2h drop out web-1 → 198.51.100.8:443 ×3 every 60s rule="[UFW BLOCK]"`, event.Open, 3, false},
		{"in ends", detect.MailInBlocked, inbound, `at 3h allow in mx-1 203.0.113.9 → 192.0.2.25:25 ×2 every 60s`, event.Resolved, 0, false},
		{
			"in ends for good", detect.MailInBlocked, inbound, "at 3h allow in mx-1 203.0.113.9 → 192.0.2.25:25 ×2 every 60s\n" +
				"at 2h drop in mx-1 203.0.113.77 → 192.0.2.25:25 rule=\"DROP: \"", event.Resolved, 1, false,
		},
		{"in goes on", detect.MailInBlocked, inbound, "at 3h drop in mx-1 203.0.113.9 → 192.0.2.25:25 ×2 every 60s rule=\"DROP: \"", event.Open, 2, false},
		{
			"return ends", detect.MailReturnDropped, answers,
			"at 3h allow in web-1 198.51.100.7:587 → 192.0.2.10:50001 flags=SYN+ACK", event.Resolved, 0, false,
		},
		{
			"return goes on", detect.MailReturnDropped, answers,
			"at 3h drop in web-1 198.51.100.7:587 → 192.0.2.10:50001 flags=SYN+ACK rule=\"DROP: \"", event.Open, 1, false,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, after := adoptStory(t, c.first, c.then)
			n := 0
			for id, b := range before {
				if b.Kind != c.kind || b.Severity == event.Info {
					continue
				}
				n++
				a := after[id]
				if what := behind(&a, &b); what != "" {
					t.Error(what)
				}
				if b.State != event.Open || a.State != c.state || a.Severity < b.Severity || a.Attempts != b.Attempts+c.more {
					t.Errorf("%s %s, %d attempts: %s\nthen %s %s, %d attempts: %s", b.Severity, b.State, b.Attempts, b.Summary,
						a.Severity, a.State, a.Attempts, a.Summary)
				}
				if a.State == event.Open && len(b.Fix) > 0 && len(a.Fix) == 0 {
					t.Error("the fix is lost")
				}
				if c.same && a.Summary != b.Summary {
					t.Errorf("said without cause: %s", a.Summary)
				}
			}
			if n != 1 {
				t.Errorf("%d findings of kind %s", n, c.kind)
			}
		})
	}
}
