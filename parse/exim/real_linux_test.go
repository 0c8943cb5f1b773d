package exim

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	"mailstop/event"
	"mailstop/internal/golden"
)

// A target is a domain that is delivered to, and what the log must say of it.
type target struct {
	Domain, Host string
	Port         int

	status event.DeliveryStatus
	class  event.ReasonClass
	code   uint16
	dsn    string
	lines  int // that tell of the host
}

// Exim itself sends to hosts that accept, refuse, do not answer, answer 4xx and 5xx, and to one that does not exist; what its
// log says is read. With TCP fast open, which Exim uses by default, a host that does not answer is late with its greeting;
// without, connecting takes too long.
func TestRealExim(t *testing.T) {
	program := eximProgram(t)
	targets := []target{
		{"accept.example", "127.0.0.1", sink(t, "250 2.1.5 ok"), event.Sent, event.ReasonNone, 250, "2.0.0", 1},
		{"refused.example", "127.0.0.1", closedPort(t), event.Deferred, event.ReasonRefused, 0, "", 2},
		{"dropped.example", "127.0.0.1", deafPort(t), event.Deferred, event.ReasonTimeout, 0, "", 2},
		{"no.example", "127.0.0.1", sink(t, "550 5.1.1 nobody"), event.Bounced, event.ReasonPolicy, 550, "5.1.1", 1},
		{"later.example", "127.0.0.1", sink(t, "451 4.7.1 later"), event.Deferred, event.ReasonPolicy, 451, "4.7.1", 1},
		{"unknown.example", "nosuch.invalid", 25, event.Deferred, event.ReasonDNS, 0, "", 1},
	}
	for _, selector := range []string{"+outgoing_port +deliver_time +millisec +pid", ""} {
		t.Run("log_selector="+selector, func(t *testing.T) {
			log := eximLog(t, program, selector, targets)
			for _, w := range targets {
				checkTarget(t, w, log, selector != "")
			}
		})
	}
}

// checkTarget compares what the log says of a domain: the line of the recipient, and those of its host.
func checkTarget(t *testing.T, w target, log []event.Entry, detailed bool) {
	t.Helper()
	id, outcomes, hosts := "", 0, 0
	for i := range log {
		if d := log[i].Delivery; d.RcptDomain == w.Domain && d.Status != event.StatusNone {
			id = d.QueueID
		}
	}
	for i := range log {
		e := &log[i]
		d := e.Delivery
		if d.QueueID != id || d.Status == event.StatusNone {
			continue
		}
		if d.Status != w.status || d.ReasonClass != w.class || d.SMTPCode != w.code || d.DSN != w.dsn {
			t.Errorf("%s: %s", w.Domain, e.AppendJSON(nil))
		}
		if d.RcptDomain == w.Domain {
			outcomes++
		}
		hosts++
		if want, err := netip.ParseAddr(w.Host); err != nil || !d.RemoteIP.IsValid() {
			continue // a name, or a line without a host
		} else if d.RemoteIP != want || detailed && (int(d.RemotePort) != w.Port || d.PortAssumed) || !detailed && (d.RemotePort != 25 || !d.PortAssumed) {
			t.Errorf("%s: %s", w.Domain, e.AppendJSON(nil))
		}
		if detailed && (!e.Is(event.HasPID) || e.TimeDigits != 3) {
			t.Errorf("%s: %s", w.Domain, e.AppendJSON(nil))
		}
	}
	if outcomes != 1 || hosts != w.lines {
		t.Errorf("%s: %d outcomes, %d lines of hosts, want 1 and %d", w.Domain, outcomes, hosts, w.lines)
	}
}

// eximProgram returns Exim's path, or skips the test.
func eximProgram(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("../../scripts/exim.sh").Output()
	if err != nil {
		golden.Skip(t, fmt.Sprintf("no Exim: %v", err))
	}
	return strings.TrimSpace(string(out))
}

var configuration = template.Must(template.New("").Parse(`
exim_path = {{.Program}}
exim_user = {{.User}}
exim_group = {{.Group}}
never_users =
primary_hostname = mx3.example.net
qualify_domain = mx3.example.net
spool_directory = {{.Dir}}/spool
log_file_path = {{.Dir}}/log/%slog
log_selector = {{.Selector}}
keep_environment =
deliver_drop_privilege
local_interfaces = 127.0.0.1
tls_advertise_hosts =
bounce_return_body = false

begin routers
{{range .Targets}}
to_{{.Port}}:
  driver = manualroute
  domains = {{.Domain}}
  route_list = * {{.Host}}
  host_find_failed = defer
  host_all_ignored = defer
  self = send
  transport = smtp_{{.Port}}
{{end}}
none:
  driver = redirect
  data = :blackhole:

begin transports
{{range .Targets}}
smtp_{{.Port}}:
  driver = smtp
  port = {{.Port}}
  allow_localhost
  connect_timeout = 1s
  command_timeout = 5s
  hosts_avoid_tls = *
  hosts_try_prdr =
{{- if not $.FastOpen}}
  hosts_try_fastopen =
{{- end}}
{{end}}

begin retry
* * F,1h,10m
`))

