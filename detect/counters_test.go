package detect

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"mailstop/event"
)

func address(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(10 + i>>24), byte(i >> 16), byte(i >> 8), byte(i)})
}

func TestDistinct(t *testing.T) {
	for _, n := range []int{0, 1, 7, 311, 511, 512, 600, 2000, 10_000, 500_000} {
		var d Distinct
		for range 2 {
			for i := range n {
				d.Add(HashAddr("h", address(i)))
			}
		}
		got, exact := d.Count()
		if exact != (n < maxExact) {
			t.Errorf("%d: exact %t", n, exact)
		}
		if off := math.Abs(float64(got) - float64(n)); exact && off > 0 || off > 0.06*float64(n) {
			t.Errorf("%d: got %d", n, got)
		}
		if text := d.String(); strings.HasPrefix(text, "about ") == exact {
			t.Errorf("%d: %q", n, text)
		}
	}
}

func TestTop(t *testing.T) {
	var s Top
	for i := range 20_000 {
		s.Add(address(1000+i), 1, int64(i))
		s.Add(address(i%3), uint64(1+i%3), int64(i))
	}
	s.Add(address(0), 0, 99_999)
	best := s.Best(3)
	for i, want := range []netip.Addr{address(2), address(1), address(0)} {
		if best[i].Addr != want {
			t.Errorf("place %d: %v", i, best[i])
		}
	}
	if v, ok := s.Get(address(0)); !ok || v.Last != 99_999 {
		t.Errorf("last %+v", v)
	}
	if n, _ := s.Distinct.Count(); n < 18_800 || n > 21_200 {
		t.Errorf("%d addresses", n)
	}
	if text := s.AndMore(); text != "10.0.0.2 and about 20,000 more" {
		t.Error(text)
	}
}

func TestTallyEvidence(t *testing.T) {
	for _, c := range []struct {
		n    int
		want string
	}{
		{1, "f:1"},
		{3, "f:1 f:2 f:3"},
		{5, "f:1 f:2 f:3 f:4 f:5"},
		{6, "f:1 f:3 f:5"},
		{100, "f:1 f:33 f:65 f:97"},
	} {
		var tally Tally
		for i := range c.n {
			tally.Add(&event.Entry{
				Source: "/var/log/f", Line: int64(i + 1), Raw: strings.Repeat("x", 5000), Time: int64(100 - i), FirstAttempt: true, Count: 2,
			})
		}
		var f event.Finding
		tally.Fill(&f)
		if got := strings.Join(f.Where, " "); got != c.want {
			t.Errorf("%d lines: %s", c.n, got)
		}
		if len(f.Evidence) != len(f.Where) || len(f.Evidence[0]) != maxEvidenceRaw || f.Packets != uint64(2*c.n) ||
			f.First != UTC(int64(101-c.n)) || f.Last != UTC(100) {
			t.Errorf("%d lines: %d packets, %v to %v", c.n, f.Packets, f.First, f.Last)
		}
	}
	for _, c := range []struct{ source, want string }{{`C:\logs\fw.log`, "fw.log@7"}, {"", "-@7"}, {"topic", "topic@7"}} {
		if got := where(&event.Entry{Source: c.source, Pos: 7}); got != c.want {
			t.Errorf("%q: %s", c.source, got)
		}
	}
}

func TestPrefixes(t *testing.T) {
	for _, c := range []struct {
		rule, ruleset string
		want          Prefix
	}{
		{"[UFW BLOCK]", "", Prefix{Platform: UFW, Default: true}},
		{"[UFW LIMIT BLOCK]", "", Prefix{Platform: UFW, Limit: true, BanList: true}},
		{"filter_IN_public_REJECT:", "", Prefix{Platform: Firewalld, Default: true, Zone: "public"}},
		{"IN_my_zone_DROP", "", Prefix{Platform: Firewalld, Default: true, Zone: "my_zone"}},
		{"FINAL_REJECT:", "", Prefix{Platform: Firewalld, Default: true, Sure: true}},
		{"IN_public_REJECT", "", Prefix{Platform: Firewalld, Default: true, Zone: "public"}},
		{"filter_IN_DMZ_REJECT:", "", Prefix{Platform: Firewalld, Default: true, Zone: "DMZ"}},
		{"Shorewall:net-fw:DROP:", "", Prefix{Platform: Shorewall, Default: true}},
		{"Shorewall:net-fw:3:DROP:", "", Prefix{Platform: Shorewall, Numbered: true}},
		{"reject wan out:", "", Prefix{Platform: OpenWrt, Default: true, Sure: true}},
		{"[WAN_IN-default-D]", "", Prefix{Platform: VyOS, Default: true, Sure: true}},
		{"[WAN-IN-20-R]", "", Prefix{Platform: VyOS, Sure: true, Numbered: true}},
		{"[ipv4-FWD-filter-default-D]", "", Prefix{Platform: VyOS, Default: true, Sure: true}},
		{"[WAN_LOCAL-D-10005]", "", Prefix{Platform: VyOS, Sure: true, Numbered: true}},
		{"default", "WAN_OUT", Prefix{Platform: VyOS, Default: true, Sure: true}},
		{"20", "WAN_OUT", Prefix{Platform: VyOS, Sure: true, Numbered: true}},
		{"[no-smtp-out]", "", Prefix{NamesIt: true}},
		{"drop25:", "", Prefix{NamesIt: true}},
		{"MAILBLOCK", "", Prefix{NamesIt: true}},
		{"port 125", "", Prefix{}},
		{"egress-deny:", "", Prefix{}},
		{"default drop", "", Prefix{Default: true}},
		{"f2b-sshd banned", "", Prefix{BanList: true}},
		{"", "", Prefix{}},
		{"[--]", "", Prefix{}},
		{"[a-b-c]", "", Prefix{}},
	} {
		if got := ReadPrefix(c.rule, c.ruleset); got != c.want {
			t.Errorf("%q: %+v", c.rule, got)
		}
	}
}

