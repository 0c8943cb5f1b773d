package nftext

import (
	"net/netip"
	"testing"
)

var addresses = []string{
	"192.0.2.1", "0.0.0.0", "255.255.255.255", "256.0.0.1", "192.0.2", "192.0.2.01", "192.0.2.1.", "",
	"::", "::1", "1::", "2001:db8::25", "2001:db8:0:0:1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8",
	"2001:0db8:0000:0000:0000:0000:0000:0025", "fe80::1%eth0", "::ffff:192.0.2.1", "::ffff:c000:201", "64:ff9b::192.0.2.1",
	":", ":1", "1:", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "::g", "1:2:3:4:5:6:7:8::", "1::2:3:4:5:6:7:8",
	"::1:", ":1::", "1:::2", "%eth0", "::%", "0.0.0.0%:",
}

// All spellings are read as netip does, but for zones, which are left out, and mapped addresses.
func checkAddress(t *testing.T, s string) {
	t.Helper()
	if len(s) > 64 { // none, but for the zone
		return
	}
	want, err := netip.ParseAddr(s)
	got, ok := Address(s)
	if err == nil && (!ok || got != want.WithZone("").Unmap()) || err != nil && ok {
		t.Errorf("%q: %v %t, want %v, %v", s, got, ok, want, err)
	}
}

func TestAddress(t *testing.T) {
	for _, s := range addresses {
		checkAddress(t, s)
	}
}

func FuzzAddress(f *testing.F) {
	for _, s := range addresses {
		f.Add(s)
	}
	f.Fuzz(checkAddress)
}
