package fix

import (
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"mailstop/event"
)

var (
	client4 = netip.MustParseAddr("192.168.1.20")
	client6 = netip.MustParseAddr("2001:db8::20")
	server4 = netip.MustParseAddr("192.0.2.25")
	remote4 = netip.MustParseAddr("52.98.1.7")
)

// What is typed, word for word.
func TestCommands(t *testing.T) {
	for _, c := range []struct {
		name          string
		platform      Platform
		what          What
		command, undo string
	}{
		{
			"ufw out", UFW,
			What{Direction: event.Out, Port: 587, V4: true},
			"sudo ufw allow out to any port 587 proto tcp comment 'mail submission'",
			"sudo ufw delete allow out to any port 587 proto tcp",
		},
		{
			"ufw explicit", UFW,
			What{Direction: event.Out, Port: 25, V4: true, Explicit: true},
			"sudo ufw prepend allow out to any port 25 proto tcp comment 'mail smtp'",
			"sudo ufw delete allow out to any port 25 proto tcp",
		},
		{
			"ufw in", UFW,
			What{Direction: event.In, Port: 25, V4: true, Server: server4},
			"sudo ufw allow in to 192.0.2.25 port 25 proto tcp comment 'mail smtp'",
			"sudo ufw delete allow in to 192.0.2.25 port 25 proto tcp",
		},
		{
			"ufw forward", UFW,
			What{Direction: event.Forward, Port: 465, V4: true, Client: client4},
			"sudo ufw route allow from 192.168.1.20 to any port 465 proto tcp comment 'mail submissions'",
			"sudo ufw route delete allow from 192.168.1.20 to any port 465 proto tcp",
		},
		{
			"firewalld in", Firewalld,
			What{Direction: event.In, Port: 587, V4: true, Zone: "public"},
			"sudo firewall-cmd --permanent --zone public --add-service smtp-submission && sudo firewall-cmd --reload",
			"sudo firewall-cmd --permanent --zone public --remove-service smtp-submission && sudo firewall-cmd --reload",
		},
		{
			"firewalld out", Firewalld,
			What{Direction: event.Out, Port: 587, V4: true},
			"sudo firewall-cmd --permanent --new-policy mailstop-out-587 && " +
				"sudo firewall-cmd --permanent --policy mailstop-out-587 --add-ingress-zone HOST && " +
				"sudo firewall-cmd --permanent --policy mailstop-out-587 --add-egress-zone ANY && " +
				"sudo firewall-cmd --permanent --policy mailstop-out-587 --add-port 587/tcp && sudo firewall-cmd --reload",
			"sudo firewall-cmd --permanent --delete-policy mailstop-out-587 && sudo firewall-cmd --reload",
		},
		{
			"iptables both families", IPTables,
			What{Direction: event.Out, Port: 25},
			"sudo iptables -I OUTPUT -p tcp --dport 25 -m comment --comment 'mailstop: mail smtp' -j ACCEPT && " +
				"sudo ip6tables -I OUTPUT -p tcp --dport 25 -m comment --comment 'mailstop: mail smtp' -j ACCEPT",
			"sudo iptables -D OUTPUT -p tcp --dport 25 -m comment --comment 'mailstop: mail smtp' -j ACCEPT && " +
				"sudo ip6tables -D OUTPUT -p tcp --dport 25 -m comment --comment 'mailstop: mail smtp' -j ACCEPT",
		},
		{
			"iptables one client", IPTables,
			What{Direction: event.Forward, Port: 25, Client: client6},
			"sudo ip6tables -I FORWARD -s 2001:db8::20 -p tcp --dport 25 -m comment --comment 'mailstop: mail smtp' -j ACCEPT",
			"sudo ip6tables -D FORWARD -s 2001:db8::20 -p tcp --dport 25 -m comment --comment 'mailstop: mail smtp' -j ACCEPT",
		},
		{
			"iptables answers", IPTables,
			What{Direction: event.In, Port: 25, V4: true, Return: true},
			"sudo iptables -I INPUT -m conntrack --ctstate ESTABLISHED,RELATED -m comment --comment 'mailstop: answers to open connections' -j ACCEPT",
			"sudo iptables -D INPUT -m conntrack --ctstate ESTABLISHED,RELATED -m comment --comment 'mailstop: answers to open connections' -j ACCEPT",
		},
	} {
		got := For(c.platform, c.what)
		if len(got) != 1 || got[0].Command != c.command || got[0].Undo != c.undo {
			t.Errorf("%s:\ngot  %+v\nwant %s\nundo %s", c.name, got, c.command, c.undo)
		}
	}
}

func TestNoFix(t *testing.T) {
	for _, w := range []What{{Port: 25}, {Direction: event.Out}} {
		if got := For(Any, w); len(got) != 0 {
			t.Errorf("%+v: %+v", w, got)
		}
	}
	// firewalld lets answers in always: a rule for them would mend nothing.
	if got := For(Firewalld, What{Direction: event.In, Port: 25, Return: true}); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	// A prefix that cannot be typed on a line, or that nft cannot have written, finds no rule.
	for _, p := range []string{"", "a\nb", "\x1b[0m", `a"b`, "\xff"} {
		if got := For(NFTables, What{Direction: event.Out, Port: 25, Rule: p}); len(got) != 0 {
			t.Errorf("%q: %+v", p, got)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		what What
		want string
	}{
		{What{Direction: event.Out, Port: 587, Host: remote4}, "nc -vz -w 5 52.98.1.7 587"},
		{What{Direction: event.In, Port: 25, Server: server4}, "nc -vz -w 5 192.0.2.25 25"},
		{What{Direction: event.Out, Port: 53, UDP: true}, "getent hosts example.com"},
	} {
		if got := For(UFW, c.what)[0].Check; got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// No fix opens more than a port, whatever the case; and a shell can read all of them.
func TestEveryFix(t *testing.T) {
	n := 0
	for _, platform := range []Platform{Any, UFW, Firewalld} {
		for _, d := range []event.Direction{event.In, event.Out, event.Forward} {
			for bits := range 64 {
				w := What{
					Direction: d, Port: 587, UDP: bits&1 != 0, Return: bits&2 != 0, V4: bits&4 != 0, V6: bits&8 != 0,
					Rule: "it's \"here\" $(id)", Explicit: bits&16 != 0, Zone: "a'b",
				}
				if bits&32 != 0 {
					w.Client = client4
				}
				if d == event.In {
					w.Client, w.Server = netip.Addr{}, server4
				}
				for _, f := range For(platform, w) {
					n++
					for _, cmd := range []string{f.Command, f.Undo, f.Check} {
						if out, err := exec.Command("sh", "-n", "-c", cmd).CombinedOutput(); err != nil || cmd == "" {
							t.Fatalf("%s: %v %s", cmd, err, out)
						}
					}
					if !strings.Contains(f.Command, "587") && !strings.Contains(f.Command, "--add-service smtp-submission ") && !strings.Contains(f.Command, "ESTABLISHED,RELATED") &&
						!strings.Contains(f.Command, "established,related") {
						t.Errorf("opens more than a port: %s", f.Command)
					}
				}
			}
		}
	}
	if n < 100 {
		t.Errorf("only %d fixes", n)
	}
}