func FuzzReadPrefix(f *testing.F) {
	for _, s := range []string{"[UFW BLOCK]", "Shorewall::", "filter_IN__DROP", "[-D-]", "reject a in", "[\xff-1-D]"} {
		f.Add(s, "")
	}
	f.Fuzz(func(_ *testing.T, rule, ruleset string) { ReadPrefix(rule, ruleset) })
}

func TestPaths(t *testing.T) {
	named := Site{Networks: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}, Servers: []netip.Addr{netip.MustParseAddr("203.0.113.25")}}
	for _, c := range []struct {
		site     Site
		d        event.Direction
		src, dst string
		want     Path
	}{
		{Site{}, event.Out, "192.0.2.1", "203.0.113.1", Outbound},
		{Site{}, event.Out, "192.0.2.1", "10.0.0.1", Internal},
		{Site{}, event.In, "203.0.113.1", "192.0.2.1", Inbound},
		{Site{}, event.In, "10.0.0.5", "203.0.113.1", Inbound},
		{Site{}, event.Forward, "10.0.0.5", "203.0.113.1", Outbound},
		{Site{}, event.Forward, "203.0.113.1", "fd00::1", Inbound},
		{Site{}, event.Forward, "100.64.0.1", "169.254.1.1", Internal},
		{Site{}, event.Forward, "203.0.113.1", "198.51.100.1", Strangers},
		{named, event.Forward, "203.0.113.1", "198.51.100.1", Inbound},
		{named, event.Forward, "203.0.113.1", "203.0.113.25", Inbound},
		{named, event.In, "198.51.100.5", "203.0.113.1", Outbound}, // a client's packet, logged where it enters
		{named, event.In, "203.0.113.1", "198.51.100.5", Inbound},
		{named, event.DirectionUnknown, "198.51.100.5", "203.0.113.1", Outbound},
	} {
		e := event.Entry{Direction: c.d, Src: netip.MustParseAddr(c.src), Dst: netip.MustParseAddr(c.dst)}
		if got := NewScope(c.site).Path(&e); got != c.want {
			t.Errorf("%s %s → %s: %d", c.d, c.src, c.dst, got)
		}
	}
	s := NewScope(Site{})
	forward := event.Entry{Direction: event.Forward, Src: netip.MustParseAddr("192.0.2.1"), Dst: netip.MustParseAddr("203.0.113.1")}
	out := forward
	out.Direction = event.Out
	if before := s.Path(&forward); before != Strangers {
		t.Errorf("before: %d", before)
	}
	s.Path(&out)
	if after := s.Path(&forward); after != Outbound {
		t.Errorf("what the host sends from is not learnt: %d", after)
	}
}

func TestIDs(t *testing.T) {
	ids := []string{ID("a"), ID("a", ""), ID("a", "b"), ID("ab"), ID("a", "b", "c"), ID("a", "bc"), ID("a", "b\x001:c")}
	slices.Sort(ids)
	if n := len(slices.Compact(ids)); n != 7 {
		t.Errorf("%d different ids of 7", n)
	}
	if got := ID("mail-out-blocked", "web-1", "587"); got != ID("mail-out-blocked", "web-1", "587") || len(got) != 16 {
		t.Error(got)
	}
}

func TestWords(t *testing.T) {
	for got, want := range map[string]string{
		Thousands(0):                     "0",
		Thousands(999):                   "999",
		Thousands(1204551):               "1,204,551",
		Plural(1, "attempt"):             "1 attempt",
		Plural(7702, "probe"):            "7,702 probes",
		Plural(2, "address"):             "2 addresses",
		Join([]string{"a"}):              "a",
		Join([]string{"a", "b", "c"}):    "a, b and c",
		Port(26):                         "26",
		Clean("a\x1b[31m\nb\u202eü\xff"): "a [31m b\u202eü\ufffd",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if s := fmt.Sprint(Rule("")); !strings.Contains(s, "that the log") {
		t.Error(s)
	}
}

// Prefixes that look like firewalld's and are somebody's own get no firewalld commands.
func TestOwnPrefixesAreNotFirewalld(t *testing.T) {
	for _, rule := range []string{"IN_DROP", "IN_SMTP_DROP", "FWD_DROP", "policy_DROP", "IN__REJECT"} {
		if p := ReadPrefix(rule, ""); p.Platform == Firewalld {
			t.Errorf("%s: %+v", rule, p)
		}
	}
}
