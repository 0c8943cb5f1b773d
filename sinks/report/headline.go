package report

import (
	"fmt"
	"strings"

	"mailstop/event"
	"mailstop/internal/term"
)

// The longest pieces of a log that are printed, in columns.
const (
	maxWord = 60  // a host, a rule, a destination
	maxText = 600 // a sentence
)

// stops says which kinds are about packets that a rule stopped: their path says more than their summary.
var stops = map[string]bool{
	"mail-out-blocked": true, "mail-in-blocked": true, "mail-return-dropped": true, "blanket-deny": true,
	"trusted-blocked": true, "provider-moved": true,
}

// headline says in a few words what a finding means. What it takes from the finding is clean.
func headline(f *event.Finding) string {
	host := word(f.Host)
	if host == "" {
		host = "a firewall without a name"
	}
	switch f.Kind {
	case "mail-out-blocked":
		return outHeadline(f, host)
	case "mail-in-blocked":
		to := target(f, host)
		if f.Port == 0 || f.Port == 25 {
			return fmt.Sprintf("mail for %s is stopped", to)
		}
		return fmt.Sprintf("mail users cannot reach %s", to)
	case "mail-return-dropped":
		switch f.Direction {
		case event.Out:
			return fmt.Sprintf("answers of %s's mail server are dropped", host)
		case event.Forward:
			return fmt.Sprintf("answers to mail connections through %s are dropped", host)
		}
		return fmt.Sprintf("answers to %s's mail connections are dropped", host)
	case "blanket-deny":
		return fmt.Sprintf("%s: one rule blocks everything outbound, mail too", host)
	case "trusted-blocked":
		return fmt.Sprintf("trusted mail is blocked on %s: %s", host, peer(f))
	case "provider-moved":
		return fmt.Sprintf("%s has new addresses, and %s blocks them", peer(f), host)
	case "mail-spike":
		return fmt.Sprintf("mail traffic of %s is unusual", host)
	case "mail-fanout":
		return fmt.Sprintf("%s may be sending spam", host)
	case "mail-stuck":
		return fmt.Sprintf("mail is stuck on %s", host)
	case "source-silent":
		return fmt.Sprintf("%s: the log has gone silent or cannot be read", host)
	}
	return fmt.Sprintf("%s: %s", host, word(f.Kind))
}

func outHeadline(f *event.Finding, host string) string {
	access := false
	switch f.Port {
	case 110, 143, 993, 995:
		access = true
	}
	switch {
	case f.Direction == event.Forward && access:
		return fmt.Sprintf("mailboxes cannot be reached through %s", host)
	case f.Direction == event.Forward:
		return fmt.Sprintf("mail sent through %s is stopped", host)
	case access:
		return fmt.Sprintf("%s cannot fetch mail", host)
	}
	return fmt.Sprintf("%s cannot send mail", host)
}

// target is whom a finding about inbound mail is about.
func target(f *event.Finding, host string) string {
	if len(f.Destinations) == 0 {
		return host
	}
	return word(f.Destinations[0]) + more(len(f.Destinations)-1+f.MoreTargets)
}

// peer is the other side of a finding: its provider, or an address.
func peer(f *event.Finding) string {
	switch {
	case f.Provider != "":
		return word(f.Provider)
	case len(f.Destinations) > 0:
		return word(f.Destinations[0]) + more(len(f.Destinations)-1+f.MoreTargets)
	}
	return "an address"
}

func more(n int) string {
	if n <= 0 {
		return ""
	}
	return " and " + term.Number(n) + " more"
}

// maxNamed is how many destinations the path of a finding names.
const maxNamed = 3

// path says which packets a finding is about and what stopped them: "outbound TCP 587 to 198.51.100.7 and 2 more,
// stopped by [UFW BLOCK]".
func path(f *event.Finding) string {
	var b strings.Builder
	b.WriteString(map[event.Direction]string{
		event.In: "inbound ", event.Out: "outbound ", event.Forward: "forwarded ",
	}[f.Direction])
	dests := make([]string, 0, maxNamed)
	for _, d := range f.Destinations[:min(len(f.Destinations), maxNamed)] {
		dests = append(dests, word(d))
	}
	to := strings.Join(dests, ", ")
	if to != "" {
		to += more(len(f.Destinations) - len(dests) + f.MoreTargets)
	}
	if f.Kind == "mail-return-dropped" {
		b.WriteString("answers from " + service(f))
		if to != "" {
			b.WriteString(" (" + to + ")")
		}
	} else {
		b.WriteString(service(f))
		if to != "" {
			b.WriteString(" to " + to)
		}
	}
	if f.Provider != "" {
		fmt.Fprintf(&b, " (%s)", word(f.Provider))
	}
	if f.Rule != "" {
		by := ", stopped by "
		if strings.Trim(f.Rule, "0123456789") == "" {
			by += "rule "
		}
		b.WriteString(by + word(f.Rule))
	}
	return b.String()
}

// service is the protocol and the port of a finding.
func service(f *event.Finding) string {
	proto := strings.ToUpper(word(f.Proto))
	switch {
	case proto == "" && f.Port == 0:
		return "traffic"
	case f.Port == 0:
		return proto + " on several ports"
	case proto == "":
		proto = "TCP"
	}
	return fmt.Sprint(proto, " ", f.Port)
}

func word(s string) string { return term.Clean(s, maxWord) }
