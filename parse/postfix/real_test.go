package postfix

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mailstop/event"
	"mailstop/internal/golden"
	"mailstop/internal/lab"
	"mailstop/parse"
	"mailstop/parse/syslog"
)

// A destination is a domain that a real Postfix sends a message to, and what its log must tell.
type destination struct {
	name   string // of the domain, before ".example"
	ip     string // its only exchanger; empty for one that the name server is asked for
	serve  func(*server)
	status event.DeliveryStatus
	class  event.ReasonClass
	dsn    string
	code   uint16
	alone  bool // the failure is logged by itself, too, without a queue id
}

func destinations() []destination {
	return []destination{
		{name: "ok", ip: "198.51.100.1", serve: dialogue(ready, answers()), status: event.Sent, dsn: "2.0.0", code: 250},
		{name: "refused", ip: "198.51.100.2", status: event.Deferred, class: event.ReasonRefused, dsn: "4.4.1", alone: true},
		{name: "dropped", ip: "198.51.100.3", status: event.Deferred, class: event.ReasonTimeout, dsn: "4.4.1", alone: true},
		{name: "rejected", ip: "198.51.100.4", status: event.Deferred, class: event.ReasonUnreachable, dsn: "4.4.1", alone: true},
		{name: "reset", ip: "198.51.100.5", status: event.Deferred, class: event.ReasonRefused, dsn: "4.4.1", alone: true},
		{name: "noroute", ip: "198.51.100.6", status: event.Deferred, class: event.ReasonUnreachable, dsn: "4.4.1", alone: true},
		{name: "nonet", ip: "198.51.100.7", status: event.Deferred, class: event.ReasonUnreachable, dsn: "4.4.1", alone: true},
		{name: "prohibited", ip: "198.51.100.8", status: event.Deferred, class: event.ReasonDenied, dsn: "4.4.1", alone: true},
		{name: "outreject", ip: "198.51.100.9", status: event.Deferred, class: event.ReasonUnreachable, dsn: "4.4.1", alone: true},
		{name: "outdrop", ip: "198.51.100.10", status: event.Deferred, class: event.ReasonTimeout, dsn: "4.4.1", alone: true},
		{name: "outport", ip: "198.51.100.18", status: event.Deferred, class: event.ReasonRefused, dsn: "4.4.1", alone: true},
		{
			name: "unknown", ip: "198.51.100.11", serve: dialogue(ready, answers("RCPT", "550 5.1.1 no such user")),
			status: event.Bounced, class: event.ReasonPolicy, dsn: "5.1.1", code: 550,
		},
		{
			name: "grey", ip: "198.51.100.12", serve: dialogue(ready, answers("RCPT", "451 4.7.1 later, (please)")),
			status: event.Deferred, class: event.ReasonPolicy, dsn: "4.7.1", code: 451,
		},
		{
			name: "blocked", ip: "198.51.100.13", serve: dialogue("554 5.7.1 not you", answers()),
			status: event.Deferred, class: event.ReasonPolicy, dsn: "4.7.1", code: 554,
		},
		{
			name: "hangup", ip: "198.51.100.14", serve: func(s *server) { s.say(ready) },
			status: event.Deferred, class: event.ReasonReset, dsn: "4.4.2",
		},
		{
			name: "silent", ip: "198.51.100.15", serve: func(s *server) { _, _ = s.in.ReadString('\n') },
			status: event.Deferred, class: event.ReasonTimeout, dsn: "4.4.2",
		},
		{
			name: "notls", ip: "198.51.100.16", serve: dialogue(ready, answers()),
			status: event.Deferred, class: event.ReasonTLS, dsn: "4.7.4",
		},
		{
			name: "badtls", ip: "198.51.100.17", serve: dialogue(ready, answers("EHLO", "250-mx.example\r\n250 STARTTLS", "STARTTLS", "220 go\r\nrubbish")),
			status: event.Deferred, class: event.ReasonTLS, dsn: "4.7.5", alone: true,
		},
		{name: "nosuch", status: event.Bounced, class: event.ReasonDNS, dsn: "5.4.4"},
		{name: "broken", status: event.Deferred, class: event.ReasonDNS, dsn: "4.4.3"},
		{name: "six", ip: "2001:db8:9::1", status: event.Deferred, class: event.ReasonRefused, dsn: "4.4.1", alone: true},
	}
}

