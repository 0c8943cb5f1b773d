package pf

import (
	"net/netip"
	"strings"
	"testing"

	"mailstop/event"
)

// checkAddr compares with netip, but for what this package does on purpose: it drops zones and unmaps.
func checkAddr(t *testing.T, s string) {
	t.Helper()
	want, err := netip.ParseAddr(s)
	got, ok := Addr(s)
	if ok != (err == nil) || got != want.WithZone("").Unmap() {
		t.Errorf("%q: %v, %t, want %v, %v", s, got, ok, want, err)
	}
}

var addresses = []string{
	"192.0.2.25", "0.0.0.0", "255.255.255.255", "256.0.0.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.0004", "1..2.3", ".1.2.3", "1.2.3.", "",
	"::", "::1", "1::", "2001:db8::25", "2001:db8:0:0:0:0:0:25", "2001:DB8::aB", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6:7", "1:2:3:4:5:6:7::",
	"::2:3:4:5:6:7:8", "1::3:4:5:6:7:8", "1::2::3", ":1", "1:", ":::", "::1:", "12345::", "g::", "1:2:3:4:5:6:7", "1::2:3:4:5:6:7:8",
	"::ffff:192.0.2.25", "::ffff:c000:219", "::192.0.2.25", "64:ff9b::192.0.2.25", "::ffff:192.0.2.256", "1.2.3.4::", "fe80::1%em0", "fe80::1%",
	"%em0", "fe80::1%em0.20", "192.0.2.1%em0", "name.example.com", "192.0.2.25 ",
}

func TestAddr(t *testing.T) {
	for _, s := range addresses {
		checkAddr(t, s)
	}
}

func FuzzAddr(f *testing.F) {
	for _, s := range addresses {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) < 64 {
			checkAddr(t, s)
		}
	})
}

func TestNumber(t *testing.T) {
	for s, want := range map[string]uint32{"0": 0, "25": 25, "4294967295": 4294967295, "0000000001": 1} {
		if v, ok := Number(s); !ok || v != want {
			t.Errorf("%q: %d, %t", s, v, ok)
		}
	}
	for _, s := range []string{"", "-1", "4294967296", "00000000001", "1x", " 1", "99999999999"} {
		if v, ok := Number(s); ok {
			t.Errorf("%q is %d", s, v)
		}
	}
}

