package fix

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailstop/event"
	"mailstop/internal/golden"
)

// inNamespace runs a script in a network namespace of its own, in which sudo is a no-op, and returns what it prints. Where
// that cannot be had, the test is skipped.
func inNamespace(t *testing.T, script string, tools ...string) string {
	t.Helper()
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "sudo"), []byte("#!/bin/sh\nexec \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	args := []string{"-n", "-m"}
	if os.Getuid() != 0 {
		args = []string{"-r", "-n", "-m"}
	}
	for _, tool := range append(tools, "unshare") {
		if _, err := exec.LookPath(tool); err != nil {
			golden.Skip(t, err.Error())
		}
	}
	if out, err := exec.Command("unshare", append(args, "nft", "list", "ruleset")...).CombinedOutput(); err != nil {
		golden.Skip(t, fmt.Sprintf("no network namespace: %v: %s", err, out))
	}
	cmd := exec.Command("unshare", append(args, "sh", "-eu", "-c", script)...)
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH")+":/usr/sbin:/sbin")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, script, out)
	}
	return string(out)
}

const mark = "=====\n"

// doAndUndo runs a fix and takes it back; it returns the rule set before, between and after.
func doAndUndo(t *testing.T, setup, list string, f event.Fix, tools ...string) (before, with, after string) {
	t.Helper()
	script := setup + "\n" + list + "; echo =====\n" + f.Command + "\n" + list + "; echo =====\n" + f.Undo + "\n" + list
	parts := strings.Split(inNamespace(t, script, tools...), mark)
	if len(parts) != 3 {
		t.Fatalf("%d parts: %q", len(parts), parts)
	}
	return parts[0], parts[1], parts[2]
}

func TestIPTablesForReal(t *testing.T) {
	const setup = `iptables -A OUTPUT -p tcp --dport 25 -j LOG --log-prefix "no mail: "
iptables -A OUTPUT -p tcp --dport 25 -j DROP
ip6tables -P FORWARD DROP`
	const list = "iptables -S; ip6tables -S"
	for _, w := range []What{
		{Direction: event.Out, Port: 25, V4: true},
		{Direction: event.Out, Port: 25},
		{Direction: event.In, Port: 587, Server: server4},
		{Direction: event.Forward, Port: 465, V6: true, Client: client6},
		{Direction: event.In, Port: 25, V4: true, Return: true},
	} {
		f := For(IPTables, w)[0]
		before, with, after := doAndUndo(t, setup, list, f, "iptables", "ip6tables")
		if before != after {
			t.Errorf("%s\nleaves\n%s\nnot\n%s", f.Undo, after, before)
		}
		if !strings.Contains(with, "-j ACCEPT") {
			t.Errorf("%s\nmakes no rule:\n%s", f.Command, with)
		}
		if w.Direction == event.Out && strings.Index(with, "-j ACCEPT") > strings.Index(with, "-j LOG") {
			t.Errorf("too late:\n%s", with)
		}
	}
}

func TestNFTablesForReal(t *testing.T) {
	const setup = `nft -f - <<'END'
table inet filter {
	chain output {
		type filter hook output priority 0; policy accept;
		tcp dport 80 accept
		tcp dport 25 log prefix "[it's (id) #MAIL] " drop
		tcp dport 26 log prefix "[it's (id) #MAIL] too" drop
		ip daddr 198.51.100.1 jump deep
	}
	chain deep {
		tcp dport { 25, 587 } limit rate 3/minute log prefix "[it's (id) #MAIL] " flags tcp sequence
	}
}
table ip6 other {
	chain forward { type filter hook forward priority 0; policy drop; counter log prefix "else: " drop; }
}
END`
	const list = "nft list ruleset"
	for _, w := range []What{
		{Direction: event.Out, Port: 25, V4: true},
		{Direction: event.Forward, Port: 587, V4: true, Client: client4},
		{Direction: event.In, Port: 25, V4: true, Server: server4},
		{Direction: event.In, Port: 25, Return: true},
		{Direction: event.Out, Port: 53, UDP: true},
	} {
		w.Rule = "[it's (id) #MAIL]"
		f := For(NFTables, w)[0]
		before, with, after := doAndUndo(t, setup, list, f, "nft")
		if before != after {
			t.Errorf("%s\nleaves\n%s\nnot\n%s", f.Undo, after, before)
		}
		if n := strings.Count(with, `comment "mailstop: `); n != 2 {
			t.Errorf("%s\nmakes %d rules, not one for each chain:\n%s", f.Command, n, with)
		}
		if strings.Index(with, "mailstop: ") > strings.Index(with, "MAIL]") {
			t.Errorf("too late:\n%s", with)
		}
	}
	// IPv6, a prefix with a colon, and an address of that family.
	f := For(NFTables, What{
		Direction: event.Forward, Port: 25, Rule: "else:", V6: true, Client: netip.MustParseAddr("2001:db8::20"),
	})[0]
	before, with, after := doAndUndo(t, setup, list, f, "nft")
	if before != after || !strings.Contains(with, `ip6 saddr 2001:db8::20 tcp dport 25 accept comment "mailstop: mail smtp"`) {
		t.Errorf("before\n%s\nwith\n%s\nafter\n%s", before, with, after)
	}
}

// ufw keeps its rules in files: the test works on copies of them.
func TestUFWForReal(t *testing.T) {
	const setup = `mount --make-rprivate /
d=$(mktemp -d /tmp/fix-ufw.XXXXXX); mkdir $d/etc $d/default $d/lib
cp -a /etc/ufw/. $d/etc; cp -a /etc/default/. $d/default
mount --bind $d/etc /etc/ufw; mount --bind $d/default /etc/default
trap 'umount /etc/ufw /etc/default; rm -r "$d"' EXIT
ufw default deny outgoing >/dev/null
ufw deny out to 198.51.100.0/24 port 25 proto tcp >/dev/null`
	const list = "grep -h 'tuple\\|^-A ufw6*-user-[iof][^ ]*put\\|^-A ufw6*-user-forward' /etc/ufw/user.rules /etc/ufw/user6.rules"
	for _, w := range []What{
		{Direction: event.Out, Port: 587, V4: true},
		{Direction: event.Out, Port: 25, V4: true, Explicit: true},
		{Direction: event.Out, Port: 53, UDP: true},
		{Direction: event.In, Port: 25, Server: server4},
		{Direction: event.Forward, Port: 465, Client: client4},
		{Direction: event.Forward, Port: 25, Server: server4, Explicit: true},
	} {
		f := For(UFW, w)[0]
		f.Command, f.Undo = f.Command+" >/dev/null", f.Undo+" >/dev/null"
		before, with, after := doAndUndo(t, setup, list, f, "ufw", "mount")
		if before != after {
			t.Errorf("%s\nleaves\n%s\nnot\n%s", f.Undo, after, before)
		}
		if with == before || !strings.Contains(with, "-j ACCEPT") {
			t.Errorf("%s\nmakes no rule:\n%s", f.Command, with)
		}
		if deny := strings.Index(with, "-j DROP"); w.Explicit && deny >= 0 && strings.Index(with, "-j ACCEPT") > deny {
			t.Errorf("%s\ntoo late:\n%s", f.Command, with)
		}
	}
}