// firewalls are what stands between: of the sender's host and of the router.
const (
	outputRules = `table inet t {
chain c {
 type filter hook output priority 0
 ip daddr 198.51.100.9 reject with icmp type admin-prohibited
 ip daddr 198.51.100.10 drop
 ip daddr 198.51.100.18 reject
}
}
`
	routerRules = `table inet t {
chain c {
 type filter hook input priority 0
 ip daddr 198.51.100.3 drop
 ip daddr 198.51.100.4 reject with icmp type admin-prohibited
 ip daddr 198.51.100.5 reject with tcp reset
}
}
`
)

// A real Postfix tells what real firewalls, routes, servers and name servers did to it, and the log is read as that.
func TestRealPostfix(t *testing.T) {
	for _, tool := range []string{"/usr/sbin/postfix", "/usr/lib/postfix/sbin/master"} {
		if _, err := os.Stat(tool); err != nil {
			golden.Skip(t, "Postfix is not installed: "+err.Error())
		}
	}
	l := lab.New(t)
	r := &realPart{t: t, lab: l, dir: t.TempDir()}
	r.network()
	r.names()
	r.start()
	r.send()
	r.check(r.log())
}

type realPart struct {
	t   *testing.T
	lab *lab.Lab
	dir string // Postfix' own: configuration, queue, log
}

func (r *realPart) must(_ string, err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// network puts up addresses, servers, routes and firewalls.
func (r *realPart) network() {
	r.t.Helper()
	inner, outer := r.lab.Inner, r.lab.Outer
	for _, d := range destinations() {
		if d.ip == "" {
			continue
		}
		addr := netip.MustParseAddr(d.ip)
		r.must("", outer.AddAddr(addr))
		if d.serve != nil {
			r.listen(outer, netip.AddrPortFrom(addr, 25), d.serve)
		}
	}
	r.must(inner.Run("ip", "route", "add", "unreachable", "198.51.100.6"))
	r.must(inner.Run("ip", "route", "add", "throw", "198.51.100.7"))
	r.must(inner.Run("ip", "route", "add", "prohibit", "198.51.100.8"))
	r.must("", inner.NFT(outputRules))
	r.must("", outer.NFT(routerRules))
}

// start writes a configuration and runs Postfix on the sender's host, with a resolver of its own.
func (r *realPart) start() {
	r.t.Helper()
	var transports strings.Builder
	for _, d := range destinations() {
		next := d.ip
		switch {
		case next == "":
			next = d.name + ".example"
		case strings.Contains(next, ":"):
			next = "ipv6:" + next
		}
		fmt.Fprintf(&transports, " { %s.example = smtp:[%s] }", d.name, next)
	}
	r.must("", os.Chmod(r.dir, 0o755))
	r.must("", os.Chmod(filepath.Dir(r.dir), 0o755))
	for name, text := range map[string]string{
		"etc/main.cf": fmt.Sprintf(mainCF, r.dir, transports.String()), "etc/master.cf": masterCF, "etc/resolv.conf": "nameserver 127.0.0.1\n",
	} {
		path := filepath.Join(r.dir, name)
		r.must("", os.MkdirAll(filepath.Dir(path), 0o755))
		r.must("", os.WriteFile(path, []byte(text), 0o644))
	}
	r.must("", os.MkdirAll(filepath.Join(r.dir, "spool"), 0o755))
	r.must("", os.MkdirAll(filepath.Join(r.dir, "data"), 0o755))
	r.must(r.lab.Inner.Run("chown", "postfix", filepath.Join(r.dir, "data")))
	// "ip netns exec" gives the command mounts of its own, so that the machine's resolv.conf stays. In a namespace of process
	// ids of its own all of Postfix ends with the first of its processes. -i is for that one, and -e ends it after so many
	// seconds whatever becomes of the test.
	script := fmt.Sprintf("mount --bind %[1]s/etc/resolv.conf /etc/resolv.conf && /usr/sbin/postfix -c %[1]s/etc check && "+
		"exec /usr/lib/postfix/sbin/master -c %[1]s/etc -i -e 110", r.dir)
	cmd := exec.Command("ip", "netns", "exec", r.lab.Inner.Netns, "sh", "-c", script)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 10 * time.Second // until all who could write have ended
	r.must("", cmd.Start())
	r.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // was killed
		if r.t.Failed() {
			r.t.Logf("Postfix printed: %s", out.String())
		}
	})
}

// send brings a message for each destination in, and a second one for one that has failed already.
func (r *realPart) send() {
	r.t.Helper()
	for _, d := range destinations() {
		r.submit(d.name)
	}
	r.await("a failed connection", func(d *event.Delivery) bool {
		return d.RcptDomain == "refused.example" && d.Status == event.Deferred
	})
	r.submit("refused")
}

