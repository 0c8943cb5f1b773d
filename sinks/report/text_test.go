package report

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"mailstop/event"
	"mailstop/internal/term"
	"mailstop/sinks"
)

var (
	day   = time.Date(2026, 1, 5, 10, 2, 0, 0, time.UTC)
	peerA = netip.MustParseAddr("198.51.100.7")
	us    = netip.MustParseAddr("10.0.4.17")
)

// packet returns a readable entry of web-1.
func packet(at time.Time, a event.Action, d event.Direction, sport, dport uint16, flags event.TCPFlags) event.Entry {
	return event.Entry{
		Time: at.UnixNano(), TimeQuality: event.TimeInferredYear, Host: "web-1", Source: "ufw.log", Rule: "[UFW BLOCK]",
		Format: event.Netfilter, Action: a, Verdict: event.VerdictPrefix, Direction: d, Src: us, Dst: peerA,
		SrcPort: sport, DstPort: dport, Proto: event.TCP, TCPFlags: flags, Count: 1,
		Has: event.HasPorts | event.HasProto | event.HasTCPFlags,
	}
}

func times(n int, e event.Entry) []event.Entry {
	out := make([]event.Entry, n)
	for i := range out {
		out[i] = e
		out[i].Time += int64(i) * int64(time.Second)
	}
	return out
}

func broken(source string, line int64, raw, why string) event.Entry {
	return event.Entry{Source: source, Line: line, Pos: line * 100, Raw: raw, Error: why, Count: 1}
}

// write puts entries into one batch of source.
func write(t testing.TB, s *Sink, source string, es []event.Entry, fs ...event.Finding) {
	t.Helper()
	b := s.Block()
	b.Append(es)
	if err := s.Write(t.Context(), &sinks.Batch{Source: source, Blocks: []sinks.Block{b}, Findings: fs}); err != nil {
		t.Fatal(err)
	}
}

func outFinding() event.Finding {
	return event.Finding{
		ID: "f1", Kind: "mail-out-blocked", Severity: event.High, Host: "web-1", Direction: event.Out, Proto: "tcp", Port: 587,
		Service: "submission", Rule: "[UFW BLOCK]", Provider: "Microsoft 365",
		Destinations: []string{"52.98.1.7", "52.98.1.8", "52.98.1.9", "52.98.1.10"}, MoreTargets: 3,
		Attempts: 132, Packets: 396, First: day, Last: day.Add(5*time.Minute + 11*time.Second),
		Summary: "web-1 cannot reach the submission port of Microsoft 365.",
		Cause: event.Cause{
			Code: event.CauseDefaultDenyOut, Text: "outgoing traffic is denied by default and no rule allows 587",
			Confidence: event.Likely, Missing: []string{"whether 465 would pass (never tried)"},
		},
		Fix: []event.Fix{{
			Platform: "ufw", Command: "sudo ufw allow out to any port 587 proto tcp comment 'mail submission'",
			Undo: "sudo ufw delete allow out to any port 587 proto tcp", Check: "nc -vz -w 5 52.98.1.7 587",
		}},
		Evidence: []string{"Jan  5 10:02:00 web-1 kernel: [UFW BLOCK] IN= OUT=eth0 SRC=10.0.4.17 DST=52.98.1.7 LEN=60 TOS=0x00 " +
			"PREC=0x00 TTL=64 ID=57015 DF PROTO=TCP SPT=46330 DPT=587 WINDOW=64240 RES=0x00 SYN URGP=0"},
		Where: []string{"ufw.log:1203"},
	}
}

func infoFinding(i int) event.Finding {
	return event.Finding{
		ID: fmt.Sprintf("i%02d", i), Kind: "mail-in-blocked", Severity: event.Info, Host: "web-1", Direction: event.In, Port: 25,
		Attempts: uint64(7000 - i), Packets: 7702,
		Summary: "7,702 probes of port 25 from 311 addresses; no mail server of yours is among the targets",
	}
}

// full is a replay in which much was found.
func full(t testing.TB) *Report {
	s := New()
	es := times(396, packet(day, event.Drop, event.Out, 46330, 587, event.SYN))
	es = append(es, times(7702, packet(day.Add(-100*time.Hour), event.Drop, event.In, 40000, 25, event.SYN))...)
	es = append(es, times(4, packet(day, event.Reject, event.In, 40000, 465, event.SYN))...)
	es = append(es, times(9, packet(day, event.Drop, event.In, 587, 50000, event.SYN|event.ACK))...)
	es = append(es, times(3000, packet(day, event.Allow, event.In, 40000, 443, event.SYN))...)
	es = append(es, packet(time.Unix(5, 0), event.Allow, event.In, 1, 2, 0), packet(day.AddDate(73, 0, 0), event.Allow, event.In, 1, 2, 0))
	write(t, s, "ufw.log", es, outFinding(), infoFinding(1))
	write(t, s, "ufw.log.1", []event.Entry{
		broken("ufw.log.1", 88, "Jan  4 03:00:01 web-1 kernel: usb 1-1: new high-speed USB device number 5 using xhci_hcd", "not a firewall entry"),
		broken("ufw.log.1", 89, "Jan  4 03:00:01 web-1 kernel: usb 1-1: New USB device found", "not a firewall entry"),
		broken("ufw.log.1", 97, "Jan  4 03:00:02 web-1 kernel: [UFW BLOCK] IN=eth0 OUT= SRC=10.", "line ends early"),
	})
	if err := s.Write(t.Context(), &sinks.Batch{
		Source: "ufw.log.2.gz", Problem: "ufw.log.2.gz: offset 81234: unexpected EOF",
	}); err != nil {
		t.Fatal(err)
	}
	return s.Result(Run{Elapsed: 410 * time.Millisecond, Notes: []string{"stored 11,113 entries in /var/lib/mailstop/store"}})
}

