package scan

import (
	"errors"
	"math"
	"net/netip"
	"testing"

	"mailstop/event"
)

func TestAddr(t *testing.T) {
	for s, want := range map[string]string{
		"192.0.2.25": "192.0.2.25", "0.0.0.0": "0.0.0.0", "255.255.255.255": "255.255.255.255",
		"2001:db8::1": "2001:db8::1", "::": "::", "::1": "::1", "fe80::1%eth0": "fe80::1", "::ffff:192.0.2.1": "192.0.2.1",
		"2001:0DB8:0000:0000:0000:0000:0000:0001": "2001:db8::1",
		"": "", "1": "", "192.0.2": "", "192.0.2.": "", "192.0.2.256": "", "192.0.2.025": "", "192.0.2.1.1": "", "192.0.2.1 ": "",
		".192.0.2.1": "", "mail.example.com": "", "2001:db8": "", "2001:db8:::1": "", "a:b": "", "192.0.2.1/25": "", "beef": "",
		"1:2:3:4:5:6:7:8:9": "", "%eth0": "", "192.0.2.0x1": "",
	} {
		got, ok := Addr(s)
		if ok != (want != "") || ok && got != netip.MustParseAddr(want) {
			t.Errorf("Addr(%q) = %v, %t, want %q", s, got, ok, want)
		}
	}
}

func TestProto(t *testing.T) {
	for s, want := range map[string]int{
		"TCP": 6, "Tcp": 6, "6": 6, "udp": 17, "ICMP6": 58, "ipv6-icmp": 58, "IPv6-ICMP": 58, "255": 255, "0": 0, "GRE": 47, "esp": 50,
		"": -1, "256": -1, "-1": -1, "tcp ": -1, "no-protocol-of-this-name": -1, "SMTP": -1,
	} {
		got, ok := Proto(s)
		if ok != (want >= 0) || ok && int(got) != want {
			t.Errorf("Proto(%q) = %d, %t, want %d", s, got, ok, want)
		}
	}
	for n := range 256 {
		if name := event.ProtoName(uint8(n)); len(name) > longestProto {
			t.Errorf("the name %s is longer than %d", name, longestProto)
		} else if got, ok := Proto(name); name != "" && (!ok || int(got) != n) {
			t.Errorf("Proto(%q) = %d, %t, want %d", name, got, ok, n)
		}
	}
}

func TestUint(t *testing.T) {
	for _, tt := range []struct {
		s     string
		limit uint64
		want  uint64
		ok    bool
	}{
		{"0", 0, 0, true},
		{"25", 65535, 25, true},
		{"65536", 65535, 65536, false},
		{"", 9, 0, false},
		{"1a", 99, 0, false},
		{"-1", 99, 0, false},
		{"9999999999999999999", math.MaxUint64, 9999999999999999999, true},
		{"18446744073709551615", math.MaxUint64, 0, false},
	} {
		if got, ok := Uint(tt.s, tt.limit); ok != tt.ok || ok && got != tt.want {
			t.Errorf("Uint(%q, %d) = %d, %t", tt.s, tt.limit, got, ok)
		}
	}
	if Digits("123a") != 3 || Digits("") != 0 || Digits("a1") != 0 {
		t.Error("Digits")
	}
}

func TestFill(t *testing.T) {
	var e event.Entry
	e.Count = 1
	f := Fill{Entry: &e}
	f.Src("192.0.2.25")
	f.Dst("x")
	f.SrcPort("40112")
	f.DstPort("65536")
	f.Proto("tcp")
	f.Packets("0")
	f.Verdict(event.ActionUnknown, event.VerdictField)
	if err := f.Finish(); !errors.Is(err, ErrDestination) || e.Dst.IsValid() || !e.Is(event.HasSrcPort) || e.Is(event.HasDstPort) ||
		e.Count != 1 || e.Verdict != event.VerdictNone {
		t.Errorf("%+v, %v", e, err)
	}
	f.Proto("icmp")
	f.ICMP("8", "256")
	f.Packets("9999999999")
	if err := f.Finish(); !errors.Is(err, ErrDestination) || e.Is(event.HasSrcPort) || e.ICMPType != 8 || e.Is(event.HasICMPCode) || e.Count != math.MaxUint32 {
		t.Errorf("%+v", e)
	}
}

func TestNothingAllocates(t *testing.T) {
	var e event.Entry
	f := Fill{Entry: &e}
	if n := testing.AllocsPerRun(100, func() {
		for _, s := range []string{"192.0.2.1", "192.0.2.999", "mail.example.com", "2001:db8::1", "IPV6-ICMP", "a", "99999", ""} {
			f.Src(s)
			f.SrcPort(s)
			f.Proto(s)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
