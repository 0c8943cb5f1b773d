// Package story runs tests of detectors that read as stories: what the firewall logged, line by line, and what is to
// be found in it.
//
//	# A web server cannot reach its submission service.
//	at 0s  drop out web-1 → 52.98.1.1:587 ×20 every 30s rule="[UFW BLOCK]" retry=2
//	expect mail-out-blocked host=web-1 port=587 severity=high attempts=20 packets=60
//
// A line that begins with "at" stands for log lines: when (after the start of the story), action, direction, host,
// sender if it matters, receiver, and how often. Options: ×N, every D, and
//
//	retry=N      each attempt sends N more packets, as TCP does
//	rule="…"     ruleset=…   log prefix and chain
//	sources=N    dests=N     take turns among N addresses, counted up from the one given
//	ports=A,B/udp            take turns among ports
//	sport=N      the sender's port; without it each attempt has its own
//	proto=udp    flags=SYN+ACK   flags=none (the log does not tell)
//	in=eth0      out=eth1    interfaces
//	count=N      the line stands for N packets
//	clock=T      the event time (RFC 3339), whenever the line was written
//	time=none    error="…"   lines that could not be read well
//
// "site servers=… networks=… ports=…" says what is ours. "expect KIND key=value …" names a finding, and "key~text" a
// part of it. Every finding above info must be expected; "expect nothing above info" says that there is none, and
// "expect nothing" that there is not even one that informs.
package story

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"mailstop/detect"
	"mailstop/event"
)

// A Story is one test file, read.
type Story struct {
	Site     detect.Site
	Entries  []event.Entry // in the order of the log
	expect   []expectation
	silence  bool // not even findings that inform are expected
	onlyInfo bool // none above info is expected
}

// Run runs every file that matches glob, each in two batchings, with the detectors that build makes.
func Run(t *testing.T, glob string, build func(detect.Site) []detect.Detector) {
	t.Helper()
	files, err := filepath.Glob(glob)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: no stories (%v)", glob, err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".story"), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			s, err := Parse(string(text))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			single := s.Findings(build, 1)
			if many := s.Findings(build, 1000); !reflect.DeepEqual(single, many) {
				t.Errorf("findings depend on how lines are cut into batches:\n%s\n%s", show(single), show(many))
			}
			if err := s.interim(build, single); err != nil {
				t.Error(err)
			}
			if err := s.Check(single); err != nil {
				t.Errorf("%v\nfound:\n%s", err, show(single))
			}
		})
	}
}

// Findings returns what detectors find when they get batch entries per call.
func (s *Story) Findings(build func(detect.Site) []detect.Detector, batch int) []event.Finding {
	g := detect.NewGroup(0, build(s.Site), s.Site, true)
	for part := range slices.Chunk(slices.Clone(s.Entries), batch) {
		g.Observe(part)
		// Whoever keeps views into a batch is found out.
		for i := range part {
			part[i] = event.Entry{}
		}
	}
	return g.Findings(nil, true)
}

// interim asks for findings again and again, as a daemon does, and compares the last form of each with what there is at
// the end. What was withdrawn on the way must have been said to be so.
func (s *Story) interim(build func(detect.Site) []detect.Detector, want []event.Finding) error {
	g := detect.NewGroup(0, build(s.Site), s.Site, false)
	last := map[string]event.Finding{}
	take := func(final bool) {
		for _, f := range g.Findings(nil, final) {
			last[f.ID] = f
		}
	}
	for part := range slices.Chunk(slices.Clone(s.Entries), 3) {
		g.Observe(part)
		take(false)
	}
	take(true)
	for _, f := range want {
		if got := last[f.ID]; !reflect.DeepEqual(got, f) {
			return fmt.Errorf("asked again and again:\n%safter all:\n%s", show([]event.Finding{got}), show([]event.Finding{f}))
		}
		delete(last, f.ID)
	}
	for _, f := range last {
		if f.State != event.Resolved {
			return fmt.Errorf("never withdrawn: %s", show([]event.Finding{f}))
		}
	}
	return nil
}

// Check compares findings with what the story expects.
func (s *Story) Check(found []event.Finding) error {
	matched := make([]bool, len(found))
	for _, want := range s.expect {
		n, closest := 0, ""
		for i := range found {
			if found[i].Kind != want.kind {
				continue
			}
			why := want.differs(&found[i])
			if why == "" {
				matched[i] = true
				n++
			} else {
				closest = why
			}
		}
		if n != 1 {
			return fmt.Errorf("line %d: %d findings match %q (%s)", want.line, n, want.text, closest)
		}
	}
	ids := map[string]bool{}
	for i := range found {
		f := &found[i]
		if !matched[i] && (s.silence || f.Severity > event.Info) {
			return fmt.Errorf("not expected: %s %s: %s", f.Kind, f.Severity, f.Summary)
		}
		if ids[f.ID] {
			return fmt.Errorf("two findings have the id %s", f.ID)
		}
		ids[f.ID] = true
		if err := sound(f); err != nil {
			return fmt.Errorf("%s: %w", f.Summary, err)
		}
	}
	return nil
}

// sound checks what must hold for every finding.
func sound(f *event.Finding) error {
	switch {
	case len(f.ID) < 12 || strings.Trim(f.ID, "0123456789abcdef") != "":
		return fmt.Errorf("id %q", f.ID)
	case f.Summary == "" || f.Cause.Code == "" || f.Cause.Text == "" || f.Cause.Confidence == "":
		return fmt.Errorf("no summary or cause: %+v", f.Cause)
	case strings.ContainsAny(f.Summary+f.Cause.Text, "\n\x1b"):
		return fmt.Errorf("control characters")
	case len(f.Evidence) == 0 || len(f.Evidence) > event.MaxEvidence || len(f.Where) != len(f.Evidence):
		return fmt.Errorf("%d lines of evidence at %q", len(f.Evidence), f.Where)
	case len(f.Destinations) > event.MaxDestinations:
		return fmt.Errorf("%d destinations", len(f.Destinations))
	case f.Severity == event.Info && len(f.Fix) > 0:
		return fmt.Errorf("a fix for what only informs")
	case f.Last.Before(f.First):
		return fmt.Errorf("ends %v before it begins %v", f.Last, f.First)
	case f.State == event.Open && f.Attempts > f.Packets:
		return fmt.Errorf("%d attempts with %d packets", f.Attempts, f.Packets)
	}
	for _, d := range f.Destinations {
		if _, err := netip.ParseAddr(d); err != nil {
			return err
		}
	}
	return nil
}

func show(found []event.Finding) string {
	var b strings.Builder
	for _, f := range found {
		fmt.Fprintf(&b, "%s %s %s host=%q dir=%s port=%d rule=%q attempts=%d packets=%d lower=%t\n  %s\n  cause %s (%s): %s; missing %q\n",
			f.Kind, f.Severity, f.State, f.Host, f.Direction, f.Port, f.Rule, f.Attempts, f.Packets, f.LowerBound, f.Summary,
			f.Cause.Code, f.Cause.Confidence, f.Cause.Text, f.Cause.Missing)
		for _, x := range f.Fix {
			fmt.Fprintf(&b, "  fix %s: %s\n", x.Platform, x.Command)
		}
	}
	return b.String()
}
