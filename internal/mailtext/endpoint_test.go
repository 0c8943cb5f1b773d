package mailtext

import "testing"

func TestAddr(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "[192.0.2.1]": "192.0.2.1", "2001:db8::1": "2001:db8::1", "[2001:DB8::1]": "2001:db8::1",
		"IPv6:2001:db8::1": "2001:db8::1", "[IPv6:2001:DB8::1]": "2001:db8::1", "fe80::1%eth0": "fe80::1",
		"::ffff:192.0.2.1": "192.0.2.1", "": "invalid IP", "[": "invalid IP", "[]": "invalid IP", "25": "invalid IP",
		"mx.example.com": "invalid IP", "192.0.2": "invalid IP", "192.0.2.1.5": "invalid IP", "abc": "invalid IP",
		"0.0.0.0": "0.0.0.0", "255.255.255.255": "255.255.255.255", "256.1.1.1": "invalid IP", "01.2.3.4": "invalid IP", "1.2.3.00": "invalid IP",
		"1..2.3": "invalid IP", "1.2.3.": "invalid IP", "a:b:c": "invalid IP",
	} {
		if got := Addr(in).String(); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestEndpoint(t *testing.T) {
	for _, c := range []struct {
		in, addr string
		port     uint16
		ok       bool
	}{
		{"192.0.2.1:25", "192.0.2.1", 25, true},
		{"[2001:db8::1]:465", "2001:db8::1", 465, true},
		{"[::ffff:192.0.2.1]:587", "192.0.2.1", 587, true},
		{"192.0.2.1", "192.0.2.1", 0, true},
		{"2001:db8::1", "2001:db8::1", 0, true},
		{"[2001:db8::1]", "2001:db8::1", 0, true},
		{"192.0.2.1:65536", "192.0.2.1", 0, false},
		{"192.0.2.1:", "192.0.2.1", 0, false},
		{"192.0.2.1:2x", "192.0.2.1", 0, false},
		{":25", "invalid IP", 25, false},
		{"", "invalid IP", 0, false},
		{"mx.example.com:25", "invalid IP", 25, false},
	} {
		a, port, ok := Endpoint(c.in)
		if ok && port != c.port || ok != c.ok || a.String() != c.addr {
			t.Errorf("%q: %s %d %t, want %s %d %t", c.in, a, port, ok, c.addr, c.port, c.ok)
		}
	}
}

func TestCut(t *testing.T) {
	var a Arena
	if got := Cut(&a, "=> user <@example.com>", 3, 7); got != "=>  <@example.com>" {
		t.Errorf("%q", got)
	}
	if got := Cut(&a, "same", 2, 2); got != "same" {
		t.Errorf("%q", got)
	}
}

func TestPID(t *testing.T) {
	for _, c := range []struct {
		raw, body, program string
		pid                uint32
		ok                 bool
	}{
		{"Jan  5 10:11:42 mx sm-mta[3311]: body", "body", "sm-mta", 3311, true},
		{"Jan  5 10:11:42 mx sm-mta[3311]: body\r", "body", "sm-mta", 3311, true},
		{"<22>1 2026-01-05T09:11:12Z mx smtpd 4711 - - body", "body", "smtpd", 4711, true},
		{"<22>1 2026-01-05T09:11:12Z mx smtpd - - - body", "body", "smtpd", 0, false},
		{"Jan  5 10:11:42 mx exim: body", "body", "exim", 0, false},
		{"Jan  5 10:11:42 mx sm-mta[33111111111]: body", "body", "sm-mta", 0, false},
		{"{\"message\":\"sm-mta[3311]: body\"}", "body", "sm-mta", 0, false},
		{"body", "body", "", 0, false},
	} {
		if pid, ok := PID(c.raw, c.body, c.program); ok != c.ok || ok && pid != c.pid {
			t.Errorf("%q: %d %t", c.raw, pid, ok)
		}
	}
}
