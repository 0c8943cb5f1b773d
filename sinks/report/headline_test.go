package report

import (
	"testing"

	"mailstop/event"
)

func TestHeadline(t *testing.T) {
	of := func(kind string, d event.Direction, port uint16, dests ...string) *event.Finding {
		return &event.Finding{Kind: kind, Host: "web-1", Direction: d, Port: port, Destinations: dests}
	}
	moved := of("provider-moved", event.Out, 25)
	moved.Provider = "Google"
	trusted := of("trusted-blocked", event.In, 25, "203.0.113.7")
	trusted.MoreTargets = 1200
	nameless := of("mail-out-blocked", event.Out, 25)
	nameless.Host = ""
	for _, c := range []struct {
		f    *event.Finding
		want string
	}{
		{of("mail-out-blocked", event.Out, 587), "web-1 cannot send mail"},
		{of("mail-out-blocked", event.Out, 0), "web-1 cannot send mail"},
		{of("mail-out-blocked", event.Out, 993), "web-1 cannot fetch mail"},
		{of("mail-out-blocked", event.Forward, 25), "mail sent through web-1 is stopped"},
		{of("mail-out-blocked", event.Forward, 143), "mailboxes cannot be reached through web-1"},
		{nameless, "a firewall without a name cannot send mail"},
		{of("mail-in-blocked", event.In, 25, "192.0.2.25"), "mail for 192.0.2.25 is stopped"},
		{of("mail-in-blocked", event.In, 25, "192.0.2.25", "192.0.2.26"), "mail for 192.0.2.25 and 1 more is stopped"},
		{of("mail-in-blocked", event.In, 25), "mail for web-1 is stopped"},
		{of("mail-in-blocked", event.In, 993, "192.0.2.25"), "mail users cannot reach 192.0.2.25"},
		{of("mail-return-dropped", event.In, 25), "answers to web-1's mail connections are dropped"},
		{of("mail-return-dropped", event.DirectionUnknown, 25), "answers to web-1's mail connections are dropped"},
		{of("mail-return-dropped", event.Out, 25), "answers of web-1's mail server are dropped"},
		{of("mail-return-dropped", event.Forward, 25), "answers to mail connections through web-1 are dropped"},
		{of("blanket-deny", event.Out, 0), "web-1: one rule blocks everything outbound, mail too"},
		{trusted, "trusted mail is blocked on web-1: 203.0.113.7 and 1,200 more"},
		{moved, "Google has new addresses, and web-1 blocks them"},
		{of("mail-spike", event.Out, 25), "mail traffic of web-1 is unusual"},
		{of("mail-fanout", event.Out, 25), "web-1 may be sending spam"},
		{of("mail-stuck", event.Out, 25), "mail is stuck on web-1"},
		{of("source-silent", event.Out, 0), "web-1: the log has gone silent or cannot be read"},
		{of("a-new-kind", event.Out, 0), "web-1: a-new-kind"},
	} {
		if got := headline(c.f); got != c.want {
			t.Errorf("%s %s %d: %q, want %q", c.f.Kind, c.f.Direction, c.f.Port, got, c.want)
		}
	}
}

func TestPath(t *testing.T) {
	for _, c := range []struct {
		f    event.Finding
		want string
	}{
		{event.Finding{Direction: event.Out, Proto: "tcp", Port: 25}, "outbound TCP 25"},
		{event.Finding{Direction: event.Out, Proto: "tcp"}, "outbound TCP on several ports"},
		{event.Finding{Destinations: []string{"2001:db8::1"}}, "traffic to 2001:db8::1"},
		{event.Finding{Direction: event.In, Port: 25, Rule: "7", Destinations: []string{"a", "b", "c", "d"}, MoreTargets: 2}, "inbound TCP 25 to a, b, c and 3 more, stopped by rule 7"},
		{event.Finding{Kind: "mail-return-dropped", Direction: event.In, Port: 587, Rule: "drop 7", Provider: "Google"}, "inbound answers from TCP 587 (Google), stopped by drop 7"},
	} {
		if got := path(&c.f); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
