// Package fix writes the commands that let stopped mail pass: what to type, how to take it back and how to see that
// it worked. It runs nothing. Every value that comes from a log is quoted for the shell, and no command opens more
// than one port, or the answers to connections that were let through.
package fix

import (
	"net/netip"
	"slices"
	"strconv"

	"mailstop/event"
)

// Platform names the tool that a firewall is set with.
type Platform string

// The platforms there are commands for. With Any, which of iptables and nftables is in use is not known: both are given.
const (
	Any       Platform = ""
	UFW       Platform = "ufw"
	Firewalld Platform = "firewalld"
	IPTables  Platform = "iptables"
	NFTables  Platform = "nftables"
)

// What says what is to be let through.
type What struct {
	Direction event.Direction // the firewall's chain: In, Out or Forward
	Port      uint16          // the service's port
	UDP       bool            // the service's protocol is UDP, not TCP
	Return    bool            // not connections to Port but the answers to them, or from it, are stopped

	Client netip.Addr // the one client, if the way can be opened for it alone
	Server netip.Addr // the one server of ours, for mail that comes in
	V4, V6 bool       // address families seen; none means both

	Rule     string     // the log prefix of the rule that stops it; empty if there is none
	Explicit bool       // the rule is not the default policy: the new rule must stand before it
	Zone     string     // firewalld's zone, for Direction In
	Host     netip.Addr // where a check connects to
}

// For returns the fixes for what on platform, one for each tool that may be in use. It returns none for a direction
// that no chain stands for.
func For(platform Platform, what What) []event.Fix {
	if what.Direction == event.DirectionUnknown || what.Port == 0 {
		return nil
	}
	if !what.V4 && !what.V6 {
		what.V4, what.V6 = true, true
	}
	var out []event.Fix
	switch platform {
	case UFW:
		out = append(out, what.ufw())
	case Firewalld:
		if !what.Return {
			out = append(out, what.firewalld())
		}
	case IPTables:
		out = append(out, what.iptables())
	case NFTables:
		out = what.appendNFTables(out)
	case Any:
		out = what.appendNFTables(append(out, what.iptables()))
	}
	// Where the one address and the families seen contradict each other, nothing is left to type.
	out = slices.DeleteFunc(out, func(f event.Fix) bool { return f.Command == "" })
	for i := range out {
		out[i].Check = what.check()
	}
	return out
}

func (w *What) port() string { return strconv.Itoa(int(w.Port)) }

func (w *What) proto() string {
	if w.UDP {
		return "udp"
	}
	return "tcp"
}

// title is the comment that a new rule carries.
func (w *What) title() string {
	switch {
	case w.Return:
		return "answers to open connections"
	case w.Port == 25:
		return "mail smtp"
	case w.Port == 465:
		return "mail submissions"
	case w.Port == 587:
		return "mail submission"
	case w.Port == 53:
		return "name resolution"
	}
	return "mail port " + w.port()
}

// check returns the command that proves the fix: a connection within 5 s.
func (w *What) check() string {
	if w.UDP && w.Port == 53 {
		return "getent hosts example.com"
	}
	host := "HOST"
	switch {
	case w.Host.IsValid():
		host = w.Host.String()
	case w.Server.IsValid():
		host = w.Server.String()
	}
	return "nc -vz -w 5 " + Quote(host) + " " + w.port()
}

// where says from which machine the check is to be run.
func (w *What) where() string {
	switch w.Direction {
	case event.Forward:
		if w.Client.IsValid() {
			return "Run the check on " + w.Client.String() + "."
		}
		return "Run the check on a client behind this firewall."
	case event.In:
		if !w.Return {
			return "Run the check from outside."
		}
	}
	return ""
}

func sentences(list ...string) string {
	text := ""
	for _, s := range list {
		if s == "" {
			continue
		}
		if text != "" {
			text += " "
		}
		text += s
	}
	return text
}
