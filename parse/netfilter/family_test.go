package netfilter

import (
	"path/filepath"
	"testing"

	"mailstop/event"
	"mailstop/internal/golden"
	"mailstop/parse"
	"mailstop/parse/ebtables"
	"mailstop/parse/mikrotik"
	"mailstop/parse/proxmox"
	"mailstop/parse/syslog"
	"mailstop/parse/ulogd"
)

// No line of the family's formats is claimed by two of them, whatever the order in which they are asked.
func TestFamilyIsExclusive(t *testing.T) {
	kinds := []parse.Kind{Kind(nil), ulogd.Kind(nil), proxmox.Kind(nil), mikrotik.Kind(nil), ebtables.Kind(nil)}
	claims := func(line string) (out []event.Format) {
		for _, k := range kinds {
			s := parse.NewSession(parse.Table{Layers: []parse.Layer{syslog.Layer()}, Kinds: []parse.Kind{k}}, event.FormatUnknown, "")
			for range 2 { // a parser knows more heads the second time
				var e event.Entry
				s.Parse(line, &e)
				if e.Format != event.FormatUnknown && (len(out) == 0 || out[len(out)-1] != e.Format) {
					out = append(out, e.Format)
				}
			}
		}
		return out
	}
	logs, err := filepath.Glob("../*/testdata/*.log")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[event.Format]int{}
	for _, log := range logs {
		for line := range golden.Lines(t, log) {
			for n := len(line); n > 0; n -= 37 {
				got := claims(line[:n])
				if len(got) > 1 {
					t.Errorf("%s: %v: %s", log, got, line[:n])
				}
				if n == len(line) && len(got) == 1 {
					seen[got[0]]++
				}
			}
		}
	}
	for _, k := range kinds {
		if seen[k.Format] < 10 {
			t.Errorf("%d lines are %s's", seen[k.Format], k.Format)
		}
	}
}

// Lines of the kernel and of ulogd that begin alike are told apart, whichever was there before.
func TestSameHeads(t *testing.T) {
	const (
		kernel = "drop IN=eth0 OUT= MAC= SRC=203.0.113.9 DST=192.0.2.25 LEN=60 TOS=0x00 PREC=0x00 TTL=51 ID=1 PROTO=UDP SPT=1 DPT=2 LEN=40 "
		ulog   = "drop IN=eth0 OUT= MAC= SRC=203.0.113.9 DST=192.0.2.25 LEN=60 TOS=00 PREC=0x00 TTL=51 ID=1 PROTO=UDP SPT=1 DPT=2 LEN=40 MARK=0 "
	)
	s := parse.NewSession(parse.Table{Kinds: []parse.Kind{Kind(nil), ulogd.Kind(nil)}}, event.FormatUnknown, "")
	for i, line := range []string{kernel, ulog, kernel, kernel, ulog, ulog, kernel} {
		var e event.Entry
		s.Parse(line, &e)
		want := event.Netfilter
		if line == ulog {
			want = event.Ulogd
		}
		if e.Format != want || e.Error != "" {
			t.Errorf("line %d: %s %q, want %s", i, e.Format, e.Error, want)
		}
	}
}
