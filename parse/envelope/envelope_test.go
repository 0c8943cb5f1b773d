package envelope

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"mailstop/event"
	"mailstop/internal/golden"
	"mailstop/parse"
)

func unwrap(line string) (body string, ok bool, e event.Entry, r parse.Record) {
	clock := parse.NewClock(parse.Hints{})
	r = parse.Record{Entry: &e, Clock: &clock}
	body, ok = New().Unwrap(line, &r)
	return body, ok, e, r
}

func TestJournal(t *testing.T) {
	const (
		both = "2026-01-05T09:11:12.345678Z"
		none = "0001-01-01T00:00:00Z"
	)
	for _, tt := range []struct{ line, body, host, program, when, received string }{
		// As journalctl writes it.
		{
			`{"__REALTIME_TIMESTAMP":"1767604272345678","_BOOT_ID":"00112233445566778899aabbccddeeff","_HOSTNAME":"mx1","_TRANSPORT":"kernel","SYSLOG_IDENTIFIER":"kernel","PRIORITY":"4","_SOURCE_MONOTONIC_TIMESTAMP":"8123456789","MESSAGE":"[UFW BLOCK] IN=eth0 OUT= "}`,
			"[UFW BLOCK] IN=eth0 OUT= ", "mx1", "kernel", both, both,
		},
		// The source's own time wins over the journal's, which says when it was received.
		{
			`{"MESSAGE":"DROP IN=","__REALTIME_TIMESTAMP":"1767604272345678","_SOURCE_REALTIME_TIMESTAMP":"1767604271000001"}`,
			"DROP IN=", "", "", "2026-01-05T09:11:11.000001Z", both,
		},
		// Only the transport says that it is the journal's.
		{`{"MESSAGE":"DROP IN=","_TRANSPORT":"kernel"}`, "DROP IN=", "", "kernel", none, none},
		// Numbers, white space, members of other types.
		{
			`{ "__REALTIME_TIMESTAMP" : 1767604272345678 , "a":{"b":[1,{"MESSAGE":"no"}],"c":"}"},"d":true,"e":null,"f":-1.5e3, "MESSAGE" : "DROP IN=" } `,
			"DROP IN=", "", "", both, both,
		},
		// Seconds, milliseconds, nanoseconds.
		{`{"MESSAGE":"x","__REALTIME_TIMESTAMP":"1767604272"}`, "x", "", "", "2026-01-05T09:11:12Z", "2026-01-05T09:11:12Z"},
		{`{"MESSAGE":"x","__REALTIME_TIMESTAMP":"1767604272345"}`, "x", "", "", "2026-01-05T09:11:12.345Z", "2026-01-05T09:11:12.345Z"},
		{`{"MESSAGE":"x","__REALTIME_TIMESTAMP":"1767604272345678901"}`, "x", "", "", "2026-01-05T09:11:12.345678901Z", "2026-01-05T09:11:12.345678901Z"},
		// Times that are none.
		{`{"MESSAGE":"x","__REALTIME_TIMESTAMP":"9999999999999999999"}`, "x", "", "", none, none},
		{`{"MESSAGE":"x","__REALTIME_TIMESTAMP":"1767604272345678","_SOURCE_REALTIME_TIMESTAMP":"x"}`, "x", "", "", both, both},
		{`{"MESSAGE":"x","__REALTIME_TIMESTAMP":"17676042-2345678"}`, "x", "", "", none, none},
		{`{"MESSAGE":"x","__REALTIME_TIMESTAMP":[]}`, "x", "", "", none, none},
		// Escapes.
		{
			`{"_TRANSPORT":"kernel","MESSAGE":"a\"b\\c\/\b\f\n\r\t\u0041\u00fc\ud83d\ude00\ud83dx\udc00\q\u12"}`,
			"a\"b\\c/\b\f\n\r\tAü😀\uFFFDx\uFFFD\\q\\u12", "", "kernel", none, none,
		},
		{`{"_TRANSPORT":"kernel","MESSAGE":"ends in \\","_HOSTNAME":"m\u0078"}`, `ends in \`, "mx", "kernel", none, none},
		// Bytes, null, fields that came more than once.
		{`{"_TRANSPORT":"kernel","MESSAGE":[68, 82,79 ,80,255,300]}`, "DROP\xff?", "", "kernel", none, none},
		{`{"_TRANSPORT":"kernel","MESSAGE":null}`, "", "", "kernel", none, none},
		{`{"_TRANSPORT":"kernel","MESSAGE":["one","two"],"_HOSTNAME":["a","b"]}`, "one", "a", "kernel", none, none},
		{`{"_TRANSPORT":"kernel","MESSAGE":[[68,82],[1]]}`, "DR", "", "kernel", none, none},
		{`{"_TRANSPORT":"kernel","MESSAGE":[[[68]]]}`, "", "", "kernel", none, none},
		{`{"_TRANSPORT":"kernel","MESSAGE":""}`, "", "", "kernel", none, none},
	} {
		body, ok, e, r := unwrap(tt.line)
		if !ok {
			t.Errorf("%s: refused", tt.line)
			continue
		}
		received := time.Time{}
		if e.Received != 0 {
			received = time.Unix(0, e.Received).UTC()
		}
		when, got := e.When().Format(time.RFC3339Nano), received.Format(time.RFC3339Nano)
		if body != tt.body || e.Host != tt.host || r.Program != tt.program || when != tt.when || got != tt.received {
			t.Errorf("%s\n got %q %q %q %s %s\nwant %q %q %q %s %s", tt.line, body, e.Host, r.Program, when, got,
				tt.body, tt.host, tt.program, tt.when, tt.received)
		}
		if tt.when != none && (e.TimeQuality != event.TimeExact || r.Reference != e.Time) {
			t.Errorf("%s: %s, %d digits, reference %d", tt.line, e.TimeQuality, e.TimeDigits, r.Reference)
		}
	}
}

func TestNotTheJournal(t *testing.T) {
	for _, line := range []string{
		"", "{", "{}", "{ }", `{"MESSAGE"}`, `{"MESSAGE":}`, `{"MESSAGE":"x"}`, `{"_TRANSPORT":"kernel"}`, "[UFW BLOCK] IN=", "x{}",
		`{"MESSAGE":"x","_TRANSPORT":"kernel"} x`, `{"MESSAGE":"x","_TRANSPORT":"kernel",}`,
		`{"MESSAGE":"x" "_TRANSPORT":"kernel"}`, `{"MESSAGE":"x\","_TRANSPORT":"kernel"}`, `{"_TRANSPORT":"kernel","MESSAGE":[1,2}`,
		`{"_TRANSPORT":"kernel","MESSAGE":"x","a":}`, `{"a":{"MESSAGE":"x"},"_TRANSPORT":"kernel"} ` + "x",
		strings.Repeat(`{"a":`, 10_000), `{"a":` + strings.Repeat(`[`, 100_000),
	} {
		body, ok, e, r := unwrap(line)
		if ok || body != line || e != (event.Entry{}) || r.Program != "" || r.Reference != 0 {
			t.Errorf("%.60s: claimed as %q", line, body)
		}
	}
}

// Strings stay as they are while others are made behind them.
func TestArena(t *testing.T) {
	u := New()
	var bodies []string
	for i := range 2000 {
		var e event.Entry
		r := parse.Record{Entry: &e}
		body, ok := u.Unwrap(`{"_TRANSPORT":"kernel","MESSAGE":"\u0041 `+strconv.Itoa(i)+`","_HOSTNAME":"h\/`+strconv.Itoa(i)+`"}`, &r)
		if !ok {
			t.Fatal(i)
		}
		bodies = append(bodies, body, e.Host)
	}
	for i := range 2000 {
		if n := strconv.Itoa(i); bodies[2*i] != "A "+n || bodies[2*i+1] != "h/"+n {
			t.Fatal(i, bodies[2*i], bodies[2*i+1])
		}
	}
}

func FuzzUnwrap(f *testing.F) {
	for _, name := range []string{"testdata/shippers.log", "testdata/stores.log", "testdata/custom.log"} {
		for line := range golden.Lines(f, name) {
			f.Add(line)
		}
	}
	f.Add(`{"_TRANSPORT":"kernel","MESSAGE":"a\"b\\c\/\b\f\n\r\t\u0041\u00fc\ud83d\ude00\ud83dx\q\u12"}`)
	f.Add(`{"_TRANSPORT":"kernel","MESSAGE":[68, 82,79 ,80,255,300],"a":{"b":[1,{"c":"}"}]}}`)
	f.Add(`{"_TRANSPORT":null,"MESSAGE":[[68,82],["x"]],"_HOSTNAME":["a"]}`)
	f.Add(`{"values":[]}`)
	f.Fuzz(func(t *testing.T, line string) {
		body, ok, e, r := unwrap(line)
		if !ok && (body != line || e != (event.Entry{}) || r.Program != "" || r.Reference != 0) {
			t.Fatalf("%q: refused, and changed to %q %+v", line, body, e)
		}
		if ok && len(body) > len(line) {
			t.Fatalf("%q: grew to %q", line, body)
		}
		if len(e.Host) > len(line) || len(e.Agent) > len(line) || len(r.Program) > len(line) {
			t.Fatalf("%q: grew to %q %q %q", line, e.Host, e.Agent, r.Program)
		}
		again, ok2, e2, _ := unwrap(line)
		if again != body || ok2 != ok || e2 != e {
			t.Fatalf("%q is read in two ways", line)
		}
	})
}
