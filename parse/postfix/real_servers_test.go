package postfix

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"mailstop/internal/lab"
)

// A server is the other side of one connection.
type server struct {
	io.ReadWriteCloser
	in *bufio.Reader
}

// say sends a reply and waits for the next command.
func (s *server) say(reply string) (command string) {
	if _, err := io.WriteString(s, reply+"\r\n"); err != nil {
		return ""
	}
	command, _ = s.in.ReadString('\n')
	return strings.TrimSpace(command)
}

// dialogue answers commands by their first word, "." after a message, and hangs up where it has no answer.
func dialogue(greeting string, answers map[string]string) func(*server) {
	return func(s *server) {
		for command := s.say(greeting); command != ""; {
			word, _, _ := strings.Cut(strings.ToUpper(command), " ")
			reply, ok := answers[word]
			if !ok {
				return
			}
			if word == "DATA" {
				for line := s.say(reply); line != "." && line != ""; {
					text, err := s.in.ReadString('\n')
					if err != nil {
						return
					}
					line = strings.TrimRight(text, "\r\n")
				}
				reply = answers["."]
			}
			command = s.say(reply)
		}
	}
}

func answers(change ...string) map[string]string {
	m := map[string]string{
		"EHLO": "250 mx.example", "MAIL": "250 2.1.0 Ok", "RCPT": "250 2.1.5 Ok", "DATA": "354 go", ".": "250 2.0.0 Ok: queued",
		"QUIT": "221 bye", "RSET": "250 Ok",
	}
	for i := 0; i < len(change); i += 2 {
		m[change[i]] = change[i+1]
	}
	return m
}

const ready = "220 mx.example ESMTP"

// listen serves every connection to an address until the test ends.
func (r *realPart) listen(h *lab.Host, at netip.AddrPort, serve func(*server)) {
	r.t.Helper()
	var listener net.Listener
	r.must("", h.Do(func() (err error) {
		listener, err = net.Listen("tcp", at.String())
		return err
	}))
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(time.Minute))
				serve(&server{c, bufio.NewReader(c)})
			})
		}
	})
	r.t.Cleanup(func() {
		_ = listener.Close()
		all.Wait()
	})
}

// names answers every question of the sender's resolver: names that begin with "broken" cannot be looked up, others do not
// exist.
func (r *realPart) names() {
	r.t.Helper()
	var c net.PacketConn
	r.must("", r.lab.Inner.Do(func() (err error) {
		c, err = net.ListenPacket("udp", "127.0.0.1:53")
		return err
	}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 512)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			if n < 12 {
				continue
			}
			const response, nxDomain, servFail = 0x8180, 3, 2 // RFC 1035 §4.1.1
			code := uint16(response | nxDomain)
			if strings.Contains(string(b[12:n]), "broken") {
				code = response | servFail
			}
			binary.BigEndian.PutUint16(b[2:], code)
			_, _ = c.WriteTo(b[:n], from)
		}
	}()
	r.t.Cleanup(func() {
		_ = c.Close()
		<-done
	})
}

const mainCF = `compatibility_level = 3.6
queue_directory = %[1]s/spool
data_directory = %[1]s/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = %[1]s/mail.log
maillog_file_prefixes = %[1]s
myhostname = mx1.example
mydestination =
alias_maps =
mynetworks = 127.0.0.0/8
inet_interfaces = loopback-only
inet_protocols = all
smtp_connect_timeout = 3
smtp_helo_timeout = 3
smtp_tls_policy_maps = inline:{ { [198.51.100.16] = encrypt } { [198.51.100.17] = encrypt } }
smtp_host_lookup = dns
transport_maps = inline:{%[2]s }
default_destination_concurrency_limit = 1
`

const masterCF = `127.0.0.1:2525 inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`