func kinds(t testing.TB) *Report {
	s := New()
	ret := outFinding()
	ret.ID, ret.Kind, ret.Direction, ret.Provider, ret.Port, ret.Severity = "k1", "mail-return-dropped", event.In, "", 25, event.Medium
	ret.Cause = event.Cause{Code: event.CauseStatelessReturn, Text: "the answers come back to a rule that knows no connections", Confidence: event.Certain}
	ret.Fix = []event.Fix{
		{Platform: "nftables", Command: "nft insert rule inet filter input ct state established,related accept\nnft list chain inet filter input", Undo: "nft delete rule inet filter input handle 7", Check: "nc -vz -w 5 198.51.100.7 25"},
		{Platform: "iptables", Command: "iptables -I INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT", Undo: "iptables -D INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT", Check: "nc -vz -w 5 198.51.100.7 25", Note: "make it last with netfilter-persistent save"},
	}
	ret.LowerBound = true
	in := event.Finding{
		ID: "k2", Kind: "mail-in-blocked", Severity: event.High, Host: "fw-1", Direction: event.Forward, Proto: "tcp", Port: 25,
		Destinations: []string{"192.0.2.25"}, Attempts: 1, Packets: 1, First: day, Last: day, Rule: "7",
		Cause: event.Cause{Code: event.CauseUnknown, Confidence: event.Possible},
		Queue: &event.Queue{Messages: 12, Oldest: day.Add(-time.Hour)}, State: event.Resolved,
	}
	blanket := event.Finding{
		ID: "k3", Kind: "blanket-deny", Severity: event.Low, Host: "web-1", Direction: event.Out, Attempts: 5000, Packets: 5000,
		Destinations: []string{"198.51.100.7", "203.0.113.9", "2001:db8::25"}, MoreTargets: 1200, First: day, Last: day.Add(72 * time.Hour),
	}
	fan := event.Finding{
		ID: "k4", Kind: "mail-fanout", Severity: event.High, Host: "pc-17", Direction: event.Out, Port: 25, Attempts: 900, Packets: 900,
		First: day, Last: day.Add(time.Minute), Summary: "pc-17 opened port 25 of 412 mail servers within a minute, as a spam bot does.",
		Cause: event.Cause{Code: event.CauseSpamContainment, Text: "the block is a good one: it keeps spam in", Confidence: event.Likely},
	}
	e := packet(day, event.Drop, event.Out, 40000, 25, event.SYN)
	e.TimeQuality = event.TimeExact
	write(t, s, "stdin", []event.Entry{e}, ret, in, blanket, fan)
	return s.Result(Run{Elapsed: time.Millisecond})
}

func many(t testing.TB) *Report {
	s := New()
	var fs []event.Finding
	for i := range 25 {
		fs = append(fs, event.Finding{
			ID: fmt.Sprintf("m%02d", i), Kind: "mail-out-blocked", Severity: event.Severity(1 + i%3), Host: fmt.Sprintf("web-%d", i),
			Direction: event.Out, Port: 25, Attempts: uint64(i), First: day, Last: day,
		})
	}
	for i := range 13 {
		fs = append(fs, infoFinding(i))
	}
	var es []event.Entry
	for i, port := range mailPorts {
		es = append(es, times(1000*(i+1), packet(day, event.Observe, event.Direction(i%4), 40000, port, event.SYN))...)
	}
	write(t, s, "a.log", es, fs...)
	var bad []event.Entry
	for i := range 8 {
		bad = append(bad, broken("b.log", int64(i+1), "x", fmt.Sprintf("reason %d", i)))
	}
	write(t, s, "b.log", bad)
	return s.Result(Run{Elapsed: time.Minute})
}

// The reports in which nothing was found say why.
func nothings(t testing.TB) map[string]*Report {
	out := make(map[string]*Report)
	of := func(name string, run Run, es ...event.Entry) {
		s := New()
		write(t, s, "fw.log", es)
		out[name] = s.Result(run)
	}
	of("no-lines", Run{})
	of("unreadable", Run{
		Anchors: []string{"netfilter: \"IN=\" followed by \" OUT=\""},
		Example: "Jan  5 10:02:00 web-1 kernel: [UFW BLOCK] IN= OUT=eth0 SRC=10.0.4.17 DST=198.51.100.7 LEN=60 PROTO=TCP SPT=46330 DPT=587 SYN",
	}, broken("fw.log", 1, "hello", "not a firewall entry"))
	silent := packet(day, event.Observe, event.Out, 40000, 25, event.SYN)
	silent.Verdict, silent.Rule = event.VerdictNone, "OUT-25"
	of("no-verdict", Run{}, silent, silent)
	of("all-allowed", Run{}, packet(day, event.Allow, event.Out, 40000, 25, event.SYN))
	of("no-mail", Run{}, packet(day, event.Drop, event.Out, 40000, 443, event.SYN), silent)
	of("harmless", Run{}, packet(day, event.Drop, event.In, 25, 40000, event.FIN|event.ACK))
	return out
}

