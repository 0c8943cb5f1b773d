package detect

import (
	"fmt"
	"reflect"
	"testing"

	"mailstop/event"
)

// recorder keeps what a group hands to detectors, and says what it is told to.
type recorder struct {
	seen []event.Entry
	say  []event.Finding
}

func (r *recorder) Observe(es []*event.Entry) {
	for _, e := range es {
		r.seen = append(r.seen, *e)
	}
}

func (r *recorder) Findings(out []event.Finding) []event.Finding {
	out = append(out, r.say...)
	r.say = nil
	return out
}

func TestGroupChooses(t *testing.T) {
	scan := packet(0, "192.0.2.1:40000", "198.51.100.1:22", event.SYN)
	mail := packet(1, "192.0.2.1:40000", "198.51.100.1:25", event.SYN)
	mail.Action = event.Allow
	answer := packet(2, "192.0.2.1:587", "198.51.100.1:40000", event.SYN|event.ACK)
	answer.Action = event.Observe
	web := packet(3, "192.0.2.1:40000", "198.51.100.1:443", event.SYN)
	web.Action = event.Allow
	udp := packet(3, "192.0.2.1:40000", "198.51.100.1:25", 0)
	udp.Action, udp.Proto = event.Allow, event.UDP
	other, broken, timeless := scan, scan, scan
	other.Shard = 4
	broken.Error = "line ends early"
	timeless.TimeQuality = event.TimeNone
	r := &recorder{}
	g := NewGroup(3, []Detector{r}, Site{}, true)
	es := []event.Entry{scan, mail, answer, web, udp, other, broken, timeless}
	for i := range es {
		if es[i].Shard == 0 {
			es[i].Shard = 3
		}
	}
	g.Observe(es)
	if len(r.seen) != 3 || r.seen[0].DstPort != 22 || r.seen[1].DstPort != 25 || r.seen[2].SrcPort != 587 {
		t.Errorf("%d entries: %+v", len(r.seen), r.seen)
	}
	if !r.seen[0].Opening || !r.seen[0].FirstAttempt || r.seen[2].Opening {
		t.Error("attempts are not marked")
	}
	if es[5].FirstAttempt || !es[3].FirstAttempt {
		t.Error("entries of other shards are marked, or those for no detector are not")
	}
}

func TestCounts(t *testing.T) {
	var es []event.Entry
	add := func(n int, e event.Entry) {
		for range n {
			es = append(es, e)
		}
	}
	syn := packet(60, "192.0.2.1:40000", "198.51.100.1:25", event.SYN)
	add(3, syn)
	again := syn
	again.Count = 5
	add(1, again)
	add(1, packet(61, "192.0.2.1:40001", "198.51.100.1:25", event.SYN))
	add(1, packet(60, "198.51.100.1:25", "192.0.2.1:40000", event.SYN|event.ACK))
	add(1, packet(60, "198.51.100.1:25", "192.0.2.1:40000", event.ACK))
	add(1, packet(60, "192.0.2.1:25", "198.51.100.1:25", event.SYN))
	add(1, packet(60, "192.0.2.1:40000", "198.51.100.1:8080", event.SYN))
	add(1, packet(60, "192.0.2.1:80", "198.51.100.1:50000", event.SYN|event.ACK))
	add(1, packet(-30, "192.0.2.1:40000", "198.51.100.1:22", event.SYN))
	icmp := event.Entry{Time: 60e9, TimeQuality: event.TimeExact, Host: "h", Proto: event.ICMP, Action: event.Drop, Direction: event.In}
	add(2, icmp)
	// In the order in which they were first seen; what is not mail has neither port nor attempts.
	want := []event.Count{
		{Minute: 60, Host: "h", Port: 25, Action: event.Drop, Direction: event.In, Proto: 6, Packets: 12, Attempts: 4},
		{Minute: 60, Host: "h", Port: 0, Action: event.Drop, Direction: event.In, Proto: 6, Packets: 2},
		{Minute: -60, Host: "h", Port: 0, Action: event.Drop, Direction: event.In, Proto: 6, Packets: 1},
		{Minute: 60, Host: "h", Port: 0, Action: event.Drop, Direction: event.In, Proto: 1, Packets: 2},
	}
	g := NewGroup(0, nil, Site{}, true)
	for range 2 { // the second time, other batches
		g.attempts = Attempts{}
		for i := range es {
			g.Observe(es[i : i+1])
		}
		if got := g.TakeCounts(); !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		if got := g.TakeCounts(); len(got) != 0 {
			t.Errorf("taken twice: %+v", got)
		}
	}
	if got := NewGroup(0, nil, Site{}, false).TakeCounts(); got != nil {
		t.Errorf("%+v", got)
	}
}

func TestCountsOfManyHosts(t *testing.T) {
	g := NewGroup(0, nil, Site{}, true)
	for round := range 3 {
		const n = 20_000
		for i := range n {
			e := packet(int64(i%600), "192.0.2.1:40000", "198.51.100.1:25", event.SYN)
			e.Host = fmt.Sprint("h", round, i)
			g.Observe([]event.Entry{e})
		}
		rows := g.TakeCounts()
		hosts, packets := map[string]bool{}, uint64(0)
		for _, r := range rows {
			hosts[r.Host] = true
			packets += r.Packets
		}
		if len(hosts) != maxCountHosts+1 || !hosts[Other] || packets != n {
			t.Errorf("%d hosts, %d packets", len(hosts), packets)
		}
	}
}

func TestBlanketSwallowsMailOut(t *testing.T) {
	r := &recorder{}
	g := NewGroup(0, []Detector{r}, Site{}, false)
	mail := func(id, rule string, packets uint64) event.Finding {
		return event.Finding{ID: id, Kind: MailOutBlocked, Host: "h", Rule: rule, Direction: event.Out, Severity: event.High, Packets: packets}
	}
	blanket := event.Finding{ID: "b", Kind: BlanketDeny, Host: "h", Rule: "r", Direction: event.Out, Severity: event.High}
	step := func(name string, want string, say ...event.Finding) {
		t.Helper()
		r.say = say
		got := ""
		for _, f := range g.Findings(nil, false) {
			got += fmt.Sprintf("%s %s %s %s %d; ", f.ID, f.Severity, f.State, f.Cause.Code, f.Packets)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	step("at first", "m high open  1; o high open  1; ", mail("m", "r", 1), mail("o", "other", 1))
	step("the rule blocks more", "b high open  0; m info resolved blanket-deny 2; ", mail("m", "r", 2), blanket)
	step("it goes on", "", mail("m", "r", 3), mail("n", "r", 1))
	step("another rule", "o high open  2; ", mail("o", "other", 2))
	blanket.State = event.Resolved
	step("the rule is mended", "b high resolved  0; m high open  3; n high open  1; ", blanket)
}

func TestInfoIsNotRepeated(t *testing.T) {
	r := &recorder{}
	g := NewGroup(0, []Detector{r}, Site{}, false)
	count := func(packets uint64, final bool) int {
		r.say = nil
		if packets > 0 {
			r.say = []event.Finding{{ID: "i", Kind: MailInBlocked, Packets: packets}}
		}
		return len(g.Findings(nil, final))
	}
	for i, c := range []struct {
		packets uint64
		final   bool
		want    int
	}{{10, false, 1}, {11, false, 0}, {19, false, 0}, {20, false, 1}, {21, false, 0}, {0, false, 0}, {0, true, 1}, {0, true, 0}} {
		if got := count(c.packets, c.final); got != c.want {
			t.Errorf("step %d: %d findings, want %d", i, got, c.want)
		}
	}
}