func (r *realPart) submit(domain string) {
	r.t.Helper()
	var c net.Conn
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		err := r.lab.Inner.Do(func() (err error) {
			c, err = net.Dial("tcp", "127.0.0.1:2525")
			return err
		})
		if err == nil {
			break
		}
		if time.Now().After(end) {
			log, _ := os.ReadFile(filepath.Join(r.dir, "mail.log"))
			r.t.Fatalf("%v\n%s", err, log)
		}
	}
	defer c.Close()
	client, err := smtp.NewClient(c, "127.0.0.1")
	r.must("", err)
	r.must("", client.Mail(""))
	r.must("", client.Rcpt(`"first last"@`+domain+".example"))
	w, err := client.Data()
	r.must("", err)
	_, err = io.WriteString(w, "Subject: test\r\n\r\ntext\r\n")
	r.must("", errors.Join(err, w.Close(), client.Quit()))
}

// entries reads the log as it is now.
func (r *realPart) entries() []event.Entry {
	b, _ := os.ReadFile(filepath.Join(r.dir, "mail.log"))
	s := parse.NewSession(parse.Table{Layers: []parse.Layer{syslog.Layer()}, Kinds: []parse.Kind{Kind()}}, event.FormatUnknown, "")
	s.Resume(parse.State{Clock: parse.NewClock(parse.Hints{Year: time.Now().Year()})})
	var entries []event.Entry
	for line := range strings.SplitSeq(strings.TrimSuffix(string(b), "\n"), "\n") {
		var e event.Entry
		s.Parse(line, &e)
		entries = append(entries, e)
	}
	return entries
}

// await waits until an entry says what is asked for.
func (r *realPart) await(what string, ok func(*event.Delivery) bool) {
	r.t.Helper()
	for end := time.Now().Add(40 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		for _, e := range r.entries() {
			if e.Delivery != nil && ok(e.Delivery) {
				return
			}
		}
		if time.Now().After(end) {
			b, _ := os.ReadFile(filepath.Join(r.dir, "mail.log"))
			r.t.Fatalf("%s is not in the log\n%s", what, b)
		}
	}
}

// log waits for all outcomes and returns the log.
func (r *realPart) log() []event.Entry {
	r.t.Helper()
	for _, d := range destinations() {
		r.await("the outcome of "+d.name, func(got *event.Delivery) bool {
			return got.RcptDomain == d.name+".example" && got.Status != event.StatusNone
		})
	}
	r.await("a suspended delivery", func(d *event.Delivery) bool { return d.ReasonClass == event.ReasonSuspended })
	return r.entries()
}

func (r *realPart) check(entries []event.Entry) {
	t := r.t
	for _, e := range entries {
		if e.Error != "" || e.Delivery == nil || e.Host == "" || !e.Is(event.HasPID) || e.TimeQuality == event.TimeNone ||
			strings.Contains(e.Raw, "first") {
			t.Errorf("%s", e.AppendJSON(nil))
		}
	}
	for _, want := range destinations() {
		found, alone := false, false
		for _, e := range entries {
			d := e.Delivery
			if d == nil || d.Status == event.StatusNone || d.ReasonClass == event.ReasonSuspended {
				continue
			}
			if d.QueueID == "" && d.RemoteIP.IsValid() && d.RemoteIP.String() == want.ip {
				alone = alone || d.ReasonClass == want.class
			}
			if d.RcptDomain != want.name+".example" {
				continue
			}
			found = true
			ip := ""
			if d.RemoteIP.IsValid() {
				ip = d.RemoteIP.String()
			}
			if d.Status != want.status || d.ReasonClass != want.class || d.DSN != want.dsn || d.SMTPCode != want.code || ip != want.ip ||
				ip != "" && d.RemotePort != 25 || !d.HasDelay || d.QueueID == "" || e.Process != "postfix/smtp" {
				t.Errorf("%s, class %v, dsn %s, code %d: %s", want.status, want.class, want.dsn, want.code, e.AppendJSON(nil))
			}
			if want.name == "dropped" && (d.Before < 2*time.Second || d.Before > 10*time.Second) {
				t.Errorf("the try to connect began %v before: %s", d.Before, e.Raw)
			}
		}
		if !found || alone != want.alone {
			t.Errorf("%s: found %t; logged alone %t, want %t", want.name, found, alone, want.alone)
		}
	}
}
