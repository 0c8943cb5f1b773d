package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"mailstop/event"
	"mailstop/sinks"
)

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	r := full(t)
	if err := r.JSON(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "full.json.golden", b.Bytes())
	marshalled, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var one, two any
	if err := errors.Join(json.Unmarshal(b.Bytes(), &one), json.Unmarshal(marshalled, &two)); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(one, two) {
		t.Error("JSON and json.Marshal differ")
	}
	b.Reset()
	if err := New().Result(Run{}).JSON(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "null") {
		t.Errorf("an empty report has nulls: %s", &b)
	}
}

// TestBatching holds that totals do not depend on how entries were cut into blocks and batches.
func TestBatching(t *testing.T) {
	var es []event.Entry
	for i := range 5000 {
		e := packet(day.Add(time.Duration(i)*time.Second), event.Action(i%8), event.Direction(i%4), uint16(i%600), mailPorts[i%8], event.SYN)
		e.Host, e.Count, e.Rule = fmt.Sprint("h", i%50), uint32(1+i%3), fmt.Sprint("r", i%20)
		if i%2 == 0 {
			e.Verdict = event.VerdictNone
		}
		if i%7 == 0 {
			e = broken("a.log", int64(i+1), "?", fmt.Sprint("why ", i%5))
		}
		es = append(es, e)
	}
	var want []byte
	for _, size := range []int{5000, 1000, 1} {
		s := New()
		batch := &sinks.Batch{Source: "a.log"}
		for part := range slices.Chunk(es, size) {
			b := s.Block()
			b.Append(part)
			batch.Blocks = append(batch.Blocks, b)
		}
		if err := s.Write(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(s.Result(Run{}))
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		if !bytes.Equal(got, want) {
			t.Errorf("blocks of %d entries:\n%s\nwant\n%s", size, got, want)
		}
	}
}

func TestMailPorts(t *testing.T) {
	count := func(e event.Entry) (mail, answers map[string]map[string]Verdicts) {
		s := New()
		write(t, s, "x", []event.Entry{e})
		r := s.Result(Run{})
		return r.Totals.MailPorts, r.Totals.MailAnswers
	}
	one := func(dir, port string, v Verdicts) map[string]map[string]Verdicts {
		return map[string]map[string]Verdicts{dir: {port: v}}
	}
	none := map[string]map[string]Verdicts{}
	udp := packet(day, event.Drop, event.Out, 40000, 25, 0)
	udp.Proto = event.UDP
	portless := packet(day, event.Drop, event.Out, 40000, 25, 0)
	portless.Has = event.HasProto
	repeated := packet(day, event.Deny, event.Forward, 40000, 993, event.SYN)
	repeated.Count = 7
	bare := packet(day, event.Drop, event.In, 587, 40000, 0)
	bare.Has = event.HasPorts
	for _, c := range []struct {
		name          string
		e             event.Entry
		mail, answers map[string]map[string]Verdicts
	}{
		{"request", packet(day, event.Drop, event.Out, 40000, 25, event.SYN), one("out", "25", Verdicts{Blocked: 1}), none},
		{"allowed", packet(day, event.Allow, event.In, 40000, 465, event.SYN), one("in", "465", Verdicts{Allowed: 1}), none},
		{"observed", packet(day, event.Observe, event.DirectionUnknown, 40000, 2525, event.SYN), one("unknown", "2525", Verdicts{Other: 1}), none},
		{"repeated", repeated, one("forward", "993", Verdicts{Blocked: 7}), none},
		{"answer", packet(day, event.Drop, event.In, 587, 40000, event.SYN|event.ACK), none, one("in", "587", Verdicts{Blocked: 1})},
		{"answer without flags", bare, none, one("in", "587", Verdicts{Blocked: 1})},
		{"scan from port 25", packet(day, event.Drop, event.In, 25, 40000, event.SYN), none, none},
		{"relay from port 25", packet(day, event.Drop, event.Out, 25, 25, event.SYN), one("out", "25", Verdicts{Blocked: 1}), none},
		{"answer to a relay", packet(day, event.Drop, event.In, 25, 25, event.SYN|event.ACK), none, one("in", "25", Verdicts{Blocked: 1})},
		{"not mail", packet(day, event.Drop, event.Out, 40000, 443, event.SYN), none, none},
		{"UDP", udp, none, none},
		{"no ports", portless, none, none},
	} {
		mail, answers := count(c.e)
		if !reflect.DeepEqual(mail, c.mail) || !reflect.DeepEqual(answers, c.answers) {
			t.Errorf("%s: mail %v answers %v, want %v and %v", c.name, mail, answers, c.mail, c.answers)
		}
	}
}

func TestFindingsAreReplaced(t *testing.T) {
	s := New()
	f, g := outFinding(), outFinding()
	f.First = f.First.In(time.FixedZone("CET", 3600))
	write(t, s, "x", nil, f)
	g.Attempts, g.State = 500, event.Resolved
	if err := s.Write(t.Context(), &sinks.Batch{Findings: []event.Finding{g, infoFinding(2), infoFinding(1)}}); err != nil {
		t.Fatal(err)
	}
	r := s.Result(Run{})
	var ids []string
	for _, f := range r.Findings {
		ids = append(ids, f.ID)
	}
	if want := []string{"f1", "i01", "i02"}; !slices.Equal(ids, want) {
		t.Errorf("findings %v, want %v", ids, want)
	}
	if r.Findings[0].Attempts != 500 || r.Findings[0].State != event.Resolved || r.Findings[0].First.Location() != time.UTC {
		t.Errorf("not the newest form in UTC: %+v", r.Findings[0])
	}
	if len(r.Sources) != 1 {
		t.Errorf("findings made a source: %+v", r.Sources)
	}
}

func TestClocks(t *testing.T) {
	day1970, day2099 := time.Unix(0, 0), time.Date(2099, 12, 31, 0, 0, 0, 0, time.UTC)
	at := func(ts ...time.Time) Totals {
		s := New()
		for _, ti := range ts {
			write(t, s, "x", []event.Entry{packet(ti, event.Drop, event.Out, 1, 25, 0)})
		}
		return s.Result(Run{}).Totals
	}
	for _, c := range []struct {
		name        string
		times       []time.Time
		first, last time.Time
		aside       uint64
	}{
		{"one", []time.Time{day}, day, day, 0},
		{"out of order", []time.Time{day.Add(time.Hour), day, day.Add(time.Minute)}, day, day.Add(time.Hour), 0},
		{"a clock reset", []time.Time{day1970, day, day.Add(time.Hour)}, day, day.Add(time.Hour), 1},
		{"a clock ahead", []time.Time{day, day2099, day.Add(time.Hour), day1970, day}, day, day.Add(time.Hour), 2},
		{"nine years of logs", []time.Time{day.AddDate(-9, 0, 0), day, day}, day.AddDate(-9, 0, 0), day, 0},
		{"only 1970", []time.Time{day1970}, day1970.UTC(), day1970.UTC(), 0},
		{"the ends of the range", []time.Time{day, day, day, time.Unix(0, -1<<63), time.Unix(0, 1<<63-1)}, day, day, 2},
	} {
		got := at(c.times...)
		if !got.First.Equal(c.first) || !got.Last.Equal(c.last) || got.TimesSetAside != c.aside {
			t.Errorf("%s: %v to %v, %d aside; want %v to %v, %d", c.name, got.First, got.Last, got.TimesSetAside, c.first, c.last, c.aside)
		}
	}
	timeless := packet(day, event.Drop, event.Out, 1, 25, 0)
	timeless.TimeQuality = event.TimeNone
	s := New()
	write(t, s, "x", []event.Entry{timeless})
	if got := s.Result(Run{}).Totals; !got.First.IsZero() || got.TimeQualities["none"] != 1 {
		t.Errorf("without a time: %+v", got)
	}
}

// TestBounds feeds what a hostile log could, and looks at what is kept.
func TestBounds(t *testing.T) {
	s := New()
	s.limit = 10
	var es []event.Entry
	long := strings.Repeat("x", event.MaxRaw)
	for i := range 3000 {
		e := packet(day.Add(time.Duration(i)*24*365*time.Hour), event.Observe, event.Out, 1, 25, 0)
		e.Verdict, e.Host, e.Rule = event.VerdictNone, fmt.Sprint(i, long), fmt.Sprint(i, long)
		es = append(es, e, broken(long, 1, long, fmt.Sprint(i, long)))
	}
	for part := range slices.Chunk(es, 1000) {
		write(t, s, "x", part)
	}
	for i := range 100 {
		f := outFinding()
		f.ID, f.Severity = fmt.Sprint(i), event.Severity(i%4)
		write(t, s, "x", nil, f)
	}
	r := s.Result(Run{})
	c := r.Totals
	kept := uint64(0)
	for _, h := range c.Hosts {
		kept += h.Entries
		if len(h.Name) > maxName {
			t.Fatalf("a host of %d bytes", len(h.Name))
		}
	}
	if len(c.Hosts) != maxHosts || kept+c.HostsBeyond != 3000 || len(c.NoVerdictPrefixes) != maxPrefixes || c.NoVerdict != 3000 {
		t.Errorf("%d hosts, %d + %d entries, %d prefixes, %d without verdict",
			len(c.Hosts), kept, c.HostsBeyond, len(c.NoVerdictPrefixes), c.NoVerdict)
	}
	sum := uint64(0)
	for _, u := range c.UnparsedReasons {
		sum += u.Count
		for _, smp := range u.Samples {
			if len(smp.Raw) > maxSample+len("…") {
				t.Fatalf("a sample of %d bytes", len(smp.Raw))
			}
		}
	}
	if len(c.UnparsedReasons) != maxReasons+1 || sum != 3000 || c.Unparsed != 3000 {
		t.Errorf("%d reasons for %d of %d lines", len(c.UnparsedReasons), sum, c.Unparsed)
	}
	if len(s.total.times.epochs) > 512 {
		t.Errorf("%d epochs", len(s.total.times.epochs))
	}
	if n := uint64(len(r.Findings)); n > 20 || n+c.FindingsBeyond != 100 || r.Findings[0].Severity != event.High {
		t.Errorf("%d findings kept, %d let go", n, c.FindingsBeyond)
	}
	for i := range maxSources + 5 {
		write(t, s, fmt.Sprint("s", i), es[:1])
	}
	if n := len(s.Result(Run{}).Sources); n != maxSources+1 {
		t.Errorf("%d sources", n)
	}
}

type foreign struct{}

func (foreign) Append([]event.Entry) {}

func TestForeignBlock(t *testing.T) {
	s := New()
	b := s.Block()
	b.Append([]event.Entry{packet(day, event.Drop, event.Out, 1, 25, 0)})
	err := s.Write(t.Context(), &sinks.Batch{Source: "x", Blocks: []sinks.Block{b, foreign{}}})
	if !errors.Is(err, sinks.ErrPermanent) {
		t.Errorf("err = %v", err)
	}
	if n := s.Result(Run{}).Totals.Lines; n != 0 {
		t.Errorf("a refused batch was counted: %d lines", n)
	}
}

// TestKeepsNothing changes the memory under the entries after Append.
func TestKeepsNothing(t *testing.T) {
	buf := []byte("hosthosthost")
	view := unsafeString(buf)
	s := New()
	e := packet(day, event.Observe, event.Out, 1, 25, 0)
	e.Host, e.Rule, e.Source, e.Verdict = view, view, view, event.VerdictNone
	b := s.Block()
	b.Append([]event.Entry{e, broken(view, 1, view, view)})
	clear(buf)
	if err := s.Write(t.Context(), &sinks.Batch{Source: "x", Blocks: []sinks.Block{b}}); err != nil {
		t.Fatal(err)
	}
	js, err := json.Marshal(s.Result(Run{}))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(js), `\u0000`) || strings.Count(string(js), "hosthosthost") != 5 {
		t.Errorf("kept a view: %s", js)
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	es := mixed()
	b := New().Block()
	b.Append(es)
	if n := testing.AllocsPerRun(10, func() { b.Append(es) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// mixed is what a busy firewall logs: mostly other ports, some mail, few unreadable lines.
func mixed() []event.Entry {
	var es []event.Entry
	for i := range 2000 {
		e := packet(day.Add(time.Duration(i)*time.Second), event.Drop, event.In, uint16(30000+i), uint16(i*37), event.SYN)
		switch {
		case i%10 == 0:
			e.DstPort = 25
		case i%100 == 1:
			e = broken("ufw.log", int64(i), "usb 1-1: new device", "not a firewall entry")
		case i%3 == 0:
			e.Action = event.Allow
		}
		es = append(es, e)
	}
	return es
}

// kept makes a benchmark's block escape to the heap, as a batch's does.
var kept sinks.Block

func BenchmarkAppend(b *testing.B) {
	hosts := mixed()
	for i := range hosts {
		hosts[i].Host = fmt.Sprint("host-", i%200)
	}
	for _, c := range []struct {
		name string
		es   []event.Entry
	}{{"one host", mixed()}, {"200 hosts", hosts}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			blk := New().Block()
			for b.Loop() {
				blk.Append(c.es)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(c.es)), "ns/entry")
		})
	}
	b.Run("new block", func(b *testing.B) {
		b.ReportAllocs()
		s, es := New(), mixed()
		for b.Loop() {
			kept = s.Block()
			kept.Append(es)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(es)), "ns/entry")
	})
}

