package mailtext

import (
	"strings"

	"mailstop/event"
)

// Classify says on which level a delivery failed, from the words of a mail server, a C library or Winsock, or from the
// reply of the other side. What the text says first counts: a remark at its end is often only quoted. Words that are part
// of a host's name do not count. A text that says nothing known is of ReasonOther, an empty one of ReasonNone.
func Classify(reason string) event.ReasonClass {
	if reason == "" {
		return event.ReasonNone
	}
	for i := 0; i < len(reason); i++ {
		c := lower(reason[i])
		if !starts[c] || i > 0 && isName[reason[i-1]] {
			continue
		}
		if c-'0' <= 9 {
			if c >= '4' && isReply(reason, i) {
				return event.ReasonPolicy
			}
		}
		for _, p := range phrases[c] {
			if p.at(reason, i) {
				return p.class
			}
		}
	}
	return event.ReasonOther
}

// A phrase stands for a class. It is in lower case, and a text may have it in any case.
type phrase struct {
	words string
	class event.ReasonClass
	open  bool // more letters or digits may follow: TLSv1.2
}

// at reports whether p is at s[i:], as words of their own.
func (p *phrase) at(s string, i int) bool {
	end := i + len(p.words)
	if end > len(s) || !strings.EqualFold(s[i:end], p.words) {
		return false
	}
	for p.open && end < len(s) && (isWord[s[end]] || s[end] == '.' && end+1 < len(s) && s[end+1]-'0' <= 9) {
		end++
	}
	if end == len(s) || !isName[s[end]] {
		return true
	}
	// A full stop ends a sentence if nothing of a name follows it.
	return (s[end] == '.' || s[end] == '-') && (end+1 == len(s) || !isName[s[end+1]])
}

// isName holds the bytes of host names, and what joins words to others; isWord those of words.
var isName, isWord = ascii(".-_@"), ascii("_")

// ascii leaves out what quotation marks can be made of.
func ascii(punctuation string) (t [256]bool) {
	t = atoms(punctuation)
	for c := 0x80; c < 256; c++ {
		t[c] = false
	}
	return t
}

// phrases holds the known phrases by their first byte, those that others start with last.
var phrases, starts = func() (t [256][]phrase, starts [256]bool) {
	add := func(class event.ReasonClass, open bool, list ...string) {
		for _, w := range list {
			t[w[0]] = append(t[w[0]], phrase{w, class, open})
			starts[w[0]] = true
		}
	}
	for _, c := range "45" { // replies
		starts[c] = true
	}
	add(event.ReasonSuspended, false, "delivery temporarily suspended", "retry time not reached", "host retry time not reached",
		"retry timeout exceeded")
	// errno of C libraries (GNU, BSD, musl), and the name of the number.
	add(event.ReasonTimeout, false, "timed out", "time out", "timeout", "timedout", "etimedout", "sockettimedout", "wsaetimedout",
		"deadline exceeded")
	add(event.ReasonRefused, false, "connection refused", "econnrefused", "socketconnectionrefused", "connectionrefused",
		"wsaeconnrefused", "actively refused")
	add(event.ReasonUnreachable, false, "no route to host", "network is unreachable", "network unreachable", "host is unreachable",
		"host unreachable", "network is down", "host is down", "ehostunreach", "enetunreach", "ehostdown", "enetdown",
		"wsaehostunreach", "wsaenetunreach", "hostunreachable", "networkunreachable", "unreachable network", "unreachable host",
		"host is not reachable", "destination unreachable", "can't assign requested address", "cannot assign requested address")
	add(event.ReasonDenied, false, "permission denied", "operation not permitted", "eacces", "eperm", "wsaeacces", "accessdenied",
		"forbidden by its access permissions")
	add(event.ReasonReset, false, "connection reset", "connectionreset", "econnreset", "broken pipe", "epipe", "lost connection",
		"lost input channel", "connection closed", "connection dropped", "connection aborted", "connectionaborted", "econnaborted",
		"software caused connection abort", "connection lost", "closed connection", "closed the connection", "forcibly closed",
		"dropped connection", "dropped the connection", "wsaeconnreset", "wsaeconnaborted", "disconnected",
		"unexpectedly closed", "closed unexpectedly", "remote end closed")
	// Winsock (learn.microsoft.com, Windows Sockets Error Codes), as numbers and in its words.
	add(event.ReasonTimeout, false, "10060", "did not properly respond", "failed to respond")
	add(event.ReasonRefused, false, "10061")
	add(event.ReasonUnreachable, false, "10050", "10051", "10064", "10065")
	add(event.ReasonDenied, false, "10013")
	add(event.ReasonReset, false, "10052", "10053", "10054", "10058")
	add(event.ReasonDNS, false, "11001", "11002", "11003", "11004")
	// Resolvers, and what mail servers say of them.
	add(event.ReasonDNS, false, "name service error", "name or service not known", "name resolution", "no such host",
		"nodename nor servname provided", "no address associated", "nxdomain", "servfail", "host not found", "host or domain name not found",
		"domain name not found", "domain not found", "unable to look up host", "host lookup", "host name lookup failure", "name lookup",
		"unrouteable mail domain", "non-existent domain", "non-existent hosts", "name server", "dns", "host unknown", "dnssec",
		"no data, record of requested type", "malformed dns server reply", "malformed or unexpected name server reply",
		"domain does not exist", "unknown host", "no mx")
	add(event.ReasonTLS, true, "tls", "ssl", "starttls", "certificate", "gnutls", "openssl", "mta-sts")
	// Replies that are told without their number.
	add(event.ReasonPolicy, false, "refused to talk to me", "server refused mail service")
	return t, starts
}()