// Every message by its words; what the words do not tell is -1.
func TestICMP(t *testing.T) {
	for _, tt := range []struct {
		text      string
		typ, code int
	}{
		{"echo request, id 7, seq 1, length 64", 8, -1},
		{"echo reply, id 7, seq 1, length 64", 0, -1},
		{"net 192.0.2.1 unreachable, length 36", 3, 0},
		{"host 192.0.2.1 unreachable", 3, 1},
		{"192.0.2.1 protocol 47 unreachable", 3, 2},
		{"192.0.2.1 udp port 53 unreachable", 3, 3},
		{"192.0.2.1 protocol 17 port 53 unreachable", 3, 3},
		{"192.0.2.1 unreachable - need to frag (mtu 1400)", 3, 4},
		{"192.0.2.1 unreachable - source route failed", 3, 5},
		{"net 192.0.2.1 unreachable - unknown", 3, 6},
		{"host 192.0.2.1 unreachable - unknown", 3, 7},
		{"192.0.2.1 unreachable - source host isolated", 3, 8},
		{"net 192.0.2.1 unreachable - admin prohibited", 3, 9},
		{"host 192.0.2.1 unreachable - admin prohibited", 3, 10},
		{"net 192.0.2.1 unreachable - tos prohibited", 3, 11},
		{"host 192.0.2.1 unreachable - tos prohibited", 3, 12},
		{"host 192.0.2.1 unreachable - admin prohibited filter", 3, 13},
		{"host 192.0.2.1 unreachable - host precedence violation", 3, 14},
		{"host 192.0.2.1 unreachable - precedence cutoff", 3, 15},
		{"192.0.2.1 unreachable", 3, -1},
		{"source quench", 4, -1},
		{"redirect 192.0.2.1 to net 192.0.2.2", 5, 0},
		{"redirect 192.0.2.1 to host 192.0.2.2", 5, 1},
		{"redirect-tos 192.0.2.1 to net 192.0.2.2", 5, 2},
		{"redirect-tos 192.0.2.1 to host 192.0.2.2", 5, 3},
		{"redirect-?? 192.0.2.1 to net 192.0.2.2", 5, -1},
		{"router advertisement", 9, -1},
		{"router solicitation", 10, -1},
		{"time exceeded in-transit", 11, 0},
		{"ip reassembly time exceeded", 11, 1},
		{"time exceeded-#5", 11, -1},
		{"parameter problem - octet 8", 12, 0},
		{"parameter problem - code 1", 12, -1},
		{"time stamp query id 1 seq 2", 13, -1},
		{"time stamp reply id 1", 14, -1},
		{"information request", 15, -1},
		{"information reply", 16, -1},
		{"address mask request", 17, -1},
		{"address mask is 0xffffff00", 18, -1},
		{"something new", -1, -1},
		{"", -1, -1},
	} {
		var e event.Entry
		if known := SetICMP(&e, tt.text); known != (tt.typ >= 0) || !is(&e, tt.typ, tt.code) {
			t.Errorf("%q: %t, %d %d, want %d %d", tt.text, known, e.ICMPType, e.ICMPCode, tt.typ, tt.code)
		}
	}
	for _, tt := range []struct {
		text      string
		typ, code int
	}{
		{"echo request, id 7", 128, -1},
		{"echo reply", 129, -1},
		{"destination unreachable, unreachable port, 2001:db8::1", 1, 4},
		{"destination unreachable, unreachable route", 1, 0},
		{"destination unreachable, unreachable prohibited", 1, 1},
		{"destination unreachable", 1, -1},
		{"packet too big, mtu 1280", 2, -1},
		{"time exceeded in-transit", 3, 0},
		{"multicast listener report v2, 1 group", 143, -1},
		{"multicast listener reportmax resp delay: 0", 131, -1},
		{"multicast listener report", -1, -1},
		{"multicast listener query v2", 130, -1},
		{"multicast listener done", 132, -1},
		{"neighbor sol: who has 2001:db8::1", 135, -1},
		{"neighbor advertisement, tgt is", 136, -1},
		{"redirect", 137, -1},
		{"new", -1, -1},
	} {
		var e event.Entry
		if known := SetICMP6(&e, tt.text); known != (tt.typ >= 0) || !is(&e, tt.typ, tt.code) {
			t.Errorf("%q: %t, %d %d, want %d %d", tt.text, known, e.ICMPType, e.ICMPCode, tt.typ, tt.code)
		}
	}
}

func is(e *event.Entry, typ, code int) bool {
	return e.Is(event.HasICMPType) == (typ >= 0) && e.Is(event.HasICMPCode) == (code >= 0) &&
		(typ < 0 || int(e.ICMPType) == typ) && (code < 0 || int(e.ICMPCode) == code)
}

func TestWords(t *testing.T) {
	for word, want := range map[string]event.Action{
		"pass": event.Allow, "block": event.Deny, "synproxy-drop": event.Drop, "nat": event.NAT, "rdr": event.NAT, "binat": event.NAT,
		"nonat": event.Observe, "match": event.Observe, "scrub": event.Observe, "nat64 (Darwin)": event.NAT,
	} {
		var e event.Entry
		if !SetAction(&e, word) || e.Action != want || e.Verdict != event.VerdictField {
			t.Errorf("%s: %v by %v", word, e.Action, e.Verdict)
		}
	}
	for _, word := range []string{"", "drop", "Pass", strings.Repeat("pass", 2)} {
		var e event.Entry
		if SetAction(&e, word) || e.Verdict != event.VerdictNone {
			t.Errorf("%q is an action", word)
		}
	}
	for word, want := range map[string]event.Entry{
		"in": {Direction: event.In, IfaceIn: "em0"}, "out": {Direction: event.Out, IfaceOut: "em0"},
		"fwd": {Direction: event.Forward, IfaceOut: "em0"}, "in/out": {},
	} {
		var e event.Entry
		if !SetDirection(&e, word, "em0") || e != want {
			t.Errorf("%s: %+v", word, e)
		}
	}
	if SetDirection(&event.Entry{}, "north", "em0") {
		t.Error("north is a direction")
	}
}
