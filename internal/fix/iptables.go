package fix

import (
	"net/netip"
	"strings"

	"mailstop/event"
)

var chains = map[event.Direction]string{event.In: "INPUT", event.Out: "OUTPUT", event.Forward: "FORWARD"}

// iptables puts an accepting rule at the head of the chain; the same words with -D take it out again.
func (w *What) iptables() event.Fix {
	var do, undo []string
	for _, tool := range w.families() {
		spec := " " + chains[w.Direction] + w.iptablesMatch(tool == "ip6tables") +
			" -m comment --comment " + Quote("mailstop: "+w.title()) + " -j ACCEPT"
		do = append(do, "sudo "+tool+" -I"+spec)
		undo = append(undo, "sudo "+tool+" -D"+spec)
	}
	return event.Fix{
		Platform: string(IPTables),
		Command:  strings.Join(do, " && "),
		Undo:     strings.Join(undo, " && "),
		Note: sentences("If your rules are kept by iptables. Lost at the next start unless saved: sudo netfilter-persistent save, "+
			"or sudo iptables-save (ip6tables-save) into the file your system loads.", w.where()),
	}
}

// families returns the tools for the address families that were seen.
func (w *What) families() []string {
	one := w.Client
	if w.Server.IsValid() {
		one = w.Server
	}
	var out []string
	if w.V4 && !(one.IsValid() && one.Is6()) {
		out = append(out, "iptables")
	}
	if w.V6 && !(one.IsValid() && one.Is4()) {
		out = append(out, "ip6tables")
	}
	return out
}

func (w *What) iptablesMatch(v6 bool) string {
	if w.Return {
		return " -m conntrack --ctstate ESTABLISHED,RELATED"
	}
	s := ""
	if fits(w.Client, v6) {
		s += " -s " + w.Client.String()
	}
	if fits(w.Server, v6) {
		s += " -d " + w.Server.String()
	}
	return s + " -p " + w.proto() + " --dport " + w.port()
}

// fits reports whether a is an address of the given family.
func fits(a netip.Addr, v6 bool) bool { return a.IsValid() && a.Is6() == v6 }