// eximLog sends a message to each target and returns what was logged.
func eximLog(t *testing.T, program, selector string, targets []target) []event.Entry {
	t.Helper()
	who, group := account(t)
	dir := t.TempDir()
	for _, sub := range []string{"", "spool", "log"} {
		path := filepath.Join(dir, sub)
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, atoi(who.Uid), atoi(group.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // of the test: Exim is another user
		t.Fatal(err)
	}
	var text strings.Builder
	if err := configuration.Execute(&text, map[string]any{
		"Program": program, "FastOpen": selector == "", "User": who.Username, "Group": group.Name, "Dir": dir, "Selector": selector, "Targets": targets,
	}); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "exim.conf")
	if err := os.WriteFile(config, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, w := range targets {
		cmd := exec.Command(program, "-C", config, "-odf", "-f", "sender@mx3.example.net", "user@"+w.Domain)
		cmd.Stdin = strings.NewReader("Subject: test\n\nhello\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			golden.Skip(t, fmt.Sprintf("Exim does not run here: %v: %s", err, out))
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, "log", "mainlog"))
	if err != nil {
		golden.Skip(t, fmt.Sprintf("Exim logs nothing: %v", err))
	}
	s := session()
	var log []event.Entry
	for line := range strings.SplitSeq(strings.TrimSuffix(string(b), "\n"), "\n") {
		var e event.Entry
		s.Parse(line, &e)
		if e.Error != "" || e.Format != event.Exim || e.Delivery == nil || e.TimeQuality == event.TimeNone {
			t.Errorf("%s\n%s", line, e.AppendJSON(nil))
			continue
		}
		log = append(log, e)
	}
	return log
}

// account returns whom Exim runs as: not as root.
func account(t *testing.T) (*user.User, *user.Group) {
	t.Helper()
	who, err := user.Current()
	if err == nil && who.Uid == "0" {
		who, err = user.Lookup("nobody")
	}
	if err != nil {
		golden.Skip(t, err.Error())
	}
	group, err := user.LookupGroupId(who.Gid)
	if err != nil {
		golden.Skip(t, err.Error())
	}
	return who, group
}

func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// sink listens and gives one answer to every recipient. It returns its port.
func sink(t *testing.T, answer string) int {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		golden.Skip(t, err.Error())
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serve(c, answer)
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

// serve speaks SMTP with one client.
func serve(c net.Conn, answer string) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprint(c, "220 mx.example.com ESMTP\r\n")
	data := false
	for in := bufio.NewScanner(c); in.Scan(); {
		line := strings.ToUpper(in.Text())
		switch {
		case data:
			if data = line != "."; !data {
				fmt.Fprint(c, "250 2.0.0 queued\r\n")
			}
		case strings.HasPrefix(line, "RCPT "):
			fmt.Fprint(c, answer+"\r\n")
		case line == "DATA":
			if data = answer[0] == '2'; data {
				fmt.Fprint(c, "354 go ahead\r\n")
			} else {
				fmt.Fprint(c, "503 5.5.1 no recipients\r\n")
			}
		case line == "QUIT":
			fmt.Fprint(c, "221 2.0.0 bye\r\n")
			return
		default:
			fmt.Fprint(c, "250 mx.example.com\r\n")
		}
	}
}

// closedPort returns a port that nobody listens on.
func closedPort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		golden.Skip(t, err.Error())
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// deafPort returns a port that does not answer: the queue of its listener is full, so that the kernel drops every SYN
// (tcp_conn_request).
func deafPort(t *testing.T) int {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		golden.Skip(t, err.Error())
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		golden.Skip(t, err.Error())
	}
	if err := syscall.Listen(fd, 0); err != nil {
		golden.Skip(t, err.Error())
	}
	at, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	port := at.(*syscall.SockaddrInet4).Port
	for range 8 {
		c, err := net.DialTimeout("tcp4", fmt.Sprintf("127.0.0.1:%d", port), 300*time.Millisecond)
		if err != nil {
			return port
		}
		t.Cleanup(func() { c.Close() })
	}
	golden.Skip(t, "a full listener answers here")
	return 0
}