func text(t testing.TB, r *Report, o Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := r.Text(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestText(t *testing.T) {
	reports := nothings(t)
	reports["full"], reports["kinds"], reports["many"] = full(t), kinds(t), many(t)
	for name, r := range reports {
		golden(t, name+"-80.golden", text(t, r, Options{Width: 80}))
	}
	for _, name := range []string{"full", "kinds", "many"} {
		golden(t, name+"-200.golden", text(t, reports[name], Options{Width: 200}))
	}
	golden(t, "full-80-color.golden", text(t, reports["full"], Options{Width: 80, Color: true}))
}

func TestColorChangesNoText(t *testing.T) {
	strip := strings.NewReplacer("\x1b[0m", "", "\x1b[1m", "", "\x1b[2m", "", "\x1b[1;31m", "", "\x1b[33m", "", "\x1b[32m", "", "\x1b[36m", "")
	for name, r := range map[string]*Report{"full": full(t), "kinds": kinds(t), "many": many(t)} {
		plain, colored := string(text(t, r, Options{})), string(text(t, r, Options{Color: true}))
		if colored == plain {
			t.Errorf("%s: no colour", name)
		}
		if got := strip.Replace(colored); got != plain {
			t.Errorf("%s: without colours:\n%s\nwant\n%s", name, got, plain)
		}
	}
}

// TestWidth holds that only what is to be copied may be wider than the screen.
func TestWidth(t *testing.T) {
	for _, width := range []int{40, 80, 120} {
		for name, r := range map[string]*Report{"full": full(t), "kinds": kinds(t), "many": many(t)} {
			for l := range strings.Lines(string(text(t, r, Options{Width: width}))) {
				l = strings.TrimSuffix(l, "\n")
				copied := strings.Contains(l, "sudo ") || strings.Contains(l, "tables ") || strings.Contains(l, "nft ") || strings.Contains(l, "nc ")
				if !copied && term.Columns(l) > width {
					t.Errorf("%s at %d: %d columns: %s", name, width, term.Columns(l), l)
				}
			}
		}
	}
}

const hostile = "\x1b[31m\x1b]0;owned\x07\u009b2J\r\nfake line\u202egnp.exe\x00\xff\x7f\u2066\U000e0041"

func TestHostileText(t *testing.T) {
	s := New()
	f := outFinding()
	f.Host, f.Rule, f.Provider, f.Proto, f.Summary = hostile, hostile, hostile, hostile, hostile
	f.Destinations = []string{hostile, strings.Repeat("é", 1000)}
	f.Cause = event.Cause{Code: hostile, Text: hostile, Confidence: hostile, Missing: []string{hostile}}
	fix := event.Fix{Platform: hostile, Command: hostile, Undo: hostile, Check: hostile, Note: hostile}
	f.Fix = []event.Fix{fix, fix}
	f.Evidence, f.Where = []string{hostile, strings.Repeat("\x1b", event.MaxRaw)}, []string{hostile, hostile}
	info, odd := f, f
	info.ID, info.Severity = "f2", event.Info
	odd.ID, odd.Kind = "f3", hostile
	e := packet(day, event.Observe, event.Out, 25, 25, event.SYN)
	e.Verdict, e.Host, e.Rule = event.VerdictNone, hostile, hostile
	b := s.Block()
	b.Append([]event.Entry{e, broken(hostile, 1, hostile, hostile)})
	batch := &sinks.Batch{Source: hostile, Problem: hostile, Blocks: []sinks.Block{b}, Findings: []event.Finding{f, info, odd}}
	if err := s.Write(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	r := s.Result(Run{Notes: []string{hostile}, Anchors: []string{hostile}, Example: hostile})
	out := text(t, r, Options{})
	none := New()
	write(t, none, hostile, []event.Entry{broken(hostile, 1, hostile, hostile)})
	out = append(out, text(t, none.Result(Run{Anchors: []string{hostile}, Example: hostile}), Options{})...)
	var js bytes.Buffer
	if err := r.JSON(&js); err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]string{"text": string(out), "json": js.String()} {
		if !utf8.ValidString(got) || len(got) < 500 {
			t.Errorf("%s: not valid UTF-8, or too short: %q", name, got)
		}
		for _, c := range got {
			if c != '\n' && !unicode.IsPrint(c) {
				t.Fatalf("%s: has %q: %q", name, c, got)
			}
		}
		for l := range strings.Lines(got) {
			if strings.HasPrefix(l, "fake line") {
				t.Errorf("%s: a log broke the line: %q", name, l)
			}
		}
	}
}
