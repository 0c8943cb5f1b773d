package mailtext

import (
	"testing"

	"mailstop/event"
)

func TestDomain(t *testing.T) {
	for in, want := range map[string]string{
		"user@example.com": "example.com", "<user@Example.COM>": "example.com", "@example.com": "example.com", "a@b@c.example": "c.example",
		"user@example.com.": "example.com", "user": "", "": "", "user@": "", "a@[192.0.2.1]": "[192.0.2.1]", "\"a@b c": "",
	} {
		if got := Domain(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
		if got := new(Arena).Domain(in); got != want {
			t.Errorf("%q: %q of an arena, want %q", in, got, want)
		}
	}
	if n := testing.AllocsPerRun(100, func() { _ = Domain("<user@example.com>") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestLower(t *testing.T) {
	var a Arena
	for in, want := range map[string]string{"": "", "abc": "abc", "AbC-[@Z": "abc-[@z", "Ü": "Ü"} {
		if got := a.Lower(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := a.Join("ab", "c"); got != "abc" || a.Join("", "") != "" {
		t.Errorf("joined %q", got)
	}
}

func TestReply(t *testing.T) {
	for _, c := range []struct {
		text string
		code uint16
		dsn  string
	}{
		{"250 2.0.0 Ok: queued as 4F1C22A0B7", 250, "2.0.0"},
		{"250 OK", 250, ""},
		{"250", 250, ""},
		{"550-5.7.1 first 550 5.7.2 second", 550, "5.7.1"},
		{"host mx.example.com[192.0.2.1] said: 450 4.7.1 Try again (in reply to RCPT TO command)", 450, "4.7.1"},
		{"host mx.example.com[192.0.2.1] refused to talk to me: 421 too many connections", 421, ""},
		{"SMTP error from remote mail server after initial connection: 554 5.7.1 no", 554, "5.7.1"},
		{"Deferred: 451 4.7.1 Greylisted", 451, "4.7.1"},
		{"LED=451 4.4.397 Error -> 421 4.2.1 Unable to connect", 451, "4.4.397"},
		{"Error communicating. -> 421 4.2.1 Unable to connect", 421, "4.2.1"},
		{"result=\"550 5.1.1 unknown\"", 550, "5.1.1"},
		{"554 5.7.1.2 five", 554, ""},
		{"554 5.7.1: text", 554, "5.7.1"},
		{"554 6.7.1 text", 554, ""},
		{"connect to mx.example.com[192.0.2.1]:587: Connection refused", 0, ""},
		{"timed out after 300 seconds", 0, ""},
		{"queued as 4501", 0, ""},
		{"at 550", 0, ""},
		{"server mx.example.com[203", 0, ""},
		{"691 x", 0, ""},
		{"", 0, ""},
	} {
		if code, dsn := Reply(c.text); code != c.code || dsn != c.dsn {
			t.Errorf("%q: %d %q, want %d %q", c.text, code, dsn, c.code, c.dsn)
		}
	}
}

func TestClassify(t *testing.T) {
	for class, texts := range map[event.ReasonClass][]string{
		event.ReasonNone: {""},
		event.ReasonTimeout: {
			"Connection timed out", "connect to mx.example.com[192.0.2.1]:25: Connection timed out", "Operation timed out",
			"conversation with mx.example.com[192.0.2.1] timed out while receiving the initial server greeting",
			"Deferred: Connection timed out with mx.example.com.", "SMTP timeout after initial connection", "ETIMEDOUT",
			"Failed to connect. Winsock error code: 10060, Win32 error code: 10060", "SocketError: TimedOut", "SocketTimedout: Socket error code 10060",
			"A connection attempt failed because the connected party did not properly respond after a period of time, or established " +
				"connection failed because connected host has failed to respond",
		},
		event.ReasonRefused: {
			"Connection refused", "connect to 192.0.2.1[192.0.2.1]:25: Connection refused", "defer (111): Connection refused", "WSAECONNREFUSED",
			"No connection could be made because the target machine actively refused it 192.0.2.1:25", "Winsock error code: 10061",
		},
		event.ReasonUnreachable: {
			"No route to host", "Network is unreachable", "Host is down", "Host is unreachable", "Network is down",
			"A socket operation was attempted to an unreachable network", "A socket operation was attempted to an unreachable host",
			"Cannot assign requested address", "Winsock error code: 10065",
		},
		event.ReasonDenied: {
			"Permission denied", "Operation not permitted", "connect to mx.example.com[192.0.2.1]:25: Operation not permitted",
			"An attempt was made to access a socket in a way forbidden by its access permissions", "Winsock error code: 10013",
		},
		event.ReasonReset: {
			"Connection reset by peer", "Broken pipe", "lost connection with mx.example.com[192.0.2.1] while sending RCPT TO",
			"Remote host closed connection in response to EHLO", "An existing connection was forcibly closed by the remote host",
			"lost input channel from mx.example.com [192.0.2.1] to MTA after rcpt", "10054",
		},
		event.ReasonTLS: {
			"TLS is required, but was not offered by host mx.example.com[192.0.2.1]", "Cannot start TLS: handshake failure",
			"SSL_connect error to mx.example.com[192.0.2.1]:25: Connection timed out", "Server certificate not trusted", "Untrusted certificate",
			"a TLS session is required, but the server did not offer TLS support: 454 4.7.0 x", "no shared cipher: OpenSSL", "TLSv1.2 failed",
		},
		event.ReasonDNS: {
			"Host or domain name not found. Name service error for name=example.com type=MX: Host not found, try again",
			"unable to look up host mx.example.com: Temporary failure in name resolution", "Name or service not known", "host lookup did not complete",
			"Deferred: Name server: mx.example.com.: host name lookup failure", "all relevant MX records point to non-existent hosts",
			"No such host is known. Winsock error code: 11001", "Domain not found", "DNS error.", "NXDOMAIN",
		},
		event.ReasonPolicy: {
			"550 5.1.1 User unknown", "host mx.example.com[192.0.2.1] said: 451 4.7.1 Connection timed out", "Deferred: 451 4.7.1 Greylisted",
			"host tls.example.com[192.0.2.1] said: 550-5.7.1 no", "host mx.example.com refused to talk to me: greeting", "(554 no)",
			"SMTP error from remote mail server after RCPT TO:<@example.com>: host mx.example.com [192.0.2.1]: 550 no such user",
		},
		event.ReasonSuspended: {
			"delivery temporarily suspended: connect to mx.example.com[192.0.2.1]:25: Connection timed out",
			"retry time not reached for any host for 'example.com'",
		},
		event.ReasonOther: {
			"mail for example.com loops back to myself", "mailbox full", "host timeout.example.com", "see ssl.example.com and tls1.example.com",
			"connect to dns-1.example.com", "unknown user: \"\"", "sent to port 587", "450th try", "certificates.example.com", "reply-tls",
		},
	} {
		for _, text := range texts {
			if got := Classify(text); got != class {
				t.Errorf("%q: %v, want %v", text, got, class)
			}
		}
	}
}

// Every phrase is found where it stands alone.
func TestPhrases(t *testing.T) {
	n := 0
	for c, list := range phrases {
		for _, p := range list {
			n++
			if p.words[0] != byte(c) {
				t.Errorf("%q is under %q", p.words, rune(c))
			}
			for _, text := range []string{p.words, "x: " + p.words + ".", "\"" + p.words + "\""} {
				if got := Classify(text); got != p.class {
					t.Errorf("%q: %v, want %v", text, got, p.class)
				}
			}
		}
	}
	if n == 0 {
		t.Error("no phrases")
	}
}

func BenchmarkClassify(b *testing.B) {
	const s = "host mx.example.com[203.0.113.19] said: 451 4.7.1 Greylisted, try later (in reply to RCPT TO command)"
	b.SetBytes(int64(len(s)))
	b.ReportAllocs()
	for b.Loop() {
		Classify(s)
	}
}