// unsafeString is how a parser makes strings of a block.
func unsafeString(b []byte) string { return unsafe.String(&b[0], len(b)) }

// TestMailServers holds what lines of mail servers and lines of no packet come to in the totals.
func TestMailServers(t *testing.T) {
	line := func(f event.Format, d event.Delivery) event.Entry {
		return event.Entry{Time: day.UnixNano(), TimeQuality: event.TimeExact, Host: "mx1", Format: f, Delivery: &d}
	}
	es := []event.Entry{
		line(event.Postfix, event.Delivery{Status: event.Deferred, ReasonClass: event.ReasonTimeout}),
		line(event.Postfix, event.Delivery{Status: event.Deferred, ReasonClass: event.ReasonTimeout}),
		line(event.Exim, event.Delivery{Status: event.Bounced}),
		line(event.Exim, event.Delivery{Status: event.Sent}),
		line(event.Postfix, event.Delivery{QueueID: "no outcome"}),
		{Note: event.NoteEmpty},
		{Note: event.NoteHeader},
		{Note: "12 events lost", Format: event.PFirewall},
		broken("mail.log", 9, "?", "not a firewall entry"),
	}
	s := New()
	b := s.Block()
	b.Append(es)
	if err := s.Write(t.Context(), &sinks.Batch{Source: "mail.log", Blocks: []sinks.Block{b}}); err != nil {
		t.Fatal(err)
	}
	r := s.Result(Run{})
	tot := &r.Totals
	if tot.Lines != 9 || tot.Entries != 0 || tot.MailLines != 5 || tot.Deliveries != 4 || tot.Noted != 3 || tot.Unparsed != 1 || r.Unreadable() {
		t.Errorf("totals %+v", tot)
	}
	if got, want := fmt.Sprint(tot.DeliveriesByStatus, tot.DeliveriesByFailure), "map[bounced:1 deferred:2 sent:1] map[timeout:2 unknown:1]"; got != want {
		t.Errorf("deliveries %s, want %s", got, want)
	}
	var out strings.Builder
	if err := r.Text(&out, Options{Width: 200}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"these are logs of a mail server",
		"5 lines of a mail server (postfix, exim): 1 sent, 2 deferred, 1 bounced; not sent because: unknown",
		"1, timeout 2",
		"1 line of other kinds (12 events lost)",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, &out)
		}
	}

	s = New()
	b = s.Block()
	b.Append([]event.Entry{{Note: event.NoteEmpty}, {Note: event.NoteHeader}})
	if err := s.Write(t.Context(), &sinks.Batch{Source: "pfirewall.log", Blocks: []sinks.Block{b}}); err != nil {
		t.Fatal(err)
	}
	if s.Result(Run{}).Unreadable() {
		t.Error("a file of headers alone is taken for unreadable")
	}
}
